"""How this process keeps the memory that it frees."""

from __future__ import annotations

import contextlib
import ctypes
import sys

LARGE_BLOCK = 32 << 20
"""Bytes from which a block is taken from the system by itself and given back at once: the most that glibc allows."""

KEPT = 256 << 20
"""Bytes that are kept free at the end of the heap."""

_FAST_BINS, _TRIM_THRESHOLD, _MMAP_THRESHOLD = 1, -1, -3  # from glibc's malloc.h


def keep_freed_memory() -> None:
    """Let the C library keep the maps of one frame for those of the next; once, when a process that predicts begins.

    Otherwise glibc may give them back to the system after every frame, which then has to clear the same pages for the
    next: 7 ms of a step of a drop slider at 512². Nor does it collect small blocks any more whenever a map is freed:
    2 % of a frame of 256². Does nothing where the C library is another one.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, LARGE_BLOCK)
        library.mallopt(_TRIM_THRESHOLD, KEPT)
        library.mallopt(_FAST_BINS, 0)
