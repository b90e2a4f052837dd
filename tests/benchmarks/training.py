"""How fast training is: ``python -m tests.benchmarks.training --json FILE``.

Every row is a fine-tuning of the default model on generated frames through the command line: by AdamW and by Muon, fp32
and bf16, one process and two, which share the cores of one. Rows are measured in turn, several times, so that ratios
hold on a busy machine.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


class Row(NamedTuple):
    """What is measured."""

    optimiser: str
    precision: str
    processes: int


ROWS = [Row(*row) for row in itertools.product(("adamw", "muon"), ("fp32", "bf16"), (1, 2))]
WARM_UP, STEPS = 4, 16
SIDE, FRAMES = 256, 12


def write_frames(folder: Path) -> None:
    """Noise with a bright target or two in every frame, labelled."""
    random = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(FRAMES):
        frame = random.normal(90, 12, (SIDE, SIDE))
        mask = np.zeros((SIDE, SIDE), np.uint8)
        for row, column in random.integers(8, SIDE - 8, (2, 2)):
            frame[row - 2 : row + 3, column - 2 : column + 3] += 80
            mask[row - 2 : row + 3, column - 2 : column + 3] = 255
        Image.fromarray(frame.clip(0, 255).astype(np.uint8)).save(folder / "images" / f"{number}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")


def step_times(data: Path, work: Path, row: Row) -> Iterator[tuple[float, float]]:
    """Seconds of every step after the warm-up, and the share of the time so far that was spent waiting for crops."""
    path = work / "config.json"
    processes = row.processes
    config = {"optimiser": row.optimiser, "precision": row.precision, "batch": 8 // processes}
    path.write_text(json.dumps({"iterations": WARM_UP + STEPS, **config}))
    out = tempfile.mkdtemp(dir=work)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    start = [sys.executable, *(launcher if processes > 1 else []), "-m", "adsnet", "train", "--json-events"]
    options = ["--data", str(data), "--init", "adsnet-default", "--config", str(path), "--out", f"{out}/run"]
    threads = str(max(1, (os.cpu_count() or 1) // processes))
    with subprocess.Popen(
        [*start, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": threads}
    ) as run:
        assert run.stdout is not None
        before = 0.0
        for line in run.stdout:
            event = json.loads(line)
            if event["event"] == "step":
                now = time.perf_counter()
                if event["iteration"] > WARM_UP:
                    yield now - before, event["waiting"]
                before = now
    if run.returncode:
        raise SystemExit(f"training ended with status {run.returncode}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    options = parser.parse_args()
    measured: dict[Row, list[tuple[float, float]]] = {row: [] for row in ROWS}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        write_frames(work / "frames")
        for _ in range(options.rounds):
            for row in ROWS:
                measured[row] += step_times(work / "frames", work, row)
    rows = []
    for row, steps in measured.items():
        images = 8 / statistics.median(seconds for seconds, _ in steps)
        waiting = statistics.median(share for _, share in steps)
        rows.append({**row._asdict(), "images_per_second": images, "waiting": waiting})
        kind = f"{row.optimiser:6s} {row.precision}  {row.processes} process(es)"
        print(f"{kind}  {images:6.1f} images/s  waiting {100 * waiting:.2f} %")
    if options.json:
        options.json.write_text(json.dumps({"rows": rows}, indent=1))


if __name__ == "__main__":
    main()
