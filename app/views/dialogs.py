"""The questions to the user, as message boxes and file dialogs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, TypeVar

from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from adsnet.data.frames import STILL_SUFFIXES, VIDEO_SUFFIXES
from adsnet.data.raw import RAW_SUFFIXES, RawLayout
from app.views.raw_dialog import RawDialog
from app.wording import counted, listed

_KNOWN = " ".join(f"*{suffix}" for suffix in (*STILL_SUFFIXES, *VIDEO_SUFFIXES, ".json"))
_UNKNOWN = " ".join(f"*{suffix}" for suffix in RAW_SUFFIXES)
_FRAMES = f"Frames ({_KNOWN});;Raw frames ({_UNKNOWN});;All files (*)"
_RAW = f"Raw frames ({_UNKNOWN});;All files (*)"
_KEYS = "Keys (*.json);;All files (*)"
T = TypeVar("T")


class WindowDialogs:
    """Asks with modal dialogs over the window."""

    def __init__(self, parent: QWidget) -> None:
        self._parent = parent
        self._folder = ""

    def open_files(self) -> list[Path]:
        """Files to open; none when it was cancelled."""
        names, _ = QFileDialog.getOpenFileNames(self._parent, "Open", self._folder, _FRAMES)
        paths = [Path(name) for name in names]
        if paths:
            self._folder = str(paths[0].parent)
        return paths

    def open_folder(self) -> Path | None:
        """A folder to open."""
        name = QFileDialog.getExistingDirectory(self._parent, "Open folder or data set", self._folder)
        if name:
            self._folder = str(Path(name).parent)
        return Path(name) if name else None

    def open_raw_files(self) -> list[Path]:
        """Files without a header to open; none when it was cancelled."""
        names, _ = QFileDialog.getOpenFileNames(self._parent, "Open raw frames", self._folder, _RAW)
        paths = [Path(name) for name in names]
        if paths:
            self._folder = str(paths[0].parent)
        return paths

    def ask_layout(self, path: Path, proposal: RawLayout) -> RawLayout | None:
        """How the values of a file without a header lie; None when it was cancelled."""
        dialog = RawDialog(path, proposal, self._parent)
        try:
            return dialog.layout_chosen if dialog.exec() else None
        finally:
            dialog.deleteLater()

    def open_model(self) -> Path | None:
        """A model file to load."""
        filters = "Models (*.safetensors);;All files (*)"
        name, _ = QFileDialog.getOpenFileName(self._parent, "Load model", self._folder, filters)
        return Path(name) if name else None

    def save_csv(self, name: str) -> Path | None:
        """Where to write a table; ``name`` is the proposal."""
        wanted, _ = QFileDialog.getSaveFileName(self._parent, "Export", str(Path(self._folder) / name), "CSV (*.csv)")
        return Path(wanted) if wanted else None

    def save_keys(self) -> Path | None:
        """Where to write the changed keys."""
        proposal = str(Path(self._folder) / "adsnet-keys.json")
        wanted, _ = QFileDialog.getSaveFileName(self._parent, "Export keys", proposal, _KEYS)
        return Path(wanted) if wanted else None

    def open_keys(self) -> Path | None:
        """A file of keys."""
        name, _ = QFileDialog.getOpenFileName(self._parent, "Import keys", self._folder, _KEYS)
        return Path(name) if name else None

    def ask_discard(self, stems: Sequence[str]) -> bool:
        """Labels could not be saved: leave them behind? Staying is the default."""
        return self._ask(
            "Labels are not saved",
            f"Labels could not be saved, of {counted(len(stems), 'frame')}: {listed(stems)}.",
            "Stay to try again, or leave and lose what is not saved.",
            {"Leave and lose them": True},
            stay="Stay",
            otherwise=False,
        )

    def ask_conflict(self, stem: str) -> Literal["overwrite", "reload", "cancel"]:
        """The label file on disk is not the one that was read."""
        answers: dict[str, Literal["overwrite", "reload", "cancel"]] = {
            "Keep mine": "overwrite",
            "Take the file": "reload",
        }
        return self._ask(
            "The label has changed on disk",
            f"Another program has changed the label of {stem}.",
            "Keep your label and replace the file, or take the file (which you can undo).",
            answers,
            stay="Decide later",
            otherwise="cancel",
        )

    def ask_recover(self, stems: Sequence[str]) -> Literal["recover", "discard", "later"]:
        """Edits of a session that ended without saving."""
        answers: dict[str, Literal["recover", "discard", "later"]] = {"Recover": "recover", "Throw away": "discard"}
        return self._ask(
            "Unsaved edits were found",
            f"The last session ended before the edits of {counted(len(stems), 'frame')} were saved: {listed(stems)}.",
            "Recover them into the labels, or throw them away.",
            answers,
            stay="Ask again next time",
            otherwise="later",
        )

    def ask_stop_training(self) -> bool:
        """The window closes while a model is being tuned."""
        return self._ask(
            "Fine-tuning is running",
            "Closing the window stops the fine-tuning.",
            "What has been trained so far is kept on disk.",
            {"Stop and close": True},
            stay="Go on tuning",
            otherwise=False,
        )

    def ask_discard_candidate(self) -> bool:
        """A new fine-tuning is to start while a candidate waits for a decision. Keeping it is the default."""
        return self._ask(
            "A candidate waits for your decision",
            "The candidate has not been accepted or discarded.",
            "A new fine-tuning takes its place. Keep it to look at the comparison first.",
            {"Discard it and start": True},
            stay="Keep",
            otherwise=False,
        )

    def show_about(self) -> None:
        """Version and licence."""
        try:
            number = version("adsnet-studio")
        except PackageNotFoundError:
            number = "from a checkout"
        QMessageBox.about(
            self._parent,
            "About ADSNet Studio",
            f"<h3>ADSNet Studio</h3><p>Version {number}</p><p>Infrared small-target detection with ADSNet: see what "
            "the network sees and skips, correct it, fine-tune it.</p><p>Apache License 2.0</p>",
        )

    def _ask(self, title: str, text: str, more: str, answers: Mapping[str, T], *, stay: str, otherwise: T) -> T:
        """One question with several answers; ``otherwise`` when it is closed or not answered."""
        box = QMessageBox(QMessageBox.Icon.Warning, title, text, QMessageBox.StandardButton.NoButton, self._parent)
        box.setInformativeText(more)
        buttons = [(box.addButton(name, QMessageBox.ButtonRole.AcceptRole), value) for name, value in answers.items()]
        default = box.addButton(stay, QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(default)
        box.setEscapeButton(default)
        box.exec()
        clicked = box.clickedButton()
        return next((value for button, value in buttons if button == clicked), otherwise)
