"""Key records in memory: for the demo and for tests. Gone when the process is."""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

MAX_AUDIT: Final = 10_000
"""Entries that are kept; older ones go."""


class MemoryKeyStore:
    """Bytes by id, in the order of their changes.

    Attributes:
        changes: How many there were.
    """

    def __init__(self) -> None:
        self.changes = 0
        self._records: dict[str, bytes] = {}
        self._audit: deque[tuple[str, bytes]] = deque(maxlen=MAX_AUDIT)

    async def get(self, key_id: str) -> bytes | None:
        """Fetch the record of a key; None if there is none."""
        return self._records.get(key_id)

    async def put(self, key_id: str, record: bytes) -> None:
        """Keep the record of a key, in place of an earlier one."""
        self.changes += 1
        self._records.pop(key_id, None)
        self._records[key_id] = record

    async def add(self, key_id: str, record: bytes) -> bool:
        """Keep the record of a new key; False if there is one of this id."""
        if key_id in self._records:
            return False
        self.changes += 1
        self._records[key_id] = record
        return True

    async def replace(self, key_id: str, old: bytes, new: bytes) -> bool:
        """Keep another record of a key; False if it is not the old one any more."""
        if self._records.get(key_id) != old:
            return False
        await self.put(key_id, new)
        return True

    async def all(self) -> list[bytes]:
        """List every record, the one that was changed last at the end."""
        return list(self._records.values())

    async def append(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """Add entries to the audit log."""
        self._audit.extend(entries)

    async def audited(self, most: int) -> list[bytes]:
        """List the last entries of the audit log, the newest first."""
        return [entry for _, entry in islice(reversed(self._audit), most)]
