"""What is open: frames in order, each with a name for its label."""

from __future__ import annotations

import contextlib
import functools
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from adsnet.data.datasets import Dataset, Sample, frames_of, is_dataset, masks_of, open_dataset, set_root
from adsnet.data.frames import Frame, FrameRef, labels_of, natural_ranks, read_frame, stems_of
from adsnet.data.raw import RawLayout
from adsnet.data.splits import splits_of
from adsnet.data.still import kind_of
from adsnet.errors import DatasetError, StorageError, UnknownFormatError
from adsnet.storage.files import shown
from app.storage.paths import label_root, project_folder
from app.storage.raw_layouts import remember_layout, remembered_layout

Kind = Literal["dataset", "folder", "files", "still", "pages", "video", "array", "raw"]


@dataclass(frozen=True)
class Sequence:
    """Frames that were opened together.

    Attributes:
        name: for the window title.
        kind: ``dataset``, ``folder``, ``files``, ``still``, ``pages``, ``video``, ``array`` or ``raw``.
        source: what was opened, or the folder of the first of several files.
        root: the label root.
        private: ``root`` is a folder of the program, as nothing is written beside the frames.
        frames: where each frame is.
        stems: the name of the label of each frame, unique in the sequence.
        masks: the label file that the data set has for each frame, or None.
        splits: which frames each split file beside them names, (N,) bool by the name of the file.
        by_name: (N,) the place of each frame in the natural order of their names; None where that is their order.
    """

    name: str
    kind: Kind
    source: Path
    root: Path
    private: bool
    frames: Several[FrameRef]
    stems: tuple[str, ...]
    masks: tuple[Path | None, ...]
    splits: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict, compare=False)
    by_name: NDArray[np.intp] | None = field(default=None, compare=False)
    _places: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        # One after the other, not zipped: other threads can have the interpreter in between.
        self._places.update((stem, place) for place, stem in enumerate(self.stems))
        assert len(self._places) == len(self.frames) == len(self.masks), "stems must be unique"

    def __len__(self) -> int:
        return len(self.frames)

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """What each frame is called in lists."""
        return labels_of(self.frames)

    @functools.cached_property
    def folded_names(self) -> tuple[str, ...]:
        """The same without case, to search in."""
        return tuple(name.casefold() for name in self.names)

    def key(self, index: int) -> str:
        """A name of the frame that no frame of another sequence has, for caches and the worker."""
        ref = self.frames[index]
        name = f"{os.path.abspath(ref.path)}#{'' if ref.index is None else ref.index}"
        return name if ref.raw is None else f"{name}#{ref.raw.text}"

    def index_of(self, stem: str) -> int | None:
        """The place of the frame with this label name, or None."""
        return self._places.get(stem)

    def read(self, index: int) -> Frame:
        """Read a frame. Raises FrameError."""
        return read_frame(self.frames[index])

    def known_masks(self) -> dict[str, Path]:
        """The label files that the data set has, by stem."""
        if not any(self.masks):  # very many frames rarely have any
            return {}
        return {stem: mask for stem, mask in zip(self.stems, self.masks, strict=True) if mask is not None}


def open_sequence(paths: Iterable[Path], *, raw: RawLayout | None = None) -> Sequence:
    """Open what the user chose: a data set, folder, image, several files, video, array or TIFF of several pages.

    Args:
        paths: what was chosen.
        raw: how the values lie in the files without a header; kept for the next time. Without it, what was kept.

    Raises:
        UnknownFormatError: a file may hold raw values, and nobody said how.
        FrameError, DatasetError: there are no frames, or they cannot be listed.
    """
    # A relative path would change its meaning with the working folder.
    chosen = [Path(os.path.abspath(path)) for path in paths]
    if not chosen:
        raise DatasetError("Nothing was chosen to open: choose images, a folder or a video.")
    if len(chosen) > 1:
        return _of_files(chosen, raw)
    path = chosen[0]
    dataset = _open_raw(path, raw) if raw is not None else _open_one(path, None)
    kind: Kind
    if path.is_dir():
        kind = "dataset" if is_dataset(path) or dataset.layout == "images+masks" else "folder"
    elif dataset.samples[0].frame.raw is not None and dataset.layout != "manifest":
        kind = "raw"
    elif dataset.layout == "manifest":
        kind = "dataset"
    else:
        kind = _kind_of_file(path, dataset)
    return _sequence(dataset.name, kind, path, dataset.root, dataset.samples)


