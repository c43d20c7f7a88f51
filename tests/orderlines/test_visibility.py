"""Row rules: what a caller may see at all, and that a narrower rule never shows more."""

from collections.abc import Set as AbstractSet

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderlines.visibility import ALL, Restriction, Visibility
from tests.orderlines.proof import PROOF

VALUES = ("A", "B", "C")
RESTRICTIONS: st.SearchStrategy[Restriction] = st.one_of(
    st.just(ALL), st.frozensets(st.sampled_from(VALUES))
)
KNOWN_OR_NOT = st.sampled_from((*VALUES, None))
EDI_ONLY = Visibility(customers=ALL, channels=frozenset({"EDI"}), warehouses=ALL)


def test_everything_admits_every_row() -> None:
    """Without a restriction even a row of which nothing is known may be seen."""
    assert Visibility.everything().admits(sold_to=None, channel="OTHER", owner_node=None)


def test_nothing_admits_no_row() -> None:
    """An empty set sees nothing: it is not the absence of a restriction."""
    assert not Visibility.nothing().admits(sold_to="C1", channel="EDI", owner_node="W1")


@pytest.mark.parametrize("dimension", ["customers", "channels", "warehouses"])
def test_one_empty_dimension_closes_all(dimension: str) -> None:
    """Dimensions are joined by AND: two open ones do not make up for a closed one."""
    restrictions: dict[str, Restriction] = dict.fromkeys(
        ("customers", "channels", "warehouses"), ALL
    )
    restrictions[dimension] = frozenset()

    assert not Visibility(**restrictions).admits(sold_to="C1", channel="EDI", owner_node="W1")


@pytest.mark.parametrize(
    ("sold_to", "channel", "owner_node", "expected"),
    [
        ("C1", "EDI", "W1", True),
        ("C2", "EDI", "W1", False),
        ("C1", "MARKETPLACE", "W1", False),
        ("C1", "EDI", "W2", False),
        (None, "EDI", "W1", False),
        ("C1", "EDI", None, False),
    ],
)
def test_a_row_is_seen_if_every_dimension_allows_it(
    sold_to: str | None, channel: str, owner_node: str | None, *, expected: bool
) -> None:
    """What is not known is not allowed where there is a restriction."""
    visibility = Visibility(
        customers=frozenset({"C1"}), channels=frozenset({"EDI"}), warehouses=frozenset({"W1"})
    )

    assert visibility.admits(sold_to=sold_to, channel=channel, owner_node=owner_node) is expected


@pytest.mark.parametrize(
    ("visibility", "expected"),
    [
        (Visibility.everything(), True),
        (Visibility.nothing(), False),
        (Visibility(customers=frozenset({"C1"}), channels=ALL, warehouses=ALL), False),
        (EDI_ONLY, False),
        (Visibility(customers=ALL, channels=ALL, warehouses=frozenset({"W1"})), False),
    ],
)
def test_only_three_open_dimensions_are_unrestricted(
    visibility: Visibility, *, expected: bool
) -> None:
    """One restriction is enough to need a header before anything is shown."""
    assert visibility.is_unrestricted is expected


def test_equal_rules_are_one_key() -> None:
    """Data is stored and shared under it, so it must be equal and hash by value."""
    same = Visibility(customers=ALL, channels=frozenset(["EDI"]), warehouses=ALL)

    assert {EDI_ONLY: "stored"}[same] == "stored"


@PROOF
@given(
    narrow=st.tuples(RESTRICTIONS, RESTRICTIONS, RESTRICTIONS),
    added=st.tuples(RESTRICTIONS, RESTRICTIONS, RESTRICTIONS),
    row=st.tuples(KNOWN_OR_NOT, st.sampled_from(VALUES), KNOWN_OR_NOT),
)
def test_a_wider_rule_admits_whatever_a_narrower_one_does(
    narrow: tuple[Restriction, Restriction, Restriction],
    added: tuple[Restriction, Restriction, Restriction],
    row: tuple[str | None, str, str | None],
) -> None:
    """Taking values away from a rule never shows a row that was hidden."""
    wide = [_both(one, more) for one, more in zip(narrow, added, strict=True)]
    sold_to, channel, owner_node = row

    if Visibility(*narrow).admits(sold_to=sold_to, channel=channel, owner_node=owner_node):
        assert Visibility(*wide).admits(sold_to=sold_to, channel=channel, owner_node=owner_node)


def _both(one: Restriction, more: Restriction) -> Restriction:
    if isinstance(one, AbstractSet) and isinstance(more, AbstractSet):
        return one | more
    return ALL
