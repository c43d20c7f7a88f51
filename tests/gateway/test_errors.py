"""The one exit: every code is known and documented, and nothing internal leaves."""

import json
import pkgutil
import re
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import pytest
from graphql import GraphQLError, parse
from structlog.testing import capture_logs

import gateway.errors
from backends.reasons import Reason
from gateway.codes import CODES, status_of
from gateway.errors import as_graphql_error, as_graphql_errors, problem
from orderlines.errors import GatewayError
from policies.authentication import Refusal, read_credentials, refused

ROOMS = ("gateway", "resolvers", "policies", "backends", "orderlines")
DOCUMENT = Path(__file__).parents[2] / "docs" / "error-codes.md"

# Things that must never be seen outside.
CANARIES = (
    "hunter2",
    "postgres://app:hunter2@db.internal:5432/orders",
    "SELECT * FROM order_lines WHERE id = 7",
    "/srv/gateway/orderlines/stitch.py",
    "erp.internal.example",
    "<html><h1>502 Bad Gateway nginx/1.25</h1></html>",
    "Traceback (most recent call last)",
    "KeyError",
)


class ExampleError(GatewayError):
    """A failure a caller may know about."""

    code: ClassVar[str] = "EXAMPLE"


def import_everything() -> None:
    """Import every module of every room, so that every error class exists."""
    for room in ROOMS:
        package = import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not module.name.endswith("__main__"):
                import_module(module.name)


def children_of(cls: type[GatewayError]) -> list[type[GatewayError]]:
    """List the classes directly below, those of the rooms only, by name."""
    ours = (one for one in cls.__subclasses__() if one.__module__.split(".")[0] in ROOMS)
    return sorted(ours, key=lambda one: one.__name__)


def draw(cls: type[GatewayError], depth: int = 1) -> str:
    """Draw a tree of errors as the docstring does."""
    below = "".join(draw(child, depth + 1) for child in children_of(cls))
    return "    " * depth + f"{cls.__name__}  {cls.code}\n" + below


def codes_of(cls: type[GatewayError]) -> set[str]:
    """Collect the codes of a tree of errors."""
    return {cls.code}.union(*(codes_of(child) for child in children_of(cls)))


def test_the_tree_in_the_docstring_is_the_tree_in_the_code() -> None:
    """Whoever reads the file sees every way to fail, in every room."""
    import_everything()
    drawn = re.search(r"(?:^ {4}.*\n)+", gateway.errors.__doc__ or "", re.MULTILINE)

    assert drawn is not None
    assert drawn[0] == draw(GatewayError)


def test_no_error_has_a_code_that_the_table_does_not_know() -> None:
    """A code is a promise; one that nobody wrote down cannot be kept."""
    import_everything()

    assert codes_of(GatewayError) - set(CODES) == set()


def test_the_guard_refuses_with_the_status_that_its_code_has() -> None:
    """Two rooms say it; they say the same."""
    large = (b"authorization", b"x" * 10_000)
    given: list[list[tuple[bytes, bytes]]] = [[], [large], [(b"x-api-key", b"a")] * 2]
    refusals = [read_credentials(headers) for headers in given]
    refusals.append(refused("any reason"))

    assert all(isinstance(refusal, Refusal) for refusal in refusals)
    assert [
        (refusal.code, refusal.status)
        for refusal in refusals
        if isinstance(refusal, Refusal) and refusal.status != status_of(refusal.code)
    ] == []


def test_the_document_lists_every_code_as_the_table_has_it() -> None:
    """docs/error-codes.md cannot rot: a row per code, in the same order and words."""
    row = re.compile(r"^\| `(\w+)` \|(?: (\d+) \|)? (.+) \|$", re.MULTILINE)
    rows = row.findall(DOCUMENT.read_text("utf-8"))
    reasons = {reason.value for reason in Reason}

    assert [found for found in rows if found[0] not in reasons] == [
        (code, str(meaning.status.value) if meaning.status else "", meaning.text)
        for code, meaning in CODES.items()
    ]
    assert [found[0] for found in rows if found[0] in reasons] == [
        reason.value for reason in Reason
    ]


def test_an_error_of_ours_speaks_for_itself() -> None:
    """Code, message, facts and place are public; the detail is the log's."""
    error = ExampleError(
        "It did not work.", detail="because of hunter2", system="erp", retry_after_s=3
    )
    field = parse("{\n  a\n}").definitions[0].selection_set.selections  # type: ignore[attr-defined] # an operation
    located = GraphQLError("It did not work.", list(field), path=["a", 0], original_error=error)
    with capture_logs() as logs:
        entry = as_graphql_error(located, correlation_id="c-1")

    assert entry == {
        "message": "It did not work.",
        "locations": [{"line": 2, "column": 3}],
        "path": ["a", 0],
        "extensions": {
            "code": "EXAMPLE",
            "correlationId": "c-1",
            "system": "erp",
            "retryAfterS": 3,
        },
    }
    assert logs == [
        {
            "log_level": "warning",
            "event": "failure",
            "correlation_id": "c-1",
            "code": "EXAMPLE",
            "detail": "because of hunter2",
            "locations": [{"line": 2, "column": 3}],
            "path": ["a", 0],
        }
    ]


