"""What the window is measured on: generated frames of 16 bits, with targets and labels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_LINKS = 20_000  # names for one file; file systems allow some ten thousand


def frame(height: int, width: int, seed: int) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """(height, width) pixels of 14 bits in 16, smooth clouds and noise with a few targets; and the label of these."""
    random = np.random.default_rng(seed)
    coarse = random.normal(6000, 900, (height // 32 + 2, width // 32 + 2)).astype(np.float32)
    clouds = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    pixels = clouds + random.normal(0, 60, (height, width))
    label = np.zeros((height, width), np.bool_)
    for _ in range(4):
        row, column = int(random.integers(6, height - 6)), int(random.integers(6, width - 6))
        pixels[row - 1 : row + 2, column - 1 : column + 2] += 2500
        label[row - 1 : row + 2, column - 1 : column + 2] = True
    return pixels.clip(0, 16383).astype(np.uint16), label


def write_set(folder: Path, *, count: int, height: int, width: int) -> Path:
    """A data set of ``count`` frames, every one with a label."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        pixels, label = frame(height, width, number)
        Image.fromarray(pixels).save(folder / "images" / f"{number:04}.png")
        Image.fromarray(label.astype(np.uint8) * 255).save(folder / "masks" / f"{number:04}.png")
    return folder


def write_many(folder: Path, *, count: int, height: int, width: int) -> Path:
    """A folder of ``count`` frames, most of them further names of a few files: listing and opening cost the same."""
    folder.mkdir(parents=True)
    for number in range(count):
        place = folder / f"frame_{number:06}.png"
        if number % _LINKS == 0:
            source = place
            Image.fromarray(frame(height, width, number)[0]).save(place)
        else:
            os.link(source, place)
    return folder
