"""The schema, put together from the desk's types, and printed as the contract."""

import strawberry

from resolvers.federation import Subgraph, schema_of, tell_entities_apart
from resolvers.governance import field_policies


def build_schema() -> strawberry.Schema:
    """Build the schema. It is the same on every call.

    Raises:
        UngovernedSchemaError: A field has no policy.
    """
    schema = schema_of(Subgraph)
    tell_entities_apart(schema._schema)  # noqa: SLF001 - strawberry offers no public way to it
    field_policies(schema._schema)  # noqa: SLF001 - as above
    return schema


def print_schema() -> str:
    """Print the schema as it stands in `schema.graphql`."""
    return build_schema().as_str() + "\n"
