"""Key records in memory: for the demo and for tests. Gone when the process is."""


class MemoryKeyStore:
    """Bytes by id."""

    def __init__(self) -> None:
        self._records: dict[str, bytes] = {}

    async def get(self, key_id: str) -> bytes | None:
        """Fetch the record of a key; None if there is none."""
        return self._records.get(key_id)

    async def put(self, key_id: str, record: bytes) -> None:
        """Keep the record of a key, in place of an earlier one."""
        self._records[key_id] = record
