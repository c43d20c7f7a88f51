"""Key records in memory: for the demo and for tests. Gone when the process is."""


class MemoryKeyStore:
    """Bytes by id."""

    def __init__(self) -> None:
        self._records: dict[str, bytes] = {}

    async def get(self, key: str) -> bytes | None:
        """Fetch the record of an id; None if there is none."""
        return self._records.get(key)

    async def put(self, key: str, record: bytes) -> None:
        """Keep the record of an id, in place of an earlier one."""
        self._records[key] = record
