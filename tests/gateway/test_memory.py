"""What a gateway that is up has asked for: large pages, and a collector that looks seldom."""

import asyncio
import gc
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import memory

_SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_MANY = """
import re
from pathlib import Path
from gateway.memory import ask_for_large_pages

def large():
    told = Path("/proc/self/smaps_rollup").read_text()
    return int(re.search(r"AnonHugePages: +([0-9]+) kB", told)[1])

held = [str(number) * 20 for number in range(400_000)]
before = large()
asked = ask_for_large_pages()
print(asked, large() - before, held[77_777] == "77777" * 20)
"""


def test_large_pages_are_asked_for_and_given() -> None:
    """As many as the objects lie on, and they are the same afterwards."""
    if not _SETTING.exists() or "[never]" in _SETTING.read_text("ascii"):
        pytest.skip("SKIPPED: the system gives no large pages")
    said = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", _MANY], capture_output=True, check=True, text=True, timeout=60
    ).stdout
    asked, more_kb, is_whole = said.split()
    release = tuple(map(int, platform.release().split("-")[0].split(".")[:2]))

    assert int(asked) > 10 * memory.LARGE_PAGE
    assert is_whole == "True"
    assert int(more_kb) * 1024 > 5 * memory.LARGE_PAGE or release < (6, 1)


def test_who_cannot_be_asked_is_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another system than Linux, or one that says nothing of itself."""
    monkeypatch.setattr(memory, "_MAPS", tmp_path / "maps")

    assert memory.ask_for_large_pages() == 0


def test_only_whole_large_pages_of_no_file_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither code, nor files, nor stacks, nor what is smaller than one page."""
    maps = tmp_path / "maps"
    maps.write_text(
        "00200000-00a00000 rw-p 00000000 00:00 0          [heap]\n"
        "01100000-01700000 rw-p 00000000 00:00 0 \n"
        "02100000-02300000 rw-p 00000000 00:00 0 \n"
        "03000000-05000000 rw-p 00000000 00:00 0          [stack]\n"
        "06000000-08000000 r-xp 00000000 fe:00 26933      /lib/libpython3.11.so.1.0\n"
        "08000000-0a000000 rw-p 00000000 fe:00 26933      /lib/libpython3.11.so.1.0\n"
        "0b000000-0c000000 r--p 00000000 00:00 0 \n"
    )
    monkeypatch.setattr(memory, "_MAPS", maps)

    assert list(memory.regions()) == [(0x200000, 0xA00000), (0x1200000, 0x1600000)]


async def test_memory_is_settled_once_and_asked_for_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While it still grows."""
    asked = []
    monkeypatch.setattr(memory, "ASK_AFTER_S", (0.0, 0.02))
    monkeypatch.setattr(memory, "ask_for_large_pages", lambda: asked.append(1))
    before = gc.get_threshold()
    try:
        memory.settle_memory(asyncio.get_running_loop())
        for _ in range(200):
            if len(asked) == 2:
                break
            await asyncio.sleep(0.01)
        settled = gc.get_threshold()
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)

    assert (len(asked), settled[0]) == (2, memory.GC_OBJECTS)
