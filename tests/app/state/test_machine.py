"""Any order of drawing, erasing, undoing, saving, changing frames, crashing and reopening, against plain arrays."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from numpy.typing import NDArray

from adsnet.data.labels import read_mask
from app.imaging.raster import line
from app.state.session import Session
from app.storage.settings import Settings
from tests.app.state.conftest import write_frame

SHAPE = (6, 8)
NAMES = ("a", "b")
places = st.tuples(st.integers(-2, 9), st.integers(-2, 7))


class Model:
    """One frame the obvious way: every mask there ever was, and the place in that list."""

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self.masks = [mask]
        self.place = 0

    @property
    def mask(self) -> NDArray[np.bool_]:
        return self.masks[self.place]

    def push(self, mask: NDArray[np.bool_]) -> None:
        if not np.array_equal(mask, self.mask):
            self.masks[self.place + 1 :] = [mask]
            self.place += 1


class LabellingMachine(RuleBasedStateMachine):
    """A session beside models of its frames and of the label files."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        for seed, name in enumerate(NAMES):
            write_frame(self.folder / f"{name}.png", seed, SHAPE)
        self.saved: dict[str, NDArray[np.bool_] | None] = dict.fromkeys(NAMES)
        self.automatic = True

    @initialize(automatic=st.booleans())
    def start(self, automatic: bool) -> None:
        self.automatic = automatic
        self.open()

    def open(self) -> None:
        self.session = Session(Settings(autosave=self.automatic, autosave_seconds=60.0))
        self.session.open([self.folder])
        self.index = 0
        self.models = {name: Model(self.label(name)) for name in NAMES}

    def label(self, name: str) -> NDArray[np.bool_]:
        saved = self.saved[name]
        return np.zeros(SHAPE, np.bool_) if saved is None else saved

    @property
    def name(self) -> str:
        return NAMES[self.index]

    @property
    def model(self) -> Model:
        return self.models[self.name]

    def dirty(self, name: str) -> bool:
        return not np.array_equal(self.models[name].mask, self.label(name))

    def wrote(self, name: str) -> None:
        self.saved[name] = self.models[name].mask.copy()

    def stroke(self, start: tuple[int, int], end: tuple[int, int], size: int, value: bool) -> NDArray[np.bool_]:
        footprint = line(*start, *end, diameter=size, shape=SHAPE)
        document = self.session.document
        document.begin_stroke(value)
        document.paint(*footprint)
        painted = self.model.mask.copy()
        x, y, w, h = footprint.box
        painted[y : y + h, x : x + w][footprint.pixels] = value
        np.testing.assert_array_equal(document.mask, painted)
        return painted

    @rule(start=places, end=places, size=st.integers(1, 3), value=st.booleans())
    def draw_or_erase(self, start: tuple[int, int], end: tuple[int, int], size: int, value: bool) -> None:
        painted = self.stroke(start, end, size, value)
        self.session.document.commit()
        self.model.push(painted)

    @rule(start=places, end=places, value=st.booleans())
    def abort(self, start: tuple[int, int], end: tuple[int, int], value: bool) -> None:
        self.stroke(start, end, 2, value)
        self.session.document.abort()

    @rule(bits=st.integers(0, 2**48 - 1))
    def accept(self, bits: int) -> None:
        mask = np.array([bits >> i & 1 for i in range(48)], np.bool_).reshape(SHAPE)
        self.session.document.apply_mask("Accept all", mask, source="net")
        self.model.push(mask)

    @rule()
    def clear(self) -> None:
        self.session.document.apply_mask("Clear label", np.zeros(SHAPE, np.bool_))
        self.model.push(np.zeros(SHAPE, np.bool_))

    @rule()
    def undo(self) -> None:
        assert self.session.document.undo() == (self.model.place > 0)
        self.model.place = max(self.model.place - 1, 0)

    @rule(times=st.integers(2, 4))
    def undo_more(self, times: int) -> None:
        for _ in range(times):
            self.undo()

    @rule()
    def redo(self) -> None:
        last = len(self.model.masks) - 1
        assert self.session.document.redo() == (self.model.place < last)
        self.model.place = min(self.model.place + 1, last)

    @rule()
    def save(self) -> None:
        clean = self.session.document.is_clean
        self.session.save()
        if not clean:
            self.wrote(self.name)

    @rule()
    def other_frame(self) -> None:
        clean = self.session.document.is_clean
        self.index = 1 - self.index
        self.session.go_to(self.index)
        if self.automatic and not clean:
            self.wrote(NAMES[1 - self.index])
            for name in self.session.unsaved:
                raise AssertionError(f"{name} was not saved on leaving the frame")

    @rule()
    def reopen(self) -> None:
        unsaved = self.session.unsaved
        assert self.session.save_all() == ()
        for name in unsaved:
            self.wrote(name)
        assert self.session.close_sequence() == ()
        self.session.deleteLater()
        self.open()
        assert self.session.saving.pending == ()

    @rule(recover=st.booleans())
    def crash(self, recover: bool) -> None:
        # All that a killed process leaves is its files; the lock goes with the process.
        opened = self.session.saving._opened
        assert opened is not None
        opened.journal.close()
        opened.records.lock.release()
        before = {name: self.models[name].mask.copy() for name in NAMES}
        differ = {name for name in NAMES if self.dirty(name)}
        abandoned = self.session
        abandoned.saving._autosave.cancel()
        self.open()
        assert {one.stem for one in self.session.saving.pending} == differ
        if not recover:
            self.session.saving.discard_pending()
            return
        assert self.session.saving.recover() == len(differ)
        for name in differ:
            if name == self.name:
                self.model.push(before[name])
            else:
                self.models[name] = Model(before[name])
                self.wrote(name)

    @precondition(lambda self: hasattr(self, "session"))
    @invariant()
    def what_is_shown_is_what_was_drawn(self) -> None:
        document = self.session.document
        np.testing.assert_array_equal(document.mask, self.model.mask)
        assert document.can_undo == (self.model.place > 0)
        assert document.can_redo == (self.model.place < len(self.model.masks) - 1)

    @precondition(lambda self: hasattr(self, "session"))
    @invariant()
    def what_is_called_clean_is_on_the_disk(self) -> None:
        for name in NAMES:
            path = self.folder / "masks" / f"{name}.png"
            saved = self.saved[name]
            assert path.exists() == (saved is not None)
            if saved is not None:
                np.testing.assert_array_equal(read_mask(path), saved)
            if name not in self.session.unsaved:
                assert not self.dirty(name), f"{name} differs from its file but is called clean"
            assert self.session.review.unsaved(NAMES.index(name)) == (name in self.session.unsaved)

    def teardown(self) -> None:
        if hasattr(self, "session"):
            self.session.close_sequence(discard=True)
            self.session.deleteLater()
        shutil.rmtree(self.folder)


LabellingMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a power loss would do is not looked at here, and waiting for the disk takes most of the time."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.mark.usefixtures("qapp", "no_waiting_for_the_disk")
class TestLabelling(LabellingMachine.TestCase):  # type: ignore[valid-type,misc]
    """Runs the machine."""
