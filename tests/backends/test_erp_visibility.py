"""What a caller may see, in the sandbox ERP's own filter: as far as it can carry it."""

from urllib.parse import unquote

import pytest

from backends.erp.sandbox_visibility import MAX_VALUES, rows_clause
from orderlines.visibility import ALL, Restriction, Visibility


def clause(
    customers: Restriction = ALL,
    channels: Restriction = ALL,
    warehouses: Restriction = ALL,
    *,
    of_items: bool = False,
) -> str:
    """Write it, decoded."""
    return unquote(rows_clause(Visibility(customers, channels, warehouses), of_items=of_items))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (clause(), ""),
        (clause(frozenset({"C-1"})), "(SoldToParty eq 'C-1')"),
        (clause(frozenset({"b", "a"})), "(SoldToParty eq 'a' or SoldToParty eq 'b')"),
        (clause(frozenset({"O'Hara & Co"})), "(SoldToParty eq 'O''Hara & Co')"),
        (clause(frozenset()), "(SoldToParty eq '')"),
        (clause(ALL, frozenset({"EDI"})), "(DistributionChannel eq '20')"),
        (clause(ALL, frozenset({"EDI", "OTHER"})), ""),
        (clause(ALL, ALL, frozenset({"W1"})), ""),
        (
            clause(frozenset({"C-1"}), frozenset({"EDI"}), frozenset({"W1"}), of_items=True),
            (
                "(Order/SoldToParty eq 'C-1') and (Order/DistributionChannel eq '20')"
                " and (Plant eq 'W1')"
            ),
        ),
        (clause(frozenset(map(str, range(MAX_VALUES + 1)))), ""),
    ],
    ids=map(str, range(10)),
)
def test_a_filter_says_what_it_can_and_never_more(said: str, expected: str) -> None:
    """What it leaves out is checked on what comes back; what it says excludes nothing visible."""
    assert said == expected
