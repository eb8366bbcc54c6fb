"""Where the server deliberately differs from a vendor's verifier, and why. Everything else must agree.

An entry says what the server does (`ours`) and what the package does (`theirs`; `None`: now this, now that). Both are
checked: an entry that does not describe the package any more is a fault of the run, and so is one that no case needed.
Names are patterns (`*`). The first entry that fits counts.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from .catalogue import ACCEPT, REFUSE, Verdict


@dataclass(frozen=True)
class Difference:
    vendor: str
    # Language of the package, or `*`.
    package: str
    variant: str
    tamper: str
    ours: Verdict
    theirs: Verdict | None
    why: str

    def fits(self, vendor: str, package: str, variant: str, tamper: str) -> bool:
        # Square brackets never stand in a name, so `fnmatch` treats nothing but `*` and `?` as special.
        pairs = ((vendor, self.vendor), (package, self.package), (variant, self.variant), (tamper, self.tamper))
        return all(fnmatchcase(name, pattern) for name, pattern in pairs)


def entries(vendor: str, *rows) -> list[Difference]:
    return [Difference(vendor, *row) for row in rows]


# Many entries have one of these reasons.
TWICE = (
    "The server takes the first of repeated headers, for reading too; frameworks join them with a comma, and the package "
    "sees one text that is no signature."
)
CREDENTIAL_TWICE = "The server takes the first of repeated headers. Frameworks join them with a comma, and then they are no credential."
GET_BODY = "Nothing covers the body of a GET. The package is not given it; the server would store it."
PIECE = (
    "Providers write `name=` for an empty value. Without the sign, the border between a name and its value could be moved "
    "unnoticed."
)
HASH = (
    "Vonage's packages verify the token alone. Its claim payload_hash is what covers the body, so the server needs it."
)
CLAIMS = (
    "Vonage's packages verify the signature alone. The server also wants Vonage's claims, and a time near the present."
)
DOT = (
    "Query and form are joined with a dot, and names and values without a mark: the beginning of a form could be passed off "
    "as the end of the query. So the server takes no dot in the query of a POST; the addresses it hands out have no query."
)
EMPTY = "Without a body the two schemes sign the same text, and the Node package knows one of them alone."
ONE_SPELLING = "The server accepts one spelling of a signature; the package decodes whatever resembles base64."

FIRST = (
    "The server takes the first of repeated headers, for reading too. Joined with a comma they are a list that the package "
    "happens to get over, or not."
)


def standard_webhooks(vendor: str) -> list[Difference]:
    return entries(
        vendor,
        (
            "*",
            "more signatures than are looked at",
            "",
            REFUSE,
            ACCEPT,
            "The server looks at 16 signatures of a header, so that a request cannot make it compute for long.",
        ),
        ("*", "*", "signature: header twice, genuine first", ACCEPT, None, FIRST),
        ("*", "*", "signature: header twice, forged first", REFUSE, None, FIRST),
        ("*", "*", "id twice, the genuine first", ACCEPT, REFUSE, TWICE),
    )


def official_packages(vendor: str) -> list[Difference]:
    return entries(
        vendor,
        (
            "python",
            "malformed signatures beside the genuine one",
            "",
            ACCEPT,
            None,
            "The specification says to pass over what is not known; the Python package throws at a piece without comma.",
        ),
        (
            "*",
            "*",
            "timestamp written differently",
            REFUSE,
            None,
            "The packages sign the number again as they would write it. The server signs the header as it is: what is read "
            "is what was signed.",
        ),
        ("python", "*", "signature: unused bits set", REFUSE, ACCEPT, ONE_SPELLING),
        ("python", "*", "signature: foreign characters", REFUSE, None, ONE_SPELLING),
        ("python", "*", "signature: extended", REFUSE, None, ONE_SPELLING),
    )


TABLE: list[Difference] = [
    *entries("*", ("*", "*", "credential: twice, genuine first", ACCEPT, REFUSE, CREDENTIAL_TWICE)),
    *entries(
        "twilio",
        ("*", "*", "signature: header twice, genuine first", ACCEPT, REFUSE, TWICE),
        ("*", "*", "GET with a body", REFUSE, ACCEPT, GET_BODY),
        (
            "*",
            "JSON, hash in capitals",
            "",
            ACCEPT,
            REFUSE,
            "The URL with the hash is signed, and the digits of the hash mean the same in both cases.",
        ),
        (
            "*",
            "JSON",
            "JSON sent as a form",
            ACCEPT,
            REFUSE,
            "The hash in the signed URL covers the body whatever the content type says, and the server knows JSON by the body.",
        ),
        (
            "node",
            "form with repeated names beyond ASCII",
            "",
            REFUSE,
            ACCEPT,
            "The Node package sorts by UTF-16 units, the Python package by code points (the order of the bytes), and so "
            "does the server. They differ for characters beyond U+FFFF only, in repeated names only.",
        ),
        (
            "node",
            "*",
            "url: code for a letter",
            REFUSE,
            None,
            "The Node package also tries the query written anew by Node's querystring. Twilio signs the URL as configured.",
        ),
        (
            "node",
            "*",
            "url: case of codes changed",
            REFUSE,
            None,
            "As before: the Node package also tries the query written anew by Node's querystring.",
        ),
        (
            "python",
            "*",
            "url: bare question mark",
            REFUSE,
            ACCEPT,
            "The Python package parses and rebuilds the URL, which drops an empty query. The server takes the URL as sent.",
        ),
        ("*", "*", "form: piece without =", REFUSE, ACCEPT, PIECE),
        (
            "python",
            "SharedKey",
            "SharedKey: unknown algorithm",
            ACCEPT,
            REFUSE,
            "The settings are not signed. The server takes the algorithm from the record of the key that they name.",
        ),
        (
            "python",
            "SharedKey",
            "SharedKey: SHA-1 with the shared secret",
            REFUSE,
            ACCEPT,
            "The settings are not signed, so they must not choose a weaker algorithm than the one the key belongs to.",
        ),
    ),
    *standard_webhooks("standardwebhooks"),
    *standard_webhooks("svix"),
    *standard_webhooks("asterisk"),
    *official_packages("standardwebhooks"),
    *official_packages("svix"),
    *official_packages("asterisk"),
    *standard_webhooks("standard-v1a"),
    *entries(
        "svix",
        ("node", "empty body", "", ACCEPT, REFUSE, "The package parses the body as JSON when it has verified it."),
        (
            "node",
            "body that is not JSON",
            "",
            ACCEPT,
            None,
            "The package parses the body as JSON when it has verified it.",
        ),
        (
            "*",
            "standard names of headers",
            "headers under both names, the forged under the other",
            ACCEPT,
            REFUSE,
            "The package prefers Svix's names, the server those of the specification, for reading too.",
        ),
        (
            "*",
            "*",
            "headers under both names, the forged under the other",
            REFUSE,
            ACCEPT,
            "The package prefers Svix's names, the server those of the specification, for reading too.",
        ),
    ),
    *entries(
        "signalwire",
        ("*", "*", "signature: header twice, genuine first", ACCEPT, REFUSE, TWICE),
        ("*", "*", "form: piece without =", REFUSE, ACCEPT, PIECE),
        ("*", "*", "GET with a body", REFUSE, ACCEPT, GET_BODY),
        (
            "python",
            "*",
            "* beside a signature of the URL alone",
            REFUSE,
            ACCEPT,
            "The package also tries the signature of the URL alone, whatever the body. That would prove nothing about it.",
        ),
        (
            "python",
            "*",
            "form: sent as JSON",
            REFUSE,
            ACCEPT,
            "The package looks at the body alone. The server reads the parameters of a form only when it is sent as one.",
        ),
        (
            "python",
            "signed with the default port",
            "url: bare question mark",
            REFUSE,
            ACCEPT,
            "To leave out a port, the package parses and rebuilds the URL, which drops an empty query.",
        ),
        ("node", "GET", "signature: hexadecimal", ACCEPT, REFUSE, EMPTY),
        ("node", "empty form", "signature: hexadecimal", ACCEPT, REFUSE, EMPTY),
        (
            "node",
            "*",
            "signed without the port",
            REFUSE,
            None,
            "The Node package leaves out any port; the newer Python package the standard ports alone, and so does the server.",
        ),
        (
            "*",
            "form",
            "forged beside the genuine one under Twilio's name",
            ACCEPT,
            REFUSE,
            "Applications look at SignalWire's name first. The server takes a request when one of the two is right.",
        ),
    ),
    *entries(
        "telnyx",
        ("*", "*", "signature: header twice, genuine first", ACCEPT, None, FIRST),
        ("*", "*", "timestamp twice, the genuine first", ACCEPT, REFUSE, TWICE),
        ("*", "*", "signature: unused bits set", REFUSE, ACCEPT, ONE_SPELLING),
        ("python", "*", "signature: foreign characters", REFUSE, None, ONE_SPELLING),
        ("python", "*", "signature: extended", REFUSE, None, ONE_SPELLING),
    ),
    *entries(
        "vonage",
        ("*", "*", "body changed", REFUSE, ACCEPT, HASH),
        ("*", "*", "JSON written differently", REFUSE, ACCEPT, HASH),
        ("*", "*", "hash *", REFUSE, ACCEPT, HASH),
        ("*", "*", "other issuer", REFUSE, None, CLAIMS),
        ("*", "*", "issued too long ago", REFUSE, ACCEPT, CLAIMS),
        ("*", "*", "issued in the future", REFUSE, None, CLAIMS),
        ("*", "*", "without time of issue", REFUSE, ACCEPT, CLAIMS),
        ("*", "*", "token: payload is no object", REFUSE, None, CLAIMS),
        (
            "*",
            "*",
            "token: extension that must be understood",
            REFUSE,
            None,
            "A token with an extension that the receiver does not know has to be refused (RFC 7515, 4.1.11).",
        ),
        ("*", "*", "token: padded", REFUSE, None, ONE_SPELLING),
        ("*", "*", "token twice, genuine first", ACCEPT, REFUSE, TWICE),
        ("*", "*", "GET with a body", REFUSE, ACCEPT, GET_BODY),
        ("*", "*", "GET becomes POST", REFUSE, ACCEPT, HASH),
    ),
    *entries(
        "plivo",
        (
            "*",
            "list of signatures with spaces",
            "",
            ACCEPT,
            REFUSE,
            "Spaces around a comma mean nothing in a list (RFC 9110, 5.6.1); the packages do not trim.",
        ),
        (
            "*",
            "*",
            "signature: header twice, forged first",
            ACCEPT,
            REFUSE,
            "Repeated headers are a list (RFC 9110, 5.3), joined with a comma and a space, which the packages do not trim.",
        ),
        (
            "*",
            "more signatures than are looked at",
            "",
            REFUSE,
            ACCEPT,
            "The server looks at 16 signatures, so that a request cannot make it compute for long.",
        ),
        (
            "*",
            "GET with a value like another parameter",
            "",
            REFUSE,
            ACCEPT,
            "In the text that is signed, `a=1&b=2` as a value of one parameter and as two parameters are the same.",
        ),
        (
            "*",
            "form",
            "end of the parameters moved into the nonce",
            REFUSE,
            ACCEPT,
            "The last value and the nonce are joined with a dot, so the server takes no nonce with a dot. Plivo's are digits.",
        ),
        ("*", "query with a dot", "", REFUSE, ACCEPT, DOT),
        ("*", "form", "form moved into the query", REFUSE, ACCEPT, DOT),
        ("*", "*", "empty nonce signed", REFUSE, ACCEPT, "A signature without a nonce is not Plivo's."),
        ("*", "*", "form: piece without =", REFUSE, ACCEPT, PIECE),
        ("*", "*", "GET with a body", REFUSE, ACCEPT, GET_BODY),
    ),
]
