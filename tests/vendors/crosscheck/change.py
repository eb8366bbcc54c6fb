"""Ways to tamper that several schemes share. Each takes the drawn randomness and gives a changed copy."""

import base64
from dataclasses import replace

from .catalogue import ACCEPT, AS_VENDOR, REFUSE, Vendor

BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def other(draw, alphabet: str, char: str) -> str:
    return draw.choice([candidate for candidate in alphabet if candidate != char])


def byte_changed(draw, body: bytes) -> bytes | None:
    """One byte of the body is another one."""
    if not body:
        return None
    at = draw.randrange(len(body))
    new = draw.choice([octet for octet in range(0x21, 0x7F) if octet != body[at]])
    return body[:at] + bytes([new]) + body[at + 1 :]


def body_changed(draw, body: bytes) -> bytes | None:
    """A byte more, a byte less, or another byte."""
    match draw.choice(["change", "add", "remove", "append", "empty"]):
        case "change":
            return byte_changed(draw, body)
        case "add":
            at = draw.randrange(len(body) + 1)
            return body[:at] + bytes([draw.randrange(0x21, 0x7F)]) + body[at:]
        case "remove":
            at = draw.randrange(len(body) or 1)
            return (body[:at] + body[at + 1 :]) if body else None
        case "append":
            return body + draw.choice([b" ", b"\n", b"\0", b"{}", b"&"])
        case _:
            return b"" if body else None


# What can be done to a signature in base64, by name.
def _changed(draw, value):
    # Not the last digits: of those, some bits may mean nothing.
    places = [at for at, char in enumerate(value[:-4]) if char in BASE64]
    if not places:
        return None
    at = draw.choice(places)
    return value[:at] + other(draw, BASE64, value[at]) + value[at + 1 :]


