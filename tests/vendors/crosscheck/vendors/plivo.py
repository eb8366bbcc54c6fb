"""Plivo V3: HMAC-SHA256 over the URL, its sorted query, the sorted form and a nonce."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from ..catalogue import ACCEPT, AS_VENDOR, Package, Vendor
from ..change import form_tampers, signature_tampers, url_tampers
from ..request import Request, multi

SIGNATURE, MAIN, NONCE = "X-Plivo-Signature-V3", "X-Plivo-Signature-Ma-V3", "X-Plivo-Signature-V3-Nonce"
FORM = "application/x-www-form-urlencoded"
PURPOSES = ["answer", "fallback", "ring", "hangup", "dial", "dial-events", "recording", "voicemail-done"]


def secrets(draw):
    return {
        "default": {"auth_token": draw.secret(40)},
        "rotating": {"auth_token": draw.secret(40), "auth_token_previous": draw.secret(40)},
    }


def keys(known):
    return [known[name] for name in ("auth_token", "auth_token_previous") if name in known]


def single(params):
    """Lists of one value as the value itself."""
    return {name: values[0] if len(values) == 1 else values for name, values in params.items()}


class Common(Package):
    def verify(self, request, origin, secrets, now):
        nonce = request.joined(NONCE) or ""
        given = [signature for name in (SIGNATURE, MAIN) if (signature := request.joined(name))]
        # What an application hands over besides the URL: the form of a POST.
        form = request.text() if request.method == "POST" and request.is_form() else ""
        url = origin + request.target
        return any(self.accepts(request.method, url, nonce, key, one, form) for key in keys(secrets) for one in given)


class Python(Common):
    def __init__(self, environment):
        from plivo.utils import signature_v3

        self.module = signature_v3
        self.name = f"plivo {environment.python_version('plivo')} (Python)"

    def sign(self, key, method, url, pairs, nonce):
        params = single(multi(pairs))
        make = self.module.construct_get_url if method == "GET" else self.module.construct_post_url
        return self.module.get_signature_v3(key, make(url, params).decode(), nonce).decode()

    def accepts(self, method, url, nonce, key, signature, form):
        params = single(multi(parse_qsl(form, keep_blank_values=True, errors="replace")))
        try:
            return self.module.validate_v3_signature(method, url, nonce, key, signature, params)
        except UnicodeEncodeError:
            # What it does with a query beyond ASCII.
            return False


class Node(Common):
    language = "node"

    def __init__(self, environment):
        self.node = environment.node()
        self.name = f"plivo {environment.node_version('plivo')} (Node)"

    def sign(self, key, method, url, pairs, nonce):
        """The package verifies only; this is the documented scheme, which the package then has to accept."""
        plain, _, query = url.partition("?")
        query = sorted(parse_qsl(query, keep_blank_values=True))
        text = plain + ("?" if query or pairs else "") + "&".join(f"{name}={value}" for name, value in query)
        text += ("." if query and pairs else "") + "".join(name + value for name, value in sorted(pairs))
        digest = hmac.new(key.encode(), f"{text}.{nonce}".encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()

    def accepts(self, method, url, nonce, key, signature, form):
        return self.node.verdict(
            "plivo.verify", method=method, url=url, nonce=nonce, token=key, signature=signature, form=form
        )

    def close(self):
        self.node.close()


@dataclass(frozen=True)
class Message:
    slug: str
    path: str
    key: str
    nonce: str
    origin: str
    method: str = "POST"
    query: str | None = None
    pairs: tuple = ()
    body: bytes = b""
    content_type: str | None = FORM
    header: str = SIGNATURE
    # Text around the signature in its header.
    before: str = ""
    after: str = ""

    @property
    def target(self):
        return self.path if self.query is None else f"{self.path}?{self.query}"

    def signature(self, context):
        return context.package.sign(self.key, self.method, self.origin + self.target, self.pairs, self.nonce)

    def sign(self, context) -> Request:
        headers = [(self.header, self.before + self.signature(context) + self.after), (NONCE, self.nonce)]
        if self.content_type:
            headers.append(("Content-Type", self.content_type))
        context.draw.shuffle(headers)
        return Request(self.method, self.target, tuple(headers), self.body)


def parameters(draw):
    pairs = [
        ("CallUUID", draw.few("70ce9e67-0000-4000-8000-00000000")),
        ("From", draw.phone()[1:]),
        ("To", draw.choice([draw.phone()[1:], "sip:agent@phone.plivo.com"])),
        ("CallStatus", draw.choice(["ringing", "in-progress", "completed", "busy", "no-answer"])),
        ("Direction", draw.choice(["inbound", "outbound"])),
        ("Event", draw.choice(["StartApp", "Ring", "Hangup"])),
        ("SessionStart", "2026-06-08 11:34:32.870618"),
    ]
    names = [draw.choice(["", "X-PH-", "SIP-H-"]) + draw.word() for _ in range(draw.randrange(4))]
    pairs += [(name, draw.text()) for name in dict.fromkeys(names)]
    draw.shuffle(pairs)
    return pairs


def query(draw):
    """Plain: for the dot, and for what is beyond ASCII, there are variants."""
    pairs = [(plain(draw.word()), plain(draw.ascii())) for _ in range(draw.randrange(1, 4))]
    return draw.form(dict(pairs).items())


def plain(text):
    return text.replace("&", "").replace(".", "")


def nonce(draw):
    return str(draw.getrandbits(66)).rjust(20, "0")[:20]


def start(context, slug=None, **changes) -> Message:
    draw = context.draw
    slug = slug or draw.choice(["default", "rotating"])
    path = "/hooks/plivo" + ("" if slug == "default" else f".{slug}")
    if draw.chance(0.9):
        path += "/" + draw.choice(PURPOSES)
    values = {"origin": context.origin, "query": query(draw) if draw.chance(0.4) else None, "nonce": nonce(draw)}
    return Message(slug=slug, path=path, key=context.connections[slug]["auth_token"], **(values | changes))


def with_form(context, message, pairs) -> Message:
    return replace(message, pairs=tuple(pairs), body=context.draw.form(pairs).encode())


vendor = Vendor("plivo", "plivo", secrets, lambda environment: [Python(environment), Node(environment)])


@vendor.variant("form", 6)
def form(context):
    return with_form(context, start(context), parameters(context.draw))


@vendor.variant("form with repeated names", 2)
def repeated(context):
    pairs = parameters(context.draw)
    for name, value in context.draw.sample(pairs, 2):
        pairs.append((name, context.draw.choice([value, value + "0", "", context.draw.ascii()])))
    return with_form(context, start(context), pairs)


@vendor.variant("empty form", 0.5)
def empty_form(context):
    return start(context)


@vendor.variant("query with repeated names", 0.5)
def repeated_query(context):
    name = plain(context.draw.word())
    pairs = [(name, plain(context.draw.word())) for _ in range(3)]
    return with_form(context, start(context, query=context.draw.form(pairs)), parameters(context.draw))


@vendor.variant("query with a dot", 0.3, alone=True)
def dotted_query(context):
    pairs = [("version", f"1.{context.draw.randrange(100)}")]
    return with_form(context, start(context, query=context.draw.form(pairs)), parameters(context.draw))


@vendor.variant("query beyond ASCII", 0.3, ("node",), alone=True)
def unicode_query(context):
    pairs = [("city", context.draw.choice("éßøñжמ日😀") + plain(context.draw.word()))]
    return with_form(context, start(context, query=context.draw.form(pairs)), parameters(context.draw))


@vendor.variant("GET", 2)
def get(context):
    pairs = [(name, value if value.isascii() else "x") for name, value in parameters(context.draw)]
    pairs = [(name, value.replace("&", "")) for name, value in pairs]
    return start(context, method="GET", query=context.draw.form(pairs), content_type=None)


@vendor.variant("GET with a value like another parameter", 0.3, alone=True)
def get_ambiguous(context):
    pairs = [*parameters(context.draw)[:2], ("Tag", "a&CallStatus=completed")]
    pairs = [(name, value) for name, value in pairs if value.isascii()]
    return start(context, method="GET", query=context.draw.form(pairs), content_type=None)


@vendor.variant("previous token", 1)
def previous(context):
    key = context.connections["rotating"]["auth_token_previous"]
    return with_form(context, replace(start(context, "rotating"), key=key), parameters(context.draw))


@vendor.variant("main account's header", 0.5)
def main_account(context):
    return with_form(context, start(context, header=MAIN), parameters(context.draw))


@vendor.variant("list of signatures", 1)
def several(context):
    noise = [context.draw.base64(32) for _ in range(context.draw.randrange(1, 4))]
    at = context.draw.randrange(len(noise) + 1)
    before = "".join(f"{one}," for one in noise[:at])
    after = "".join(f",{one}" for one in noise[at:])
    return with_form(context, start(context, before=before, after=after), parameters(context.draw))


@vendor.variant("list of signatures with spaces", 0.3, alone=True)
def spaced(context):
    return with_form(context, start(context, before=f"{context.draw.base64(32)}, "), parameters(context.draw))


@vendor.variant("more signatures than are looked at", 0.2, alone=True)
def many(context):
    before = "".join(f"{context.draw.base64(32)}," for _ in range(context.draw.randrange(16, 30)))
    return with_form(context, start(context, before=before), parameters(context.draw))


FORMS = ("form", "form with repeated names", "query with repeated names", "previous token")
SIGNED = (*FORMS, "empty form", "GET")

signature_tampers(vendor, SIGNATURE, wants={"twice": AS_VENDOR}, variants=SIGNED)
form_tampers(vendor, reorder=ACCEPT, duplicate=AS_VENDOR, variants=FORMS)
# The query is decoded and sorted before it is signed: how it is spelled does not matter.
harmless = ("order changed", "case of codes changed", "code for a letter", "bare question mark")
url_tampers(vendor, PURPOSES, wants=dict.fromkeys(harmless, AS_VENDOR), variants=SIGNED)


@vendor.tamper("other token", 3)
def other_key(context, message):
    return replace(message, key=context.draw.secret(40)).sign(context)


@vendor.tamper("sent to another connection")
def elsewhere(context, message):
    request = message.sign(context)
    slug = ".rotating" if message.slug == "default" else ""
    rest = request.target.removeprefix("/hooks/plivo").removeprefix("." + message.slug)
    return request.with_target(f"/hooks/plivo{slug}{rest}")


@vendor.tamper("signed for another host")
def other_host(context, message):
    origin = context.draw.choice(
        ["https://crm.example.org", "https://crm.example.com:8443", "https://crm.example.com.org"]
    )
    return replace(message, origin=origin).sign(context)


@vendor.tamper("signed with or without the port")
def other_port(context, message):
    scheme, _, host = context.origin.partition("://")
    host = host.split(":")[0] if ":" in host else f"{host}:{443 if scheme == 'https' else 80}"
    return replace(message, origin=f"{scheme}://{host}").sign(context)


@vendor.tamper("nonce changed", 2)
def nonce_changed(context, message):
    return message.sign(context).with_header(NONCE, nonce(context.draw))


@vendor.tamper("nonce missing", 1)
def nonce_missing(context, message):
    return message.sign(context).without(NONCE)


@vendor.tamper("nonce empty", 0.5)
def nonce_empty(context, message):
    return message.sign(context).with_header(NONCE, "")


@vendor.tamper("empty nonce signed", 0.5, AS_VENDOR)
def nonce_empty_signed(context, message):
    return replace(message, nonce="").sign(context)


@vendor.tamper("end of the parameters moved into the nonce", 1, AS_VENDOR, variants=("form",))
def nonce_border(context, message):
    """`…parameters.nonce`: what stands behind a dot in the last value could be passed off as part of the nonce."""
    pairs = [*message.pairs, ("zzz", f"kept.{context.draw.word()}")]
    request = replace(message, pairs=tuple(pairs)).sign(context)
    kept, _, moved = pairs[-1][1].partition(".")
    pairs[-1] = ("zzz", kept)
    return request.with_body(context.draw.form(pairs).encode()).with_header(NONCE, f"{moved}.{message.nonce}")


@vendor.tamper("form moved into the query", 0.5, AS_VENDOR, variants=("form",))
def form_to_query(context, message):
    """`url?query.form`: the text of a form could be passed off as the end of the query. Nothing is left to be read then."""
    text = "." + "".join(name + value for name, value in sorted(message.pairs))
    # A query beyond ASCII is another matter: see the variant.
    if not message.query or not text.isascii():
        return None
    *pieces, last = sorted(parse_qsl(message.query, keep_blank_values=True))
    query = context.draw.form([*pieces, (last[0], last[1] + text)])
    return message.sign(context).with_target(f"{message.path}?{query}").with_body(b"")


@vendor.tamper("POST becomes GET", 1, AS_VENDOR, variants=("form", "empty form"))
def to_get(context, message):
    request = message.sign(context)
    query = "&".join(piece for piece in (message.query, message.body.decode()) if piece)
    target = f"{message.path}?{query}" if query else message.path
    return replace(request, method="GET", target=target, body=b"").without("Content-Type")


@vendor.tamper("GET becomes POST", 1, AS_VENDOR, variants=("GET",))
def to_post(context, message):
    request = message.sign(context)
    return replace(request, method="POST", target=message.path, body=message.query.encode()).with_header(
        "Content-Type", FORM
    )


@vendor.tamper("GET with a body", 0.5, AS_VENDOR, variants=("GET",))
def get_with_body(context, message):
    return message.sign(context).with_body(b"CallUUID=forged").with_header("Content-Type", FORM)


@vendor.tamper("signature of V2", 1, variants=("form",))
def version_two(context, message):
    digest = hmac.new(
        message.key.encode(), (message.origin + message.path + message.nonce).encode(), hashlib.sha256
    ).digest()
    signature = base64.b64encode(digest).decode()
    request = message.sign(context).with_header(SIGNATURE, signature)
    return request.with_header("X-Plivo-Signature-V2", signature).with_header(
        "X-Plivo-Signature-V2-Nonce", message.nonce
    )
