"""Correlation ids: taken over where harmless, else made."""

import os

import pytest

from gateway.correlation import correlation_id_of, new_correlation_id


@pytest.mark.parametrize("sent", [b"abcdefgh", b"A-b_c.9-0", b"x" * 64])
def test_a_harmless_id_is_taken_over(sent: bytes) -> None:
    """The caller's own traces go on through the gateway."""
    assert correlation_id_of(sent, lambda: "minted") == sent.decode()


@pytest.mark.parametrize(
    "sent",
    [None, b"", b"short-7", b"x" * 65, b"two words", b"line\r\nset-cookie: a", b"\x1b[31mred-id",
     b"caf\xc3\xa9-caf\xc3\xa9", b'abcdefgh"}', b"abcdefgh\n"],
)  # fmt: skip
def test_any_other_text_is_not(sent: bytes | None) -> None:
    """LOG-2, H-4: nothing of a caller's choosing gets into logs or headers."""
    assert correlation_id_of(sent, lambda: "minted") == "minted"


def test_a_minted_id_is_harmless_itself_and_new() -> None:
    """The next service behind or before us takes it over as well."""
    ids = {new_correlation_id() for _ in range(100)}

    assert len(ids) == 100
    assert all(correlation_id_of(one.encode(), lambda: "") == one for one in ids)


def test_a_child_process_makes_ids_of_its_own() -> None:
    """What was taken from the system before is not given out by two of them."""
    new_correlation_id()
    pipe, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(end, new_correlation_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(pipe, 64).decode()
    os.close(pipe)
    os.close(end)

    assert len(told) == 24
    assert told not in {new_correlation_id() for _ in range(600)}
