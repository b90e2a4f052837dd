"""Top-hat (Table 1 of the ADSNet paper): what is brighter than its surroundings and smaller than a square.

Torch-free.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from adsnet.detectors.parameters import check_parameters, parameter
from adsnet.detectors.windows import Map, is_flat, native


@dataclass(frozen=True)
class TopHat:
    """White top-hat with a flat square. The unit of the saliency is that of the pixels, at every bit depth."""

    side: int = parameter(
        5, least=3, most=63, odd=True, help="Side of the square in pixels; targets must be narrower than it."
    )

    def __post_init__(self) -> None:
        check_parameters(self)

    def saliency(self, pixels: NDArray[Any]) -> Map:
        """S = I − dilate(erode(I)), pixels outside the frame are ignored.

        Args:
            pixels: (H, W) native values of any real type, finite.

        Returns:
            (H, W) float64, 0 or more; all 0 for a flat frame.
        """
        if is_flat(pixels):
            return np.zeros(pixels.shape)
        values = np.ascontiguousarray(native(pixels))
        # A filled square is done as a running minimum or maximum of rows, then of columns. OpenCV's own border is
        # the highest value of the type for the erosion and the lowest for the dilation, so that it never counts.
        opened = cv2.morphologyEx(values, cv2.MORPH_OPEN, np.ones((self.side, self.side), np.uint8))
        saliency: Map = values.astype(np.float64) - opened
        return saliency
