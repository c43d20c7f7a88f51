"""Counting what is spent where several processes count together: in Valkey, or Redis.

One script takes from all buckets, or from none, by the server's own clock. It adds and
compares whole numbers only: microseconds, and what is left of one in parts, because a
double holds no more than 2⁵³ exactly. How many of them a cost is, and what an answer
means, is worked out here by the same arithmetic as in memory (`counters`).

A server that fails or is slow is not waited for longer than `timeout_s`. Then each
process counts alone, every bucket from full (the "local cap"): with n processes a
caller can spend n times its points until the server is back, never more. After
`retry_after_s` one request tries the server again, and the others follow if it answers.
What was taken here and given back there, or the other way round, fills no bucket above
its points.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias

from backends.registry import ConfigurationError
from backends.store.counters import (
    Answer,
    Ask,
    Bucket,
    MemoryCounters,
    Pace,
    T,
    Take,
    Told,
    answer,
    pace_of,
)
from orderlines.deadline import Clock

TIMEOUT_S: Final = 0.05
RETRY_AFTER_S: Final = 1.0
MAX_CONNECTIONS: Final = 64
PREFIX: Final = "orderline:spent"

OnFailure: TypeAlias = Callable[[Exception], None]

# Of each bucket is kept when it will be full: "microseconds:parts". `ARGV` has four numbers
# for each: the cost in microseconds and parts, parts in a microsecond, µs of the window.
_READ: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function owed(key, window)
  local us, part = string.match(redis.call('GET', key) or '', '^(%d+):(%d+)$')
  us, part = (tonumber(us) or 0) - now, tonumber(part) or 0
  if us < 0 then return 0, 0 end
  -- A clock that was set back costs a window at most.
  if us >= window then return window, 0 end
  return us, part
end

local function keep(key, us, part)
  local full_at = string.format('%.0f:%.0f', now + us, part)
  redis.call('SET', key, full_at, 'PX', string.format('%.0f', math.floor(us / 1000) + 2))
end
"""

_CHARGE_TEXT: Final = (
    _READ
    + """
local told, after, granted = {1}, {}, true
for i, key in ipairs(KEYS) do
  local cost_us, cost_part = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
  local parts, window = tonumber(ARGV[4 * i - 1]), tonumber(ARGV[4 * i])
  local us, part = owed(key, window)
  told[2 * i], told[2 * i + 1] = us, part
  us, part = us + cost_us, part + cost_part
  if part >= parts then us, part = us + 1, part - parts end
  if us > window or (us == window and part > 0) then granted = false end
  after[i] = cost_us + cost_part > 0 and {us, part}
end
if not granted then
  told[1] = 0
  return told
end
for i, key in ipairs(KEYS) do
  if after[i] then keep(key, after[i][1], after[i][2]) end
end
return told
"""
)

_REFUND_TEXT: Final = (
    _READ
    + """
for i, key in ipairs(KEYS) do
  local parts = tonumber(ARGV[4 * i - 1])
  local us, part = owed(key, tonumber(ARGV[4 * i]))
  us, part = us - tonumber(ARGV[4 * i - 3]), part - tonumber(ARGV[4 * i - 2])
  if part < 0 then us, part = us - 1, part + parts end
  if us < 0 or us + part == 0 then redis.call('DEL', key) else keep(key, us, part) end
end
return {1}
"""
)


class _Script(NamedTuple):
    """A script, and the name the server knows it by once it has seen it."""

    text: str
    sha: str


def _script(text: str) -> _Script:
    # The server's own naming; nothing is secret in it.
    return _Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


_CHARGE: Final = _script(_CHARGE_TEXT)
_REFUND: Final = _script(_REFUND_TEXT)


class _Client(Protocol):
    """What is used of a client."""

    def execute_command(self, *words: str | int) -> Awaitable[list[int]]: ...

    async def aclose(self) -> None: ...


