"""Providers that send a credential and no signature: HTTP Basic, bearer tokens, a token in a header.

No package of theirs verifies anything. Bodies come from the vendors' models and builders where there are any; what the
credential has to be is read from the RFCs (7617, 6750) here once more, independently of the server.
"""

import base64
from dataclasses import dataclass, replace

from ..catalogue import ACCEPT, REFUSE, Package, Vendor
from ..request import Request


@dataclass(frozen=True)
class Message:
    slug: str
    target: str
    # Name and value of the header with the credential.
    header: str
    value: str
    body: bytes
    headers: tuple = ()
    method: str = "POST"

    def sign(self, context) -> Request:
        headers = [*self.headers, (self.header, self.value)]
        context.draw.shuffle(headers)
        return Request(self.method, self.target, tuple(headers), self.body)

    def valued(self, value) -> "Message":
        return replace(self, value=value)


class Scheme:
    """How a credential is sent and checked."""

    header = "Authorization"

    def values(self, secrets) -> list[str]:
        """The values that the header may have, the present one first."""
        raise NotImplementedError

    def accepts(self, value: str, secrets) -> bool:
        return value.strip() in self.values(secrets)

    def is_set(self, secrets) -> bool:
        """Whether the connection has such a credential at all."""
        try:
            return bool(self.values(secrets))
        except KeyError:
            return False

    def made_up(self, draw) -> str:
        """The credential of somebody else."""
        raise NotImplementedError


class Basic(Scheme):
    def values(self, secrets):
        passwords = [secrets[name] for name in ("password", "password_previous") if name in secrets]
        return [basic(secrets["username"], password) for password in passwords]

    def accepts(self, value, secrets):
        scheme, _, rest = value.strip().partition(" ")
        return scheme.lower() == "basic" and f"Basic {rest.strip()}" in self.values(secrets)

    def made_up(self, draw):
        return basic(draw.word(), draw.secret(20))


class Bearer(Scheme):
    def values(self, secrets):
        return [f"Bearer {secrets[name]}" for name in ("token", "token_previous") if name in secrets]

    def accepts(self, value, secrets):
        scheme, _, rest = value.strip().partition(" ")
        return scheme.lower() == "bearer" and f"Bearer {rest.strip()}" in self.values(secrets)

    def made_up(self, draw):
        return f"Bearer {draw.secret(32)}"


class Token(Scheme):
    """The whole value of a header."""

    def __init__(self, header, secret):
        self.header, self.secret = header, secret

    def values(self, secrets):
        return [secrets[name] for name in (self.secret, f"{self.secret}_previous") if name in secrets]

    def made_up(self, draw):
        return draw.secret(32)


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


class Independent(Package):
    verifies = False

    def __init__(self, name, schemes, language="python"):
        self.name, self.schemes, self.language = name, schemes, language

    def verify(self, request, origin, secrets, now):
        return any(
            scheme.accepts(value, secrets)
            for scheme in self.schemes
            if (value := request.joined(scheme.header)) and scheme.is_set(secrets)
        )


