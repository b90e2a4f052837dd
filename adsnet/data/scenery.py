"""Made-up infrared backgrounds: a sky of clouds, a sea with sun glint, and ground seen from above.

A scene is made once from a seed and then gives the background of any frame of a drifting camera, in counts of a
14-bit sensor above its offset. Values are float64, (H, W), brighter is warmer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

Field = NDArray[np.float64]
Background = Literal["clouds", "sea", "ground"]
Scene = Callable[[int], Field]
"""Gives the background of a frame by its number."""

_PAD = 40


def fractal(
    rng: np.random.Generator, shape: tuple[int, int], *, slope: float, stretch: float = 1.0, turn: float = 0.0
) -> Field:
    """Noise whose power falls with frequency to the power ``slope``; zero mean, unit deviation, periodic.

    Args:
        rng: source of chance.
        shape: (H, W).
        slope: 0 is white, about 3 looks like clouds.
        stretch: how many times longer the structures are along ``turn`` than across it.
        turn: direction of the stretch in radians, 0 along the rows.
    """
    fy, fx = np.meshgrid(np.fft.fftfreq(shape[0]), np.fft.rfftfreq(shape[1]), indexing="ij")
    along, across = fx * math.cos(turn) + fy * math.sin(turn), fy * math.cos(turn) - fx * math.sin(turn)
    frequency = np.hypot(along * stretch, across)
    frequency[0, 0] = 1.0
    spectrum = np.fft.rfft2(rng.standard_normal(shape)) * frequency ** (-slope / 2)
    spectrum[0, 0] = 0.0
    raw = np.fft.irfft2(spectrum, s=shape)
    field: Field = raw / raw.std()
    return field


def _smooth(low: float, high: float, values: Field) -> Field:
    """0 below ``low``, 1 above ``high``, a smooth step between."""
    t = np.clip((values - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _billows(rng: np.random.Generator, shape: tuple[int, int], period: float, octaves: int) -> Field:
    """Round heaps, as on the upper side of cumulus: folded noise of several sizes; 0..1, heaps are high."""
    total = np.zeros(shape)
    weight = 0.0
    for octave in range(octaves):
        size = max(period / 2**octave, 2.0)
        coarse = tuple(int(n / size) + 4 for n in shape)
        grid = rng.standard_normal(coarse)
        rows = np.arange(shape[0])[:, None] / size + 1.0 + rng.random()
        columns = np.arange(shape[1])[None, :] / size + 1.0 + rng.random()
        noise = ndimage.map_coordinates(grid, np.broadcast_arrays(rows, columns), order=3, mode="mirror")
        total += 0.58**octave * np.minimum(np.abs(noise) * 1.1, 1.0)
        weight += 0.58**octave
    return total / weight


def _drifting(world: Field, shape: tuple[int, int], velocity: tuple[float, float], turn: float = 0.0) -> Scene:
    """A camera that moves over ``world`` by (columns, rows) a frame and turns by ``turn`` radians a frame."""
    coefficients = ndimage.spline_filter(world, order=3)
    centre = np.array([(world.shape[0] - 1) / 2, (world.shape[1] - 1) / 2])
    rows, columns = np.indices(shape, dtype=np.float64)
    rows -= (shape[0] - 1) / 2
    columns -= (shape[1] - 1) / 2

    def view(frame: int) -> Field:
        angle = turn * frame
        y = centre[0] + velocity[1] * frame + rows * math.cos(angle) - columns * math.sin(angle)
        x = centre[1] + velocity[0] * frame + rows * math.sin(angle) + columns * math.cos(angle)
        seen: Field = ndimage.map_coordinates(coefficients, [y, x], order=3, mode="mirror", prefilter=False)
        return seen

    return view


def clouds(rng: np.random.Generator, shape: tuple[int, int]) -> Scene:
    """Cumulus over thin streaks before a sky that warms towards the horizon; two layers drift at different speeds."""
    large = (shape[0] + 2 * _PAD, shape[1] + 2 * _PAD)
    height = np.linspace(0.0, 1.0, large[0])[:, None]
    streaks = _smooth(-0.2, 2.2, fractal(rng, large, slope=3.1, stretch=4.5, turn=-0.22))
    haze = fractal(rng, large, slope=3.6)
    far = 300.0 + 900.0 * height**1.6 + 330.0 * streaks + 45.0 * haze

    rows, columns = np.indices(large, dtype=np.float64)
    warp = [9.0 * fractal(rng, large, slope=3.0) for _ in range(2)]
    heaps = _billows(rng, large, 58.0, 5)
    heaps = ndimage.map_coordinates(heaps, [rows + warp[0], columns + warp[1]], order=1, mode="mirror")
    bulk = fractal(rng, large, slope=4.0)
    # Cover grows towards the bottom, where more clouds stand one behind the other.
    cover = 0.75 * bulk + 3.4 * (heaps - heaps.mean()) + 1.5 * (height - 0.62)
    opacity = _smooth(0.05, 0.62, cover)
    lit = ndimage.gaussian_filter(cover, 2.2)
    light = np.gradient(lit, axis=0) * 0.8 + np.gradient(lit, axis=1) * 0.6
    body = 980.0 + 420.0 * np.tanh(6.0 * light) + 620.0 * (heaps - heaps.mean()) + 260.0 * height
    body += 24.0 * fractal(rng, large, slope=1.6)

    back = _drifting(far, shape, (0.35, 0.05))
    veil = _drifting(opacity, shape, (1.25, 0.22))
    front = _drifting(body, shape, (1.25, 0.22))

    def view(frame: int) -> Field:
        share = np.clip(veil(frame), 0.0, 1.0)
        return (1.0 - share) * back(frame) + share * front(frame)

    return view


def sea(rng: np.random.Generator, shape: tuple[int, int]) -> Scene:
    """Waves in perspective below a horizon with a far coast, and a lane of sun glint that sparkles."""
    rows, columns = np.indices(shape, dtype=np.float64)
    horizon = 0.27 * shape[0]
    below = rows - horizon
    # Plane of the water: distance and sideways position in units of the camera's height.
    depth = shape[0] * 0.9 / np.maximum(below, 0.6)
    side = (columns - shape[1] / 2) * depth / (shape[0] * 0.9)
    footprint_far, footprint_side = depth**2 / (shape[0] * 0.9), depth / (shape[0] * 0.9)

    count = 64
    length = 0.035 * 2.0 ** rng.uniform(0.0, 5.2, count)
    heading = rng.normal(1.15, 0.55, count)
    phase = rng.uniform(0.0, 2 * math.pi, count)
    waves = []
    for wave, turn, start in zip(length, heading, phase, strict=True):
        k_far, k_side = 2 * math.pi / wave * math.sin(turn), 2 * math.pi / wave * math.cos(turn)
        # Waves shorter than a pixel cannot be seen; without fading they would alias to stripes.
        fade = np.exp(-0.5 * ((k_far * footprint_far) ** 2 + (k_side * footprint_side) ** 2) * 0.35)
        waves.append((fade * wave**0.18, k_far * depth + k_side * side + start, 1.25 * math.sqrt(2 * math.pi / wave)))

    sky_noise = fractal(rng, shape, slope=3.4, stretch=3.0)
    sky = 420.0 + 560.0 * np.clip(rows / horizon, 0.0, 1.0) ** 2.2 + 55.0 * sky_noise
    ridge = ndimage.gaussian_filter1d(fractal(rng, (8, shape[1]), slope=2.6)[0], 1.5)
    coast_height = np.maximum(5.5 + 4.5 * ridge + 7.0 * np.linspace(1.0, -1.4, shape[1]), 0.0)
    coast = _smooth(-0.6, 0.6, rows - (horizon - coast_height[None, :])) * (below < 0)
    coast_warmth = 1040.0 + 60.0 * fractal(rng, shape, slope=1.8)
    swell = fractal(rng, shape, slope=2.6, stretch=7.0)
    water_level = 760.0 + 190.0 * np.exp(-np.maximum(below, 0.0) / 26.0)
    lane = np.exp(-0.5 * ((columns - 0.70 * shape[1]) / (14.0 + 0.20 * np.maximum(below, 0.0))) ** 2)
    grain = [fractal(rng, shape, slope=0.9, stretch=2.2) for _ in range(2)]

    def view(frame: int) -> Field:
        slope = np.zeros(shape)
        for amplitude, angle, speed in waves:
            slope += amplitude * np.cos(angle - speed * 0.11 * frame)
        slope /= 5.6
        turning = math.cos(0.9 * frame) * grain[0] + math.sin(0.9 * frame) * grain[1]
        rough = np.clip(below / 60.0, 0.15, 1.0)
        water = water_level + 78.0 * slope * (0.35 + 0.65 * rough) + 30.0 * swell + 11.0 * turning * rough
        sparkle = np.exp(2.1 * (slope + 0.75 * turning - 1.55))
        water += lane * (95.0 + 210.0 * np.minimum(sparkle, 5.0)) * np.clip(below / 14.0, 0.25, 1.0)
        edge = _smooth(-0.8, 0.8, below)
        air = sky * (1.0 - coast) + coast_warmth * coast
        drift = 0.30 * math.sin(0.55 * frame)
        seen: Field = ndimage.shift(air * (1.0 - edge) + water * edge, (drift, 0.0), order=1, mode="nearest")
        return seen

    return view


def _fields(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Field, Field]:
    """Patchwork of fields by nearest seed: warmth and the direction-dependent rows of each."""
    rows, columns = np.indices(shape, dtype=np.float64)
    turn = rng.uniform(0.2, 0.5)
    u, v = columns * math.cos(turn) + rows * math.sin(turn), rows * math.cos(turn) - columns * math.sin(turn)
    u, v = u + 2.5 * fractal(rng, shape, slope=3.4), v + 2.5 * fractal(rng, shape, slope=3.4)
    # Brick-like plots: strips of random width, each cut at its own places.
    edges = np.cumsum(rng.uniform(38.0, 80.0, 24)) - 420.0
    strip = np.searchsorted(edges, v)
    warmth, rows_of, border = np.zeros(shape), np.zeros(shape), np.full(shape, 9.0)
    for number in range(len(edges) + 1):
        inside = strip == number
        cuts = np.cumsum(rng.uniform(45.0, 120.0, 24)) - 420.0
        plot = np.searchsorted(cuts, u)
        values, furrows = np.clip(rng.normal(0.0, 1.0, 26), -1.6, 1.6), rng.uniform(2.4, 4.5, 26)
        crop = rng.random(26) < 0.45
        warmth[inside] = values[plot[inside]]
        rows_of[inside] = (np.sin(2 * math.pi * v / furrows[plot]) * crop[plot])[inside]
        gap = np.min(np.abs(u[..., None] - cuts), axis=-1)
        border[inside] = np.minimum(border[inside], gap[inside])
    border = np.minimum(border, np.min(np.abs(v[..., None] - edges), axis=-1))
    return 150.0 * warmth + 16.0 * rows_of, np.exp(-0.5 * (border / 1.1) ** 2)


def _drawn(shape: tuple[int, int], draw: Callable[[ImageDraw.ImageDraw, int], None]) -> Field:
    """A drawing at four times the resolution, averaged down to 0..1."""
    fine = 4
    canvas = Image.new("L", (shape[1] * fine, shape[0] * fine))
    draw(ImageDraw.Draw(canvas), fine)
    values = np.asarray(canvas, dtype=np.float64) / 255.0
    averaged: Field = values.reshape(shape[0], fine, shape[1], fine).mean(axis=(1, 3))
    return averaged


def _curve(points: list[tuple[float, float]], fine: int) -> list[tuple[float, float]]:
    """A smooth line through the points, as many short pieces, in drawing coordinates."""
    knots = np.linspace(0.0, 1.0, len(points))
    fit = np.polyfit(knots, np.array(points), len(points) - 1)
    return [(float(x) * fine, float(y) * fine) for x, y in (np.polyval(fit, t) for t in np.linspace(0.0, 1.0, 120))]


def _roads(rng: np.random.Generator, land: Field) -> tuple[Field, Field]:
    """The land with a track, a side road and a main road across it; and where roads are, 0..1."""
    h, w = land.shape
    main = [(-5.0, 0.72 * h), (0.33 * w, 0.60 * h), (0.66 * w, 0.66 * h), (w + 5.0, 0.42 * h)]
    side = [(0.42 * w, -5.0), (0.47 * w, 0.35 * h), (0.52 * w, 0.65 * h)]
    track = [(0.10 * w, -5.0), (0.16 * w, 0.3 * h), (0.06 * w, 0.55 * h), (0.12 * w, h + 5.0)]
    everywhere = np.zeros(land.shape)

    def line(points: list[tuple[float, float]], width: float) -> Field:
        return _drawn(
            (h, w), lambda d, fine: d.line(_curve(points, fine), fill=255, width=int(width * fine), joint="curve")
        )

    for road, width, warmth in ((track, 2.0, 1010.0), (side, 3.6, 1260.0), (main, 6.0, 1330.0)):
        share = line(road, width)
        land = land * (1.0 - share) + share * (warmth + 14.0 * fractal(rng, (h, w), slope=1.0))
        everywhere = np.maximum(everywhere, share)
    return land - 130.0 * line(main, 0.7), everywhere


def _roof(land: Field, centre: tuple[float, float], size: tuple[float, float], turn: float, warmth: float) -> Field:
    """The land with a ridged roof on it: one side in the sun, one less warm, a cool shadow beside it."""
    c, s = math.cos(turn), math.sin(turn)

    def slab(low: float, high: float, shift: float = 0.0) -> Field:
        def draw(canvas: ImageDraw.ImageDraw, fine: int) -> None:
            a, b = size
            outline = [(-a / 2, low * b), (a / 2, low * b), (a / 2, high * b), (-a / 2, high * b)]
            x0, y0 = centre[0] + shift, centre[1] + shift
            canvas.polygon([((x0 + x * c - y * s) * fine, (y0 + x * s + y * c) * fine) for x, y in outline], fill=255)

        return _drawn((land.shape[0], land.shape[1]), draw)

    sunny, shaded, shadow = slab(-0.5, 0.0), slab(0.0, 0.5), slab(-0.5, 0.5, 2.2)
    land = land * (1.0 - 0.28 * shadow * (1.0 - sunny) * (1.0 - shaded))
    land = land * (1.0 - sunny) + sunny * warmth
    return land * (1.0 - shaded) + shaded * (0.86 * warmth)


def ground(rng: np.random.Generator, shape: tuple[int, int]) -> Scene:
    """Fields, woods, roads and a village with warm roofs from straight above; the camera drifts and turns a little."""
    large = (shape[0] + 2 * _PAD, shape[1] + 2 * _PAD)
    h, w = large
    plots, hedges = _fields(rng, large)
    land = 900.0 + plots + 30.0 * fractal(rng, large, slope=2.4) + 9.0 * fractal(rng, large, slope=0.8) - 120.0 * hedges

    leaves = rng.standard_normal(large)
    crowns = ndimage.gaussian_filter(leaves, 1.5, mode="wrap") - ndimage.gaussian_filter(leaves, 3.2, mode="wrap")
    crowns /= crowns.std()
    wood = _smooth(0.80, 0.95, fractal(rng, large, slope=3.6) + 0.10 * crowns)
    sunlit = crowns + 0.9 * ndimage.shift(crowns, (1.0, 1.0), order=1, mode="wrap")
    land = land * (1.0 - wood) + wood * (735.0 + 40.0 * sunlit + 38.0 * fractal(rng, large, slope=2.2))

    land, roads = _roads(rng, land)
    near_road = ndimage.maximum_filter(roads, size=17) > 0
    built: list[tuple[float, float]] = []
    for _ in range(60):
        x, y = rng.uniform(0.24 * w, 0.84 * w), rng.uniform(0.10 * h, 0.60 * h)
        size = (rng.uniform(8.0, 17.0), rng.uniform(5.0, 9.0))
        turn = 0.35 + 0.5 * math.pi * rng.integers(0, 2) + rng.normal(0.0, 0.06)
        warmth = float(rng.choice([1250.0, 1500.0, 1850.0, 700.0], p=[0.4, 0.3, 0.12, 0.18]))
        if near_road[int(y), int(x)] or any(math.hypot(x - a, y - b) < 19.0 for a, b in built):
            continue
        built.append((x, y))
        land = _roof(land, (x, y), size, turn, warmth)
    return _drifting(land - 150.0, shape, (1.3, -0.55), turn=0.004)


SCENES: dict[Background, Callable[[np.random.Generator, tuple[int, int]], Scene]] = {
    "clouds": clouds,
    "sea": sea,
    "ground": ground,
}
