"""What a reading is kept under, and what it is about.

A reading is named by the question *and* the caller's `Visibility`: there is no key
without one, and no two callers with other rows share an entry.
"""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeAlias

from backends.transport import Request
from orderlines.visibility import ALL, Restriction, Visibility

Tag: TypeAlias = tuple[str, ...]
"""What a reading is about: `("order", number)`, `("line", order, line)`, `("customer",
number)`; `("customer", "*")` if it may be about any."""


@dataclass(frozen=True, slots=True)
class ReadingKey:
    """What a reading is kept under.

    Attributes:
        system: Configured name.
        visibility: Whose rows it may hold.
        question: As it is sent.

    Raises:
        TypeError: There is no visibility: such a reading could be anybody's.
    """

    system: str
    visibility: Visibility
    question: Request

    def __post_init__(self) -> None:
        """Refuse a key that does not say who may see what is under it."""
        if not isinstance(self.visibility, Visibility):
            msg = "a reading is kept under a Visibility"
            raise TypeError(msg)

    def digest(self) -> bytes:
        """Give the name it is shared under: no two keys have one name."""
        digest = blake2b(digest_size=32)
        for part in self._parts():
            digest.update(len(part).to_bytes(8))
            digest.update(part)
        return digest.digest()

    def _parts(self) -> list[bytes]:
        question, rows = self.question, self.visibility
        parts = [self.system, question.method, question.target]
        parts += _told(rows.customers) + _told(rows.channels) + _told(rows.warehouses)
        headers = [part for header in question.headers for part in header]
        return [part.encode() for part in parts] + [*headers, question.body]


def widened(tags: Collection[Tag]) -> set[Tag]:
    """Name everything that may hold what a change is about."""
    told = set(tags)
    for kind, *names in tags:
        if kind == "customer":
            told.add(("customer", "*"))
        elif kind == "line":
            told.add(("order", names[0]))
    return told


def _told(restriction: Restriction) -> list[str]:
    return ["all"] if restriction is ALL else ["some", str(len(restriction)), *sorted(restriction)]
