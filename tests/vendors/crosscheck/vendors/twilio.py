"""Twilio: HMAC over the URL and the sorted form, with the Auth Token (SHA-1) or a SharedKey (SHA-256)."""

import hashlib
import json
import logging
from dataclasses import dataclass, replace

from ..catalogue import ACCEPT, AS_VENDOR, Package, Vendor
from ..change import body_changed, form_tampers, signature_tampers, url_tampers
from ..request import Request, multi

SIGNATURE = "X-Twilio-Signature"
SETTINGS = "X-Twilio-Webhooks-Signature-Settings"
FORM = "application/x-www-form-urlencoded; charset=UTF-8"
PURPOSES = ["voice", "status", "dial", "recording", "voicemail-done"]


def secrets(draw):
    shared = {"shared_key_id": f"webhooks_sharedkey_{draw.secret(12)}", "shared_key_secret": draw.secret(40)}
    second = {
        "shared_key_id_secondary": f"webhooks_sharedkey_{draw.secret(12)}",
        "shared_key_secret_secondary": draw.secret(40),
    }
    return {
        "default": {"auth_token": draw.hexdigits(32)},
        "rotating": {"auth_token": draw.hexdigits(32), "auth_token_secondary": draw.hexdigits(32)} | shared | second,
        "shared": {
            "shared_key_id": f"webhooks_sharedkey_{draw.secret(12)}",
            "shared_key_secret": draw.secret(40),
        },
    }


class Params(dict):
    """Names with lists of values, as the package expects a framework's multi-dictionary."""

    def getall(self, name):
        return self[name]


def keys(request: Request, algorithm: str, known: dict[str, str]) -> list[str]:
    """The keys an application would try: those the settings name, else those of the algorithm."""
    named = dict(part.strip().partition("=")[::2] for part in (request.joined(SETTINGS) or "").split(","))
    shared = {known.get(f"shared_key_id{end}"): known.get(f"shared_key_secret{end}") for end in ("", "_secondary")}
    if "key" in named:
        found = [shared.get(named["key"])]
    elif algorithm == "HMAC_SHA1":
        found = [known.get("auth_token"), known.get("auth_token_secondary")]
    else:
        found = list(shared.values())
    return [key for key in found if key]


class Python(Package):
    def __init__(self, environment):
        from twilio import request_validator

        logging.getLogger(request_validator.__name__).setLevel(logging.ERROR)
        self.module = request_validator
        self.name = f"twilio {environment.python_version('twilio')} (Python)"

    def sign(self, key, url, pairs, algorithm):
        return self.module.RequestValidator(key).compute_signature(url, Params(multi(pairs)), algorithm)

    def verify(self, request, origin, secrets, now):
        signature = request.joined(SIGNATURE)
        if not signature:
            return False
        algorithm = self.module.get_signature_algorithm(request.joined(SETTINGS))
        if request.method == "GET" or not request.body:
            params = {} if request.is_form() or request.method == "GET" else ""
        else:
            params = Params(multi(request.form())) if request.is_form() else request.text()
        return any(
            self.accepts(key, origin + request.target, params, signature, algorithm)
            for key in keys(request, algorithm, secrets)
        )

    def accepts(self, key, url, params, signature, algorithm):
        try:
            return self.module.RequestValidator(key).validate(url, params, signature, algorithm)
        except TypeError:
            # What it does with a body that is no form, when the query has no hash of it.
            return False


class Node(Package):
    language = "node"

    def __init__(self, environment):
        self.node = environment.node()
        self.name = f"twilio {environment.node_version('twilio')} (Node)"

    def sign(self, key, url, pairs, algorithm):
        assert algorithm == "HMAC_SHA1"
        return self.node.call("twilio.sign", key=key, url=url, params=multi(pairs))

    def verify(self, request, origin, secrets, now):
        body = request.text() if request.method == "POST" and not request.is_form() else None
        # The parameters are decoded in Node, as its frameworks do it.
        form = request.text() if request.method == "POST" and request.is_form() else ""
        return any(
            self.node.verdict(
                "twilio.verify",
                key=key,
                signature=request.joined(SIGNATURE) or "",
                url=origin + request.target,
                form=form,
                body=body,
            )
            for key in keys(request, "HMAC_SHA1", secrets)
        )

    def close(self):
        self.node.close()


