"""SignalWire: HMAC-SHA1 over the URL and the raw body (A, hexadecimal) or the sorted form (B, base64).

No package signs. Scheme B is Twilio's but for repeated names, which stay as they were sent.
"""

import base64
import hashlib
import hmac
import importlib.util
import json
from dataclasses import dataclass, replace
from importlib import metadata

from ..catalogue import ACCEPT, AS_VENDOR, Package, Vendor
from ..change import body_changed, form_tampers, signature_tampers, url_tampers
from ..request import Request
from .twilio import FORM, PURPOSES, parameters, query, with_default_port

SIGNATURE, ALIAS = "X-SignalWire-Signature", "X-Twilio-Signature"


def secrets(draw):
    return {
        "default": {"signing_key": f"PSK_{draw.secret(40)}"},
        "rotating": {"signing_key": f"PSK_{draw.secret(40)}", "signing_key_previous": f"PSK_{draw.secret(40)}"},
    }


def keys(known):
    return [known[name] for name in ("signing_key", "signing_key_previous") if name in known]


def given(request: Request) -> str:
    """The signature that an application looks at: SignalWire's header, else its alias."""
    return request.joined(SIGNATURE) or request.joined(ALIAS) or ""


class Signing(Package):
    """How the platform signs, by hand."""

    def hexadecimal(self, key, url, body: bytes):
        return hmac.new(key.encode(), url.encode() + body, hashlib.sha1).hexdigest()

    def of_form(self, key, url, pairs):
        # A stable sort: values of one name stay in their order.
        text = url + "".join(name + value for name, value in sorted(pairs, key=lambda pair: pair[0]))
        return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha1).digest()).decode()


class Python(Signing):
    def __init__(self, environment):
        # The file alone: importing the package would need its web framework.
        found = metadata.distribution("signalwire-sdk").locate_file("signalwire/core/security/webhook_validator.py")
        spec = importlib.util.spec_from_file_location("webhook_validator", found)
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.name = f"signalwire-sdk {environment.python_version('signalwire-sdk')} (Python)"

    def verify(self, request, origin, secrets, now):
        url, body = origin + request.target, request.text()
        return any(self.module.validate_webhook_signature(key, given(request), url, body) for key in keys(secrets))


class Node(Signing):
    language = "node"

    def __init__(self, environment):
        self.node = environment.node()
        name = "@signalwire/compatibility-api"
        self.name = f"{name} {environment.node_version(name)} (Node)"

    def verify(self, request, origin, secrets, now):
        # As its middleware: the hash in the URL decides what is verified.
        hashed = "bodySHA256" in request.target
        form = request.text() if request.method == "POST" and request.is_form() else ""
        return any(
            self.node.verdict(
                "signalwire.verify",
                key=key,
                signature=given(request),
                url=origin + request.target,
                form=form,
                body=request.text() if hashed else None,
            )
            for key in keys(secrets)
        )

    def close(self):
        self.node.close()


@dataclass(frozen=True)
class Message:
    slug: str
    path: str
    key: str
    origin: str
    method: str = "POST"
    query: str | None = None
    pairs: tuple = ()
    body: bytes = b""
    content_type: str | None = FORM
    # `A`: over the raw body; `B`: over the pairs.
    scheme: str = "B"
    header: str = SIGNATURE

    @property
    def target(self):
        return self.path if self.query is None else f"{self.path}?{self.query}"

    def signature(self, context):
        url = self.origin + self.target
        if self.scheme == "A":
            return context.package.hexadecimal(self.key, url, self.body)
        return context.package.of_form(self.key, url, self.pairs)

    def sign(self, context) -> Request:
        headers = [(self.header, self.signature(context))]
        if self.content_type:
            headers.append(("Content-Type", self.content_type))
        context.draw.shuffle(headers)
        return Request(self.method, self.target, tuple(headers), self.body)


def call_parameters(draw):
    """As Twilio's, but ids are UUIDs, and there is more about the quality of the line."""
    pairs = [(name, value) for name, value in parameters(draw) if name not in ("CallSid", "AccountSid")]
    pairs += [
        ("CallSid", draw.few("b3877c40-da60-4998-90ad-b792e984")),
        ("AccountSid", "00000000-0000-4000-8000-0000000000aa"),
        ("AudioInMos", "4.5"),
    ]
    draw.shuffle(pairs)
    return pairs


