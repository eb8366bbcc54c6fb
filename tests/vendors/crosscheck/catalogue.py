"""What a vendor module declares: variants of genuine requests, and ways to tamper with them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from .draw import Draw
from .request import Request


class Verdict(StrEnum):
    ACCEPT = "accept"
    REFUSE = "refuse"


ACCEPT, REFUSE = Verdict.ACCEPT, Verdict.REFUSE
# The change may or may not matter: whatever the vendor's verifier says is right.
AS_VENDOR = None


def verdict(accepted: bool) -> Verdict:
    return ACCEPT if accepted else REFUSE


@dataclass(frozen=True)
class Context:
    """What a request is made from."""

    draw: Draw
    package: "Package"
    # Scheme, host and port under which the provider knows the server.
    origin: str
    # The secrets of the provider's connections by their slug.
    connections: dict[str, dict[str, str]]
    # The present, in seconds.
    now: int


class Package:
    """A package that signs, or verifies, or both."""

    # Name and version, as printed.
    name = ""
    # What tells the packages of a vendor apart: `python` or `node`.
    language = "python"
    # False: nothing of the vendor verifies this scheme, and `verify` is our own reading of the specification.
    verifies = True

    def verify(self, request: Request, origin: str, secrets: dict[str, str], now: int) -> bool:
        """What an application that uses the package, with the secrets of the connection, would say."""
        raise NotImplementedError

    def close(self):
        """Ends what the package runs."""


@dataclass(frozen=True)
class Variant:
    name: str
    weight: float
    make: Callable
    # Languages of the packages that can sign it; `None`: all.
    languages: tuple[str, ...] | None
    # Never tampered with: the package has its own mind about it anyway.
    alone: bool


@dataclass(frozen=True)
class Tamper:
    name: str
    weight: float
    change: Callable
    want: Verdict | None
    variants: tuple[str, ...] | None
    languages: tuple[str, ...] | None

    def fits(self, variant: Variant) -> bool:
        return variant.name in self.variants if self.variants is not None else not variant.alone


def serves(languages: tuple[str, ...] | None, package: Package) -> bool:
    return languages is None or package.language in languages


@dataclass
class Vendor:
    """A row of the table: a scheme with its packages."""

    name: str
    # Key of the provider on the server.
    provider: str
    # Draws the secrets of the provider's connections, by slug. The same for all vendors of a provider.
    secrets: Callable[[Draw], dict[str, dict[str, str]]]
    # Makes the packages; called once, when the vendor is run.
    packages: Callable[["Environment"], list[Package]]
    variants: dict[str, Variant] = field(default_factory=dict)
    tampers: dict[str, Tamper] = field(default_factory=dict)

    def variant(self, name: str, weight: float = 1, languages: tuple[str, ...] | None = None, alone=False):
        """Declares `make(context) -> message`; the message has `sign(context) -> Request` and `slug`."""

        def declare(make):
            self.variants[name] = Variant(name, weight, make, languages, alone)
            return make

        return declare

    def tamper(self, name: str, weight: float = 1, want=REFUSE, variants=None, languages=None):
        """Declares `change(context, message) -> Request`; `None` when it does not apply to this message."""

        def declare(change):
            assert name not in self.tampers, name
            self.tampers[name] = Tamper(name, weight, change, want, variants, languages)
            return change

        return declare


@dataclass(frozen=True)
class Environment:
    """Where the packages are."""

    # Starts a Node process with the packages of this check.
    node: Callable
    # Version of an installed Python package, and of a Node package.
    python_version: Callable[[str], str]
    node_version: Callable[[str], str]