@dataclass(frozen=True)
class Message:
    slug: str
    path: str
    key: str
    # As Twilio knows it: with or without a default port.
    origin: str
    method: str = "POST"
    query: str | None = None
    pairs: tuple = ()
    body: bytes = b""
    content_type: str | None = FORM
    algorithm: str = "HMAC_SHA1"
    settings: str | None = None

    @property
    def target(self):
        return self.path if self.query is None else f"{self.path}?{self.query}"

    def sign(self, context) -> Request:
        signature = context.package.sign(self.key, self.origin + self.target, self.pairs, self.algorithm)
        headers = [("User-Agent", "TwilioProxy/1.1"), (SIGNATURE, signature)]
        if self.content_type:
            headers.append(("Content-Type", self.content_type))
        if self.settings:
            headers.append((SETTINGS, self.settings))
        context.draw.shuffle(headers)
        return Request(self.method, self.target, tuple(headers), self.body)


def parameters(draw) -> list[tuple[str, str]]:
    """What Twilio sends about a call, and parameters that it may add tomorrow."""
    pairs = [
        ("CallSid", draw.few("CA0000000000000000000000000000")),
        ("AccountSid", "AC00000000000000000000000000000001"),
        ("ApiVersion", "2010-04-01"),
        ("From", draw.phone()),
        ("To", draw.phone()),
        ("CallStatus", draw.choice(["ringing", "in-progress", "completed", "busy", "no-answer"])),
        ("Direction", draw.choice(["inbound", "outbound-dial"])),
    ]
    if draw.chance(0.5):
        pairs.append(("SequenceNumber", str(draw.randrange(4))))
        pairs.append(("Timestamp", "Thu, 12 Feb 2026 11:48:25 +0000"))
    names = [draw.word() + draw.choice(["", "City", "Zip"]) for _ in range(draw.randrange(4))]
    pairs += [(name, draw.text()) for name in dict.fromkeys(names)]
    draw.shuffle(pairs)
    return pairs


def query(draw) -> str:
    pairs = [(draw.word(), draw.text()) for _ in range(draw.randrange(1, 4))]
    keep = draw.choice(["", "'()*!,;:@/?"])
    return "&".join(f"{draw.spelled(name)}={draw.spelled(value, keep)}" for name, value in pairs)


def start(context, slug=None, **changes) -> Message:
    draw = context.draw
    slug = slug or draw.weighted({"default": 3, "rotating": 1})
    path = "/hooks/twilio" + ("" if slug == "default" else f".{slug}")
    if draw.chance(0.9):
        path += "/" + draw.choice(PURPOSES)
    key = context.connections[slug]["auth_token"] if slug != "shared" else ""
    values = {"origin": context.origin, "query": query(draw) if draw.chance(0.3) else None}
    return Message(slug=slug, path=path, key=key, **(values | changes))


def with_form(context, message, pairs) -> Message:
    return replace(message, pairs=tuple(pairs), body=context.draw.form(pairs).encode())


vendor = Vendor("twilio", "twilio", secrets, lambda environment: [Python(environment), Node(environment)])
PYTHON = ("python",)


@vendor.variant("form", 6)
def form(context):
    return with_form(context, start(context), parameters(context.draw))


@vendor.variant("form with repeated names", 2)
def repeated(context):
    pairs = parameters(context.draw)
    for name, value in context.draw.sample(pairs, 2):
        pairs.append((name, context.draw.choice([value, value + "0", "", context.draw.ascii()])))
    return with_form(context, start(context), pairs)


@vendor.variant("form with repeated names beyond ASCII", 0.3, alone=True)
def repeated_unicode(context):
    """Emoji and full-width letters sort differently by code points than by UTF-16 units."""
    pairs = parameters(context.draw)
    values = [context.draw.choice("😀𝒳"), context.draw.choice("ﬀ＋"), "é"]
    pairs += [("Digits", value) for value in context.draw.sample(values, 3)]
    return with_form(context, start(context), pairs)


@vendor.variant("empty form", 0.5)
def empty_form(context):
    return start(context)


