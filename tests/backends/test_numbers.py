"""Texts that stand for values: exact, parsed once, and refused by name."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.numbers import MAX_TEXTS, NUMBERS, Parsed, check_texts
from orderlines.quantity import plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("12.000", 12),
        ("-3.50", Decimal("-3.5")),
        ("0.000", 0),
        ("-0", 0),
        ("0.000000001", Decimal("1e-9")),
        ("999999999999999.999999999", Decimal("999999999999999.999999999")),
        ("0000000000000000000007.5000000000", Decimal("7.5")),
    ],
)
def test_decimal_text_is_read_exactly(text: str, value: int | Decimal) -> None:
    """What terminates stays what it is; a whole number is an int, however it is written."""
    number = NUMBERS[text]

    assert number == value
    assert isinstance(number, int) == (value == int(value))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "+1",
        "1.",
        ".5",
        "1,5",
        "1_000",
        "1e3",
        "0x10",
        "NaN",
        "Infinity",
        "-",
        "١٢",
        "1\n",
        "1" * 41,
        "1000000000000000",
        "0.0000000001",
    ],
)
def test_what_is_no_number_of_goods_is_refused_without_being_quoted(text: str) -> None:
    """Neither a guess nor a zero: the record fails, and the log is not written by others."""
    with pytest.raises(ValueError, match=r"^Expected a number [a-z0-9 ]+$"):
        NUMBERS[text]

    assert text not in NUMBERS


@given(
    st.integers(-(10**15) + 1, 10**15 - 1),
    st.integers(0, 999_999_999),
    st.integers(0, 3),
)
def test_a_number_prints_as_it_was_written(whole: int, decimals: int, zeros: int) -> None:
    """No digit is lost or added; only trailing zeros go."""
    text = f"{whole}.{decimals:09d}"
    written = text.rstrip("0").rstrip(".")

    assert plain(NUMBERS[text + "0" * zeros]) == written


def test_a_text_is_parsed_once() -> None:
    """A page repeats itself; the second look is a dictionary's."""
    parsed: list[str] = []

    def parse(text: str) -> int:
        parsed.append(text)
        return len(parsed)

    memo = Parsed(parse)

    assert [memo["a"], memo["b"], memo["a"], memo.maybe("a"), memo.maybe(None)] == [
        1,
        2,
        1,
        1,
        None,
    ]
    assert parsed == ["a", "b"]


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        ([], []),
        (["7"], [7]),
        (["7", "8", "7"], [7, 8, 7]),
        ([None, "7"], [None, 7]),
        (["7", None], [7, None]),
    ],
)
def test_many_texts_are_read_as_each_is(texts: list[str | None], values: list[int | None]) -> None:
    """Whether they are new or were met before, and whether one is missing."""
    memo = Parsed(int)

    assert [[*memo.all_of(texts)] for _ in range(2)] == [values, values]
    assert [*memo] == [*dict.fromkeys(text for text in texts if text is not None)]
    with pytest.raises(ValueError, match="seven"):
        memo.all_of([*texts, "seven"])


def test_a_memo_does_not_grow_for_ever() -> None:
    """A system that never repeats a text costs parsing, not memory."""
    memo = Parsed(int)
    sizes = [len(memo) for number in range(3 * MAX_TEXTS) if memo[str(number)] == number]

    assert max(sizes) == MAX_TEXTS


def test_texts_are_checked_by_field() -> None:
    """The field that is bad is named in the decoder's own way; missing texts are fine."""
    check_texts((("Price", None, NUMBERS), ("Quantity", "12.000", NUMBERS)))
    with pytest.raises(
        ValueError, match=r"^Expected a number as decimal text - at `\$\.Quantity`$"
    ):
        check_texts((("Price", None, NUMBERS), ("Quantity", "a dozen", NUMBERS)))
