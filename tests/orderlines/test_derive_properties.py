"""What follows from the stated quantities, proved on random ones, unknown and unreadable too."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from orderlines.derive import Parts, derive, state_of
from orderlines.errors import GatewayError
from orderlines.order_line import Known, OrderLineState, is_number
from tests.orderlines.proof import PROOF

DOWN = GatewayError("The system did not answer.")
KNOWN: st.SearchStrategy[Known] = st.one_of(
    st.none(), st.just(DOWN), st.integers(-3, 12), st.decimals(0, 12, places=1)
)
COUNTS = st.integers(0, 12)
ANY_PARTS = st.builds(
    Parts,
    requested=KNOWN,
    cancelled_by_customer=KNOWN,
    cancelled_by_supplier=KNOWN,
    promised=KNOWN,
    has_promise=st.booleans(),
    allocated=KNOWN,
    shipped=KNOWN,
    substituted=KNOWN,
    returned=KNOWN,
    picked=KNOWN,
)
COUNTED_PARTS = st.builds(
    Parts,
    requested=COUNTS,
    cancelled_by_customer=COUNTS,
    cancelled_by_supplier=COUNTS,
    promised=COUNTS,
    has_promise=st.just(value=True),
    allocated=COUNTS,
    shipped=COUNTS,
    substituted=COUNTS,
    returned=COUNTS,
    picked=COUNTS,
)


@PROOF
@given(parts=ANY_PARTS, is_on_hold=st.booleans())
def test_figures_and_state_do_not_ask_how_numbers_are_held(
    parts: Parts, *, is_on_hold: bool
) -> None:
    """Held as ints, Decimals or fractions, equal numbers give equal answers."""
    found, again = derive(parts), derive(_as_fractions(parts))

    assert found == again
    assert state_of(found, is_on_hold=is_on_hold) is state_of(again, is_on_hold=is_on_hold)


@PROOF
@given(parts=ANY_PARTS, is_on_hold=st.booleans())
def test_there_is_a_state_for_whatever_is_missing(parts: Parts, *, is_on_hold: bool) -> None:
    """A member of the list, the error that hides it, or None; never an exception."""
    state = state_of(derive(parts), is_on_hold=is_on_hold)

    assert state in {*OrderLineState, DOWN, None}


@PROOF
@given(parts=COUNTED_PARTS, is_on_hold=st.booleans())
def test_where_every_number_is_known_so_is_every_figure(parts: Parts, *, is_on_hold: bool) -> None:
    """And none of them is below zero, or more than is open."""
    found = derive(parts)

    assert isinstance(state_of(found, is_on_hold=is_on_hold), OrderLineState)
    assert is_number(found.open)
    assert is_number(found.backordered)
    assert 0 <= found.backordered <= found.open


def _as_fractions(parts: Parts) -> Parts:
    return replace(
        parts,
        requested=_as_fraction(parts.requested),
        cancelled_by_customer=_as_fraction(parts.cancelled_by_customer),
        cancelled_by_supplier=_as_fraction(parts.cancelled_by_supplier),
        promised=_as_fraction(parts.promised),
        allocated=_as_fraction(parts.allocated),
        shipped=_as_fraction(parts.shipped),
        substituted=_as_fraction(parts.substituted),
        returned=_as_fraction(parts.returned),
        picked=_as_fraction(parts.picked),
    )


def _as_fraction(value: Known) -> Known:
    return Fraction(value) if is_number(value) else value
