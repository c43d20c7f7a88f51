"""The command `orderline`: what can be said to it, and the help that explains it.

Each command has a file of its own, which is imported when the command runs: help
and completion must not wait for a server they will not start.
"""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.key_commands import keys_app
from orderlines.errors import GatewayError

# ruff: noqa: PLC0415 - the imports inside the commands are what keeps the help quick

DEFAULT_URL = "http://127.0.0.1:8000/graphql"

app = typer.Typer(
    name="orderline",
    help="One GraphQL endpoint for what was requested, promised, allocated and shipped.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    # A traceback with the values of local variables would print keys.
    pretty_exceptions_enable=False,
    add_completion=False,
)
schema_app = typer.Typer(
    name="schema",
    help="The contract: print it, check the committed copy, compare with an older one.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
app.add_typer(schema_app)
app.add_typer(keys_app)


def main() -> None:
    """Run the command line; what goes wrong on purpose is one sentence and exit code 1."""
    try:
        app()
    except GatewayError as error:
        print(f"orderline: {error.message}", file=sys.stderr)  # noqa: T201 - this is a command
        sys.exit(1)


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        typer.echo(f"orderline {version('orderline-gateway')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and stop."
        ),
    ] = False,
) -> None:
    """Hold the options of the command itself."""


@app.command("demo")
def demo_command(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")
    ] = 8000,
    lines: Annotated[
        int | None, typer.Option(min=1, help="How many order lines to simulate.", metavar="N")
    ] = None,
    orders: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            readable=True,
            metavar="FILE.csv",
            help="Order lines of your own instead of simulated ones.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Another simulated world.", metavar="N")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON when ready, and nothing else.")
    ] = False,
) -> None:
    """Try it: a simulated distributor and the gateway in front of it.

    Starts three real HTTP systems that each know a part of every order line (an
    ERP what was requested, an OMS what was promised, a WMS what was allocated and
    shipped), and the gateway that puts the parts together. Prints the address, a
    key per persona, and a query to paste. Ctrl-C stops all of it.

    With `--orders` the lines come from a CSV file: it needs an order number, an item
    and a quantity per row, and may say more. Rows that cannot be read are named by
    line and left out; what a file does not say is not invented.

    **Example:** `orderline demo --port 8001 --orders lines.csv`
    """
    from gateway.cli.demo import run_demo

    run_demo(port=port, lines=lines, orders=orders, seed=seed, as_json=as_json)


@app.command("serve")
def serve_command(
    *,
    config: Annotated[
        Path, typer.Option(help="The configuration.", metavar="FILE", envvar="ORDERLINE_CONFIG")
    ] = Path("orderline.toml"),
) -> None:
    """Run the gateway in front of real systems.

    Reads the configuration, opens the systems it names and serves until it is told
    to stop; questions that are being answered then are answered first. A mistake in
    the configuration is named by its place, and nothing is started.

    **Example:** `orderline serve --config /etc/orderline.toml`
    """
    from gateway.cli.serve import run_serve

    run_serve(config)


@app.command("query")
def query_command(
    file: Annotated[str, typer.Argument(help="The GraphQL document; - reads standard input.")],
    *,
    variables: Annotated[
        str | None, typer.Option(help="Values for its variables, as JSON.", metavar="JSON")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            envvar="ORDERLINE_KEY",
            metavar="KEY",
            help="The API key. Better in the environment, where no list of processes shows it.",
        ),
    ] = None,
    url: Annotated[
        str, typer.Option(envvar="ORDERLINE_URL", metavar="URL", help="The GraphQL endpoint.")
    ] = DEFAULT_URL,
    table: Annotated[
        bool, typer.Option("--table", help="Print the order lines of the answer as a table.")
    ] = False,
) -> None:
    """Ask a running gateway.

    Prints the answer as JSON, or with `--table` every order line found anywhere in
    it, one row each, with a note per error.

    Ends with 0 if the answer is whole, 3 if it is partial, 1 if there is none, and 2
    if the command itself was not understood.

    **Example:** `orderline query lines.graphql --variables '{"number": "SO-1001"}' --table`
    """
    from gateway.cli.query import run_query

    raise typer.Exit(run_query(file, variables=variables, key=key, url=url, as_table=table))


@app.command("explain")
def explain_command(  # noqa: PLR0913 - the options of the command
    file: Annotated[str, typer.Argument(help="The GraphQL document; - reads standard input.")],
    *,
    variables: Annotated[
        str | None, typer.Option(help="Values for its variables, as JSON.", metavar="JSON")
    ] = None,
    operation: Annotated[
        str | None, typer.Option(help="Which operation, if there are several.", metavar="NAME")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help="Whose systems would be asked; without it, those of the demo.",
        ),
    ] = None,
    source: Annotated[
        bool, typer.Option("--source", help="Print the Python that the question becomes.")
    ] = False,
    scope: Annotated[
        list[str],
        typer.Option(help="What the caller may ask; everything without it.", metavar="SCOPE"),
    ] = [],  # noqa: B006 - typer's way to say none
) -> None:
    """Show what a question would do and cost. Nobody is asked.

    Prints the plan field by field: how its values are found, and what has to be read
    for it besides the order's header; what it costs at most, which fields these scopes
    hide, and how often each system would be asked. With `--source` it prints the
    generated functions instead.

    Ends with 0, with 1 if the question would be refused, and 2 if the command itself
    was not understood.

    **Example:** `orderline explain lines.graphql --variables '{"number": "SO-1001"}'`
    """
    from gateway.cli.explain import run_explain

    raise typer.Exit(
        run_explain(
            file,
            variables=variables,
            operation_name=operation,
            config=config,
            with_source=source,
            scopes=scope,
        )
    )


@schema_app.command("print")
def schema_print() -> None:
    """Print the schema in GraphQL's own language.

    **Example:** `orderline schema print > schema.graphql`
    """
    from gateway.cli.schema import print_current

    print_current()


@schema_app.command("policies")
def schema_policies() -> None:
    """Print what is decided about every field.

    A row a field: the scopes it asks for, what it costs and how long its list is taken
    to be, how old a kept answer may be, whose it is, and which systems it reads besides
    the order's header. A dot is inherited from the field above.

    **Example:** `orderline schema policies | grep OrderLine`
    """
    from gateway.cli.policies import print_policies

    print_policies()


@schema_app.command("check")
def schema_check(
    file: Annotated[Path, typer.Argument(help="The committed copy.", metavar="FILE")] = Path(
        "schema.graphql"
    ),
) -> None:
    """Check that the committed schema is the schema of the code.

    Ends with 1 and the first lines that differ if it is not.

    **Example:** `orderline schema check`
    """
    from gateway.cli.schema import check_copy

    raise typer.Exit(check_copy(file))


@schema_app.command("diff")
def schema_diff(
    old: Annotated[Path, typer.Argument(help="An older schema.", metavar="OLD")],
) -> None:
    """List what changed since an older schema that could hurt its callers.

    *Breaking* changes make documents fail that were valid; *dangerous* ones may
    surprise a caller who relied on a default. Ends with 1 if one is breaking.

    **Example:** `git show v1:schema.graphql > old.graphql && orderline schema diff old.graphql`
    """
    from gateway.cli.schema import list_changes

    raise typer.Exit(list_changes(old))
