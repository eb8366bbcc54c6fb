"""Telnyx: Ed25519 over `{time}|{raw body}`. No package signs; PyNaCl does."""

import base64
import json
from dataclasses import dataclass, replace

from ..catalogue import ACCEPT, AS_VENDOR, Package, Vendor
from ..change import body_changed, signature_tampers
from ..request import Request
from .standard_webhooks import TOLERANCE

SIGNATURE, TIMESTAMP = "Telnyx-Signature-Ed25519", "Telnyx-Timestamp"
# The order of the group: S + ORDER would be a second signature of the same message (RFC 8032, 5.1.7).
ORDER = 2**252 + 27742317777372353535851937790883648493


def key_pair(draw):
    from nacl.signing import SigningKey

    seed = draw.randbytes(32)
    return base64.b64encode(seed).decode(), base64.b64encode(bytes(SigningKey(seed).verify_key)).decode()


def secrets(draw):
    (one, public), (two, second), (three, third) = key_pair(draw), key_pair(draw), key_pair(draw)
    return {
        "default": {"public_key": public, "_private_key": one},
        "rotating": {
            "public_key": second,
            "public_key_previous": third,
            "_private_key": two,
            "_private_key_previous": three,
        },
    }


def publics(known):
    return [known[name] for name in ("public_key", "public_key_previous") if name in known]


def payload(request: Request) -> str:
    """What an application verifies. Of a GET nothing is documented: the query, for want of a body."""
    return request.text() if request.method == "POST" else request.query or ""


class Signing(Package):
    """PyNaCl signs for both."""

    def sign(self, seed, timestamp, body):
        from nacl.signing import SigningKey

        signature = SigningKey(base64.b64decode(seed)).sign(f"{timestamp}|{body}".encode()).signature
        return base64.b64encode(signature).decode()


class Python(Signing):
    def __init__(self, environment):
        # The package itself takes seconds to import; this part of it stands alone.
        from telnyx.lib import webhook_verification

        self.module = webhook_verification
        self.name = f"telnyx {environment.python_version('telnyx')} (Python)"

    def verify(self, request, origin, secrets, now):
        return any(self.accepts(request, key) for key in publics(secrets))

    def accepts(self, request, key):
        try:
            self.module.verify_webhook_signature(payload(request), request.header_map(), key)
        except self.module.WebhookVerificationError:
            return False
        return True


class Node(Signing):
    language = "node"

    def __init__(self, environment):
        self.node = environment.node()
        self.name = f"telnyx {environment.node_version('telnyx')} (Node)"

    def verify(self, request, origin, secrets, now):
        return any(
            self.node.verdict("telnyx.verify", key=key, headers=request.header_map(), body=payload(request))
            for key in publics(secrets)
        )

    def close(self):
        self.node.close()


@dataclass(frozen=True)
class Message:
    slug: str
    path: str
    key: str
    timestamp: str
    body: str
    content_type: str | None = "application/json"
    method: str = "POST"

    def sign(self, context) -> Request:
        headers = [(SIGNATURE, context.package.sign(self.key, self.timestamp, self.body)), (TIMESTAMP, self.timestamp)]
        if context.draw.chance(0.3):
            headers = [(name.lower(), value) for name, value in headers]
        if self.content_type:
            headers.append(("Content-Type", self.content_type))
        context.draw.shuffle(headers)
        if self.method == "GET":
            return Request("GET", f"{self.path}?{self.body}", tuple(headers), b"")
        return Request("POST", self.path, tuple(headers), self.body.encode())


def event(draw):
    payload = {
        "call_control_id": draw.few("v3:control-"),
        "call_leg_id": draw.few("00000000-0000-4000-8000-00000000"),
        "call_session_id": draw.few("00000000-0000-4000-9000-00000000"),
        "from": draw.phone(),
        "to": draw.phone(),
        "direction": draw.choice(["incoming", "outgoing"]),
        "caller_id_name": draw.text(),
        "tags": [draw.text()],
        draw.word(): draw.text(),
    }
    kind = draw.choice(["call.initiated", "call.answered", "call.hangup", "call.bridged", "call.unheard_of"])
    data = {
        "record_type": "event",
        "event_type": kind,
        "id": draw.few("00000000-0000-4000-a000-00000000"),
        "occurred_at": "2026-02-02T22:25:27.521992Z",
        "payload": payload,
    }
    return {"data": data, "meta": {"attempt": 1, "delivered_to": "https://crm.example.com/hooks/telnyx"}}


def texml(draw):
    pairs = [
        ("CallSid", draw.few("v3:")),
        ("From", draw.phone()),
        ("To", draw.phone()),
        ("CallStatus", draw.choice(["ringing", "completed"])),
        ("Timestamp", "2021-04-28 21:51:18.731479Z"),
        (draw.word(), draw.text()),
    ]
    return draw.form(pairs)


def start(context, slug=None, **changes):
    draw = context.draw
    slug = slug or draw.choice(["default", "rotating"])
    away = draw.choice([0, draw.randrange(-TOLERANCE + 60, TOLERANCE - 60)])
    path = "/hooks/telnyx" + ("" if slug == "default" else f".{slug}")
    values = {
        "path": path,
        "key": context.connections[slug]["_private_key"],
        "timestamp": str(context.now + away),
        "body": draw.json(event(draw)),
    }
    return Message(slug=slug, **(values | changes))


