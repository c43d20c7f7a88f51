"""Exact numbers: what is accepted, how it is added up, and how it is printed."""

from decimal import Decimal
from fractions import Fraction

import pytest

from orderlines.quantity import (
    ONE,
    Exact,
    InvalidQuantityError,
    Number,
    Quantity,
    Ratio,
    agree,
    minus,
    plain,
    plus,
    round_half_up,
    simplest,
    stated,
    times,
    total,
)

THIRD = Fraction(1, 3)


@pytest.mark.parametrize(
    "value",
    [
        0,
        7,
        -7,
        10**15 - 1,
        Decimal("12.5"),
        Decimal("-0.000000001"),
        Decimal("999999999999999.999999999"),
        Decimal("1E+3"),
        Decimal("2." + "0" * 200),
    ],
)
def test_a_number_a_stock_can_hold_is_taken_as_it_is(value: Number) -> None:
    """Up to 15 digits before and 9 after the point; zeros that say nothing do not count."""
    assert stated(value) is value


@pytest.mark.parametrize(
    "value", [Decimal(0), Decimal("-0.00"), Decimal("0E+999999"), Decimal("0E-999999")]
)
def test_every_zero_is_the_same_zero(value: Decimal) -> None:
    """A zero with a sign or an exponent is nothing all the same."""
    taken = stated(value)

    assert (taken, type(taken)) == (0, int)


@pytest.mark.parametrize(
    "value",
    [
        10**15,
        -(10**15),
        10**5000,
        Decimal("1E+15"),
        Decimal("1E+999999"),
        Decimal("1E-10"),
        Decimal("1E-999999"),
        Decimal("1." + "1" * 200),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
    ],
    ids=lambda value: f"{Decimal(value):.3g}" if Decimal(value).is_finite() else str(value),
)
def test_what_no_stock_can_hold_is_refused(value: Number) -> None:
    """Never another exception, whatever a system sends; the log gets 60 characters of it."""
    with pytest.raises(InvalidQuantityError) as refused:
        stated(value)

    assert str(refused.value) == (
        "A quantity has at most 15 digits before and 9 after the decimal point."
    )
    assert refused.value.detail == str(Decimal(value))[:60]


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 1), (1, 0), (-12, 1), (12, -1)])
def test_a_ratio_is_two_positive_whole_numbers(numerator: int, denominator: int) -> None:
    """A pack that holds nothing, or a negative one, is a fault of the master data."""
    with pytest.raises(InvalidQuantityError) as refused:
        Ratio(numerator, denominator)

    assert refused.value.detail == f"{numerator}/{denominator}"


def test_ratios_chain_and_turn_round() -> None:
    """Pallets to cases to eaches is one ratio, in lowest terms, and has an opposite."""
    pallet = Ratio(40) * Ratio(24, 2)

    assert (pallet, pallet.inverse, ONE.as_fraction) == (Ratio(480), Ratio(1, 480), Fraction(1))


@pytest.mark.parametrize(
    ("ratio", "value", "expected"),
    [
        (Ratio(12), 5, 60),
        (Ratio(12), Decimal("2.5"), Decimal(30)),
        (Ratio(3), THIRD, Fraction(1)),
        (Ratio(1, 2), 3, Decimal("1.5")),
        (Ratio(1, 12), 100, Fraction(25, 3)),
        (Ratio(5, 2), Decimal("0.4"), 1),
    ],
)
def test_a_ratio_converts_exactly(ratio: Ratio, value: Exact, expected: Exact) -> None:
    """What ends is an int or Decimal, what does not is a fraction; nothing is rounded."""
    assert ratio.apply(value) == expected


@pytest.mark.parametrize(
    ("left", "right", "added", "taken_off"),
    [
        (2, 3, 5, -1),
        (2, Decimal("0.5"), Decimal("2.5"), Decimal("1.5")),
        (Decimal("0.5"), 2, Decimal("2.5"), Decimal("-1.5")),
        (Decimal("0.1"), Decimal("0.2"), Decimal("0.3"), Decimal("-0.1")),
        (THIRD, Fraction(2, 3), 1, Fraction(-1, 3)),
        (THIRD, 1, Fraction(4, 3), Fraction(-2, 3)),
        (Decimal("0.5"), THIRD, Fraction(5, 6), Fraction(1, 6)),
    ],
)
def test_numbers_add_whichever_way_they_are_held(
    left: Exact, right: Exact, added: Exact, taken_off: Exact
) -> None:
    """An int, a Decimal and a Fraction meet exactly, in every pairing."""
    assert (plus(left, right), minus(left, right)) == (added, taken_off)


