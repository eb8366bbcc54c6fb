"""Standard Webhooks (the generic provider and Asterisk): HMAC-SHA256 `v1`, Ed25519 `v1a`, three headers."""

import base64
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ..catalogue import ACCEPT, AS_VENDOR, Package, Vendor
from ..change import body_changed, signature_tampers
from ..request import Request

TOLERANCE = 300
NAMES = ("id", "timestamp", "signature")


def shared_secret(draw, octets=None, prefix="whsec_", padded=True):
    text = draw.base64(octets or draw.randrange(24, 65))
    return prefix + (text if padded else text.rstrip("="))


def key_pair(draw):
    """A private seed and the public key for it. Only the first half of the pair is ours to keep."""
    from nacl.signing import SigningKey

    seed = draw.randbytes(32)
    public = bytes(SigningKey(seed).verify_key)
    return base64.b64encode(seed).decode(), f"whpk_{base64.b64encode(public).decode()}"


def generic_secrets(draw):
    """The names that begin with an underscore stay here: the server never gets a private key."""
    seed, public = key_pair(draw)
    seed_previous, public_previous = key_pair(draw)
    return {
        "default": {"secret": shared_secret(draw, 32)},
        "rotating": {
            "secret": shared_secret(draw),
            "secret_previous": shared_secret(draw),
            "public_key": public,
            "public_key_previous": public_previous,
            "_private_key": seed,
            "_private_key_previous": seed_previous,
        },
        "bare": {"secret": shared_secret(draw, prefix="")},
    }


def asterisk_secrets(draw):
    return {
        "default": {"secret": shared_secret(draw, 32)},
        "rotating": {"secret": shared_secret(draw), "secret_previous": shared_secret(draw)},
    }


def shared_secrets(secrets):
    return [secrets[name] for name in ("secret", "secret_previous") if name in secrets]


class Python(Package):
    def __init__(self, environment, module):
        self.module = __import__(module)
        # The package is quiet about the whole-second rule: it signs the floor of what it is given.
        self.webhook = __import__(f"{module}.webhooks", fromlist=["Webhook"]).Webhook
        self.name = f"{module} {environment.python_version(module)} (Python)"
        self.parses = module == "standardwebhooks"

    def sign(self, secret, id, timestamp, body):
        return self.webhook(secret).sign(id, datetime.fromtimestamp(timestamp, UTC), body)

    def verify(self, request, origin, secrets, now):
        return any(self.accepts(secret, request) for secret in shared_secrets(secrets))

    def accepts(self, secret, request):
        options = {"json_parse": False} if self.parses else {}
        try:
            self.webhook(secret).verify(request.body, request.header_map(), **options)
        except Exception:
            # It throws WebhookVerificationError, and whatever its parsing of headers runs into.
            return False
        return True


class Node(Package):
    language = "node"

    def __init__(self, environment, module):
        self.node = environment.node()
        self.module = module
        self.name = f"{module} {environment.node_version(module)} (Node)"

    def sign(self, secret, id, timestamp, body):
        return self.node.call("webhook.sign", module=self.module, secret=secret, id=id, timestamp=timestamp, body=body)

    def verify(self, request, origin, secrets, now):
        return any(
            self.node.verdict(
                "webhook.verify",
                module=self.module,
                secret=secret,
                headers=request.header_map(),
                body=request.text(),
            )
            for secret in shared_secrets(secrets)
        )

    def close(self):
        self.node.close()


