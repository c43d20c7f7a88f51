"""Keys in a store that need not be waited for: a record that stays is believed again."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
import pytest

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
        """Find out who the key is, the long way; its record is put there first."""
        record = self.made.record
        await self.store.put(record.id, record.encode())
        return await self.known_again()

    async def known_again(self) -> Principal:
        """Find out who the key is, the long way."""
        shown = read_credentials([(b"authorization", f"Bearer {self.made.text}".encode())])
        found = await self.guard.authenticate(shown)  # type: ignore[arg-type] # it is one
        assert isinstance(found, Principal)
        return found

    def now(self) -> Principal | None:
        """Find out who the key is, without waiting."""
        return self.guard.authenticate_now(self.made.text.encode())


async def test_a_record_is_believed_as_long_as_nothing_changes() -> None:
    """Nothing is verified anew; and once five seconds are over, any change is looked into."""
    one = Guarded()
    principal = await one.known()
    record = one.made.record
    await one.store.put("somebody", b"else")

    assert one.now() is principal
    one.elapsed_s = REMEMBERED_S + 1
    assert one.now() is None
    assert await one.known_again() is principal
    one.elapsed_s += REMEMBERED_S + 1
    assert one.now() is principal
    await one.store.put(record.id, b"another")
    assert one.now() is None


@pytest.mark.parametrize("change", ["put", "add", "replace"])
async def test_every_way_to_change_a_record_is_a_change(change: str) -> None:
    """Whatever was done to the store, who is known is looked up again."""
    one = Guarded()
    await one.known()
    record = one.made.record
    changes: dict[str, Callable[[], Awaitable[object]]] = {
        "put": lambda: one.store.put("somebody", b"else"),
        "add": lambda: one.store.add("somebody", b"else"),
        "replace": lambda: one.store.replace(record.id, record.encode(), b"another"),
    }
    one.elapsed_s = REMEMBERED_S

    assert one.now() is not None
    await changes[change]()
    assert one.now() is None


async def test_a_key_that_is_in_use_stays_known() -> None:
    """However long: now and then it is noted anew the long way, and its use with it."""
    one = Guarded()
    principal = await one.known()
    long_ways = 0
    for _ in range(12):
        one.elapsed_s += KEPT_S / 4
        if one.now() is None:
            long_ways += 1
            assert await one.known_again() is principal
    await one.store.put(one.made.record.id, b"another")
    one.elapsed_s += REMEMBERED_S

    assert 3 <= long_ways <= 6
    assert one.now() is None


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
    assert one.now() is not None
    one.elapsed_s = KEPT_S
    assert one.now() is None