def declare(vendor: Vendor, schemes: dict[str, Scheme], slugs: dict[str, str], body, rotating="rotating"):
    """The variants and tampers of a vendor.

    `schemes`: by name. `slugs`: which scheme a connection is used with. `body(context)` gives headers and body.
    `rotating`: the connection that has a previous secret.
    """

    def start(context, slug=None, at=0) -> Message:
        slug = slug or context.draw.choice(list(slugs))
        scheme = schemes[slugs[slug]]
        headers, octets = body(context)
        target = f"/hooks/{vendor.provider}" + ("" if slug == "default" else f".{slug}")
        value = scheme.values(context.connections[slug])[at]
        return Message(slug, target, scheme.header, value, octets, tuple(headers))

    def scheme_of(message) -> Scheme:
        return schemes[slugs[message.slug]]

    @vendor.variant("delivery", 8)
    def delivery(context):
        return start(context)

    @vendor.variant("previous secret", 1)
    def previous(context):
        return start(context, rotating, 1)

    @vendor.variant("name of the scheme in other letters", 0.5)
    def letters(context):
        message = start(context)
        word, _, rest = message.value.partition(" ")
        return message.valued(f"{context.draw.choice([word.lower(), word.upper()])} {rest}") if rest else None

    def revalued(name, weight, change, want=REFUSE):
        @vendor.tamper(f"credential: {name}", weight, want)
        def tamper(context, message, change=change):
            value = change(context.draw, message.value)
            return None if value is None or value == message.value else message.valued(value).sign(context)

    def changed(draw, value):
        at = draw.randrange(value.rfind(" ") + 1, len(value))
        # The last digits of base64 may have bits that mean nothing: those are for the strict check of the spelling.
        char = draw.choice([char for char in "abcXYZ019" if char != value[at]])
        return value[:at] + char + value[at + 1 :]

    def cut(draw, value):
        return value[: draw.randrange(value.rfind(" ") + 1, len(value))]

    revalued("byte changed", 3, changed)
    revalued("truncated", 1, cut)
    revalued("extended", 1, lambda draw, value: value + draw.choice("aZ0=.,"))
    revalued("repeated", 0.5, lambda draw, value: f"{value} {value}")
    revalued(
        "first letter missing", 0.5, lambda draw, value: value[: value.rfind(" ") + 1] + value[value.rfind(" ") + 2 :]
    )
    revalued(
        "in other letters",
        1,
        lambda draw, value: value[: value.rfind(" ") + 1] + value[value.rfind(" ") + 1 :].swapcase(),
    )
    revalued("empty", 1, lambda draw, value: "")
    revalued("scheme alone", 0.5, lambda draw, value: value.partition(" ")[0] + " " if " " in value else None)
    revalued("without the scheme", 0.5, lambda draw, value: value.partition(" ")[2] or None)
    revalued(
        "other scheme",
        1,
        lambda draw, value: f"{draw.choice(['Digest', 'Token', 'Negotiate'])} {value.rpartition(' ')[2]}",
    )
    revalued("a word before it", 0.5, lambda draw, value: f"x{value}")
    revalued("unpadded", 0.5, lambda draw, value: value.rstrip("=") if value.startswith("Basic") else None)

    @vendor.tamper("credential: somebody else's", 3)
    def made_up(context, message):
        return message.valued(scheme_of(message).made_up(context.draw)).sign(context)

    @vendor.tamper("credential: missing", 2)
    def missing(context, message):
        return message.sign(context).without(message.header)

    @vendor.tamper("credential: in another header", 1)
    def elsewhere(context, message):
        name = context.draw.choice(["X-Authorization", "Proxy-Authorization", "X-Token", "Cookie"])
        return replace(message, header=name).sign(context)

    @vendor.tamper("sent to another connection", 2)
    def other_connection(context, message):
        slug = context.draw.choice([slug for slug in slugs if slug != message.slug])
        target = f"/hooks/{vendor.provider}" + ("" if slug == "default" else f".{slug}")
        return replace(message, target=target).sign(context)

    def twice(context, message, genuine_first):
        request = message.sign(context)
        pair = [(message.header, message.value), (message.header, scheme_of(message).made_up(context.draw))]
        if not genuine_first:
            pair.reverse()
        return replace(request, headers=(*request.without(message.header).headers, *pair))

    @vendor.tamper("credential: twice, genuine first", 0.5)
    def genuine_first(context, message):
        return twice(context, message, True)

    @vendor.tamper("credential: twice, forged first", 0.5)
    def forged_first(context, message):
        return twice(context, message, False)

    @vendor.tamper("credential: user and password apart", 1)
    def user_changed(context, message):
        if not message.value.startswith("Basic "):
            return None
        user, _, password = base64.b64decode(message.value[6:]).decode().partition(":")
        value = context.draw.choice(
            [
                basic(user + "x", password),
                basic("", password),
                basic(user, ""),
                basic(user, password + ":"),
                basic(password, user),
            ]
        )
        return message.valued(value).sign(context)

    @vendor.tamper("body changed", 1, ACCEPT)
    def body_changed(context, message):
        """Nothing covers the body: that is what this kind of credential is."""
        headers, octets = body(context)
        return replace(message, headers=tuple(headers), body=octets).sign(context)

    @vendor.tamper("query added", 0.5, ACCEPT)
    def query(context, message):
        pairs = [(f"q{context.draw.word()}", context.draw.text())]
        return replace(message, target=f"{message.target}?{context.draw.form(pairs)}").sign(context)

    return start
