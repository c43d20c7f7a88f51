"""Media types: what `Accept` gets, by the rules of HTTP and of GraphQL over HTTP."""

import pytest

from gateway.graphql.media import MediaType, NotAcceptableError, negotiate

GRAPHQL = b"application/graphql-response+json"


@pytest.mark.parametrize(
    "accept",
    [
        None,
        b"",
        b" , ",
        b"*/*",
        b"application/*",
        b"application/json",
        b"APPLICATION/JSON; Charset=UTF-8",
        b"application/json, " + GRAPHQL,
        b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        GRAPHQL + b";q=0.1, */*",
        GRAPHQL + b";q=0, */*;q=0.1",
        b"text/html, application/json;q=0.001",
    ],
)
def test_json_is_what_an_open_or_old_client_gets(accept: bytes | None) -> None:
    """Audits 4655, 47DE, 80D8: without a wish, the type every client can read."""
    assert negotiate(accept) is MediaType.JSON


@pytest.mark.parametrize(
    "accept",
    [
        GRAPHQL,
        GRAPHQL + b"; charset=utf-8, application/json; charset=utf-8",
        GRAPHQL + b", application/json;q=0.9",
        GRAPHQL + b", application/json",
        b"application/json;q=0.5, " + GRAPHQL + b";q=0.7",
        b"application/json;q=0, */*",
        b"*/*, " + GRAPHQL,
    ],
)
def test_the_graphql_type_is_given_to_who_prefers_it(accept: bytes) -> None:
    """Audit 22EB: by quality, then by order; the most specific range decides."""
    assert negotiate(accept) is MediaType.GRAPHQL


@pytest.mark.parametrize(
    "accept",
    [
        b"text/html",
        b"image/*",
        b"*/*;q=0",
        b"application/json;q=0",
        b"application/json;charset=utf-16",
        GRAPHQL + b";q=2",
        GRAPHQL + b";q=0.0000",
        b"application/jsonx, */json",
        b"text/plain;" + b"a" * 100_000 + b", application/json",
    ],
)
def test_who_takes_neither_is_told_so(accept: bytes) -> None:
    """406 is better than an answer the caller cannot read."""
    with pytest.raises(NotAcceptableError):
        negotiate(accept)
