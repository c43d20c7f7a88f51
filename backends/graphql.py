"""The GraphQL dialect: a constant query with variables, by POST.

    {"query": "…", "variables": {…}}   →   {"data": {…}} or {"errors": […], "data": …}

The text of a query never depends on a question; what is asked for travels in the
variables. An answer with errors is no answer, even if part of its data is there: a
null in it may be a value or a failure.
"""

from typing import Final, Generic, TypeVar

import msgspec

from backends.transport import Headers, Request

T = TypeVar("T")
V = TypeVar("V", bound=msgspec.Struct)

HEADERS: Final[Headers] = (
    (b"content-type", b"application/json"),
    (b"accept", b"application/json"),
)


class Answer(msgspec.Struct, Generic[T], gc=False):
    """The envelope every answer comes in."""

    data: T | None = None
    errors: list[msgspec.Raw] | None = None


class Body(msgspec.Struct, Generic[V], gc=False):
    """As much of a question as is needed to ask it once more, a little differently."""

    query: msgspec.Raw
    variables: V


class Query(Generic[V]):
    """A query whose text is encoded once.

    Args:
        target: Path of the endpoint.
        text: The query, with variables for everything that changes.
    """

    def __init__(self, target: str, text: str) -> None:
        self._target = target
        self._head = b'{"query":' + msgspec.json.encode(" ".join(text.split())) + b',"variables":'

    def question(self, variables: V) -> Request:
        """Ask with these variables."""
        body = self._head + msgspec.json.encode(variables) + b"}"
        return Request("POST", self._target, HEADERS, body)


def asked_again(question: Request, body: Body[V]) -> Request:
    """Ask the same of the same, with other variables."""
    return Request("POST", question.target, HEADERS, msgspec.json.encode(body))
