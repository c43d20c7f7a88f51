"""Keys in a store that need not be waited for: a record that stays is believed again."""

from datetime import UTC, datetime

import msgspec

from backends.store.memory import MemoryKeyStore
from orderlines.visibility import Visibility
from policies.api_keys import Grant, MintedKey, mint
from policies.authentication import read_credentials
from policies.key_authenticator import KEPT_S, REMEMBERED_S, ApiKeyAuthenticator
from policies.principal import Principal

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
PEPPER = b"p" * 32


class Guarded:
    """An authenticator over a store in memory, with a clock that stands still."""

    def __init__(self) -> None:
        self.store = MemoryKeyStore()
        self.elapsed_s = 0.0
        self.guard = ApiKeyAuthenticator(
            self.store, PEPPER, now=lambda: START, clock=lambda: self.elapsed_s
        )
        grant = Grant("partner", frozenset({"a:b"}), Visibility.everything())
        self.made: MintedKey = mint(grant, PEPPER, START)

    async def known(self) -> Principal:
        """Find out who the key is, the long way."""
        record = self.made.record
        await self.store.put(record.id, record.encode())
        shown = read_credentials([(b"authorization", f"Bearer {self.made.text}".encode())])
        found = await self.guard.authenticate(shown)  # type: ignore[arg-type] # it is one
        assert isinstance(found, Principal)
        return found

    def now(self) -> Principal | None:
        """Find out who the key is, without waiting."""
        return self.guard.authenticate_now(self.made.text.encode())


async def test_a_record_is_believed_as_long_as_it_does_not_change() -> None:
    """Nothing is verified anew; and once five seconds are over, a change is seen at once."""
    one = Guarded()
    principal = await one.known()
    record = one.made.record
    await one.store.put(record.id, b"another")

    assert one.now() is principal
    one.elapsed_s = REMEMBERED_S + 1
    assert one.now() is None
    await one.store.put(record.id, record.encode())
    assert one.now() is principal


async def test_a_key_that_is_in_use_stays_known() -> None:
    """However long: it is noted anew in time, and believed for five seconds then."""
    one = Guarded()
    principal = await one.known()
    for _ in range(12):
        one.elapsed_s += KEPT_S / 4
        assert one.now() is principal
    await one.store.put(one.made.record.id, b"another")
    seen = one.now()
    one.elapsed_s += REMEMBERED_S

    assert (seen, one.now()) == (principal, None)


async def test_a_record_that_changed_or_went_is_looked_up_the_long_way() -> None:
    """Revoked within five seconds, as with every store."""
    one = Guarded()
    await one.known()
    record = msgspec.structs.replace(one.made.record, revoked_at=START)
    await one.store.put(record.id, record.encode())
    one.elapsed_s = REMEMBERED_S

    assert one.now() is None


async def test_nobody_is_known_without_having_been_looked_up() -> None:
    """A key that nobody showed before, and one that was forgotten, take the long way."""
    one = Guarded()

    assert one.now() is None
    assert one.guard.authenticate_now(b"Bearer of no key") is None
    await one.known()
    one.elapsed_s = KEPT_S + 2 * REMEMBERED_S
    assert one.now() is not None
