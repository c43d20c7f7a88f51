"""Strict JSON: what is read, and what is refused with its place."""

import json
import time
from decimal import Decimal

import pytest

from gateway.graphql import strict_json
from gateway.graphql.strict_json import ExactNumber, MalformedJsonError


def test_plain_json_is_read_as_python_reads_it() -> None:
    """Strictness takes nothing away from a good body."""
    text = '{"a": [1, -0, true, false, null, "ü\\n\\u00e9\\ud83d\\ude00", {}], "b": {"c": 12}}'

    assert strict_json.decode(text.encode(), where="body") == json.loads(text)


@pytest.mark.parametrize(
    ("data", "message", "facts"),
    [
        (b"", "The body is not JSON: Expecting value (line 1, column 1).", (1, 1)),
        (b"NONSENSE", "The body is not JSON: Expecting value (line 1, column 1).", (1, 1)),
        (
            b'{"a": 1\n "b"}',
            "The body is not JSON: Expecting ',' delimiter (line 2, column 2).",
            (2, 2),
        ),
        (b'{"a": 1} x', "The body is not JSON: Extra data (line 1, column 10).", (1, 10)),
        (
            b'["\x01"]',
            "The body is not JSON: Invalid control character at (line 1, column 3).",
            (1, 3),
        ),
        (b'{"a": NaN}', "The body is not JSON: it says NaN (line 1, column 7).", (1, 7)),
        (
            b'["NaN",\n-Infinity]',
            "The body is not JSON: it says -Infinity (line 2, column 1).",
            (2, 1),
        ),
        (b"[Infinity]", "The body is not JSON: it says Infinity (line 1, column 2).", (1, 2)),
        (b'["a\n\xff"]', "The body is not UTF-8 (line 2, column 1).", (2, 1)),
        (b"\xef\xbb\xbf{}", "The body begins with a byte order mark.", (1, 1)),
        ("{}".encode("utf-16"), "The body is not UTF-8 (line 1, column 1).", (1, 1)),
        (
            "{}".encode("utf-16-le"),
            (
                "The body is not JSON: Expecting property name enclosed in double quotes"
                " (line 1, column 2)."
            ),
            (1, 2),
        ),
    ],
)
def test_broken_text_is_refused_with_line_and_column(
    data: bytes, message: str, facts: tuple[int, int]
) -> None:
    """A caller can find the mistake without guessing."""
    with pytest.raises(MalformedJsonError) as refused:
        strict_json.decode(data, where="body")

    assert refused.value.message == message
    assert refused.value.facts == {"line": facts[0], "column": facts[1]}


@pytest.mark.parametrize("text", ['{"query": 1, "query": 2}', '{"v": [{"query": 1, "query": 1}]}'])
def test_a_member_that_stands_twice_is_refused_at_any_depth(text: str) -> None:
    """V-3: a firewall that reads the first and a server that reads the last see two requests."""
    with pytest.raises(MalformedJsonError) as refused:
        strict_json.parse(text, where="body")

    assert refused.value.facts == {"member": "query"}


def test_many_members_with_a_late_duplicate_cost_linear_time() -> None:
    """Twenty thousand members and one duplicate must not be compared pair by pair."""
    text = "{" + ",".join(f'"k{n}":1' for n in range(12_000)) + ',"k11999":2}'
    started = time.process_time()
    with pytest.raises(MalformedJsonError):
        strict_json.parse(text, where="body")

    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_deep_nesting_is_refused_before_it_is_followed(opening: str) -> None:
    """V-4: 100,000 levels cost microseconds, not a stack."""
    text = opening * 100_000
    started = time.process_time()
    with pytest.raises(MalformedJsonError, match="nested too deeply"):
        strict_json.parse(text, where="body")

    assert time.process_time() - started < 0.05


def test_nesting_up_to_the_bound_is_read() -> None:
    """64 levels are allowed, 65 are not."""
    allowed = "[" * 64 + "]" * 64

    assert strict_json.parse(allowed, where="body") == json.loads(allowed)
    with pytest.raises(MalformedJsonError) as refused:
        strict_json.parse("[" + allowed + "]", where="body")
    assert refused.value.facts == {"line": 1, "column": 65}


def test_brackets_in_strings_and_beside_each_other_are_no_nesting() -> None:
    """A query text is full of braces, and a list of many objects is flat."""
    value = {"query": "{" * 500 + '\\"', "list": [{"a": []}] * 200}

    assert strict_json.parse(json.dumps(value), where="body") == value


@pytest.mark.parametrize("text", ['"\\ud800"', '{"\\udfff": 1}', '[{"a": ["\\ud83d x"]}]'])
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    """V-2: no answer could repeat such a string in UTF-8."""
    with pytest.raises(MalformedJsonError) as refused:
        strict_json.parse(text, where="body")

    assert refused.value.message == "The body has a string with half of a surrogate pair."


@pytest.mark.parametrize("text", ["0.1", "0.30000000000000004", "1.10", "1e3", "-0.0", "12E-2"])
def test_a_number_keeps_the_digits_it_was_written_with(text: str) -> None:
    """V-1: a quantity in a variable is the quantity that was sent."""
    number = strict_json.parse(text, where="body")

    assert isinstance(number, ExactNumber)
    assert number == float(text)
    assert (str(number), repr(number)) == (text, text)
    assert Decimal(str(number)) == Decimal(text)


@pytest.mark.parametrize(
    "text", ["9" * 5_000, "1e400", "1e-999999999", "0." + "1" * 100, "-1E+301"]
)
def test_a_number_beyond_all_quantities_fits_no_type(text: str) -> None:
    """V-1: such a number is good JSON, costs nothing, and fails where it is used."""
    number = strict_json.parse(text, where="body")

    assert number == float("inf")
    assert str(number) == f"a number of {len(text)} characters"


def test_integers_of_any_quantity_are_exact() -> None:
    """2^53 + 1 is where floats begin to lie."""
    assert strict_json.parse("[9007199254740993, 0, -7]", where="body") == [2**53 + 1, 0, -7]
