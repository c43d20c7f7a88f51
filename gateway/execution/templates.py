"""Templates: the JSON of an object, with a place for every value of its columns.

A template is a list of texts and places. It is written as f-strings of Python, in short
pieces: one of more than thirty parts is joined as a list, which takes far longer. For many
objects, which are to be one list anyway, its texts and their values are joined at once.
"""

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from gateway.execution.leaves import json_text

MANY: Final = 8
"""Objects of which a list is written at once."""
MAX_VALUES: Final = 14
"""In one f-string: with the texts between them, thirty parts at most."""


class Place:
    """Where a value goes.

    Attributes:
        name: The variable that holds it; empty while it has none.
    """

    __slots__ = ("name",)

    def __init__(self, name: str = "") -> None:
        self.name = name


Template: TypeAlias = Sequence[str | Place]

VALUE: Final = Place()


def object_of(members: Sequence[tuple[str, Template]]) -> Template:
    """Make the template of an object from those of its members, by key."""
    made: list[str | Place] = []
    for number, (key, template) in enumerate(members):
        made.append(f"{',' if number else '{'}{json_text(key)}:")
        made.extend(template)
    return [*made, "}" if members else "{}"]


def width_of(template: Template) -> int:
    """Count the places."""
    return sum(isinstance(one, Place) for one in template)


def written(template: Template) -> Iterator[str]:
    """Write an expression that fills a template, line by line."""
    some, values = "", 0
    for one in template:
        if isinstance(one, str):
            some += one.replace("{", "{{").replace("}", "}}")
            continue
        if values == MAX_VALUES:
            yield f"f{some!r} +"
            some, values = "", 0
        some += f"{{{one.name}}}"
        values += 1
    yield f"f{some!r}"


def numbered(template: Template) -> Template:
    """Name the places in their order: v0, v1 and so on."""
    names = (f"v{number}" for number in range(len(template)))
    return [Place(next(names)) if isinstance(one, Place) else one for one in template]


class Listing:
    """Fills a template for each object of a list, and gives the list as one text.

    The texts of the template stand in a list as often as there are objects, and each column
    goes between them by one slice: nothing is run for each object. Below `MANY` of them that
    takes longer than an f-string for each.

    Args:
        template: It begins and ends with a text, as that of an object does.
    """

    __slots__ = ("_begin", "_end", "_places", "_texts")

    def __init__(self, template: Template) -> None:
        texts = [""]
        places = []
        for one in template:
            if isinstance(one, Place):
                places.append(len(texts))
                texts += ["", ""]
            else:
                texts[-1] += one
        self._begin, self._end = f"[{texts[0]}", f"{texts[-1]}]"
        texts[-1] += ","
        self._texts, self._places = texts, places

    def of(self, columns: Sequence[Sequence[str]], count: int) -> str:
        """Write the list.

        Args:
            columns: One for each place, in their order; each of all objects.
            count: How many there are; at least one.
        """
        texts = self._texts * count
        width = len(self._texts)
        for place, column in zip(self._places, columns, strict=True):
            texts[place::width] = column
        texts[0], texts[-1] = self._begin, self._end
        return "".join(texts)