class Asymmetric(Package):
    """`v1a`: no vendor's package has it. Ed25519 is PyNaCl's; the rest is the specification read once more."""

    verifies = False

    def __init__(self, environment):
        from nacl import exceptions, signing

        self.nacl, self.exceptions = signing, exceptions
        self.name = f"PyNaCl {environment.python_version('PyNaCl')} (Python, v1a)"

    def sign(self, seed, id, timestamp, body):
        signature = self.nacl.SigningKey(base64.b64decode(seed)).sign(f"{id}.{timestamp}.{body}".encode()).signature
        return f"v1a,{base64.b64encode(signature).decode()}"

    def verify(self, request, origin, secrets, now):
        id, timestamp, signatures = (request.joined(f"webhook-{name}") for name in NAMES)
        if not (id and timestamp and signatures and timestamp.isdecimal()) or abs(now - int(timestamp)) > TOLERANCE:
            return False
        message = f"{id}.{timestamp}.".encode() + request.body
        publics = [secrets[name] for name in ("public_key", "public_key_previous") if name in secrets]
        return any(self.accepts(public, message, piece) for public in publics for piece in signatures.split(" "))

    def accepts(self, public, message, piece):
        version, _, text = piece.partition(",")
        try:
            signature = base64.b64decode(text, validate=True)
            key = self.nacl.VerifyKey(base64.b64decode(public.removeprefix("whpk_")))
            key.verify(message, signature)
        except (ValueError, self.exceptions.CryptoError):
            return False
        return version == "v1a" and base64.b64encode(signature).decode() == text


@dataclass(frozen=True)
class Message:
    slug: str
    path: str
    key: str
    id: str
    timestamp: int
    body: str
    # `webhook` or `svix`.
    prefix: str = "webhook"
    # Other signatures in the same header, before and after the genuine one.
    before: tuple = ()
    after: tuple = ()

    def signature(self, context):
        return context.package.sign(self.key, self.id, self.timestamp, self.body)

    def sign(self, context) -> Request:
        pieces = [*self.before, self.signature(context), *self.after]
        values = (self.id, str(self.timestamp), " ".join(pieces))
        headers = [(f"{self.prefix}-{name}", value) for name, value in zip(NAMES, values, strict=True)]
        headers.append(("Content-Type", "application/json"))
        if context.draw.chance(0.3):
            headers = [(name.title(), value) for name, value in headers]
        context.draw.shuffle(headers)
        return Request("POST", self.path, tuple(headers), self.body.encode())


def generic_body(draw):
    kind = draw.choice(["call.ringing", "call.answered", "call.ended", "call.unheard_of"])
    data = {
        "call_id": draw.few("c-"),
        "direction": draw.choice(["inbound", "outbound"]),
        "from": draw.phone(),
        "to": draw.phone(),
        "from_name": draw.text(),
        draw.word(): draw.text(),
    }
    return {"type": kind, "timestamp": "2026-02-12T12:00:00Z", "data": data}


def asterisk_body(draw):
    channel = {
        "id": draw.few("1473681228."),
        "name": f"PJSIP/{draw.few('trunk-')}",
        "state": draw.choice(["Ring", "Up", "Down"]),
        "caller": {"name": draw.text(), "number": draw.phone()},
        "connected": {"name": "", "number": "1002"},
        "dialplan": {"context": "from-trunk", "exten": "1002", "priority": 1},
        "creationtime": "2016-09-12T13:53:48.918+0200",
    }
    kind = draw.choice(["StasisStart", "ChannelStateChange", "ChannelDestroyed", "ChannelVarset"])
    event = {"type": kind, "application": "crm", "timestamp": "2016-09-12T13:53:48.919+0200", "channel": channel}
    return event | ({"cause": 16, "cause_txt": "Normal Clearing"} if kind == "ChannelDestroyed" else {})


def message_id(draw):
    return draw.choice(["msg_", "msg.", ""]) + draw.secret(draw.randrange(1, 30)) + draw.choice(["", "", ":x", ".1"])


def noise(draw):
    """A signature that says nothing: another version, or another key's."""
    version = draw.choice(["v1", "v1", "v1a", "v2", "v0"])
    return f"{version},{draw.base64(64 if version == 'v1a' else 32)}"


def start(vendor, context, slug=None, key="secret", **changes):
    draw = context.draw
    slug = slug or draw.weighted({slug: 1 for slug in context.connections})
    values = {
        "id": message_id(draw),
        "timestamp": context.now + draw.choice([0, draw.randrange(-TOLERANCE + 60, TOLERANCE - 60)]),
        "body": draw.json(vendor.body(draw)),
    }
    path = f"/hooks/{vendor.provider}" + ("" if slug == "default" else f".{slug}")
    return Message(slug=slug, path=path, key=context.connections[slug][key], **(values | changes))


