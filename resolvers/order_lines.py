"""Looking up order lines: what a wave brought, as lines and orders or as reasons.

What does not exist and what the caller may not see are one and the same here: None.
"""

from collections.abc import Collection, Sequence

import msgspec

from backends.freshness import LIVE, Wanted
from backends.ports import Aligned, LineAddress, Readings
from orderlines.discrepancy import Discrepancy, DiscrepancyError, DiscrepancyKind
from orderlines.errors import GatewayError
from orderlines.facets import Facts, HeaderFacet
from orderlines.identity import LineRef, OrderKey, OrderLineKey, OrderRef
from orderlines.stitched_line import StitchedLine
from orderlines.visibility import Visibility
from resolvers.context import Context
from resolvers.look_up import LookUp
from resolvers.wave import ask_systems


class StitchedOrder(msgspec.Struct):
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


async def look_up_lines(
    keys: Sequence[OrderLineKey], needs: Facts, context: Context, wanted: Wanted = LIVE
) -> list[StitchedLine | GatewayError | None]:
    """Look up single lines of one order source.

    Args:
        keys: Without duplicates, all of one source.
        needs: What the answer needs besides the ids in the header.
        context: The question's surroundings.
        wanted: How old what the systems say may be.

    Returns:
        One value a key, in their order: the line; None if there is none, or none
        the caller may see; an error if that could not be found out.
    """
    look_up = await ask_systems([LineRef(key) for key in keys], needs, context, wanted)
    return [_line_or_reason(look_up, key, context.visibility) for key in keys]


async def look_up_orders(
    keys: Sequence[OrderKey], needs: Facts, context: Context, wanted: Wanted = LIVE
) -> list[StitchedOrder | GatewayError | None]:
    """Look up whole orders of one order source.

    Args:
        keys: Without duplicates, all of one source.
        needs: What the answer needs besides the ids in the header.
        context: The question's surroundings.
        wanted: How old what the systems say may be.

    Returns:
        One value a key, in their order: the order with the lines the caller may
        see; None if there is none of them; an error if that could not be found out.
    """
    look_up = await ask_systems([*map(OrderRef, keys)], needs, context, wanted)
    return [order_of(look_up, key, context.visibility) for key in keys]


def _line_or_reason(
    look_up: LookUp, key: OrderLineKey, visibility: Visibility
) -> StitchedLine | GatewayError | None:
    address = (key.order_number, key.line_number)
    if address in look_up.admitted:
        return look_up.lines([address])[0]
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
    return look_up.lines([address])[0] if is_known_elsewhere else failure


def order_of(
    look_up: LookUp, key: OrderKey, visibility: Visibility
) -> StitchedOrder | GatewayError | None:
    """Make one order of what was looked up; None and errors as `look_up_orders` gives them."""
    (_, number), is_restricted = key, not visibility.is_unrestricted
    admitted = look_up.admitted
    header: HeaderFacet | GatewayError
    if (
        type(admitted) is Aligned
        and admitted.lines.order_number == number
        and (is_restricted or _are_all(look_up))
    ):
        # As mostly, and found faster.
        lines, header = look_up.whole(admitted), admitted.records[0]
    else:
        lines = look_up.lines(_addresses_of(look_up, number, visibility))
        if not lines:
            failure = look_up.headers.outcome
            return _for_restricted(failure) if isinstance(failure, GatewayError) else None
        readable = (one for one in lines.headers if not isinstance(one, GatewayError))
        header = next(readable, lines.headers[0])
    # A record without a line may belong to one that a row rule hides.
    left_over = () if is_restricted else tuple(_left_over(look_up, number))
    return StitchedOrder(key, header, lines, left_over)


def _are_all(look_up: LookUp) -> bool:
    """Tell whether the lines that were admitted are all there are."""
    headers = look_up.headers.outcome
    return (
        isinstance(headers, Readings) and headers.by_line is look_up.admitted and not headers.failed
    )


def _addresses_of(look_up: LookUp, number: str, visibility: Visibility) -> Sequence[LineAddress]:
    """Name the lines of an order that the caller may hear of."""
    admitted, headers = look_up.admitted, look_up.headers.outcome
    told: list[Collection[LineAddress]] = [admitted]
    if visibility.is_unrestricted:
        told.append(look_up.headers.addresses)
        if isinstance(headers, GatewayError):
            told += [look_up.promises.addresses, look_up.fulfilments.addresses]
    return [*dict.fromkeys(one for addresses in told for one in addresses if one[0] == number)]


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
