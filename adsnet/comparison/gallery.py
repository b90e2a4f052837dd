"""Frames with what each detector makes of them, as in Fig. 6: found targets red and enlarged, missed ones green."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from adsnet.comparison.contestants import Contestant
from adsnet.comparison.picture import Picture
from adsnet.comparison.scores import Scores
from adsnet.data.datasets import Dataset
from adsnet.data.frames import FrameRef
from adsnet.errors import ConfigError, FrameError
from adsnet.evaluation import PredictFrame
from adsnet.prediction import BoolMap
from adsnet.storage import files
from adsnet.targets import Target, find_targets, match_targets

HIT, MISS, FALSE = "#ff2020", "#00d000", "#ffc400"
CELL, GAP, LEFT, TOP, TITLE = 150.0, 6.0, 8.0, 34.0, 22.0
ZOOMED, ZOOM_SIDE = 24, 52.0
"""Pixels of the frame that an enlarged target shows, and the side of that in the picture."""
BOX = 5
"""Pixels between a target and its box."""


class Row(NamedTuple):
    """A frame of the gallery: its pixels and label, and the mask of each detector."""

    title: str
    pixels: NDArray[np.generic]
    label: BoolMap
    masks: list[BoolMap]


def chosen_frames(dataset: Dataset, scores: Sequence[Scores], named: Sequence[str], count: int) -> list[int]:
    """The frames of ``named`` that the set has, or those with the lowest mean IoU over all detectors.

    A frame without a target, or one that a detector could not predict, is only shown where it is named.
    """
    stems = [sample.frame.stem for sample in dataset.samples]
    if named:
        return [stems.index(name) for name in named if name in stems]
    found = [stem for stem in stems if scores and all(stem in one.ious for one in scores)]
    mean = {stem: float(np.mean([one.ious[stem] for one in scores])) for stem in found}
    worst = sorted(found, key=lambda stem: (mean[stem], stem))
    return [stems.index(stem) for stem in worst[:count]]


def require_frames(datasets: Sequence[Dataset], named: Sequence[str]) -> None:
    """Raises ConfigError for a frame that no set has, or a set has twice."""
    counts = [Counter(sample.frame.stem for sample in dataset.samples) for dataset in datasets]
    for name in named:
        if not any(name in one for one in counts):
            raise ConfigError(f"--frames {name}: none of the sets has a frame of this name; give names without suffix")
        if any(one[name] > 1 for one in counts):
            raise ConfigError(f"--frames {name}: several frames of one set have this name; rename all but one")


def rows_of(dataset: Dataset, indices: Sequence[int], entries: Sequence[Contestant]) -> list[Row]:
    """Read the frames and let every detector, loaded once, predict them. Raises AdsnetError."""
    frames = [dataset.read(index) for index in indices]
    masks = []
    for entry in entries:
        predict = entry.predict()
        masks.append(
            [_mask(predict, pixels, dataset.samples[i].frame) for i, (pixels, _) in zip(indices, frames, strict=True)]
        )
    return [
        Row(files.shown(dataset.samples[index].frame.stem), pixels, label, [of_entry[number] for of_entry in masks])
        for number, (index, (pixels, label)) in enumerate(zip(indices, frames, strict=True))
    ]


def _mask(predict: PredictFrame, pixels: NDArray[np.generic], frame: FrameRef) -> BoolMap:
    try:
        return predict(pixels).mask
    except FrameError as error:  # the detector does not know the file
        raise FrameError(f"{files.shown(frame.path)}: {error}") from error


def gallery(rows: Sequence[Row], names: Sequence[str]) -> Picture:
    """One row a frame: the frame with its label, then what each detector marks."""
    heights = [row.label.shape[0] * CELL / max(row.label.shape) for row in rows]
    picture = Picture(2 * LEFT + (1 + len(names)) * (CELL + GAP), TOP + sum(heights) + len(rows) * TITLE + 26)
    for column, name in enumerate(("label", *names)):
        picture.words(LEFT + column * (CELL + GAP) + CELL / 2, TOP - 12, name, size=13, anchor="middle")
    y = TOP
    for row, height in zip(rows, heights, strict=True):
        labelled = find_targets(row.label)
        for column, mask in enumerate((row.label, *row.masks)):
            x = LEFT + column * (CELL + GAP)
            _cell(picture, x, y, row, mask, labelled, is_label=column == 0)
        picture.words(LEFT, y + height + 13, row.title, size=11, colour="#666666")
        y += height + TITLE
    y = picture.height - 10
    for place, (colour, dash, text) in enumerate(
        ((HIT, 0.0, "found, enlarged"), (MISS, 3.0, "missed"), (FALSE, 1.5, "false alarm"))
    ):
        x = LEFT + place * 150
        picture.frame(x, y - 11, 14, 12, colour, line=1.6, dash=dash)
        picture.words(x + 20, y, text, size=11)
    return picture


def _cell(
    picture: Picture, x: float, y: float, row: Row, mask: BoolMap, labelled: Sequence[Target], *, is_label: bool
) -> None:
    shown = shown_frame(row.pixels, None if is_label else mask)
    height, width = row.label.shape
    scale = CELL / max(height, width)
    picture.image(x, y, width * scale, height * scale, _shrunk(shown, 2 * CELL))
    predicted = find_targets(mask)
    matching = match_targets(labelled, predicted)
    for index in matching.false:
        _boxed(picture, x, y, scale, predicted[index], FALSE, 1.5)
    for index in matching.missed:
        _boxed(picture, x, y, scale, labelled[index], MISS, 3.0)
    corners = _corners(width * scale, height * scale, labelled, scale)[: min(2, len(matching.pairs))]
    for (index, _), corner in zip(matching.pairs, corners, strict=False):
        _boxed(picture, x, y, scale, labelled[index], HIT, 0.0)
        _enlarged(picture, x + corner[0], y + corner[1], shown, labelled[index])
    for index, _ in matching.pairs[len(corners) :]:
        _boxed(picture, x, y, scale, labelled[index], HIT, 0.0)


def _boxed(picture: Picture, x: float, y: float, scale: float, target: Target, colour: str, dash: float) -> None:
    left, top, width, height = target.bbox
    side = (x + (left - BOX) * scale, y + (top - BOX) * scale, (width + 2 * BOX) * scale, (height + 2 * BOX) * scale)
    picture.frame(*side, colour, line=1.6, dash=dash)


def _corners(width: float, height: float, targets: Sequence[Target], scale: float) -> list[tuple[float, float]]:
    """The corners, the one that is farthest from all targets first."""
    places = [(0.0, 0.0), (width - ZOOM_SIDE, 0.0), (0.0, height - ZOOM_SIDE), (width - ZOOM_SIDE, height - ZOOM_SIDE)]
    half = ZOOM_SIDE / 2

    def room(place: tuple[float, float]) -> float:
        middle = place[0] + half, place[1] + half
        return min((abs(t.x * scale - middle[0]) + abs(t.y * scale - middle[1]) for t in targets), default=0.0)

    return sorted(places, key=room, reverse=True)


def _enlarged(picture: Picture, x: float, y: float, shown: NDArray[np.uint8], target: Target) -> None:
    half = ZOOMED // 2
    padded = np.pad(shown, ((half, half), (half, half), (0, 0)))
    row, column = round(target.y), round(target.x)
    picture.image(x, y, ZOOM_SIDE, ZOOM_SIDE, padded[row : row + ZOOMED, column : column + ZOOMED])
    picture.frame(x, y, ZOOM_SIDE, ZOOM_SIDE, HIT, line=1.2)


def shown_frame(pixels: NDArray[np.generic], mask: BoolMap | None = None) -> NDArray[np.uint8]:
    """(H, W, 3): the frame between its percentiles; under a mask it is darkened and what is marked is white."""
    values = pixels.astype(np.float64)
    low, high = np.percentile(values, (0.5, 99.8))
    grey = ((values - low) / max(high - low, 1e-12)).clip(0, 1) * (200 if mask is None else 90)
    shown = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    if mask is not None:
        shown[mask] = 255
    return shown


def _shrunk(shown: NDArray[np.uint8], side: float) -> NDArray[np.uint8]:
    """No more pixels than the picture shows; a marked pixel does not fade away, for the brightest one counts."""
    factor = int(max(shown.shape[:2]) // side)
    if factor < 2:
        return shown
    size = -shown.shape[0] % factor, -shown.shape[1] % factor
    padded = np.pad(shown, ((0, size[0]), (0, size[1]), (0, 0)), mode="edge")
    largest = cv2.dilate(padded, np.ones((factor, factor), np.uint8), anchor=(0, 0))
    return np.ascontiguousarray(largest[::factor, ::factor])
