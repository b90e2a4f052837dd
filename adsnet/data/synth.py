"""Made-up infrared sequences with moving targets and exact masks, and the sample that the program ships.

``python -m adsnet.data.synth OUT`` writes the sample. The same seed gives the same sequence.
"""

from __future__ import annotations

import argparse
import io
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from adsnet.data.labels import write_mask
from adsnet.data.scenery import SCENES, Background, Field
from adsnet.errors import AdsnetError
from adsnet.storage.atomic import write_bytes
from adsnet.storage.files import shown

TargetKind = Literal["point", "drone", "plane"]

MAX_COUNT = 16383
OFFSET = 6000.0
"""Counts of the sensor without any scene; a scene adds about 0 to 2500."""

_FINE = 5
_OPTICS_SIGMA = 0.65


@dataclass(frozen=True)
class Motion:
    """A target and its way through the frames.

    Attributes:
        kind: ``"point"`` (1-9 pixels), ``"drone"`` (about 10-30) or ``"plane"`` (about 20-80).
        x, y: centre at frame ``first``, in pixels; the centre of a pixel is a whole number.
        vx, vy: pixels a frame; the nose of a plane points this way.
        amplitude: counts that its warmest pixel stands above the background.
        size: scale of its shape, 1 is usual.
        first, last: frames in which it is there, both included.
        sway: sideways swing in pixels.
    """

    kind: TargetKind
    x: float
    y: float
    vx: float
    vy: float
    amplitude: float
    size: float = 1.0
    first: int = 0
    last: int = 1_000_000
    sway: float = 0.0

    def place(self, frame: int) -> tuple[float, float]:
        """Centre in a frame, (x, y)."""
        t = frame - self.first
        speed = math.hypot(self.vx, self.vy)
        swing = self.sway * math.sin(0.45 * t)
        nx, ny = (-self.vy / speed, self.vx / speed) if speed else (1.0, 0.0)
        return self.x + self.vx * t + swing * nx, self.y + self.vy * t + swing * ny


@dataclass(frozen=True)
class Truth:
    """A target in a frame, as it was drawn.

    Attributes:
        frame: number of the frame.
        target: number of the target in the sequence.
        kind: of the target.
        x, y: centre in pixels.
        area: pixels of its mask, above half of its peak.
        amplitude: counts of its warmest pixel above the background.
    """

    frame: int
    target: int
    kind: TargetKind
    x: float
    y: float
    area: int
    amplitude: float


def _capsule(x: Field, y: Field, start: tuple[float, float], end: tuple[float, float], radius: float) -> Field:
    """1 within ``radius`` of the line from ``start`` to ``end``, a soft edge of about 0.2 pixels, 0 outside."""
    ax, ay, bx, by = *start, end[0] - start[0], end[1] - start[1]
    along = np.clip(((x - ax) * bx + (y - ay) * by) / max(bx * bx + by * by, 1e-9), 0.0, 1.0)
    distance = np.hypot(x - ax - along * bx, y - ay - along * by)
    edge: Field = np.clip((radius - distance) / 0.2 + 0.5, 0.0, 1.0)
    return edge


def _warmth(motion: Motion, x: Field, y: Field) -> Field:
    """The shape of a target, nose towards +x, before the optics."""
    s = motion.size
    if motion.kind == "point":
        return np.exp(-0.5 * (x**2 + y**2) / (0.55 * s) ** 2)
    if motion.kind == "drone":
        shape = _capsule(x, y, (-1.0 * s, 0.0), (1.0 * s, 0.0), 1.15 * s)
        for arm in ((2.3, 2.0), (2.3, -2.0), (-2.3, 2.0), (-2.3, -2.0)):
            tip = (arm[0] * s, arm[1] * s)
            shape = np.maximum(shape, 0.72 * _capsule(x, y, (0.0, 0.0), tip, 0.5 * s))
            shape = np.maximum(shape, 0.85 * _capsule(x, y, tip, tip, 0.8 * s))
        return shape
    shape = 0.86 * _capsule(x, y, (-5.2 * s, 0.0), (5.0 * s, 0.0), 0.95 * s)
    for side in (-1.0, 1.0):
        shape = np.maximum(shape, 0.82 * _capsule(x, y, (1.2 * s, 0.0), (-2.2 * s, side * 5.2 * s), 0.8 * s))
        shape = np.maximum(shape, 0.80 * _capsule(x, y, (-4.6 * s, 0.0), (-5.8 * s, side * 2.1 * s), 0.6 * s))
        engine = (0.0, side * 1.9 * s)
        shape = np.maximum(shape, _capsule(x, y, engine, (-1.1 * s, engine[1]), 0.6 * s))
    return shape


