"""Data sets: frames with their label masks, found by the layout of a folder or listed in a manifest."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adsnet.data.frames import FrameRef, Stills, list_frames, list_stills, no_images, read_frame, stems_of
from adsnet.data.labels import MASK_SUFFIXES, read_mask
from adsnet.data.lazy import Lazy
from adsnet.data.pixels import Pixels
from adsnet.data.raw import RawLayout
from adsnet.data.splits import default_split_of, read_split
from adsnet.errors import DatasetError, FrameError, StorageError, UnknownFormatError
from adsnet.storage.atomic import read_json, write_json
from adsnet.storage.files import reason, shown

MANIFEST_FORMAT = "adsnet-frames-1"
_MASK_ENDING = "_pixels0"


@dataclass(frozen=True)
class Sample:
    """A frame and its label file; ``mask`` is None where the frame has none. ``empty``: known to hold no target."""

    frame: FrameRef
    mask: Path | None
    empty: bool = False


class FolderSamples(Lazy[Sample]):
    """The stills of a folder with their masks.

    Attributes:
        frames: the stills.
        masks: the mask files by stem.
    """

    def __init__(self, frames: Stills, masks: Mapping[str, Path]) -> None:
        super().__init__(len(frames))
        self.frames, self.masks = frames, masks

    def _make(self, index: int) -> Sample:
        frame = self.frames[index]
        return Sample(frame, self.masks.get(frame.stem))


def frames_of(samples: Sequence[Sample]) -> Sequence[FrameRef]:
    """The frame of each sample."""
    return samples.frames if isinstance(samples, FolderSamples) else tuple(sample.frame for sample in samples)


def masks_of(samples: Sequence[Sample]) -> tuple[Path | None, ...]:
    """The label file of each sample, or None."""
    if isinstance(samples, FolderSamples):
        if not samples.masks:  # very many frames rarely have any
            return (None,) * len(samples)
        return tuple(samples.masks.get(stem) for stem in stems_of(samples.frames))
    return tuple(sample.mask for sample in samples)


@dataclass(frozen=True)
class Dataset:
    """Frames with labels.

    Attributes:
        name: for reports, usually the name of the folder.
        root: the folder that labels of this set are kept under (for a manifest, the folder that holds it).
        layout: ``"images+masks"``, ``"folder"``, ``"file"`` or ``"manifest"``.
        samples: in the order of the split file or manifest, otherwise in natural order.
    """

    name: str
    root: Path
    layout: str
    samples: Sequence[Sample]

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def labelled(self) -> NDArray[np.intp]:
        """Indices of the samples that have a label file or are known to hold no target."""
        return np.flatnonzero([sample.empty or sample.mask is not None for sample in self.samples])

    def subset(self, indices: Iterable[int] | NDArray[np.integer[Any]]) -> Dataset:
        """The set of the samples at ``indices``, in this order. Raises IndexError."""
        return replace(self, samples=tuple(self.samples[int(i)] for i in indices))

    def read(self, index: int) -> tuple[Pixels, NDArray[np.bool_]]:
        """Pixels and mask of a sample, both (H, W). A frame without label file reads as without targets.

        Raises:
            FrameError: the frame cannot be read.
            LabelError: the mask cannot be read.
            DatasetError: the two differ in size.
        """
        sample = self.samples[index]
        pixels = read_frame(sample.frame).pixels
        if sample.mask is None:
            return pixels, np.zeros(pixels.shape, dtype=np.bool_)
        mask = read_mask(sample.mask)
        if mask.shape != pixels.shape:
            raise DatasetError(
                f"{shown(sample.frame.path)} is {pixels.shape[1]}×{pixels.shape[0]}, but its mask "
                f"{shown(sample.mask)} is {mask.shape[1]}×{mask.shape[0]}: replace the one that is wrong."
            )
        return pixels, mask


def _masks_by_stem(folder: Path) -> dict[str, Path]:
    """Mask files of a folder by the stem of their frame; empty without the folder."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(e.name for e in entries if e.name[:1] != "." and e.name.lower().endswith(MASK_SUFFIXES))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DatasetError(f"Cannot list {shown(folder)}: {reason(error)}; check the path.") from error
    # The best match is entered last: the plain stem over `_pixels0`, and the suffixes in their order.
    order = {suffix: place for place, suffix in enumerate(MASK_SUFFIXES)}
    paths = sorted((folder / name for name in names), key=lambda p: -order[p.suffix.lower()])
    found = {p.stem.removesuffix(_MASK_ENDING): p for p in paths if p.stem.endswith(_MASK_ENDING)}
    found.update({p.stem: p for p in paths})
    return found


