"""Merging of fields: the verdicts of graphql-core, in time that follows the document."""

from collections import Counter

import pytest
from graphql import OverlappingFieldsCanBeMergedRule, build_schema, parse, validate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.graphql.merge_rule import RULES, FieldsCanBeMergedRule
from tests.timing import cpu_ms

SCHEMA = build_schema("""
type Query { pet: Pet dog: Dog cat: Cat pets: [Pet!]! being: Being name: String n(x: Int): Int }
interface Being { name: String! self: Being }
union Pet = Dog | Cat
type Dog implements Being {
  name: String! self: Being barks(at: Int, how: In): Boolean! n: Int friend: Pet dog: Dog ids: [ID]
}
type Cat implements Being {
  name: String! self: Being barks: String n: [Int] friend: Cat dog: Dog ids: [ID!]
}
input In { a: Int b: [Int] }
""")

NAMES = ("name", "n", "self", "friend", "dog", "cat", "barks", "ids", "pet", "being", "nobody")
ARGUMENTS = ("", "(x: 1)", "(at: 1)", "(at: $v)", "(how: {a: 1, b: [2]})", "(how: {b: [2], a: 1})")
TYPES = ("Dog", "Cat", "Being", "Pet", "Query", "Nobody")


@st.composite
def selections(draw: st.DrawFn, depth: int = 3) -> str:
    """Write a selection set of few names, so that many of them meet."""
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.integers(0, 9))
        if kind < 6:
            alias = draw(st.sampled_from(("", "", "", "", "a: ", "b: ", "c: ")))
            name = draw(st.sampled_from(NAMES))
            arguments = draw(st.sampled_from(ARGUMENTS)) if name in ("n", "barks") else ""
            stream = " @stream" if draw(st.integers(0, 40)) == 0 else ""
            has_below = depth > 0 and name not in ("name", "n", "barks", "ids")
            below = " " + draw(selections(depth - 1)) if has_below else ""
            parts.append(f"{alias}{name}{arguments}{stream}{below}")
        elif kind < 8 and depth > 0:
            on = draw(st.sampled_from(("", *(f"on {name} " for name in TYPES))))
            parts.append(f"... {on}{draw(selections(depth - 1))}")
        else:
            parts.append(f"...F{draw(st.integers(0, 3))}")
    return "{ " + " ".join(parts) + " }"


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Write a document of an operation and a few fragments, which may be cyclic or missing."""
    fragments = " ".join(
        f"fragment F{number} on {draw(st.sampled_from(TYPES))} {draw(selections(2))}"
        for number in range(draw(st.integers(0, 3)))
    )
    return f"query($v: Int) {draw(selections())} {fragments}"


def verdict(text: str, rule: type) -> bool:
    """Tell whether a rule finds anything."""
    return bool(validate(SCHEMA, parse(text), [rule]))


def test_the_verdicts_are_those_of_graphql_core() -> None:
    """Over documents in which fields meet: both verdicts are reached often enough."""
    seen: Counter[bool] = Counter()

    @settings(
        max_examples=600,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(documents())
    def compare(text: str) -> None:
        expected = verdict(text, OverlappingFieldsCanBeMergedRule)
        seen[expected] += 1
        assert verdict(text, FieldsCanBeMergedRule) == expected, text

    compare()
    assert min(seen.values()) > 0.2 * seen.total(), seen


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ a: name a: n }", "Fields 'a' conflict because they return conflicting types"),
        (
            "{ dog { a: self { name } a: friend { __typename } } }",
            "Fields 'dog.a' conflict because 'self' and 'friend' are different fields",
        ),
        ("{ n(x: 1) n(x: 2) }", "Fields 'n' conflict because they have differing arguments"),
        (
            "{ pet { ... on Dog { n } ... on Cat { n } } }",
            "Fields 'pet.n' conflict because they return conflicting types 'Int' and '[Int]'",
        ),
        ("fragment F on Query { a: name a: n }", "Fields 'a' conflict"),
    ],
)
def test_a_conflict_is_told_by_its_path_and_both_places(text: str, message: str) -> None:
    """The message says what would have to change."""
    (error, *_) = validate(SCHEMA, parse(text), [FieldsCanBeMergedRule])

    assert error.message.startswith(message)
    assert len(error.locations or ()) == 2


def nested(depth: int) -> str:
    """Write inline fragments that each stand twice inside the other."""
    text = "name"
    for _ in range(depth):
        text = f"... on Being {{ self {{ {text} }} }} ... on Being {{ self {{ {text} }} }}"
    return f"{{ being {{ {text} }} }}"


HOSTILE = {
    "duplicates": "{" + " name" * 499 + "}",
    "conflicting pairs": "{" + " ".join(f"a: n(x: {n})" for n in range(240)) + "}",
    "nested inline fragments": nested(6),
    "deep pairs": "{ dog "
    + "{ dog " * 60
    + "{ name }"
    + "}" * 60
    + " dog "
    + "{ dog " * 60
    + "{ n }"
    + "}" * 60
    + "}",
    "fragments everywhere": "{"
    + " ".join(f"a{n}: dog {{ ...F0 ...F1 ...F2 }}" for n in range(90))
    + "} "
    + " ".join(
        f"fragment F{n} on Dog {{ {' '.join(f'b{m}: dog {{ ...F{n + 1} }}' for m in range(9))} }}"
        for n in range(20)
    )
    + " fragment F20 on Dog { n }",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_q5_no_document_within_the_caps_takes_long(name: str) -> None:
    """Ten milliseconds of CPU; ten times that here, so that no slow machine fails it."""
    document = parse(HOSTILE[name])
    spent_ms = cpu_ms(lambda: validate(SCHEMA, document, [FieldsCanBeMergedRule]))

    assert len(HOSTILE[name]) <= 16_384
    assert spent_ms < 100, spent_ms


def test_the_other_rules_are_those_of_the_specification() -> None:
    """One is ours, the rest graphql-core's, in its order."""
    assert FieldsCanBeMergedRule in RULES
    assert OverlappingFieldsCanBeMergedRule not in RULES
    assert len(RULES) > 25
