"""The schema, put together from the desk's types, and printed as the contract."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from resolvers.enums import describe_members
from resolvers.query import Query
from resolvers.scalars import SCALARS


def build_schema() -> strawberry.Schema:
    """Build the schema. It is the same on every call."""
    schema = strawberry.Schema(
        query=Query,
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
    )
    describe_members(schema._schema)  # noqa: SLF001 - strawberry offers no public way to it
    return schema


def print_schema() -> str:
    """Print the schema as it stands in `schema.graphql`."""
    return build_schema().as_str() + "\n"
