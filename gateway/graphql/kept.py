"""Whole answers kept for a while: the encoded data, for everybody who would get the same.

An answer is kept under what decides its data and nothing else: the plan, the variables
and the caller's `Visibility`; so two callers share one exactly if they may ask the same
fields and see the same rows. What the guard decides about an operation follows from its
plan, its field mask and its variables alone; all three are in the key, so it has decided
when the first answer was made. What belongs to one request (its cost, its id, the age of
the answer) is written around the kept bytes, never into them.

Only an answer without errors is kept, and only as long as every field of it allows.
"""

import time
from collections import OrderedDict
from collections.abc import Collection, Hashable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from backends.cache import Tag
from orderlines.deadline import Clock
from orderlines.visibility import Visibility

OVERHEAD_BYTES: Final = 1_024

_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class AnswerKey(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """What an answer is kept under; its hash is worked out once, as a visibility's takes long.

    Attributes:
        document: The hash of its text.
        operation: Name of the operation, if it has one.
        mask: The fields that are refused.
        variables: As they were sent, in one order.
        visibility: Whose rows are in it.
    """

    document: str
    operation: str | None
    mask: Hashable
    variables: bytes
    visibility: Visibility

    def __post_init__(self) -> None:
        """Refuse a key that does not say whose rows are in the answer."""
        if not isinstance(self.visibility, Visibility):
            msg = "an answer is kept under a Visibility"
            raise TypeError(msg)


def answer_key(
    document: str,
    operation: str | None,
    mask: Hashable,
    visibility: Visibility,
    variables: Mapping[str, object],
) -> AnswerKey | None:
    """Name an answer; None if its variables cannot be written, so that it is not kept."""
    texts = written(variables)
    return None if texts is None else AnswerKey(document, operation, mask, texts, visibility)


def written(variables: Mapping[str, object]) -> bytes | None:
    """Write variables so that equal ones are equal bytes; None if they cannot be written."""
    if not variables:
        return b""
    try:
        return _encode(variables)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None  # a number no JSON has; no such answer is kept


class KeptAnswer(NamedTuple):
    """An answer.

    Attributes:
        data: Encoded.
        as_of: When its oldest reading was made.
        ends_at: When it is too old, by the monotonic clock. How old it may be is part of
            the question it is kept under.
        cost: Points that its question costs at most.
        tags: What it is about.
    """

    data: bytes
    as_of: datetime
    ends_at: float
    cost: int
    tags: frozenset[Tag]


class KeptAnswers:
    """The answers of one process, the least recently used at the front.

    Args:
        max_bytes: What all of them may take together.
        clock: A monotonic clock.

    Attributes:
        hits: How often one was given.
        documents: How many answers to each document there are, by its hash; a document
            that is missing need not be looked for.
        epoch: Counts changes: an answer that was begun before one must not be kept after it.
    """

    def __init__(self, max_bytes: int, *, clock: Clock = time.monotonic) -> None:
        self._max_bytes = max_bytes
        self._clock = clock
        self._answers: OrderedDict[AnswerKey, KeptAnswer] = OrderedDict()
        self._by_tag: dict[Tag, set[AnswerKey]] = {}
        self.bytes_used = 0
        self.hits = 0
        self.documents: dict[str, int] = {}
        self.epoch = 0

    def find(self, key: AnswerKey) -> KeptAnswer | None:
        """Give an answer, if there is one that is fresh enough for its question."""
        found = self._answers.get(key)
        if found is None or self._clock() >= found.ends_at:
            return None
        self._answers.move_to_end(key)
        self.hits += 1
        return found

    def put(self, key: AnswerKey, answer: KeptAnswer, epoch: int) -> None:
        """Keep an answer that was begun in an epoch."""
        size = len(answer.data) + OVERHEAD_BYTES
        if epoch != self.epoch or size > self._max_bytes:
            return
        self._remove(key)
        self._answers[key] = answer
        self.documents[key.document] = self.documents.get(key.document, 0) + 1
        self.bytes_used += size
        for tag in answer.tags:
            self._by_tag.setdefault(tag, set()).add(key)
        while self.bytes_used > self._max_bytes:
            self._remove(next(iter(self._answers)))

    def drop(self, tags: Collection[Tag]) -> int:
        """Drop the answers about something, and what is being answered; tells how many."""
        self.epoch += 1
        keys = {key for tag in tags for key in self._by_tag.get(tag, ())}
        for key in keys:
            self._remove(key)
        return len(keys)

    def _remove(self, key: AnswerKey) -> None:
        answer = self._answers.pop(key, None)
        if answer is None:
            return
        self.documents[key.document] -= 1
        if not self.documents[key.document]:
            del self.documents[key.document]
        self.bytes_used -= len(answer.data) + OVERHEAD_BYTES
        for tag in answer.tags:
            keys = self._by_tag[tag]
            keys.discard(key)
            if not keys:
                del self._by_tag[tag]