vendor = Vendor("telnyx", "telnyx", secrets, lambda environment: [Python(environment), Node(environment)])


@vendor.variant("event", 6)
def message(context):
    return start(context)


@vendor.variant("TeXML form", 2)
def form(context):
    return start(context, body=texml(context.draw), content_type="application/x-www-form-urlencoded")


@vendor.variant("empty body", 0.2)
def empty(context):
    return start(context, body="")


@vendor.variant("body that is neither", 0.5)
def text(context):
    return start(context, body=context.draw.text())


@vendor.variant("previous key", 1)
def previous(context):
    return start(context, "rotating", key=context.connections["rotating"]["_private_key_previous"])


@vendor.variant("GET, query signed", 0.5)
def get(context):
    return start(context, body=texml(context.draw), content_type=None, method="GET")


POSTS = ("event", "TeXML form", "previous key")
lenient = dict.fromkeys(("unused bits set", "foreign characters", "extended", "without padding"), AS_VENDOR)
signature_tampers(vendor, SIGNATURE, wants=lenient)


@vendor.tamper("signature: S plus the order of the group")
def malleable(context, message):
    request = message.sign(context)
    signature = base64.b64decode(request.joined(SIGNATURE))
    s = int.from_bytes(signature[32:], "little") + ORDER
    other = signature[:32] + s.to_bytes(32, "little")
    return request.with_header(SIGNATURE, base64.b64encode(other).decode())


@vendor.tamper("signature: of the body alone")
def untimed(context, message):
    request = message.sign(context)
    from nacl.signing import SigningKey

    signature = SigningKey(base64.b64decode(message.key)).sign(message.body.encode()).signature
    return request.with_header(SIGNATURE, base64.b64encode(signature).decode())


@vendor.tamper("other key", 3)
def other_key(context, message):
    return replace(message, key=context.draw.base64(32)).sign(context)


@vendor.tamper("sent to another connection")
def elsewhere(context, message):
    slug = "" if message.slug == "rotating" else ".rotating"
    return replace(message, path=f"/hooks/telnyx{slug}").sign(context)


@vendor.tamper("body changed", 4, variants=POSTS)
def body(context, message):
    request = message.sign(context)
    changed = body_changed(context.draw, request.body)
    return None if changed is None else request.with_body(changed)


@vendor.tamper("JSON written differently", 3, variants=("event", "previous key"))
def rewritten(context, message):
    request = message.sign(context)
    changed = context.draw.json(json.loads(request.body)).encode()
    return None if changed == request.body else request.with_body(changed)


@vendor.tamper("timestamp changed", 2)
def time_changed(context, message):
    new = int(message.timestamp) + context.draw.choice([-1, 1]) * context.draw.randrange(1, 50)
    return message.sign(context).with_header(TIMESTAMP, str(new))


@vendor.tamper("timestamp out of tolerance", 3)
def stale(context, message):
    away = context.draw.choice([-1, 1]) * int(TOLERANCE + 60 + 10 ** context.draw.uniform(0, 7))
    return replace(message, timestamp=str(context.now + away)).sign(context)


@vendor.tamper("timestamp written differently")
def time_written(context, message):
    """The text of the header is signed, so another way to write the same number is another message."""
    text = message.timestamp
    new = context.draw.choice(["+" + text, "0" + text, text + ".0", f"{text[:5]}_{text[5:]}"])
    return message.sign(context).with_header(TIMESTAMP, new)


@vendor.tamper("timestamp is no number")
def no_time(context, message):
    new = context.draw.choice(["", "now", "-1", "NaN", "99999999999999999999", "2026-02-12T12:00:00Z"])
    return message.sign(context).with_header(TIMESTAMP, new)


@vendor.tamper("timestamp missing")
def untimed_header(context, message):
    return message.sign(context).without(TIMESTAMP)


@vendor.tamper("timestamp twice, the genuine first", 0.5, AS_VENDOR)
def time_twice(context, message):
    request = message.sign(context)
    return replace(request, headers=(*request.headers, (TIMESTAMP, str(int(message.timestamp) + 1))))


@vendor.tamper("border between time and body moved", 0.5, variants=POSTS)
def border(context, message):
    """`{time}|{body}` of a body that begins with `{time}|`: a time is a number, so nothing can be moved into it."""
    request = replace(message, body=f"{message.timestamp}|{message.body}").sign(context)
    return request.with_header(TIMESTAMP, f"{message.timestamp}|{message.timestamp}").with_body(message.body.encode())


@vendor.tamper("GET, time alone signed", 0.5, variants=("GET, query signed",))
def get_unsigned(context, message):
    request = message.sign(context)
    return request.with_header(SIGNATURE, context.package.sign(message.key, message.timestamp, ""))


@vendor.tamper("GET, query changed", 0.5, variants=("GET, query signed",))
def get_changed(context, message):
    request = message.sign(context)
    return request.with_target(request.target + "0")


@vendor.tamper("query added to a POST", 0.5, ACCEPT, variants=POSTS)
def query(context, message):
    """The URL is not signed."""
    return replace(
        message, path=f"{message.path}?{context.draw.form([(context.draw.word(), context.draw.text())])}"
    ).sign(context)


@vendor.tamper("content type changed", 0.5, ACCEPT, variants=POSTS)
def content_type(context, message):
    """Nor are the headers."""
    return message.sign(context).with_header("Content-Type", "text/plain")
