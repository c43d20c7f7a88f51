"""Questions that come again: whose bytes they are, and how many are remembered."""

from dataclasses import replace

import pytest
from graphql import OperationDefinitionNode, parse

from gateway.graphql.documents import operation_of
from gateway.graphql.kept import AnswerKey
from gateway.graphql.repeated import MAX_BYTES, MAX_QUESTIONS, Meant, RepeatedQuestions
from orderlines.visibility import ALL, Visibility
from policies.principal import Credential, Principal

ROWS = Visibility(frozenset({"C-1"}), ALL, ALL)
CALLER = Principal("key:1", "portal", Credential.API_KEY, frozenset({"lines:read"}), ROWS, None)
(OPERATION,) = parse("{ viewer { name } }").definitions


def meant(principal: Principal = CALLER) -> Meant:
    """Say what a question means."""
    assert isinstance(OPERATION, OperationDefinitionNode)
    asked = AnswerKey("hash", None, frozenset(), b"", principal.visibility)
    return Meant(principal, asked, operation_of(OPERATION, "hash"), "hash")


def test_the_same_bytes_of_the_same_caller_mean_the_same() -> None:
    """And other bytes are not known."""
    questions = RepeatedQuestions()
    questions.remember(b"{}", meant())

    assert questions.find(CALLER, b"{}") == meant()
    assert questions.find(CALLER, b"{ }") is None


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(CALLER, id="key:2"), id="another key"),
        pytest.param(replace(CALLER, visibility=Visibility.nothing()), id="other rows"),
        pytest.param(replace(CALLER, scopes=frozenset()), id="other scopes"),
        pytest.param(replace(CALLER), id="looked up again"),
    ],
)
def test_nobody_else_is_given_what_they_mean(other: Principal) -> None:
    """Not even the same key, once its record was read again and may say something else."""
    questions = RepeatedQuestions()
    questions.remember(b"{}", meant())

    assert questions.find(other, b"{}") is None


def test_so_many_are_remembered_and_none_that_is_long() -> None:
    """The one met longest ago is forgotten."""
    questions = RepeatedQuestions()
    for number in range(MAX_QUESTIONS):
        questions.remember(b"%d" % number, meant())
    questions.remember(b"0", meant())
    questions.remember(b"new", meant())
    questions.remember(b"x" * (MAX_BYTES + 1), meant())

    assert len(questions) == MAX_QUESTIONS
    assert questions.find(CALLER, b"0") is not None
    assert questions.find(CALLER, b"1") is None
    assert questions.find(CALLER, b"x" * (MAX_BYTES + 1)) is None
