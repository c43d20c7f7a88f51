"""What can be done with a key after it was made: it is rotated, or withdrawn.

A key is never changed into another: a new one takes over what the old one may, and
both are good for a while, so that whoever uses the old one can be told in time.
"""

from datetime import datetime, timedelta
from enum import Enum
from typing import ClassVar, Final

import msgspec

from orderlines.errors import GatewayError
from policies.api_keys import Grant, KeyRecord, MintedKey, mint

MAX_OVERLAP: Final = timedelta(days=7)


class KeyChangeError(GatewayError):
    """A key cannot be changed in this way."""

    code: ClassVar[str] = "KEY_CHANGE"


class KeyState(Enum):
    """What a key is good for now."""

    GOOD = "good"
    ENDING = "ends"
    ENDED = "ended"
    REVOKED = "revoked"


def state_of(record: KeyRecord, now: datetime) -> KeyState:
    """Say what a key is good for."""
    if record.revoked_at is not None:
        return KeyState.REVOKED
    if record.expires_at is None:
        return KeyState.GOOD
    return KeyState.ENDED if record.expires_at <= now else KeyState.ENDING


def rotate(
    record: KeyRecord, pepper: bytes, now: datetime, overlap: timedelta
) -> tuple[MintedKey, KeyRecord]:
    """Make a key that takes the place of another.

    Args:
        record: Of the key that is to end.
        pepper: The secret the gateway adds to what it keeps.
        now: In UTC.
        overlap: How long both are good; at most `MAX_OVERLAP`.

    Returns:
        The new key, which ends when the old one would have; and the record of the old
        one, which ends with the overlap.

    Raises:
        KeyChangeError: The key is good no more, or the overlap is out of bounds.
    """
    _check_alive(record, now)
    if not timedelta(0) <= overlap <= MAX_OVERLAP:
        msg = f"Both keys may be good for at most {MAX_OVERLAP.days} days."
        raise KeyChangeError(msg)
    grant = Grant(record.name, frozenset(record.scopes), record.visibility, record.expires_at)
    minted = mint(grant, pepper, now)
    successor = msgspec.structs.replace(minted.record, rotated_from=record.id)
    end = now + overlap
    if record.expires_at is not None:
        end = min(end, record.expires_at)
    ending = msgspec.structs.replace(record, expires_at=end)
    return MintedKey(minted.text, successor), ending


def revoke(record: KeyRecord, now: datetime) -> KeyRecord:
    """Withdraw a key; it is refused everywhere within seconds.

    Raises:
        KeyChangeError: It was withdrawn before.
    """
    if record.revoked_at is not None:
        msg = f"The key {record.id} was withdrawn before."
        raise KeyChangeError(msg)
    return msgspec.structs.replace(record, revoked_at=now)


def _check_alive(record: KeyRecord, now: datetime) -> None:
    state = state_of(record, now)
    if state is KeyState.REVOKED:
        msg = f"The key {record.id} was withdrawn; make a new one instead."
        raise KeyChangeError(msg)
    if state is KeyState.ENDED:
        msg = f"The key {record.id} has ended; make a new one instead."
        raise KeyChangeError(msg)
