"""Documents: read once, bounded, and refused with a code and a place."""

import time
import tracemalloc
from typing import Any

import pytest
from graphql import OperationType, build_schema

from gateway.graphql import documents
from gateway.graphql.documents import Document, Documents, Operation, RefusedDocument

SCHEMA = build_schema("""
    type Query { a(x: Int, s: [String], e: Size): Query  b: Int }
    enum Size { SMALL LARGE }
""")

CYCLE = "fragment A on Query {...B} fragment B on Query {...A} {...A}"
CHAIN = (
    "{...F0} "
    + "".join(f"fragment F{n} on Query {{a{{...F{n + 1}}}}} " for n in range(130))
    + "fragment F130 on Query {b}"
)


@pytest.fixture
def shelf() -> Documents:
    """Give an empty shelf for the schema above."""
    return Documents(SCHEMA)


class Counting:
    """Counts how often graphql-core is called."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.calls = {"parse": 0, "validate": 0}
        for name in self.calls:
            patch.setattr(documents, name, self._counted(name, getattr(documents, name)))

    def _counted(self, name: str, function: Any) -> Any:  # noqa: ANN401 - any function of graphql-core
        def call(*args: object, **kwargs: object) -> object:
            self.calls[name] += 1
            return function(*args, **kwargs)

        return call


def refused(found: object) -> RefusedDocument:
    """Expect a refusal."""
    assert isinstance(found, RefusedDocument)
    return found


def test_the_second_request_parses_and_validates_nothing(
    shelf: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One document text is understood once, whether it is good or bad."""
    counting = Counting(monkeypatch)
    first = [shelf.get(text) for text in ("{b}", "{nope}", "{")]
    assert counting.calls == {"parse": 3, "validate": 2}
    second = [shelf.get(text) for text in ("{b}", "{nope}", "{")]

    assert counting.calls == {"parse": 3, "validate": 2}
    assert all(one is two for one, two in zip(first, second, strict=True))


def test_a_document_knows_its_operations() -> None:
    """By name; the only one needs none."""
    document = Documents(SCHEMA).get("query A {b} query B {b}")
    single = Documents(SCHEMA).get("{b}")

    assert isinstance(document, Document)
    assert isinstance(single, Document)
    operation = document.operation("B")
    assert isinstance(operation, Operation)
    assert (operation.name, operation.kind) == ("B", "query")
    unnamed = single.operation(None)
    assert isinstance(unnamed, Operation)
    assert unnamed.node is single.ast.definitions[0]
    assert (unnamed.name, unnamed.kind) == (None, "query")
    assert document.short_hash == "7b696682bc5e"


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (
            "query A {b}\nquery B {b}",
            None,
            "The document has more than one operation; say which one in operationName.",
        ),
        (
            "query A {b}\nquery B {b}",
            "C",
            "The document has no operation of the name given in operationName.",
        ),
        ("{b}", "", "The document has no operation of the name given in operationName."),
    ],
)
def test_an_operation_that_is_not_there_is_refused_at_those_that_are(
    shelf: Documents, text: str, name: str | None, message: str
) -> None:
    """The places are those of the candidates."""
    document = shelf.get(text)
    assert isinstance(document, Document)
    found = refused(document.operation(name))

    assert (found.code, found.errors[0].message) == ("OPERATION_NOT_FOUND", message)
    assert [place.line for place in found.errors[0].locations or ()] == list(
        range(1, text.count("\n") + 2)
    )


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("", "GRAPHQL_PARSE_FAILED", (1, 1)),
        ("{\n  b", "GRAPHQL_PARSE_FAILED", (2, 4)),
        ("{b \x00}", "GRAPHQL_PARSE_FAILED", (1, 4)),
        ("{a" * 2_000, "GRAPHQL_PARSE_FAILED", (1, 401)),
        ("{a(s:" + "[" * 3_000, "GRAPHQL_PARSE_FAILED", (1, 205)),
        ("{b}" * 700, "GRAPHQL_PARSE_FAILED", (1, 2_001)),
        ("#\n" * 3_000 + "{b}", "GRAPHQL_PARSE_FAILED", (2_001, 1)),
        ("#" * 20_000, "DOCUMENT_TOO_LONG", (1, 16_385)),
        ("\n" * 20_000, "DOCUMENT_TOO_LONG", (16_385, 1)),
        ("{c}", "GRAPHQL_VALIDATION_FAILED", (1, 2)),
        ("{a(x:" + "1" * 5_000 + "){b}}", "GRAPHQL_VALIDATION_FAILED", (1, 6)),
        ("{a(y:1){b}}", "GRAPHQL_VALIDATION_FAILED", (1, 4)),
        ("mutation {b}", "GRAPHQL_VALIDATION_FAILED", (1, 1)),
        (CYCLE, "GRAPHQL_VALIDATION_FAILED", (1, 22)),
        (CHAIN, "LIMIT_EXCEEDED", (1, 1)),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else None,
)
def test_a_bad_document_is_refused_with_code_and_place(
    shelf: Documents, text: str, code: str, place: tuple[int, int]
) -> None:
    """Q-4, Q-7, Q-8: whatever is wrong, no exception, and quickly."""
    started = time.process_time()
    found = refused(shelf.get(text))
    cost_s = time.process_time() - started

    assert found.code == code
    assert next((at.line, at.column) for at in found.errors[0].locations or ()) == place
    assert cost_s < 0.2


