"""Inside ADSNet: the deep features under ablations of the AFD (Fig. 7) and the dropped patches (Fig. 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from adsnet.comparison.gallery import shown_frame
from adsnet.comparison.picture import Picture
from adsnet.config import Sparsity
from adsnet.model.network import STRIDE
from adsnet.model.weights import load_network
from adsnet.normalise import normalise, pad_to_multiple
from adsnet.prediction import BoolMap, Decision
from adsnet.predictor import Predictor
from adsnet.targets import find_targets

CELL, GAP, LEFT, TOP, TITLE = 190.0, 6.0, 8.0, 34.0, 22.0
TARGET = "#ff2020"
Frame = tuple[str, NDArray[Any], BoolMap]
"""Title, (H, W) native values and (H, W) label."""


def afd_picture(frames: Sequence[Frame], models: Mapping[str, Path]) -> Picture:
    """The mean magnitude of F4 over its channels, for each model; each map is bright where it is largest."""
    columns: dict[str, list[NDArray[np.uint8]]] = {"label": [shown_frame(pixels) for _, pixels, _ in frames]}
    for name, path in models.items():
        network, card = load_network(path)
        columns[f"F4, {name}"] = []
        for _, pixels, _ in frames:
            padded = pad_to_multiple(normalise(pixels, card.normalisation), STRIDE)
            with torch.inference_mode():
                feature = network.encode(torch.from_numpy(padded)[None, None]).features[4]
            height, width = pixels.shape
            values = feature[0].abs().mean(0).numpy()
            columns[f"F4, {name}"].append(_heat(values, padded.shape)[:height, :width])
    return _sheet(frames, columns)


def patches_picture(frames: Sequence[Frame], model: Path) -> Picture:
    """The frame, what is left of it for stage 3 and for stage 2 (dropped patches are dark), and the mask."""
    predictor = Predictor.from_file(model, precision="fp32")
    columns: dict[str, list[NDArray[np.uint8]]] = {
        "label": [],
        "kept for stage 3": [],
        "kept for stage 2": [],
        "mask": [],
    }
    for _, pixels, _ in frames:
        prediction, grey = predictor.predict(pixels, Sparsity()), shown_frame(pixels)
        columns["label"].append(grey)
        for decision in prediction.decisions:
            kept = _spread(decision)
            columns[f"kept for stage {decision.applies_to}"].append(np.where(kept[..., None], grey, grey // 5))
        columns["mask"].append(np.repeat(prediction.mask.astype(np.uint8)[..., None] * 255, 3, axis=2))
    return _sheet(frames, columns)


def _spread(decision: Decision) -> BoolMap:
    """(H, W): the patch that each pixel of the frame lies in is kept."""
    rows = np.repeat(np.arange(decision.kept.shape[0]), np.diff(decision.row_edges))
    columns = np.repeat(np.arange(decision.kept.shape[1]), np.diff(decision.column_edges))
    spread: BoolMap = decision.kept[np.ix_(rows, columns)]
    return spread


def _heat(values: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """(h, w) values to (H, W, 3) colours."""
    low, high = float(values.min()), float(values.max())
    scaled = ((values - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    large = cv2.resize(scaled, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.applyColorMap(large, cv2.COLORMAP_VIRIDIS)[..., ::-1], np.uint8)


def _sheet(frames: Sequence[Frame], columns: Mapping[str, Sequence[NDArray[np.uint8]]]) -> Picture:
    """A row for each frame; the targets of the label are framed everywhere."""
    heights = [pixels.shape[0] * CELL / max(pixels.shape) for _, pixels, _ in frames]
    picture = Picture(2 * LEFT + len(columns) * (CELL + GAP), TOP + sum(heights) + len(frames) * TITLE + 10)
    for place, name in enumerate(columns):
        picture.words(LEFT + place * (CELL + GAP) + CELL / 2, TOP - 12, name, size=13, anchor="middle")
    y = TOP
    for number, ((title, pixels, label), height) in enumerate(zip(frames, heights, strict=True)):
        scale = CELL / max(pixels.shape)
        for place, images in enumerate(columns.values()):
            x = LEFT + place * (CELL + GAP)
            picture.image(x, y, pixels.shape[1] * scale, height, np.ascontiguousarray(images[number]))
            for target in find_targets(label):
                left, top, across, down = (v * scale for v in target.bbox)
                room = 4 * scale
                picture.frame(x + left - room, y + top - room, across + 2 * room, down + 2 * room, TARGET)
        picture.words(LEFT, y + height + 13, title, size=11, colour="#666666")
        y += height + TITLE
    return picture
