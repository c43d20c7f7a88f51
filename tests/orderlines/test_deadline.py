"""Deadlines: an instant that everybody who waits can see coming."""

import pytest

from orderlines.deadline import Deadline


class Hand:
    """A clock that stands where a test puts it."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Tell the time, in seconds."""
        return self.now


def test_a_deadline_is_an_instant() -> None:
    """Whoever gets it later has less time, without anybody subtracting."""
    clock = Hand(100.0)
    deadline = Deadline.after(2.5, clock)
    clock.now = 101.0

    assert (deadline.at, deadline.remaining_s) == (102.5, 1.5)


@pytest.mark.parametrize(("now", "expected"), [(102.0, False), (102.5, True), (110.0, True)])
def test_it_is_past_when_no_time_is_left(now: float, *, expected: bool) -> None:
    """The instant itself is too late."""
    assert Deadline(102.5, Hand(now)).is_past is expected


@pytest.mark.parametrize(
    ("remaining_s", "reserve_s"),
    [
        (10.0, 0.1),
        (1.0, 0.1),
        (0.5, 0.05),
        (0.0, 0.0),
        (-3.0, 0.0),
    ],
)
def test_calls_get_less_than_the_question(remaining_s: float, reserve_s: float) -> None:
    """The reserve is a tenth of what is left, 100 ms at most, and never below zero."""
    deadline = Deadline(50.0 + remaining_s, Hand(50.0))

    assert deadline.with_reserve().at == pytest.approx(deadline.at - reserve_s)


def test_the_reserve_keeps_the_clock() -> None:
    """A derived deadline runs on the clock of the question."""
    clock = Hand(0.0)
    inner = Deadline(1.0, clock).with_reserve()
    clock.now = 0.9

    assert inner.is_past


def test_two_deadlines_at_one_instant_are_equal() -> None:
    """Which clock shows it is not part of what a deadline is."""
    assert Deadline(5.0, Hand(0.0)) == Deadline(5.0, Hand(1.0))


def test_the_clock_of_the_machine_is_the_default() -> None:
    """Without another clock it runs on monotonic time."""
    deadline = Deadline.after(60.0)

    assert 59.0 < deadline.remaining_s <= 60.0
