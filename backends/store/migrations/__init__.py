"""The tables of the store, one numbered file for each change of them.

A file is run once, in the order of the numbers, each in a transaction of its own that
nobody else can be in. A store that knows later changes than this program is refused:
what it holds may mean something else by then.
"""

import re
import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from typing import ClassVar, Final, NamedTuple

from orderlines.errors import GatewayError

_NAME: Final = re.compile(r"(\d{4})_(\w+)\.sql")


class StoreError(GatewayError):
    """The store cannot be used as it is."""

    code: ClassVar[str] = "STORE"


class Migration(NamedTuple):
    """One change of the tables."""

    number: int
    name: str
    sql: str


def migrations() -> tuple[Migration, ...]:
    """List the changes this program knows."""
    return tuple(sorted(_read()))


def migrate(connection: sqlite3.Connection) -> int:
    """Bring the tables of a store up to date; gives the number of its last change.

    Args:
        connection: In autocommit mode.

    Raises:
        StoreError: A later program has changed the store.
    """
    known = migrations()
    connection.execute("BEGIN EXCLUSIVE")
    try:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations ("
            " number INTEGER PRIMARY KEY, name TEXT NOT NULL, at TEXT NOT NULL)"
        )
        (done,) = connection.execute("SELECT max(number) FROM schema_migrations").fetchone()
        if done is not None and done > known[-1].number:
            msg = "The store was changed by a later version of this program; use that one."
            detail = f"store at {done}, program at {known[-1].number}"
            raise StoreError(msg, detail=detail)  # noqa: TRY301 - it ends the transaction
        for one in known[done or 0 :]:
            for statement in _statements(one.sql):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO schema_migrations VALUES"
                " (?, ?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))",
                (one.number, one.name),
            )
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return known[-1].number


def _read() -> Iterator[Migration]:
    for file in files(__name__).iterdir():
        found = _NAME.fullmatch(file.name)
        if found is not None:
            yield Migration(int(found[1]), found[2], file.read_text("utf-8"))


def _statements(sql: str) -> Iterator[str]:
    """Cut a script into statements; `executescript` would end the transaction."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
