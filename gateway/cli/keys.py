"""`orderline keys`: API keys, in the store that a running gateway reads.

A key is printed once, alone on standard output, so that it can be piped to where it
belongs; everything that is said about it goes to standard error.
"""

import json
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.table import Table

from backends.store.sqlite import SqliteStore, open_store
from gateway.cli.server import run
from gateway.settings import SettingsError, load_settings
from orderlines.stated import Channel
from orderlines.visibility import ALL, Restriction, Visibility
from policies.api_keys import Grant, KeyRecord, MintedKey, mint
from policies.key_changes import KeyChangeError, revoke, rotate, state_of

_SCOPE: Final = re.compile(r"[a-z][a-z0-9:._-]{0,63}")
_SPAN: Final = re.compile(r"(\d{1,5})([hd])")
_MAX_NAME_CHARS: Final = 100


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows a key is to see, as the command line says it; None where it does not."""

    customers: Sequence[str]
    channels: Sequence[str]
    warehouses: Sequence[str]
    every_customer: bool
    every_channel: bool
    every_warehouse: bool


def create_key(
    config: Path, name: str, *, scopes: Sequence[str], rows: Rows, expires: str | None
) -> None:
    """Make a key and print it.

    Raises:
        SettingsError: The configuration has no pepper, or is wrong.
        KeyChangeError: What is asked for cannot be granted as it was said.
        StoreError: The store cannot be used.
    """
    now = datetime.now(UTC)
    if not name or len(name) > _MAX_NAME_CHARS or not name.isprintable():
        msg = f"The name of a key is 1 to {_MAX_NAME_CHARS} printable characters."
        raise KeyChangeError(msg)
    for scope in scopes:
        if not _SCOPE.fullmatch(scope):
            msg = f"`{scope}` is no scope; one is like `lines:read`."
            raise KeyChangeError(msg)
    grant = Grant(name, frozenset(scopes), _visibility(rows), _end(expires, now))

    async def work() -> MintedKey:
        async with _store(config) as (store, pepper):
            while True:
                minted = mint(grant, pepper, now)
                if await store.add(minted.record.id, minted.record.encode()):
                    await _note(store, "created", minted.record.id, now)
                    return minted

    minted = run(work())
    _say(f"Made the key {minted.record.id} ({name}). It is shown this once:")
    typer.echo(minted.text)


def list_keys(config: Path, *, as_json: bool) -> None:
    """List every key, never its secret.

    Raises:
        SettingsError: The configuration has no pepper, or is wrong.
        StoreError: The store cannot be used.
    """
    now = datetime.now(UTC)

    async def work() -> list[bytes]:
        async with _store(config) as (store, _):
            return await store.all()

    stored = run(work())
    records = [found for one in stored if (found := KeyRecord.decode(one)) is not None]
    if as_json:
        for one in records:
            typer.echo(json.dumps(_shown(one, now)))
    elif records:
        Console(width=None if sys.stdout.isatty() else 200).print(_table(records, now))
    else:
        _say("There are no keys. Make one: orderline keys create NAME --scope lines:read …")
    if len(records) < len(stored):
        _say(f"{len(stored) - len(records)} records cannot be read, and authenticate nobody.")


def rotate_key(config: Path, key_id: str, *, overlap: str) -> None:
    """Make a key that takes over from another, and print it.

    Raises:
        SettingsError: The configuration has no pepper, or is wrong.
        KeyChangeError: There is no such key, or it cannot be rotated.
        StoreError: The store cannot be used.
    """
    now, both = datetime.now(UTC), _span(overlap)

    async def work() -> tuple[MintedKey, KeyRecord]:
        async with _store(config) as (store, pepper):
            while True:
                stored, record = await _found(store, key_id)
                minted, ending = rotate(record, pepper, now, both)
                if not await store.add(minted.record.id, minted.record.encode()):
                    continue
                if await store.replace(record.id, stored, ending.encode()):
                    await _note(store, "rotated", record.id, now, to=minted.record.id)
                    return minted, ending
                # Somebody changed the old key meanwhile; the new one must not stay.
                gone = revoke(minted.record, now)
                await store.put(minted.record.id, gone.encode())

    minted, ending = run(work())
    _say(f"The key {ending.id} ends at {_instant(ending.expires_at)}. Its successor, shown once:")
    typer.echo(minted.text)


def revoke_key(config: Path, key_id: str) -> None:
    """Withdraw a key.

    Raises:
        SettingsError: The configuration has no pepper, or is wrong.
        KeyChangeError: There is no such key, or it was withdrawn before.
        StoreError: The store cannot be used.
    """
    now = datetime.now(UTC)

    async def work() -> str:
        async with _store(config) as (store, _):
            while True:
                stored, record = await _found(store, key_id)
                if await store.replace(record.id, stored, revoke(record, now).encode()):
                    await _note(store, "revoked", record.id, now)
                    return record.id

    _say(f"The key {run(work())} is withdrawn; every gateway refuses it within 5 seconds.")


@asynccontextmanager
async def _store(config: Path) -> AsyncIterator[tuple[SqliteStore, bytes]]:
    settings = load_settings(config, os.environ)
    if settings.auth.pepper is None:
        msg = (
            f"The configuration {config} has no `$.auth.pepper`, without which no key is good. "
            "Make one with `openssl rand -hex 32`, and name it: "
            '[auth] pepper = "${ORDERLINE_PEPPER}".'
        )
        raise SettingsError(msg)
    async with open_store(Path(settings.store.path)) as store:
        yield store, settings.auth.pepper.encode()


async def _found(store: SqliteStore, key_id: str) -> tuple[bytes, KeyRecord]:
    name = key_id.removeprefix("key:")
    stored = await store.get(name)
    record = None if stored is None else KeyRecord.decode(stored)
    if stored is None or record is None:
        msg = f"There is no key {name!r}; `orderline keys list` shows all."
        raise KeyChangeError(msg)
    return stored, record


async def _note(store: SqliteStore, what: str, key_id: str, now: datetime, **more: str) -> None:
    at = now.isoformat(timespec="milliseconds")
    entry = {"at": at, "by": "cli", "event": f"key_{what}", "key": f"key:{key_id}", **more}
    await store.append([(at, json.dumps(entry).encode())])


def _visibility(rows: Rows) -> Visibility:
    for channel in rows.channels:
        if channel not in Channel.__members__:
            msg = f"`{channel}` is no channel; there are {', '.join(Channel.__members__)}."
            raise KeyChangeError(msg)
    return Visibility(
        customers=_restriction("customer", rows.customers, every=rows.every_customer),
        channels=_restriction("channel", rows.channels, every=rows.every_channel),
        warehouses=_restriction("warehouse", rows.warehouses, every=rows.every_warehouse),
    )


def _restriction(what: str, some: Sequence[str], *, every: bool) -> Restriction:
    if every and some:
        msg = f"Say either --{what} or --all-{what}s."
        raise KeyChangeError(msg)
    if not (every or some):
        msg = (
            f"Say which {what}s the key may see: --{what} NAME, as often as needed, "
            f"or --all-{what}s. Without one it would see no line."
        )
        raise KeyChangeError(msg)
    return ALL if every else frozenset(some)


def _end(text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        end = datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        end = now + _span(text)
    if end <= now:
        msg = "A key ends in the future."
        raise KeyChangeError(msg)
    return end


def _span(text: str) -> timedelta:
    found = _SPAN.fullmatch(text)
    if found is None:
        msg = f"`{text}` is no span of time; one is like `24h` or `90d`."
        raise KeyChangeError(msg)
    number = int(found[1])
    return timedelta(hours=number) if found[2] == "h" else timedelta(days=number)


def _shown(record: KeyRecord, now: datetime) -> dict[str, object]:
    return {
        "id": record.id,
        "name": record.name,
        "state": state_of(record, now).value,
        "scopes": record.scopes,
        "customers": record.customers,
        "channels": record.channels,
        "warehouses": record.warehouses,
        "createdAt": _instant(record.created_at),
        "expiresAt": _instant(record.expires_at),
        "revokedAt": _instant(record.revoked_at),
        "rotatedFrom": record.rotated_from,
    }


def _table(records: Sequence[KeyRecord], now: datetime) -> Table:
    table = Table("id", "name", "state", "scopes", "rows", "made", "ends", box=None)
    for one in records:
        rows = [
            f"{what}: {', '.join(some)}"
            for what, some in (
                ("customers", one.customers),
                ("channels", one.channels),
                ("warehouses", one.warehouses),
            )
            if not isinstance(some, str)
        ]
        table.add_row(
            one.id,
            one.name,
            state_of(one, now).value,
            " ".join(one.scopes),
            "; ".join(rows) or "all",
            f"{one.created_at:%Y-%m-%d}",
            f"{one.expires_at:%Y-%m-%d %H:%M}" if one.expires_at else "",
        )
    return table


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _say(text: str) -> None:
    typer.echo(text, err=True)
