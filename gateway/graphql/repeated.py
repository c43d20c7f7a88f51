"""Questions that come again, byte for byte, from the same caller.

A portal asks the same every few seconds. What its bytes mean, and under which name their
answer is kept, was worked out when that answer was first given; so it is remembered
beside the caller it was worked out for, and worked out for nobody else: who sends
another's bytes has them read like any others.

Only questions whose answer was found kept are remembered, and only their names are: the
answer itself lies where it can be dropped (`kept`).
"""

from collections import OrderedDict
from typing import Final, NamedTuple

from gateway.graphql.documents import Operation
from gateway.graphql.kept import AnswerKey
from policies.principal import Principal

MAX_QUESTIONS: Final = 4_096
MAX_BYTES: Final = 4_096
"""Of one question."""


class Meant(NamedTuple):
    """What a question means.

    Attributes:
        principal: Who asked it; the same object, which another grant would not be.
        asked: What its answer is kept under.
        operation: What it asks for.
        document_hash: As it is told in the log.
    """

    principal: Principal
    asked: AnswerKey
    operation: Operation
    document_hash: str


class RepeatedQuestions:
    """The questions of one process that were met last."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, bytes], Meant] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def find(self, principal: Principal, body: bytes) -> Meant | None:
        """Tell what the bytes of this caller mean, if they were met before."""
        found = self._known.get((principal.id, body))
        return found if found is not None and found.principal is principal else None

    def remember(self, body: bytes, meant: Meant) -> None:
        """Remember what some bytes mean; the question met longest ago is forgotten."""
        if len(body) > MAX_BYTES:
            return
        key = meant.principal.id, body
        self._known.pop(key, None)
        self._known[key] = meant
        if len(self._known) > MAX_QUESTIONS:
            self._known.popitem(last=False)
