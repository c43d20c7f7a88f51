"""Texts of many values, looked up at once.

A page says few different things many times over. What was written before lies in a plain
dictionary, out of which the interpreter takes many without a call for each; a dictionary
that writes what it lacks goes round by that.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final

MAX_TEXTS: Final = 1_024


class ManyTexts:
    """Texts of values that were met; starts anew once it holds too many.

    Args:
        text_of: Gives the text of a value, or raises a `LookupError`.
    """

    __slots__ = ("_known", "_text_of")

    def __init__(self, text_of: Callable[[Any], str]) -> None:
        self._known: dict[object, str] = {}
        self._text_of = text_of

    def __len__(self) -> int:
        return len(self._known)

    def all_of(self, values: Sequence[object]) -> Sequence[str]:
        """Give the texts of at least two values.

        Raises:
            LookupError: One of them has none.
        """
        known = self._known
        try:
            found: tuple[str, ...] = itemgetter(*values)(known)
        except KeyError:
            texts = [*map(self._text_of, values)]
            if len(known) >= MAX_TEXTS:
                known.clear()
            known.update(zip(values, texts, strict=True))
            return texts
        return found
