"""Knowing callers by API keys: the record behind a key, and how long it is believed."""

import hmac
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol, runtime_checkable

import msgspec

from orderlines.deadline import Clock
from orderlines.visibility import Visibility
from policies.api_keys import PREFIX, Grant, KeyRecord, digest, hide, holds_digest, mint, parse
from policies.authentication import NOT_MINE, Bad, Credentials, Verdict
from policies.principal import Credential, Principal, scope_set
from policies.remembered import Remembered

REMEMBERED_S = 5.0
"""How long a good key stays good without being looked up: a withdrawal is seen by then."""
KEPT_S = 300.0
"""How much longer its record is kept, to be compared with the one that is stored."""
MAX_REMEMBERED = 50_000
"""More keys than are in use at a time, or each is looked up every time."""

_PREFIX: Final = PREFIX.encode("ascii")

Now = Callable[[], datetime]


class KeyStore(Protocol):
    """Where key records lie, as bytes."""

    async def get(self, key_id: str, /) -> bytes | None:
        """Fetch the record of a key; None if there is none."""
        ...

    async def put(self, key_id: str, record: bytes, /) -> None:
        """Keep the record of a key, in place of an earlier one."""
        ...


@runtime_checkable
class KeyStoreAtHand(KeyStore, Protocol):
    """A store that nobody else writes to, because it is in memory: it knows each change."""

    @property
    def changes(self) -> int:
        """How many there were. As long as there is none, every record is what it was."""
        ...


class _Known(msgspec.Struct, frozen=True, gc=False):
    """A caller that was looked up.

    Attributes:
        key_id: Of its record.
        stored: The record, as it was when it was found good.
        changes: Of the store, before that; -1 where it does not know them.
        ends_at: Until when it is believed without another look.
    """

    principal: Principal
    key_id: str
    stored: bytes
    changes: int
    ends_at: float


class ApiKeyAuthenticator:
    """Knows callers by API keys.

    A key that was found good is remembered for a few seconds, under a keyed hash of
    its text, so that a caller asking thousands of questions costs one look-up now
    and then. After that its record is fetched again, unless nothing in the store was
    changed, and checked again only if it is another than before.

    Args:
        store: Where records lie.
        pepper: The secret their digests were made with.
        now: The wall clock, for expiry.
        clock: A monotonic clock, for the memory.
        max_remembered: How many keys are remembered.
    """

    def __init__(
        self,
        store: KeyStore,
        pepper: bytes,
        *,
        now: Now = lambda: datetime.now(UTC),
        clock: Clock = time.monotonic,
        max_remembered: int = MAX_REMEMBERED,
    ) -> None:
        self._store = store
        self._at_hand = store if isinstance(store, KeyStoreAtHand) else None
        self._pepper = pepper
        self._now = now
        self._clock = clock
        self._known: Remembered[_Known] = Remembered(clock, max_remembered, kept_s=KEPT_S)
        # A key that nobody holds, looked at in place of an unknown one: both cost the same.
        nobody = Grant("nobody", frozenset(), Visibility.nothing())
        self._nobody = mint(nobody, pepper, datetime.min.replace(tzinfo=UTC)).record.encode()

    def authenticate_now(self, shown: bytes) -> Principal | None:
        """Know a caller whose key was found good a moment ago."""
        known = self._known.find(shown) if shown.startswith(_PREFIX) else None
        if known is None:
            return None
        at = self._clock()
        if at >= known.ends_at:
            store = self._at_hand
            if store is None or store.changes != known.changes:
                return None
            if at >= known.ends_at + KEPT_S / 2:  # it is to be noted anew, or it is forgotten
                return None
        principal = known.principal
        if principal.expires_at is None or principal.expires_at > self._now():
            return principal
        return None

    async def authenticate(self, credentials: Credentials) -> Verdict:
        """Know a caller by a key of ours."""
        text = credentials.text
        if not text.startswith(PREFIX):
            return NOT_MINE
        name = self._known.name(text)
        asked_at = self._clock()
        # Counted from before a look-up: the record may change while it is slow.
        changes = -1 if self._at_hand is None else self._at_hand.changes
        known = self._known.get(name)
        if known is not None:
            principal, key_id, stored = known.principal, known.key_id, known.stored
            is_over = self._is_over(principal.expires_at)
            if asked_at < known.ends_at and not is_over:
                return principal
            if not is_over and await self._store.get(key_id) == stored:
                again = _Known(principal, key_id, stored, changes, asked_at + REMEMBERED_S)
                self._known.put(name, again)
                return principal
        found = await self._look_up(text)
        if isinstance(found, str):
            return Bad(f"{found}: {hide(text)}")
        self._known.put(name, _Known(*found, changes, asked_at + REMEMBERED_S))
        return found[0]

    async def _look_up(self, text: str) -> tuple[Principal, str, bytes] | str:
        """Find whose key this is, by its record; or why it is nobody's."""
        key = parse(text)
        if key is None:
            return "wrong checksum"
        stored = await self._store.get(key.id)
        given = digest(key.secret, self._pepper)
        is_right = holds_digest(self._nobody if stored is None else stored, given)
        if stored is None or not is_right:
            return "unknown id" if stored is None else "wrong secret"
        # Only now: how long it takes to read a record tells how much is in it.
        record = KeyRecord.decode(stored)
        if record is None or record.id != key.id or not hmac.compare_digest(record.digest, given):
            return "unreadable record"
        checked = self._checked(record)
        return checked if isinstance(checked, str) else (checked, record.id, stored)

    def _checked(self, record: KeyRecord) -> Principal | str:
        if record.revoked_at is not None:
            return "revoked"
        if self._is_over(record.expires_at):
            return "expired"
        return Principal(
            id=f"key:{record.id}",
            name=record.name,
            credential=Credential.API_KEY,
            scopes=scope_set(frozenset(record.scopes)),
            visibility=record.visibility,
            expires_at=record.expires_at,
        )

    def _is_over(self, expires_at: datetime | None) -> bool:
        return expires_at is not None and expires_at <= self._now()
