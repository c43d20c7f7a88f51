"""The GraphQL dialect: the text never changes, what is asked for travels in variables."""

import msgspec

from backends.graphql import HEADERS, Body, Query, asked_again
from backends.transport import Request


class Variables(msgspec.Struct, omit_defaults=True):
    """Variables of the query below."""

    names: list[str]
    after: str | None = None


QUERY: Query[Variables] = Query(
    "/graphql", "query Q($names: [String!]) {\n  things(names: $names) }\n"
)
BODY = msgspec.json.Decoder(Body[Variables])


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


def test_a_question_can_be_asked_again() -> None:
    """For the next page: the same text, with a cursor among its variables."""
    question = QUERY.question(Variables(["a", "ü"]))
    body = BODY.decode(question.body)
    body.variables.after = "40-ab"

    assert asked_again(question, body) == QUERY.question(Variables(["a", "ü"], "40-ab"))