def start(context, slug=None, **changes) -> Message:
    draw = context.draw
    slug = slug or draw.choice(["default", "rotating"])
    path = "/hooks/signalwire" + ("" if slug == "default" else f".{slug}")
    if draw.chance(0.9):
        path += "/" + draw.choice(PURPOSES)
    values = {"origin": context.origin, "query": query(draw) if draw.chance(0.3) else None}
    return Message(slug=slug, path=path, key=context.connections[slug]["signing_key"], **(values | changes))


def with_form(context, message, pairs) -> Message:
    return replace(message, pairs=tuple(pairs), body=context.draw.form(pairs).encode())


def state(draw):
    params = {
        "call_id": draw.few("5a3a1d91-90d3-4db4-af5c-cc3ae15d"),
        "call_state": draw.choice(["created", "ringing", "answered", "ended"]),
        "direction": "inbound",
        "from": draw.phone(),
        "to": draw.phone(),
        draw.word(): draw.text(),
    }
    return {"event_type": "calling.call.state", "params": params}


def with_json(context, message, **changes) -> Message:
    body = context.draw.json(state(context.draw)).encode()
    return replace(message, body=body, content_type="application/json", **changes)


vendor = Vendor("signalwire", "signalwire", secrets, lambda environment: [Python(environment), Node(environment)])
PYTHON = ("python",)


@vendor.variant("form", 5)
def form(context):
    return with_form(context, start(context), call_parameters(context.draw))


@vendor.variant("form with repeated names", 2)
def repeated(context):
    pairs = call_parameters(context.draw)
    for name, value in context.draw.sample(pairs, 2):
        # Next to each other: the Node package gets them grouped from the framework.
        at = pairs.index((name, value))
        pairs.insert(at, (name, context.draw.choice([value, value + "0", "", context.draw.ascii()])))
    return with_form(context, start(context), pairs)


@vendor.variant("empty form", 0.3)
def empty_form(context):
    return start(context)


@vendor.variant("signed under Twilio's name of the header", 1)
def alias(context):
    return with_form(context, start(context, header=ALIAS), call_parameters(context.draw))


@vendor.variant("GET", 1)
def get(context):
    return start(context, method="GET", query=context.draw.form(call_parameters(context.draw)), content_type=None)


@vendor.variant("previous key", 1)
def previous(context):
    key = context.connections["rotating"]["signing_key_previous"]
    return with_form(context, replace(start(context, "rotating"), key=key), call_parameters(context.draw))


@vendor.variant("JSON, scheme A", 4, PYTHON)
def scheme_a(context):
    return with_json(context, start(context, scheme="A"))


@vendor.variant("form, scheme A", 0.5, PYTHON)
def form_scheme_a(context):
    return replace(with_form(context, start(context), call_parameters(context.draw)), scheme="A")


@vendor.variant("JSON, hash in the query", 2)
def hashed(context):
    message = with_json(context, start(context))
    pieces = [f"bodySHA256={hashlib.sha256(message.body).hexdigest()}"] + ([message.query] if message.query else [])
    context.draw.shuffle(pieces)
    return replace(message, query="&".join(pieces))


@vendor.variant("signed with the default port", 1)
def default_port(context):
    origin = with_default_port(context.origin)
    return origin and with_form(context, start(context, origin=origin), call_parameters(context.draw))


FORMS = ("form", "form with repeated names", "signed under Twilio's name of the header", "previous key")
FORMS_B = (*FORMS, "signed with the default port")
JSONS = ("JSON, scheme A", "JSON, hash in the query")

named = tuple(name for name in vendor.variants if not name.startswith("signed under"))
# Without a body the hexadecimal signature is one of scheme A.
signature_tampers(vendor, SIGNATURE, wants={"hexadecimal": AS_VENDOR}, variants=named)
form_tampers(vendor, reorder=AS_VENDOR, duplicate=AS_VENDOR, variants=FORMS_B)
url_tampers(vendor, PURPOSES, wants={"bare question mark": AS_VENDOR, "case of codes changed": AS_VENDOR})


