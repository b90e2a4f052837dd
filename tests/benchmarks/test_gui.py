"""The measurement of the window works: every scene runs to its end and gives its figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_quick_run_gives_every_figure_but_the_start(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.gui", "--quick", "--json", str(file)],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(file.read_text("utf-8"))
    wanted = (
        "folder_100k_first_frame_s", "folder_100k_rss_mb", "frame_step_ms_p50", "frame_step_ms_p99",
        "overlay_toggle_ms_p99", "play_fps_640x512", "stroke_ms_p99_4096", "longest_stall_ms",
    )  # fmt: skip
    assert {name for name in wanted if figures[name] > 0} == set(wanted)
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(wanted)
