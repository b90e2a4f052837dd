"""Native pixels to network input, and padding to whole strides. Torch-free; training and inference share it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adsnet.config import Normalisation


def normalise(pixels: NDArray[Any], how: Normalisation) -> NDArray[np.float32]:
    """(H, W) native pixels of any type to (H, W) float32 network input."""
    values = pixels.astype(np.float32)
    if how.kind == "fixed":
        return (values - np.float32(how.mean)) / np.float32(how.std)
    # float64 sums: 16-bit frames of megapixels lose digits in float32. A flat frame stays zero.
    mean, std = values.mean(dtype=np.float64), values.std(dtype=np.float64)
    scaled: NDArray[np.float32] = np.arcsinh((values - np.float32(mean)) / np.float32(std if std > 0 else 1.0))
    return scaled


def pad_to_multiple(values: NDArray[np.float32], multiple: int) -> NDArray[np.float32]:
    """Extend (H, W) at the bottom and right to multiples of ``multiple`` by repeating the last row and column."""
    height, width = values.shape
    return np.pad(values, ((0, -height % multiple), (0, -width % multiple)), mode="edge")
