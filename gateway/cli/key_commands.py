"""What can be said to `orderline keys`, and the help that explains it."""

from pathlib import Path
from typing import Annotated

import typer

# ruff: noqa: PLC0415 - as in the package: imports inside the commands keep the help quick

keys_app = typer.Typer(
    name="keys",
    help="API keys: make, list, rotate and withdraw them, beside a running gateway.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

_Config = Annotated[
    Path, typer.Option(help="The configuration.", metavar="FILE", envvar="ORDERLINE_CONFIG")
]
_CONFIG = Path("orderline.toml")


@keys_app.command("create")
def keys_create(  # noqa: PLR0913 - the options of the command
    name: Annotated[str, typer.Argument(help="For people: whose it is.")],
    *,
    scope: Annotated[
        list[str], typer.Option(help="What it may ask, as often as needed.", metavar="SCOPE")
    ] = [],  # noqa: B006 - typer's way to say none
    customer: Annotated[
        list[str], typer.Option(help="Sold-to number it may see.", metavar="NUMBER")
    ] = [],  # noqa: B006 - as above
    channel: Annotated[
        list[str], typer.Option(help="Channel it may see, such as EDI.", metavar="NAME")
    ] = [],  # noqa: B006 - as above
    warehouse: Annotated[
        list[str], typer.Option(help="Plant or warehouse it may see.", metavar="NAME")
    ] = [],  # noqa: B006 - as above
    all_customers: Annotated[bool, typer.Option("--all-customers")] = False,
    all_channels: Annotated[bool, typer.Option("--all-channels")] = False,
    all_warehouses: Annotated[bool, typer.Option("--all-warehouses")] = False,
    expires: Annotated[
        str | None, typer.Option(help="When it ends: `90d`, `24h` or a date.", metavar="WHEN")
    ] = None,
    config: _Config = _CONFIG,
) -> None:
    """Make a key and print it, this once.

    Nothing is granted by silence: which customers, channels and warehouses the key may
    see is said, if only as `--all-customers`. The scopes that fields ask for are shown
    by `orderline schema policies`.

    **Example:** `orderline keys create portal --scope lines:read --scope promises:read
    --customer C-100 --all-channels --all-warehouses --expires 90d`
    """
    from gateway.cli.keys import Rows, create_key

    rows = Rows(customer, channel, warehouse, all_customers, all_channels, all_warehouses)
    create_key(config, name, scopes=scope, rows=rows, expires=expires)


@keys_app.command("list")
def keys_list(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON per key.")] = False,
    config: _Config = _CONFIG,
) -> None:
    """List all keys: what they may, what they see, when they end. Never a secret.

    **Example:** `orderline keys list --json | jq -r .id`
    """
    from gateway.cli.keys import list_keys

    list_keys(config, as_json=as_json)


@keys_app.command("rotate")
def keys_rotate(
    key_id: Annotated[str, typer.Argument(help="As `keys list` shows it.", metavar="ID")],
    *,
    overlap: Annotated[
        str, typer.Option(help="How long both are good, at most `7d`.", metavar="SPAN")
    ] = "24h",
    config: _Config = _CONFIG,
) -> None:
    """Make a key that takes over from another, and print it, this once.

    **Example:** `orderline keys rotate ab12CD34ef --overlap 7d`
    """
    from gateway.cli.keys import rotate_key

    rotate_key(config, key_id, overlap=overlap)


@keys_app.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(help="As `keys list` shows it.", metavar="ID")],
    *,
    config: _Config = _CONFIG,
) -> None:
    """Withdraw a key: every running gateway refuses it within 5 seconds.

    **Example:** `orderline keys revoke ab12CD34ef`
    """
    from gateway.cli.keys import revoke_key

    revoke_key(config, key_id)
