"""`orderline demo`: the sandbox, the gateway in front of it, and how to ask.

The systems are real processes that speak HTTP; only the distributor is invented.
Keys and pepper are made anew at every start, and are gone with the process.
"""

import json
import os
import secrets
import shlex
import socket
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from backends.sandbox.csv_table import OrdersFileError
from backends.sandbox.orders_csv import LoadedOrders, load_orders
from backends.sandbox.processes import RunningSystem, launch
from backends.sandbox.scenarios import DEFAULT_LINES, DEFAULT_SEED, FIRST_ORDER
from backends.settings import BackendSettings
from backends.store.memory import MemoryKeyStore
from gateway.app import GRAPHQL_PATH, Keyring, create_app
from gateway.cli.server import listen, run, serve_until_told
from gateway.settings import GatewaySettings, Settings
from orderlines.visibility import Visibility
from policies.api_keys import Grant, mint

HOST: Final = "127.0.0.1"
PERSONAS: Final = ("portal", "partner", "dashboard", "operator")
WELCOME: Final = Path(__file__).with_name("welcome.graphql")
MAX_SHOWN_PROBLEMS: Final = 20


def run_demo(
    *, port: int, lines: int | None, orders: Path | None, seed: int | None, as_json: bool
) -> None:
    """Run until told to stop.

    Raises:
        AddressInUseError: The port is taken.
        OrdersFileError: The file of orders cannot be used.
        SandboxStartError: A system did not start.
    """
    with closing(listen(HOST, port)) as listener:
        loaded = None if orders is None else load_orders(orders)
        if loaded is not None:
            _tell_about_rows(loaded, Console(stderr=as_json))
        run(
            _demo(
                listener,
                seed=DEFAULT_SEED if seed is None else seed,
                lines=DEFAULT_LINES if lines is None else lines,
                orders=orders,
                first_order=FIRST_ORDER if loaded is None else next(iter(loaded.orders)),
                as_json=as_json,
            )
        )


async def _demo(  # noqa: PLR0913 - the command's own options, each by its name
    listener: socket.socket,
    *,
    seed: int,
    lines: int,
    orders: Path | None,
    first_order: str,
    as_json: bool,
) -> None:
    keyring, keys = await mint_keys()
    url = f"http://{HOST}:{listener.getsockname()[1]}{GRAPHQL_PATH}"
    async with launch(seed=seed, lines=lines, orders=orders) as systems:
        settings = Settings(
            # Somebody reads along: a line per request would bury what is printed.
            gateway=GatewaySettings(log_level="info" if as_json else "warning"),
            backends={
                name: msgspec.convert(
                    {"kind": f"sandbox-{name}", "url": system.url}, BackendSettings
                )
                for name, system in systems.items()
            },
        )

        def announce() -> None:
            if as_json:
                print(_as_line(url, keys, systems), flush=True)  # noqa: T201 - what the caller waits for
            else:
                _welcome(url, keys, systems, first_order)

        await serve_until_told(
            create_app(settings, keys=keyring),
            listener,
            deadline_s=settings.gateway.deadline_s,
            on_ready=announce,
        )


async def mint_keys() -> tuple[Keyring, Mapping[str, str]]:
    """Make one key per persona; in this stage each of them sees everything."""
    store, pepper = MemoryKeyStore(), secrets.token_bytes(32)
    keys = {}
    for persona in PERSONAS:
        grant = Grant(persona, scopes=frozenset(), visibility=Visibility.everything())
        minted = mint(grant, pepper, datetime.now(UTC))
        await store.put(minted.record.id, minted.record.encode())
        keys[persona] = minted.text
    return Keyring(store, pepper), keys


def _command() -> str:
    """How this program is called from where the reader stands: it may not be on the path."""
    called = Path(sys.argv[0])
    if called.name != "orderline" or not called.is_file():
        return "orderline"
    return shlex.quote(os.path.relpath(called))


def _as_line(url: str, keys: Mapping[str, str], systems: Mapping[str, RunningSystem]) -> str:
    backends = {name: {"url": one.url, "fault": one.fault} for name, one in systems.items()}
    return json.dumps({"url": url, "keys": dict(keys), "backends": backends})


def _welcome(
    url: str, keys: Mapping[str, str], systems: Mapping[str, RunningSystem], first_order: str
) -> None:
    """Print what a newcomer needs, in lines that can be copied whole."""
    query = WELCOME.read_text("utf-8")
    variables = json.dumps({"number": first_order})
    body = json.dumps({"query": "{ viewer { name } backends { name kind } }"})
    bearer = shlex.quote(f"Authorization: Bearer {keys['portal']}")
    width = max(map(len, PERSONAS))
    text = f"""
[bold]{url}[/bold]

Keys (in this stage each of them sees everything)
{_columns(keys, width)}

Systems behind it
{_columns({name: one.url for name, one in systems.items()}, width)}

Ask for an order, as a table:

ORDERLINE_URL={url} ORDERLINE_KEY={keys["portal"]} \\
{_command()} query - --table --variables {shlex.quote(variables)} <<'GRAPHQL'
{query.strip()}
GRAPHQL

Or with curl:

curl {url} -H {bearer} -H 'Content-Type: application/json' -d {shlex.quote(body)}

Let a system misbehave, and ask again:

curl -X PUT {systems["wms"].fault} -d '{{"mode": "fail"}}'

Ctrl-C stops all of it.
"""
    console = Console(highlight=False)
    head, _, rest = text.partition("[/bold]")
    console.print(head + "[/bold]", end="", soft_wrap=True)
    console.print(rest, markup=False, soft_wrap=True)


def _columns(rows: Mapping[str, str], width: int) -> str:
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows.items())


def _tell_about_rows(loaded: LoadedOrders, console: Console) -> None:
    """Say what was assumed, and name every row that was left out."""
    for note in loaded.notes:
        console.print(f"Assumed: {note}", markup=False, highlight=False)
    for problem in loaded.problems[:MAX_SHOWN_PROBLEMS]:
        column = f", column {problem.column}" if problem.column else ""
        console.print(
            f"Line {problem.line}{column}: {problem.reason}", markup=False, highlight=False
        )
    more = len(loaded.problems) - MAX_SHOWN_PROBLEMS
    if more > 0:
        console.print(f"… and {more} more rows were left out.", highlight=False)
    if not loaded.orders:
        msg = "No row of the file could be read as an order line."
        raise OrdersFileError(msg)
    console.print(f"Loaded {loaded.line_count} order lines.", highlight=False)
