"""Looking up order lines: one concurrent wave over the systems a selection needs.

The header decides what exists and who may see it. Other systems are asked at the
same time where they can be asked by what the question knows; what they answer
stays sealed until a header admitted the line. A system that must be asked by
something the header tells is asked in a second wave, for admitted lines only.
There is never a third.

A section that cannot be read is a value, not an exception: it nulls what rests on
it, and the rest of the answer stands.
"""

import asyncio
from collections.abc import Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from backends.capabilities import AskBy
from backends.ports import LineAddress, Readings, Refs, Sealed
from orderlines.discrepancy import Discrepancy, DiscrepancyError, DiscrepancyKind
from orderlines.errors import GatewayError
from orderlines.facets import Facet, FulfilmentFacet, HeaderFacet, PromiseFacet, Section
from orderlines.identity import CUSTOMER, LineRef, OrderKey, OrderLineKey, OrderRef, XRef
from orderlines.item import Item
from orderlines.order_line import Reading
from orderlines.stitched_line import NOT_READ, StitchedLine
from orderlines.visibility import Visibility
from resolvers.context import Context

T = TypeVar("T")
F = TypeVar("F", bound=Facet)


class SectionFailedError(GatewayError):
    """The gateway itself failed while reading a section; its cause is in the log."""


@dataclass(frozen=True, slots=True)
class StitchedOrder:
    """An order as it was looked up.

    Attributes:
        key: Its identity.
        header: A line's header, which carries the order's; or why none was read.
        lines: The lines the caller may see, in the order source's order.
        discrepancies: Records that belong to the order and to none of its lines.
    """

    key: OrderKey
    header: HeaderFacet | GatewayError
    lines: Sequence[StitchedLine]
    discrepancies: Sequence[Discrepancy] = ()


@dataclass(frozen=True, slots=True)
class Told(Generic[F]):
    """What one kind of system told about the lines that were asked for."""

    outcome: Readings[F] | GatewayError = NOT_READ

    def about(self, address: LineAddress) -> Sequence[F] | GatewayError:
        """Give the records of one line; none at all means the system has none.

        While there is a record that could not even be placed, a line without
        records may be the one it belongs to, so that is said instead.
        """
        if isinstance(self.outcome, GatewayError):
            return self.outcome
        failed = self.outcome.failed.get(address)
        if failed is not None:
            return DiscrepancyError(failed)
        found = self.outcome.by_line.get(address)
        if found is not None:
            return found
        return DiscrepancyError(self.outcome.unplaced[0]) if self.outcome.unplaced else ()

    @property
    def addresses(self) -> Collection[LineAddress]:
        """Every line the system told about, readable or not."""
        if isinstance(self.outcome, GatewayError):
            return ()
        return [*self.outcome.by_line, *self.outcome.failed]

    @property
    def reading(self) -> Reading | None:
        """The look at the system; None if there was none."""
        return None if isinstance(self.outcome, GatewayError) else self.outcome.reading


@dataclass(frozen=True, slots=True)
class LookUp:
    """Everything a wave brought, opened for the lines the caller may see.

    Attributes:
        admitted: The lines a header admitted, in the order source's order.
        items: Master data, by item number.
    """

    source: str
    headers: Told[HeaderFacet]
    promises: Told[PromiseFacet]
    fulfilments: Told[FulfilmentFacet]
    admitted: Mapping[LineAddress, HeaderFacet]
    items: Mapping[str, Item | GatewayError | None]
    readings: Mapping[Section, Reading] = field(default_factory=dict)

    def line(self, address: LineAddress) -> StitchedLine:
        """Stitch one line of what the systems told."""
        header = self.admitted.get(address)
        return StitchedLine(
            OrderLineKey(self.source, *address),
            self.readings,
            header=self._why_not(address) if header is None else header,
            item=None if header is None else self.items.get(header.sku),
            promise=self.promises.about(address),
            fulfilment=self.fulfilments.about(address),
        )

    def _why_not(self, address: LineAddress) -> GatewayError:
        """Say why a line has no header."""
        told = self.headers.about(address)
        return told if isinstance(told, GatewayError) else NOT_READ


