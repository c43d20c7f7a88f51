"""The OData V2 dialect: filters, literals, dates, and the shape of an answer.

    {"d": {"results": [ROW…], "__next": "https://…"}}        a page; the link if more follow
    {"results": [ROW…]}                                      rows expanded inside a row
    "/Date(1794960000000)/", "/Date(1794960000000+0000)/"    milliseconds of UTC

A literal is encoded here and nowhere else, once, so that no order number can become
part of a filter or of a path. A link is data from outside: its query is used for a
next question to the very same set, its host never.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from http import HTTPStatus
from typing import Final, Generic, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from backends.numbers import Parsed
from backends.outcomes import invalid, unusable
from backends.pages import Look
from backends.rows import UNREADABLE
from backends.transport import OK, Headers, Request, Response

T = TypeVar("T")

HEADERS: Final[Headers] = ((b"accept", b"application/json"),)
MAX_LINK_CHARS: Final = 60_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STAMP: Final = re.compile(r"/Date\((-?[0-9]{1,15})(?:[+-][0-9]{4})?\)/")
_QUERY: Final = re.compile(r"[!-~]+")


class Results(msgspec.Struct, Generic[T], gc=False):
    """Rows expanded inside a row."""

    results: tuple[T, ...]


class PageOfResults(msgspec.Struct, Generic[T], gc=False):
    """The rows of a page; `next` is the link to the page after it."""

    results: list[T]
    next: str | None = msgspec.field(name="__next", default=None)


class Answer(msgspec.Struct, Generic[T], gc=False):
    """The envelope every answer comes in."""

    d: PageOfResults[T]


def equals(name: str, value: str) -> str:
    """Compare a property with a text, encoded for an address."""
    return f"{name}%20eq%20%27{_literal(value)}%27"


@lru_cache(maxsize=4_096)
def _literal(value: str) -> str:
    return quote(value.replace("'", "''"), safe="")


def any_of(clauses: Iterable[str]) -> str:
    """Let a row match one of some clauses."""
    return "%20or%20".join(clauses)


def question(path: str, meant: str, expand: str, select: str = "", rows: str = "") -> Request:
    """Ask a set for rows, with one navigation expanded.

    Args:
        path: Of the set.
        meant: Encoded; a row must match this.
        expand: Name of the navigation.
        select: The properties wanted, by comma; empty for all.
        rows: Encoded; a row must match this, too, if it is not empty.
    """
    if rows:
        meant = f"({meant})%20and%20{rows}"
    target = f"{path}?$filter={meant}&$expand={expand}&$format=json"
    if select:
        target += f"&$select={select}"
    return Request("GET", target, HEADERS)


def looking(system: str, take: Callable[[bytes], tuple[T, str | None]]) -> Look[T]:
    """Make the look at an answer.

    Args:
        system: Configured name of the system.
        take: Takes the rows and the link to the next page out of a body.
    """

    def look(asked: Request, response: Response) -> tuple[T, Request | None]:
        if response.status != OK:
            is_throttled = response.status == HTTPStatus.TOO_MANY_REQUESTS
            raise unusable(system, response, is_throttled=is_throttled)
        try:
            rows, link = take(response.body)
            return rows, None if link is None else next_question(link, asked)
        except UNREADABLE as error:
            raise invalid(system, str(error)) from error

    return look


def next_question(link: str, asked: Request) -> Request:
    """Follow a link to the next page, on the connection that asked for this one.

    The host in the link may be another's: a system behind a proxy does not know its
    own. It is not looked at.

    Raises:
        ValueError: The link leads to another place than the question did.
    """
    msg = "Expected a link to the next page of the same set"
    if len(link) > MAX_LINK_CHARS:
        raise ValueError(msg)
    parts = urlsplit(link)
    path = asked.target.partition("?")[0]
    if (
        parts.scheme not in {"http", "https"}
        or not parts.netloc
        or parts.path != path
        or _QUERY.fullmatch(parts.query) is None
    ):
        raise ValueError(msg)
    return Request(asked.method, f"{path}?{parts.query}", asked.headers)


def parse_instant(text: str) -> datetime:
    """Read an instant. An offset beside it is how it was shown, and changes nothing.

    Raises:
        ValueError: It is none, or lies beyond the calendar.
    """
    found = _STAMP.fullmatch(text)
    if found is None:
        msg = "Expected an instant written /Date(milliseconds)/"
        raise ValueError(msg)
    try:
        return _EPOCH + timedelta(milliseconds=int(found[1]))
    except OverflowError:
        msg = "Expected an instant within the calendar"
        raise ValueError(msg) from None


def parse_date(text: str) -> date:
    """Read a date. It stands for midnight UTC; any other time would be a guess at a day.

    Raises:
        ValueError: It is none.
    """
    at = parse_instant(text)
    if at.time() != _EPOCH.time():
        msg = "Expected a date as midnight UTC"
        raise ValueError(msg)
    return at.date()


INSTANTS: Final = Parsed(parse_instant)
