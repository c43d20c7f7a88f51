"""Readings shared between processes, in Redis or Valkey, by aiocache's backend.

A value carries when it was read, the whole name it was kept under, and a digest of it
all: what comes back under another name, in another form, cut short or altered is
nothing. The digest has no secret: who may write to the server may write anything.

A server that fails or is slow costs one wait of 50 ms, and is left alone for a second;
then one call tries it on a new connection, and the others follow if it answers. A cache
that is gone makes answers slower, never wrong and never late.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, TypeVar
from urllib.parse import unquote, urlsplit

from backends.registry import ConfigurationError
from backends.shared_readings import Shared
from orderlines.deadline import Clock

TIMEOUT_S: Final = 0.05
RETRY_AFTER_S: Final = 1.0
MAX_CONNECTIONS: Final = 64
"""Calls at once; one more finds nothing, rather than wait in line."""
PREFIX: Final = "orderline:read:"

_FORM: Final = b"olr2"
_NAME_BYTES: Final = 32
_INSTANT_BYTES: Final = 8
_DIGEST_BYTES: Final = 16
_HEAD_BYTES: Final = len(_FORM) + _NAME_BYTES + 2 * _INSTANT_BYTES

T = TypeVar("T")


class SharedCache:
    """A second level for `backends.cache`; nothing of it ever fails.

    Args:
        url: `redis://host:port/db`.
        on_failure: Told when the server begins to be left alone, once each time.
        clock: A monotonic clock.

    Raises:
        ConfigurationError: The extra `redis` is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        on_failure: Callable[[Exception], None] = lambda _: None,
        clock: Clock = time.monotonic,
    ) -> None:
        try:
            from aiocache import RedisCache  # type: ignore[import-untyped] # noqa: PLC0415 - an extra
            from aiocache.serializers import (  # type: ignore[import-untyped] # noqa: PLC0415 - as above
                NullSerializer,
            )
            from redis.asyncio.retry import Retry  # noqa: PLC0415 - as above
            from redis.backoff import NoBackoff  # noqa: PLC0415 - as above
        except ImportError as error:
            msg = "A shared cache needs the extra `redis`: pip install 'orderline-gateway[redis]'."
            raise ConfigurationError(msg) from error
        parts = urlsplit(url)
        pool = {"socket_timeout": TIMEOUT_S, "retry": Retry(NoBackoff(), 0)}
        if parts.username:
            pool["username"] = unquote(parts.username)
        self._backend = RedisCache(
            serializer=NullSerializer(encoding=None),  # bytes are kept as they are
            endpoint=parts.hostname or "127.0.0.1",
            port=parts.port or 6379,
            db=int(parts.path.strip("/") or 0),
            password=None if parts.password is None else unquote(parts.password),
            ssl=parts.scheme == "rediss",
            create_connection_timeout=TIMEOUT_S,
            connection_pool_kwargs=pool,
            timeout=None,
        )
        self._on_failure = on_failure
        self._clock = clock
        self._alone_until = float("-inf")
        self._has_failed = False
        self._calls = 0

    @property
    def is_alone(self) -> bool:
        """Whether the server is left alone at the moment."""
        return self._clock() < self._alone_until

    async def get(self, name: bytes) -> Shared | None:
        """Fetch what is kept under a name."""
        value = await self._try(lambda: self._backend.get(_key(name)))
        return _read(name, value) if isinstance(value, bytes) else None

    async def put(self, name: bytes, reading: Shared, ttl_s: float) -> None:
        """Keep what was read."""
        value = _written(name, reading)
        # A float: with whole seconds the backend calls what redis-py gave up.
        await self._try(lambda: self._backend.set(_key(name), value, ttl=float(ttl_s)))

    async def drop(self, name: bytes) -> None:
        """Keep it no longer."""
        await self._try(lambda: self._backend.delete(_key(name)))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._backend.client.aclose()

    async def _try(self, call: Callable[[], Awaitable[T]]) -> T | None:
        if self.is_alone or self._calls >= MAX_CONNECTIONS:
            return None
        tries = self._has_failed
        if tries:
            self._alone_until = self._clock() + RETRY_AFTER_S  # for the others, meanwhile
        self._calls += 1
        try:
            async with asyncio.timeout(TIMEOUT_S):
                if tries:
                    # What broke one connection broke those that lie idle: each would
                    # fail once more, and cost another second.
                    await self._backend.client.connection_pool.disconnect(inuse_connections=False)
                told = await call()
        except asyncio.CancelledError:
            if _is_leaving():
                raise
            # Not ours: two who wait for one connection to close wait for one future.
            self._leave_alone(ConnectionError("given up"), is_news=tries or not self._has_failed)
            return None
        except Exception as error:  # noqa: BLE001 - whatever it is, it costs no answer
            self._leave_alone(error, is_news=tries or not self._has_failed)
            return None
        finally:
            self._calls -= 1
        if tries:
            self._has_failed, self._alone_until = False, float("-inf")
        return told

    def _leave_alone(self, error: Exception, *, is_news: bool) -> None:
        self._has_failed = True
        self._alone_until = self._clock() + RETRY_AFTER_S
        if is_news:
            self._on_failure(error)


def _is_leaving() -> bool:
    """Tell whether who asks is being cancelled itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _key(name: bytes) -> str:
    return PREFIX + name.hex()


def _digest(head: bytes, body: bytes) -> bytes:
    digest = blake2b(head, digest_size=_DIGEST_BYTES)
    digest.update(body)
    return digest.digest()


def _written(name: bytes, reading: Shared) -> bytes:
    instants = (reading.begun_at, reading.as_of)
    told = [round(one.timestamp() * 1_000).to_bytes(_INSTANT_BYTES) for one in instants]
    head = b"".join((_FORM, name, *told))
    return b"".join((head, _digest(head, reading.body), reading.body))


def _read(name: bytes, value: bytes) -> Shared | None:
    head, body = value[:_HEAD_BYTES], value[_HEAD_BYTES + _DIGEST_BYTES :]
    if not head.startswith(_FORM + name):
        return None
    if value[_HEAD_BYTES : _HEAD_BYTES + _DIGEST_BYTES] != _digest(head, body):
        return None
    at = len(_FORM) + _NAME_BYTES
    begun_at, as_of = head[at : at + _INSTANT_BYTES], head[at + _INSTANT_BYTES :]
    try:
        return Shared(body, _instant(begun_at), _instant(as_of))
    except (OverflowError, OSError, ValueError):
        return None


def _instant(told: bytes) -> datetime:
    return datetime.fromtimestamp(int.from_bytes(told) / 1_000, UTC)
