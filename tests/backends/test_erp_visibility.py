"""What a caller may see, in the sandbox ERP's own filter: as far as it can carry it."""

from urllib.parse import unquote

import pytest

from backends.erp import sandbox_visibility
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


def test_parts_of_filters_do_not_become_more_and_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """They start anew; what is remembered is what would be written."""
    monkeypatch.setattr(sandbox_visibility, "MAX_REMEMBERED", 2)
    monkeypatch.setattr(sandbox_visibility, "_OF_CUSTOMERS", {})
    for turn in range(7):
        seen = Visibility(frozenset({f"C-{turn % 4}"}), ALL, ALL)

        assert rows_clause(seen, of_items=False) == f"(SoldToParty%20eq%20%27C-{turn % 4}%27)"
        assert len(sandbox_visibility._OF_CUSTOMERS) <= 2  # noqa: SLF001 - what is remembered
