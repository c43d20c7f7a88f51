"""The contract: every field described, nullable where it must be, and printed as committed."""

import re
from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)

from orderlines.discrepancy import Discrepancy
from orderlines.facets import HeaderFacet, Section
from orderlines.fulfilment_sections import AllocatedSection, ShippedSection
from orderlines.invariants import InvariantCheck
from orderlines.order_line import (
    Allocation,
    Cancellation,
    Lineage,
    Promise,
    PromiseSlice,
    Shipment,
    Substitution,
)
from orderlines.promised_section import PromisedSection
from orderlines.quantity import Quantity, Ratio
from orderlines.reconcile import Reconciliation
from orderlines.sections import CancelledSection, RequestedSection
from orderlines.stitched_line import StitchedLine
from resolvers.batches import field_plans
from resolvers.needs import sections_of
from resolvers.schema import build_schema, print_schema

COMMITTED = Path(__file__).parents[2] / "schema.graphql"

# What is a member of a value, or decides identity, and so is there whenever its parent is.
LEDGER_TYPES: dict[str, type] = {
    "Allocation": Allocation,
    "Cancellation": Cancellation,
    "Discrepancy": Discrepancy,
    "InvariantCheck": InvariantCheck,
    "Lineage": Lineage,
    "OrderLine": StitchedLine,
    "PromiseSlice": PromiseSlice,
    "PromiseVersion": Promise,
    "Quantity": Quantity,
    "Ratio": Ratio,
    "Reconciliation": Reconciliation,
    "Shipment": Shipment,
    "Substitution": Substitution,
}
PARTS: dict[str, type] = {
    "header": HeaderFacet,
    "requested": RequestedSection,
    "promised": PromisedSection,
    "allocated": AllocatedSection,
    "shipped": ShippedSection,
    "cancelled": CancelledSection,
}
"""What a field may be an attribute of, where it is one of a part of its parent."""


def the_schema() -> GraphQLSchema:
    """Build the schema."""
    return build_schema()._schema  # noqa: SLF001 - strawberry offers no public way to it


def fields_of(schema: GraphQLSchema) -> Iterator[tuple[str, str, GraphQLField]]:
    """Walk every field of our own types."""
    for name, graphql_type in schema.type_map.items():
        if isinstance(graphql_type, GraphQLObjectType) and not name.startswith("__"):
            for field_name, field in graphql_type.fields.items():
                yield name, field_name, field


def test_the_committed_schema_is_the_one_in_the_code() -> None:
    """`schema.graphql` is the contract; `make schema` prints it anew."""
    assert COMMITTED.read_text(encoding="utf-8") == print_schema()


def test_everything_is_described() -> None:
    """A caller reads the schema, not the code."""
    schema = the_schema()
    undescribed = [
        name
        for name, one in schema.type_map.items()
        if not name.startswith("__")
        and name not in {"String", "Int", "Boolean", "ID", "Float"}
        and not one.description
    ]
    undescribed += [
        f"{name}.{field}" for name, field, one in fields_of(schema) if not one.description
    ]
    undescribed += [
        f"{name}.{field}({argument})"
        for name, field, one in fields_of(schema)
        for argument, given in one.args.items()
        if not given.description
    ]
    undescribed += [
        f"{name}.{value}"
        for name, one in schema.type_map.items()
        if isinstance(one, GraphQLEnumType) and not name.startswith("__")
        for value, member in one.values.items()
        if not member.description
    ]

    assert undescribed == []


def test_a_field_that_another_system_fills_is_nullable() -> None:
    """A system can be down; that must not take the line with it."""
    plans = field_plans(the_schema())
    guarded = [
        f"{name}.{field}"
        for name, field, one in fields_of(the_schema())
        if name == "OrderLine"  # a field of a section is there if the section is
        and sections_of(plans[name, field].needs) - {Section.HEADER}
        and isinstance(one.type, GraphQLNonNull)
    ]

    assert guarded == []
    assert {sections_of(plan.needs) - {Section.HEADER} for plan in plans.values()} == {
        frozenset(),
        frozenset({Section.PROMISE}),
        frozenset({Section.FULFILMENT}),
        frozenset({Section.PROMISE, Section.FULFILMENT}),
    }


def test_what_the_header_fills_is_nullable_too() -> None:
    """The order source can be down as well; only the identity of a line is always there."""
    always = [
        field
        for name, field, one in fields_of(the_schema())
        if name == "OrderLine" and isinstance(one.type, GraphQLNonNull)
    ]

    assert sorted(always) == ["id", "lineNumber", "order", "sources"]


def test_every_look_up_may_be_null() -> None:
    """What does not exist nulls its own field, and no other look-up beside it."""
    nullable = {
        field
        for name, field, one in fields_of(the_schema())
        if name == "Query" and not isinstance(one.type, GraphQLNonNull)
    }

    assert nullable == {"orderLine", "orderLinesById", "order", "backends"}


def test_every_plain_field_is_an_attribute_of_its_ledger_type() -> None:
    """The schema declares shapes over the ledger's own objects; a typo would be a null."""
    missing = []
    for (name, field_name), plan in field_plans(the_schema()).items():
        *part, attribute = (plan.attribute or "").split(".")
        owner = PARTS[part[0]] if part else LEDGER_TYPES.get(name)
        held = (hasattr(owner, attribute), attribute in getattr(owner, "__slots__", ()))
        if plan.attribute is not None and owner is not None and not any(held):
            missing.append(f"{name}.{field_name}")

    assert missing == []
    assert LEDGER_TYPES.keys() <= the_schema().type_map.keys()


def test_the_needs_of_a_field_are_printed_beside_it() -> None:
    """A reader of the contract sees which systems a field costs."""
    text = print_schema()

    assert re.search(r"promised: PromisedQuantity @.*@source\(sections: \[PROMISE\]\)", text)
    assert re.search(r"open: Quantity @.*@source\(sections: \[PROMISE, FULFILMENT\]\)", text)
    assert get_named_type(the_schema().type_map["OrderLine"].fields["order"].type).name == (  # type: ignore[attr-defined] # an object type
        "OrderSummary"
    )
