"""The journal: what was acknowledged survives a kill, and damage costs only what comes after it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from adsnet.errors import LabelError, StorageError
from app.storage import journal
from app.storage.journal import Journal, JournalEdit

SHAPE = (9, 11)
ROOT = Path(__file__).resolve().parents[3]


def edit(x: int, y: int, pixels: list[list[int]], value: bool = True) -> JournalEdit:
    changed = np.array(pixels, np.bool_)
    return JournalEdit((x, y, changed.shape[1], changed.shape[0]), changed, changed & value, "Draw")


def apply(mask: NDArray[np.bool_], *edits: JournalEdit) -> NDArray[np.bool_]:
    mask = mask.copy()
    for one in edits:
        x, y, w, h = one.box
        mask[y : y + h, x : x + w][one.changed] = one.values[one.changed]
    return mask


EDITS = (
    edit(0, 0, [[1]]),
    edit(2, 3, [[1, 0, 1], [0, 1, 0]]),
    edit(2, 3, [[1, 0], [0, 1]], value=False),
    edit(0, 0, [[1] * 11] * 9),
    edit(5, 5, [[1, 1], [1, 1]], value=False),
)


def after_restart(folder: Path) -> Journal:
    fresh = Journal(folder)
    fresh.adopt()
    return fresh


def test_edits_come_back_after_a_restart(tmp_path: Path) -> None:
    first = Journal(tmp_path / "journal")
    for one in EDITS:
        first.append("a ü", one, shape=SHAPE)
    first.append("b", EDITS[0], shape=SHAPE)
    assert first.pending() == (), "edits of this run are not offered for recovery"
    second = after_restart(tmp_path / "journal")
    assert [(p.stem, p.shape, p.edits) for p in second.pending()] == [("a ü", SHAPE, 5), ("b", SHAPE, 1)]
    empty = np.zeros(SHAPE, np.bool_)
    expected = apply(empty, *EDITS)
    np.testing.assert_array_equal(second.replay("a ü", empty), expected)
    np.testing.assert_array_equal(second.replay("a ü", expected), expected)
    second.discard("a ü")
    assert [p.stem for p in second.pending()] == ["b"]


def test_saved_edits_are_forgotten(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    first.append("a", EDITS[0], shape=SHAPE)
    first.clear("a")
    first.append("b", EDITS[0], shape=SHAPE)
    first.clear("b")
    first.clear("never there")
    assert after_restart(tmp_path).pending() == ()


def test_two_crashes_in_a_row_add_up(tmp_path: Path) -> None:
    Journal(tmp_path).append("a", EDITS[1], shape=SHAPE)
    after_restart(tmp_path).append("a", EDITS[2], shape=SHAPE)
    third = after_restart(tmp_path)
    assert third.pending()[0].edits == 2
    empty = np.zeros(SHAPE, np.bool_)
    np.testing.assert_array_equal(third.replay("a", empty), apply(empty, EDITS[1], EDITS[2]))
    assert after_restart(tmp_path).pending()[0].edits == 2, "looking does not lose them"


def test_every_cut_keeps_a_prefix(tmp_path: Path) -> None:
    writer = Journal(tmp_path / "whole")
    for one in EDITS:
        writer.append("a", one, shape=SHAPE)
    data = (tmp_path / "whole" / "a.journal").read_bytes()
    empty = np.zeros(SHAPE, np.bool_)
    prefixes = [apply(empty, *EDITS[:count]) for count in range(len(EDITS) + 1)]
    counts = []
    for cut in range(0, len(data) + 1):
        folder = tmp_path / "cut"
        folder.mkdir(exist_ok=True)
        (folder / "a.pending").write_bytes(data[:cut])
        reader = Journal(folder)
        pending = reader.pending()
        counts.append(pending[0].edits if pending else 0)
        np.testing.assert_array_equal(reader.replay("a", empty), prefixes[counts[-1]])
    assert counts == sorted(counts) and set(counts) == set(range(6))


@given(position=st.integers(0, 10_000), value=st.integers(1, 255))
def test_every_flipped_byte_keeps_a_prefix(tmp_path: Path, position: int, value: int) -> None:
    folder = tmp_path / "flip"
    if not folder.exists():
        writer = Journal(folder)
        for one in EDITS:
            writer.append("a", one, shape=SHAPE)
        writer.close()
        os.replace(folder / "a.journal", folder / "good")
    data = bytearray((folder / "good").read_bytes())
    data[position % len(data)] ^= value
    (folder / "a.pending").write_bytes(data)
    empty = np.zeros(SHAPE, np.bool_)
    prefixes = [apply(empty, *EDITS[:count]) for count in range(len(EDITS) + 1)]
    replayed = Journal(folder).replay("a", empty)
    assert any((replayed == prefix).all() for prefix in prefixes)


@given(st.binary(max_size=300))
def test_any_bytes_are_no_edits_but_no_crash(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.pending").write_bytes(journal.MAGIC + data)
    (tmp_path / "b.pending").write_bytes(data)
    assert Journal(tmp_path).pending() == ()


def test_edits_beyond_the_frame_stop_the_replay(tmp_path: Path) -> None:
    writer = Journal(tmp_path)
    writer.append("a", EDITS[0], shape=SHAPE)
    writer.append("a", edit(10, 8, [[1, 1]]), shape=SHAPE)
    assert after_restart(tmp_path).pending()[0].edits == 1


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    Journal(tmp_path).append("a", EDITS[0], shape=SHAPE)
    with pytest.raises(LabelError, match=r"11×9.*3×2"):
        after_restart(tmp_path).replay("a", np.zeros((2, 3), np.bool_))


def test_a_failed_append_leaves_the_journal_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Journal(tmp_path)
    writer.append("a", EDITS[0], shape=SHAPE)
    real, calls = os.write, 0

    def short_then_full(descriptor: int, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            return real(descriptor, bytes(data)[:7])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", short_then_full)
        with pytest.raises(StorageError, match="disk is full"):
            writer.append("a", EDITS[1], shape=SHAPE)
    writer.append("a", EDITS[2], shape=SHAPE)
    fresh = after_restart(tmp_path)
    empty = np.zeros(SHAPE, np.bool_)
    np.testing.assert_array_equal(fresh.replay("a", empty), apply(empty, EDITS[0], EDITS[2]))


def test_a_journal_that_could_not_even_be_started_can_be_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Journal(tmp_path)
    with monkeypatch.context() as patch:

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError):
            writer.append("a", EDITS[0], shape=SHAPE)
    writer.append("a", EDITS[0], shape=SHAPE)
    assert after_restart(tmp_path).pending()[0].edits == 1


CHILD = """
    import sys
    from pathlib import Path
    import numpy as np
    from app.storage.journal import Journal, JournalEdit
    journal = Journal(Path(sys.argv[1]))
    for number in range(100_000):
        bits = np.array([[number >> i & 1 for i in range(16)]], np.bool_)
        every = np.ones((1, 16), np.bool_)
        journal.append("a", JournalEdit((0, 0, 16, 1), every, bits, "Draw"), shape=(1, 16))
        print(number, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="uses SIGKILL")
@pytest.mark.parametrize("seed", range(4))
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, seed: int) -> None:
    wanted = random.Random(seed).randrange(1, 200)
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert child.stdout is not None
    acknowledged = -1
    for line in child.stdout:
        acknowledged = int(line)
        if acknowledged >= wanted:
            break
    os.kill(child.pid, signal.SIGKILL)
    acknowledged = max([acknowledged, *(int(line) for line in child.stdout if line.endswith("\n"))])
    child.wait()
    child.stdout.close()
    fresh = after_restart(tmp_path)
    bits = fresh.replay("a", np.zeros((1, 16), np.bool_))[0]
    recovered = sum(int(bit) << i for i, bit in enumerate(bits))
    assert recovered in (acknowledged, acknowledged + 1)