def set_root(folder: Path) -> Path:
    """Where the labels of the stills in ``folder`` are kept: the set of an ``images/`` folder, or the folder itself."""
    return folder.parent if folder.name == "images" and os.path.isdir(folder.parent / "masks") else folder


def _frames_folder(root: Path, split: Path | None, default_split: bool) -> tuple[Path, str, Path | None]:
    """The folder of the frames of a set, its layout, and the split that holds: by default its training list."""
    if not os.path.isdir(root / "images"):
        return root, "folder", split
    if split is None and default_split:
        split = default_split_of(root)
    return root / "images", "images+masks", split


def _open_folder(path: Path, split: Path | None, default_split: bool) -> Dataset:
    root = set_root(path)
    folder, layout, split = _frames_folder(root, split, default_split)
    stills = list_stills(folder)
    if not stills:
        raise no_images(folder)
    masks = _masks_by_stem(root / "masks")
    chosen = stills
    if split is not None:
        named = _named(stems_of(stills), split, folder)
        chosen = Stills(folder, [stills.names[index] for index in named])
    return Dataset(root.resolve().name, root, layout, FolderSamples(chosen, masks))


def _open_raw_folder(path: Path, split: Path | None, default_split: bool, raw: RawLayout) -> Dataset:
    root = set_root(path)
    folder, layout, split = _frames_folder(root, split, default_split)
    masks = _masks_by_stem(root / "masks")
    samples = tuple(Sample(ref, masks.get(ref.stem)) for ref in list_frames(folder, raw=raw))
    chosen = samples if split is None else _listed(samples, split, path)
    return Dataset(root.resolve().name, root, layout, chosen)


def _open_file(path: Path, split: Path | None, raw: RawLayout | None) -> Dataset:
    refs = list_frames(path, raw=raw)
    root = set_root(path.parent) if refs[0].index is None else path.with_name(f"{path.stem}.adsnet")
    masks = _masks_by_stem(root / "masks")
    samples = tuple(Sample(ref, masks.get(ref.stem)) for ref in refs)
    return Dataset(path.stem, root, "file", samples if split is None else _listed(samples, split, path))


def _listed(samples: tuple[Sample, ...], split: Path, path: Path) -> tuple[Sample, ...]:
    """The samples of the file ``path`` that the split names, in its order. Raises DatasetError."""
    return tuple(samples[index] for index in _named([sample.frame.stem for sample in samples], split, path))


def _named(stems: Sequence[str], split: Path, where: Path) -> list[int]:
    """Which frames the split names, in its order. Raises DatasetError for a name that no frame has, or several."""
    found: dict[str, list[int]] = {}
    for index, stem in enumerate(stems):
        found.setdefault(stem, []).append(index)
    chosen = []
    for stem in read_split(split):
        frames = found.get(stem, [])
        if not frames:
            raise DatasetError(
                f"{shown(split)} names the frame {shown(stem)}, which is not in {shown(where)}: "
                "add the image or remove the line."
            )
        if len(frames) > 1:
            raise DatasetError(
                f"{shown(split)} names the frame {shown(stem)}, of which {shown(where)} has {len(frames)}: rename all "
                "but one, or list the frames in a manifest."
            )
        chosen += frames
    return chosen


def _entry(path: Path, number: int, entry: object) -> Sample:
    def wrong(what: str) -> DatasetError:
        return DatasetError(f"Frame {number} of the manifest {shown(path)} {what}: correct the manifest.")

    if not isinstance(entry, dict):
        raise wrong("is no object with a path")
    unknown = set(entry) - {"path", "index", "mask", "raw"}
    if unknown:
        raise wrong(f"has the unknown key {shown(sorted(unknown)[0])}")
    frame, index, mask = entry.get("path"), entry.get("index"), entry.get("mask")
    if not isinstance(frame, str) or not frame:
        raise wrong("has no path")
    if index is not None and (not isinstance(index, int) or isinstance(index, bool) or index < 0):
        raise wrong("has an index that is no whole number from 0")
    if mask is not None and (not isinstance(mask, str) or not mask):
        raise wrong("has a mask that is no path")
    try:
        raw = None if entry.get("raw") is None else RawLayout.parse(str(entry["raw"]))
    except FrameError as error:
        raise wrong(f"has a raw layout that is not understood ({error})") from error
    folder = path.parent
    return Sample(FrameRef(folder / frame, index, raw), None if mask is None else folder / mask)


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
    except StorageError as error:
        raise DatasetError(str(error)) from error
    if not isinstance(value, dict) or value.get("format") != MANIFEST_FORMAT:
        raise DatasetError(f"{shown(path)} is no manifest in the format {MANIFEST_FORMAT}: give another or a folder.")
    return value


