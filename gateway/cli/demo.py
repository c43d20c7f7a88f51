"""`orderline demo`: the sandbox, the gateway in front of it, and how to ask.

The systems are real processes that speak HTTP; only the distributor is invented.
Keys and pepper are made anew at every start, and are gone with the process.
"""

import json
import os
import shlex
import socket
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from backends.sandbox.csv_table import OrdersFileError
from backends.sandbox.orders_csv import LoadedOrders, load_orders
from backends.sandbox.processes import RunningSystem, launch
from backends.sandbox.scenarios import CUSTOMERS, DEFAULT_LINES, DEFAULT_SEED, FIRST_ORDER
from backends.settings import BackendSettings
from gateway.app import GRAPHQL_PATH, create_app
from gateway.cli.personas import mint_keys, personas
from gateway.cli.server import listen, run, serve_until_told
from gateway.settings import GatewaySettings, Settings

HOST: Final = "127.0.0.1"
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
                customer=_customer(loaded),
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
    customer: str | None,
    as_json: bool,
) -> None:
    keyring, keys = await mint_keys(customer)
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
                _welcome(url, keys, systems, first_order, customer)

        application = create_app(settings, keys=keyring)
        await serve_until_told(
            application,
            listener,
            deadline_s=settings.gateway.deadline_s,
            on_ready=announce,
            on_stop=application.drain,
        )


def _customer(loaded: LoadedOrders | None) -> str | None:
    """Say whose portal it is: of the customer of the first order, if there is one."""
    if loaded is None:
        return CUSTOMERS[0].number
    return next(iter(loaded.orders.values())).customer or None


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
    url: str,
    keys: Mapping[str, str],
    systems: Mapping[str, RunningSystem],
    first_order: str,
    customer: str | None,
) -> None:
    """Print what a newcomer needs, in lines that can be copied whole."""
    query = WELCOME.read_text("utf-8")
    variables = json.dumps({"number": first_order})
    body = json.dumps({"query": "{ viewer { name scopes } }"})
    bearer = shlex.quote(f"Authorization: Bearer {keys['portal']}")
    width = max(map(len, keys))
    sees = {name: persona.says for name, persona in personas(customer).items()}
    text = f"""
[bold]{url}[/bold]

Keys
{_columns(keys, width)}

Who sees what
{_columns(sees, width)}

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
