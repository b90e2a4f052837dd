"""Training crops: frames decoded and normalised once, then cropped and augmented.

Crop number n and the noise of its decisions are pure functions of the frames and of (seed, n): a resumed run sees
exactly what an uninterrupted one sees, and several processes together see what one with as large a batch does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adsnet.config import TrainConfig
from adsnet.data.datasets import Dataset
from adsnet.errors import AdsnetError, TrainingError
from adsnet.model.acs import patch_grid
from adsnet.normalise import normalise
from adsnet.processes import ALONE, Processes
from adsnet.training.cutouts import Cutout, cut_out, paste
from adsnet.training.mistakes import Place
from adsnet.training.offsets import masks_lie_beside
from adsnet.training.scenes import Scene, put_together, take_apart

FloatImage = NDArray[np.float32]

_DECISIONS = 1
"""Tells the random numbers of the decisions on a crop from those of the crop."""


class Batch(NamedTuple):
    """What one step is computed from; B crops of S × S pixels."""

    frames: Tensor  # (B, 1, S, S) float32
    labels: Tensor  # (B, 1, S, S) float32, 0 or 1
    noise: Tensor  #  (B, 2, 2, Hm, Wm) float32: standard Gumbel variables of the decisions of stages 4 and 3


class _Frame(NamedTuple):
    values: NDArray[Any]  #     (H, W): network input, float16 where its range allows
    mask: NDArray[np.bool_]  #  (H, W)
    fixed: bool  #              whether its crops are neither turned nor scaled
    cutouts: list[Cutout]  #    targets of the frames of its set
    scene: Scene | None  #      its parts, where its background can be mirrored
    mistakes: list[Place]  #    where the network that is trained further is wrong in it


class CropSource:
    """Crops drawn from the frames of several data sets and from backgrounds.

    Frames are held as network input, as float16 where its range allows: about 0.13 MB for 256×256.
    """

    def __init__(
        self,
        datasets: Sequence[Dataset],
        config: TrainConfig,
        *,
        backgrounds: Sequence[Dataset] = (),
        mistakes: Sequence[Sequence[list[Place]]] = (),
        skipped: Callable[[str], None] = lambda text: None,
    ) -> None:
        """``mistakes`` are what hard crops are drawn around: by data set and frame, those of the backgrounds last.

        ``skipped`` is told one sentence for every frame that cannot be read; the others are used.

        Raises:
            TrainingError: a data set has no readable frame with a label.
        """
        self._config = config
        self._compressed = _is_compressed(config)
        everywhere = [*datasets, *backgrounds]
        places = mistakes or [[[] for _ in dataset.samples] for dataset in everywhere]
        decoded = [_decoded(dataset, config, at, skipped) for dataset, at in zip(everywhere, places, strict=True)]
        self._sets = decoded[: len(datasets)]
        self._all = [frame for frames in self._sets for frame in frames]
        self._backgrounds = [frame for frames in decoded[len(datasets) :] for frame in frames]
        self._hard = [frame for frame in self._all + self._backgrounds if frame.mistakes]

    @property
    def frames(self) -> int:
        """Number of frames over all sets and backgrounds."""
        return len(self._all) + len(self._backgrounds)

    def batch(self, iteration: int, processes: Processes = ALONE, *, hard: bool = True) -> Batch:
        """What one process computes step ``iteration`` from: its share of the crops of the step, as of ``crop``."""
        count = self._config.batch
        first = (iteration * processes.count + processes.rank) * count
        numbers = range(first, first + count)
        crops = [self.crop(number, hard=hard) for number in numbers]
        frames = torch.from_numpy(np.stack([c[0] for c in crops])[:, None])
        labels = torch.from_numpy(np.stack([c[1] for c in crops])[:, None].astype(np.float32))
        return Batch(frames, labels, torch.from_numpy(np.stack([self.noise(number) for number in numbers])))

    def noise(self, number: int) -> NDArray[np.float32]:
        """The noise of the decisions on crop ``number``, (2, 2, Hm, Wm)."""
        grid = patch_grid(self._config.model.patches, self._config.crop, self._config.crop)
        random = np.random.default_rng([self._config.seed, number, _DECISIONS])
        return random.gumbel(size=(2, 2, *grid)).astype(np.float32)

    def crop(self, number: int, *, hard: bool = True) -> tuple[FloatImage, NDArray[np.bool_]]:
        """Crop ``number``: frame (S, S) float32 and label (S, S) bool; without ``hard`` never one of the hard crops."""
        random = np.random.default_rng([self._config.seed, number])
        if hard and self._hard and random.random() < self._config.hard_crops:
            frame = self._hard[random.integers(len(self._hard))]
            place: Place | None = frame.mistakes[random.integers(len(frame.mistakes))]
            whole, mask = frame.values, frame.mask  # as it was when the network was wrong
        else:
            frame, place = self._draw(random), None
            whole, mask = self._whole(frame, random)
        size = self._config.crop
        scaled = not frame.fixed and random.random() < self._config.scaled_crops
        window = round(size / random.uniform(0.75, 1.35)) if scaled else size
        if place is None and random.random() < self._config.target_crops:
            place = _place_in(mask, random)
        top, left = _window_corner(mask.shape, window, place, random)
        values = _resized(_cut(whole, top, left, window).astype(np.float32), size)
        label = _resized(_cut(mask, top, left, window).astype(np.float32), size) > 0.5
        if self._config.pasted_crops and random.random() < self._config.pasted_crops:
            self._paste(frame.cutouts, values, label, random)
        turned = 0.0 if frame.fixed else self._config.turned_crops
        # Where all are turned nothing is drawn for it: the crops of such a run are those that they always were.
        if turned == 1 or random.random() < turned:
            values, label = _turned(values, label, random)
        return _photometric(values, label, random)

    def _draw(self, random: np.random.Generator) -> _Frame:
        """A frame of the backgrounds, of any set or of all."""
        if self._backgrounds and random.random() < self._config.background_crops:
            frames = self._backgrounds
        elif self._config.sampling == "sets":
            frames = self._sets[random.integers(len(self._sets))]
        else:
            frames = self._all
        return frames[random.integers(len(frames))]

    def _whole(self, frame: _Frame, random: np.random.Generator) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """The frame as it is, or with its background mirrored under its targets."""
        if frame.scene is None or random.random() >= self._config.mirrored_backgrounds:
            return frame.values, frame.mask
        swapped, faded = self._config.swapped_targets, self._config.faded_targets
        return put_together(frame.scene, frame.cutouts, swapped, random, compressed=self._compressed, faded=faded)

    def _paste(
        self, cutouts: list[Cutout], values: FloatImage, label: NDArray[np.bool_], random: np.random.Generator
    ) -> None:
        """One target more, or two."""
        for _ in range(int(random.integers(1, 3)) if cutouts else 0):
            cutout = cutouts[random.integers(len(cutouts))]
            paste(values, label, cutout, random, compressed=self._compressed)


def _is_compressed(config: TrainConfig) -> bool:
    """Whether network input is the inverse hyperbolic sine of something linear; then it stays below 10."""
    return config.normalisation.kind == "asinh"


def _decoded(
    dataset: Dataset, config: TrainConfig, mistakes: Sequence[list[Place]], skipped: Callable[[str], None]
) -> list[_Frame]:
    """Every frame that can be read."""
    compressed = _is_compressed(config)
    kept_as = np.float16 if compressed else np.float32  # fixed constants can leave values that float16 does not hold
    frames = []
    places: list[list[Place]] = []
    for index in range(len(dataset.samples)):
        try:
            pixels, mask = dataset.read(index)
        except AdsnetError as error:
            skipped(str(error))
            continue
        places.append(mistakes[index])
        frames.append((normalise(pixels, config.normalisation).astype(kept_as), mask))
    if not frames:
        raise TrainingError(f"{dataset.root}: no frame with a label can be read; label some frames first")
    fixed = config.keep_offsets and masks_lie_beside(frames)
    targets_of: list[list[Cutout]] = []
    if config.pasted_crops or (fixed and config.mirrored_backgrounds):
        targets_of = [cut_out(values, mask, compressed=compressed) for values, mask in frames]
    scenes: list[Scene | None] = [None] * len(frames)
    if fixed and config.mirrored_backgrounds:
        scenes = [
            take_apart(values, mask, targets, compressed=compressed)
            for (values, mask), targets in zip(frames, targets_of, strict=True)
        ]
    cutouts = [cutout for targets in targets_of for cutout in targets]
    return [
        _Frame(*frame, fixed, cutouts, scene, wrong) for frame, scene, wrong in zip(frames, scenes, places, strict=True)
    ]


def _place_in(mask: NDArray[np.bool_], random: np.random.Generator) -> Place | None:
    """A random target pixel, if there is one."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return None
    pick = random.integers(len(rows))
    return int(rows[pick]), int(columns[pick])


