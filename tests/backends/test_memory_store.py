"""The key store in memory: bytes in, the same bytes out."""

from backends.store.memory import MemoryKeyStore
from policies.key_authenticator import KeyStore


async def test_bytes_come_back_as_they_were_kept() -> None:
    """The docks know nothing of what they keep, so they change nothing in it."""
    store: KeyStore = MemoryKeyStore()  # the guard's port, kept without knowing it
    await store.put("one", b"\x00{not a record}")
    await store.put("two", b"")

    assert await store.get("one") == b"\x00{not a record}"
    assert await store.get("two") == b""


async def test_an_id_that_was_never_kept_has_no_record() -> None:
    """None, and no error: an unknown key is an everyday thing."""
    store = MemoryKeyStore()
    await store.put("one", b"record")

    assert await store.get("ONE") is None
    assert await store.get("") is None


async def test_a_later_record_takes_the_place_of_an_earlier() -> None:
    """A withdrawal is a record put again."""
    store = MemoryKeyStore()
    await store.put("one", b"good")
    await store.put("one", b"revoked")

    assert await store.get("one") == b"revoked"


async def test_two_stores_share_nothing() -> None:
    """A key of one gateway opens nothing at another in the same process."""
    store, other = MemoryKeyStore(), MemoryKeyStore()
    await store.put("one", b"record")

    assert await other.get("one") is None
