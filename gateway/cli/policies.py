"""`orderline schema policies`: every field, who may ask for it, what it costs, how old it may be.

What a field does not state it inherits from the field it is below, and is shown as a dot.
"""

from collections.abc import Iterator, Mapping

import typer

from orderlines.facets import Section
from policies.permissions import FieldPolicy, ListSize
from resolvers.batches import FieldPlan, field_plans
from resolvers.governance import field_policies
from resolvers.needs import sections_of
from resolvers.schema import build_schema

HEADS = ("field", "scopes", "cost", "list", "max age", "owner", "reads")
INHERITED = "."


def print_policies() -> None:
    """Print the table."""
    for line in policy_lines():
        typer.echo(line)


def policy_lines() -> Iterator[str]:
    """Write the table, a line for each field, by type and name."""
    schema = build_schema()._schema  # noqa: SLF001 - strawberry offers no public way to it
    policies, plans = field_policies(schema), field_plans(schema)
    rows = [_row(place, policies[place], plans) for place in sorted(policies)]
    widths = [max(map(len, column)) for column in zip(HEADS, *rows, strict=True)]
    for row in (HEADS, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _row(
    place: tuple[str, str], policy: FieldPolicy, plans: Mapping[tuple[str, str], FieldPlan]
) -> tuple[str, ...]:
    is_root = place[0] == "Query"
    sections = sections_of(plans[place].needs) - {Section.HEADER}
    return (
        ".".join(place),
        _scopes(policy) or ("(any)" if is_root else INHERITED),
        str(policy.weight),
        "" if policy.list_size is None else _size(policy.list_size),
        INHERITED if policy.max_age_s is None else f"{policy.max_age_s} s",
        policy.owner or INHERITED,
        ", ".join(one.name for one in Section if one in sections),
    )


def _scopes(policy: FieldPolicy) -> str:
    return " | ".join(" + ".join(sorted(every)) for every in policy.requires)


def _size(size: ListSize) -> str:
    told = "/".join(size.arguments)
    where = f" of {', '.join(size.sized)}" if size.sized else ""
    return f"{told}, else {size.assumed}{where}" if told else f"{size.assumed}{where}"
