"""Label masks and their reviews on disk.

A mask is a PNG in the data set's own naming. Before a mask that this program did not write is replaced, it is kept
once under ``adsnet/originals``. Beside it, ``adsnet/review/<stem>.json`` has the review state and the provenance.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adsnet.data.labels import MASK_SUFFIXES, encode_mask, read_mask
from adsnet.errors import LabelError, StorageError
from adsnet.storage.atomic import clean_temporaries, read_json, write_bytes, write_json
from adsnet.storage.files import open_regular, reason, shown
from app.storage.paths import file_name, set_aside

FORMAT = "adsnet-review-1"
REVIEW_STATES = ("new", "corrected", "reviewed")
_ENDING = "_pixels0"
_PROVENANCE = 200
_OURS = "adsnet"


class LabelConflict(LabelError):
    """The mask on disk is not the one that was read; somebody else changed it.

    Attributes:
        stem: of the frame.
        path: of the mask.
    """

    def __init__(self, stem: str, path: Path) -> None:
        super().__init__(f"The label {shown(path)} was changed by another program: keep yours or reload it.")
        self.stem = stem
        self.path = path


@dataclass(frozen=True)
class Review:
    """What is recorded about the label of a frame.

    Attributes:
        state: ``new``, ``corrected`` or ``reviewed``.
        provenance: oldest first, one entry a save: {"time", "actions": {text: count}}.
        updated: ISO time of the last change, or "".
        mask: SHA-256 of the mask file that this program wrote last, or None.
        extra: keys of other programs, kept as they are.
    """

    state: str = "new"
    provenance: tuple[dict[str, Any], ...] = ()
    updated: str = ""
    mask: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Stamp:
    size: int
    modified: int
    digest: str


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, for one
        return False


def _read(path: Path) -> bytes:
    with open_regular(path) as stream:
        return stream.read()


def _stamp(path: Path) -> _Stamp | None:
    """Size, time and content of a file now, or None where there is none. Raises OSError."""
    try:
        status = os.stat(path)
        data = _read(path)
    except FileNotFoundError:
        return None
    return _Stamp(status.st_size, status.st_mtime_ns, hashlib.sha256(data).hexdigest())


class LabelStore:
    """The labels of one sequence.

    Args:
        root: the label root; it need not exist until something is saved.
        masks: known mask files by stem of their frame.
        private: ``root`` is not beside the frames, so that known masks are only read and never written.

    Attributes:
        root: as given.
        written: the frames whose mask or review was written here, and when: ``time.monotonic``.
    """

    def __init__(self, root: Path, masks: Mapping[str, Path], *, private: bool = False) -> None:
        self.root = root
        self.written: dict[str, float] = {}
        self._known = dict(masks)
        self._private = private
        self._stamps: dict[str, _Stamp | None] = {}
        endings = sum(path.stem.endswith(_ENDING) for path in self._known.values())
        self._ending = _ENDING if 2 * endings > len(self._known) else ""
        for folder in (self._folder("review"), self._folder("originals"), root / "masks"):
            clean_temporaries(folder)

    def _folder(self, name: str) -> Path:
        return self.root / _OURS / name

    # ---- masks ----------------------------------------------------------------------------------------------

    def target(self, stem: str) -> Path:
        """Where the mask of a frame is written."""
        known = self._known.get(stem)
        if known is not None and not self._private:
            return known if known.suffix.lower() == ".png" else known.with_suffix(".png")
        return self.root / "masks" / file_name(stem, f"{self._ending}.png")

    def source(self, stem: str) -> Path | None:
        """The mask file that holds the label now, or None where the frame has no label."""
        target = self.target(stem)
        names = [target]
        known = self._known.get(stem)
        if known is not None:
            names.append(known)
        else:
            names += [target.with_name(f"{stem}{e}{s}") for e in ("", _ENDING) for s in MASK_SUFFIXES]
        return next((path for path in names if _is_file(path)), None)

    def has_label(self, stem: str) -> bool:
        """Whether the frame has a label file, be it with or without targets."""
        return self.source(stem) is not None

    def labelled(self) -> frozenset[str]:
        """The stems of all frames that have a label file, as far as the set and one look at the folder tell."""
        stems = set(self._known)
        with contextlib.suppress(OSError), os.scandir(self.root / "masks") as entries:
            names = (Path(entry.name) for entry in entries if entry.name.lower().endswith(MASK_SUFFIXES))
            stems.update(form for name in names for form in (name.stem, name.stem.removesuffix(_ENDING)))
        return frozenset(stems)

    def load(self, stem: str, *, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """The label of a frame, (H, W) bool; without a file it has no targets.

        Raises:
            LabelError: the file cannot be read or has another size than ``shape``.
        """
        path = self.source(stem)
        if path is None:
            self._stamps[stem] = None
            return np.zeros(shape, np.bool_)
        stamp = self._now(path)
        mask = read_mask(path, shape=shape)
        # Only the target is ever overwritten; a label read from elsewhere must not appear there meanwhile.
        self._stamps[stem] = stamp if path == self.target(stem) else None
        return mask

    def changed_on_disk(self, stem: str) -> bool:
        """Whether the mask file is another one than was last loaded or saved here; cheap while it is not."""
        target, seen = self.target(stem), self._stamps.get(stem)
        try:
            status = os.stat(target)
        except OSError:
            return seen is not None
        if seen is not None and (status.st_size, status.st_mtime_ns) == (seen.size, seen.modified):
            return False
        return self._differs(stem, self._now(target))

    def _differs(self, stem: str, now: _Stamp | None) -> bool:
        seen = self._stamps.get(stem)
        if now is None or seen is None:
            return now is not seen
        if now.digest != seen.digest:
            return True
        self._stamps[stem] = now  # the same content with another time
        return False

    def _now(self, path: Path) -> _Stamp | None:
        try:
            return _stamp(path)
        except OSError as error:
            raise LabelError(f"Cannot read the label {shown(path)}: {reason(error)}; check the file.") from error

    def save(
        self,
        stem: str,
        mask: NDArray[np.bool_],
        *,
        state: str,
        actions: Mapping[str, int],
        overwrite: bool = False,
    ) -> None:
        """Write the mask and its review.

        Args:
            stem: of the frame.
            mask: (H, W) bool.
            state: review state from now on.
            actions: what was done since the last save, with counts; added to the provenance.
            overwrite: replace a mask that somebody else changed; it is kept among the originals.

        Raises:
            LabelConflict: the file on disk is not the one that was read.
            LabelError, StorageError: nothing or only the mask was written.
        """
        target = self.target(stem)
        now = self._now(target)
        # A file that was deleted is written again: nothing is lost by that.
        if now is not None and not overwrite and self._differs(stem, now):
            raise LabelConflict(stem, target)
        review = self.review(stem)
        data = encode_mask(mask)
        digest = hashlib.sha256(data).hexdigest()
        if now is not None and now.digest not in (review.mask, digest):
            self._keep_original(target)
        if now is None or now.digest != digest:
            write_bytes(target, data)
        self._stamps[stem] = self._now(target)
        self._write_review(stem, replace(review, state=state, mask=digest), actions)

    def _keep_original(self, path: Path) -> None:
        """Copy ``path`` to the originals, unless the same content is there; never replaces one that is."""
        try:
            data = _read(path)
        except OSError as error:
            raise LabelError(f"Cannot read the label {shown(path)}: {reason(error)}; check the file.") from error
        number = 1
        while True:
            name = file_name(path.stem, path.suffix if number == 1 else f"~{number}{path.suffix}")
            kept = self._folder("originals") / name
            if not os.path.lexists(kept):
                write_bytes(kept, data)
                return
            with contextlib.suppress(OSError):
                if _read(kept) == data:
                    return
            number += 1

    # ---- reviews --------------------------------------------------------------------------------------------

    def _review_path(self, stem: str) -> Path:
        return self._folder("review") / file_name(stem, ".json")

    def review(self, stem: str) -> Review:
        """What is recorded about a frame; an unreadable record counts as none and is set aside at the next save."""
        path = self._review_path(stem)
        if not path.is_file():
            return Review()
        try:
            values = read_json(path, max_bytes=2**22)
        except StorageError:
            return Review()
        return _parse_review(values) or Review()

    def states(self) -> dict[str, str]:
        """The recorded review state by stem; frames without a record are not in it."""
        states: dict[str, str] = {}
        folder = self._folder("review")
        try:
            with os.scandir(folder) as entries:
                names = [entry.name for entry in entries if entry.name.endswith(".json")]
        except OSError:
            return states
        for name in names:
            with contextlib.suppress(StorageError):
                values = read_json(folder / name, max_bytes=2**22)
                review = _parse_review(values)
                if review is not None:
                    states[str(values.get("stem", name.removesuffix(".json")))] = review.state
        return states

    def set_state(self, stem: str, state: str) -> None:
        """Record another review state. Raises StorageError."""
        self._write_review(stem, replace(self.review(stem), state=state), {f"Mark {state}": 1})

    def _write_review(self, stem: str, review: Review, actions: Mapping[str, int]) -> None:
        assert review.state in REVIEW_STATES, review.state
        now = datetime.now(UTC).isoformat(timespec="seconds")
        provenance = review.provenance
        if actions:
            provenance = (*provenance, {"time": now, "actions": dict(actions)})[-_PROVENANCE:]
        path = self._review_path(stem)
        self._keep_damaged(path)
        record = {
            **review.extra,
            "format": FORMAT,
            "stem": stem,
            "state": review.state,
            "provenance": list(provenance),
            "updated": now,
            "mask": review.mask,
        }
        write_json(path, record)
        self.written[stem] = time.monotonic()

    def _keep_damaged(self, path: Path) -> None:
        """Keep a record that cannot be read as ``.bad`` instead of writing over it."""
        if not path.is_file():
            return
        try:
            good = _parse_review(read_json(path, max_bytes=2**22)) is not None
        except StorageError:
            good = False
        if not good:
            set_aside(path)


def _parse_review(values: object) -> Review | None:
    """A review from JSON types, or None where it is not one."""
    if not isinstance(values, dict) or values.get("format") != FORMAT or values.get("state") not in REVIEW_STATES:
        return None
    provenance, mask = values.get("provenance", []), values.get("mask")
    if not isinstance(provenance, list) or not all(isinstance(entry, dict) for entry in provenance):
        return None
    ours = {"format", "stem", "state", "provenance", "updated", "mask"}
    return Review(
        state=values["state"],
        provenance=tuple(provenance),
        updated=str(values.get("updated", "")),
        mask=mask if isinstance(mask, str) else None,
        extra={key: value for key, value in values.items() if key not in ours},
    )
