#!/usr/bin/env python3
"""The vendor cross-check. `scripts/vendors` installs what it needs, starts the server and calls this; see README.md."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from crosscheck import differences, run
from crosscheck.catalogue import Environment
from crosscheck.node import Node
from crosscheck.vendors import ALL

# Below this many cases a package, rare kinds may not have come up.
MANY = 5000


def chosen(only: str):
    names = [name for name in only.replace(",", " ").split() if name]
    unknown = set(names) - {vendor.name for vendor in ALL}
    if unknown:
        sys.exit(f"error: no such vendor: {', '.join(sorted(unknown))}. There are: {', '.join(v.name for v in ALL)}")
    return [vendor for vendor in ALL if not names or vendor.name in names]


def environment(modules: str) -> Environment:
    def node_version(name):
        return json.loads((Path(modules) / "node_modules" / name / "package.json").read_text())["version"]

    script = str(Path(__file__).parent / "oracle.mjs")
    return Environment(lambda: Node(script, modules), metadata.version, node_version)


def connect(options):
    """Adds the connections to the data folder that the environment names, before the server starts."""
    done = set()
    for vendor in chosen(options.only):
        if vendor.provider in done:
            continue
        done.add(vendor.provider)
        for slug, secrets in run.connections(vendor.provider, vendor.secrets, options.seed).items():
            # What begins with an underscore is the sender's alone.
            shared = {name: value for name, value in secrets.items() if not name.startswith("_")}
            command = [options.binary, "connection", "add", vendor.provider]
            command += [] if slug == "default" else ["--name", slug]
            command += [part for name in shared for part in ("--set", f"{name}=-")]
            lines = "".join(f"{value}\n" for value in shared.values())
            answer = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=60)
            if answer.returncode:
                sys.exit(f"error: {' '.join(command)}:\n{answer.stderr or answer.stdout}")


def sites(texts) -> list[run.Site]:
    pairs = (text.rpartition("=") for text in texts)
    return [run.Site(origin, int(port)) for origin, _, port in pairs]


def progress():
    """Reports at most every ten seconds."""
    last = time.monotonic()

    def report(vendor, package, number):
        nonlocal last
        if time.monotonic() - last > 10:
            last = time.monotonic()
            print(f"  {vendor.name}, {package.name}: {number} …", file=sys.stderr, flush=True)

    return report


COLUMNS = ("vendor", "package", "signed", "tampered", "accepted", "refused", "disagreements")


def table(results) -> str:
    rows = [COLUMNS]
    for result in results:
        counts = (result.signed, result.tampered, result.accepted, result.refused, len(result.disagreements))
        rows.append((result.vendor, result.package, *map(str, counts)))
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]

    def line(row):
        cells = [
            text.ljust(width) if at < 2 else text.rjust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells)

    return "\n".join(map(line, rows))


def check(options):
    """Runs the cases; the exit status is 1 when anything disagrees."""
    packages = environment(options.modules)
    results, offered = [], []
    report = progress()
    for vendor in chosen(options.only):
        for package in vendor.packages(packages):
            offered.append((vendor, package))
            numbers = range(options.count)
            if options.case:
                name, language, number = options.case.split("/")
                numbers = [int(number)] if (name, language) == (vendor.name, package.language) else []
            try:
                results.append(run.run(vendor, package, options.seed, sites(options.site), numbers, report))
            finally:
                package.close()
    wrong = [entry for result in results for entry in result.disagreements]
    Path(options.out).write_text("".join(json.dumps(entry) + "\n" for entry in wrong))
    if options.kinds:
        for result in results:
            for (kind, actual), count in sorted(result.kinds.items()):
                print(f"{result.vendor}  {result.package}  {kind}: {actual} {count}")
    print(table(results))
    stale = unused(offered) if options.count >= MANY and not options.case else []
    for entry in stale:
        print(f"The table of differences has an entry that no case needed: {entry}")
    for entry in wrong[:10]:
        shown = {name: value for name, value in entry.items() if name != "body_base64"}
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    if wrong:
        print(
            f"{len(wrong)} disagreements, all in {options.out}. Again, alone: make vendors SEED={options.seed} CASE={wrong[0]['case']}"
        )
    return 1 if wrong or stale else 0


def offline(options):
    """Package against package, without a server: do the catalogue, the table and the verifiers agree with each other?

    What one package signed, the vendor's other package has to accept as well.
    """
    packages = environment(options.modules)
    site = [run.Site("https://crm.example.com", 0), run.Site("http://crm.example.com:8080", 0)]
    wrong = 0
    for vendor in chosen(options.only):
        offered = vendor.packages(packages)
        for package in offered:
            contradictions, said = Counter(), Counter()
            for number in range(options.count):
                case = run.make(vendor, package, options.seed, site, number)
                said[case.kind, str(case.theirs)] += 1
                if case.contradiction:
                    contradictions[case.kind, case.contradiction] += 1
                    continue
                for other in offered if not case.tamper else ():
                    if not run.is_accepted(vendor, package, other, options.seed, case):
                        contradictions[case.kind, f"{other.name} refuses it"] += 1
            print(f"{vendor.name}, {package.name}: {options.count} cases, {len(contradictions)} contradictions")
            if options.kinds:
                for (kind, verdict), count in sorted(said.items()):
                    print(f"    {kind}: {verdict} {count}")
            for (kind, text), count in sorted(contradictions.items()):
                print(f"    {kind}: {text}: {count}")
            wrong += len(contradictions)
        for package in offered:
            package.close()
    return 1 if wrong else 0


def unused(offered):
    """Entries of the table of differences about these packages that changed no verdict."""

    def concerns(entry, vendor, package):
        kinds = ((variant, tamper) for variant in vendor.variants for tamper in ("", *vendor.tampers))
        return any(entry.fits(vendor.name, package.language, *kind) for kind in kinds)

    return [
        entry
        for entry in differences.TABLE
        if entry not in run.used and any(concerns(entry, vendor, package) for vendor, package in offered)
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["connect", "check", "offline"])
    parser.add_argument("--seed", default="1")
    parser.add_argument("--only", default="", help="names of vendors, separated by commas")
    parser.add_argument("--binary", help="connect: the switchboard binary")
    parser.add_argument("--modules", help="check: the folder with node_modules")
    parser.add_argument("--count", type=int, default=10000, help="check: cases for each package")
    parser.add_argument("--case", default="", help="check: only this one, as a disagreement names it")
    parser.add_argument("--site", action="append", default=[], help="check: PUBLIC_URL=PORT of a server")
    parser.add_argument("--out", default=os.devnull, help="check: where disagreements are written to")
    parser.add_argument("--kinds", action="store_true", help="check: print how often each kind came up")
    options = parser.parse_args()
    return {"connect": connect, "check": check, "offline": offline}[options.command](options)


if __name__ == "__main__":
    sys.exit(main())
