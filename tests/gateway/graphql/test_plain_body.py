"""The quick reader of bodies: it says what the careful one says, or leaves it to that."""

import json
from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.graphql import strict_json
from gateway.graphql.plain_body import plain_body
from gateway.graphql.strict_json import ExactNumber, MalformedJsonError

UNHURRIED: Final = settings(deadline=None, max_examples=150)

TRAPS: Final = ('"', "\\", '":', '" :', "\\u", "a\\", '\\"', "\n", "\x7f", "\x85", "ü", "😀", "{[")
TEXTS: Final = st.text(max_size=6) | st.sampled_from(TRAPS)
WHOLE: Final = (2**53 + 1, 2**63, 2**64, 10**17, 10**18, -(10**18), 10**63, 10**64)
ODD: Final = ("-0", "-0.0", "1.0", "1e3", "01", "+1", ".5", "1.", "1E-2", "9" * 64, "9" * 65)
WORDS: Final = ("NaN", "Infinity", "-Infinity", "null", "true", "false", "nul")
NUMBERS: Final = (
    st.integers().map(str)
    | st.floats(allow_nan=False, allow_infinity=False).map(json.dumps)
    | st.sampled_from(WHOLE).map(str)
    | st.sampled_from(ODD)
    | st.sampled_from(WORDS)
)
BLANKS: Final = st.sampled_from(("", "", "", " ", "\n", "\t\r ", "\x0b", "\ufeff", "\x00"))
GAPS: Final = st.sampled_from(("", "", " ", "\n"))
NAMES: Final = st.sampled_from(
    ("query", "operationName", "variables", "extensions", "documentId", "a", "Query", "")
)


@st.composite
def written_texts(draw: st.DrawFn, texts: st.SearchStrategy[str] = TEXTS) -> str:
    """Write a string in one of the ways JSON has."""
    text = draw(texts)
    written = json.dumps(text, ensure_ascii=draw(st.booleans()))
    return written.replace("/", "\\/") if draw(st.booleans()) else written


@st.composite
def objects(
    draw: st.DrawFn,
    names: st.SearchStrategy[str],
    blanks: st.SearchStrategy[str] = BLANKS,
    depth: int = 2,
) -> str:
    """Write an object; its members may stand twice, with blanks wherever they may be."""
    values = written_texts() | NUMBERS
    if depth:
        values |= objects(st.sampled_from(("a", "b", "query", "ü", "\\")), blanks, depth - 1)
        values |= st.sampled_from(("[]", "[" * 70 + "]" * 70, '["a"]', "{}"))
    members = []
    for _ in range(draw(st.integers(0, 4))):
        name, value = draw(written_texts(names)), draw(values)
        members.append(f"{draw(blanks)}{name}{draw(blanks)}:{draw(blanks)}{value}{draw(blanks)}")
    return "{" + ",".join(members) + "}"


@st.composite
def usual_bodies(draw: st.DrawFn) -> str:
    """Write a body of usual members, some of them twice."""
    written = {
        "query": written_texts(),
        "operationName": written_texts() | st.just("null"),
        "variables": objects(st.sampled_from(("a", "b", "ü", "a:", '"')), GAPS, 0)
        | st.just("null"),
    }
    twice = draw(st.lists(st.sampled_from(sorted(written)), max_size=4))[3:]
    names = draw(st.permutations([*written, *twice]))
    members = [f'"{name}"{draw(GAPS)}:{draw(written[name])}' for name in names]
    return "{" + f",{draw(GAPS)}".join(members) + "}" + draw(GAPS)


def types_of(value: object) -> object:
    """Give the types within a value: to Python, `1`, `1.0` and `True` are equal."""
    if isinstance(value, dict):
        return [(name, types_of(one)) for name, one in value.items()]
    return type(value), str(value)


def agree(body: bytes) -> None:
    """Hold the quick reader to the careful one: it gives the same, or nothing."""
    plain = plain_body(body)
    if plain is None:
        return
    members = strict_json.decode(body, where="body")

    assert isinstance(members, dict)
    assert members.keys() <= {"query", "operationName", "variables"}
    read = members["query"], members.get("operationName"), members.get("variables") or {}
    assert plain == read
    assert [*map(types_of, plain)] == [*map(types_of, read)]


@UNHURRIED
@given(usual_bodies())
def test_a_usual_body_is_read_as_the_careful_reader_reads_it(body: str) -> None:
    """V-3: what that one refuses, such as a member that stands twice, is never read."""
    agree(body.encode())


@UNHURRIED
@given(objects(NAMES))
def test_any_other_body_is_read_alike_or_left_alone(body: str) -> None:
    """Members that nobody defined, numbers of every kind, and any depth."""
    agree(body.encode())


@UNHURRIED
@given(usual_bodies(), st.data())
def test_a_damaged_body_is_read_alike_or_left_alone(body: str, data: st.DataObject) -> None:
    """Bytes are put in, taken out and doubled, within characters too."""
    damaged = bytearray(body.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged)))
        piece = data.draw(
            st.binary(max_size=2)
            | st.sampled_from((b'"', b"\\", b":", b'"a":1,', b"\\ud800", b"\xed\xa0\x80", b"\xff"))
        )
        damaged[at : at + data.draw(st.integers(0, 3))] = piece
    agree(bytes(damaged))


@pytest.mark.parametrize(
    "body",
    [
        b'{"query":"{a}","query":"{b}"}',
        b'{"query":"{a}","variables":{"a":1,"a":2}}',
        b'{"query":"{a}","variables":{"a" :1,"a"\n: 2}}',
        b'{"query":"\\":","variables":{"a":"\\"","a":"\\":"}}',
        b'{"query":"{a}","operationName":null,"operationName":null}',
        b'{"query":"{a}","variables":null,"variables":{"a":1}}',
        b'{"query":"{a}","variables":{},"variables":{}}',
        b'{"query":"\\ud800"}',
        b'\xef\xbb\xbf{"query":"{a}"}',
    ],
)
def test_what_two_readers_could_take_for_two_things_is_left_alone(body: bytes) -> None:
    """V-2, V-3: the careful reader refuses it, and says why."""
    assert plain_body(body) is None
    with pytest.raises(MalformedJsonError):
        strict_json.decode(body, where="body")


@pytest.mark.parametrize("number", ["1.0", "1e3", str(10**18), "9" * 65])
def test_a_number_that_is_no_plain_integer_is_left_alone(number: str) -> None:
    """V-1: it keeps its digits, which the quick reader would lose."""
    body = b'{"query":"{a}","variables":{"a":%s}}' % number.encode()
    members = strict_json.decode(body, where="body")

    assert plain_body(body) is None
    assert isinstance(members, dict)
    assert isinstance(members["variables"]["a"], int | ExactNumber)


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ('{"query":"{a}"}', ("{a}", None, {})),
        ('{"query":"{ a(b: \\"ü\\") }\\n","variables":null}', ('{ a(b: "ü") }\n', None, {})),
        (
            '{ "query" : "{a}", "operationName": "A", "variables": {"x": "y", "n": 3, "z": null} }',
            ("{a}", "A", {"x": "y", "n": 3, "z": None}),
        ),
    ],
)
def test_what_clients_send_is_read_at_once(body: str, read: Sequence[object]) -> None:
    """However it is laid out; else the quick reader would be of no use."""
    assert plain_body(body.encode()) == read
