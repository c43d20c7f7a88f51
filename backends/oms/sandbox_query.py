"""What is asked of the sandbox's OMS, and how its pages are read.

One query for each choice of facts: it selects what is wanted and nothing else. Which
lines are meant travels in its variables, so its text never depends on a question's keys.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

import msgspec

from backends import graphql
from backends.oms.sandbox_brief import BRIEF, LineInBrief, table_of_briefs, table_with_offers
from backends.oms.sandbox_rows import (
    Line,
    LineIds,
    PromiseLine,
    checked,
    promise_of,
    table_of,
)
from backends.outcomes import invalid, unavailable
from backends.reasons import Reason
from backends.rows import UNREADABLE, Rows, sort_out
from backends.transport import Request
from backends.wanted import requiring
from orderlines.facets import Fact, Facts
from orderlines.table import Table

R = TypeVar("R")


class LineInput(msgspec.Struct, frozen=True, gc=False):
    """A line asked for by itself."""

    order: str
    line: str


class Variables(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """What changes from question to question; one of the first three is given."""

    orders: list[str] | None = None
    lines: list[LineInput] | None = None
    customer_orders: list[str] | None = None
    first: int | None = None
    after: str | None = None


class PromiseLinePage(
    msgspec.Struct,
    Generic[R],
    frozen=True,
    gc=False,
    rename="camel",
    tag_field="__typename",
    tag="PromiseLinePage",
):
    """Lines, and where to go on."""

    lines: list[R]
    next_cursor: str | None


class Refused(msgspec.Struct, frozen=True, gc=False, tag_field="__typename", tag="Refused"):
    """No, and why."""

    code: str


class Data(msgspec.Struct, Generic[R], frozen=True, gc=False, rename="camel"):
    """The answer to the one query."""

    promise_lines: PromiseLinePage[R] | Refused


# The cursor comes last, where it is found without decoding the lines.
_TEXT: Final = """
    query Promises(
      $orders: [String!], $lines: [LineInput!], $customerOrders: [String!],
      $first: Int, $after: String
    ) {
      promiseLines(
        orders: $orders, lines: $lines, customerOrders: $customerOrders,
        first: $first, after: $after
      ) {
        __typename
        ... on PromiseLinePage { lines { id order line unit %s } nextCursor }
        ... on Refused { code }
      }
    }
"""
_SUBSTITUTIONS: Final = (
    "substitutions { forSku bySku ratioNumerator ratioDenominator"
    " proposedQuantity acceptedQuantity status reason }"
)

_ENVELOPE: Final = msgspec.json.Decoder(graphql.Answer[Data[msgspec.Raw]])
_LINE_IDS: Final = msgspec.json.Decoder(LineIds)
_QUESTION: Final = msgspec.json.Decoder(graphql.Body[Variables])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for of a line, and how a page of such lines is read.

    Attributes:
        page: Reads a page of lines that are good.
        table: Checks them.
        line: Reads one line, if not all are.
    """

    query: graphql.Query[Variables]
    page: msgspec.json.Decoder[graphql.Answer[Data[Any]]]
    table: Callable[[Sequence[Any]], Table[Any]]
    line: msgspec.json.Decoder[PromiseLine]

    def take_lines(self, system: str, body: bytes) -> Rows[Line]:
        """Take the lines out of a page.

        Raises:
            BackendError: The answer says that it is none.
        """
        try:
            return Rows(self.table(_page(system, self.page.decode(body)).lines))
        except UNREADABLE:
            raws = _page(system, _ENVELOPE.decode(body)).lines
            return sort_out(raws, lambda raw: checked(self.line.decode(raw)), _LINE_IDS.decode)


@lru_cache(maxsize=64)
def wanted_of(facts: Facts) -> Wanted:
    """Choose what to ask for."""
    is_brief = Fact.PROMISES in facts and Fact.VERSIONS not in facts
    line = _line(facts)
    held = requiring(LineInBrief, _beside(facts)) if is_brief else line
    in_brief = table_with_offers if Fact.SUBSTITUTIONS in facts else table_of_briefs
    page: Any = graphql.Answer[Data[held]]  # type: ignore[valid-type]  # a type, at run time
    return Wanted(
        graphql.Query("/graphql", _TEXT % _selection(facts)),
        msgspec.json.Decoder(page),
        in_brief if is_brief else table_of,
        msgspec.json.Decoder(line),
    )


def cursor_of(system: str, body: bytes) -> str | None:
    """Take the cursor out of a page."""
    return _page(system, _ENVELOPE.decode(body)).next_cursor


def following(asked: Request, cursor: str) -> Request:
    """Ask for the page after this one."""
    question = _QUESTION.decode(asked.body)
    variables = msgspec.structs.replace(question.variables, after=cursor)
    return graphql.asked_again(asked, msgspec.structs.replace(question, variables=variables))


def _selection(facts: Facts) -> str:
    parts: list[str] = []
    if Fact.PROMISE_CHANGED in facts:
        parts.append("updatedAt")
    if Fact.PROMISES in facts:
        is_whole = Fact.VERSIONS in facts
        parts.append(
            "promise { __typename ... on PromiseSchedule { versions { version"
            f"{' madeAt basis' if is_whole else ''}"
            f" slices {{ quantity date{' confidence' if is_whole else ''} }} }} }} }}"
        )
    if Fact.SUBSTITUTIONS in facts:
        parts.append(_SUBSTITUTIONS)
    return " ".join(parts)


def _line(facts: Facts) -> type[PromiseLine]:
    """Make the record of what is selected."""
    names = _beside(facts)
    if Fact.PROMISES not in facts:
        return requiring(PromiseLine, names)
    promise = promise_of(is_whole=True) if Fact.VERSIONS in facts else BRIEF
    return requiring(PromiseLine, names, types={"promise": promise})


def _beside(facts: Facts) -> set[str]:
    """Name what is selected beside ids, unit and promise."""
    named = {Fact.PROMISE_CHANGED: "updated_at", Fact.SUBSTITUTIONS: "offers"}
    return {name for fact, name in named.items() if fact in facts}


def _page(system: str, answer: graphql.Answer[Data[R]]) -> PromiseLinePage[R]:
    """Give the page of an answer, or raise what the answer says instead."""
    if answer.errors or answer.data is None:
        said = b" ".join(bytes(one) for one in answer.errors or ()).decode(errors="replace")
        raise invalid(system, said, Reason.REFUSED)
    result = answer.data.promise_lines
    if isinstance(result, PromiseLinePage):
        return result
    reason = Reason.THROTTLED if result.code == "THROTTLED" else Reason.REFUSED
    raise unavailable(system, reason, result.code)
