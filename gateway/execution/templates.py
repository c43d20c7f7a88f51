"""Templates: the JSON of an object, with a place for every value of its columns.

A template is a list of texts and places. It is written as f-strings of Python, in short
pieces: one of more than thirty parts is joined as a list, which takes far longer.
"""

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from gateway.execution.leaves import json_text

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
