"""Credentials in memory: known by what says nothing of them, for as long as they may be."""

from types import SimpleNamespace

import pytest

from policies import remembered
from policies.remembered import Remembered, keyed_hash

TEXTS = [f"olg_live_{number:010d}".encode() for number in range(2_000)]


def hashing(monkeypatch: pytest.MonkeyPatch, algorithm: str, *, is_random: bool) -> None:
    """Be a Python with another hash of its own."""
    told = SimpleNamespace(
        flags=SimpleNamespace(hash_randomization=int(is_random)),
        hash_info=SimpleNamespace(algorithm=algorithm),
    )
    monkeypatch.setattr(remembered, "sys", told)


@pytest.mark.parametrize(
    ("algorithm", "is_random", "is_pythons"),
    [
        ("siphash13", True, True),
        ("siphash24", True, True),
        ("siphash13", False, False),
        ("fnv", True, False),
    ],
)
def test_a_name_is_keyed_whatever_python_hashes_by(
    monkeypatch: pytest.MonkeyPatch, algorithm: str, *, is_random: bool, is_pythons: bool
) -> None:
    """The same for the same text, another for another, and another under another key."""
    hashing(monkeypatch, algorithm, is_random=is_random)
    one, other = keyed_hash(), keyed_hash()
    names = [one(text) for text in TEXTS]

    assert names == [one(text) for text in TEXTS]
    assert len({*names}) == len(TEXTS)
    assert not {*names} & {other(text) for text in TEXTS}
    assert {type(name) for name in names} == {int if is_pythons else bytes}
    assert {len(name) for name in names if isinstance(name, bytes)} <= {16}
    assert all(-(2**127) <= name < 2**127 for name in names if isinstance(name, int))


def test_no_half_of_a_name_tells_the_other() -> None:
    """Else it would be a hash of 64 bits, written twice."""
    name_of = keyed_hash()
    names = [name_of(text) for text in TEXTS]
    pairs = [divmod(name % 2**128, 2**64) for name in names if isinstance(name, int)]

    assert len(pairs) == len(TEXTS)
    assert not any(first == second for first, second in pairs)
    assert len({first ^ second for first, second in pairs}) == len(TEXTS)


def test_what_is_remembered_holds_no_text() -> None:
    """Neither as it came nor in part."""
    known: Remembered[SimpleNamespace] = Remembered(lambda: 0.0, 10)
    one = SimpleNamespace(ends_at=5.0)
    known.put(known.name("olg_live_secret"), one)

    assert known.find(b"olg_live_secret") is one
    assert known.find(b"olg_live_secreT") is None
    assert "secret" not in repr(vars(known))
