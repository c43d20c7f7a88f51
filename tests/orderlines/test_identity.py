"""Identity: an id stands for one key, a key has one id, and nothing else is an id."""

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderlines.identity import (
    CUSTOMER,
    MAX_ID_CHARS,
    InvalidIdError,
    InvalidNumberError,
    LineRef,
    OrderKey,
    OrderLineKey,
    OrderRef,
    XRef,
    normalise_number,
)
from tests.orderlines.proof import PROOF

LINE = OrderLineKey("erp", "SO-1", "10")
ORDER = OrderKey("erp", "SO-1")
XREFS = (XRef("wms", "W-77", "1"), XRef(CUSTOMER, "PO-7"), XRef("wms", "W-78", "1"))

# Any text a system may name an order by; the separator is a control character.
PARTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=64)
LINE_KEYS = st.builds(OrderLineKey, PARTS, PARTS, PARTS)
ORDER_KEYS = st.builds(OrderKey, PARTS, PARTS)
ID_CHARACTERS = string.ascii_letters + string.digits + "-_+/=. \nä\x00"


def test_an_id_is_opaque_and_safe_in_a_url() -> None:
    """A prefix that says what it is, then letters, digits, minus and underscore."""
    assert (LINE.id, ORDER.id) == ("ol_ZXJwH1NPLTEfMTA", "or_ZXJwH1NPLTE")


def test_an_id_says_what_it_is_the_id_of() -> None:
    """An order's id is refused where a line's is asked for, and the other way round."""
    with pytest.raises(InvalidIdError):
        OrderLineKey.from_id(ORDER.id)
    with pytest.raises(InvalidIdError):
        OrderKey.from_id(LINE.id)


def test_the_longest_key_has_an_id_that_is_taken_back() -> None:
    """Numbers of 64 four-byte characters give the longest id; one more is refused."""
    longest = OrderLineKey("\U0001f4e6" * 64, "\U0001f69a" * 64, "\U0001f3ed" * 64)

    assert len(longest.id) == MAX_ID_CHARS
    assert OrderLineKey.from_id(longest.id) == longest
    with pytest.raises(InvalidIdError):
        OrderLineKey.from_id(longest._replace(source=longest.source + "x").id)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ol_",
        "OL_ZXJwH1NPLTEfMTA",
        "ZXJwH1NPLTEfMTA",
        "ol_ZXJwH1NPLTEfMTA=",
        "ol_ZXJwH1NPLTEfMTA\n",
        " ol_ZXJwH1NPLTEfMTA",
        "ol_ZXJwH1NPLTEfMTB",
        "ol_ZXJwH1NPLTEfM+/A",
        "ol_ZXJwH1NPLTEfMTÄ",
        "ol_A",
        "ol_" + "A" * MAX_ID_CHARS,
        "ol_" + base64.urlsafe_b64encode(b"\xff\x1fSO-1\x1f10").decode().rstrip("="),
        "ol_" + base64.urlsafe_b64encode(b"erp\x1f\x1f10").decode().rstrip("="),
        "ol_" + base64.urlsafe_b64encode(b"erp\x1fSO-1\x1f10\x1f").decode().rstrip("="),
    ],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    """Wrong prefix, alphabet, padding, stray bits, bytes, or number of parts: one answer."""
    with pytest.raises(InvalidIdError) as refused:
        OrderLineKey.from_id(text)

    assert (refused.value.code, str(refused.value)) == (
        "INVALID_ID",
        "This is not an id of this gateway.",
    )


@PROOF
@given(line=LINE_KEYS, order=ORDER_KEYS)
def test_ids_round_trip(line: OrderLineKey, order: OrderKey) -> None:
    """Whatever characters a system writes its numbers with, the id gives them back."""
    assert (OrderLineKey.from_id(line.id), OrderKey.from_id(order.id)) == (line, order)


@PROOF
@given(
    key=LINE_KEYS,
    place=st.integers(0, MAX_ID_CHARS),
    put=st.text(ID_CHARACTERS, max_size=3),
    cut=st.integers(0, 3),
)
def test_a_changed_id_is_refused_or_another_key(
    key: OrderLineKey, place: int, put: str, cut: int
) -> None:
    """One spelling per key: no second text stands for it, and no text breaks the decoder."""
    changed = key.id[:place] + put + key.id[place + cut :]
    found = _decoded(changed)

    assert (found == key) is (changed == key.id)
    assert found is None or found.id == changed


@PROOF
@given(text=st.text())
def test_any_text_is_an_id_or_is_refused(text: str) -> None:
    """No other exception, whatever a caller sends."""
    found = _decoded("ol_" + text)

    assert found is None or found.id == "ol_" + text


def _decoded(text: str) -> OrderLineKey | None:
    try:
        return OrderLineKey.from_id(text)
    except InvalidIdError:
        return None


@pytest.mark.parametrize("ref", [OrderRef(ORDER, XREFS), LineRef(LINE, XREFS)])
def test_a_reference_is_found_by_system(ref: OrderRef | LineRef) -> None:
    """The first name in that system, or None where none is known."""
    assert (ref.known_as("wms"), ref.known_as(CUSTOMER), ref.known_as("oms")) == (
        XREFS[0],
        XREFS[1],
        None,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SO-1", "SO-1"),
        ("  0004711 \t", "0004711"),
        ("Gro\u0308\u00dfe 1", "Gr\u00f6\u00dfe 1"),
        ("x" * 64, "x" * 64),
        ("o\u0308" * 64, "\u00f6" * 64),
    ],
)
def test_a_typed_number_is_brought_to_one_form(text: str, expected: str) -> None:
    """Composed and trimmed; leading zeros stay, they are significant in some systems."""
    assert normalise_number(text, what="order number") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The order number is empty."),
        (" \n\u3000", "The order number is empty."),
        ("x" * 65, "The order number is longer than 64 characters."),
        ("SO\x1f1", "The order number contains characters that cannot be printed."),
        ("SO\u202e1", "The order number contains characters that cannot be printed."),
        ("SO\ud8001", "The order number contains characters that cannot be printed."),
    ],
)
def test_a_number_nobody_can_type_is_refused(text: str, message: str) -> None:
    """The message names what it is and never repeats what came."""
    with pytest.raises(InvalidNumberError) as refused:
        normalise_number(text, what="order number")

    assert (refused.value.code, str(refused.value)) == ("INVALID_NUMBER", message)
