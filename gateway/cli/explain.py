"""`orderline explain`: what a question would do, without asking anybody.

The plan is the one that the gateway would run, made by the same executor. Which
systems it asks follows from what its fields need, and how often from the systems'
own tables.
"""

import asyncio
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import typer
from graphql import GraphQLError, GraphQLSchema
from graphql.execution.values import VariableValues, get_variable_values

from backends.registry import BackendInfo, open_systems
from backends.settings import BackendSettings, Kind
from gateway.cli.query import REFUSED, WHOLE, read_document, read_variables
from gateway.execution import Executor, Prepared
from gateway.execution.compile import Compiled
from gateway.execution.outline import outline
from gateway.graphql.documents import Documents, Operation, RefusedDocument
from gateway.graphql.guard import Guard
from gateway.settings import Settings, load_settings
from orderlines.errors import GatewayError
from orderlines.facets import EVERYTHING, Fact, Facts, Section
from orderlines.visibility import Visibility
from policies.principal import Credential, Principal
from policies.settings import LimitSettings
from resolvers.batches import field_plans
from resolvers.forecast import keys_of, reads_of
from resolvers.governance import field_policies
from resolvers.readers import READERS
from resolvers.scalars import PLAIN_TEXTS, WRITERS
from resolvers.schema import build_schema

# The systems of the demo; nothing is called, so the addresses are never used.
DEMO: Final[Mapping[str, BackendSettings]] = {
    name: BackendSettings(kind=kind, url="http://127.0.0.1:1")
    for name, kind in (
        ("erp", Kind.SANDBOX_ERP),
        ("oms", Kind.SANDBOX_OMS),
        ("wms", Kind.SANDBOX_WMS),
    )
}


def run_explain(  # noqa: PLR0913 - the options of the command
    file: str,
    *,
    variables: str | None,
    operation_name: str | None,
    config: Path | None,
    with_source: bool,
    scopes: Sequence[str] = (),
) -> int:
    """Print plan, cost, calls and hidden fields; 0, or 1 where it would be refused.

    Args:
        file: Of the document; - for standard input.
        variables: As JSON.
        operation_name: Which operation.
        config: Whose systems and limits.
        with_source: Whether the generated functions are printed instead.
        scopes: What the caller may ask; everything if none is said.
    """
    schema = build_schema()._schema  # noqa: SLF001 - strawberry offers no public way to it
    document = Documents(schema).get(read_document(file))
    found = (
        document if isinstance(document, RefusedDocument) else document.operation(operation_name)
    )
    if isinstance(document, RefusedDocument) or isinstance(found, RefusedDocument):
        refused = document if isinstance(document, RefusedDocument) else found
        return _refuse(refused.errors if isinstance(refused, RefusedDocument) else ())
    given = get_variable_values(
        schema,
        found.node.variable_definitions or (),
        read_variables(variables),
        hide_suggestions=True,
    )
    if isinstance(given, list):
        return _refuse(given)
    settings = None if config is None else load_settings(config, os.environ)
    infos = asyncio.run(_infos(DEMO if settings is None else settings.backends))
    fields, guard = field_plans(schema), _guard(schema, settings, infos)
    caller = _caller(frozenset(scopes) or guard.permissions.scopes)
    executor = Executor(
        schema,
        fields,
        leaves=WRITERS,
        plain_texts=PLAIN_TEXTS,
        readers=READERS,
        note=guard.terms,
    )
    started = time.perf_counter()
    try:
        compiled = executor.compiled(document.ast, found.node, given, mask=guard.mask(caller))
        bill = guard.check(caller, Prepared(compiled, given))
    except GraphQLError as error:
        return _refuse([error])
    except GatewayError as error:
        return _refuse([GraphQLError(error.message)])
    took_ms = (time.perf_counter() - started) * 1_000
    if with_source:
        typer.echo(compiled.source)
        return WHOLE
    typer.echo(f"{_title(found)}: {compiled.plan.fields} fields, compiled in {took_ms:.1f} ms\n")
    rows = [
        ("  " * row.depth + row.key, row.way, _facts(row.needs), row.returns)
        for row in outline(compiled.plan, fields)
    ]
    _print_table(("field", "found by", "reads", "type"), rows)
    typer.echo()
    typer.echo(f"Costs at most {bill.cost} points.")
    for one in compiled.plan.refused:
        place = (one.parent.name, one.name)
        missing = ", ".join(sorted(guard.permissions.missing(place, caller.scopes)))
        typer.echo(f"Hidden: {'.'.join(place)}, which needs {missing}.")
    typer.echo()
    calls = list(_calls(compiled, given, infos))
    if calls:
        _print_table(("for", "asked", "reads", "keys", "a call takes", "calls"), calls)
    else:
        typer.echo("No system is asked.")
    return WHOLE


def _calls(
    compiled: Compiled, given: VariableValues, infos: Sequence[BackendInfo]
) -> Iterator[tuple[str, ...]]:
    """Tell how often each system is asked for each root field, answers in one page each."""
    for one in compiled.plan.root.fields:
        keys = keys_of(one.arguments(given).values()) if one.slot >= 0 else 1
        for read in reads_of(one, infos):
            calls = read.capabilities.calls_for(keys)
            most = str(read.capabilities.max_batch)
            yield one.key, read.system, _words(read.sections), str(keys), most, str(calls)


def _guard(schema: GraphQLSchema, settings: Settings | None, infos: Sequence[BackendInfo]) -> Guard:
    limits = LimitSettings() if settings is None else settings.limits
    return Guard(field_policies(schema), limits, reads_of=partial(reads_of, systems=infos))


def _caller(scopes: frozenset[str]) -> Principal:
    everything = Visibility.everything()
    return Principal("key:explain", "explain", Credential.API_KEY, scopes, everything, None)


async def _infos(backends: Mapping[str, BackendSettings]) -> Sequence[BackendInfo]:
    async with open_systems(backends) as systems:
        return systems.backends


def _title(operation: Operation) -> str:
    return f"{operation.kind.capitalize()} {operation.name or 'without a name'}"


def _facts(needs: Facts) -> str:
    return ", ".join(one.name for one in Fact if one in needs) if needs != EVERYTHING else "ALL"


def _words(sections: frozenset[Section]) -> str:
    return ", ".join(one.name for one in Section if one in sections)


def _print_table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def _refuse(errors: Sequence[GraphQLError]) -> int:
    for error in errors:
        place = error.locations[0] if error.locations else None
        where = f"line {place.line}, column {place.column}: " if place else ""
        typer.echo(f"{where}{error.message}", err=True)
    return REFUSED
