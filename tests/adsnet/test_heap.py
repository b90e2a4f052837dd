"""What is freed is used again instead of asked for again."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
from adsnet.heap import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        maps = [np.ones(24 << 20, np.uint8) for _ in range(4)]
        del maps
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is another one")
def test_memory_that_was_freed_serves_the_next_maps() -> None:
    """A first touch of 8 · 96 MB is 196,608 page faults with pages of 4 kB."""
    usual, kept = (
        int(subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, check=True).stdout)
        for how in ("usual", "kept")
    )
    assert kept < 100 and kept < usual / 10
