"""Start one system of the sandbox: `python -m backends.sandbox erp --port 0`."""

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from starlette.applications import Starlette

from backends.sandbox.orders_csv import load_orders
from backends.sandbox.scenarios import DEFAULT_LINES, DEFAULT_SEED, build_world
from backends.sandbox.server import listen, print_ready, serve
from backends.sandbox.world import World
from orderlines.errors import GatewayError

SYSTEMS = ("erp", "oms", "wms")
MAX_PROBLEMS_SHOWN = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop: 0; or 2 and a sentence if it cannot start."""
    options = _parser().parse_args(arguments)
    try:
        with listen(options.host, options.port) as listener:
            # The world is built once and lives as long as the process: nothing to collect.
            gc.disable()
            app = create(options.system, _world(options))
            gc.freeze()
            gc.enable()
            serve(
                options.system,
                app,
                listener,
                announce=print_ready,
                stops_with_stdin=options.until_stdin_closes,
            )
    except GatewayError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2
    return 0


def create(system: str, world: World) -> Starlette:
    """Make a system of a world; only its own dialect is imported."""
    if system == "erp":
        from backends.sandbox.erp import create_erp  # noqa: PLC0415 - see the docstring

        return create_erp(world)
    if system == "oms":
        from backends.sandbox.oms import create_oms  # noqa: PLC0415 - see the docstring

        return create_oms(world)
    from backends.sandbox.wms import create_wms  # noqa: PLC0415 - see the docstring

    return create_wms(world)


def _world(options: argparse.Namespace) -> World:
    if options.orders is None:
        return build_world(options.seed, options.lines)
    loaded = load_orders(options.orders)
    for problem in loaded.problems[:MAX_PROBLEMS_SHOWN]:
        sys.stderr.write(f"line {problem.line}, {problem.column or 'row'}: {problem.reason}\n")
    if len(loaded.problems) > MAX_PROBLEMS_SHOWN:
        sys.stderr.write(f"{len(loaded.problems)} rows were left out in all\n")
    return loaded.world


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backends.sandbox",
        description="One system of a simulated distributor. It prints one JSON line when ready.",
    )
    parser.add_argument("system", choices=SYSTEMS)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--lines", type=int, default=DEFAULT_LINES, help="order lines in all")
    parser.add_argument("--orders", type=Path, metavar="FILE.csv", help="instead of simulated ones")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="stop at the end of standard input"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
