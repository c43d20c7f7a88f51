"""API keys: their shape, how one is made, and what is kept of it.

`olg_live_<id, 10>_<secret, 32><checksum, 6>`: the prefix lets scanners find a leaked
key, the checksum refuses typos and guesses without any look-up, and underscores
keep a double click on the whole of it. The secret is random and long, so one HMAC
with a pepper is enough to keep it by; the key itself is shown once and kept nowhere.
"""

import hmac
import secrets
import string
import sys
import zlib
from binascii import b2a_base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from orderlines.visibility import ALL, Restriction, Visibility

PREFIX = "olg_live_"
ID_CHARS = 10
SECRET_CHARS = 32
CHECKSUM_CHARS = 6
KEY_CHARS = len(PREFIX) + ID_CHARS + 1 + SECRET_CHARS + CHECKSUM_CHARS

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_LETTERS = frozenset(_ALPHABET)

Chooser = Callable[[str], str]
"""Picks one character of a text at random."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The parts of a key whose checksum is right; whether it is known is another matter."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return f"ApiKey({self.id!r}, secret=…)"


def parse(text: str) -> ApiKey | None:
    """Take a key apart; None unless its shape and checksum are right. Looks nothing up."""
    if len(text) != KEY_CHARS or not text.startswith(PREFIX) or not text.isascii():
        return None
    body, given = text[:-CHECKSUM_CHARS], text[-CHECKSUM_CHARS:]
    key_id, _, secret = body[len(PREFIX) :].partition("_")
    if len(key_id) != ID_CHARS or not _LETTERS.issuperset(key_id + secret):
        return None
    if not hmac.compare_digest(checksum(body), given):
        return None
    return ApiKey(key_id, secret)


def hide(text: str) -> str:
    """Give what a log may show of a key: its prefix and the start of its id."""
    return text[: len(PREFIX) + 4] + "…" if text.startswith(PREFIX) else "…"


def checksum(body: str) -> str:
    """CRC-32 of everything before it, in base 62 with leading zeros."""
    value = zlib.crc32(body.encode())
    digits = ""
    for _ in range(CHECKSUM_CHARS):
        value, digit = divmod(value, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


def digest(secret: str, pepper: bytes) -> bytes:
    """Give what is kept of a secret."""
    return hmac.digest(pepper, secret.encode(), "sha256")


Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time that can be compared with now; one without a zone cannot be."""


class KeyRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is kept of a key, as bytes in a store that knows nothing of it.

    A restriction is the word `ALL` or a list. There are no defaults, so that a record
    that lost a restriction, its end or its withdrawal decodes to nothing rather than
    to more than was granted. The digest stands before all whose length varies.
    """

    version: Literal[1]
    id: str
    digest: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    name: str
    scopes: tuple[str, ...]
    customers: Literal["ALL"] | tuple[str, ...]
    channels: Literal["ALL"] | tuple[str, ...]
    warehouses: Literal["ALL"] | tuple[str, ...]
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    rotated_from: str | None

    @property
    def visibility(self) -> Visibility:
        """The row rule of the key."""
        return Visibility(
            customers=_restriction(self.customers),
            channels=_restriction(self.channels),
            warehouses=_restriction(self.warehouses),
        )

    def encode(self) -> bytes:
        """Give the record as the store keeps it."""
        return _encoder.encode(self)

    @classmethod
    def decode(cls, stored: bytes) -> "KeyRecord | None":
        """Read a stored record; None if it is not one, which then authenticates nobody."""
        try:
            return _decoder.decode(stored)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(KeyRecord)
_DIGEST = b'"digest":"'


def holds_digest(stored: bytes, given: bytes) -> bool:
    """Tell whether a stored record is that of a secret, by its digest.

    Nothing else of the record is read: whoever guesses must not learn from the time it
    takes how much a key may see. Quotes in a text are escaped, so the field is found.
    """
    at = stored.find(_DIGEST) + len(_DIGEST)
    text = b2a_base64(given, newline=False)
    return hmac.compare_digest(text, stored[at : at + len(text)])


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new key: the text that is shown once, and the record that is kept."""

    text: str
    record: KeyRecord

    def __repr__(self) -> str:
        return f"MintedKey({hide(self.text)!r})"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a new key is for.

    Attributes:
        name: For people; stands in `viewer` and in logs.
        expires_at: When it ends, in UTC; None for never.
    """

    name: str
    scopes: frozenset[str]
    visibility: Visibility
    expires_at: datetime | None = None


def mint(grant: Grant, pepper: bytes, now: datetime, choose: Chooser = secrets.choice) -> MintedKey:
    """Make a new key.

    Args:
        grant: What it is for.
        pepper: The secret the gateway adds to what it keeps.
        now: Becomes `created_at`.
        choose: The source of randomness.

    Raises:
        ValueError: A time has no zone; the record would decode to nothing.
    """
    if any(at is not None and at.tzinfo is None for at in (now, grant.expires_at)):
        msg = "a key is made and ends at an instant: its times need a zone"
        raise ValueError(msg)
    key_id = "".join(choose(_ALPHABET) for _ in range(ID_CHARS))
    secret = "".join(choose(_ALPHABET) for _ in range(SECRET_CHARS))
    body = f"{PREFIX}{key_id}_{secret}"
    record = KeyRecord(
        version=1,
        id=key_id,
        name=grant.name,
        digest=digest(secret, pepper),
        scopes=tuple(sorted(grant.scopes)),
        customers=_stored(grant.visibility.customers),
        channels=_stored(grant.visibility.channels),
        warehouses=_stored(grant.visibility.warehouses),
        created_at=now,
        expires_at=grant.expires_at,
        revoked_at=None,
        rotated_from=None,
    )
    return MintedKey(body + checksum(body), record)


def _stored(restriction: Restriction) -> Literal["ALL"] | tuple[str, ...]:
    return "ALL" if restriction is ALL else tuple(sorted(restriction))


def _restriction(stored: Literal["ALL"] | tuple[str, ...]) -> Restriction:
    # Mostly many callers are restricted to the same few values: one text for all of them.
    return ALL if stored == "ALL" else frozenset(map(sys.intern, stored))
