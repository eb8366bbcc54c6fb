"""Makes cases, asks the vendor's verifier, sends them, compares."""

import base64
import dataclasses
import functools
import queue
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from .catalogue import ACCEPT, REFUSE, Context, Package, Vendor, Verdict, serves, verdict
from .differences import TABLE, Difference
from .draw import Draw
from .request import Request
from .wire import Connection

SENDERS = 4
# The server answers 503 when it is too busy to store: a provider would send again, and so do we.
ATTEMPTS, PAUSE = 40, 0.25


@dataclass(frozen=True)
class Site:
    """A running server: the URL under which providers know it, and the loopback port it has."""

    origin: str
    port: int

    @property
    def host(self) -> str:
        return self.origin.partition("://")[2]


@dataclass(frozen=True)
class Case:
    number: int
    site: Site
    variant: str
    # Empty: genuine.
    tamper: str
    request: Request
    # What the vendor's verifier says, and what the server has to do.
    theirs: Verdict
    expected: Verdict | None
    # Why no verdict can be expected: the catalogue and the vendor's verifier contradict each other.
    contradiction: str = ""

    @property
    def kind(self) -> str:
        return f"{self.variant} / {self.tamper}" if self.tamper else self.variant


@dataclass
class Result:
    """A row of the table."""

    vendor: str
    package: str
    signed: int = 0
    tampered: int = 0
    accepted: int = 0
    refused: int = 0
    disagreements: list[dict] = field(default_factory=list)
    kinds: Counter = field(default_factory=Counter)


@functools.cache
def connections(provider: str, secrets, seed: str) -> dict[str, dict[str, str]]:
    """The secrets of the provider's connections, by slug. `secrets` is the function of the vendor that draws them."""
    return secrets(Draw(f"{seed}/{provider}/connections"))


def make(vendor: Vendor, package: Package, seed: str, sites: list[Site], number: int) -> Case:
    """Case `number`: the same for the same seed, but for the present. Odd ones are tampered with."""
    draw = Draw(f"{seed}/{vendor.name}/{package.language}/{number}")
    site = draw.choice(sites)
    now = int(time.time())
    context = Context(draw, package, site.origin, connections(vendor.provider, vendor.secrets, seed), now)
    variants = {name: variant.weight for name, variant in vendor.variants.items() if serves(variant.languages, package)}
    tampers = {name: tamper.weight for name, tamper in vendor.tampers.items() if serves(tamper.languages, package)}
    for _ in range(1000):
        tamper = vendor.tampers[draw.weighted(tampers)] if number % 2 else None
        fitting = {
            name: weight for name, weight in variants.items() if not tamper or tamper.fits(vendor.variants[name])
        }
        if not fitting:
            continue
        name = draw.weighted(fitting)
        message = vendor.variants[name].make(context)
        request = message and (tamper.change(context, message) if tamper else message.sign(context))
        if request:
            break
    else:
        raise RuntimeError(f"{vendor.name}, case {number}: nothing fits")
    secrets = context.connections.get(slug_of(request.path), {})
    theirs = verdict(package.verify(request, site.origin, secrets, now))
    wanted = tamper.want if tamper else ACCEPT
    return judged(vendor, package, Case(number, site, name, tamper.name if tamper else "", request, theirs, wanted))


def slug_of(path: str) -> str:
    """The connection that a path addresses; what an application would look up."""
    name = path.removeprefix("/hooks/").split("/")[0]
    return name.partition(".")[2] or "default"


used: set[Difference] = set()


def judged(vendor: Vendor, package: Package, case: Case) -> Case:
    """With the expected verdict: the table's, else the catalogue's, with which the vendor has to agree."""
    for entry in TABLE:
        if entry.fits(vendor.name, package.language, case.variant, case.tamper):
            if entry.theirs not in (None, case.theirs):
                text = f"the table of differences says that the package would {entry.theirs}"
                return dataclasses.replace(case, expected=None, contradiction=text)
            if entry.ours != case.theirs:
                used.add(entry)
            return dataclasses.replace(case, expected=entry.ours)
    if case.expected is None:
        return dataclasses.replace(case, expected=case.theirs)
    if case.expected != case.theirs:
        text = f"the catalogue says {case.expected}, the vendor's verifier says {case.theirs}"
        return dataclasses.replace(case, expected=None, contradiction=text)
    return case


def is_accepted(vendor: Vendor, signer: Package, package: Package, seed: str, case: Case) -> bool:
    """Whether a package accepts a genuine case that the vendor's other one signed, as it has to.

    Not when it cannot sign such a request itself, nor when the table of differences is about one of the two.
    """
    known = connections(vendor.provider, vendor.secrets, seed).get(slug_of(case.request.path), {})
    if package.verify(case.request, case.site.origin, known, int(time.time())):
        return True
    languages = (signer.language, package.language)
    listed = any(entry.fits(vendor.name, language, case.variant, "") for entry in TABLE for language in languages)
    return listed or not serves(vendor.variants[case.variant].languages, package)


def send(connection: Connection, request: Request) -> str:
    """What the server did: a verdict, or a description of something that is none."""
    status = 0
    for _ in range(ATTEMPTS):
        try:
            status = connection.send(request)
        except (OSError, EOFError) as error:
            return f"no answer: {error}"
        if status != 503:
            break
        time.sleep(PAUSE)
    if 200 <= status < 300:
        return ACCEPT
    return REFUSE if 400 <= status < 500 else f"status {status}"


def describe(vendor: Vendor, package: Package, seed: str, case: Case, actual: str) -> dict:
    """A disagreement as it is written to the file. The secrets follow from the seed."""
    return {
        "case": f"{vendor.name}/{package.language}/{case.number}",
        "seed": seed,
        "kind": case.kind,
        "expected": case.expected or case.contradiction,
        "server": actual,
        "vendor": case.theirs,
        "url": case.site.origin + case.request.target,
        "method": case.request.method,
        "headers": case.request.headers,
        "body": case.request.body.decode("utf-8", "backslashreplace"),
        "body_base64": base64.b64encode(case.request.body).decode(),
    }


def run(vendor: Vendor, package: Package, seed: str, sites: list[Site], numbers, progress) -> Result:
    """Sends the cases of one package."""
    result = Result(vendor.name, package.name)
    lock = threading.Lock()
    cases: queue.Queue[Case | None] = queue.Queue(maxsize=64)
    faults: list[BaseException] = []

    def sender():
        open_connections = {site: Connection(site.port, site.host) for site in sites}
        while (case := cases.get()) is not None:
            try:
                actual = send(open_connections[case.site], case.request)
                with lock:
                    note(result, vendor, package, seed, case, actual)
            except Exception as error:
                # A fault of this program must not leave the others waiting: it is raised at the end.
                faults.append(error)
        for connection in open_connections.values():
            connection.close()

    threads = [threading.Thread(target=sender, daemon=True) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    try:
        for number in numbers:
            cases.put(make(vendor, package, seed, sites, number))
            progress(vendor, package, number)
            if faults:
                break
    finally:
        for _ in threads:
            cases.put(None)
        for thread in threads:
            thread.join()
    if faults:
        raise faults[0]
    return result


def note(result: Result, vendor, package, seed, case: Case, actual: str):
    result.signed += 1
    result.tampered += bool(case.tamper)
    result.accepted += actual == ACCEPT
    result.refused += actual == REFUSE
    result.kinds[case.kind, actual] += 1
    if actual != case.expected:
        result.disagreements.append(describe(vendor, package, seed, case, actual))
