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
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import CoroutineType
from typing import Any, Final, TypeAlias

import msgspec

from backends.capabilities import AskBy
from backends.freshness import LIVE, Wanted
from backends.ports import (
    Aligned,
    FulfilmentSource,
    OrderSource,
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

AnySource: TypeAlias = OrderSource | PromiseSource | FulfilmentSource
Read: TypeAlias = Callable[..., Awaitable[Any]]
"""A method of a port."""

Part: TypeAlias = tuple[Section, AnySource, Read]
"""What a section is read by."""


Split: TypeAlias = tuple[Sequence[Part], Sequence[Part]]

MAX_SPLITS: Final = 256


class Look(msgspec.Struct, frozen=True):
    """How every system of a wave is asked.

    Attributes:
        needs: What the answer needs.
        deadline: Of every call.
        wanted: How old what the systems say may be.
    """

    context: Context
    needs: Facts
    deadline: Deadline
    wanted: Wanted

    def begin(self, system: AnySource, read: Read, about: Refs, facts: Facts) -> Awaitable[Any]:
        """Begin to ask a system, if it begins before it is awaited."""
        context, name, table = self.context, system.name, system.capabilities
        calls = table.calls if len(about) == 1 else table.calls_for(len(about))
        context.calls[name] = context.calls.get(name, 0) + calls
        try:
            return read(
                about,
                visibility=context.visibility,
                deadline=self.deadline,
                facts=facts,
                wanted=self.wanted,
            )
        except Exception as error:  # noqa: BLE001 - as in `attempt`
            return _failed(error)

    def begin_beside(self, parts: Sequence[Part], about: Refs) -> dict[Section, Awaitable[Any]]:
        """Begin to ask systems while another is asked; what does not begin gets a task."""
        asked: dict[Section, Awaitable[Any]] = {}
        for section, system, read in parts:
            begun = self.begin(system, read, about, self.needs)
            if isinstance(begun, CoroutineType):
                begun = self.context.start(attempt(begun))
            asked[section] = begun
        return asked


async def ask_systems(refs: Refs, needs: Facts, context: Context, wanted: Wanted = LIVE) -> LookUp:
    """Ask every system a question needs, and open what came for admitted lines.

    Args:
        refs: What is asked for, all of one order source.
        needs: What the answer needs besides the ids in the header.
        context: The question's surroundings.
        wanted: How old what the systems say may be.
    """
    systems, visibility = context.systems, context.visibility
    source_name = refs[0].key.source
    source = systems.orders[source_name]
    now, later = systems.splits.get(needs) or _split(needs, systems)
    look = Look(context, needs, context.deadline.with_reserve(), wanted)
    facts = needs | REFERENCES if later else needs
    if visibility.warehouses is not ALL:
        facts |= OWNER
    reading = look.begin(source, source.read_headers, refs, facts)
    asked = look.begin_beside(now, refs)
    try:
        try:
            headers: Told[HeaderFacet] = Told(await reading)
        except Exception as error:  # noqa: BLE001 - as in `attempt`
            headers = Told(as_value(error))
        admitted = admitted_of(headers, visibility)
        if later and admitted:
            told_refs = _refs_of(admitted, source_name)
            asked |= look.begin_beside(later, told_refs)
        skus = _skus_of(admitted)
        items: Mapping[str, Master] | None = systems.items.known(skus)
        if items is None:
            items = await _read_items(skus, look)
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
    for section, _, _ in later:
        answers.setdefault(section, _unasked(headers))
    found = opened(source_name, headers, admitted, items, answers, visibility)
    if wanted.max_age_s > 0:
        context.rest_on(found.readings.values(), refs, wanted.max_age_s)
    return found


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


async def _read_items(skus: set[str], look: Look) -> Mapping[str, Master]:
    """Give the master data of items of which some are not known."""
    context = look.context
    items = await attempt(
        context.systems.items.read(
            sorted(skus), visibility=context.visibility, deadline=look.deadline
        )
    )
    return dict.fromkeys(skus, items) if isinstance(items, GatewayError) else items


def _split(needs: Facts, systems: Systems) -> Split:
    """Tell what can be asked at once from what must wait for the header."""
    now: list[Part] = []
    later: list[Part] = []
    sections = sections_of(needs)
    parts: tuple[Part, ...] = (
        (Section.PROMISE, systems.promises, systems.promises.read_promises),
        (Section.FULFILMENT, systems.fulfilments, systems.fulfilments.read_fulfilments),
    )
    for part in parts:
        section, system, _ = part
        if section in sections:
            is_known = system.capabilities.ask_by is AskBy.ORDER_NUMBER
            (now if is_known else later).append(part)
    if len(systems.splits) < MAX_SPLITS:
        systems.splits[needs] = now, later
    return now, later


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
