"""Whole answers kept for a while: for whom, how long, and what a change drops."""

from datetime import UTC, datetime

import pytest

from gateway.graphql.kept import OVERHEAD_BYTES, AnswerKey, KeptAnswer, KeptAnswers, written
from orderlines.visibility import ALL, Visibility

AS_OF = datetime(2026, 11, 20, 12, tzinfo=UTC)
MASK = frozenset({("Line", "price")})
ORDER = ("order", "SO-1")


class Clock:
    """A clock that stands where it is put."""

    now = 0.0

    def __call__(self) -> float:
        """Tell."""
        return self.now


def key(
    visibility: Visibility | None = None, *, mask: object = MASK, variables: bytes = b"{}"
) -> AnswerKey:
    """Name an answer."""
    rows = visibility or Visibility(frozenset({"C-1"}), ALL, ALL)
    return AnswerKey("hash", "Page", mask, variables, rows)


def answer(data: bytes = b"{}", ends_at: float = 10.0) -> KeptAnswer:
    """Make an answer."""
    return KeptAnswer(data, AS_OF, ends_at, 7, frozenset({ORDER}))


def test_an_answer_is_given_until_it_ends() -> None:
    """To whoever asks the same and sees the same."""
    clock = Clock()
    kept = KeptAnswers(100_000, clock=clock)
    kept.put(key(), answer(), kept.epoch)
    clock.now = 9.9
    assert kept.find(key()) == answer()
    clock.now = 10.0

    assert kept.find(key()) is None
    assert kept.hits == 1


@pytest.mark.parametrize(
    "other",
    [
        key(Visibility(frozenset({"C-2"}), ALL, ALL)),
        key(Visibility(ALL, ALL, ALL)),
        key(Visibility(frozenset({"C-1"}), frozenset({"EDI"}), ALL)),
        key(mask=frozenset()),
        key(variables=b'{"n":1}'),
    ],
)
def test_b4_an_answer_is_not_given_to_who_might_get_another(other: AnswerKey) -> None:
    """Other rows, other fields, other variables."""
    kept = KeptAnswers(100_000)
    kept.put(key(), answer(ends_at=1e12), kept.epoch)

    assert kept.find(other) is None


def test_a_key_without_a_visibility_cannot_be_made() -> None:
    """Such an answer would be anybody's."""
    with pytest.raises(TypeError, match="Visibility"):
        AnswerKey("hash", None, MASK, b"", None)  # type: ignore[arg-type] # what is refused


def test_c3_a_change_drops_answers_and_those_that_are_being_made() -> None:
    """What was begun before it is not kept after it."""
    kept = KeptAnswers(100_000)
    kept.put(key(), answer(ends_at=1e12), kept.epoch)
    begun = kept.epoch
    assert kept.drop([("order", "SO-2")]) == 0
    assert kept.drop([ORDER]) == 1
    kept.put(key(), answer(ends_at=1e12), begun)

    assert kept.find(key()) is None
    assert kept.bytes_used == 0


def test_the_least_recently_used_goes_when_there_is_no_room() -> None:
    """Bounded by bytes; what is larger than all room is not kept."""
    kept = KeptAnswers(2 * (100 + OVERHEAD_BYTES))
    names = [key(variables=bytes([n])) for n in range(3)]
    for name in names[:2]:
        kept.put(name, answer(b"x" * 100, 1e12), kept.epoch)
    kept.find(names[0])
    kept.put(names[2], answer(b"x" * 100, 1e12), kept.epoch)
    kept.put(key(variables=b"large"), answer(b"x" * 9_000, 1e12), kept.epoch)

    assert [kept.find(name) is not None for name in names] == [True, False, True]
    assert kept.documents == {"hash": 2}
    assert kept.find(key(variables=b"large")) is None


def test_a_document_is_missing_once_its_last_answer_is() -> None:
    """A question whose answers are never kept is not named at all."""
    kept = KeptAnswers(100_000)
    told = [dict(kept.documents)]
    for variables in (b"1", b"2", b"1"):
        kept.put(key(variables=variables), answer(), kept.epoch)
        told.append(dict(kept.documents))
    kept.drop([ORDER])

    assert told == [{}, {"hash": 1}, {"hash": 2}, {"hash": 2}]
    assert kept.documents == {}


def test_variables_are_written_in_one_order() -> None:
    """Equal ones are equal bytes, whatever order they came in."""
    assert written({"b": 1, "a": [2]}) == written({"a": [2], "b": 1})
    assert written({}) == b""
    assert written({"a": 1}) != written({"a": "1"})
    assert written({"a": object()}) is None
