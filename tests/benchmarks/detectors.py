"""Times of the traditional detectors: ``python -m tests.benchmarks.detectors --json FILE``.

Everything of one frame size in turn, round after round, so that ratios hold on a machine whose speed drifts. What is
timed is ``detect``: saliency, threshold and targets.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np

from adsnet.detectors.registry import METHODS, make_detector

SIZES = (256, 512)
DTYPES = ("uint8", "uint16", "float32")
WARM_UP = 2


def measure(sizes: tuple[int, ...], rounds: int) -> list[dict[str, Any]]:
    """One row for each size, type and method, with ``ms_median`` and ``ms_least``."""
    rows = []
    for size in sizes:
        # Noise has no easy places; 16-bit values of 14 bits, as most cameras give.
        noise = np.random.default_rng(0).normal(0.5, 0.1, (size, size)).clip(0, 1)
        frames = {"uint8": noise * 255, "uint16": noise * 16383, "float32": noise}
        cases = [(name, dtype) for dtype in DTYPES for name in METHODS]
        seconds: dict[tuple[str, str], list[float]] = {case: [] for case in cases}
        for turn in range(WARM_UP + rounds):
            for name, dtype in cases:
                spent = make_detector(name).detect(frames[dtype].astype(dtype)).seconds
                if turn >= WARM_UP:
                    seconds[name, dtype].append(spent)
        rows += [
            {
                "size": size,
                "detector": name,
                "dtype": dtype,
                "ms_median": statistics.median(seconds[name, dtype]) * 1e3,
                "ms_least": min(seconds[name, dtype]) * 1e3,
            }
            for name, dtype in cases
        ]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the traditional detectors on this machine.")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--rounds", type=int, default=25, help="how often each is timed, at least 1")
    options = parser.parse_args()
    rows = measure(SIZES, max(options.rounds, 1))
    for row in rows:
        sys.stdout.write(
            f"{row['size']}²  {row['dtype']:8}{row['detector']:8}{row['ms_median']:8.2f} ms median"
            f"{row['ms_least']:8.2f} least\n"
        )
    if options.json:
        machine = {"cores": os.cpu_count(), "system": platform.platform(), "numpy": np.__version__}
        options.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
