"""Reading answers: the grammar is held strictly, sizes are held while bytes arrive."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.answer import MAX_HEADS, MAX_KNOWN_BYTES, AnswerReader, Heads, UnansweredError
from backends.reasons import Reason
from backends.transport import Response
from backends.wire_limits import WireLimits

MIB = 2**20
HEAD = b"HTTP/1.1 200 OK\r\n"
KEPT = b"Keep-Alive: timeout=7\r\n\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
LENGTH_2 = HEAD + b"content-length: 2\r\n"
OK = LENGTH_2 + b"\r\nok"

MALFORMED = {
    "no protocol": b"200 OK\r\n\r\n",
    "a blank line first": b"\r\n" + OK,
    "lower case": b"http/1.1 200 OK\r\n\r\n",
    "RTSP": b"RTSP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    "HTTP/0.9": OK.replace(b"/1.1", b"/0.9"),
    "HTTP/1.2": OK.replace(b"/1.1", b"/1.2"),
    "HTTP/2.0": OK.replace(b"/1.1", b"/2.0"),
    "HTTP/2.0, kept alive": LENGTH_2.replace(b"/1.1", b"/2.0")
    + b"connection: keep-alive\r\n\r\nok",
    "status 000": OK.replace(b"200", b"000"),
    "status 099": OK.replace(b"200", b"099"),
    "status 600": OK.replace(b"200", b"600"),
    "status 1000": OK.replace(b"200", b"1000"),
    "status 2x": OK.replace(b"200", b"2x"),
    "switching without a word": b"HTTP/1.1 101 X\r\n\r\n",
    "an interim answer with a body": b"HTTP/1.1 100 X\r\ncontent-length: 2\r\n\r\nok" + OK,
    "line feeds alone": OK.replace(b"\r\n", b"\n"),
    "one line feed alone": OK.replace(b"2\r\n", b"2\n"),
    "carriage returns alone": OK.replace(b"\r\n", b"\r"),
    "a folded header": LENGTH_2 + b"a: b\r\n c\r\n\r\nok",
    "a folded coding": HEAD + b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a blank before the colon": HEAD + b"content-length : 2\r\n\r\nok",
    "a blank before the name": HEAD + b" content-length: 2\r\n\r\nok",
    "no colon": LENGTH_2 + b"oops\r\n\r\nok",
    "no name": LENGTH_2 + b": oops\r\n\r\nok",
    "NUL in a value": LENGTH_2 + b"a: \x00\r\n\r\nok",
    "CR in a value": LENGTH_2 + b"a: b\rc\r\n\r\nok",
    "DEL in a value": LENGTH_2 + b"a: \x7f\r\n\r\nok",
    "two lengths": LENGTH_2 + b"content-length: 3\r\n\r\nok",
    "the same length twice": LENGTH_2 + b"content-length: 2\r\n\r\nok",
    "a list of lengths": HEAD + b"content-length: 2, 2\r\n\r\nok",
    "a signed length": HEAD + b"content-length: +2\r\n\r\nok",
    "a negative length": HEAD + b"content-length: -2\r\n\r\nok",
    "a hexadecimal length": HEAD + b"content-length: 0x2\r\n\r\nok",
    "an empty length": HEAD + b"content-length:\r\n\r\nok",
    "an immense length": HEAD + b"content-length: 99999999999999999999999\r\n\r\nok",
    "length, then coding": LENGTH_2 + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding, then length": CHUNKED[:-2] + b"content-length: 2\r\n\r\n0\r\n\r\n",
    "chunked twice": CHUNKED[:-2] + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": CHUNKED.replace(b"/1.1", b"/1.0") + b"0\r\n\r\n",
    "identity": CHUNKED.replace(b"chunked", b"identity") + b"ok",
    "xchunked": CHUNKED.replace(b"chunked", b"xchunked") + b"0\r\n\r\n",
    "gzip, chunked": CHUNKED.replace(b"chunked", b"gzip, chunked") + b"0\r\n\r\n",
    "chunked, gzip": CHUNKED.replace(b"chunked", b"chunked, gzip") + b"0\r\n\r\n",
    "a chunk size of nothing": CHUNKED + b"\r\n\r\n",
    "a chunk size with a sign": CHUNKED + b"+2\r\nok\r\n0\r\n\r\n",
    "a chunk size with 0x": CHUNKED + b"0x2\r\nok\r\n0\r\n\r\n",
    "a chunk size and a blank": CHUNKED + b"2 \r\nok\r\n0\r\n\r\n",
    "an immense chunk size": CHUNKED + b"f" * 17 + b"\r\nok",
    "a chunk longer than it said": CHUNKED + b"2\r\nokay\r\n0\r\n\r\n",
    "chunks ended by line feeds": CHUNKED + b"2\nok\n0\n\n",
    "a length as trailer": CHUNKED + b"2\r\nok\r\n0\r\ncontent-length: 3\r\n\r\n",
    "gzip": LENGTH_2 + b"content-encoding: gzip\r\n\r\nok",
    "gzip after identity": LENGTH_2
    + b"content-encoding: identity\r\ncontent-encoding: gzip\r\n\r\nok",
}


def fed(reader: AnswerReader, raw: bytes, piece: int | None = None) -> Response | None:
    """Read an answer in pieces of one size, at once by default; give what the last one gave."""
    answer = None
    step = piece or len(raw)
    for at in range(0, len(raw), step):
        answer = reader.feed(raw[at : at + step])
    return answer


def read(raw: bytes, limits: WireLimits | None = None, piece: int | None = None) -> Response:
    """Read a complete answer in pieces of one size; at once by default."""
    answer = fed(AnswerReader(limits or WireLimits()), raw, piece)
    assert answer is not None
    return answer


@pytest.mark.parametrize("piece", [None, 1])
@pytest.mark.parametrize("what", MALFORMED)
def test_what_http_does_not_allow_is_refused(what: str, piece: int | None) -> None:
    """H-5: in one piece and byte by byte. What two readers could read differently is no answer."""
    with pytest.raises(UnansweredError) as caught:
        read(MALFORMED[what], piece=piece)

    assert caught.value.reason == Reason.MALFORMED


def test_headers_are_kept_in_order_in_lower_case_and_trimmed() -> None:
    """As they came otherwise: repeated ones, empty ones, and bytes beyond ASCII."""
    answer = read(
        HEAD
        + b"Set-Cookie: a\r\nX:\r\nset-cookie:  b \t\r\nX-\xc3: no\r\n".replace(b"X-\xc3", b"y")
        + b"z: \xc3\xa4\r\nContent-Length: 2 \r\n\r\nok"
    )

    assert answer == Response(
        200,
        (
            (b"set-cookie", b"a"),
            (b"x", b""),
            (b"set-cookie", b"b"),
            (b"y", b"no"),
            (b"z", "ä".encode()),
            (b"content-length", b"2"),
        ),
        b"ok",
    )


def test_one_answer_follows_another_and_nothing_is_left_of_the_first() -> None:
    """One reader serves a connection for its whole life."""
    reader = AnswerReader(WireLimits())
    first = (reader.feed(LENGTH_2 + b"a: b\r\n"), reader.feed(b"\r\nok"))
    second = (reader.feed(CHUNKED + b"1\r\nx\r\n"), reader.feed(b"0\r\n\r\n"))

    assert first == (None, Response(200, ((b"content-length", b"2"), (b"a", b"b")), b"ok"))
    assert second == (None, Response(200, ((b"transfer-encoding", b"chunked"),), b"x"))
    assert reader.may_reuse


def test_an_end_completes_only_what_has_no_other_end() -> None:
    """With a length, with chunks, or before the head is over, it means cut off."""
    raws = [
        b"",
        HEAD,
        LENGTH_2 + b"\r\no",
        CHUNKED + b"2\r\nok\r\n",
        b"HTTP/1.1 100 X\r\n\r\n",
        HEAD + b"\r\nok",
        HEAD + b"\r\n",
    ]
    ends = []
    for raw in raws:
        reader = AnswerReader(WireLimits())
        fed(reader, raw, piece=1)
        ends.append(reader.end())

    assert [one and one.body for one in ends] == [None, None, None, None, None, b"ok", b""]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (OK + b"X", 200),
        (OK + b"HT", 200),
        (OK + OK, 200),
        (CHUNKED + b"0\r\n\r\n" + OK, 200),
        (b"HTTP/1.1 204 X\r\ncontent-length: 2\r\n\r\nok", 204),
        (b"HTTP/1.1 304 X\r\ncontent-length: 99999999\r\n\r\nok", 304),
        (b"HTTP/1.1 304 X\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 304),
    ],
)
def test_what_follows_an_answer_spoils_its_connection(raw: bytes, status: int) -> None:
    """The answer stands, and the connection does not."""
    reader = AnswerReader(WireLimits())
    answer = reader.feed(raw)

    assert answer is not None
    assert not reader.may_reuse
    assert answer.status == status


def test_a_head_may_be_as_large_as_its_cap_and_not_larger() -> None:
    """Whether it comes alone, byte by byte, or in one piece with a large body."""
    limits = WireLimits(max_head_bytes=1024)
    body = b"x" * 5_000
    allowed = HEAD + b"x: %b\r\ncontent-length: 5000\r\n\r\n" % (b"y" * 960)
    large = HEAD + b"x: %b\r\ncontent-length: 5000\r\n\r\n" % (b"y" * 1000)
    for piece in (None, 1, 600):
        assert read(allowed + body, limits, piece).body == body
        with pytest.raises(UnansweredError) as caught:
            read(large + body, limits, piece)
        assert caught.value.reason == Reason.TOO_LARGE


def test_a_body_may_be_as_large_as_its_cap_and_not_larger() -> None:
    """With a length it is refused by the length; in chunks, or without end, by what came."""
    limits = WireLimits(max_body_bytes=100)
    chunk = b"a\r\n0123456789\r\n"
    answers = [
        read(HEAD + b"content-length: 100\r\n\r\n" + b"x" * 100, limits).body,
        read(CHUNKED + chunk * 10 + b"0\r\n\r\n", limits).body,
    ]
    refused = []
    for raw in (
        HEAD + b"content-length: 101\r\n\r\n",
        CHUNKED + chunk * 10 + b"1\r\nx",
        CHUNKED + b"65\r\n" + b"x" * 101,
        HEAD + b"\r\n" + b"x" * 101,
    ):
        with pytest.raises(UnansweredError) as caught:
            AnswerReader(limits).feed(raw)
        refused.append(caught.value.reason)

    assert [len(body) for body in answers] == [100, 100]
    assert refused == [Reason.TOO_LARGE] * 4


def test_tiny_chunks_cost_no_more_memory_than_their_bytes() -> None:
    """A million chunks of two bytes must not become a million objects."""
    reader = AnswerReader(WireLimits())
    piece = b"2\r\nxx\r\n" * 4096
    reader.feed(CHUNKED)
    tracemalloc.start()
    try:
        for _ in range(64):
            reader.feed(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2 * MIB
    answer = reader.feed(b"0\r\n\r\n")
    assert answer is not None
    assert answer.body == b"xx" * 4096 * 64


@given(
    body=st.binary(max_size=300),
    chunks=st.none() | st.lists(st.integers(1, 50), min_size=1, max_size=6),
    cuts=st.lists(st.integers(1, 60), min_size=1, max_size=10),
    has_interim=st.booleans(),
)
def test_however_an_answer_is_cut_it_is_the_same(
    *, body: bytes, chunks: list[int] | None, cuts: list[int], has_interim: bool
) -> None:
    """Any body, in a length or in chunks of any sizes, in pieces of any sizes."""
    if chunks is None:
        raw = HEAD + b"content-length: %d\r\n\r\n%b" % (len(body), body)
    else:
        raw, at, turn = CHUNKED, 0, 0
        while at < len(body):
            part = body[at : at + chunks[turn % len(chunks)]]
            raw += b"%x\r\n%b\r\n" % (len(part), part)
            at, turn = at + len(part), turn + 1
        raw += b"0\r\n\r\n"
    raw = b"HTTP/1.1 100 Continue\r\n\r\n" * has_interim + raw
    heads = Heads()
    for times in range(3):  # as a connection of its own each time, to the same system
        reader, told, turn, rest = AnswerReader(WireLimits(), heads), [], 0, raw
        while rest:
            cut = cuts[turn % len(cuts)] if times else len(rest)
            told.append(reader.feed(rest[:cut]))
            rest, turn = rest[cut:], turn + 1

        *before, answer = told
        assert answer is not None
        assert before == [None] * len(before)
        assert answer.body == body
        assert reader.may_reuse is not has_interim


def test_a_head_that_was_read_means_the_same_again() -> None:
    """On another connection, too; and what it said of the connection is heeded."""
    heads = Heads()
    for body in (b"ok", b"no"):
        reader = AnswerReader(WireLimits(), heads)

        assert reader.feed(LENGTH_2 + KEPT + body) == Response(
            200, ((b"content-length", b"2"), (b"keep-alive", b"timeout=7")), body
        )
        assert reader.may_reuse
        assert reader.idle_s == 7.0
    assert [*heads] == [LENGTH_2 + KEPT]


def test_a_known_head_is_read_anew_where_its_body_comes_otherwise() -> None:
    """In pieces, or with more behind it, which spoils the connection as ever."""
    heads = Heads()
    AnswerReader(WireLimits(), heads).feed(LENGTH_2 + b"\r\nok")
    for raw, piece, may_reuse in (
        (LENGTH_2 + b"\r\nok", 30, True),
        (LENGTH_2 + b"\r\nok", 1, True),
        (LENGTH_2 + b"\r\nokX", None, False),
    ):
        reader = AnswerReader(WireLimits(), heads)
        answer = fed(reader, raw, piece)

        assert answer is not None
        assert answer.body == b"ok"
        assert reader.may_reuse is may_reuse


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(LENGTH_2 + b"connection: close\r\n\r\nok", id="the last one"),
        pytest.param(b"HTTP/1.1 100 X\r\n\r\n" + LENGTH_2 + b"\r\nok", id="behind an interim one"),
        pytest.param(LENGTH_2 + b"\r\nokX", id="with more behind it"),
        pytest.param(CHUNKED + b"2\r\nok\r\n0\r\n\r\n", id="in chunks"),
        pytest.param(LENGTH_2 + b"x: %b\r\n\r\nok" % (b"y" * MAX_KNOWN_BYTES), id="large"),
    ],
)
def test_other_heads_are_not_remembered(raw: bytes) -> None:
    """Only one that says all there is to know of an answer, and lets the next one come."""
    heads = Heads()
    answer = AnswerReader(WireLimits(), heads).feed(raw)

    assert answer is not None
    assert answer.body == b"ok"
    assert not heads


def test_few_heads_are_remembered() -> None:
    """They differ by the second and by the length; old ones do not come again."""
    heads = Heads()
    reader = AnswerReader(WireLimits(), heads)
    for number in range(MAX_HEADS + 1):
        reader.feed(LENGTH_2 + b"date: %d\r\n\r\nok" % number)

    assert [*heads] == [LENGTH_2 + b"date: %d\r\n\r\n" % MAX_HEADS]