def _window_corner(
    shape: tuple[int, ...], window: int, place: Place | None, random: np.random.Generator
) -> tuple[int, int]:
    """Top left corner of a window inside the frame that holds the place, if one is given."""
    corner = []
    for axis, size in enumerate(shape):
        last = max(0, size - window)
        low, high = 0, last
        if place is not None:
            low, high = max(0, place[axis] - window + 1), min(last, place[axis])
        corner.append(int(random.integers(low, high + 1)))
    return corner[0], corner[1]


def _cut(image: NDArray[Any], top: int, left: int, window: int) -> NDArray[Any]:
    """The window; what lies outside the frame repeats its edge in the frame and is no target in the mask."""
    part = image[top : top + window, left : left + window]
    missing = ((0, window - part.shape[0]), (0, window - part.shape[1]))
    if image.dtype == np.bool_:
        return np.pad(part, missing)
    return np.pad(part, missing, mode="edge")


def _resized(image: FloatImage, size: int) -> FloatImage:
    if image.shape[0] == size:
        return image
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _turned(
    values: FloatImage, label: NDArray[np.bool_], random: np.random.Generator
) -> tuple[FloatImage, NDArray[np.bool_]]:
    """One of the eight symmetries of the square."""
    turns, flip = int(random.integers(4)), bool(random.integers(2))
    values, label = np.rot90(values, turns), np.rot90(label, turns)
    if flip:
        values, label = values[:, ::-1], label[:, ::-1]
    return np.ascontiguousarray(values), np.ascontiguousarray(label)


def _photometric(
    values: FloatImage, label: NDArray[np.bool_], random: np.random.Generator
) -> tuple[FloatImage, NDArray[np.bool_]]:
    """Gain and offset always, noise and blur sometimes: what other cameras do to the same scene."""
    values = values * np.float32(random.uniform(0.8, 1.25)) + np.float32(random.uniform(-0.2, 0.2))
    if random.random() < 0.2:
        values = values + random.normal(0.0, random.uniform(0.01, 0.08), values.shape).astype(np.float32)
    if random.random() < 0.1:
        values = np.asarray(cv2.GaussianBlur(values, (0, 0), random.uniform(0.3, 0.8)), dtype=np.float32)
    return values, label
