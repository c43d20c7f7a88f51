"""Requests as bytes: what could pass for framing is refused, never repaired."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.request_bytes import UnsafeRequestError, common_lines, request_bytes
from backends.transport import Request

COMMON = common_lines("erp.example:8080")


def test_a_request_is_one_head_and_one_body() -> None:
    """In this order: line, host, coding, the caller's headers, the length."""
    request = Request("POST", "/x?a=%20b", ((b"accept", b"text/plain"), (b"x", b"")), b"\r\n")

    assert request_bytes(request, COMMON) == (
        b"POST /x?a=%20b HTTP/1.1\r\nhost: erp.example:8080\r\naccept-encoding: identity\r\n"
        b"accept: text/plain\r\nx: \r\ncontent-length: 2\r\n\r\n\r\n"
    )


@pytest.mark.parametrize(
    "method", ["", "get", "HEAD", "DELETE", "CONNECT", "GET ", "GET\r\n", "GET /x HTTP/1.1\r\nx:"]
)
def test_a_method_is_one_that_may_be_sent_twice(method: str) -> None:
    """GET, POST or PUT, in capitals; HEAD would have answers that end differently."""
    with pytest.raises(UnsafeRequestError):
        request_bytes(Request(method, "/"), COMMON)


@pytest.mark.parametrize(
    "target",
    [
        "",
        "*",
        "lines",
        "http://elsewhere/",
        "/a b",
        "/a\tb",
        "/a\r\nx-evil: 1",
        "/a\nb",
        "/a\rb",
        "/a\x00",
        "/a\x7f",
        "/a\x85",
        "/a\u2028b",
        "/é",
        "/a#b",
        "/" + "a" * 65_535,
    ],
)
def test_a_target_is_a_percent_encoded_path(target: str) -> None:
    """H-4, S-2: no line break of any alphabet, no blank, no fragment, no other host."""
    with pytest.raises(UnsafeRequestError):
        request_bytes(Request("GET", target), COMMON)


@pytest.mark.parametrize(
    "header",
    [
        (b"", b"1"),
        (b"x y", b"1"),
        (b"x:", b"1"),
        (b"x\r\nx-evil", b"1"),
        (b"x\n", b"1"),
        (b"X-Upper", b"1"),
        (b"\xc3\xa9", b"1"),
        (b"x", b"1\r\nx-evil: 1"),
        (b"x", b"1\n"),
        (b"x", b"1\r"),
        (b"x", b"1\x00"),
        (b"x", b"\x7f"),
        (b"x", "\u2028".encode()),
        (b"host", b"elsewhere"),
        (b"connection", b"close"),
        (b"content-length", b"0"),
        (b"transfer-encoding", b"chunked"),
        (b"accept-encoding", b"gzip"),
        (b"expect", b"100-continue"),
        (b"upgrade", b"h2c"),
    ],
)
def test_a_header_is_one_line_that_the_wire_does_not_write_itself(
    header: tuple[bytes, bytes],
) -> None:
    """H-4: refused each time it is tried, and its value is in no log."""
    for _ in range(2):
        with pytest.raises(UnsafeRequestError) as caught:
            request_bytes(Request("GET", "/", ((b"accept", b"x"), header)), COMMON)

        assert "evil: 1" not in caught.value.detail.replace(repr(header[0]), "")


@given(
    method=st.sampled_from(["GET", "POST", "PUT"]),
    target=st.text(max_size=30).map("/".__add__),
    name=st.binary(max_size=10),
    value=st.binary(max_size=20),
    body=st.binary(max_size=20),
)
def test_whatever_is_let_through_is_one_request(
    method: str, target: str, name: bytes, value: bytes, body: bytes
) -> None:
    """Of any text at all: either refused, or exactly the lines that were meant."""
    request = Request(method, target, ((name, value),), body)
    try:
        head, _, rest = request_bytes(request, COMMON).partition(b"\r\n\r\n")
    except UnsafeRequestError:
        return
    lines = head.split(b"\r\n")

    assert rest == body
    assert lines[0].split(b" ") == [method.encode(), target.encode(), b"HTTP/1.1"]
    assert lines[3] == name + b": " + value
    assert len(lines) == (4 if method == "GET" and not body else 5)
