"""Substitutes: every shipped unit fills one line once, and only if it was accepted."""

from decimal import Decimal
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderlines.order_line import Substitution
from orderlines.quantity import ONE, Exact, Quantity, Ratio, total
from orderlines.stated import StatedSubstitution, SubstitutionStatus
from orderlines.substitutions import substitutions_of
from tests.orderlines.facet_kit import ITEM, offer
from tests.orderlines.proof import PROOF

STATUSES = tuple(SubstitutionStatus)
OFFERS = st.builds(
    lambda sku, status, accepted: offer(sku, status, accepted=accepted),
    st.sampled_from(["SKU-8", "SKU-9"]),
    st.sampled_from(STATUSES),
    st.integers(0, 20),
)


def test_an_offer_is_told_with_what_shipped_of_it() -> None:
    """Three of the substitute for one that was ordered: seven fill two and a third."""
    stated = offer(ratio=Ratio(3), proposed=30, accepted=30)

    assert substitutions_of([stated], {"SKU-9": 7}, ITEM) == (
        Substitution(
            for_sku="SKU-1",
            by_sku="SKU-9",
            ratio=Ratio(3),
            proposed=30,
            accepted=30,
            shipped=7,
            counts_for=Quantity(Fraction(7, 3), "EA"),
            status=SubstitutionStatus.ACCEPTED,
            reason=None,
        ),
    )


@pytest.mark.parametrize(
    ("status", "counts_for"),
    [
        (SubstitutionStatus.PROPOSED, None),
        (SubstitutionStatus.ACCEPTED, Quantity(7, "EA")),
        (SubstitutionStatus.REJECTED, None),
        (SubstitutionStatus.SHIPPED, Quantity(7, "EA")),
    ],
)
def test_only_accepted_substitutes_fill_a_line(
    status: SubstitutionStatus, counts_for: Quantity | None
) -> None:
    """What shipped without a yes is told, and fills nothing."""
    (found,) = substitutions_of([offer(status=status)], {"SKU-9": 7}, ITEM)

    assert (found.shipped, found.counts_for, found.is_accepted) == (
        7,
        counts_for,
        counts_for is not None,
    )


def test_an_offer_of_which_nothing_shipped_counts_for_nothing() -> None:
    """Zero is known here: the warehouse was read."""
    (found,) = substitutions_of([offer()], {"SKU-8": 7}, ITEM)

    assert (found.shipped, found.counts_for) == (0, Quantity(0, "EA"))


def test_without_the_warehouse_nothing_is_known_to_have_shipped() -> None:
    """None, not zero."""
    (found,) = substitutions_of([offer()], None, ITEM)

    assert (found.shipped, found.counts_for) == (None, None)


def test_without_master_data_there_is_no_unit_to_count_in() -> None:
    """What shipped is told; what it fills is not known."""
    (found,) = substitutions_of([offer()], {"SKU-9": 7}, None)

    assert (found.shipped, found.counts_for) == (7, None)


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        (3, [3, 0, 0]),
        (5, [4, 1, 0]),
        (12, [4, 8, 0]),
        (Decimal("4.5"), [4, Decimal("0.5"), 0]),
    ],
)
def test_units_of_one_item_are_shared_among_its_offers(units: Exact, expected: list[Exact]) -> None:
    """Accepted ones first, each as many as were accepted, what is left to the last."""
    offers = [
        offer(status=SubstitutionStatus.REJECTED, accepted=0),
        offer(accepted=6),
        offer(accepted=4),
    ]
    found = substitutions_of(offers, {"SKU-9": units}, ITEM)

    assert [one.shipped for one in found] == expected
    assert [one.accepted for one in found] == [4, 6, 0]


def test_the_order_of_arrival_does_not_matter() -> None:
    """Offers are told by item and terms, whichever came first."""
    offers = [
        offer("SKU-8"),
        offer(accepted=4),
        offer(accepted=6),
        offer(ratio=Ratio(1, 2)),
        offer(status=SubstitutionStatus.PROPOSED),
    ]
    found = {
        substitutions_of(arrived, {"SKU-9": 7, "SKU-8": 1}, ITEM)
        for arrived in permutations(offers)
    }

    assert len(found) == 1


@PROOF
@given(
    offers=st.lists(OFFERS, max_size=5),
    shipped=st.dictionaries(st.sampled_from(["SKU-7", "SKU-8", "SKU-9"]), st.integers(1, 30)),
)
def test_no_unit_is_counted_twice(
    offers: list[StatedSubstitution], shipped: dict[str, Exact]
) -> None:
    """The shares of the offers of an item add up to what shipped of it."""
    found = substitutions_of(offers, shipped, ITEM)

    for sku in {one.by_sku for one in offers}:
        shares = [one.shipped for one in found if one.by_sku == sku if one.shipped is not None]

        assert total(shares) == shipped.get(sku, 0)
        assert all(share >= 0 for share in shares)


def test_one_for_one_is_the_ordered_number() -> None:
    """The usual ratio changes nothing."""
    (found,) = substitutions_of([offer(ratio=ONE)], {"SKU-9": 12}, ITEM)

    assert found.counts_for == Quantity(12, "EA")
