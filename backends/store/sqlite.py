"""The embedded store: one file of SQLite, for one process that serves and commands beside it.

Every statement runs on one thread of the store's own, so that a disk that is slow never
holds up the loop. What is put is on disk before anybody is told so: write-ahead log,
synchronous FULL. Several processes may use one file; each write is a transaction.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar

from backends.store.migrations import StoreError, migrate

RETRY_S: Final = 0.01
BUSY_S: Final = 5.0
"""How long a write waits for that of another process."""
FILE_MODE: Final = 0o600

T = TypeVar("T")


class SqliteStore:
    """Bytes in a file; what they mean is known elsewhere. Made by `open_store`."""

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._thread = thread

    async def get(self, key_id: str) -> bytes | None:
        """Fetch the record of a key; None if there is none."""
        row = await self._run(
            lambda: self._connection.execute(
                "SELECT record FROM api_keys WHERE id = ?", (key_id,)
            ).fetchone()
        )
        return None if row is None else bytes(row[0])

    async def put(self, key_id: str, record: bytes) -> None:
        """Keep the record of a key, in place of an earlier one."""
        await self._write(
            "INSERT INTO api_keys VALUES"
            " (?, ?, (SELECT coalesce(max(changed), 0) + 1 FROM api_keys))"
            " ON CONFLICT (id) DO UPDATE SET record = excluded.record, changed = excluded.changed",
            (key_id, record),
        )

    async def add(self, key_id: str, record: bytes) -> bool:
        """Keep the record of a new key; False if there is one of this id."""
        return await self._write(
            "INSERT OR IGNORE INTO api_keys VALUES"
            " (?, ?, (SELECT coalesce(max(changed), 0) + 1 FROM api_keys))",
            (key_id, record),
        )

    async def replace(self, key_id: str, old: bytes, new: bytes) -> bool:
        """Keep another record of a key; False if it is not the old one any more."""
        return await self._write(
            "UPDATE api_keys SET record = ?,"
            " changed = (SELECT max(changed) + 1 FROM api_keys) WHERE id = ? AND record = ?",
            (new, key_id, old),
        )

    async def all(self) -> list[bytes]:
        """List every record, the one that was changed last at the end."""
        rows = await self._run(
            lambda: self._connection.execute(
                "SELECT record FROM api_keys ORDER BY changed"
            ).fetchall()
        )
        return [bytes(row[0]) for row in rows]

    async def append(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """Add entries to the audit log.

        Args:
            entries: Of each its instant, as text that sorts, and what it says.
        """

        def write() -> None:
            with self._transaction():
                self._connection.executemany("INSERT INTO audit (at, entry) VALUES (?, ?)", entries)

        await self._run(write)

    async def audited(self, most: int) -> list[bytes]:
        """List the last entries of the audit log, the newest first."""
        rows = await self._run(
            lambda: self._connection.execute(
                "SELECT entry FROM audit ORDER BY id DESC LIMIT ?", (most,)
            ).fetchall()
        )
        return [bytes(row[0]) for row in rows]

    async def _write(self, sql: str, values: tuple[object, ...]) -> bool:
        """Write one row; tells whether any was."""

        def write() -> bool:
            with self._transaction():
                return self._connection.execute(sql, values).rowcount > 0

        return await self._run(write)

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._connection)

    async def _run(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            msg = "The store of keys cannot be used just now."
            raise StoreError(msg, detail=f"{type(error).__name__}: {error}") from error


class _Transaction:
    """A write that takes its lock before it reads, so that two never see the same number."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        self._connection.execute("COMMIT" if kind is None else "ROLLBACK")


@asynccontextmanager
async def open_store(path: Path) -> AsyncIterator[SqliteStore]:
    """Open a store, and make it if there is none; only its owner can read a new one.

    Raises:
        StoreError: The file cannot be opened, is no store, or is of a later version.
    """
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
    loop = asyncio.get_running_loop()
    try:
        try:
            connection = await loop.run_in_executor(thread, _connect, path)
        except (OSError, sqlite3.Error) as error:
            msg = f"The store {path} cannot be opened: {error}."
            raise StoreError(msg) from error
        try:
            yield SqliteStore(connection, thread)
        finally:
            await loop.run_in_executor(thread, connection.close)
    finally:
        thread.shutdown()


def _connect(path: Path) -> sqlite3.Connection:
    # Made before SQLite would make it for everybody to read.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
    connection = sqlite3.connect(
        path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn the write-ahead log on; whoever else opens a new store does so at this moment.

    SQLite does not wait here as it does elsewhere, because two who wait for each other
    would wait for ever. It is only tried again.
    """
    until = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        else:
            return
        time.sleep(RETRY_S)
