"""Vonage: a bearer JSON Web Token, HS256 with the signature secret, whose `payload_hash` covers the body."""

import base64
import hashlib
import hmac
import json
import warnings
from dataclasses import dataclass, replace

from ..catalogue import ACCEPT, AS_VENDOR, Package, Vendor
from ..change import body_changed
from ..request import Request
from .standard_webhooks import TOLERANCE


def secrets(draw):
    return {
        "default": {"signature_secret": draw.secret(32)},
        "rotating": {"signature_secret": draw.secret(48), "signature_secret_previous": draw.secret(64)},
        # The key is the UTF-8 of the secret.
        "unicode": {"signature_secret": f"{draw.secret(28)}-clé-ключ"},
    }


def keys(known):
    return [known[name] for name in ("signature_secret", "signature_secret_previous") if name in known]


def token_of(request: Request) -> str | None:
    scheme, _, token = (request.joined("Authorization") or "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


class Python(Package):
    def __init__(self, environment):
        import jwt
        import vonage_jwt

        # PyJWT warns of keys that are short for their algorithm, which tampered tokens have.
        warnings.filterwarnings("ignore", module="jwt")
        self.jwt, self.module = jwt, vonage_jwt
        versions = f"{environment.python_version('vonage-jwt')}, PyJWT {environment.python_version('PyJWT')}"
        self.name = f"vonage-jwt {versions} (Python)"

    def token(self, claims, key, algorithm="HS256", headers=None):
        return self.jwt.encode(claims, key, algorithm, headers)

    def verify(self, request, origin, secrets, now):
        token = token_of(request)
        return token is not None and any(self.accepts(token, key) for key in keys(secrets))

    def accepts(self, token, key):
        try:
            return self.module.verify_signature(token, key)
        except self.module.VonageVerifyJwtError:
            return False


class Node(Package):
    language = "node"

    def __init__(self, environment):
        self.node = environment.node()
        self.name = f"@vonage/jwt {environment.node_version('@vonage/jwt')} (Node)"

    def token(self, claims, key, algorithm="HS256", headers=None):
        return self.node.call("vonage.sign", claims=claims, key=key, algorithm=algorithm)

    def verify(self, request, origin, secrets, now):
        token = token_of(request)
        return token is not None and any(
            self.node.verdict("vonage.verify", token=token, secret=key) for key in keys(secrets)
        )

    def close(self):
        self.node.close()


@dataclass(frozen=True)
class Message:
    slug: str
    target: str
    key: str
    claims: dict
    body: bytes
    method: str = "POST"
    scheme: str = "Bearer"
    algorithm: str = "HS256"

    def token(self, context):
        return context.package.token(self.claims, self.key, self.algorithm)

    def sign(self, context) -> Request:
        return self.sent(context, self.token(context))

    def sent(self, context, token) -> Request:
        """With this token."""
        headers = [("Authorization", f"{self.scheme} {token}"), ("User-Agent", "Apache-HttpAsyncClient/4.1")]
        if self.method == "POST":
            headers.append(("Content-Type", "application/json"))
        context.draw.shuffle(headers)
        return Request(self.method, self.target, tuple(headers), self.body)

    def claim(self, **changes) -> "Message":
        """With other claims; `None` takes one away."""
        claims = {name: value for name, value in (self.claims | changes).items() if value is not None}
        return replace(self, claims=claims)


def event(draw):
    return {
        "headers": {},
        "from": draw.phone()[1:],
        "to": draw.phone()[1:],
        "uuid": draw.few("aaaaaaaa-bbbb-cccc-dddd-01234567"),
        "conversation_uuid": draw.few("CON-aaaaaaaa-bbbb-cccc-dddd-01234567"),
        "status": draw.choice(
            ["started", "ringing", "answered", "completed", "busy", "cancelled", "unanswered", "odd"]
        ),
        "direction": draw.choice(["inbound", "outbound"]),
        "timestamp": "2020-07-01T20:45:34.796Z",
        draw.word(): draw.text(),
    }


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def start(context, slug=None, body=None, key="signature_secret", **changes) -> Message:
    draw = context.draw
    slug = slug or draw.choice(["default", "rotating", "unicode"])
    body = draw.json(event(draw)).encode() if body is None else body
    claims = {
        "iat": context.now + draw.choice([0, draw.randrange(-TOLERANCE + 60, -5)]),
        "jti": draw.uuid(),
        "iss": "Vonage",
        "api_key": draw.hexdigits(8),
        "payload_hash": digest(body),
    }
    if draw.chance(0.5):
        claims["application_id"] = draw.uuid()
    target = "/hooks/vonage" + ("" if slug == "default" else f".{slug}")
    target += draw.choice(["", "/event", "/event", "/answer"])
    return Message(slug, target, context.connections[slug][key], claims, body, **changes)


vendor = Vendor("vonage", "vonage", secrets, lambda environment: [Python(environment), Node(environment)])


@vendor.variant("event", 8)
def message(context):
    return start(context)


@vendor.variant("body that is not JSON", 0.5)
def text(context):
    return start(context, body=context.draw.text().encode())


@vendor.variant("empty body", 0.3)
def empty(context):
    return start(context, body=b"")


@vendor.variant("previous secret", 1)
def previous(context):
    return start(context, "rotating", key="signature_secret_previous")


@vendor.variant("scheme in other letters", 0.5)
def scheme(context):
    return start(context, scheme=context.draw.choice(["bearer", "BEARER"]))


@vendor.variant("hash in capitals", 0.3)
def capitals(context):
    message = start(context)
    return message.claim(payload_hash=message.claims["payload_hash"].upper())


@vendor.variant("end of validity ahead", 0.5)
def expires(context):
    return start(context).claim(exp=context.now + 900, nbf=context.now - 60)


@vendor.variant("GET", 1.5)
def get(context):
    draw = context.draw
    pairs = [("to", draw.phone()[1:]), ("from", draw.phone()[1:]), ("uuid", draw.uuid()), (draw.word(), draw.text())]
    message = start(context, body=b"", method="GET")
    claim = draw.choice([None, None, digest(b"")])
    return replace(message.claim(payload_hash=claim), target=f"{message.target}?{draw.form(pairs)}")


POSTS = ("event", "previous secret", "scheme in other letters")


def encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def forge(header: dict, payload: bytes, key: bytes, function=hashlib.sha256) -> str:
    text = f"{encoded(json.dumps(header).encode())}.{encoded(payload)}"
    return f"{text}.{encoded(hmac.new(key, text.encode(), function).digest())}"


@vendor.tamper("other secret", 3)
def other_key(context, message):
    return replace(message, key=context.draw.secret(32)).sign(context)


@vendor.tamper("secret as base64 or hexadecimal", 0.5)
def key_encoded(context, message):
    key = message.key.encode()
    return replace(message, key=context.draw.choice([base64.b64encode(key).decode(), key.hex()])).sign(context)


@vendor.tamper("sent to another connection")
def elsewhere(context, message):
    slug = "" if message.slug != "default" else ".rotating"
    rest = message.target.removeprefix("/hooks/vonage").removeprefix(f".{message.slug}")
    return replace(message, target=f"/hooks/vonage{slug}{rest}").sign(context)


@vendor.tamper("body changed", 4, AS_VENDOR, variants=POSTS)
def body(context, message):
    changed = body_changed(context.draw, message.body)
    return None if changed is None else message.sign(context).with_body(changed)


@vendor.tamper("JSON written differently", 3, AS_VENDOR, variants=POSTS)
def rewritten(context, message):
    changed = context.draw.json(json.loads(message.body)).encode()
    return None if changed == message.body else message.sign(context).with_body(changed)


@vendor.tamper("hash of another body", 2, AS_VENDOR, variants=POSTS)
def hash_other(context, message):
    return message.claim(payload_hash=digest(message.body + b" ")).sign(context)


@vendor.tamper("hash missing", 1, AS_VENDOR, variants=POSTS)
def hash_missing(context, message):
    return message.claim(payload_hash=None).sign(context)


@vendor.tamper("hash is no text", 0.5, AS_VENDOR, variants=POSTS)
def hash_odd(context, message):
    return message.claim(payload_hash=context.draw.choice(["", True, 7, [message.claims["payload_hash"]], {}])).sign(
        context
    )


@vendor.tamper("hash in base64", 0.5, AS_VENDOR, variants=POSTS)
def hash_base64(context, message):
    text = base64.b64encode(hashlib.sha256(message.body).digest()).decode()
    return message.claim(payload_hash=text).sign(context)


@vendor.tamper("other issuer", 1, AS_VENDOR)
def issuer(context, message):
    return message.claim(iss=context.draw.choice([None, "vonage", "Nexmo", "", "Vonage "])).sign(context)


@vendor.tamper("issued too long ago", 2, AS_VENDOR)
def old(context, message):
    away = int(TOLERANCE + 60 + 10 ** context.draw.uniform(0, 7))
    return message.claim(iat=context.now - away).sign(context)


@vendor.tamper("issued in the future", 1, AS_VENDOR)
def future(context, message):
    away = int(TOLERANCE + 60 + 10 ** context.draw.uniform(0, 7))
    return message.claim(iat=context.now + away).sign(context)


@vendor.tamper("without time of issue", 0.5, AS_VENDOR, variants=POSTS)
def no_time(context, message):
    claims = {name: value for name, value in message.claims.items() if name != "iat"}
    return message.sent(context, forge({"alg": "HS256"}, json.dumps(claims).encode(), message.key.encode()))


@vendor.tamper("no longer valid", 1)
def expired(context, message):
    return message.claim(exp=context.now - TOLERANCE - 60).sign(context)


@vendor.tamper("not valid yet", 1)
def not_before(context, message):
    return message.claim(nbf=context.now + TOLERANCE + 60).sign(context)


@vendor.tamper("token missing", 1)
def missing(context, message):
    return message.sign(context).without("Authorization")


@vendor.tamper("token empty", 0.5)
def no_token(context, message):
    return message.sent(context, "")


@vendor.tamper("other scheme", 1)
def other_scheme(context, message):
    return replace(message, scheme=context.draw.choice(["Basic", "Token", "JWT", "Bearer:"])).sign(context)


@vendor.tamper("token without a scheme", 0.5)
def no_scheme(context, message):
    return message.sign(context).with_header("Authorization", message.token(context))


@vendor.tamper("token in the query", 0.5, variants=POSTS)
def in_query(context, message):
    request = message.sign(context).without("Authorization")
    return request.with_target(f"{request.target}?access_token={message.token(context)}")


def twice(context, message, genuine_first):
    request = message.sign(context)
    pair = [("Authorization", request.joined("Authorization")), ("Authorization", f"Bearer {context.draw.secret(40)}")]
    if not genuine_first:
        pair.reverse()
    return replace(request, headers=(*request.without("Authorization").headers, *pair))


@vendor.tamper("token twice, genuine first", 0.5)
def genuine_first(context, message):
    return twice(context, message, True)


@vendor.tamper("token twice, forged first", 0.5)
def forged_first(context, message):
    return twice(context, message, False)


@vendor.tamper("GET, query changed", 1, ACCEPT, variants=("GET",))
def get_changed(context, message):
    """The token covers no URL: this is why Vonage's URLs should be set to POST."""
    request = message.sign(context)
    return request.with_target(request.target + "0")


@vendor.tamper("GET with a body", 1, AS_VENDOR, variants=("GET",))
def get_with_body(context, message):
    return message.sign(context).with_body(b'{"status":"completed"}')


@vendor.tamper("GET becomes POST", 1, AS_VENDOR, variants=("GET",))
def get_to_post(context, message):
    message = message.claim(payload_hash=None)
    return replace(message, method="POST", body=b'{"status":"completed"}').sign(context)


@vendor.tamper("query added to a POST", 0.5, ACCEPT, variants=POSTS)
def query(context, message):
    return replace(
        message, target=f"{message.target}?{context.draw.form([(context.draw.word(), context.draw.text())])}"
    ).sign(context)
