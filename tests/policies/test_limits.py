"""How large a document is: fragments put in, counted in one pass."""

import pytest
from graphql import get_introspection_query, parse
from msgspec.structs import replace

from policies.limits import MOST, Exceeded, Measures, exceeded, measure
from policies.settings import LimitSettings
from tests.timing import cpu_ms

LIMITS = LimitSettings()


def measured(text: str) -> Measures:
    """Measure a text."""
    found = measure(parse(text))
    assert isinstance(found, Measures)
    return found


def limit_of(text: str, *, may_look: bool = False, limits: LimitSettings = LIMITS) -> str | None:
    """Name the limit that a text exceeds."""
    found = exceeded(measured(text), limits, may_look=may_look)
    return None if found is None else found.limit


def nested(depth: int) -> str:
    """Write fields inside fields."""
    return "{a" * depth + "}" * depth


@pytest.mark.parametrize(
    ("text", "measure_of", "expected"),
    [
        ("{ a }", "depth", 1),
        ("{ a { b { c } } d }", "depth", 3),
        ("{ ...F } fragment F on T { a { b } }", "depth", 2),
        ("{ a { ... on T { ... { b } } } }", "depth", 2),
        ("{ x: a y: b { z: c } }", "aliases", 3),
        ("{ a: b { ...F } c: d { ...F } } fragment F on T { e: f g: h }", "aliases", 6),
        ("query @q { a @a @b ... @c { d } ...F @e } fragment F on T @f { g @g }", "directives", 7),
        ("{ a @a @b @c b @d }", "on_one", 3),
        ("query($x: Int @a @b) { a }", "on_one", 2),
        ("{ a b c { d e } }", "breadth", 3),
        ("{ a ...F } fragment F on T { b c d { e } }", "breadth", 4),
        ("{ a ...F } fragment F on T { b c d { e } }", "selections", 6),
        ("{ a ...F ...F } fragment F on T { b c }", "roots", 5),
        ("query A { a } query B { b c } fragment F on T { x y z }", "roots", 2),
        ("query A { a } query B { b }", "operations", 2),
        ("{ a } fragment F on T { b } fragment G on T { b }", "fragments", 2),
        ("{ a } fragment F on T { b { c { d } } }", "depth", 3),
        ("fragment F on T { a }", "roots", 0),
        ("{ ...F } fragment F on T { a ...F ...G } fragment G on T { ...F b }", "selections", 6),
        ("{ ...Nobody }", "selections", 1),
    ],
)
def test_what_is_counted(text: str, measure_of: str, expected: int) -> None:
    """As often as it is spread; a cycle once, an unknown fragment not at all."""
    assert getattr(measured(text), measure_of) == expected


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (nested(10), None),
        (nested(11), "depth"),
        ("{" + " ".join(f"a{n}: b" for n in range(31)) + "}", "aliases"),
        ("{x {" + " ".join(f"a{n}: b" for n in range(30)) + "}}", None),
        ("{x {" + " ".join(f"a{n}: b" for n in range(31)) + "}}", "aliases"),
        (
            "{"
            + " ".join(f"x{n} {{...F}}" for n in range(6))
            + "} fragment F on T {"
            + " ".join(f"a{n}: b" for n in range(6))
            + "}",
            "aliases",
        ),
        ("{ x {" + "a @x " * 20 + "}}", None),
        ("{ x {" + "a @x " * 21 + "}}", "directives"),
        ("{ a @a @b @c @d @e }", "directives_on_one"),
        ("{" + "a " * 11 + "}", "roots"),
        ("{ x {" + "a " * 101 + "}}", "breadth"),
        ("{" + "x {" + "".join("y { " + "a " * 90 + "} " for _ in range(6)) + "}}", "selections"),
        (" ".join(f"query A{n} {{ a }}" for n in range(21)), "operations"),
        ("{a} " + " ".join(f"fragment A{n} on T {{ a }}" for n in range(101)), "fragments"),
    ],
)
def test_each_limit_is_named(text: str, limit: str | None) -> None:
    """And its value is not."""
    assert limit_of(text) == limit
    found = exceeded(measured(text), LIMITS, may_look=False)
    assert found is None or not any(letter.isdigit() for letter in found.message)


def test_the_schema_may_be_looked_at_deeper_by_those_who_may() -> None:
    """A document that asks for anything else is data."""
    text = get_introspection_query()
    shallow = replace(LIMITS, introspection_depth=9)

    assert limit_of(text, may_look=True) is None
    assert limit_of(text, may_look=False) == "depth"
    assert limit_of(text, may_look=True, limits=shallow) == "depth"
    assert limit_of(text.replace("__schema {", "viewer __schema {", 1), may_look=True) == "depth"


def test_nesting_ends_before_the_stack_does() -> None:
    """Also where every level is a fragment."""
    for text in (
        nested(90),
        "{...F0}"
        + "".join(f"fragment F{n} on T {{ ...F{n + 1} }}" for n in range(90))
        + "fragment F90 on T { a }",
    ):
        assert measure(parse(text)) == Exceeded("nesting", "The document is nested too deeply.")


def test_q1_doubling_fragments_are_measured_once_each() -> None:
    """What they would make is counted no further than needed."""
    text = (
        "{...F0}"
        + "".join(f"fragment F{n} on T {{ ...F{n + 1} ...F{n + 1} }}" for n in range(60))
        + "fragment F60 on T { a: b }"
    )
    document, found = parse(text), measured(text)

    assert cpu_ms(lambda: measure(document)) < 100
    assert (found.aliases, found.selections) == (MOST, MOST)
    assert limit_of(text) == "aliases"


def test_measuring_is_a_small_part_of_parsing() -> None:
    """At most a tenth; three times that here, so that no busy machine fails it."""
    text = get_introspection_query() + " ".join(
        f'query Q{n} {{ order(number: "{n}") {{ lines {{ nodes {{ id state }} }} }} }}'
        for n in range(19)
    )
    document = parse(text)

    assert cpu_ms(lambda: measure(document), 10) < 0.3 * cpu_ms(lambda: parse(text), 10)
