"""HTTP-3: what scanners of GraphQL servers look for, asked of the running gateway.

Twelve checks, each as a scanner would decide it, with a partner's key and without one.
"""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.scenarios.demo import Demo, running_demo

JSON = "application/json"


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """Start the demo once."""
    with running_demo("--lines", "40") as running:
        yield running


@pytest.fixture(params=["partner", None], ids=["partner", "nobody"])
def headers(request: pytest.FixtureRequest, demo: Demo) -> dict[str, str]:
    """Give what a scanner sends along."""
    return {"authorization": f"Bearer {demo.keys[request.param]}"} if request.param else {}


def asked(demo: Demo, headers: dict[str, str], query: object) -> Any:  # noqa: ANN401 - any JSON
    """Ask as scanners do."""
    body = query if isinstance(query, list) else {"query": query}
    return httpx2.post(demo.url, json=body, headers={**headers, "accept": JSON}).json()


def data_of(answer: Any) -> Any:  # noqa: ANN401 - any JSON
    """Give the data of an answer, if it has any."""
    return answer.get("data") if isinstance(answer, dict) else answer


def test_field_suggestions(demo: Demo, headers: dict[str, str]) -> None:
    """A misspelt field is not answered with the right one."""
    answer = asked(demo, headers, "{ __schema { directive } ordr }")

    assert "Did you mean" not in str(answer)


def test_introspection(demo: Demo, headers: dict[str, str]) -> None:
    """The schema is not told."""
    answer = asked(demo, headers, "{ __schema { types { name fields { name } } } }")

    assert not data_of(answer)


@pytest.mark.parametrize("path", ["/graphql", "/", "/graphiql", "/playground", "/console"])
def test_detect_graphiql(demo: Demo, headers: dict[str, str], path: str) -> None:
    """No page to try queries on."""
    page = httpx2.get(
        demo.url.replace("/graphql", path), headers={**headers, "accept": "text/html"}
    ).text.lower()

    assert not any(word in page for word in ("graphiql", "playground", "graphql-ide", "<html"))


def test_get_method_support(demo: Demo, headers: dict[str, str]) -> None:
    """A link cannot ask: without a header that no link sends, a GET is not answered."""
    del headers
    answer = httpx2.get(demo.url, params={"query": "{ __typename }"}).json()

    assert not data_of(answer)


def test_alias_overloading(demo: Demo, headers: dict[str, str]) -> None:
    """A hundred and one aliases, also of `__typename`."""
    query = "{" + " ".join(f"alias{n}: __typename" for n in range(101)) + "}"

    assert not data_of(asked(demo, headers, query))


def test_batch_query(demo: Demo, headers: dict[str, str]) -> None:
    """A list of ten questions is no question."""
    answer = asked(demo, headers, [{"query": "{ __typename }"}] * 10)

    assert isinstance(answer, dict)
    assert not data_of(answer)


def test_trace_mode(demo: Demo, headers: dict[str, str]) -> None:
    """No timing of resolvers in the answer."""
    answer = asked(demo, headers, "{ __typename }")

    assert "tracing" not in str(answer)


def test_directive_overloading(demo: Demo, headers: dict[str, str]) -> None:
    """Ten unknown directives do not make ten errors."""
    answer = asked(demo, headers, "{ __typename " + "@aa" * 10 + " }")

    assert len(answer.get("errors", ())) < 10


def test_circular_query_introspection(demo: Demo, headers: dict[str, str]) -> None:
    """Types of fields of types of fields."""
    query = "{ __schema { types { " + "fields { type { " * 5 + "name" + " } }" * 5 + " } } }"

    assert not data_of(asked(demo, headers, query))


def test_get_based_mutation(demo: Demo, headers: dict[str, str]) -> None:
    """A GET changes nothing."""
    answer = httpx2.get(demo.url, params={"query": "mutation { __typename }"}, headers=headers)

    assert not data_of(answer.json())


@pytest.mark.parametrize("path", ["form", "text", "multipart"])
def test_post_based_csrf(demo: Demo, headers: dict[str, str], path: str) -> None:
    """H-8: what a form of another page can send is not answered, nor is any origin let in."""
    every: dict[str, dict[str, Any]] = {
        "form": {"data": {"query": "{ __typename }"}},
        "text": {
            "content": b'{"query": "{ __typename }"}',
            "headers": {"content-type": "text/plain"},
        },
        "multipart": {"files": {"query": b"{ __typename }"}},
    }
    sent = every[path]
    given = {**headers, **sent.pop("headers", {}), "origin": "https://evil.example"}
    response = httpx2.post(demo.url, headers=given, **sent)

    assert not data_of(response.json())
    assert response.status_code in (401, 415)
    assert "access-control-allow-origin" not in response.headers


def test_unhandled_error(demo: Demo, headers: dict[str, str]) -> None:
    """No exception of the server's in an answer."""
    answer = asked(demo, headers, "qwerty { a }")

    assert "exception" not in str(answer).lower()