def test_at_most_five_errors_are_listed_and_each_has_a_place(shelf: Documents) -> None:
    """Q-6: an answer cannot be made long by a thousand mistakes."""
    found = refused(shelf.get("{" + " ".join(f"c{n}" for n in range(10)) + "}"))

    assert len(found.errors) == 5
    assert all(error.locations for error in found.errors)


@pytest.mark.parametrize("text", ["{bb}", "{a(xx:1){b}}", "{a(e:SMAL){b}}", "{a{...on Quer{b}}}"])
def test_no_error_suggests_what_exists(shelf: Documents, text: str) -> None:
    """ERR-2: a guess is not answered with a better one."""
    found = refused(shelf.get(text))

    assert "Did you mean" not in found.errors[0].message


def test_a_refused_document_still_tells_what_it_would_have_done(shelf: Documents) -> None:
    """A mutation by GET is refused as such, whatever else is wrong with it."""
    assert refused(shelf.get("mutation {b}")).kinds == frozenset({OperationType.MUTATION})


def test_the_least_recently_used_document_makes_room() -> None:
    """Memory is bounded by an estimate of what a document holds."""
    cost = documents.COST_FIXED + documents.COST_PER_CHAR * len("{ b }")
    shelf = Documents(SCHEMA, max_bytes=2 * cost)
    first, second = shelf.get("{ b }"), shelf.get("{b  }")
    assert shelf.get("{ b }") is first
    shelf.get("{  b}")

    assert shelf.get("{ b }") is first
    assert shelf.get("{b  }") is not second


def test_bad_documents_never_push_out_good_ones() -> None:
    """A caller's mistakes cost that caller, not the others."""
    shelf = Documents(SCHEMA, max_refused_bytes=20_000)
    good = shelf.get("{b}")
    for n in range(100):
        refused(shelf.get(f"{{c{n}}}"))

    assert shelf.get("{b}") is good


def test_the_estimate_of_a_document_is_about_right() -> None:
    """The bound is worth what the estimate is: within a factor of two, never far below."""
    texts = ["{" + " ".join(f"a{n}:b" for n in range(300)) + f"# {k}\n}}" for k in range(20)]
    shelf = Documents(SCHEMA)
    shelf.get(texts.pop())
    tracemalloc.start()
    for text in texts:
        shelf.get(text)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    estimate = sum(documents.COST_FIXED + documents.COST_PER_CHAR * len(text) for text in texts)

    assert 0.5 * estimate < held < 1.3 * estimate
