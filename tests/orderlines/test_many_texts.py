"""Texts of many values at once: as each has, whether it was met or not."""

import pytest

from orderlines import many_texts
from orderlines.item import Item
from orderlines.many_texts import ManyTexts


def test_they_are_the_texts_of_each() -> None:
    """New ones, known ones, and both together."""
    texts = ManyTexts(str)

    for values in ([1, 2], [2, 1, 2], [2, 3]):
        assert [*texts.all_of(values)] == [*map(str, values)]
    assert len(texts) == 3


def test_they_do_not_become_more_and_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """They start anew."""
    monkeypatch.setattr(many_texts, "MAX_TEXTS", 4)
    texts = ManyTexts(str)
    for turn in range(9):
        assert [*texts.all_of([turn, turn + 1])] == [str(turn), str(turn + 1)]
        assert len(texts) <= 5


def test_a_value_without_a_text_fails_them_all() -> None:
    """As a line without a number does."""
    measured = Item("BV-015", "EA").measures["EA"].many_texts

    assert [*measured.all_of([1, 12])] == ["1", "12"]
    with pytest.raises(LookupError):
        measured.all_of([1, None])
