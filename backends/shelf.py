"""The shelf of a process: readings within a bound of bytes, found by key and by tag.

The least recently used goes first. A reading never takes the place of one that was begun
later: calls that overlap may end in any order.
"""

import random
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from backends.reading_key import ReadingKey, Tag

NEGATIVE_BYTES: Final = 256
"""An answer so short has no row in it: what it says is that there is nothing."""
OVERHEAD_BYTES: Final = 1_024
TAG_BYTES: Final = 512
"""What being found by one tag takes."""
JITTER: Final = 0.1


def _jitter() -> float:
    return 1 - JITTER * random.random()  # noqa: S311 - no secret


@dataclass(frozen=True, slots=True)
class Entry:
    """A reading on the shelf.

    Attributes:
        body: What the system sent.
        as_of: When that was complete, in UTC.
        began: When it was asked, by the monotonic clock: its age counts from there.
        tags: What it is about.
        is_shared: Whether another process read it.
        jitter: A share just below 1, so that entries that were made together are
            refreshed one after another.
    """

    body: bytes
    as_of: datetime
    began: float
    tags: frozenset[Tag]
    is_shared: bool = False
    jitter: float = field(default_factory=_jitter)

    @property
    def is_nothing(self) -> bool:
        """Whether it says that there is nothing."""
        return len(self.body) <= NEGATIVE_BYTES


def size_of(key: ReadingKey, entry: Entry) -> int:
    """Tell what a reading takes, with its key and the ways to it, in bytes."""
    question = key.question
    texts = len(entry.body) + len(question.target) + len(question.body)
    return texts + OVERHEAD_BYTES + TAG_BYTES * len(entry.tags)


class Shelf:
    """What is kept in this process.

    Args:
        max_bytes: What all readings may take together.

    Attributes:
        bytes_used: What they take.
        evicted: How many went for want of room.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[ReadingKey, Entry] = OrderedDict()
        self._by_tag: dict[Tag, set[ReadingKey]] = {}
        self.bytes_used = 0
        self.evicted = 0

    def get(self, key: ReadingKey) -> Entry | None:
        """Look at what is kept."""
        return self._entries.get(key)

    def touch(self, key: ReadingKey) -> None:
        """Note that it was used."""
        self._entries.move_to_end(key)

    def put(self, key: ReadingKey, entry: Entry) -> bool:
        """Keep a reading, if there is room; False if there is one that was begun later."""
        before = self._entries.get(key)
        if before is not None and before.began > entry.began:
            return False
        self.remove(key)
        size = size_of(key, entry)
        if size > self._max_bytes:
            return True  # no room here; others may have some
        self._entries[key] = entry
        self.bytes_used += size
        for tag in entry.tags:
            self._by_tag.setdefault(tag, set()).add(key)
        while self.bytes_used > self._max_bytes:
            self.remove(next(iter(self._entries)))
            self.evicted += 1
        return True

    def remove(self, key: ReadingKey) -> None:
        """Keep it no longer."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self.bytes_used -= size_of(key, entry)
        for tag in entry.tags:
            keys = self._by_tag[tag]
            keys.discard(key)
            if not keys:
                del self._by_tag[tag]

    def about(self, tags: Collection[Tag]) -> set[ReadingKey]:
        """Find everything that is about any of these."""
        return {key for tag in tags for key in self._by_tag.get(tag, ())}
