"""API keys: shape, checksum, what is kept, and what never shows."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderlines.visibility import ALL, Visibility
from policies.api_keys import (
    KEY_CHARS,
    PREFIX,
    ApiKey,
    Grant,
    KeyRecord,
    MintedKey,
    checksum,
    digest,
    hide,
    mint,
    parse,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PEPPER = b"pepper"
GRANT = Grant(
    "portal",
    frozenset({"orders:read"}),
    Visibility(customers=frozenset({"C-1", "C-2"}), channels=ALL, warehouses=frozenset()),
)


def minted() -> MintedKey:
    """Make a key."""
    return mint(GRANT, PEPPER, NOW)


def test_a_new_key_has_the_published_shape() -> None:
    """Scanners and people find keys by prefix, length and alphabet."""
    key = minted().text

    assert key.startswith(PREFIX)
    assert len(key) == KEY_CHARS == 58
    assert key.count("_") == 3


def test_a_new_key_parses_into_the_parts_that_were_kept() -> None:
    """The record and the text are of one key."""
    made = minted()
    key = parse(made.text)

    assert key is not None
    assert made.record == KeyRecord(
        id=key.id,
        name="portal",
        digest=digest(key.secret, PEPPER),
        scopes=("orders:read",),
        customers=("C-1", "C-2"),
        channels="ALL",
        warehouses=(),
        created_at=NOW,
    )


def test_a_record_survives_its_bytes_with_its_row_rule() -> None:
    """An empty restriction sees nothing, also after it was stored."""
    record = minted().record
    stored = KeyRecord.decode(record.encode())

    assert stored == record
    assert stored is not None
    assert stored.visibility == GRANT.visibility


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"null",
        b"[" * 100_000,
        b'{"id": "x"}',
        minted().record.encode().replace(b'"version":1', b'"version":2'),
        minted().record.encode().replace(b'"channels":"ALL"', b'"channels":"all"'),
        minted().record.encode().replace(b'"channels":"ALL",', b""),
        minted().record.encode().replace(b'"id"', b'"extra":1,"id"'),
    ],
)
def test_a_record_that_cannot_be_read_is_none(stored: bytes) -> None:
    """A restriction that is missing or misspelt must not open what it closed."""
    assert KeyRecord.decode(stored) is None


def test_the_checksum_is_crc32_in_base_62() -> None:
    """CRC-32 of `123456789` is 0xCBF43926, by the catalogue of such checks."""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    value = 0
    for digit in checksum("123456789"):
        value = value * 62 + alphabet.index(digit)

    assert value == 0xCBF43926
    assert len(checksum("")) == 6


@given(st.integers(min_value=0, max_value=KEY_CHARS - 1), st.characters())
def test_a_key_with_any_character_changed_is_refused(at: int, other: str) -> None:
    """Typos are refused before any look-up."""
    key = minted().text
    changed = key[:at] + other + key[at + 1 :]

    assert (parse(changed) is not None) == (changed == key)


@pytest.mark.parametrize("text", ["", PREFIX, PREFIX + "x" * 49, "sk_live_" + "x" * 50, "é" * 58])
def test_a_text_of_another_shape_is_no_key(text: str) -> None:
    """Shape comes before arithmetic."""
    assert parse(text) is None


def test_a_key_with_the_right_checksum_and_a_foreign_alphabet_is_refused() -> None:
    """The checksum is public arithmetic; it proves nothing by itself."""
    body = f"{PREFIX}{'-' * 10}_{'x' * 32}"

    assert parse(body + checksum(body)) is None


def test_a_key_without_its_separator_is_refused() -> None:
    """The id has exactly ten characters."""
    body = f"{PREFIX}{'x' * 43}"

    assert parse(body + checksum(body)) is None


def test_no_secret_shows_where_keys_are_printed() -> None:
    """LOG-1: repr and hide are what reaches a log."""
    made = minted()
    key = parse(made.text)

    assert key is not None
    for shown in (repr(made), repr(key), hide(made.text)):
        assert key.secret not in shown
    assert hide(made.text) == f"{PREFIX}{key.id[:4]}…"
    assert hide("something else entirely") == "…"
    assert repr(ApiKey("ab", "cd")) == "ApiKey('ab', secret=…)"


def test_two_keys_never_share_a_secret() -> None:
    """Randomness comes from the argument; by default from the system."""
    assert minted().text != minted().text
    assert mint(GRANT, PEPPER, NOW, lambda letters: letters[7]) == mint(
        GRANT, PEPPER, NOW, lambda letters: letters[7]
    )
