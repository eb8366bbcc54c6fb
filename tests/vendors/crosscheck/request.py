"""A request as it goes over the wire."""

from dataclasses import dataclass, replace
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Request:
    """Nothing is decoded: the target is path and query as sent, headers keep their order and repetitions."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def joined(self, name: str) -> str | None:
        """The header as frameworks hand it over: repetitions joined with a comma (RFC 9110, 5.2). `None`: not sent."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    def header_map(self) -> dict[str, str]:
        """All headers, names in lower case, repetitions joined."""
        return {key.lower(): self.joined(key) or "" for key, _ in self.headers}

    def text(self) -> str:
        """The body as frameworks decode it."""
        return self.body.decode("utf-8", "replace")

    @property
    def path(self) -> str:
        return self.target.split("?", 1)[0]

    @property
    def query(self) -> str | None:
        """What follows `?`; `None` when there is none."""
        return self.target.split("?", 1)[1] if "?" in self.target else None

    def is_form(self) -> bool:
        content_type = (self.joined("content-type") or "").split(";")[0].strip().lower()
        return content_type == "application/x-www-form-urlencoded"

    def form(self) -> list[tuple[str, str]]:
        """The form's pairs as frameworks decode them."""
        return parse_qsl(self.text(), keep_blank_values=True, errors="replace")

    def with_header(self, name: str, value: str) -> "Request":
        """With one header of this name, at the place of the first one."""
        headers, placed = [], False
        for key, old in self.headers:
            if key.lower() != name.lower():
                headers.append((key, old))
            elif not placed:
                headers.append((key, value))
                placed = True
        if not placed:
            headers.append((name, value))
        return replace(self, headers=tuple(headers))

    def without(self, name: str) -> "Request":
        return replace(self, headers=tuple(pair for pair in self.headers if pair[0].lower() != name.lower()))

    def with_body(self, body: bytes) -> "Request":
        return replace(self, body=body)

    def with_target(self, target: str) -> "Request":
        return replace(self, target=target)


def multi(pairs) -> dict[str, list[str]]:
    """Pairs by name, values in the order they came."""
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped
