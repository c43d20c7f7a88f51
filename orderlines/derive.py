"""Quantities that no system states: net, open, backordered, and the display state.

Every rule is written for numbers that may be missing. A value rests only on what
it needs: a line whose warehouse system is down can still be known to be covered
by its promise. The laws: domain words `net`, `open`, `backordered`; the state is
the first of its list that holds, and is never stored.
"""

from collections.abc import Callable
from dataclasses import dataclass

from orderlines.errors import GatewayError
from orderlines.order_line import Known, OrderLineState, Quantities, is_number
from orderlines.quantity import Exact, minus, plus


@dataclass(frozen=True, slots=True)
class Parts:
    """The quantities the systems state, in the base unit, or why they are not there."""

    requested: Known
    cancelled_by_customer: Known
    cancelled_by_supplier: Known
    promised: Known
    has_promise: bool
    allocated: Known
    shipped: Known
    substituted: Known
    returned: Known
    picked: Known


def derive(parts: Parts) -> Quantities:
    """Work out what follows from the stated quantities."""
    cancelled = _both(plus, parts.cancelled_by_customer, parts.cancelled_by_supplier)
    net = _both(minus, parts.requested, cancelled)
    fulfilled = _both(plus, parts.shipped, parts.substituted)
    return Quantities(
        requested=parts.requested,
        cancelled_by_customer=parts.cancelled_by_customer,
        cancelled_by_supplier=parts.cancelled_by_supplier,
        net=net,
        promised=parts.promised,
        allocated=parts.allocated,
        shipped=parts.shipped,
        substituted=parts.substituted,
        fulfilled=fulfilled,
        open=_both(_what_is_left, net, fulfilled),
        backordered=_backordered(parts, net, fulfilled),
        returned=parts.returned,
        picked=parts.picked,
    )


def _backordered(parts: Parts, net: Known, fulfilled: Known) -> Known:
    """`max(0, net - max(fulfilled + allocated, promised))`, as far as it can be known.

    A unit promised for a later date is promised, not backordered. If one of the
    two sides alone covers the line, the other need not be known.
    """
    if not is_number(net):
        return net
    from_stock = _both(plus, fulfilled, parts.allocated)
    if is_number(from_stock) and from_stock >= net:
        return 0
    promised = parts.promised if parts.has_promise else None
    if isinstance(parts.promised, GatewayError):
        promised = parts.promised
    if is_number(promised) and promised >= net:
        return 0
    short = _both(max, from_stock, promised)
    return _both(minus, net, short)


def state_of(quantities: Quantities, *, is_on_hold: bool) -> OrderLineState | GatewayError | None:
    """Name the state of a line; the first rule that holds wins.

    Returns:
        None where it is not known what was asked for or what shipped, and the
        error of a section that decides and could not be read. Stock or a promise
        that is not known covers nothing.
    """
    net, shipped, fulfilled = quantities.net, quantities.shipped, quantities.fulfilled
    if net is None or isinstance(net, GatewayError):
        return net
    if shipped is None or isinstance(shipped, GatewayError):
        return shipped
    if fulfilled is None or isinstance(fulfilled, GatewayError):
        return fulfilled
    return _state(quantities, net, shipped, fulfilled, is_on_hold=is_on_hold)


def _state(
    quantities: Quantities, net: Exact, shipped: Exact, fulfilled: Exact, *, is_on_hold: bool
) -> OrderLineState | GatewayError:
    if net <= 0 and shipped == 0:
        return OrderLineState.CANCELLED
    if fulfilled > 0:
        return OrderLineState.SHIPPED if fulfilled >= net else OrderLineState.PARTIALLY_SHIPPED
    if is_on_hold:
        return OrderLineState.ON_HOLD
    return _state_of_open(quantities, _what_is_left(net, fulfilled))


def _state_of_open(quantities: Quantities, still_open: Exact) -> OrderLineState | GatewayError:
    if isinstance(quantities.backordered, GatewayError):
        return quantities.backordered
    if quantities.backordered is not None and quantities.backordered > 0:
        return OrderLineState.BACKORDERED
    if is_number(quantities.allocated) and quantities.allocated >= still_open:
        return OrderLineState.ALLOCATED
    if is_number(quantities.promised) and quantities.promised >= still_open:
        return OrderLineState.PROMISED
    return OrderLineState.OPEN


def _what_is_left(net: Exact, fulfilled: Exact) -> Exact:
    return max(0, minus(net, fulfilled))


def _both(combine: Callable[[Exact, Exact], Exact], left: Known, right: Known) -> Known:
    """Combine two numbers; an error wins over not knowing, and both over a number."""
    if isinstance(left, GatewayError):
        return left
    if isinstance(right, GatewayError):
        return right
    return None if left is None or right is None else combine(left, right)