async def look_up_lines(
    keys: Sequence[OrderLineKey], needs: frozenset[Section], context: Context
) -> list[StitchedLine | GatewayError | None]:
    """Look up single lines of one order source.

    Args:
        keys: Without duplicates, all of one source.
        needs: Sections the answer needs besides the header.
        context: The question's surroundings.

    Returns:
        One value a key, in their order: the line; None if there is none, or none
        the caller may see; an error if that could not be found out.
    """
    look_up = await _wave([LineRef(key) for key in keys], needs, context)
    return [_line_or_reason(look_up, key, context.visibility) for key in keys]


async def look_up_orders(
    keys: Sequence[OrderKey], needs: frozenset[Section], context: Context
) -> list[StitchedOrder | GatewayError | None]:
    """Look up whole orders of one order source.

    Args:
        keys: Without duplicates, all of one source.
        needs: Sections the answer needs besides the header.
        context: The question's surroundings.

    Returns:
        One value a key, in their order: the order with the lines the caller may
        see; None if there is none of them; an error if that could not be found out.
    """
    look_up = await _wave([OrderRef(key) for key in keys], needs, context)
    return [_order_or_reason(look_up, key, context.visibility) for key in keys]


def _line_or_reason(
    look_up: LookUp, key: OrderLineKey, visibility: Visibility
) -> StitchedLine | GatewayError | None:
    address = (key.order_number, key.line_number)
    if address in look_up.admitted:
        return look_up.line(address)
    failure = look_up.headers.about(address)
    if not isinstance(failure, GatewayError):
        return None
    if not visibility.is_unrestricted:
        return _for_restricted(failure)
    is_known_elsewhere = address in {
        *look_up.promises.addresses,
        *look_up.fulfilments.addresses,
        *look_up.headers.addresses,
    }
    return look_up.line(address) if is_known_elsewhere else failure


def _order_or_reason(
    look_up: LookUp, key: OrderKey, visibility: Visibility
) -> StitchedOrder | GatewayError | None:
    number = key.order_number
    addresses = [one for one in look_up.admitted if one[0] == number]
    failure = look_up.headers.outcome
    if visibility.is_unrestricted:
        addresses += [one for one in look_up.headers.addresses if one[0] == number]
        if isinstance(failure, GatewayError):
            addresses += [one for one in look_up.promises.addresses if one[0] == number]
            addresses += [one for one in look_up.fulfilments.addresses if one[0] == number]
    lines = [look_up.line(address) for address in dict.fromkeys(addresses)]
    if not lines:
        return _for_restricted(failure) if isinstance(failure, GatewayError) else None
    readable = (line.header for line in lines if not isinstance(line.header, GatewayError))
    return StitchedOrder(
        key, next(readable, lines[0].header), lines, tuple(_left_over(look_up, number))
    )


def _for_restricted(failure: GatewayError) -> GatewayError | None:
    """Say to a caller with row rules only what would be said of any id.

    That the order source could not be read is the same for every id; that one
    record of it is bad is not, and would tell that the record exists.
    """
    return None if isinstance(failure, DiscrepancyError) else failure


def _left_over(look_up: LookUp, order_number: str) -> list[Discrepancy]:
    """List what belongs to the order as a whole: records without a line of it."""
    found: list[Discrepancy] = []
    if isinstance(look_up.headers.outcome, GatewayError):
        return found
    found += look_up.headers.outcome.unplaced
    known = set(look_up.headers.addresses)
    for told in (look_up.promises, look_up.fulfilments):
        if isinstance(told.outcome, GatewayError):
            continue
        found += told.outcome.unplaced
        found += [
            Discrepancy(
                DiscrepancyKind.UNRESOLVED_XREF,
                told.outcome.reading.system,
                facets[0].record,
                "",
                DiscrepancyKind.UNRESOLVED_XREF.value,
            )
            for address, facets in told.outcome.by_line.items()
            if address[0] == order_number and address not in known and facets
        ]
    return found