@vendor.variant("form, hash in the query", 0.5)
def hashed_form(context):
    message = with_form(context, start(context), parameters(context.draw))
    return replace(message, query=f"bodySHA256={hashlib.sha256(message.body).hexdigest()}")


@vendor.variant("GET", 2)
def get(context):
    return start(context, method="GET", query=context.draw.form(parameters(context.draw)), content_type=None)


def json_message(context, digest) -> Message:
    body = context.draw.json(dict(parameters(context.draw))).encode()
    pieces = [f"bodySHA256={digest(body)}"] + ([query(context.draw)] if context.draw.chance(0.4) else [])
    context.draw.shuffle(pieces)
    return start(context, query="&".join(pieces), body=body, content_type="application/json")


@vendor.variant("JSON", 2)
def json_body(context):
    return json_message(context, lambda body: hashlib.sha256(body).hexdigest())


@vendor.variant("JSON, hash in capitals", 0.3, alone=True)
def json_capitals(context):
    message = json_message(context, lambda body: hashlib.sha256(body).hexdigest().upper())
    return message if any(char in "ABCDEF" for char in message.query.split("bodySHA256=")[1][:64]) else None


def with_default_port(origin: str) -> str | None:
    scheme, _, host = origin.partition("://")
    return None if ":" in host else f"{origin}:{443 if scheme == 'https' else 80}"


@vendor.variant("signed with the default port", 1)
def default_port(context):
    origin = with_default_port(context.origin)
    return origin and with_form(context, start(context, origin=origin), parameters(context.draw))


@vendor.variant("signed without the port", 1)
def without_port(context):
    scheme, _, host = context.origin.partition("://")
    if ":" not in host:
        return None
    origin = f"{scheme}://{host.split(':')[0]}"
    return with_form(context, start(context, origin=origin), parameters(context.draw))


@vendor.variant("secondary token", 1)
def secondary(context):
    key = context.connections["rotating"]["auth_token_secondary"]
    return with_form(context, replace(start(context, "rotating"), key=key), parameters(context.draw))


def shared(context, slug, end="", named=True, algorithm="HMAC_SHA256"):
    known = context.connections[slug]
    parts = [f"algorithm={algorithm}"] + ([f"key={known[f'shared_key_id{end}']}"] if named else [])
    context.draw.shuffle(parts)
    message = replace(
        start(context, slug),
        key=known[f"shared_key_secret{end}"],
        algorithm="HMAC_SHA256",
        settings=context.draw.choice([",", ", "]).join(parts),
    )
    return with_form(context, message, parameters(context.draw))


@vendor.variant("SharedKey", 2, PYTHON)
def shared_key(context):
    slug = context.draw.choice(["shared", "rotating"])
    end = context.draw.choice(["", "_secondary"]) if slug == "rotating" else ""
    return shared(context, slug, end)


@vendor.variant("SharedKey that is not named", 0.5, PYTHON)
def unnamed_key(context):
    return shared(context, context.draw.choice(["shared", "rotating"]), named=False)


@vendor.variant("SharedKey, algorithm in small letters", 0.3, PYTHON)
def small_letters(context):
    return shared(context, "shared", algorithm="hmac_sha256")


FORMS = tuple(
    name for name in vendor.variants if not name.startswith(("GET", "JSON")) and not name.endswith("beyond ASCII")
)
SHARED = tuple(name for name in vendor.variants if name.startswith("SharedKey"))

signature_tampers(vendor, SIGNATURE)
form_tampers(vendor, reorder=ACCEPT, duplicate=ACCEPT, variants=FORMS)
url_tampers(vendor, PURPOSES, wants={"bare question mark": AS_VENDOR, "case of codes changed": AS_VENDOR})


@vendor.tamper("other key", 3)
def other_key(context, message):
    return replace(message, key=context.draw.hexdigits(32)).sign(context)


@vendor.tamper("key of another connection")
def foreign_key(context, message):
    slug = "rotating" if message.slug == "default" else "default"
    return replace(message, key=context.connections[slug]["auth_token"]).sign(context)


@vendor.tamper("sent to another connection")
def elsewhere(context, message):
    request = message.sign(context)
    slug = ".rotating" if message.slug == "default" else ""
    rest = request.target.removeprefix("/hooks/twilio").removeprefix("." + message.slug)
    return request.with_target(f"/hooks/twilio{slug}{rest}")


