"""The GraphQL dialect: the text never changes, what is asked for travels in variables."""

import msgspec

from backends.graphql import HEADERS, Query
from backends.transport import Request


class Variables(msgspec.Struct, omit_defaults=True):
    """Variables of the query below."""

    names: list[str]
    after: str | None = None


QUERY = Query("/graphql", "query Q($names: [String!]) {\n  things(names: $names) }\n", Variables)


def test_a_question_is_the_constant_text_and_its_variables() -> None:
    """Nothing a caller names can become part of the query."""
    hostile = '"}) { secrets } #'
    question = QUERY.question(Variables([hostile]))

    assert question == Request(
        "POST",
        "/graphql",
        HEADERS,
        b'{"query":"query Q($names: [String!]) { things(names: $names) }",'
        b'"variables":{"names":["\\"}) { secrets } #"]}}',
    )


def test_a_question_gives_its_variables_back() -> None:
    """So that it can be asked again for the next page, a cursor later."""
    variables = Variables(["a", "ü"], "40-ab")

    assert QUERY.variables_of(QUERY.question(variables)) == variables
