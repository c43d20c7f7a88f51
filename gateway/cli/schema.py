"""`orderline schema`: the contract, printed, checked and compared."""

from difflib import unified_diff
from itertools import islice
from pathlib import Path
from typing import ClassVar, Final

import typer
from graphql import (
    GraphQLError,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    find_dangerous_changes,
)

from orderlines.errors import GatewayError
from resolvers.schema import print_schema

SHOWN_LINES: Final = 40


class UnreadableSchemaError(GatewayError):
    """A file that should hold a schema does not."""

    code: ClassVar[str] = "UNREADABLE_SCHEMA"


def print_current() -> None:
    """Print the schema of the code."""
    typer.echo(print_schema(), nl=False)


def check_copy(file: Path) -> int:
    """Compare a copy with the code; 0 if they are equal, else 1."""
    copy, current = _read(file), print_schema()
    if copy == current:
        return 0
    difference = unified_diff(
        copy.splitlines(), current.splitlines(), str(file), "the code", lineterm="", n=1
    )
    for line in islice(difference, SHOWN_LINES):
        typer.echo(line)
    typer.echo(f"{file} is not the schema of the code: orderline schema print > {file}", err=True)
    return 1


def list_changes(old: Path) -> int:
    """List breaking and dangerous changes since an older schema; 1 if any is breaking."""
    before, now = _build(old), build_schema(print_schema())
    breaking = find_breaking_changes(before, now)
    dangerous = find_dangerous_changes(before, now)
    for word, changes in (("breaking", breaking), ("dangerous", dangerous)):
        for change in changes:
            typer.echo(f"{word:<9}  {change.type.name:<32}  {change.description}")
    if not breaking and not dangerous:
        typer.echo("Nothing changed that could hurt a caller.")
    return 1 if breaking else 0


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{file} cannot be read as text."
        raise UnreadableSchemaError(msg, detail=str(error)) from error


def _build(file: Path) -> GraphQLSchema:
    try:
        return build_schema(_read(file))
    except (GraphQLError, TypeError) as error:
        msg = f"{file} is not a GraphQL schema."
        raise UnreadableSchemaError(msg, detail=str(error)) from error