@vendor.tamper("signed for another host")
def other_host(context, message):
    origin = context.draw.choice(
        ["https://crm.example.org", "https://crm.example.com:8443", "https://crm.example.com.org"]
    )
    return replace(message, origin=origin).sign(context)


@vendor.tamper("signed for another scheme")
def other_scheme(context, message):
    scheme, _, host = context.origin.partition("://")
    origin = f"{'http' if scheme == 'https' else 'https'}://{host}"
    return replace(message, origin=origin).sign(context)


@vendor.tamper("body of JSON changed", 3, variants=("JSON",))
def json_changed(context, message):
    request = message.sign(context)
    body = body_changed(context.draw, request.body)
    return None if body is None else request.with_body(body)


@vendor.tamper("JSON written differently", 1, variants=("JSON",))
def json_rewritten(context, message):
    request = message.sign(context)
    body = context.draw.json(json.loads(request.body)).encode()
    return None if body == request.body else request.with_body(body)


@vendor.tamper("hash of the body changed", 1, variants=("JSON",))
def json_hash(context, message):
    request = message.sign(context)
    body = request.body + b" "
    digest = hashlib.sha256(body).hexdigest()
    at = request.target.index("bodySHA256=") + 11
    return request.with_body(body).with_target(request.target[:at] + digest + request.target[at + 64 :])


@vendor.tamper("JSON sent as a form", 1, AS_VENDOR, variants=("JSON",))
def json_as_form(context, message):
    return message.sign(context).with_header("Content-Type", "application/x-www-form-urlencoded")


@vendor.tamper("JSON without a hash", 1, variants=("JSON",))
def json_unhashed(context, message):
    return replace(message, query=None).sign(context)


@vendor.tamper("GET with a body", 1, AS_VENDOR, variants=("GET",))
def get_with_body(context, message):
    body = context.draw.form(parameters(context.draw)).encode()
    return replace(message, body=body, content_type=FORM).sign(context)


@vendor.tamper("GET becomes POST with a form", 1, variants=("GET",))
def get_to_post(context, message):
    request = message.sign(context)
    body = context.draw.form(parameters(context.draw)).encode()
    return replace(request, method="POST", body=body).with_header("Content-Type", FORM)


@vendor.tamper("form becomes the query of a GET", 1, variants=("form",))
def form_to_get(context, message):
    request = message.sign(context)
    target = f"{request.path}?{request.body.decode()}"
    return replace(request, method="GET", target=target, body=b"").without("Content-Type")


@vendor.tamper("SharedKey: settings removed", 1, variants=SHARED)
def settings_removed(context, message):
    return message.sign(context).without(SETTINGS)


@vendor.tamper("SharedKey: unknown key", 1, variants=("SharedKey",))
def unknown_key(context, message):
    return message.sign(context).with_header(
        SETTINGS, f"key=webhooks_sharedkey_{context.draw.secret(12)},algorithm=HMAC_SHA256"
    )


@vendor.tamper("SharedKey: unknown algorithm", 1, AS_VENDOR, variants=("SharedKey",))
def unknown_algorithm(context, message):
    name = context.draw.choice(["HMAC_MD5", "none", "HMAC_SHA512", "HMAC-SHA256"])
    request = message.sign(context)
    return request.with_header(SETTINGS, request.joined(SETTINGS).replace("HMAC_SHA256", name))


@vendor.tamper("SharedKey: SHA-1 with the shared secret", 1, AS_VENDOR, variants=("SharedKey",))
def downgraded(context, message):
    request = replace(message, algorithm="HMAC_SHA1").sign(context)
    return request.with_header(SETTINGS, request.joined(SETTINGS).replace("HMAC_SHA256", "HMAC_SHA1"))


@vendor.tamper("SharedKey: SHA-1 without settings", 1, variants=("SharedKey",))
def downgraded_silently(context, message):
    return replace(message, algorithm="HMAC_SHA1", settings=None).sign(context)


@vendor.tamper("SharedKey: Auth Token with SHA-256", 1, variants=("form",), languages=PYTHON)
def token_with_sha256(context, message):
    return replace(message, algorithm="HMAC_SHA256", settings="algorithm=HMAC_SHA256").sign(context)