def declare(vendor, key, slugs, previous, prefix="webhook"):
    """The variants and tampers of a vendor. `key`: which secret signs; `slugs`: connections that have it."""

    def begin(context, **changes):
        return start(vendor, context, context.draw.choice(slugs), key, prefix=prefix, **changes)

    @vendor.variant("message", 6)
    def message(context):
        return begin(context)

    @vendor.variant("empty body", 0.3, alone=prefix == "svix")
    def empty(context):
        return begin(context, body="")

    @vendor.variant("body that is not JSON", 0.5, alone=prefix == "svix")
    def not_json(context):
        return begin(context, body=context.draw.text())

    @vendor.variant("previous secret", 1)
    def older(context):
        return start(vendor, context, "rotating", previous, prefix=prefix)

    @vendor.variant("several signatures", 2)
    def several(context):
        pieces = [[noise(context.draw) for _ in range(context.draw.randrange(4))] for _ in range(2)]
        return begin(context, before=tuple(pieces[0]), after=tuple(pieces[1]))

    @vendor.variant("malformed signatures beside the genuine one", 0.5, alone=True)
    def malformed(context):
        junk = context.draw.choice(["garbage", "v1", "v1,a,b", "", "v1,***", ","])
        return begin(context, before=(junk,))

    @vendor.variant("more signatures than are looked at", 0.3, alone=True)
    def many(context):
        return begin(context, before=tuple(noise(context.draw) for _ in range(context.draw.randrange(16, 30))))

    if prefix == "svix":

        @vendor.variant("standard names of headers", 1)
        def standard_names(context):
            return replace(begin(context), prefix="webhook")

    def in_piece(change, draw, value):
        """Changes each of the signatures, the genuine one among them."""
        pieces = [piece.split(",", 1) for piece in value.split(" ")]
        changed = [(pair[0], change(draw, pair[1])) if len(pair) == 2 else None for pair in pieces]
        if any(pair is None or pair[1] is None for pair in changed):
            return None
        return " ".join(",".join(pair) for pair in changed)

    # A joined header is a list of signatures with a comma too much: some packages get over that.
    lenient = ("unused bits set", "foreign characters", "extended", "without padding", "twice")
    signature_tampers(
        vendor,
        f"{prefix}-signature",
        in_piece,
        wants=dict.fromkeys(lenient, AS_VENDOR),
        variants=("message", "previous secret"),
    )

    @vendor.tamper("signature: other version", 1)
    def version(context, message):
        request = message.sign(context)
        header = f"{message.prefix}-signature"
        label = context.draw.choice(["v2,", "V1,", "v1a,", "v10,", "v,", ","])
        known = message.signature(context).split(",")[0] + ","
        return (
            None if label == known else request.with_header(header, label + message.signature(context).split(",", 1)[1])
        )

    @vendor.tamper("signature: without version", 1)
    def unversioned(context, message):
        return message.sign(context).with_header(
            f"{message.prefix}-signature", message.signature(context).split(",", 1)[1]
        )

    @vendor.tamper("signature: list with commas", 0.5, AS_VENDOR)
    def commas(context, message):
        pieces = [noise(context.draw), message.signature(context)]
        return message.sign(context).with_header(f"{message.prefix}-signature", ",".join(pieces))

    @vendor.tamper("other key", 3)
    def other_key(context, message):
        fresh = context.draw.base64(32)
        return replace(message, key=fresh if key == "_private_key" else f"whsec_{fresh}").sign(context)

    @vendor.tamper("sent to another connection", 1)
    def elsewhere(context, message):
        slug = "" if message.slug != "default" else ".rotating"
        return replace(message, path=f"/hooks/{vendor.provider}{slug}").sign(context)

    @vendor.tamper("body changed", 4)
    def body(context, message):
        request = message.sign(context)
        changed = body_changed(context.draw, request.body)
        return None if changed is None else request.with_body(changed)

    @vendor.tamper("JSON written differently", 2, variants=("message", "several signatures"))
    def rewritten(context, message):
        request = message.sign(context)
        changed = context.draw.json(json.loads(request.body)).encode()
        return None if changed == request.body else request.with_body(changed)

    @vendor.tamper("id changed", 2)
    def id_changed(context, message):
        new = message.id + context.draw.choice("ab0.")
        return message.sign(context).with_header(f"{message.prefix}-id", new)

    @vendor.tamper("timestamp changed", 2)
    def time_changed(context, message):
        new = message.timestamp + context.draw.choice([-1, 1]) * context.draw.randrange(1, 50)
        return message.sign(context).with_header(f"{message.prefix}-timestamp", str(new))

    @vendor.tamper("timestamp out of tolerance", 3)
    def stale(context, message):
        away = context.draw.choice([-1, 1]) * int(TOLERANCE + 60 + 10 ** context.draw.uniform(0, 7))
        return replace(message, timestamp=context.now + away).sign(context)

    @vendor.tamper("timestamp written differently", 1, AS_VENDOR)
    def time_written(context, message):
        text = str(message.timestamp)
        new = context.draw.choice(
            [text + ".0", "+" + text, "0" + text, text + "e0", f"{text[:5]}_{text[5:]}", text + "x"]
        )
        return message.sign(context).with_header(f"{message.prefix}-timestamp", new)

    @vendor.tamper("timestamp is no number", 0.5)
    def no_time(context, message):
        new = context.draw.choice(["", "now", "0x5f", "-1", "NaN", "inf", "99999999999999999999", "1e400"])
        return message.sign(context).with_header(f"{message.prefix}-timestamp", new)

    @vendor.tamper("header missing", 1)
    def missing(context, message):
        return message.sign(context).without(f"{message.prefix}-{context.draw.choice(NAMES)}")

    @vendor.tamper("id twice, the genuine first", 0.5, AS_VENDOR)
    def id_twice(context, message):
        request = message.sign(context)
        extra = (f"{message.prefix}-id", message_id(context.draw))
        return replace(request, headers=(*request.headers, extra))

    @vendor.tamper("border between id and body moved", 0.5, AS_VENDOR)
    def border(context, message):
        """`{id}.{time}.{body}`: whoever may choose the id of another message could move the border."""
        request = replace(message, body=f"{message.timestamp}.{message.body}").sign(context)
        return request.with_header(f"{message.prefix}-id", f"{message.id}.{message.timestamp}").with_body(
            message.body.encode()
        )

    @vendor.tamper("headers under both names, the forged under the other", 0.5, AS_VENDOR)
    def both_names(context, message):
        request = message.sign(context)
        other = "svix" if message.prefix == "webhook" else "webhook"
        forged = (
            (f"{other}-id", "forged"),
            (f"{other}-timestamp", str(message.timestamp)),
            (f"{other}-signature", noise(context.draw)),
        )
        return replace(request, headers=request.headers + forged)

    @vendor.tamper("query added", 0.5, ACCEPT)
    def query(context, message):
        """The URL is not signed."""
        return replace(
            message, path=f"{message.path}?{context.draw.form([(context.draw.word(), context.draw.text())])}"
        ).sign(context)

    return vendor


def package_vendor(name, provider, secrets, body, prefix, module):
    def packages(environment):
        return [Python(environment, module), Node(environment, module)]

    vendor = Vendor(name, provider, secrets, packages)
    vendor.body = body
    slugs = [slug for slug in ("default", "rotating", "bare") if slug != "bare" or provider == "generic"]
    return declare(vendor, "secret", slugs, "secret_previous", prefix)


standard = package_vendor("standardwebhooks", "generic", generic_secrets, generic_body, "webhook", "standardwebhooks")
svix = package_vendor("svix", "generic", generic_secrets, generic_body, "svix", "svix")
asterisk = package_vendor("asterisk", "asterisk", asterisk_secrets, asterisk_body, "webhook", "standardwebhooks")
asymmetric = Vendor("standard-v1a", "generic", generic_secrets, lambda environment: [Asymmetric(environment)])
asymmetric.body = generic_body
declare(asymmetric, "_private_key", ["rotating"], "_private_key_previous")

vendors = [standard, svix, asymmetric, asterisk]
