"""Substitutes: goods of another item that fill a line, as far as they were accepted.

Every shipped unit belongs to one offer and is counted once, whatever the number of
offers: on the line that was ordered, in units of the ordered item.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from orderlines.item import Item
from orderlines.order_line import ACCEPTED, Substitution
from orderlines.quantity import Exact, Quantity, minus, simplest
from orderlines.stated import StatedSubstitution


def substitutions_of(
    stated: Iterable[StatedSubstitution], shipped: Mapping[str, Exact] | None, item: Item | None
) -> tuple[Substitution, ...]:
    """Tell every offer with what was shipped of it, by item.

    Args:
        stated: The offers, in any order.
        shipped: Units shipped of other items than the ordered one, by item; None
            if that is not known.
        item: The ordered item; without it nothing is known to count.
    """
    offers = sorted(stated, key=_item_and_terms)
    shares = [None] * len(offers) if shipped is None else _shares(offers, shipped)
    return tuple(
        Substitution(
            for_sku=offer.for_sku,
            by_sku=offer.by_sku,
            ratio=offer.ratio,
            proposed=offer.proposed,
            accepted=offer.accepted,
            shipped=units,
            counts_for=_counts_for(offer, units, item),
            status=offer.status,
            reason=offer.reason,
        )
        for offer, units in zip(offers, shares, strict=True)
    )


def _counts_for(
    offer: StatedSubstitution, units: Exact | None, item: Item | None
) -> Quantity | None:
    if offer.status not in ACCEPTED or units is None or item is None:
        return None
    value = simplest(Fraction(units) / offer.ratio.as_fraction)
    return Quantity(value, item.base_unit, item.decimals)


def _shares(offers: Sequence[StatedSubstitution], shipped: Mapping[str, Exact]) -> list[Exact]:
    """Give every shipped unit to one offer.

    Where one item was offered more than once, its units go to the accepted offers,
    to each as many as were accepted, and what is left to the last.
    """
    shares: list[Exact] = [0] * len(offers)
    for sku, units in shipped.items():
        of_item = [place for place, offer in enumerate(offers) if offer.by_sku == sku]
        takers = [place for place in of_item if offers[place].status in ACCEPTED] or of_item
        left = units
        for place in takers:
            shares[place] = left if place == takers[-1] else min(offers[place].accepted, left)
            left = minus(left, shares[place])
    return shares


def _item_and_terms(offer: StatedSubstitution) -> tuple[str, str, Fraction, Exact, Exact]:
    """Order offers by what they say, so that their order of arrival does not matter."""
    ratio = offer.ratio.as_fraction
    return (offer.by_sku, offer.status.name, ratio, offer.accepted, offer.proposed)