def _open_one(path: Path, raw: RawLayout | None) -> Dataset:
    """What a file or folder holds; ``raw``, or what was chosen before, counts only where it does not say so itself."""
    try:
        return open_dataset(path)
    except UnknownFormatError as unknown:
        layout = remembered_layout(path) if raw is None else raw
        if layout is None:
            raise
        try:
            return _open_raw(path, layout)
        except DatasetError:
            if raw is not None:
                raise
            raise unknown from None  # the file is another one by now: it is asked again


def _open_raw(path: Path, layout: RawLayout) -> Dataset:
    dataset = open_dataset(path, raw=layout)
    with contextlib.suppress(StorageError):  # then it is asked for again
        remember_layout(path, layout)
    return dataset


def _kind_of_file(path: Path, dataset: Dataset) -> Kind:
    if dataset.samples[0].frame.index is None:
        return "still"
    kinds: dict[str, Kind] = {"tiff": "pages", "npy": "array"}
    return kinds.get(kind_of(path), "video")


def _of_files(paths: list[Path], raw: RawLayout | None) -> Sequence:
    samples: list[Sample] = []
    for path in paths:
        samples += _open_one(path, raw).samples
    folders = {set_root(sample.frame.path.parent) for sample in samples}
    single = len(folders) == 1 and all(sample.frame.index is None for sample in samples)
    source = Path(os.path.commonpath(paths))
    common = source if source.is_dir() else source.parent  # of one file that was given twice
    # Files of several folders have no folder of their own that labels could stay in.
    wanted = folders.pop() if single else project_folder(source)
    return _sequence(
        f"{shown(source.name)} ({len(paths)} files)",
        "files",
        source,
        wanted,
        tuple(samples),
        None if single else common,
    )


def _sequence(
    name: str, kind: Kind, source: Path, wanted: Path, samples: Several[Sample], common: Path | None = None
) -> Sequence:
    """``common``: the folder that files with different folders for their labels lie in, or below."""
    root = label_root(wanted)
    frames = frames_of(samples)
    own = stems_of(frames)
    stems = _unique_stems(own if common is None else _placed_stems(own, frames, common), frames)
    masks = masks_of(samples)
    if stems != own:
        masks = _each_once(masks)
    splits = splits_of(wanted, own) if kind in ("dataset", "folder") else {}
    listed = kind == "files" or (kind == "dataset" and source.is_file())  # all others are in natural order
    by_name = natural_ranks(labels_of(frames)) if listed else None
    sequence = Sequence(name, kind, source, root, root != wanted, frames, stems, masks, splits, by_name)
    # Made now, in the thread that opens, for a list that must not wait.
    assert len(sequence.folded_names) == len(sequence)
    return sequence


def _placed_stems(own: tuple[str, ...], frames: Several[FrameRef], common: Path) -> tuple[str, ...]:
    """A label name for each frame that tells its folder below ``common``, whatever else was opened with it."""
    folders = [Path(os.path.relpath(frame.path.parent, common)).parts for frame in frames]
    return tuple("__".join((*folder, stem)) for folder, stem in zip(folders, own, strict=True))


def _each_once(masks: tuple[Path | None, ...]) -> tuple[Path | None, ...]:
    """Without those that an earlier frame of the same stem has."""
    seen: set[Path] = set()
    kept = []
    for mask in masks:
        kept.append(None if mask in seen else mask)
        if mask is not None:
            seen.add(mask)
    return tuple(kept)


def _unique_stems(own: tuple[str, ...], frames: Several[FrameRef]) -> tuple[str, ...]:
    """A label name for each frame; where two files have one stem, the later ones get their suffix or folder too."""
    if len({stem for stem in own}) == len(own):  # one after the other, too
        return own
    counts = Counter(own)
    used: set[str] = set()
    stems = []
    for place, stem in enumerate(own):
        name = stem if stem not in used else _further_name(frames[place], stem, used, counts)
        used.add(name)
        stems.append(name)
    return tuple(stems)


def _further_name(frame: FrameRef, taken: str, used: set[str], counts: Counter[str]) -> str:
    """A name for a frame whose own is taken; what that begins with, before the stem of the frame, is kept."""
    tail = "" if frame.index is None else f"_{frame.index:06d}"
    plain = f"{taken.removesuffix(frame.stem)}{frame.path.name}{tail}"
    names = [taken, plain, f"{frame.path.parent.name}_{plain}"]
    number = 2
    while names[0] in used:
        names = names[1:] or [f"{plain}~{number}"]
        number += 1
        # A name that is the plain stem of another frame stays with that frame.
        while len(names) > 1 and counts[names[0]]:
            names = names[1:]
    return names[0]
