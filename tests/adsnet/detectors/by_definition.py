"""The traditional methods written straight from their formulas, one pixel at a time: slow, and simple to check."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float64]
Look = Callable[[int, int], float]

AROUND = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]


def mirrored(pixels: NDArray[Any]) -> Look:
    """Pixels at any row and column: … 1 0 | 0 1 2 | 2 1 0 0 1 …"""

    def place(i: int, count: int) -> int:
        i %= 2 * count
        return i if i < count else 2 * count - 1 - i

    return lambda y, x: float(pixels[place(y, pixels.shape[0]), place(x, pixels.shape[1])])


def replicated(pixels: NDArray[Any]) -> Look:
    """Pixels at any row and column: … 0 0 | 0 1 2 | 2 2 …"""
    height, width = pixels.shape
    return lambda y, x: float(pixels[min(max(y, 0), height - 1), min(max(x, 0), width - 1)])


def square(look: Look, y: int, x: int, side: int) -> list[float]:
    r = side // 2
    return [look(y + i, x + j) for i in range(-r, r + 1) for j in range(-r, r + 1)]


def at_every_pixel(shape: tuple[int, ...], value: Callable[[int, int], float]) -> Map:
    return np.array([[value(y, x) for x in range(shape[1])] for y in range(shape[0])], np.float64)


def tophat(pixels: NDArray[Any], side: int) -> Map:
    def windowed(values: Map, choose: Callable[[Map], Any]) -> Map:
        r = side // 2
        return at_every_pixel(
            values.shape,
            lambda y, x: float(choose(values[max(y - r, 0) : y + r + 1, max(x - r, 0) : x + r + 1])),
        )

    values = pixels.astype(np.float64)
    return values - windowed(windowed(values, np.min), np.max)


def lef(pixels: NDArray[Any], h: float, a: float, largest: int) -> Map:
    look = mirrored(pixels)

    def s(y: int, x: int, side: int) -> float:
        r = side // 2
        e = e_outer = 0.0
        for i in range(-r, r + 1):
            for j in range(-r, r + 1):
                outer = [look(y + i + side * u, x + j + side * v) for u, v in AROUND]
                nine = [look(y + i, x + j), *outer]
                e += math.fsum((one - math.fsum(nine) / 9) ** 2 for one in nine) if len(set(nine)) > 1 else 0.0
                e_outer += math.fsum((one - math.fsum(outer) / 8) ** 2 for one in outer) if len(set(outer)) > 1 else 0.0
        return (e / 9 - e_outer / 8) / (e / 9) if e else 0.0

    def d(y: int, x: int, side: int) -> float:
        cells = [square(look, y + side * u, x + side * v, side) for u, v in AROUND]
        return look(y, x) - math.fsum(value for cell in cells for value in cell) / (8 * side * side)

    sides = range(1, largest + 1, 2)
    all_s = np.array([at_every_pixel(pixels.shape, partial(s, side=side)) for side in sides])
    all_d = np.array([at_every_pixel(pixels.shape, partial(d, side=side)) for side in sides])

    def scaled(cue: Map, unit: float) -> Map:
        extent = cue.max() - cue.min()
        return (cue - cue.min()) / extent if extent > 1e-12 * unit else np.zeros(cue.shape)

    s_scaled, d_scaled = scaled(all_s, 1.0), scaled(all_d, float(pixels.max()) - float(pixels.min()))
    scales = np.exp(-(a * (s_scaled - 1) ** 2 + (1 - a) * (d_scaled - 1) ** 2) / (2 * h * h))
    return np.asarray(scales.max(axis=0))


def aadcdd(pixels: NDArray[Any], inner: tuple[int, ...], outer: int) -> Map:
    look = replicated(pixels)

    def one_scale(y: int, x: int, side: int) -> float:
        r = side // 2
        inside, whole = square(look, y, x, side), square(look, y, x, outer)
        mean_outside = (math.fsum(whole) - math.fsum(inside)) / (outer**2 - side**2)
        contrast = max(math.fsum(inside) / side**2 - mean_outside, 0.0) ** 2
        derivatives = [
            math.fsum(look(y + t * u, x + t * v) - look(y + (r + 1) * u, x + (r + 1) * v) for t in range(r + 1))
            for u, v in [(-1, 0), (0, 1), (1, 0), (0, -1)]
        ]
        return contrast * max(min(derivatives), 0.0)

    return at_every_pixel(pixels.shape, lambda y, x: max(one_scale(y, x, side) for side in inner))


def tllcm(pixels: NDArray[Any], sides: tuple[int, ...], brightest: int) -> Map:
    values = pixels.astype(np.float64)
    look = mirrored(values - min(values.min(), 0.0))
    kernel = (1, 2, 1, 2, 4, 2, 1, 2, 1)

    def b(y: int, x: int, side: int) -> float:
        cells = [square(look, y + side * u, x + side * v, side) for u, v in AROUND]
        return max(math.fsum(sorted(cell)[-brightest:]) / brightest for cell in cells)

    all_b = [at_every_pixel(pixels.shape, partial(b, side=side)) for side in sides]
    g = at_every_pixel(
        pixels.shape, lambda y, x: math.fsum(w * v for w, v in zip(kernel, square(look, y, x, 3), strict=True)) / 16
    )
    above_zero = [float(one[one > 0].min()) for one in all_b if (one > 0).any()]
    if not above_zero:
        return np.zeros(pixels.shape)
    scales = [np.where(one > 0, one, min(above_zero)) for one in all_b]
    return np.asarray(np.max([np.maximum(g**2 / one - g, 0.0) for one in scales], axis=0))
