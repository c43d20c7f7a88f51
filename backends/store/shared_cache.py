"""Readings shared between processes, in Redis or Valkey, by aiocache's backend.

A value carries the instant it was read at and the whole name it was kept under: what
comes back under another name, in another form or cut short is nothing. A server that
fails or is slow costs one wait of 50 ms, and is left alone for a second then: a cache
that is gone makes answers slower, never wrong and never late.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, TypeVar
from urllib.parse import urlsplit

from backends.registry import ConfigurationError
from orderlines.deadline import Clock

TIMEOUT_S: Final = 0.05
RETRY_AFTER_S: Final = 1.0
PREFIX: Final = "orderline:read:"

_FORM: Final = b"olr1"
_NAME_BYTES: Final = 32
_HEAD_BYTES: Final = len(_FORM) + _NAME_BYTES + 8

T = TypeVar("T")


class SharedCache:
    """A second level for `backends.cache`; nothing of it ever fails.

    Args:
        url: `redis://host:port/db`.
        on_failure: Told when the server begins to be left alone.
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
        self._backend = RedisCache(
            serializer=NullSerializer(encoding=None),  # bytes are kept as they are
            endpoint=parts.hostname or "127.0.0.1",
            port=parts.port or 6379,
            db=int(parts.path.strip("/") or 0),
            password=parts.password,
            ssl=parts.scheme == "rediss",
            create_connection_timeout=TIMEOUT_S,
            connection_pool_kwargs={"socket_timeout": TIMEOUT_S, "retry": Retry(NoBackoff(), 0)},
            timeout=None,
        )
        self._on_failure = on_failure
        self._clock = clock
        self._alone_until = 0.0

    @property
    def is_alone(self) -> bool:
        """Whether the server is left alone at the moment."""
        return self._clock() < self._alone_until

    async def get(self, name: bytes) -> tuple[bytes, datetime] | None:
        """Fetch what is kept under a name, and when it was read."""
        value = await self._try(self._backend.get(_key(name)))
        return None if value is None else _read(name, value)

    async def put(self, name: bytes, body: bytes, as_of: datetime, ttl_s: float) -> None:
        """Keep what was read."""
        # A float: with whole seconds the backend calls what redis-py gave up.
        value = _written(name, body, as_of)
        await self._try(self._backend.set(_key(name), value, ttl=float(ttl_s)))

    async def drop(self, name: bytes) -> None:
        """Keep it no longer."""
        await self._try(self._backend.delete(_key(name)))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._backend.client.aclose()

    async def _try(self, call: Awaitable[T]) -> T | None:
        if self.is_alone:
            call.close()  # type: ignore[attr-defined] # a coroutine that is not begun
            return None
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await call
        except Exception as error:  # noqa: BLE001 - whatever it is, it costs no answer
            self._alone_until = self._clock() + RETRY_AFTER_S
            self._on_failure(error)
            return None


def _key(name: bytes) -> str:
    return PREFIX + name.hex()


def _written(name: bytes, body: bytes, as_of: datetime) -> bytes:
    instant = round(as_of.timestamp() * 1_000)
    return b"".join((_FORM, name, instant.to_bytes(8), body))


def _read(name: bytes, value: object) -> tuple[bytes, datetime] | None:
    if not isinstance(value, bytes) or len(value) < _HEAD_BYTES:
        return None
    form_and_name = value[: len(_FORM) + _NAME_BYTES]
    if form_and_name != _FORM + name:
        return None
    instant = int.from_bytes(value[len(form_and_name) : _HEAD_BYTES])
    return value[_HEAD_BYTES:], datetime.fromtimestamp(instant / 1_000, UTC)
