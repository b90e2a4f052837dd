"""AADCDD (Aghaziyarati, Moradi and Talebi, Infrared Physics & Technology 2019): the squared difference of average
grey levels, times the smallest of four cumulative directional derivatives. Torch-free.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adsnet.detectors.parameters import check_parameters, parameter
from adsnet.detectors.windows import Map, above_lowest, box_sum, is_flat, shifted
from adsnet.errors import ConfigError

_UP_RIGHT_DOWN_LEFT = ((-1, 0), (0, 1), (1, 0), (0, -1))


@dataclass(frozen=True)
class Aadcdd:
    """AADCDD over several inner windows.

    The unit of the saliency is the cube of that of the pixels: another gain scales the whole map, another offset
    changes nothing, and so 16 bits need no scaling to 0..255. Only a ``fixed`` threshold depends on the gain.
    """

    inner: tuple[int, ...] = parameter(
        (3, 5, 7, 9), least=3, most=31, odd=True, help="Sides of the inner windows in pixels, about those of targets."
    )
    outer: int = parameter(
        19, least=5, most=63, odd=True, help="Side of the outer window in pixels; larger than every inner one."
    )

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.inner[-1] >= self.outer:
            raise ConfigError(f"outer is {self.outer}; it must be larger than the inner side {self.inner[-1]}")

    def saliency(self, pixels: NDArray[Any]) -> Map:
        """S = max over L of ([m_in − m_out]₊)² · [min over four directions e of D_e]₊.

        m_in is the mean of the inner L × L window, m_out that of the outer window without the inner one. With
        r = (L − 1)/2, D_e = Σ_{t=0..r} I(p + t e) − (r + 1) I(p + (r + 1) e): the pixels from the centre to the edge
        of the inner window, each less the first pixel beyond it. Beyond its border the frame repeats its outermost
        pixels.

        Args:
            pixels: (H, W) native values of any real type, finite.

        Returns:
            (H, W) float64, 0 or more; all 0 for a flat frame.
        """
        if is_flat(pixels):
            return np.zeros(pixels.shape)
        margin = self.outer // 2
        padded = np.pad(above_lowest(pixels), margin, mode="edge")
        derivatives = _derivatives(padded, margin, self.inner)
        whole = box_sum(padded, self.outer)
        saliency = np.zeros(pixels.shape)
        for side, derivative in zip(self.inner, derivatives, strict=True):
            surplus = margin - side // 2
            inside = box_sum(padded[surplus : padded.shape[0] - surplus, surplus : padded.shape[1] - surplus], side)
            outside = (whole - inside) / (self.outer**2 - side**2)
            contrast = np.maximum(inside / side**2 - outside, 0.0)
            np.maximum(saliency, contrast * contrast * derivative, out=saliency)
        return saliency


def _derivatives(padded: Map, margin: int, sides: tuple[int, ...]) -> list[Map]:
    """The smallest D_e of the four directions, at least 0, for every inner side: each (H, W)."""
    centre = shifted(padded, margin, 0, 0)
    smallest = {side: np.full(centre.shape, np.inf) for side in sides}
    for down, right in _UP_RIGHT_DOWN_LEFT:
        inside = centre.copy()
        for side in range(3, sides[-1] + 1, 2):
            reach = side // 2
            inside += shifted(padded, margin, reach * down, reach * right)
            if side in smallest:
                beyond = shifted(padded, margin, (reach + 1) * down, (reach + 1) * right)
                np.minimum(smallest[side], inside - (reach + 1) * beyond, out=smallest[side])
    return [np.maximum(smallest[side], 0.0) for side in sides]