class ValkeyCounters:
    """Buckets of all processes that use the same server.

    Nothing is connected before it is asked. It belongs to the event loop that asks.

    Args:
        url: Of the server: `redis://`, `rediss://` or `unix://`.
        on_failure: Told why the server is not asked for a while, once each time.
        timeout_s: How long one question may take, with connecting.
        retry_after_s: How long it is left alone after a failure.
        local: What counts meanwhile.
        clock: A monotonic clock, for leaving it alone.

    Raises:
        ConfigurationError: The extra `redis` is not installed.
    """

    def __init__(  # noqa: PLR0913 - each is named, and has a value
        self,
        url: str,
        *,
        on_failure: OnFailure = lambda _: None,
        timeout_s: float = TIMEOUT_S,
        retry_after_s: float = RETRY_AFTER_S,
        local: MemoryCounters | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        try:
            from redis.asyncio import BlockingConnectionPool, Redis  # noqa: PLC0415 - an extra
            from redis.asyncio.retry import Retry  # noqa: PLC0415
            from redis.backoff import NoBackoff  # noqa: PLC0415
            from redis.exceptions import NoScriptError, RedisError  # noqa: PLC0415
        except ImportError as error:
            msg = "Counting in Redis or Valkey needs the extra: orderline-gateway[redis]."
            raise ConfigurationError(msg, detail=repr(error)) from error
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            # Version 3 would greet first, and skip the look at whether an idle connection is dead.
            protocol=2,
            driver_info=None,
        )
        self._client: _Client = Redis.from_pool(pool)
        self._unknown_script: type[Exception] = NoScriptError
        self._failures: tuple[type[Exception], ...] = (RedisError, OSError, TimeoutError)
        self._on_failure = on_failure
        self._timeout_s = timeout_s
        self._retry_after_s = retry_after_s
        self._local = MemoryCounters() if local is None else local
        self._clock = clock
        self._alone_until: float | None = None
        self._is_trying = False

    @property
    def is_alone(self) -> bool:
        """Whether this process counts alone, because the server failed."""
        return self._alone_until is not None

    def taker(self, asked: Sequence[Take], told: Told[T]) -> Callable[[str], T | None]:
        """Make what takes by the local cap while the server is left alone; None otherwise."""
        take, is_left_alone = self._local.taker(asked, told), self._is_left_alone
        return lambda caller: take(caller) if is_left_alone() else None

    def giver(self, bucket: Bucket) -> Callable[[str, int], bool]:
        """Make what gives back by the local cap while the server is left alone; False otherwise."""
        give, is_left_alone = self._local.giver(bucket), self._is_left_alone
        return lambda caller, points: is_left_alone() and give(caller, points)

    def charge_now(self, asked: Sequence[Ask]) -> tuple[Answer, ...] | None:
        """Take by the local cap while the server is left alone; None otherwise."""
        return self._local.charge_now(asked) if self._is_left_alone() else None

    async def charge(self, asked: Sequence[Ask]) -> tuple[Answer, ...]:
        """Take from all buckets, or from none if one refuses."""
        told = None if self._is_left_alone() else await self._told(_CHARGE, asked)
        if told is None:
            return self._local.charge_now(asked)
        is_taken = told[0] == 1
        answers: list[Answer] = []
        for i, (_, cost, points, window_s) in enumerate(asked):
            pace = pace_of(points, window_s)
            owed = told[2 * i + 1] * pace.us + told[2 * i + 2]
            answers.append(answer(pace, owed, cost * pace.point, is_taken=is_taken))
        return tuple(answers)

    def refund_now(self, given: Sequence[Ask]) -> bool:
        """Give back by the local cap while the server is left alone; False otherwise."""
        return self._is_left_alone() and self._local.refund_now(given)

    async def refund(self, given: Sequence[Ask]) -> None:
        """Give points back, no bucket more than it lacks."""
        if self._is_left_alone() or await self._told(_REFUND, given) is None:
            self._local.refund_now(given)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def _is_left_alone(self) -> bool:
        until = self._alone_until
        return until is not None and (self._is_trying or self._clock() < until)

    async def _told(self, script: _Script, asked: Sequence[Ask]) -> list[int] | None:
        """Ask the server; None if it failed."""
        is_trial = self.is_alone
        self._is_trying = is_trial
        try:
            async with asyncio.timeout(self._timeout_s):
                told = await self._run(script, asked)
        except self._failures as error:
            if is_trial or not self.is_alone:
                self._alone_until = self._clock() + self._retry_after_s
                self._on_failure(error)
            return None
        else:
            if is_trial:
                self._alone_until = None
            return told
        finally:
            if is_trial:
                self._is_trying = False

    async def _run(self, script: _Script, asked: Sequence[Ask]) -> list[int]:
        keys: list[str] = []
        numbers: list[int] = []
        for name, cost, points, window_s in asked:
            pace = pace_of(points, window_s)
            keys.append(f"{PREFIX}:{points}/{window_s}:{name}")
            numbers += (*_in_parts(cost, pace), pace.us, window_s * 1_000_000)
        ask = self._client.execute_command
        try:
            return await ask("EVALSHA", script.sha, len(keys), *keys, *numbers)
        except self._unknown_script:
            return await ask("EVAL", script.text, len(keys), *keys, *numbers)


def _in_parts(cost: int, pace: Pace) -> tuple[int, int]:
    """Give microseconds that points take to come back, and the parts beyond."""
    return divmod(cost * pace.point, pace.us)