async def _wave(refs: Refs, needs: frozenset[Section], context: Context) -> LookUp:
    systems, visibility = context.systems, context.visibility
    deadline = context.deadline.with_reserve()
    source_name = refs[0].key.source
    source = systems.orders[source_name]
    now, later = _split(needs, context)

    def ask(section: Section, about: Refs) -> Coroutine[Any, Any, Sealed[Any] | GatewayError]:
        read = (
            systems.promises.read_promises
            if section is Section.PROMISE
            else systems.fulfilments.read_fulfilments
        )
        return _attempt(read(about, visibility=visibility, deadline=deadline))

    async with asyncio.TaskGroup() as group:
        first = group.create_task(
            _attempt(source.read_headers(refs, visibility=visibility, deadline=deadline))
        )
        asked = {section: group.create_task(ask(section, refs)) for section in now}
        headers = Told(await first)
        admitted = _admitted(headers, visibility)
        if later and admitted:
            told_refs = _refs_of(admitted, source_name)
            asked |= {section: group.create_task(ask(section, told_refs)) for section in later}
        skus = sorted({header.sku for header in admitted.values()})
        items = await _attempt(systems.items.read(skus, visibility=visibility, deadline=deadline))
    opened = {
        section: _open(task.result(), admitted, headers, visibility)
        for section, task in asked.items()
    }
    for section in later:
        if section not in opened:
            opened[section] = Told(_unasked(headers))
    promises = opened.get(Section.PROMISE, Told())
    fulfilments = opened.get(Section.FULFILMENT, Told())
    readings = {
        section: told.reading
        for section, told in (
            (Section.HEADER, headers),
            (Section.PROMISE, promises),
            (Section.FULFILMENT, fulfilments),
        )
        if told.reading is not None
    }
    if isinstance(items, GatewayError):
        items = dict.fromkeys(skus, items)
    return LookUp(source_name, headers, promises, fulfilments, admitted, items, readings)


def _split(
    needs: frozenset[Section], context: Context
) -> tuple[frozenset[Section], frozenset[Section]]:
    """Tell what can be asked at once from what must wait for the header."""
    asks_by = {
        Section.PROMISE: context.systems.promises.capabilities.ask_by,
        Section.FULFILMENT: context.systems.fulfilments.capabilities.ask_by,
    }
    now = frozenset(one for one in needs if asks_by[one] is AskBy.ORDER_NUMBER)
    return now, needs - now


def _admitted(headers: Told[HeaderFacet], visibility: Visibility) -> dict[LineAddress, HeaderFacet]:
    """Take the headers of the lines that the caller may see: the row rule, checked here."""
    if isinstance(headers.outcome, GatewayError):
        return {}
    failed = headers.outcome.failed
    return {
        address: facets[0]
        for address, facets in headers.outcome.by_line.items()
        if address not in failed
        and visibility.admits(
            sold_to=facets[0].sold_to,
            channel=facets[0].channel.name,
            owner_node=facets[0].owner_node,
        )
    }


def _open(
    sealed: Sealed[F] | GatewayError,
    admitted: Mapping[LineAddress, HeaderFacet],
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
    else:
        wanted = admitted.keys()
    try:
        return Told(sealed.open(wanted))
    except Exception as error:  # noqa: BLE001 - as in `_attempt`
        return Told(_as_value(error))


def _unasked(headers: Told[HeaderFacet]) -> GatewayError:
    """Say why a system of the second wave was not asked."""
    return headers.outcome if isinstance(headers.outcome, GatewayError) else NOT_READ


def _refs_of(admitted: Mapping[LineAddress, HeaderFacet], source: str) -> list[LineRef]:
    """Name the admitted lines by everything their headers tell."""
    return [
        LineRef(
            OrderLineKey(source, *address),
            (XRef(CUSTOMER, header.customer_po),) if header.customer_po else (),
        )
        for address, header in admitted.items()
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
