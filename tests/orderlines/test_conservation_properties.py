"""Conservation, proved on random lines: no split, merge or conversion makes or loses a unit."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderlines.invariants import split_conserves
from orderlines.item import Item
from orderlines.order_line import OrderLine, is_number
from orderlines.quantity import Exact, Number, Ratio, minus, plus, total
from orderlines.reconcile import ReconciliationStatus, reconcile
from orderlines.stated import CancelledBy
from orderlines.stitch import materialise
from orderlines.stitched_line import StitchedLine
from tests.orderlines.facet_kit import (
    cancelled,
    fulfilment,
    header,
    line,
    offer,
    promise,
    promised,
    shipment,
)
from tests.orderlines.proof import PROOF

NUMBERS: st.SearchStrategy[Number] = st.one_of(
    st.integers(0, 10**6), st.decimals(0, 10**6, places=3)
)
ITEM = Item(
    "SKU-1", "EA", packs={"CS": Ratio(12), "LB": Ratio(45359237, 100000000), "GR": Ratio(1, 3)}
)
UNITS = st.sampled_from(["EA", *ITEM.packs])


@dataclass(frozen=True, slots=True)
class Share:
    """What one part of a line holds, in eaches."""

    requested: Number
    cancelled_by_customer: Number
    cancelled_by_supplier: Number
    promised: Number
    allocated: Number
    shipped: Number
    substituted: Number
    returned: Number
    picked: Number


SHARES = st.builds(Share, *[NUMBERS] * len(fields(Share)))
NAMES = [one.name for one in fields(Share)]


def stated(value: Exact) -> Number:
    """Take an exact number for one that a system states; here none is a fraction."""
    assert isinstance(value, int | Decimal)
    return value


def together(shares: Sequence[Share]) -> Share:
    """Add up the parts of a line."""
    return Share(*[stated(total(getattr(one, name) for one in shares)) for name in NAMES])


def line_of(share: Share) -> StitchedLine:
    """Stitch a line that holds a share."""
    return line(
        header(
            requested=share.requested,
            cancellations=(
                cancelled(share.cancelled_by_customer),
                cancelled(share.cancelled_by_supplier, CancelledBy.SUPPLIER),
            ),
        ),
        [promise(promised(share.promised).promises, (offer(ratio=Ratio(2)),))],
        [
            fulfilment(
                shipped=share.shipped,
                allocated=share.allocated,
                picked=share.picked,
                returned=share.returned,
                shipments=(
                    shipment(stated(plus(share.substituted, share.substituted)), sku="SKU-9"),
                ),
            )
        ],
    )


def made(share: Share) -> OrderLine:
    """Make the full line that holds a share."""
    return materialise(line_of(share))[0]


@PROOF
@given(
    shipped=st.lists(st.tuples(NUMBERS, UNITS), min_size=1, max_size=6),
    promises=st.lists(st.tuples(NUMBERS, UNITS), min_size=1, max_size=4),
)
def test_several_records_hold_what_one_would(
    shipped: list[tuple[Number, str]], promises: list[tuple[Number, str]]
) -> None:
    """However a system splits a line over records and units, the figures are the sums."""
    split = line(
        header(requested=10**9),
        [
            replace(promised(value), unit=unit, record=f"P-{place}")
            for place, (value, unit) in enumerate(promises)
        ],
        [
            fulfilment(value, value, picked=value, returned=value, unit=unit, record=f"W-{place}")
            for place, (value, unit) in enumerate(shipped)
        ],
        item=ITEM,
    ).quantities
    done, told = _in_base(shipped), _in_base(promises)

    assert (split.shipped, split.allocated, split.picked, split.returned) == (done,) * 4
    assert (split.promised, split.open) == (told, minus(10**9, done))


def _in_base(parts: list[tuple[Number, str]]) -> Exact:
    return total(ITEM.to_base(value, unit) or 0 for value, unit in parts)


@PROOF
@given(shares=st.lists(SHARES, min_size=1, max_size=5))
def test_a_true_split_conserves(shares: list[Share]) -> None:
    """The children of a line hold what the line held; read backwards, a merge does."""
    parent, children = made(together(shares)), [made(one) for one in shares]

    assert split_conserves(parent, children)


@PROOF
@given(
    shares=st.lists(SHARES, min_size=1, max_size=5),
    name=st.sampled_from(NAMES),
    more=st.integers(1, 1000),
    data=st.data(),
)
def test_a_tampered_split_does_not(
    shares: list[Share], name: str, more: int, data: st.DataObject
) -> None:
    """One unit more in one quantity of one child is noticed."""
    parent = made(together(shares))
    place = data.draw(st.integers(0, len(shares) - 1))
    changed = {name: stated(plus(getattr(shares[place], name), more))}
    children = [made(one) for one in shares]
    children[place] = made(replace(shares[place], **changed))

    assert not split_conserves(parent, children)


@PROOF
@given(share=SHARES, to_come=NUMBERS, short=NUMBERS)
def test_every_unit_is_in_one_bucket(share: Share, to_come: Number, short: Number) -> None:
    """Cancelled, shipped, substituted, reserved, to come, short: together what was asked for.

    `to_come` is promised beyond what is reserved, `short` is covered by nothing.
    """
    gone = total([share.cancelled_by_customer, share.cancelled_by_supplier])
    covered = total([share.shipped, share.substituted, share.allocated, to_come])
    found = line_of(
        replace(
            share,
            requested=stated(total([gone, covered, short])),
            promised=stated(covered),
            picked=share.shipped,
            returned=0,
        )
    )
    figures = found.quantities

    assert reconcile(found).status is ReconciliationStatus.CONSISTENT
    assert figures.backordered == short
    assert figures.open == total([share.allocated, to_come, short])
    assert is_number(figures.fulfilled)
    assert total([figures.fulfilled, share.allocated, to_come, short, gone]) == figures.requested


@pytest.mark.parametrize("name", NAMES)
def test_a_share_speaks_of_a_quantity_that_is_compared(name: str) -> None:
    """Each name of a share is one of the line's figures, so the proofs above mean them all."""
    share = Share(**dict.fromkeys(NAMES, 1))

    assert getattr(made(share).quantities, name) == 1
