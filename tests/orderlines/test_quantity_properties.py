"""Exact numbers, proved on random ones: nothing is lost on any way there and back."""

import re
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from orderlines.item import Item
from orderlines.quantity import (
    Exact,
    InvalidQuantityError,
    Number,
    Ratio,
    agree,
    minus,
    plain,
    plus,
    round_half_up,
    simplest,
    stated,
    total,
)
from tests.orderlines.proof import PROOF

INTEGERS = st.integers(-(10**15) + 1, 10**15 - 1)
NUMBERS: st.SearchStrategy[Number] = st.one_of(
    INTEGERS, st.decimals(-(10**14), 10**14, allow_nan=False, places=9)
)
RATIOS = st.builds(Ratio, st.integers(1, 10**9), st.integers(1, 10**9))
FRACTIONS = st.fractions(-(10**6), 10**6, max_denominator=10**6)
EXACTS: st.SearchStrategy[Exact] = st.one_of(NUMBERS, FRACTIONS)
SPELLING = re.compile(r"0|-?[1-9][0-9]*|-?(0|[1-9][0-9]*)\.[0-9]*[1-9]")


@PROOF
@given(value=NUMBERS, ratio=RATIOS)
def test_converting_there_and_back_changes_nothing(value: Number, ratio: Ratio) -> None:
    """Pack sizes are integer ratios, so a round trip is the identity."""
    item = Item("SKU-1", "EA", packs={"CS": ratio})
    base = item.to_base(value, "CS")

    assert base is not None
    assert item.from_base(base, "CS") == value


@PROOF
@given(values=st.lists(NUMBERS, max_size=8), ratio=RATIOS)
def test_the_sum_of_converted_is_the_converted_sum(values: list[Number], ratio: Ratio) -> None:
    """Lines may be added up before or after conversion, to the last digit."""
    assert total(ratio.apply(value) for value in values) == ratio.apply(total(values))


@PROOF
@given(value=NUMBERS, first=RATIOS, second=RATIOS)
def test_a_chain_of_ratios_is_one_ratio(value: Number, first: Ratio, second: Ratio) -> None:
    """Pallets to cases to eaches in one step gives what two steps give."""
    assert second.apply(first.apply(value)) == (first * second).apply(value)


@PROOF
@given(left=EXACTS, right=EXACTS)
def test_sums_are_those_of_fractions(left: Exact, right: Exact) -> None:
    """However two numbers are held, they add and subtract as the fractions they are."""
    assert plus(left, right) == Fraction(left) + Fraction(right)
    assert minus(left, right) == Fraction(left) - Fraction(right)


@PROOF
@given(value=FRACTIONS)
def test_the_simplest_way_to_hold_a_number_is_that_number(value: Fraction) -> None:
    """Held as an int, Decimal or Fraction, the value stays the same."""
    assert simplest(value) == value


@PROOF
@given(value=NUMBERS)
def test_what_is_printed_is_exactly_what_was_held(value: Number) -> None:
    """The text reads back as the same number, and a number has one spelling."""
    text = plain(value)

    assert SPELLING.fullmatch(text)
    assert Fraction(text) == value


@PROOF
@given(value=FRACTIONS, decimals=st.integers(0, 9))
def test_a_number_that_never_ends_is_printed_to_the_last_digit(
    value: Fraction, decimals: int
) -> None:
    """At most half a last digit off, and exact if it ends."""
    text = plain(value, decimals)

    assert SPELLING.fullmatch(text)
    if isinstance(simplest(value), Fraction):
        assert abs(Fraction(text) - value) * 2 * 10**decimals <= 1
    else:
        assert Fraction(text) == value


@PROOF
@given(value=EXACTS, decimals=st.integers(0, 9))
def test_rounding_moves_by_half_a_digit_at_most(value: Exact, decimals: int) -> None:
    """And a half goes away from zero, on both sides of it."""
    rounded = round_half_up(value, decimals)
    off = (abs(Fraction(rounded)) - abs(Fraction(value))) * 2 * 10**decimals

    assert -1 < off <= 1
    assert rounded == -round_half_up(minus(0, value), decimals)


@PROOF
@given(left=EXACTS, right=EXACTS, decimals=st.integers(0, 9))
def test_agreement_does_not_depend_on_who_asks(left: Exact, right: Exact, decimals: int) -> None:
    """Every number agrees with itself, and two agree with each other or not at all."""
    assert agree(left, left, decimals)
    assert agree(left, right, decimals) is agree(right, left, decimals)


@PROOF
@given(
    digits=st.one_of(st.integers(-999, 999), st.integers(-(10**30), 10**30)),
    exponent=st.integers(-40, 40),
)
def test_a_stated_number_keeps_every_digit_or_is_refused(digits: int, exponent: int) -> None:
    """The bounds refuse a number as a whole; they never round one."""
    value = Decimal((digits < 0, tuple(map(int, str(abs(digits)))), exponent))
    in_finest = Fraction(digits) * Fraction(10) ** (exponent + 9)
    fits = in_finest.denominator == 1 and abs(in_finest) < 10**24

    assert _taken(value) == (value if fits else None)


def _taken(value: Number) -> Number | None:
    try:
        return stated(value)
    except InvalidQuantityError:
        return None
