"""Documents that were written to cost much: refused before anything is asked.

Time is CPU time of the process that reads them, with ten times the stated bound.
"""

# ruff: noqa: E501 - documents of this kind are long

from collections.abc import Iterator

import pytest

from gateway.graphql.documents import Document, Documents, RefusedDocument
from resolvers.schema import build_schema
from tests.scenarios.demo import Demo, running_demo
from tests.timing import cpu_ms

SCHEMA = build_schema()._schema  # noqa: SLF001 - strawberry offers no public way to it


def judged(text: str, *, within_ms: float) -> str:
    """Let the gateway read a document; give the code of its refusal."""
    found = Documents(SCHEMA).get(text)
    spent_ms = cpu_ms(lambda: Documents(SCHEMA).get(text))
    assert spent_ms < 10 * within_ms, spent_ms
    return "" if isinstance(found, Document) else found.code


def doubling(fragments: int) -> str:
    """Write fragments that each spread the next one twice."""
    return (
        "{...F0}"
        + "".join(f"fragment F{n} on Query {{...F{n + 1} ...F{n + 1}}}" for n in range(fragments))
        + f"fragment F{fragments} on Query {{a: __typename}}"
    )


@pytest.mark.parametrize("fragments", [20, 90])
def test_q1_fragment_bomb(fragments: int) -> None:
    """Each fragment is measured once, whatever it would become."""
    assert judged(doubling(fragments), within_ms=10) == "LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    ("aliases", "code"), [(10_000, "DOCUMENT_TOO_LONG"), (600, "LIMIT_EXCEEDED")]
)
def test_q2_aliases_at_the_root(aliases: int, code: str) -> None:
    """As many as fit into the caps of characters and tokens, and more."""
    text = "{" + " ".join(f"a{n}:viewer{{id}}" for n in range(aliases)) + "}"

    assert judged(text, within_ms=20) in (code, "GRAPHQL_PARSE_FAILED")


@pytest.mark.parametrize(("aliases", "code"), [(30, ""), (31, "LIMIT_EXCEEDED")])
def test_q2_thirty_aliases_and_one_more(aliases: int, code: str) -> None:
    """The bound itself."""
    text = "{viewer{" + " ".join(f"a{n}:id" for n in range(aliases)) + "}}"

    assert judged(text, within_ms=20) == code


def test_q3_aliases_by_fragments() -> None:
    """Six aliases, spread six times, are thirty-six."""
    spread = " ".join("... on Query {...F}" for _ in range(6))
    text = f"{{{spread}}} fragment F on Query {{viewer{{a:id b:id c:id d:id e:id f:id}}}}"

    assert judged(text, within_ms=20) == "LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("{a" * 2_000 + "}" * 2_000, {"GRAPHQL_PARSE_FAILED"}),
        ("{a" * 300 + "}" * 300, {"GRAPHQL_PARSE_FAILED", "LIMIT_EXCEEDED"}),
        ("{a" * 11 + "}" * 11, {"LIMIT_EXCEEDED"}),
        (
            '{explain(query:"",variables:' + "[" * 3_000 + "]" * 3_000 + "){cost}}",
            {"GRAPHQL_PARSE_FAILED"},
        ),
        (
            '{explain(query:"",variables:' + "[" * 400 + "]" * 400 + "){cost}}",
            {"GRAPHQL_PARSE_FAILED", "LIMIT_EXCEEDED"},
        ),
        (
            "query($v:" + "[" * 400 + "Int" + "]" * 400 + "){viewer{id}}",
            {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"},
        ),
    ],
    ids=["fields", "fewer fields", "eleven", "values", "fewer values", "types"],
)
def test_q4_depth_and_nesting(text: str, codes: set[str]) -> None:
    """Refused, never a recursion error."""
    assert judged(text, within_ms=10) in codes


def test_q5_overlap() -> None:
    """Inline fragments that repeat each other, and fields that repeat themselves."""
    inline = "id"
    for _ in range(8):
        inline = f"... on Viewer{{{inline}}} ... on Viewer{{{inline}}}"
    assert judged(f"{{viewer{{{inline}}}}}", within_ms=20) in (
        "LIMIT_EXCEEDED",
        "GRAPHQL_PARSE_FAILED",
    )
    assert judged("{viewer{" + "id " * 5_000 + "}}", within_ms=20) == "GRAPHQL_PARSE_FAILED"
    assert judged("{viewer{" + "id " * 900 + "}}", within_ms=20) == "LIMIT_EXCEEDED"
    pairs = " ".join(f'x: order(number: "{n}") {{ id }}' for n in range(10))
    assert judged(f"{{{pairs}}}", within_ms=20) == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize("directive", ["@include(if: true)", "@aa"])
