"""The `$filter` of the ERP: `eq`, `and`, `or`, parentheses, and strings.

A string stands in single quotes, a quote inside it is written twice. `and` binds
closer than `or`. Everything else is refused by name: a filter that is not understood
must not become one that matches more.

A filter knows the values a property must have for a row to match, so that a question
for a few orders does not look at all of them.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn, TypeAlias

from backends.sandbox.refusal import RefusedError

MAX_COMPARISONS: Final = 200
MAX_DEPTH: Final = 32
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*+')|(?P<word>\w[\w./:-]*)|(?P<mark>[()])|(?P<other>\S))"
)


@dataclass(frozen=True, slots=True)
class Equals:
    """A property has this value."""

    name: str
    value: str

    def matches(self, row: Mapping[str, str]) -> bool:
        """Tell whether a row is meant."""
        return row[self.name] == self.value

    def values_of(self, name: str) -> dict[str, None] | None:
        """Values the property must have, in the order written; None for any."""
        return {self.value: None} if name == self.name else None


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part matches."""

    parts: tuple["Filter", ...]

    def matches(self, row: Mapping[str, str]) -> bool:
        """Tell whether a row is meant."""
        return all(part.matches(row) for part in self.parts)

    def values_of(self, name: str) -> dict[str, None] | None:
        """Values the property must have, in the order written; None for any."""
        known = [values for part in self.parts if (values := part.values_of(name)) is not None]
        if not known:
            return None
        return {value: None for value in known[0] if all(value in values for values in known[1:])}


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part matches."""

    parts: tuple["Filter", ...]

    def matches(self, row: Mapping[str, str]) -> bool:
        """Tell whether a row is meant."""
        return any(part.matches(row) for part in self.parts)

    def values_of(self, name: str) -> dict[str, None] | None:
        """Values the property must have, in the order written; None for any."""
        found: dict[str, None] = {}
        for part in self.parts:
            values = part.values_of(name)
            if values is None:
                return None
            found |= values
        return found


Filter: TypeAlias = Equals | AllOf | AnyOf


def parse_filter(text: str, properties: Collection[str]) -> Filter:
    """Read a filter.

    Args:
        text: As it came, percent-decoded.
        properties: Names that may be compared.

    Raises:
        RefusedError: It has a property, operator or literal that is not
            known, more than 200 comparisons, or does not end where it should.
    """
    return _Parser(text, properties).parse()


class _Parser:
    """Recursive descent over the tokens, one method a rule."""

    def __init__(self, text: str, properties: Collection[str]) -> None:
        self._tokens = _tokens(text)
        self._token = next(self._tokens)
        self._properties = properties
        self._comparisons = 0
        self._depth = 0

    def parse(self) -> Filter:
        found = self._any_of()
        if self._token:
            self._refuse("an operator or the end")
        return found

    def _any_of(self) -> Filter:
        parts = [self._all_of()]
        while self._took("or"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _all_of(self) -> Filter:
        parts = [self._primary()]
        while self._took("and"):
            parts.append(self._primary())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _primary(self) -> Filter:
        if not self._took("("):
            return self._comparison()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            msg = f"The filter has more than {MAX_DEPTH} parentheses inside each other."
            raise RefusedError(msg)
        found = self._any_of()
        if not self._took(")"):
            self._refuse("a closing parenthesis")
        self._depth -= 1
        return found

    def _comparison(self) -> Filter:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            msg = f"The filter has more than {MAX_COMPARISONS} comparisons."
            raise RefusedError(msg)
        name = self._token
        if name not in self._properties:
            self._refuse("a property that can be compared")
        self._token = next(self._tokens)
        if not self._took("eq"):
            self._refuse("the operator eq")
        literal = self._token
        if not literal.startswith("'") or literal == "'":
            self._refuse("a string in single quotes")
        self._token = next(self._tokens)
        return Equals(name, literal[1:-1].replace("''", "'"))

    def _took(self, token: str) -> bool:
        if self._token != token:
            return False
        self._token = next(self._tokens)
        return True

    def _refuse(self, expected: str) -> NoReturn:
        found = f"'{self._token}'" if self._token else "the end"
        msg = f"The filter has {found} where {expected} was expected."
        raise RefusedError(msg)


def _tokens(text: str) -> Iterator[str]:
    """Cut the text into tokens; an empty one stands for the end."""
    for match in _TOKEN.finditer(text):
        yield match.group(match.lastgroup or 0)
    yield ""
