"""Vonage: what can happen to the text of the token, and tokens of one's own making."""

import base64
import functools
import hashlib
import json

from ..catalogue import AS_VENDOR, REFUSE
from ..change import other
from .vonage import digest, encoded, forge, vendor

URLSAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def on_token(name, weight=1.0, want=AS_VENDOR, variants=None):
    """Declares a change of the token's text: `change(draw, header, payload, signature)` gives the parts again."""

    def declare(change):
        @vendor.tamper(f"token: {name}", weight, want, variants=variants)
        def tamper(context, message):
            parts = message.token(context).split(".")
            changed = change(context.draw, *parts)
            return None if changed is None or changed == parts else message.sent(context, ".".join(changed))

        return change

    return declare


def part_changed(draw, part):
    at = draw.randrange(len(part) - 1)
    return part[:at] + other(draw, URLSAFE, part[at]) + part[at + 1 :]


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@on_token("signature changed", 3, REFUSE)
def signature_changed(draw, header, payload, signature):
    return [header, payload, part_changed(draw, signature)]


@on_token("payload changed", 3, REFUSE)
def payload_changed(draw, header, payload, signature):
    return [header, part_changed(draw, payload), signature]


@on_token("header changed", 2, REFUSE)
def header_changed(draw, header, payload, signature):
    return [part_changed(draw, header), payload, signature]


@on_token("hash replaced in the payload", 1, REFUSE)
def hash_replaced(draw, header, payload, signature):
    claims = json.loads(decoded(payload)) | {"payload_hash": digest(b"forged")}
    return [header, encoded(json.dumps(claims).encode()), signature]


@on_token("unused bits set", 0.5, REFUSE)
def unused_bits(draw, header, payload, signature):
    # 32 bytes are 43 digits: two bits of the last one mean nothing.
    number = URLSAFE.index(signature[-1])
    same = [char for char in URLSAFE if URLSAFE.index(char) // 4 == number // 4 and char != signature[-1]]
    return [header, payload, signature[:-1] + draw.choice(same)]


@on_token("padded", 0.5)
def padded(draw, header, payload, signature):
    return [header, payload, signature + "="]


@on_token("the other base64", 0.5, REFUSE)
def other_alphabet(draw, header, payload, signature):
    return [header, payload, signature.replace("-", "+").replace("_", "/")]


@on_token("foreign characters", 0.5, REFUSE)
def foreign(draw, header, payload, signature):
    return [header, payload, signature[:5] + draw.choice("!~*") + signature[5:]]


@on_token("signature truncated", 1, REFUSE)
def truncated(draw, header, payload, signature):
    return [header, payload, signature[: draw.randrange(len(signature) - 1)]]


@on_token("parts missing or too many", 1, REFUSE)
def parts(draw, header, payload, signature):
    return draw.choice(
        [[header, payload], [header, payload, signature, ""], [header, payload, signature, "e30"], [payload]]
    )


@on_token("unsigned: alg none", 2, REFUSE)
def alg_none(draw, header, payload, signature):
    forged = encoded(json.dumps({"alg": draw.choice(["none", "None", "NONE", "nOnE", ""]), "typ": "JWT"}).encode())
    return [forged, payload, draw.choice(["", signature])]


def forged(name, weight, want, variants=None):
    """Declares a token of one's own making: `make(context, message, payload)`."""

    def declare(make):
        @vendor.tamper(f"token: {name}", weight, want, variants=variants)
        def tamper(context, message):
            return message.sent(context, make(context, message, json.dumps(message.claims).encode()))

        return make

    return declare


@forged("HS384 or HS512 with the secret", 1, REFUSE)
def other_hash(context, message, payload):
    bits = context.draw.choice([384, 512])
    return forge({"alg": f"HS{bits}", "typ": "JWT"}, payload, message.key.encode(), getattr(hashlib, f"sha{bits}"))


@forged("RS256 in the header, HMAC below", 1, REFUSE)
def confused(context, message, payload):
    return forge({"alg": context.draw.choice(["RS256", "ES256", "PS256"])}, payload, message.key.encode())


@forged("algorithm in small letters", 0.5, REFUSE)
def small(context, message, payload):
    return forge({"alg": "hs256", "typ": "JWT"}, payload, message.key.encode())


@forged("without algorithm", 0.5, REFUSE)
def no_algorithm(context, message, payload):
    return forge({"typ": "JWT"}, payload, message.key.encode())


@forged("empty key", 1, REFUSE)
def empty_key(context, message, payload):
    return forge({"alg": "HS256", "typ": "JWT"}, payload, b"")


@forged("key in its own header", 1, REFUSE)
def own_key(context, message, payload):
    key = context.draw.randbytes(32)
    header = {"alg": "HS256", "typ": "JWT", "jwk": {"kty": "oct", "k": encoded(key)}, "kid": "../../dev/null"}
    return forge(header, payload, key)


@forged("extension that must be understood", 0.5, AS_VENDOR)
def critical(context, message, payload):
    return forge({"alg": "HS256", "crit": ["exp-b64"], "exp-b64": True}, payload, message.key.encode())


@forged("payload is no object", 0.5, AS_VENDOR)
def no_object(context, message, payload):
    return forge({"alg": "HS256"}, context.draw.choice([b"[]", b'"text"', b"7", b"null", b"{"]), message.key.encode())


@vendor.tamper("token: RS256 with a key of one's own", 0.5)
def rs256(context, message):
    from cryptography.hazmat.primitives import serialization

    pem = own_rsa_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return message.sent(context, context.package.token(message.claims, pem.decode(), "RS256"))


@functools.cache
def own_rsa_key():
    """Which key it is does not matter, so it is not drawn."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(65537, 2048)