def test_nothing_adds_up_to_zero() -> None:
    """An empty sum is a number, not an error."""
    assert total([]) == 0


def test_a_sum_of_unlike_numbers_is_exact() -> None:
    """A third three times, and a half, is one and a half, held as a Decimal."""
    result = total([THIRD, THIRD, THIRD, Decimal("0.5")])

    assert (result, type(result)) == (Decimal("1.5"), Decimal)


@pytest.mark.parametrize(
    ("value", "expected"), [(3, 36), (Decimal("0.25"), Decimal(3)), (THIRD, 4)]
)
def test_multiplying_by_a_whole_number_is_exact(value: Exact, expected: Exact) -> None:
    """Each kind of number is multiplied as what it is."""
    assert times(value, 12) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Fraction(6, 3), 2),
        (Fraction(-7, 8), Decimal("-0.875")),
        (Fraction(1, 6), Fraction(1, 6)),
        (Fraction(1, 2**40), Decimal(5**40).scaleb(-40)),
        (Fraction(1, 2**41), Fraction(1, 2**41)),
        (Fraction(1, 5**40), Decimal(2**40).scaleb(-40)),
        (Fraction(1, 5**41), Fraction(1, 5**41)),
    ],
)
def test_a_fraction_is_held_in_the_simplest_way(value: Fraction, expected: Exact) -> None:
    """An int if whole, a Decimal if it ends within 40 decimals, else as it is."""
    held = simplest(value)

    assert (held, type(held)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (0, 0, "0"),
        (-12, 0, "-12"),
        (Decimal("1E+3"), 0, "1000"),
        (Decimal("12.500"), 0, "12.5"),
        (Decimal("12.000"), 3, "12"),
        (Decimal("-0.00"), 2, "0"),
        (Decimal("0E+3"), 0, "0"),
        (Decimal("1E-9"), 0, "0.000000001"),
        (Fraction(25, 3), 2, "8.33"),
        (Fraction(50, 3), 0, "17"),
        (Fraction(-1, 30), 1, "0"),
        (Fraction(7, 2), 0, "3.5"),
        (Fraction(4, 2), 0, "2"),
    ],
)
def test_a_number_is_printed_plain(value: Exact, decimals: int, expected: str) -> None:
    """No exponent, no trailing zero, no sign on zero; rounded only where it never ends."""
    assert plain(value, decimals) == expected


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (Decimal("0.5"), 0, "1"),
        (Decimal("-0.5"), 0, "-1"),
        (Decimal("0.49"), 0, "0"),
        (Decimal("2.345"), 2, "2.35"),
        (THIRD, 4, "0.3333"),
        (7, 2, "7.00"),
    ],
)
def test_halves_are_rounded_away_from_zero(value: Exact, decimals: int, expected: str) -> None:
    """HALF_UP, as the systems behind do it."""
    assert str(round_half_up(value, decimals)) == expected


@pytest.mark.parametrize(
    ("left", "right", "decimals", "expected"),
    [
        (1, Decimal("1.4"), 0, True),
        (1, Decimal("1.5"), 0, False),
        (1, Decimal("0.6"), 0, True),
        (THIRD, Decimal("0.3333"), 3, True),
        (THIRD, Decimal("0.333"), 4, False),
    ],
)
def test_numbers_agree_within_half_a_last_digit(
    left: Exact, right: Exact, decimals: int, *, expected: bool
) -> None:
    """What prints alike in the unit is alike; half a digit apart is not."""
    assert agree(left, right, decimals) is expected


def test_quantities_are_equal_by_value_and_unit() -> None:
    """However the number is held and printed, it is the same quantity, and the same key."""
    held = {
        Quantity(2, "EA"),
        Quantity(Decimal("2.0"), "EA", decimals=3),
        Quantity(Fraction(2), "EA"),
    }

    assert held == {Quantity(2, "EA")}
    assert Quantity(2, "EA") != Quantity(2, "CS")
    assert Quantity(2, "EA") != (2, "EA")


def test_a_quantity_prints_with_its_unit() -> None:
    """Rounded to the decimals of the unit where it never ends."""
    assert str(Quantity(Fraction(25, 3), "CS", decimals=2)) == "8.33 CS"


def test_a_quantity_shows_how_it_is_held() -> None:
    """For whoever debugs: the number itself, not its print."""
    assert repr(Quantity(Fraction(25, 3), "CS")) == "Quantity(value=Fraction(25, 3), unit='CS')"