def render_target(motion: Motion, frame: int, shape: tuple[int, int]) -> tuple[Field, NDArray[np.bool_]]:
    """What a target adds to a frame, and its mask.

    Returns:
        (H, W) float64 counts, and (H, W) bool: pixels above half of the target's own peak. Both are empty where
        the target is not in the frame.
    """
    added, mask = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
    if not motion.first <= frame <= motion.last:
        return added, mask
    cx, cy = motion.place(frame)
    reach = math.ceil(9.0 * motion.size) + 4
    left, top = round(cx) - reach, round(cy) - reach
    side = 2 * reach + 1
    # Sample positions within the pixels, relative to the centre of the target and turned into its direction.
    steps = (np.arange(side * _FINE) + 0.5) / _FINE - 0.5
    x, y = np.meshgrid(steps + left - cx, steps + top - cy)
    turn = math.atan2(motion.vy, motion.vx)
    fine = _warmth(motion, x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn))
    fine = ndimage.gaussian_filter(fine, _OPTICS_SIGMA * _FINE)
    patch = fine.reshape(side, _FINE, side, _FINE).mean(axis=(1, 3))
    patch *= motion.amplitude / patch.max()
    rows = slice(max(top, 0), min(top + side, shape[0]))
    columns = slice(max(left, 0), min(left + side, shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return added, mask
    seen = patch[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    added[rows, columns] = seen
    mask[rows, columns] = seen > motion.amplitude / 2
    return added, mask


def _random_motions(rng: np.random.Generator, frames: int, shape: tuple[int, int]) -> tuple[Motion, ...]:
    kinds: tuple[TargetKind, ...] = ("point", "drone", "plane")
    motions = []
    for kind in kinds:
        angle, speed = rng.uniform(0.0, 2 * math.pi), rng.uniform(0.4, 2.5)
        first = int(rng.integers(0, max(frames // 3, 1)))
        # Seen from the middle of its way, so that it is well inside the frame for most of it.
        half = speed * (frames - first) / 2
        x, y = rng.uniform(0.25, 0.75) * shape[1], rng.uniform(0.25, 0.75) * shape[0]
        start = (x - half * math.cos(angle), y - half * math.sin(angle))
        amplitude = float(rng.choice([90.0, 260.0, 700.0]))
        size = rng.uniform(0.75, 1.15)
        motions.append(
            Motion(kind, *start, speed * math.cos(angle), speed * math.sin(angle), amplitude, size, first=first)
        )
    return tuple(motions)


def make_sequence(
    *,
    frames: int,
    height: int,
    width: int,
    seed: int,
    background: Background,
    targets: Sequence[Motion] | None = None,
    noise: float = 6.0,
) -> tuple[NDArray[np.uint16], NDArray[np.bool_], tuple[Truth, ...]]:
    """Make a sequence of a drifting camera with moving targets.

    Args:
        frames: number of frames, at least 1.
        height, width: of a frame, at least 48.
        seed: for everything; the same seed gives the same sequence.
        background: ``"clouds"``, ``"sea"`` or ``"ground"``.
        targets: their ways; by default one of each kind, at random. An empty sequence gives none.
        noise: deviation of the noise of a pixel from frame to frame, in counts.

    Returns:
        (N, H, W) uint16 counts of a 14-bit sensor, about 6000 to 9000; (N, H, W) bool masks; and a ``Truth`` for
        each target in each frame that shows some of it.

    Raises:
        ValueError: no frames, or too small ones.
    """
    if frames < 1 or height < 48 or width < 48:
        raise ValueError(f"cannot make {frames} frames of {width}×{height}: at least 1 frame of 48×48")
    # Separate streams: other targets or another noise leave the scene as it is.
    scene_rng, target_rng, sensor_rng = (np.random.default_rng([seed, part]) for part in range(3))
    shape = (height, width)
    scene = SCENES[background](scene_rng, shape)
    motions = _random_motions(target_rng, frames, shape) if targets is None else tuple(targets)

    # What stays the same in every frame: columns and pixels that differ a little, and a darker rim.
    rows, columns = np.indices(shape, dtype=np.float64)
    rim = ((rows / height - 0.5) ** 2 + (columns / width - 0.5) ** 2) * -90.0
    fixed = sensor_rng.normal(0.0, 2.2, (1, width)) + sensor_rng.normal(0.0, 0.9, (height, 1)) + rim
    fixed = fixed + sensor_rng.normal(0.0, 2.5, shape)

    pixels = np.zeros((frames, height, width), dtype=np.uint16)
    masks = np.zeros((frames, height, width), dtype=np.bool_)
    truth = []
    for frame in range(frames):
        counts = ndimage.gaussian_filter(scene(frame), 0.5)
        for number, motion in enumerate(motions):
            added, mask = render_target(motion, frame, shape)
            if mask.any():
                counts += added
                masks[frame] |= mask
                x, y = motion.place(frame)
                truth.append(Truth(frame, number, motion.kind, x, y, int(mask.sum()), motion.amplitude))
        counts += OFFSET + fixed + sensor_rng.normal(0.0, noise, shape)
        pixels[frame] = np.clip(np.rint(counts), 0, MAX_COUNT).astype(np.uint16)
    return pixels, masks, tuple(truth)


SAMPLE_FRAMES = 16
SAMPLE_SHAPE = (256, 320)

SAMPLE: dict[Background, tuple[int, tuple[Motion, ...]]] = {
    "clouds": (
        5,
        (
            Motion("plane", 62.0, 92.0, 6.3, -1.9, 820.0, 0.85, last=13),
            Motion("point", 176.4, 64.3, -1.55, -0.75, 560.0, 1.0, last=13),
            Motion("point", 95.3, 126.0, 0.55, -2.6, 64.0, 1.1, last=11),
            Motion("drone", 60.0, 150.0, 1.15, 0.25, 480.0, 0.86, last=13, sway=1.6),
        ),
    ),
    "sea": (
        1,
        (
            Motion("point", 40.0, 40.0, 2.35, 0.12, 360.0, 1.0),
            Motion("drone", 128.0, 118.0, -1.4, 0.35, 560.0, 0.85, sway=1.4),
            Motion("plane", 300.0, 22.0, -5.6, 0.7, 700.0, 0.72, first=6),
            Motion("point", 70.0, 190.0, 1.2, -0.9, 120.0, 1.15),
        ),
    ),
    "ground": (
        2,
        (
            Motion("drone", 62.0, 196.0, 3.1, -1.25, 680.0, 0.95, last=13, sway=1.8),
            Motion("plane", 286.0, 232.0, -5.2, -4.1, 780.0, 0.85, first=3, last=13),
            Motion("point", 16.0, 118.0, 3.1, -0.35, 520.0, 1.2, last=13),
            Motion("point", 58.0, 226.0, 2.3, -0.6, 210.0, 1.25, last=13),
        ),
    ),
}
"""Seed and targets of each scene of the sample. Two frames of the clouds and two of the ground have no target."""


def encode_counts(pixels: NDArray[np.uint16]) -> bytes:
    """A 16-bit grey PNG of (H, W) counts."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=9)
    return buffer.getvalue()


def write_sample(folder: Path) -> int:
    """Write the sample into ``folder/images`` and ``folder/masks``; returns the number of frames.

    Raises:
        StorageError: a file cannot be written.
    """
    height, width = SAMPLE_SHAPE
    count = 0
    for background, (seed, motions) in SAMPLE.items():
        pixels, masks, _ = make_sequence(
            frames=SAMPLE_FRAMES, height=height, width=width, seed=seed, background=background, targets=motions
        )
        for frame in range(SAMPLE_FRAMES):
            name = f"{background}_{frame:02d}.png"
            write_bytes(folder / "images" / name, encode_counts(pixels[frame]))
            write_mask(folder / "masks" / name, masks[frame])
            count += 1
    return count


def main(arguments: Sequence[str] | None = None) -> int:
    """The command ``python -m adsnet.data.synth``; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m adsnet.data.synth", description="Write the sample sequence.")
    parser.add_argument("out", type=Path, help="folder that gets images/ and masks/")
    folder: Path = parser.parse_args(arguments).out
    try:
        count = write_sample(folder)
    except AdsnetError as error:
        sys.stderr.write(f"adsnet: error: {error}\n")
        return 2
    sys.stdout.write(f"{count} frames in {shown(folder)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