def _open_manifest(path: Path, split: Path | None) -> Dataset:
    value = _read_manifest(path)
    frames, name = value.get("frames"), value.get("name", path.stem)
    if not isinstance(frames, list) or not frames or not isinstance(name, str):
        raise DatasetError(f"The manifest {shown(path)} lists no frames: add a list named frames.")
    samples = tuple(_entry(path, number, entry) for number, entry in enumerate(frames))
    return Dataset(name, path.parent, "manifest", samples if split is None else _listed(samples, split, path))


def open_dataset(
    path: Path, *, split: Path | None = None, default_split: bool = False, raw: RawLayout | None = None
) -> Dataset:
    """Find the frames and labels at ``path``. No frame or mask is opened, except to count those of a single file.

    Understood are a folder with ``images/`` and perhaps ``masks/`` (masks named like their frame, or with
    ``_pixels0`` behind it; SIRST, NUDT-SIRST, IRSTD-1k), a folder of images with or without ``masks/`` in it, a
    manifest ``{"format": "adsnet-frames-1", "name": …, "frames": [{"path", "index"?, "mask"?, "raw"?}]}`` whose paths
    are absolute or relative to it, and a single still, TIFF, array or video (labels of a file of many frames are looked
    for in ``<stem>.adsnet/masks/`` beside it).

    Args:
        path: folder or file.
        split: text file with one frame name a line; white space, a suffix and empty lines are ignored.
        default_split: without ``split``, take ``idx_427/trainval.txt`` or the only ``img_idx/train_*.txt`` of an
            ``images/`` layout, so that a training never sees the test frames of a whole set.
        raw: how the values lie in a raw file, or in all raw files of a folder; a manifest says so itself.

    Raises:
        UnknownFormatError: a file that may hold raw values, and no ``raw`` says how.
        DatasetError: nothing there is a data set, or the split names a frame that is not there.
    """
    try:
        if os.path.isdir(path):
            return (
                _open_folder(path, split, default_split)
                if raw is None
                else _open_raw_folder(path, split, default_split, raw)
            )
        if path.suffix.lower() == ".json":
            return _open_manifest(path, split)
        return _open_file(path, split, raw)
    except UnknownFormatError:
        raise
    except FrameError as error:
        raise DatasetError(str(error)) from error


def is_dataset(path: Path) -> bool:
    """Whether ``path`` is laid out as a data set: a folder with ``images/`` or ``masks/`` in it, or a manifest."""
    if os.path.isdir(path):
        return os.path.isdir(path / "images") or os.path.isdir(path / "masks")
    if path.suffix.lower() != ".json":
        return False
    try:
        _read_manifest(path)
    except DatasetError:
        return False
    return True


def label_folders(path: Path) -> set[Path]:
    """Where labels of the frames at ``path``, which ``open_dataset`` understands, are or would be kept."""
    if os.path.isdir(path):
        return {set_root(path) / "masks"}
    if not is_dataset(path):
        return {set_root(path.parent) / "masks", path.with_name(f"{path.stem}.adsnet") / "masks"}
    dataset = _open_manifest(path, None)
    return {dataset.root / "masks", *(mask.parent for mask in masks_of(dataset.samples) if mask is not None)}


def hold_out(count: int, every: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split ``count`` samples into training and held-out indices, both ascending and always the same.

    Every ``every``-th sample is held out, the first of them at ``every // 2``; from two samples on, both parts have
    at least one.

    Raises:
        ValueError: ``count`` is negative or ``every`` below 2.
    """
    if count < 0 or every < 2:
        raise ValueError(f"cannot hold out every {every} of {count}")
    held = np.zeros(count, dtype=np.bool_)
    held[every // 2 :: every] = True
    if count >= 2 and not held.any():
        held[-1] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def _portable(path: Path, folder: Path) -> str:
    """The path relative to the folder where it lies in it, so that both can move together; otherwise absolute."""
    absolute = Path(os.path.abspath(path))
    return absolute.relative_to(folder).as_posix() if absolute.is_relative_to(folder) else str(absolute)


def write_manifest(path: Path, dataset: Dataset) -> None:
    """Write the frames and masks of a data set as a manifest; paths below its folder become relative.

    Raises:
        StorageError: the file cannot be written.
    """
    folder = Path(os.path.abspath(path.parent))
    frames = []
    for sample in dataset.samples:
        entry: dict[str, Any] = {"path": _portable(sample.frame.path, folder)}
        if sample.frame.index is not None:
            entry["index"] = sample.frame.index
        if sample.frame.raw is not None:
            entry["raw"] = sample.frame.raw.text
        if sample.mask is not None:
            entry["mask"] = _portable(sample.mask, folder)
        frames.append(entry)
    write_json(path, {"format": MANIFEST_FORMAT, "name": dataset.name, "frames": frames})
