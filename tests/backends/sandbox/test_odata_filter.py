"""The ERP's filter: what it understands, and that it never understands too much."""

import pytest

from backends.sandbox.odata_filter import MAX_COMPARISONS, MAX_DEPTH, parse_filter
from backends.sandbox.refusal import RefusedError

PROPERTIES = {"Order", "Item"}
ROWS = [
    {"Order": order, "Item": item}
    for order in ("A", "B", "O'Hara", "' or Order eq 'A", "eq", "(")
    for item in ("10", "20")
]


def matching(text: str) -> list[tuple[str, str]]:
    """Filter the rows."""
    found = parse_filter(text, PROPERTIES)
    return [(row["Order"], row["Item"]) for row in ROWS if found.matches(row)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Order eq 'A' and Item eq '10'", [("A", "10")]),
        ("Item eq '10' and (Order eq 'A' or Order eq 'B')", [("A", "10"), ("B", "10")]),
        ("Order eq 'A' and Item eq '10' or Item eq '20' and Order eq 'B'",
         [("A", "10"), ("B", "20")]),
        ("Order eq 'B' or Order eq 'A' and Item eq '20'", [("A", "20"), ("B", "10"), ("B", "20")]),
        ("  ( ( Order  eq 'A' ) ) and(Item eq'20')  ", [("A", "20")]),
        ("Order eq ''", []),
        ("Order eq 'O''Hara' and Item eq '10'", [("O'Hara", "10")]),
        ("Order eq ''' or Order eq ''A' and Item eq '10'", [("' or Order eq 'A", "10")]),
        ("Order eq 'eq' and Item eq '10'", [("eq", "10")]),
        ("Order eq '(' and Item eq '10'", [("(", "10")]),
        ("Order eq 'A'' or ''1'' eq ''1'", []),
    ],
)  # fmt: skip
def test_it_matches_what_is_written(text: str, expected: list[tuple[str, str]]) -> None:
    """`and` binds closer than `or`; a doubled quote is a quote and ends nothing."""
    assert matching(text) == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "the end"),
        ("Order", "the end"),
        ("Order eq", "the end"),
        ("Nope eq 'A'", "'Nope'"),
        ("order eq 'A'", "'order'"),
        ("Order ne 'A'", "'ne'"),
        ("Order EQ 'A'", "'EQ'"),
        ("Order eq A", "'A'"),
        ("Order eq 1", "'1'"),
        ("Order eq null", "'null'"),
        ("Order eq 'A", "'''"),
        ("Order eq '", "'''"),
        ("Order eq 'A' Item eq '10'", "'Item'"),
        ("Order eq 'A' or", "the end"),
        ("Order eq 'A' and or Item eq '10'", "'or'"),
        ("(Order eq 'A'", "the end"),
        ("Order eq 'A')", "')'"),
        ("()", "')'"),
        ("not Order eq 'A'", "'not'"),
        ("startswith(Order,'A')", "'startswith'"),
        ("'A' eq Order", "''A''"),
        ("Order eq 'A'; drop", "';'"),
        ("Order eq 'A'--", "'-'"),
        ("Order eq 'A' or 1 eq 1", "'1'"),
        ('Order eq "A"', "'\"'"),
    ],
)
def test_everything_else_is_refused_where_it_stands(text: str, word: str) -> None:
    """A filter that is not understood must not match more than was meant."""
    with pytest.raises(RefusedError) as refused:
        parse_filter(text, PROPERTIES)

    assert f" {word} " in str(refused.value)


def test_a_hundred_comparisons_and_no_more() -> None:
    """The bound is on comparisons, so on the length of what a client asks for."""
    hundred = " or ".join(["Order eq 'A'"] * MAX_COMPARISONS)

    assert len(parse_filter(hundred, PROPERTIES).values_of("Order") or {}) == 1
    with pytest.raises(RefusedError, match="more than 200 comparisons"):
        parse_filter(f"{hundred} or Order eq 'B'", PROPERTIES)


def test_parentheses_have_a_depth() -> None:
    """A hundred thousand parentheses are a refusal, not an exhausted stack."""
    deep = "(" * MAX_DEPTH + "Order eq 'A'" + ")" * MAX_DEPTH

    assert parse_filter(deep, PROPERTIES).matches({"Order": "A", "Item": ""})
    with pytest.raises(RefusedError, match="inside each other"):
        parse_filter("(" * 100_000, PROPERTIES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Order eq 'B' or Order eq 'A' or Order eq 'B'", ["B", "A"]),
        ("Order eq 'A' and Item eq '10'", ["A"]),
        ("Order eq 'A' and Order eq 'B'", []),
        ("(Order eq 'A' or Order eq 'B') and Order eq 'B'", ["B"]),
        ("Item eq '10'", None),
        ("Item eq '10' and Item eq '20'", None),
        ("Order eq 'A' or Item eq '10'", None),
    ],
)
def test_it_knows_which_values_can_match(text: str, expected: list[str] | None) -> None:
    """A question for two orders looks at two orders, in the order they were asked for."""
    values = parse_filter(text, PROPERTIES).values_of("Order")

    assert (None if values is None else list(values)) == expected
