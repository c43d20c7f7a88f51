"""One demo for all scenarios: it is only read, and every fault is taken back."""

from collections.abc import Iterator

import pytest

from tests.scenarios.demo import Demo, running_demo


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """Start the demo once; a scenario leaves it as it found it."""
    with running_demo() as running:
        yield running
