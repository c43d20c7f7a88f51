"""Rotating and withdrawing keys: what is taken over, and what ends when."""

from datetime import UTC, datetime, timedelta

import pytest

from orderlines.visibility import ALL, Visibility
from policies.api_keys import Grant, KeyRecord, digest, mint, parse
from policies.key_changes import (
    MAX_OVERLAP,
    KeyChangeError,
    KeyState,
    revoke,
    rotate,
    state_of,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PEPPER = b"a pepper for tests, 32 bytes long"
DAY = timedelta(days=1)
ROWS = Visibility(frozenset({"C-100"}), ALL, frozenset({"W1"}))


def record(expires_at: datetime | None = None) -> KeyRecord:
    """Make a key."""
    return mint(Grant("portal", frozenset({"lines:read"}), ROWS, expires_at), PEPPER, NOW).record


def test_a_new_key_takes_over_what_the_old_one_may() -> None:
    """Everything but its id, its secret and its day of birth."""
    old = record()
    minted, ending = rotate(old, PEPPER, NOW + DAY, timedelta(hours=12))
    new, key = minted.record, parse(minted.text)

    assert (new.name, new.scopes, new.visibility) == (old.name, old.scopes, old.visibility)
    assert (new.rotated_from, new.expires_at) == (old.id, None)
    assert key is not None
    assert new.digest == digest(key.secret, PEPPER) != old.digest
    assert ending.expires_at == NOW + DAY + timedelta(hours=12)
    assert (ending.id, ending.digest) == (old.id, old.digest)


def test_an_overlap_never_makes_a_key_live_longer() -> None:
    """The old one ends when it would have, and so does the new one."""
    old = record(NOW + timedelta(hours=1))
    minted, ending = rotate(old, PEPPER, NOW, DAY)

    assert ending.expires_at == minted.record.expires_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize("overlap", [-DAY, MAX_OVERLAP + timedelta(seconds=1)])
def test_an_overlap_out_of_bounds_is_refused(overlap: timedelta) -> None:
    """Two keys for one caller are a state that ends."""
    with pytest.raises(KeyChangeError, match="at most 7 days"):
        rotate(record(), PEPPER, NOW, overlap)


def test_what_is_good_no_more_is_not_rotated() -> None:
    """Its successor would be good."""
    with pytest.raises(KeyChangeError, match="has ended"):
        rotate(record(NOW), PEPPER, NOW, DAY)
    with pytest.raises(KeyChangeError, match="was withdrawn"):
        rotate(revoke(record(), NOW), PEPPER, NOW, DAY)


def test_a_key_is_withdrawn_once() -> None:
    """The instant of the first time stands."""
    gone = revoke(record(), NOW)

    assert gone.revoked_at == NOW
    with pytest.raises(KeyChangeError, match="before"):
        revoke(gone, NOW + DAY)


def test_what_a_key_is_good_for() -> None:
    """Withdrawn beats everything; an end that is now has come."""
    assert state_of(record(), NOW) is KeyState.GOOD
    assert state_of(record(NOW + DAY), NOW) is KeyState.ENDING
    assert state_of(record(NOW), NOW) is KeyState.ENDED
    assert state_of(revoke(record(NOW + DAY), NOW), NOW) is KeyState.REVOKED
