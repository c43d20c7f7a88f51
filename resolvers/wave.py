"""One concurrent wave over the systems a question needs.

The header decides what exists and who may see it. Other systems are asked at the
same time where they can be asked by what the question knows; what they answer
stays sealed until a header admitted the line. A system that must be asked by
something the header tells is asked in a second wave, for admitted lines only.
There is never a third.

A section that cannot be read is a value, not an exception: it nulls what rests on
it, and the rest of the answer stands.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import CoroutineType
from typing import Any, Final, TypeAlias

from backends.capabilities import AskBy, Capabilities
from backends.freshness import LIVE, Wanted
from backends.ports import (
    Aligned,
    FulfilmentSource,
    PromiseSource,
    Refs,
    Sealed,
)
from backends.registry import Systems
from orderlines.deadline import Deadline
from orderlines.errors import GatewayError
from orderlines.facets import (
    Facts,
    HeaderFacet,
    Section,
)
from orderlines.identity import CUSTOMER, LineRef, OrderLineKey, XRef
from orderlines.masters import Master
from orderlines.stitched_line import NOT_READ
from orderlines.visibility import ALL
from resolvers.attempts import as_value, attempt
from resolvers.context import Context
from resolvers.look_up import Admitted, LookUp, Told
from resolvers.needs import OWNER, REFERENCES, sections_of
from resolvers.opening import admitted_of, opened

AnySource: TypeAlias = PromiseSource | FulfilmentSource
Read: TypeAlias = Callable[..., Awaitable[Any]]
"""A method of a port."""

Part: TypeAlias = tuple[Section, Read, Facts]
"""A section; how it is read; which facts."""

Table: TypeAlias = tuple[str, Capabilities]
"""A system, by name, and what it can do."""

Group: TypeAlias = tuple[Sequence[Part], Sequence[Table], Mapping[str, int]]
"""What is asked at the same time; of which systems; and how many calls one order or line
costs each."""

Split: TypeAlias = tuple[Mapping[str, Group], Group]
"""What is asked at once, by name of the order source, and what is asked after the header."""

MAX_SPLITS: Final = 256


async def ask_systems(refs: Refs, needs: Facts, context: Context, wanted: Wanted = LIVE) -> LookUp:
    """Ask every system a question needs, and open what came for admitted lines.

    Args:
        refs: What is asked for, all of one order source.
        needs: What the answer needs besides the ids in the header.
        context: The question's surroundings.
        wanted: How old what the systems say may be.
    """
    systems, visibility = context.systems, context.visibility
    ((source, *_), _) = refs[0]
    if visibility.warehouses is not ALL:
        needs |= OWNER  # the row rule goes by it
    now, later = systems.splits.get(needs) or _split(needs, systems)
    deadline = context.deadline.with_reserve()
    asked = _begin(now[source], refs, context, deadline, wanted)
    reading = asked.pop(Section.HEADER)
    try:
        try:
            headers: Told[HeaderFacet] = Told(await reading)
        except Exception as error:  # noqa: BLE001 - as in `attempt`
            headers = Told(as_value(error))
        admitted = admitted_of(headers, visibility)
        if later[0] and admitted:
            told_refs = _refs_of(admitted, source)
            asked |= _begin(later, told_refs, context, deadline, wanted)
        skus = _skus_of(admitted)
        items: Mapping[str, Master] | None = systems.items.known(skus)
        if items is None:
            items = await _read_items(skus, context, deadline)
        answers: dict[Section, Sealed[Any] | GatewayError] = {}
        for section, one in asked.items():
            try:
                answers[section] = await one
            except Exception as error:  # noqa: BLE001 - as in `attempt`
                answers[section] = as_value(error)
    except BaseException:
        # The caller left, or time is up. A task group would say so too, for more than a
        # question of one line costs else.
        await _leave([reading, *asked.values()])
        raise
    for section, *_ in later[0]:
        answers.setdefault(section, _unasked(headers))
    found = opened(source, headers, admitted, items, answers, visibility)
    if wanted.max_age_s > 0:
        context.rest_on(found.readings.values(), refs, wanted.max_age_s)
    return found


def _begin(
    group: Group, about: Refs, context: Context, deadline: Deadline, wanted: Wanted
) -> dict[Section, Awaitable[Any]]:
    """Begin to ask systems; what does not begin gets a task, but for the header."""
    parts, tables, calls_of_one = group
    visibility, calls = context.visibility, context.calls
    if len(about) == 1 and not calls:  # as mostly
        calls |= calls_of_one
    else:
        for name, table in tables:
            calls[name] = calls.get(name, 0) + table.calls_for(len(about))
    asked: dict[Section, Awaitable[Any]] = {}
    for section, read, facts in parts:
        try:
            begun = read(
                about, visibility=visibility, deadline=deadline, facts=facts, wanted=wanted
            )
        except Exception as error:  # noqa: BLE001 - as in `attempt`
            begun = _failed(error)
        # The header is awaited at once, and needs no task to begin.
        if type(begun) is CoroutineType and section is not Section.HEADER:
            begun = context.start(attempt(begun))
        asked[section] = begun
    return asked


async def _failed(error: Exception) -> Any:  # noqa: ANN401 - as the read that failed
    raise error


async def _leave(begun: Sequence[Awaitable[Any]]) -> None:
    """Wait for nothing that was begun; tasks are gone when this returns."""
    for one in begun:
        cancel = getattr(one, "cancel", None)
        if cancel is not None:
            cancel()
    tasks = [one for one in begun if isinstance(one, asyncio.Future)]
    if tasks:
        await asyncio.wait(tasks)


def _skus_of(admitted: Admitted) -> set[str]:
    if type(admitted) is Aligned:
        return {*admitted.records.columns["sku"]}
    return {told[0].sku for told in admitted.values()}


async def _read_items(skus: set[str], context: Context, deadline: Deadline) -> Mapping[str, Master]:
    """Give the master data of items of which some are not known."""
    items = await attempt(
        context.systems.items.read(sorted(skus), visibility=context.visibility, deadline=deadline)
    )
    return dict.fromkeys(skus, items) if isinstance(items, GatewayError) else items


def _split(needs: Facts, systems: Systems) -> Split:
    """Tell what can be asked at once from what must wait for the header."""
    beside: list[tuple[Part, Table]] = []
    later: list[tuple[Part, Table]] = []
    sections = sections_of(needs)
    others: tuple[tuple[Section, AnySource, Read], ...] = (
        (Section.PROMISE, systems.promises, systems.promises.read_promises),
        (Section.FULFILMENT, systems.fulfilments, systems.fulfilments.read_fulfilments),
    )
    for section, system, read in others:
        if section in sections:
            is_known = system.capabilities.ask_by is AskBy.ORDER_NUMBER
            one = (section, read, needs), (system.name, system.capabilities)
            (beside if is_known else later).append(one)
    facts = needs | REFERENCES if later else needs
    split: Split = (
        {
            name: _group(
                [
                    (
                        (Section.HEADER, order.read_headers, facts),
                        (order.name, order.capabilities),
                    ),
                    *beside,
                ]
            )
            for name, order in systems.orders.items()
        },
        _group(later),
    )
    if len(systems.splits) < MAX_SPLITS:
        systems.splits[needs] = split
    return split


def _group(asked: Sequence[tuple[Part, Table]]) -> Group:
    calls: Counter[str] = Counter()
    for _, (name, table) in asked:
        calls[name] += table.calls_for(1)
    return [part for part, _ in asked], [table for _, table in asked], calls


def _unasked(headers: Told[HeaderFacet]) -> GatewayError:
    """Say why a system of the second wave was not asked."""
    return headers.outcome if isinstance(headers.outcome, GatewayError) else NOT_READ


def _refs_of(admitted: Admitted, source: str) -> list[LineRef]:
    """Name the admitted lines by everything their headers tell."""
    return [
        LineRef(
            OrderLineKey(source, *address),
            (XRef(CUSTOMER, header.customer_po),) if header.customer_po else (),
        )
        for address, (header, *_) in admitted.items()
    ]
