"""Every colour that means something, in one place, and the colour maps for frames and heat maps.

The overlay colours are those of Okabe and Ito, which stay apart under the common kinds of colour blindness.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

RGB = tuple[int, int, int]

ORANGE: RGB = (230, 159, 0)
SKY_BLUE: RGB = (86, 180, 233)
BLUISH_GREEN: RGB = (0, 158, 115)
YELLOW: RGB = (240, 228, 66)
BLUE: RGB = (0, 114, 178)
VERMILION: RGB = (213, 94, 0)
REDDISH_PURPLE: RGB = (204, 121, 167)

LABEL = BLUISH_GREEN
PREDICTION = YELLOW
FOUND = SKY_BLUE
MISSED = VERMILION
FALSE_ALARM = REDDISH_PURPLE
PATCH3 = BLUE
PATCH2 = ORANGE
HOVER: RGB = (255, 255, 255)

ROLES: dict[str, RGB] = {
    "label": LABEL,
    "prediction": PREDICTION,
    "found": FOUND,
    "missed": MISSED,
    "false_alarm": FALSE_ALARM,
    "patches3": PATCH3,
    "patches2": PATCH2,
    "hover": HOVER,
}

_Points = tuple[tuple[float, RGB], ...]


def _even(colours: tuple[RGB, ...]) -> _Points:
    return tuple((i / (len(colours) - 1), colour) for i, colour in enumerate(colours))


_POINTS: dict[str, _Points] = {
    "white_hot": ((0.0, (0, 0, 0)), (1.0, (255, 255, 255))),
    "black_hot": ((0.0, (255, 255, 255)), (1.0, (0, 0, 0))),
    # Rising brightness throughout, through violet and orange to a white tip, in the manner of heated iron.
    "ironbow": (
        (0.00, (0, 0, 12)),
        (0.12, (28, 4, 92)),
        (0.28, (98, 8, 150)),
        (0.45, (176, 30, 130)),
        (0.60, (226, 82, 40)),
        (0.76, (246, 150, 8)),
        (0.90, (252, 218, 74)),
        (1.00, (255, 252, 232)),
    ),
    # Eighteen points of the maps by Smith and van der Walt (public domain, CC0); straight lines between them are
    # within two per cent of the originals.
    "viridis": _even(
        (
            *((68, 1, 84), (72, 23, 105), (71, 42, 122), (67, 61, 132), (61, 78, 138), (53, 94, 141)),
            *((46, 109, 142), (41, 123, 142), (35, 137, 142), (31, 151, 139), (33, 165, 133), (46, 179, 124)),
            *((70, 192, 111), (101, 203, 94), (137, 213, 72), (176, 221, 47), (216, 226, 25), (253, 231, 37)),
        )
    ),
    "inferno": _even(
        (
            *((0, 0, 4), (10, 7, 34), (30, 12, 69), (56, 9, 98), (81, 14, 108), (105, 22, 110)),
            *((128, 31, 108), (152, 39, 102), (176, 49, 91), (198, 61, 77), (217, 77, 61), (233, 97, 43)),
            *((244, 121, 24), (250, 148, 7), (252, 176, 20), (248, 205, 55), (242, 234, 105), (252, 255, 164)),
        )
    ),
}

COLOUR_MAPS: tuple[str, ...] = tuple(_POINTS)


@functools.cache
def colour_map(name: str) -> NDArray[np.uint8]:
    """The colour map as a table of (256, 3) uint8, red, green and blue; read-only.

    Raises:
        ValueError: there is no map of this name; the names are ``COLOUR_MAPS``.
    """
    if name not in _POINTS:
        raise ValueError(f"there is no colour map '{name}'; the maps are {', '.join(COLOUR_MAPS)}")
    positions = np.array([p for p, _ in _POINTS[name]])
    colours = np.array([c for _, c in _POINTS[name]], np.float64)
    steps = np.linspace(0.0, 1.0, 256)
    table = np.column_stack([np.interp(steps, positions, colours[:, band]) for band in range(3)])
    colours8 = np.floor(table + 0.5).astype(np.uint8)
    colours8.setflags(write=False)
    return colours8