def test_q6_directives(directive: str) -> None:
    """Too many of them are not looked at one by one."""
    assert judged("{viewer " + f"{directive} " * 2_000 + "{id}}", within_ms=20) in (
        "DOCUMENT_TOO_LONG",
        "GRAPHQL_PARSE_FAILED",
    )
    assert judged("{viewer " + f"{directive} " * 200 + "{id}}", within_ms=20) == "LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    "text",
    [
        "{...A} fragment A on Query {...B} fragment B on Query {...A}",
        "{...A} fragment A on Query {...A viewer {id}}",
    ],
)
def test_q7_cyclic_fragments(text: str) -> None:
    """Refused with a code."""
    assert judged(text, within_ms=20) == "GRAPHQL_VALIDATION_FAILED"


def test_q8_comments() -> None:
    """They are counted as tokens are, and never read beyond the cap of characters."""
    assert judged("#" * 15_000 + "\n{viewer{id}}", within_ms=5) == ""
    assert judged("#\n" * 7_000 + "{viewer{id}}", within_ms=5) == "GRAPHQL_PARSE_FAILED"
    assert judged("#" * 10_000_000, within_ms=5) == "DOCUMENT_TOO_LONG"


def test_q9_many_operations() -> None:
    """Fragments are looked at for each of them, so there are few."""
    text = " ".join(f"query A{n}{{viewer{{id}}}}" for n in range(180))

    assert judged(text, within_ms=20) == "LIMIT_EXCEEDED"


WORST = {
    "many fragments, all in all operations": " ".join(
        f"query A{n}($v: String!) {{ ...F0 order(number: $v) {{ id }} }}" for n in range(20)
    )
    + " ".join(
        f"fragment F{n} on Query {{ x{n}: viewer {{ id }} {f'...F{n + 1}' if n < 29 else ''} }}"
        for n in range(30)
    ),
    "unknown everything": "{ viewer {" + " ".join(f"f{n}" for n in range(100)) + "} }",
    "unused variables": "query("
    + " ".join(f"$v{n}: Int" for n in range(400))
    + ") { viewer { id } }",
    "a wide page": '{ order(number: "1") { lines { nodes {'
    + " ".join(["id lineNumber state requested { quantity { value unit } }"] * 11)
    + "} } } }",
}


@pytest.mark.parametrize("name", WORST)
def test_no_document_within_the_caps_costs_more_than_thirty_milliseconds(name: str) -> None:
    """Parsing, measuring and validating together; ten times that here."""
    judged(WORST[name], within_ms=30)


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """Start the demo once."""
    with running_demo("--lines", "40") as running:
        yield running


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ('{ order(number: "SO-1001") { lines(first: 99999999) { totalCount } } }', {}),
        ('{ order(number: "SO-1001") { lines(first: -1) { totalCount } } }', {}),
        (
            "query($n: Int!) { order(number: 1001) { lines(first: $n) { totalCount } } }".replace(
                "1001", '"SO-1001"'
            ),
            {"n": 99_999},
        ),
        (
            "query($i: [ID!]!) { a: orderLinesById(ids: $i) { id } b: orderLinesById(ids: $i) { id } }",
            {"i": ["x"] * 501},
        ),
    ],
)
def test_q10_amounts_are_refused_before_any_call(
    query: str, variables: dict[str, object], demo: Demo
) -> None:
    """Also where a variable says it; no system is asked."""
    demo.forget_calls()
    response = demo.post(query, variables, key="partner")

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert sum(demo.calls(system) for system in demo.backends) == 0


def test_documents_that_only_some_may_send_are_refused_to_others() -> None:
    """Whoever may look at the schema may look deeper."""
    shelf = Documents(SCHEMA)
    found = shelf.get(
        "{__schema{types{fields{type{ofType{ofType{ofType{ofType{ofType{ofType{name}}}}}}}}}}}"
    )

    assert not isinstance(found, RefusedDocument)
    assert found.for_others is not None
    assert found.for_others.limit == "depth"
