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
from collections.abc import Coroutine
from functools import partial
from typing import Any, TypeVar

from backends.capabilities import AskBy
from backends.freshness import LIVE, Wanted
from backends.ports import Aligned, Readings, Refs, Sealed
from orderlines.deadline import Deadline
from orderlines.errors import GatewayError
from orderlines.facets import (
    Facet,
    Facts,
    HeaderFacet,
    Section,
)
from orderlines.identity import CUSTOMER, LineRef, OrderLineKey, XRef
from orderlines.stitched_line import NOT_READ
from orderlines.table import Table
from orderlines.visibility import ALL, Visibility
from resolvers.context import Context
from resolvers.look_up import Admitted, LookUp, Told
from resolvers.needs import REFERENCES, sections_of

T = TypeVar("T")
F = TypeVar("F", bound=Facet)


class SectionFailedError(GatewayError):
    """The gateway itself failed while reading a section; its cause is in the log."""


async def ask_systems(refs: Refs, needs: Facts, context: Context, wanted: Wanted = LIVE) -> LookUp:
    """Ask every system a question needs, and open what came for admitted lines.

    Args:
        refs: What is asked for, all of one order source.
        needs: What the answer needs besides the ids in the header.
        context: The question's surroundings.
        wanted: How old what the systems say may be.
    """
    systems, visibility = context.systems, context.visibility
    deadline = context.deadline.with_reserve()
    source_name = refs[0].key.source
    source = systems.orders[source_name]
    now, later = _split(needs, context)
    facts = needs | REFERENCES if later else needs
    ask = partial(_ask, context, needs, deadline, wanted)
    context.count(source.name, source.capabilities.calls_for(len(refs)))
    asked = {section: context.start(ask(section, refs)) for section in now}
    try:
        read = source.read_headers(
            refs, visibility=visibility, deadline=deadline, facts=facts, wanted=wanted
        )
        headers = Told(await _attempt(read))
        admitted = _admitted(headers, visibility)
        if later and admitted:
            told_refs = _refs_of(admitted, source_name)
            asked |= {section: context.start(ask(section, told_refs)) for section in later}
        skus = sorted(_skus_of(admitted))
        items = await _attempt(systems.items.read(skus, visibility=visibility, deadline=deadline))
        answers = {section: await task for section, task in asked.items()}
    except BaseException:
        # The caller left, or time is up. A task group would say so too, for more than a
        # question of one line costs else.
        for task in asked.values():
            task.cancel()
        await asyncio.wait(asked.values()) if asked else None
        raise
    opened = {
        section: _open(answer, admitted, headers, visibility) for section, answer in answers.items()
    }
    for section in later:
        if section not in opened:
            opened[section] = Told(_unasked(headers))
    promises = opened.get(Section.PROMISE, Told())
    fulfilments = opened.get(Section.FULFILMENT, Told())
    readings = {
        section: reading
        for section, reading in (
            (Section.HEADER, headers.reading),
            (Section.PROMISE, promises.reading),
            (Section.FULFILMENT, fulfilments.reading),
        )
        if reading is not None
    }
    if wanted.max_age_s > 0:
        context.rest_on(readings.values(), refs, wanted.max_age_s)
    if isinstance(items, GatewayError):
        items = dict.fromkeys(skus, items)
    return LookUp(source_name, headers, promises, fulfilments, admitted, items, readings)


def _ask(  # noqa: PLR0913, PLR0917 - the first four are the same for every system
    context: Context,
    needs: Facts,
    deadline: Deadline,
    wanted: Wanted,
    section: Section,
    about: Refs,
) -> Coroutine[Any, Any, Sealed[Any] | GatewayError]:
    """Make the look at the system that knows a section."""
    systems = context.systems
    system, read = (
        (systems.promises, systems.promises.read_promises)
        if section is Section.PROMISE
        else (systems.fulfilments, systems.fulfilments.read_fulfilments)
    )
    context.count(system.name, system.capabilities.calls_for(len(about)))
    return _attempt(
        read(about, visibility=context.visibility, deadline=deadline, facts=needs, wanted=wanted)
    )


def _split(needs: Facts, context: Context) -> tuple[list[Section], list[Section]]:
    """Tell what can be asked at once from what must wait for the header."""
    now: list[Section] = []
    later: list[Section] = []
    sections, systems = sections_of(needs), context.systems
    for section, system in (
        (Section.PROMISE, systems.promises),
        (Section.FULFILMENT, systems.fulfilments),
    ):
        if section in sections:
            is_known = system.capabilities.ask_by is AskBy.ORDER_NUMBER
            (now if is_known else later).append(section)
    return now, later


def _admitted(headers: Told[HeaderFacet], visibility: Visibility) -> Admitted:
    """Take the headers of the lines that the caller may see: the row rule, checked here."""
    if isinstance(headers.outcome, GatewayError):
        return {}
    by_line, failed = headers.outcome.by_line, headers.outcome.failed
    if isinstance(by_line, Aligned) and not failed and _admits_all(visibility, by_line.records):
        return by_line
    return {
        address: facets
        for address, facets in by_line.items()
        if address not in failed
        and visibility.admits(
            sold_to=facets[0].sold_to,
            channel=facets[0].channel.name,
            owner_node=facets[0].owner_node,
        )
    }


def _admits_all(visibility: Visibility, headers: Table[HeaderFacet]) -> bool:
    """Tell whether each restriction holds for all headers at once, as it mostly does."""
    customers, channels, warehouses = (
        visibility.customers,
        visibility.channels,
        visibility.warehouses,
    )
    return (
        (customers is ALL or customers >= {*headers.column("sold_to")})
        and (channels is ALL or channels >= {one.name for one in headers.column("channel")})
        and (warehouses is ALL or warehouses >= {*headers.column("owner_node")})
    )


def _open(
    sealed: Sealed[F] | GatewayError,
    admitted: Admitted,
    headers: Told[HeaderFacet],
    visibility: Visibility,
) -> Told[F]:
    """Look into an answer, as far as the caller may."""
    if isinstance(sealed, GatewayError):
        return Told(sealed)
    if visibility.is_unrestricted:
        wanted = None
    elif isinstance(headers.outcome, GatewayError):
        return Told(headers.outcome)
    elif not admitted:
        # Nothing may be told of any line: what came stays closed, so that it takes as long
        # to say nothing of what is hidden as of what is not there.
        return Told(Readings(sealed.reading, {}))
    else:
        wanted = admitted.keys()
    try:
        return Told(sealed.open(wanted, expected=admitted))
    except Exception as error:  # noqa: BLE001 - as in `_attempt`
        return Told(_as_value(error))


def _skus_of(admitted: Admitted) -> set[str]:
    if isinstance(admitted, Aligned):
        return {*admitted.records.column("sku")}
    return {told[0].sku for told in admitted.values()}


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


async def _attempt(call: Coroutine[Any, Any, T]) -> T | GatewayError:
    """Turn the failure of one system into a value, so that the others go on."""
    try:
        return await call
    except Exception as error:  # noqa: BLE001 - a fault in one adapter must cost its section only
        return _as_value(error)


def _as_value(error: Exception) -> GatewayError:
    """Make a failure a value that may be shown; what a bug said stays in the log."""
    if isinstance(error, GatewayError):
        return error
    failure = SectionFailedError("The gateway failed while reading a system.")
    failure.__cause__ = error
    return failure