@vendor.tamper("other key", 3)
def other_key(context, message):
    return replace(message, key=f"PSK_{context.draw.secret(40)}").sign(context)


@vendor.tamper("sent to another connection")
def elsewhere(context, message):
    request = message.sign(context)
    slug = ".rotating" if message.slug == "default" else ""
    rest = request.target.removeprefix("/hooks/signalwire").removeprefix("." + message.slug)
    return request.with_target(f"/hooks/signalwire{slug}{rest}")


@vendor.tamper("signed for another host")
def other_host(context, message):
    origin = context.draw.choice(
        ["https://crm.example.org", "https://crm.example.com:8443", "https://crm.example.com.org"]
    )
    return replace(message, origin=origin).sign(context)


@vendor.tamper("signed without the port", variants=FORMS)
def without_port(context, message):
    scheme, _, host = context.origin.partition("://")
    return None if ":" not in host else replace(message, origin=f"{scheme}://{host.split(':')[0]}").sign(context)


@vendor.tamper("body of JSON changed", 3, variants=JSONS)
def json_changed(context, message):
    request = message.sign(context)
    body = body_changed(context.draw, request.body)
    return None if body is None else request.with_body(body)


@vendor.tamper("JSON written differently", 2, variants=JSONS)
def json_rewritten(context, message):
    request = message.sign(context)
    body = context.draw.json(json.loads(request.body)).encode()
    return None if body == request.body else request.with_body(body)


@vendor.tamper("JSON sent as a form", 0.5, AS_VENDOR, variants=JSONS)
def json_as_form(context, message):
    return message.sign(context).with_header("Content-Type", FORM)


@vendor.tamper("JSON beside a signature of the URL alone", 1, AS_VENDOR, variants=("JSON, scheme A",))
def json_uncovered(context, message):
    return replace(message, scheme="B").sign(context)


@vendor.tamper("form beside a signature of the URL alone", 1, AS_VENDOR, variants=("form",))
def form_uncovered(context, message):
    return replace(message, pairs=()).sign(context)


@vendor.tamper("border between URL and body moved", 0.5, AS_VENDOR, variants=("JSON, scheme A",))
def border(context, message):
    """`URL + body`: a piece of the query could be moved into the body."""
    request = message.sign(context)
    if not request.query or request.target[-1] == "%" or "%" in request.target[-3:]:
        return None
    return request.with_target(request.target[:-1]).with_body(request.target[-1].encode() + request.body)


@vendor.tamper("scheme A with SHA-256 in the same header", 0.5, variants=("JSON, scheme A",))
def sha256(context, message):
    text = (message.origin + message.target).encode() + message.body
    return message.sign(context).with_header(
        SIGNATURE, hmac.new(message.key.encode(), text, hashlib.sha256).hexdigest()
    )


@vendor.tamper("scheme A in capitals", 0.5, variants=("JSON, scheme A",))
def capitals(context, message):
    return message.sign(context).with_header(SIGNATURE, message.signature(context).upper())


@vendor.tamper("scheme A in base64", 0.5, variants=("JSON, scheme A",))
def as_base64(context, message):
    return message.sign(context).with_header(
        SIGNATURE, base64.b64encode(bytes.fromhex(message.signature(context))).decode()
    )


@vendor.tamper("forged beside the genuine one under Twilio's name", 0.5, AS_VENDOR, variants=("form",))
def two_names(context, message):
    request = replace(message, header=ALIAS).sign(context)
    return request.with_header(SIGNATURE, context.draw.base64(20))


@vendor.tamper("genuine beside a forged one under Twilio's name", 0.5, ACCEPT, variants=("form",))
def two_names_genuine(context, message):
    return message.sign(context).with_header(ALIAS, context.draw.base64(20))


@vendor.tamper("GET with a body", 0.5, AS_VENDOR, variants=("GET",))
def get_with_body(context, message):
    return replace(message, body=b"CallSid=forged", content_type=FORM).sign(context)