@pytest.mark.parametrize("canary", CANARIES)
def test_anything_else_is_internal_and_only_logged(canary: str) -> None:
    """ERR-1: whatever is raised, its text, type and trace stay inside."""
    for error in (
        RuntimeError(canary),
        KeyError(canary),
        GraphQLError(canary),
        GraphQLError(canary, path=["a"], original_error=ValueError(canary)),
        GraphQLError(canary, path=["a"], original_error=GraphQLError(canary)),
        GraphQLError("x", extensions={"code": canary}),
    ):
        with capture_logs() as logs:
            entry = as_graphql_error(error, correlation_id="c-1")

        assert canary not in json.dumps(entry)
        assert entry["message"] == "Something went wrong inside the gateway."
        assert entry["extensions"] == {"code": "INTERNAL", "correlationId": "c-1"}
        assert [(log["event"], log["log_level"], log["correlation_id"]) for log in logs] == [
            ("internal_error", "error", "c-1")
        ]
        assert isinstance(logs[0]["exc_info"], Exception)


def test_a_fault_of_the_gateway_is_logged_with_its_detail() -> None:
    """Its message may be shown; what it knows besides is the log's."""
    with capture_logs() as logs:
        entry = as_graphql_error(GatewayError("No.", detail="3 for 2"), correlation_id="c-1")

    assert (entry["message"], entry["extensions"]["code"]) == ("No.", "INTERNAL")
    assert [(log["event"], log["log_level"], log["detail"]) for log in logs] == [
        ("internal_error", "error", "3 for 2")
    ]


def test_what_graphql_says_of_the_callers_text_is_shown() -> None:
    """Without guesses, without what a scalar stumbled over, and not at any length."""
    said = {
        "Cannot query field 'x'. Did you mean 'y' or 'z'?": "Cannot query field 'x'.",
        "Expected value of type 'Int', but encountered error 'hunter2'; found: 1.": (
            "Expected value of type 'Int'."
        ),
        "y" * 600: "y" * 500 + "…",
    }
    shown = as_graphql_errors(
        [GraphQLError(message) for message in said],
        correlation_id="c-1",
        refused_as="BAD_VARIABLES",
    )

    assert [(entry["message"], entry["extensions"]["code"]) for entry in shown] == [
        (message, "BAD_VARIABLES") for message in said.values()
    ]


def test_an_argument_that_does_not_fit_after_all_is_the_callers() -> None:
    """graphql-core puts such an error on a node of the document while it executes."""
    node = parse("{ a(x: $v) }").definitions[0]
    inner = GraphQLError("Argument 'x' must not be null.", node)
    outer = GraphQLError(inner.message, node, path=["a"], original_error=inner)

    assert as_graphql_error(outer, correlation_id="c-1")["extensions"]["code"] == "BAD_VARIABLES"


def test_one_failing_system_is_logged_once_however_many_fields_it_fails() -> None:
    """A thousand lines without a promise are a thousand errors and one log entry."""
    error = ExampleError("Down.", detail="timeout")
    many = [GraphQLError("Down.", path=["a", n], original_error=error) for n in range(1_000)]
    with capture_logs() as logs:
        entries = as_graphql_errors(many, correlation_id="c-1")

    assert (len(entries), len(logs)) == (1_000, 1)


def test_different_failures_are_told_apart_up_to_a_bound() -> None:
    """Eight kinds are enough to see what is wrong; a log is not a dump."""
    different: list[Exception] = [ExampleError("No.", detail=f"kind {n}") for n in range(20)]
    with capture_logs() as logs:
        as_graphql_errors(different, correlation_id="c-1")

    assert [log["detail"] for log in logs] == [f"kind {n}" for n in range(8)]


def test_a_problem_document_has_the_members_of_rfc_9457() -> None:
    """And the code and the correlation id that every other failure has."""
    body: dict[str, Any] = json.loads(
        problem("BODY_TOO_LARGE", "Too large.", correlation_id="c-1", facts={"max_bytes": 3})
    )

    assert body == {
        "type": "/errors#BODY_TOO_LARGE",
        "title": HTTPStatus(413).phrase,
        "status": 413,
        "detail": "Too large.",
        "code": "BODY_TOO_LARGE",
        "correlationId": "c-1",
        "maxBytes": 3,
    }
