"""The models of a label root: which one is accepted, and the training runs that made candidates.

A candidate stays in its run folder until it is accepted; then it is copied under a name of its own. No model that
was ever accepted is written over.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adsnet.errors import ModelFileError, StorageError
from adsnet.storage.atomic import read_json, write_bytes, write_json
from adsnet.storage.files import open_regular, reason, shown
from app.storage.paths import set_aside

FORMAT = "adsnet-project-1"
SUFFIX = ".safetensors"
CANDIDATE = "model.safetensors"


@dataclass(frozen=True)
class Accepted:
    """A model that was accepted: its file and when."""

    path: Path
    time: str


class Project:
    """Models and training runs under ``root/adsnet``; nothing is made until something is written.

    Args:
        root: the label root.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folder = root / "adsnet"
        self._models = self._folder / "models"
        self._runs = self._folder / "training"
        self._file = self._folder / "project.json"

    # ---- what is there --------------------------------------------------------------------------------------

    def _record(self) -> dict[str, Any]:
        if not self._file.is_file():
            return {}
        try:
            values = read_json(self._file, max_bytes=2**22)
        except StorageError:
            return {}
        return values if isinstance(values, dict) and values.get("format") == FORMAT else {}

    def _resolved(self, name: object) -> Path | None:
        if not isinstance(name, str) or not name:
            return None
        path = self.root / name  # an absolute name stays absolute
        return path if path.is_file() else None

    @property
    def model(self) -> Path | None:
        """The accepted model, or None where the model of the program is used or the file is gone."""
        return self._resolved(self._record().get("model"))

    @property
    def accepted(self) -> tuple[Accepted, ...]:
        """All models that were ever accepted here and are still there, oldest first."""
        entries = self._record().get("accepted", [])
        found = []
        for entry in entries if isinstance(entries, list) else []:
            path = self._resolved(entry.get("model")) if isinstance(entry, dict) else None
            if path is not None:
                found.append(Accepted(path, str(entry.get("time", ""))))
        return tuple(found)

    @property
    def candidates(self) -> tuple[Path, ...]:
        """Model files in the run folders, newest run first."""
        runs = sorted(self._run_numbers(), reverse=True)
        return tuple(path for run in runs for path in sorted((self._runs / str(run)).glob(f"*{SUFFIX}")))

    @property
    def undecided(self) -> Path | None:
        """The candidate of the newest run, if it has one that was neither accepted nor discarded."""
        path = self._runs / str(max(self._run_numbers(), default=0)) / CANDIDATE
        entries = self._record().get("accepted", [])
        known = entries if isinstance(entries, list) else []
        taken = [entry.get("candidate") for entry in known if isinstance(entry, dict)]
        return path if path.is_file() and self._portable(path) not in taken else None

    def _run_numbers(self) -> list[int]:
        try:
            with os.scandir(self._runs) as entries:
                return [int(entry.name) for entry in entries if re.fullmatch(r"[0-9]{1,9}", entry.name)]
        except OSError:
            return []

    # ---- changes --------------------------------------------------------------------------------------------

    def new_run(self) -> Path:
        """Make the folder of the next training run. Raises StorageError."""
        number = max(self._run_numbers(), default=0) + 1
        while True:
            folder = self._runs / str(number)
            try:
                self._runs.mkdir(parents=True, exist_ok=True)
                folder.mkdir()
                return folder
            except FileExistsError:
                number += 1
            except OSError as error:
                raise StorageError(
                    f"Cannot make the folder {shown(folder)}: {reason(error)}; choose a folder that you may write to."
                ) from error

    def accept_candidate(self, candidate: Path, *, name: str = "") -> Path:
        """Copy a candidate to the models under a new name and use it from now on.

        Args:
            candidate: the model file of a training run.
            name: first part of the new file name; by default the stem of the accepted model without its number.

        Returns:
            the copy, ``models/<name>-<n>.safetensors``.

        Raises:
            ModelFileError: the candidate cannot be read.
            StorageError: the copy or the project file cannot be written; the accepted model is the one before.
        """
        try:
            with open_regular(candidate) as stream:
                data = stream.read()
        except OSError as error:
            raise ModelFileError(
                f"The candidate {shown(candidate)} cannot be read: {reason(error)}; train again."
            ) from error
        target = self._free_name(name or self._usual_name())
        write_bytes(target, data, verify=lambda written: _same(written, data))
        self.use(target, candidate=candidate)
        return target

    def _usual_name(self) -> str:
        current = self.model
        return re.sub(r"-[0-9]+$", "", current.stem) if current is not None else "adsnet"

    def _free_name(self, name: str) -> Path:
        safe = re.sub(r"[^\w.-]+", "_", name)[:80] or "adsnet"
        number = 1
        while os.path.lexists(self._models / f"{safe}-{number}{SUFFIX}"):
            number += 1
        return self._models / f"{safe}-{number}{SUFFIX}"

    def use(self, model: Path | None, *, candidate: Path | None = None) -> None:
        """Make a model file, or with None the model of the program, the accepted one. Raises StorageError.

        Args:
            model: the file.
            candidate: what it is a copy of; that one is decided on.
        """
        record = self._record()
        if not record:
            set_aside(self._file)
        name = None if model is None else self._portable(model)
        history = record.get("accepted", [])
        accepted = [entry for entry in history if isinstance(entry, dict)] if isinstance(history, list) else []
        if name is not None and name not in (entry.get("model") for entry in accepted):
            entry = {"model": name, "time": datetime.now(UTC).isoformat(timespec="seconds")}
            accepted.append(entry if candidate is None else {**entry, "candidate": self._portable(candidate)})
        write_json(self._file, {**record, "format": FORMAT, "model": name, "accepted": accepted})

    def _portable(self, path: Path) -> str:
        absolute, root = Path(os.path.abspath(path)), Path(os.path.abspath(self.root))
        return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else str(absolute)

    def discard(self, candidate: Path) -> None:
        """Remove the run folder of a candidate that was not accepted.

        Raises:
            StorageError: it is not a candidate of this project, or cannot be removed.
        """
        run = Path(os.path.abspath(candidate)).parent
        if run.parent != Path(os.path.abspath(self._runs)) or run.is_symlink():
            raise StorageError(f"{shown(candidate)} is no candidate of this project and stays: check the path.")
        try:
            shutil.rmtree(run)
        except OSError as error:
            raise StorageError(f"Cannot remove {shown(run)}: {reason(error)}; close programs that use it.") from error


def _same(written: Path, data: bytes) -> None:
    with open_regular(written) as stream:
        if stream.read() != data:
            raise OSError("the copy differs from the candidate")