def _unused_bits(draw, value):
    # The last digit before the padding has two or four bits that no byte uses.
    bare = value.rstrip("=")
    unused = {1: 4, 2: 16}.get(len(value) - len(bare))
    if unused is None or not bare or bare[-1] not in BASE64:
        return None
    number = BASE64.index(bare[-1])
    same = [char for char in BASE64 if BASE64.index(char) // unused == number // unused and char != bare[-1]]
    return bare[:-1] + draw.choice(same) + value[len(bare) :]


SIGNATURE_CHANGES = {
    "byte changed": _changed,
    "unused bits set": _unused_bits,
    "truncated": lambda draw, value: value[: draw.randrange(1, len(value))] if len(value) > 1 else None,
    "extended": lambda draw, value: value + draw.choice(BASE64 + "="),
    "other case": lambda draw, value: value.swapcase() if value.swapcase() != value else None,
    "made up": lambda draw, value: draw.base64(len(value) * 3 // 4)[: len(value)],
    "foreign characters": lambda draw, value: value[:5] + draw.choice("!-_ .") + value[5:],
    "hexadecimal": lambda draw, value: base64.b64decode(value + "===").hex() if value else None,
    "without padding": lambda draw, value: value.rstrip("=") if value.endswith("=") else None,
}


def signature_tampers(vendor: Vendor, header: str, change_value=None, wants=None, variants=None):
    """Declares what can happen to the header with the signature.

    `change_value(change, draw, value)` applies a change to the signature inside of the header's value.
    `wants`: by name, where the scheme makes the change harmless, or the verifier decides.
    """
    wants = wants or {}
    change_value = change_value or (lambda change, draw, value: change(draw, value))

    for name, change in SIGNATURE_CHANGES.items():

        def changed(context, message, change=change):
            request = message.sign(context)
            old = request.joined(header)
            new = change_value(change, context.draw, old) if old else None
            return None if new is None or new == old else request.with_header(header, new)

        weight = 3 if name == "byte changed" else 0.5
        vendor.tamper(f"signature: {name}", weight, wants.get(name, REFUSE), variants=variants)(changed)

    @vendor.tamper("signature: empty", 0.5, variants=variants)
    def empty(context, message):
        return message.sign(context).with_header(header, "")

    @vendor.tamper("signature: missing", variants=variants)
    def missing(context, message):
        request = message.sign(context)
        return None if request.joined(header) is None else request.without(header)

    def twice(context, message, genuine_first):
        request = message.sign(context)
        genuine = request.joined(header)
        if genuine is None:
            return None
        forged = change_value(_changed, context.draw, genuine)
        if forged is None:
            return None
        both = [(header, genuine), (header, forged)]
        if not genuine_first:
            both.reverse()
        return replace(request.without(header), headers=request.without(header).headers + tuple(both))

    @vendor.tamper("signature: header twice, genuine first", 0.5, wants.get("twice", REFUSE), variants=variants)
    def genuine_first(context, message):
        return twice(context, message, True)

    @vendor.tamper("signature: header twice, forged first", 0.5, wants.get("twice", REFUSE), variants=variants)
    def forged_first(context, message):
        return twice(context, message, False)


def form_tampers(vendor: Vendor, reorder, duplicate, variants):
    """Declares what can happen to a form whose pairs are signed. Messages have `pairs`.

    `reorder`, `duplicate`: what becomes of the signature when pairs change places, and when one comes twice.
    """

    def restated(name, weight, want, change):
        @vendor.tamper(f"form: {name}", weight, want, variants=variants)
        def tamper(context, message, change=change):
            request = message.sign(context)
            pairs = change(context.draw, list(message.pairs))
            if pairs is None or pairs == list(message.pairs):
                return None
            return request.with_body(context.draw.form(pairs).encode())

    def at(draw, pairs, change):
        if not pairs:
            return None
        index = draw.randrange(len(pairs))
        new = change(*pairs[index])
        return None if new is None else pairs[:index] + new + pairs[index + 1 :]

    def other_value(draw, value):
        new = draw.text()
        return new if new != value else value + "0"

    def swapped_values(draw, pairs):
        if len(pairs) < 2:
            return None
        one, two = draw.sample(range(len(pairs)), 2)
        (a, x), (b, y) = pairs[one], pairs[two]
        if a == b or x == y:
            return None
        pairs[one], pairs[two] = (a, y), (b, x)
        return pairs

    def border_moved(name, value):
        return [(name[:-1], name[-1] + value)] if len(name) > 1 else None

    def shuffled(draw, pairs):
        draw.shuffle(pairs)
        return pairs

    restated("value changed", 3, REFUSE, lambda d, p: at(d, p, lambda n, v: [(n, other_value(d, v))]))
    restated("value emptied", 1, REFUSE, lambda d, p: at(d, p, lambda n, v: [(n, "")] if v else None))
    restated("value trimmed", 0.5, REFUSE, lambda d, p: at(d, p, lambda n, v: [(n, v.strip(" "))]))
    restated("name changed", 1, REFUSE, lambda d, p: at(d, p, lambda n, v: [(n + d.choice("xX0"), v)]))
    restated("case of name changed", 1, REFUSE, lambda d, p: at(d, p, lambda n, v: [(n.swapcase(), v)]))
    restated("pair added", 2, REFUSE, lambda d, p: p + [(d.word() + "Added", d.text())])
    restated("pair removed", 2, REFUSE, lambda d, p: at(d, p, lambda n, v: [] if p.count((n, v)) == 1 else None))
    restated("values swapped", 1, AS_VENDOR, swapped_values)
    # Names and values are joined without a separator: where one ends and the other begins is not signed.
    restated("border moved", 1, AS_VENDOR, lambda d, p: at(d, p, border_moved))
    restated("order changed", 1, reorder, shuffled)
    restated("pair repeated", 1, duplicate, lambda d, p: at(d, p, lambda n, v: [(n, v), (n, v)]))
    restated("second value", 1, REFUSE, lambda d, p: at(d, p, lambda n, v: [(n, v), (n, v + d.secret(8))]))
    restated("all removed", 0.5, REFUSE, lambda d, p: [])

    @vendor.tamper("form: spelled differently", 1, ACCEPT, variants=variants)
    def spelled(context, message):
        request = message.sign(context)
        body = context.draw.form(message.pairs).encode()
        return None if body == request.body else request.with_body(body)

    @vendor.tamper("form: empty pieces", 0.5, ACCEPT, variants=variants)
    def pieces(context, message):
        request = message.sign(context)
        return request.with_body(context.draw.choice([b"&", b"&&"]) + request.body.replace(b"&", b"&&") + b"&")

    @vendor.tamper("form: piece without =", 0.5, AS_VENDOR, variants=variants)
    def without_equals(context, message):
        request = message.sign(context)
        pieces = [piece[:-1] if piece.endswith(b"=") else piece for piece in request.body.split(b"&")]
        body = b"&".join(pieces)
        return None if body == request.body else request.with_body(body)

    @vendor.tamper("form: byte changed", 2, AS_VENDOR, variants=variants)
    def octet(context, message):
        request = message.sign(context)
        body = byte_changed(context.draw, request.body)
        return None if body is None else request.with_body(body)

    @vendor.tamper("form: broken UTF-8", 0.5, variants=variants)
    def broken(context, message):
        request = message.sign(context)
        pairs = list(message.pairs)
        index = context.draw.randrange(len(pairs)) if pairs else None
        if index is None or "\ufffd" in pairs[index][1]:
            return None
        parts = [f"{context.draw.spelled(name)}={context.draw.spelled(value)}" for name, value in pairs]
        parts[index] += context.draw.choice(["%FF", "%C3", "%ED%A0%80"])
        return request.with_body("&".join(parts).encode())

    @vendor.tamper("form: sent as JSON", 0.5, AS_VENDOR, variants=variants)
    def as_json(context, message):
        request = message.sign(context)
        return request.with_header("Content-Type", "application/json") if request.body else None


def url_tampers(vendor: Vendor, purposes: list[str], wants=None, variants=None):
    """Declares what can happen to a URL that is signed."""
    wants = wants or {}

    def moved(name, weight, change):
        @vendor.tamper(f"url: {name}", weight, wants.get(name, REFUSE), variants=variants)
        def tamper(context, message, change=change):
            request = message.sign(context)
            query = request.query
            target = change(context.draw, request.path, query)
            return None if target is None or target == request.target else request.with_target(target)

    def joined(path, query):
        return path if query is None else f"{path}?{query}"

    def other_purpose(draw, path, query):
        stem, _, purpose = path.rpartition("/")
        if purpose not in purposes:
            return None
        return joined(f"{stem}/{draw.choice([p for p in purposes if p != purpose])}", query)

    def per_piece(change):
        def changed(draw, path, query):
            pieces = query.split("&") if query else []
            pieces = change(draw, pieces) if pieces else None
            return None if pieces is None else joined(path, "&".join(pieces) if pieces else None)

        return changed

    def removed(draw, pieces):
        del pieces[draw.randrange(len(pieces))]
        return pieces

    def value_changed(draw, pieces):
        at = draw.randrange(len(pieces))
        pieces[at] += draw.choice(["0", "%20", "+", "%00", "x"])
        return pieces

    def name_changed(draw, pieces):
        at = draw.randrange(len(pieces))
        pieces[at] = draw.choice("xyz") + pieces[at]
        return pieces

    def reordered(draw, pieces):
        draw.shuffle(pieces)
        return pieces

    def code_case(draw, path, query):
        """`%2b` for `%2B`: means the same and is another URL."""
        if not query:
            return None
        parts = query.split("%")
        return joined(path, "%".join(parts[:1] + [part[:2].swapcase() + part[2:] for part in parts[1:]]))

    def needless_code(draw, path, query):
        places = [at for at, char in enumerate(query or "") if char.isalpha() and "%" not in query[max(0, at - 2) : at]]
        if not places:
            return None
        at = draw.choice(places)
        return joined(path, f"{query[:at]}%{ord(query[at]):02X}{query[at + 1 :]}")

    moved("other purpose", 2, other_purpose)
    moved("purpose removed", 0.5, lambda d, p, q: joined(p.rpartition("/")[0], q) if p.count("/") == 3 else None)
    moved("slash added", 0.5, lambda d, p, q: joined(p + "/", q))
    moved(
        "parameter added",
        2,
        lambda d, p, q: joined(p, (q + "&" if q else "") + d.form([(d.word() + "Added", d.text())])),
    )
    moved("bare question mark", 0.5, lambda d, p, q: p + "?" if q is None else None)
    moved("query removed", 1, lambda d, p, q: p if q else None)
    moved("parameter removed", 1, per_piece(removed))
    moved("value changed", 1, per_piece(value_changed))
    moved("name changed", 1, per_piece(name_changed))
    moved("order changed", 1, per_piece(reordered))
    moved("case of codes changed", 1, code_case)
    moved("code for a letter", 1, needless_code)
