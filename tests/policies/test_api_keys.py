"""API keys: shape, checksum, what is kept, and what never shows."""

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
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
ENDS = datetime(2027, 11, 20, tzinfo=UTC)
PEPPER = b"pepper"
GRANT = Grant(
    "portal",
    frozenset({"orders:read"}),
    Visibility(customers=frozenset({"C-1", "C-2"}), channels=ALL, warehouses=frozenset()),
)


CHECKSUM_OF_SEVENS = "2ifX5v"


def minted() -> MintedKey:
    """Make a key."""
    return mint(GRANT, PEPPER, NOW)


RECORD = mint(GRANT, PEPPER, NOW, lambda letters: letters[7]).record


def test_a_new_key_has_the_published_shape() -> None:
    """Scanners and people find keys by prefix, length and alphabet."""
    key = minted().text

    assert key.startswith(PREFIX)
    assert len(key) == KEY_CHARS == 58
    assert key.count("_") == 3


def test_a_new_key_parses_into_the_parts_that_were_kept() -> None:
    """The record and the text are of one key."""
    made = mint(replace(GRANT, expires_at=ENDS), PEPPER, NOW)
    key = parse(made.text)

    assert key is not None
    assert made.record == KeyRecord(
        version=1,
        id=key.id,
        name="portal",
        digest=digest(key.secret, PEPPER),
        scopes=("orders:read",),
        customers=("C-1", "C-2"),
        channels="ALL",
        warehouses=(),
        created_at=NOW,
        expires_at=ENDS,
        revoked_at=None,
        rotated_from=None,
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
    [b"", b"null", b"{}", b"[" * 100_000, b'{"scopes":' + b"[" * 100_000],
    ids=["empty", "null", "no fields", "deep", "deep inside"],
)
def test_what_is_no_record_is_none(stored: bytes) -> None:
    """A store may hold anything; it is an answer, and never an error."""
    assert KeyRecord.decode(stored) is None


@pytest.mark.parametrize(
    ("whole", "damaged"),
    [
        (b'"version":1', b'"version":2'),
        (b'"id"', b'"extra":1,"id"'),
        (b'"portal"', b'"\xff"'),
        (b'"digest":"', b'"digest":"AAAA'),
        (b'"customers":["C-1","C-2"]', b'"customers":"C-1"'),
        (b'"channels":"ALL"', b'"channels":"all"'),
        (b'"warehouses":[]', b'"warehouses":null'),
        (b'12:00:00Z"', b'12:00:00"'),
    ],
)
def test_a_record_that_cannot_be_read_is_none(whole: bytes, damaged: bytes) -> None:
    """A restriction that is misspelt must not open what it closed."""
    stored = RECORD.encode()

    assert whole in stored
    assert KeyRecord.decode(stored.replace(whole, damaged)) is None


@pytest.mark.parametrize("name", KeyRecord.__struct_fields__)
def test_a_record_that_lost_a_field_is_none(name: str) -> None:
    """Without its withdrawal a revoked key would be good again."""
    fields = msgspec.json.decode(RECORD.encode())
    del fields[name]

    assert KeyRecord.decode(msgspec.json.encode(fields)) is None


@given(st.data())
def test_a_record_damaged_anywhere_never_raises(data: st.DataObject) -> None:
    """Bytes that rotted in a store are an answer of ours, not a failure of the request."""
    whole = RECORD.encode()
    at = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(at, len(whole)))
    damaged = whole[:at] + data.draw(st.binary(max_size=8)) + whole[end:]
    decoded = KeyRecord.decode(damaged)

    assert decoded is None or KeyRecord.decode(decoded.encode()) == decoded


@pytest.mark.parametrize(
    ("now", "expires_at"),
    [
        (NOW.replace(tzinfo=None), None),
        (NOW, NOW.replace(tzinfo=None)),
    ],
)
def test_a_key_is_not_made_with_a_time_without_zone(
    now: datetime, expires_at: datetime | None
) -> None:
    """It would be shown to its owner and then never open anything."""
    with pytest.raises(ValueError, match="its times need a zone"):
        mint(replace(GRANT, expires_at=expires_at), PEPPER, now)


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


@pytest.mark.parametrize(
    "id_and_secret",
    [
        f"{'-' * 10}_{'x' * 32}",
        f"{'x' * 10}_{'-' * 32}",
        f"{'x' * 10}_{'x' * 31}",
        f"{'x' * 10}_{'x' * 33}",
        f"{'x' * 9}_{'x' * 33}",
        f"{'x' * 11}_{'x' * 31}",
        f"{'x' * 43}",
        f"_{'x' * 42}",
        f"{'x' * 10}_{'x' * 15}_{'x' * 16}",
    ],
)
def test_a_right_checksum_does_not_excuse_a_wrong_shape(id_and_secret: str) -> None:
    """The checksum is public arithmetic; anyone can put it under anything."""
    body = PREFIX + id_and_secret

    assert parse(body + checksum(body)) is None


def test_no_secret_shows_where_keys_are_printed() -> None:
    """LOG-1: repr and hide are what reaches a log."""
    made = minted()
    key = parse(made.text)

    assert key is not None
    for shown in (repr(made), repr(key), repr(made.record), hide(made.text)):
        assert key.secret not in shown
    assert hide(made.text) == f"{PREFIX}{key.id[:4]}…"
    assert hide("something else entirely") == "…"
    assert repr(ApiKey("ab", "cd")) == "ApiKey('ab', secret=…)"


def test_two_keys_never_share_a_secret() -> None:
    """By default the randomness is the system's."""
    assert minted().text != minted().text


def test_randomness_is_an_argument() -> None:
    """The same choices make the same key: id, secret, and the checksum that follows."""
    made = mint(GRANT, PEPPER, NOW, lambda letters: letters[7])

    assert made.text == "olg_live_7777777777_77777777777777777777777777777777" + CHECKSUM_OF_SEVENS
    assert made == mint(GRANT, PEPPER, NOW, lambda letters: letters[7])


def test_what_is_kept_is_an_hmac_that_needs_the_pepper() -> None:
    """K-2: RFC 4231, case 2; who has the store and not the pepper cannot try secrets."""
    kept = digest("what do ya want for nothing?", b"Jefe")

    assert kept.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert kept != digest("what do ya want for nothing?", b"another pepper")
