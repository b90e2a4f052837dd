"""Native pixels to network input, and padding to whole strides. Torch-free; training and inference share it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adsnet.config import Normalisation


def normalise(pixels: NDArray[Any], how: Normalisation) -> NDArray[np.float32]:
    """(H, W) native pixels of any real type, finite, to (H, W) float32 network input; a flat frame becomes zero."""
    # float64 until the values are scaled: sums over megapixels of 16 bits, a small range on a large offset and the
    # ends of the float32 range lose their digits in float32.
    values = pixels.astype(np.float64)
    if how.kind == "fixed":
        return ((values - how.mean) / how.std).astype(np.float32)
    if values.min() == values.max():  # rounding could make a deviation out of nothing
        return np.zeros(values.shape, np.float32)
    scaled: NDArray[np.float32] = np.arcsinh(((values - values.mean()) / values.std()).astype(np.float32))
    return scaled


def pad_to_multiple(values: NDArray[np.float32], multiple: int) -> NDArray[np.float32]:
    """Extend (H, W) at the bottom and right to multiples of ``multiple`` by repeating the last row and column."""
    height, width = values.shape
    return np.pad(values, ((0, -height % multiple), (0, -width % multiple)), mode="edge")
