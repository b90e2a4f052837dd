"""A context whose dialogs, engines and window are puppets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QApplication

from adsnet.data.raw import RawLayout
from app.actions.context import Context
from app.state.session import Model, Session
from app.storage.settings import Settings

SHAPE = (24, 32)


class Puppet:
    """Dialogs, engines, pick and screen in one; records what was asked and gives prepared answers."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.files: list[Path] = []
        self.layout: RawLayout | None = None
        self.csv_answer: Path | None = None
        self.keys_file: Path | None = None
        self.discard_answer = False
        self.conflict: Literal["overwrite", "reload", "cancel"] = "cancel"
        self.recovery: Literal["recover", "discard", "later"] = "later"
        self.target: int | None = None
        self.tool = "select"
        self.stroke = False
        self.running = False
        self.is_of_open_project = True

    def clear_cache(self) -> None:
        self.calls.append("clear cache")

    def open_files(self) -> list[Path]:
        return self.files

    def open_folder(self) -> Path | None:
        return self.files[0] if self.files else None

    def open_raw_files(self) -> list[Path]:
        return self.files

    def ask_layout(self, path: Path, proposal: RawLayout) -> RawLayout | None:
        self.calls.append(f"layout? {path.name} {proposal.text}")
        return self.layout

    def open_model(self) -> Path | None:
        return self.files[0] if self.files else None

    def ask_discard(self, stems: Sequence[str]) -> bool:
        self.calls.append(f"discard? {','.join(stems)}")
        return self.discard_answer

    def ask_conflict(self, stem: str) -> Literal["overwrite", "reload", "cancel"]:
        self.calls.append(f"conflict? {stem}")
        return self.conflict

    def ask_recover(self, stems: Sequence[str]) -> Literal["recover", "discard", "later"]:
        self.calls.append(f"recover? {','.join(stems)}")
        return self.recovery

    def ask_stop_training(self) -> bool:
        return True

    def ask_discard_candidate(self) -> bool:
        self.calls.append("discard the candidate?")
        return self.discard_answer

    def show_about(self) -> None:
        self.calls.append("about")

    def save_csv(self, name: str) -> Path | None:
        self.calls.append(f"csv {name}")
        return self.csv_answer

    def save_keys(self) -> Path | None:
        return self.keys_file

    def open_keys(self) -> Path | None:
        return self.keys_file

    def show_palette(self) -> None:
        self.calls.append("palette")

    def explain(self) -> None:
        self.calls.append("explain")

    def default_layout(self) -> None:
        self.calls.append("layout")

    def select(self, target: int | None) -> None:
        self.target = target

    def use_tool(self, name: str) -> None:
        self.tool = name

    def fit(self) -> None:
        self.calls.append("fit")

    def zoom_by(self, factor: float) -> None:
        self.calls.append("zoom")

    def zoom_to(self, zoom: float) -> None:
        self.calls.append("zoom")

    def cancel_stroke(self) -> bool:
        was, self.stroke = self.stroke, False
        return was

    def finish_stroke(self) -> None:
        self.stroke = False

    def show_panel(self, name: str) -> None:
        self.calls.append(f"panel {name}")

    def toggle_comparison(self) -> None:
        self.calls.append("comparison")

    def add_model(self, path: Path) -> None:
        self.calls.append(f"compare {path.name}")

    def show_keys(self) -> None:
        self.calls.append("keys")

    def open_in_desktop(self, path: Path) -> None:
        self.calls.append("folder")

    def close_window(self) -> None:
        self.calls.append("close")

    def request(self) -> None:
        self.calls.append("predict")

    def load(self, path: str, device: str = "auto") -> None:
        self.calls.append(f"load {Path(path).name}")

    def start(
        self,
        config: None = None,
        *,
        iterations: int | None = None,
        only_reviewed: bool = False,
        only_corrected: bool = False,
    ) -> None:
        self.calls.append(f"train {iterations} {only_reviewed} {only_corrected}")

    def stop(self) -> None:
        self.calls.append("stop")

    def accept(self) -> Path:
        self.calls.append("accept")
        return Path("candidate.safetensors")

    def discard(self) -> None:
        self.calls.append("discard")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three frames in a data set."""
    root = tmp_path / "clip"
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    for i in range(3):
        Image.fromarray(np.full(SHAPE, 100 + i, np.uint8)).save(root / "images" / f"f{i}.png")
    return root


@pytest.fixture
def puppet() -> Puppet:
    return Puppet()


@pytest.fixture
def ctx(folder: Path, puppet: Puppet, qapp: QApplication) -> Iterator[Context]:
    """The sequence is open and a model is named."""
    session = Session(Settings(autosave=False))
    session.open([folder])
    session.set_model(Model("test", folder / "m.safetensors", {}))
    yield Context(
        session=session, predicting=puppet, training=puppet, judging=puppet, comparing=puppet, dialogs=puppet,
        pick=puppet, screen=puppet, sample=folder, log_folder=folder,
    )  # fmt: skip
    session.close_sequence(discard=True)
