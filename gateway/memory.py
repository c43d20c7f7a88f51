"""Memory, settled once the gateway is up: what lives long, and on which pages it lies.

An answer makes thousands of objects that are gone when it is sent, and next to no
cycles. With Python's defaults a quarter of the time would go into looking through
them, and through everything that was loaded at the start.

What an answer touches lies scattered over tens of megabytes. Each page of 4 KB costs the
processor a look-up of its own, in a virtual machine two of them. Linux has pages of 2 MB,
and most distributions give them to whoever asks (`transparent_hugepage` is `madvise`);
Python does not ask. On one such machine that is 3 to 5 % of an answer's time.
"""

import asyncio
import ctypes
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Final

GC_OBJECTS: Final = 50_000
"""New objects between two looks of the garbage collector; some pages' worth."""
LARGE_PAGE: Final = 2 * 1024 * 1024
"""Bytes."""
ASK_AFTER_S: Final = (1.0, 5.0, 30.0, 300.0)
"""Memory grows while a gateway warms up; then it stays."""

_MAPS: Final = Path("/proc/self/maps")
# Linux, <asm-generic/mman-common.h>. The second is of Linux 6.1 and later; earlier ones
# refuse it, and come to pages that were asked for by and by.
_MADV_HUGEPAGE: Final = 14
_MADV_COLLAPSE: Final = 25


def settle_memory(loop: asyncio.AbstractEventLoop) -> None:
    """Let the garbage collector forget what is here by now, and ask for large pages."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_OBJECTS, *gc.get_threshold()[1:])
    for seconds in ASK_AFTER_S:
        # In a thread: the system copies what lies on small pages.
        loop.call_later(seconds, loop.run_in_executor, None, ask_for_large_pages)


def ask_for_large_pages() -> int:
    """Ask for large pages for all memory of this process that is no file's.

    Returns:
        Bytes that were asked for; 0 where there is nobody to ask.
    """
    asked = 0
    try:
        advise = ctypes.CDLL(None).madvise
        for start, end in regions():
            for advice in (_MADV_HUGEPAGE, _MADV_COLLAPSE):
                advise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), advice)
            asked += end - start
    except (OSError, AttributeError, TypeError):  # another system has neither
        return 0
    return asked


def regions() -> Iterator[tuple[int, int]]:
    """Find what holds a large page or more: as whole pages, from where to where."""
    for line in _MAPS.read_text("utf-8", "replace").splitlines():
        bounds, rights, _, _, inode, *name = line.split(maxsplit=5)
        if inode != "0" or rights != "rw-p" or name not in ([], ["[heap]"]):
            continue
        first, last = (int(bound, 16) for bound in bounds.split("-"))
        start, end = -(-first // LARGE_PAGE) * LARGE_PAGE, last // LARGE_PAGE * LARGE_PAGE
        if start < end:
            yield start, end
