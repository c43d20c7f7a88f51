"""The root fields: each one batch resolver, handed what its selection needs.

A look-up answers null and `NOT_FOUND` for what does not exist, and exactly the same
for what the caller may not see.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final, TypeAlias, TypeVar

import strawberry

from backends.freshness import LIVE, OnStale, Wanted
from backends.registry import BackendInfo
from orderlines.errors import GatewayError
from orderlines.facets import Facts, Section
from orderlines.identity import InvalidIdError, OrderKey, OrderLineKey, OrderRef, normalise_number
from orderlines.stitched_line import StitchedLine
from policies.principal import Principal
from resolvers.batches import Ask, batched
from resolvers.context import Context
from resolvers.enums import OnStaleType
from resolvers.explanations import Explanation, ExplanationType
from resolvers.governance import (
    BACKENDS,
    LINES,
    Authenticated,
    CacheControl,
    Cost,
    Owner,
    sized,
)
from resolvers.needs import MAX_AGE_S, max_age_of
from resolvers.operations import BackendType, ViewerType
from resolvers.order_lines import StitchedOrder, look_up_lines, order_of
from resolvers.orders import InvalidArgumentError, OrderType
from resolvers.quota import RateLimitType, rate_limit
from resolvers.types import OrderLineType
from resolvers.wave import ask_systems

MAX_IDS = 1000

OPERATIONS: Final = Owner(team="operations")
LOOKED_UP: Final = (
    LINES,
    CacheControl(max_age=MAX_AGE_S[Section.HEADER]),
    Owner(team="order-management"),
)

MaxAge: TypeAlias = Annotated[
    timedelta | None,
    strawberry.argument(
        description="How old what the systems said may be; without it they are asked now."
    ),
]
OnStaleArgument: TypeAlias = Annotated[
    OnStaleType,
    strawberry.argument(description="What is done where it cannot be had as fresh as that."),
]

K = TypeVar("K", OrderKey, OrderLineKey)
V = TypeVar("V")


class NotFoundError(GatewayError):
    """There is nothing of this name, or nothing the caller may see."""

    code: ClassVar[str] = "NOT_FOUND"


async def order_line(
    parents: Sequence[object],
    ask: Ask,
    *,
    id: Annotated[strawberry.ID, strawberry.argument(description="Of an `OrderLine`.")],  # noqa: A002 - the schema's own word
    max_age: MaxAge = None,
    on_stale: OnStaleArgument = OnStale.SERVE_AND_FLAG,
) -> Sequence[StitchedLine | GatewayError]:
    """Look up one line, for each parent the same."""
    found = await _lines_by_id([id], ask, wanted_of(ask, max_age, on_stale))
    return found * len(parents)


async def order_lines_by_id(
    parents: Sequence[object],
    ask: Ask,
    *,
    ids: Annotated[
        list[strawberry.ID],
        strawberry.argument(description=f"Of `OrderLine`s, at most {MAX_IDS}."),
    ],
    max_age: MaxAge = None,
    on_stale: OnStaleArgument = OnStale.SERVE_AND_FLAG,
) -> Sequence[Sequence[StitchedLine | GatewayError]]:
    """Look up many lines, in the order of their ids."""
    if len(ids) > MAX_IDS:
        msg = f"`ids` holds at most {MAX_IDS} ids."
        raise InvalidArgumentError(msg, argument="ids")
    wanted = wanted_of(ask, max_age, on_stale)
    return [await _lines_by_id(ids, ask, wanted)] * len(parents)


async def order(  # noqa: PLR0913 - the arguments of the field
    parents: Sequence[object],
    ask: Ask,
    *,
    number: Annotated[str, strawberry.argument(description="The order source's number.")],
    source: Annotated[
        str | None,
        strawberry.argument(
            description="Configured name of the order source; by default the first one."
        ),
    ] = None,
    max_age: MaxAge = None,
    on_stale: OnStaleArgument = OnStale.SERVE_AND_FLAG,
) -> Sequence[StitchedOrder | GatewayError]:
    """Look up one order by its number, for each parent the same."""
    known = ask.context.systems.orders
    name = source or next(iter(known))
    key = OrderKey(name, normalise_number(number, what="order number"))
    result: StitchedOrder | GatewayError | None = None
    if name in known:
        wanted = wanted_of(ask, max_age, on_stale)
        context = ask.context
        found = await ask_systems((OrderRef(key),), ask.needs, context, wanted)
        result = order_of(found, key, context.visibility)
    return [result or NotFoundError("There is no such order.")] * len(parents)


async def backends(parents: Sequence[object], ask: Ask) -> Sequence[Sequence[BackendInfo]]:
    """List the systems behind the gateway."""
    return [ask.context.systems.backends] * len(parents)


async def viewer(parents: Sequence[object], ask: Ask) -> Sequence[Principal]:
    """Say who is asking."""
    return [ask.context.principal] * len(parents)


def wanted_of(ask: Ask, max_age: timedelta | None, on_stale: OnStale) -> Wanted:
    """Say what a caller allows; no more than the schema does of what is selected."""
    if max_age is None:
        return LIVE  # nothing that was kept is given, so nothing can be stale
    return Wanted(min(max_age.total_seconds(), max_age_of(ask.needs)), on_stale)


async def explain(
    parents: Sequence[object],
    ask: Ask,
    *,
    query: Annotated[str, strawberry.argument(description="The document to explain.")],
    variables: Annotated[
        strawberry.scalars.JSON | None, strawberry.argument(description="Values of its variables.")
    ] = None,
    operation_name: Annotated[
        str | None, strawberry.argument(description="Which operation, if there are several.")
    ] = None,
) -> Sequence[Explanation]:
    """Say what a question would do."""
    context = ask.context
    assert context.explain is not None  # noqa: S101 - as above
    if not (variables is None or isinstance(variables, dict)):
        msg = "`variables` is an object."
        raise InvalidArgumentError(msg, argument="variables")
    explained = await context.explain(context.principal, query, variables or {}, operation_name)
    return [explained] * len(parents)


async def _lines_by_id(
    ids: Sequence[str], ask: Ask, wanted: Wanted
) -> list[StitchedLine | GatewayError]:
    keys = [_key_or_reason(text) for text in ids]
    asked = dict.fromkeys(key for key in keys if isinstance(key, OrderLineKey))
    found = await look_up(list(asked), ask, look_up_lines, wanted)
    return [
        (found[key] or NotFoundError("There is no such order line."))
        if isinstance(key, OrderLineKey)
        else key
        for key in keys
    ]


def _key_or_reason(text: str) -> OrderLineKey | InvalidIdError:
    try:
        return OrderLineKey.from_id(text)
    except InvalidIdError as error:
        return error


async def look_up(
    keys: Sequence[K],
    ask: Ask,
    read: Callable[
        [Sequence[K], Facts, Context, Wanted],
        Coroutine[Any, Any, list[V | GatewayError | None]],
    ],
    wanted: Wanted = LIVE,
) -> dict[K, V | GatewayError | None]:
    """Look keys up at all their sources at once; a source nobody knows has nothing."""
    found: dict[K, V | GatewayError | None] = dict.fromkeys(keys)
    known = ask.context.systems.orders
    by_source = {
        source: [key for key in keys if key.source == source]
        for source in {key.source for key in keys}
        if source in known
    }
    readings = [read(some, ask.needs, ask.context, wanted) for some in by_source.values()]
    if len(readings) == 1:
        values = [await readings[0]]
    else:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(reading) for reading in readings]
        values = [task.result() for task in tasks]
    for some, brought in zip(by_source.values(), values, strict=True):
        found.update(zip(some, brought, strict=True))
    return found


@strawberry.type(
    name="Query", description="What can be asked. The gateway reads; it changes nothing."
)
class Query:
    """The root of the schema."""

    order_line: OrderLineType | None = batched(
        order_line,
        OrderLineType | None,
        "One order line, read from the systems now. Null with `NOT_FOUND` if there is none.",
        policy=LOOKED_UP,
    )
    order_lines_by_id: list[OrderLineType | None] | None = batched(
        order_lines_by_id,
        list[OrderLineType | None] | None,
        f"Up to {MAX_IDS} order lines, in the order of `ids`, read from the systems now. "
        "Null with `NOT_FOUND` in the place of each that does not exist.",
        policy=(*LOOKED_UP, sized(1, "ids")),
    )
    order: OrderType | None = batched(
        order,
        OrderType | None,
        "One order with its lines, read from the systems now. "
        "Null with `NOT_FOUND` if there is none.",
        policy=LOOKED_UP,
    )
    backends: list[BackendType] | None = batched(
        backends,
        list[BackendType] | None,
        "The systems behind the gateway, and how they are doing.",
        policy=(BACKENDS, CacheControl(max_age=0), OPERATIONS, sized(10)),
    )
    viewer: ViewerType = batched(
        viewer,
        ViewerType,
        "Who is asking.",
        policy=(Authenticated(), CacheControl(max_age=0), OPERATIONS),
    )
    rate_limit: RateLimitType = batched(
        rate_limit,
        RateLimitType,
        "What the caller has left to spend.",
        policy=(Authenticated(), CacheControl(max_age=0), OPERATIONS),
    )
    explain: ExplanationType = batched(
        explain,
        ExplanationType,
        "What a question would do and cost, and what of it is hidden. Once a request.",
        policy=(Authenticated(), CacheControl(max_age=0), OPERATIONS, Cost(weight=50)),
    )
