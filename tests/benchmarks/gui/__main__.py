"""How fast the window is: ``python -m tests.benchmarks.gui --json FILE``.

The real program with its real worker, without a screen, on generated frames. Every scene runs in a process of its own
and several times over, as the machine may be busy: where many runs are to tell what is usual their median counts, for
a largest value the least disturbed run. Beside times by the clock on the wall the file has the processor time of the
thread of the window (``own``), which is the work itself. Beside each tour it has what the machine alone did: how long
a piece of work that is always the same took at most, in the ten seconds before. ``--quick`` only shows that everything
works.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.gui.data import write_many, write_set

ROOT = Path(__file__).resolve().parents[3]


class Target(NamedTuple):
    """A figure: the scene it comes from, what it should be and how several runs become one."""

    scene: str
    wanted: str
    good: Callable[[float], bool]
    choose: Callable[[list[float]], float]


TARGETS = {
    "start_to_window_s": Target("start", "< 1.5", lambda v: v < 1.5, statistics.median),
    "folder_100k_first_frame_s": Target("folder", "< 1", lambda v: v < 1, min),
    "folder_100k_rss_mb": Target("folder", "< 600", lambda v: v < 600, max),
    "frame_step_ms_p50": Target("steps", "", lambda v: True, statistics.median),
    "frame_step_ms_p99": Target("steps", "< 33", lambda v: v < 33, min),
    "overlay_toggle_ms_p99": Target("toggles", "< 16", lambda v: v < 16, min),
    "play_fps_640x512": Target("play", "60", lambda v: v > 59.4, max),
    "stroke_ms_p99_4096": Target("strokes", "< 10", lambda v: v < 10, min),
    "longest_stall_ms": Target("tour", "< 50", lambda v: v < 50, min),
}


def play_scenes(scenes: list[str], home: Path, arguments: list[str]) -> dict[str, object]:
    """The figures of some scenes from one new process."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.gui.scenes", "--began", str(began), *arguments, "--", *scenes],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "ADSNET_STUDIO_HOME": str(home), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{', '.join(scenes)}: the window ended with status {done.returncode}")
    figures: dict[str, object] = json.loads(done.stdout)
    return figures


def steadiness(seconds: float) -> dict[str, float]:
    """How long the same few milliseconds of work take, usually and at most, while nothing else is done.

    What holds this up, on a machine that is shared, holds the window up as well.
    """
    spent: list[float] = []
    end = time.monotonic() + seconds
    while not spent or time.monotonic() < end:
        began = time.perf_counter()
        sum(number * number for number in range(50_000))
        spent.append(1e3 * (time.perf_counter() - began))
        time.sleep(0.005)
    return {"same_work_ms_p50": statistics.median(spent), "same_work_ms_max": max(spent)}


def gather(options: argparse.Namespace, folder: Path) -> list[dict[str, object]]:
    """The figures of every run, with the load of the machine before it."""
    data, home = folder / "data", folder / "home"
    untouched = folder / "untouched"  # for the start: where something was opened, it is offered instead of the canvas
    side, count, frames, large = (64, 200, 4, 256) if options.quick else (512, 100_000, 60, 4096)
    write_set(data / "set", count=frames, height=side, width=side * 5 // 4)
    write_many(data / "many", count=count, height=side, width=side * 5 // 4)
    write_set(data / "large", count=1, height=large, width=large)
    arguments = ["--data", str(data), "--frames", str(frames), "--side", str(large), "--tour", str(options.tour)]
    arguments += ["--stacks"] if options.stacks else []
    if options.quick:
        arguments += ["--rounds", "1", "--repeats", "1", "--play", "0.5", "--pace", "0.1"]
        plan = [[scene for scene in dict.fromkeys(target.scene for target in TARGETS.values()) if scene != "start"]]
    else:
        play_scenes(["start"], untouched, arguments)  # now the disk is warm
        plan = [["start"], ["folder"], ["steps"], ["toggles"], ["play"], ["strokes"]] * options.runs
        plan += [["tour"]] * options.tours
    wanted = set(options.scenes or [target.scene for target in TARGETS.values()])
    runs = []
    for scenes in plan:
        if wanted.issuperset(scenes) or options.quick:
            load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
            place = untouched if scenes == ["start"] else home
            machine = steadiness(0.1 if options.quick else 10.0) if "tour" in scenes else {}
            runs.append({"scenes": scenes, "load": load, **machine, **play_scenes(scenes, place, arguments)})
            sys.stderr.write(f"{runs[-1]}\n")
    return runs


def main() -> int:
    """Measure, print a table, write the figures."""
    parser = argparse.ArgumentParser(description="How fast the window is on this machine.")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="tiny frames, one run: only shows that it works")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="of every scene but the tour")
    parser.add_argument("--tours", type=int, default=1, metavar="N")
    parser.add_argument("--tour", type=float, metavar="SECONDS", help="length of a tour, 300 by default")
    parser.add_argument("--scenes", nargs="+", choices=sorted({target.scene for target in TARGETS.values()}))
    parser.add_argument(
        "--stacks", action="store_true", help="tell where the window is whenever it is late in the tour"
    )
    options = parser.parse_args()
    if options.tour is None:
        options.tour = 0.0 if options.quick else 300
    with tempfile.TemporaryDirectory() as folder:
        runs = gather(options, Path(folder))
    figures: dict[str, float] = {}
    for name, target in TARGETS.items():
        values = [value for run in runs if isinstance(value := run.get(name), float)]
        if not values:
            continue
        figures[name] = target.choose(values)
        verdict = "" if options.quick or not target.wanted else "met" if target.good(figures[name]) else "MISSED"
        sys.stdout.write(f"{name:28}{figures[name]:10.2f}   {target.wanted:8}{verdict}\n")
    if options.json:
        machine = {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
        everything = {**figures, "machine": machine, "runs": runs}
        options.json.write_text(json.dumps(everything, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
