"""The scalars of the schema: exact decimals as text, dates, instants."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from orderlines.many_texts import ManyTexts
from orderlines.quantity import plain

MAX_DATES: Final = 4_096

_DURATION: Final = re.compile(
    r"P(?:([0-9]{1,3})D)?(?:T(?:([0-9]{1,5})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,8}(?:\.[0-9]{1,6})?)S)?)?"
)
_ZERO_AT_THE_END: Final = re.compile(r"\.[0-9]*0 |-0 ")


def _decimal_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | Decimal | Fraction) and not isinstance(value, bool):
        return plain(value)
    msg = f"A {type(value).__name__} is no decimal."
    raise TypeError(msg)


def _date_text(value: object) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    msg = f"A {type(value).__name__} is no date."
    raise TypeError(msg)


def _instant_text(value: object) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        text = value.astimezone(UTC).isoformat(timespec="milliseconds")
        return text.removesuffix("+00:00").removesuffix(".000") + "Z"
    msg = f"A {type(value).__name__} without a zone is no instant."
    raise TypeError(msg)


def _duration(value: object) -> timedelta:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None or not any(found.groups()):
        msg = "A duration is written like PT30S, PT5M or P1D."
        raise ValueError(msg)
    days, hours, minutes, seconds = (float(part) if part else 0.0 for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _duration_text(value: object) -> str:
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return f"PT{seconds:g}S"
    msg = f"A {type(value).__name__} is no duration."
    raise TypeError(msg)


Representation = NewType("Representation", object)
"""What a supergraph names an entity by; any JSON, looked at by who reads it."""

SCALARS: dict[object, ScalarDefinition] = {
    Decimal: strawberry.scalar(
        name="Decimal",
        description=(
            "An exact decimal number as a string: no exponent, no trailing zeros. "
            "A value that never ends, such as a third, is rounded half up to its unit's decimals."
        ),
        serialize=_decimal_text,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A calendar date, `2026-11-20`.",
        serialize=_date_text,
        specified_by_url="https://scalars.graphql.org/andimarek/local-date",
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant in UTC, `2026-11-20T14:03:11.204Z`.",
        serialize=_instant_text,
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
    ),
    timedelta: strawberry.scalar(
        name="Duration",
        description="A span of time in ISO 8601, as far as it has a fixed length: `PT5S`, `P1D`.",
        serialize=_duration_text,
        parse_value=_duration,
    ),
    Representation: strawberry.scalar(
        name="_Any", description="An object with the `__typename` and the key of an entity."
    ),
}


def _integers(values: Sequence[Any]) -> list[Any]:
    return [*map(str, values)]


def _decimals(values: Sequence[Any]) -> list[Any]:
    texts = [*map(str, values)]
    # Mostly none has an exponent, or a zero too many: found out for all of them at once.
    joined = " ".join(texts) + " "
    has_letters = "E" in joined or "N" in joined or "I" in joined
    if has_letters or ("0 " in joined and _ZERO_AT_THE_END.search(joined)):
        return [*map(plain, values)]
    return texts


class _DateTexts(dict[date, str]):
    """Texts of dates that were met; starts anew once it holds too many."""

    def __missing__(self, day: date) -> str:
        if len(self) >= MAX_DATES:
            self.clear()
        self[day] = text = day.isoformat()
        return text


DATE_TEXTS: Final = _DateTexts()
"""The text of each date that was met."""
MANY_DATE_TEXTS: Final = ManyTexts(DATE_TEXTS.__getitem__)
"""The same, for many dates at once."""


def _dates(values: Sequence[Any]) -> list[Any]:
    return [*map(DATE_TEXTS.__getitem__, values)]


WRITERS: Final[Mapping[str, Mapping[type, Callable[[Sequence[Any]], list[Any]] | None]]] = {
    "Decimal": {str: None, int: _integers, Decimal: _decimals},
    "Date": {date: _dates},
}
"""How whole columns of a scalar's usual values are written, by exact type; None where
they stand as they are. Whatever else comes is written by the scalar itself."""

PLAIN_TEXTS: Final = frozenset({"Date", "DateTime", "Decimal"})
"""Scalars whose texts are digits and a few signs, none of which JSON escapes."""
