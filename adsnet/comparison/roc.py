"""ROC curves of several detectors on one set, as in Fig. 5: the false positive rate linear and logarithmic."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adsnet.comparison.picture import Picture, Point

COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d1f")
"""Of Okabe and Ito, told apart by colour-blind people; the dashes tell them apart in print."""

DASHES = (0.0, 7.0, 2.5)

LEAST_FPR = 1e-7
SIDE, LEFT, GAP, TOP, LEGEND = 330.0, 60.0, 75.0, 50.0, 190.0


class Curve(NamedTuple):
    """``points``: (n, 2) false positive rate and true positive rate, each 0..1 and rising."""

    name: str
    points: NDArray[np.float64]
    auc: float


def roc_picture(title: str, curves: list[Curve]) -> Picture:
    """Two panels and a legend with the areas under the curves."""
    picture = Picture(LEFT + 2 * SIDE + GAP + LEGEND, TOP + SIDE + 60)
    picture.words(LEFT, 24, title, size=15)
    second = LEFT + SIDE + GAP
    _axes(picture, LEFT, [(share, f"{share:g}") for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)])
    decades = round(-math.log10(LEAST_FPR))
    _axes(picture, second, [(1 - k / decades, f"1e-{k}" if k else "1") for k in range(decades, -1, -1)])
    legend = [*enumerate(curves)]
    for number, curve in reversed(legend):  # the first one is drawn on top
        style = style_of(number)
        _curve(picture, LEFT, curve.points[:, 0], curve.points[:, 1], style)
        # A straight piece of the curve is bent on a logarithmic axis: it is drawn through many points.
        seen = np.union1d(np.logspace(-decades, 0, 300), curve.points[curve.points[:, 0] > LEAST_FPR, 0])
        _curve(picture, second, 1 + np.log10(seen) / decades, np.interp(seen, *curve.points.T), style)
        x, y = second + SIDE + 18, TOP + 14 + 22 * number
        picture.line([(x, y - 4), (x + 26, y - 4)], style[0], width=2, dash=style[1])
        picture.words(x + 33, y, f"{curve.name}  {curve.auc:.4f}")
    picture.words(second + SIDE + 18, TOP - 8, "area under the curve", size=11, colour="#666666")
    return picture


def style_of(number: int) -> tuple[str, float]:
    """Colour and dash of a curve; those of the first 24 differ from each other."""
    cycle, place = divmod(number, len(COLOURS))
    return COLOURS[place], DASHES[(place + cycle) % len(DASHES)]


def _axes(picture: Picture, left: float, ticks: list[tuple[float, str]]) -> None:
    bottom = TOP + SIDE
    for share, text in ticks:
        x = left + share * SIDE
        picture.line([(x, TOP), (x, bottom)], "#e4e4e4", width=0.7)
        picture.words(x, bottom + 16, text, size=11, anchor="middle")
    for tenth in range(0, 11, 2):
        y = bottom - tenth / 10 * SIDE
        picture.line([(left, y), (left + SIDE, y)], "#e4e4e4", width=0.7)
        picture.words(left - 6, y + 4, f"{tenth / 10:g}", size=11, anchor="end")
    picture.frame(left, TOP, SIDE, SIDE, "#666666")
    picture.words(left + SIDE / 2, bottom + 38, "false positive rate (pixels)", anchor="middle")
    picture.words(left - 34, TOP - 10, "true positive rate", size=11, colour="#666666")


def _curve(
    picture: Picture, left: float, x: NDArray[np.float64], y: NDArray[np.float64], style: tuple[str, float]
) -> None:
    points: list[Point] = []
    for a, b in zip(left + x * SIDE, TOP + SIDE - y * SIDE, strict=True):
        if not points or abs(a - points[-1][0]) + abs(b - points[-1][1]) > 0.2:
            points.append((float(a), float(b)))
    if len(points) > 1:
        picture.line(points, style[0], width=1.8, dash=style[1])
