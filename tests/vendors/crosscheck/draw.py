"""The source of randomness: one per case, so that any case can be made again alone."""

import base64
import json
import random
import string

# Numbers that are reserved for fiction.
PHONES = ["+12025550143", "+14155550100", "+442079460000", "+447700900123", "+493023125000", "+33199000000"]
# Characters that go wrong in forms, URLs, JSON, headers or sorting.
PUNCTUATION = "&=+%#?;,.'\"<>~*()!@/\\ :|[]{}^`$-_"
UNICODE = "éßøñŁжמع日本語号한İı\u00a0\u2028\u0301\ufffd😀🏳️‍🌈𝒳ﬀ＋％"
CONTROL = "\t\n\r\x0b\x1b\x7f"


class Draw(random.Random):
    """`random.Random` with what requests are made of."""

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def weighted(self, weights: dict):
        """A key, by the weights."""
        return self.choices(list(weights), list(weights.values()))[0]

    def hexdigits(self, count: int) -> str:
        return f"{self.getrandbits(4 * count):0{count}x}"

    def secret(self, length: int) -> str:
        return "".join(self.choices(string.ascii_letters + string.digits, k=length))

    def base64(self, count: int) -> str:
        return base64.b64encode(self.randbytes(count)).decode()

    def uuid(self) -> str:
        digits = self.hexdigits(32)
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"

    def phone(self) -> str:
        return self.choice(PHONES)

    def few(self, prefix: str, count: int = 40) -> str:
        """An id out of few, so that a long run is about few calls, most deliveries of which came before."""
        return f"{prefix}{self.randrange(count):04d}"

    def word(self) -> str:
        letters = string.ascii_letters
        return self.choice(letters) + "".join(self.choices(letters + string.digits + "_-.", k=self.randrange(1, 12)))

    def text(self) -> str:
        """A value of a parameter: mostly plain, else whatever is hard to encode. Often empty."""
        kind = self.weighted({"empty": 2, "plain": 4, "hard": 3, "unicode": 3, "spaces": 1, "control": 1, "long": 0.2})
        some = self.randrange(1, 12)
        match kind:
            case "empty":
                return ""
            case "plain":
                return "".join(self.choices(string.ascii_letters + string.digits, k=some))
            case "hard":
                return "".join(self.choices(string.ascii_letters + string.digits + PUNCTUATION * 2, k=some))
            case "unicode":
                return "".join(self.choices(string.ascii_letters + UNICODE, k=some))
            case "spaces":
                return " " * self.randrange(3) + self.word() + " " * self.randrange(3)
            case "control":
                return "".join(self.choices(string.ascii_letters + CONTROL, k=some))
            case _:
                return self.secret(self.randrange(500, 3000))

    def ascii(self) -> str:
        """A value without anything outside of ASCII."""
        return "".join(self.choices(string.ascii_letters + string.digits + PUNCTUATION, k=self.randrange(0, 12)))

    def json(self, document) -> str:
        """The document in one of the many ways JSON can be written."""
        separators = self.choice([(",", ":"), (", ", ": "), (",", ": "), (" ,", " : ")])
        indent = self.choice([None, None, None, 0, 2, "\t"])
        return json.dumps(
            document,
            ensure_ascii=self.chance(0.5),
            separators=separators if indent is None else None,
            indent=indent,
            sort_keys=self.chance(0.3),
        )

    def spelled(self, text: str | bytes, keep: str = "") -> str:
        """Percent-encoded for a form or a query in a random, but correct, spelling.

        Spaces become `+` or `%20`, digits of codes have either case, and characters that need no code may have one.
        `keep`: characters that stay as they are.
        """
        octets = text.encode() if isinstance(text, str) else text
        plus, upper, needless = self.chance(0.5), self.chance(0.8), self.chance(0.15)
        safe = string.ascii_letters + string.digits + "-_.~" + keep
        spelled = []
        for octet in octets:
            char = chr(octet)
            if char in safe and not (needless and char not in keep and self.chance(0.2)):
                spelled.append(char)
            elif char == " " and plus:
                spelled.append("+")
            else:
                spelled.append(f"%{octet:02X}" if upper else f"%{octet:02x}")
        return "".join(spelled)

    def form(self, pairs) -> str:
        """Pairs as a form or a query."""
        return "&".join(f"{self.spelled(name)}={self.spelled(value)}" for name, value in pairs)
