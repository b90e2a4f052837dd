"""Damaged files of every kind, read in a process of its own with little memory: a frame or a sentence, no crash."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.adsnet.data.making import encoded, moving_square, ramp, tiff, write_video

READ_THEM_ALL = """
import resource, sys
from pathlib import Path
from adsnet.data.frames import list_frames, read_frame
from adsnet.data.labels import read_mask
from adsnet.errors import FrameError, LabelError

resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
frames = refused = 0
for path in sorted(Path(sys.argv[1]).iterdir()):
    sys.stderr.write(path.name + "\\n")
    try:
        refs = list_frames(path)
        for ref in {refs[0], refs[len(refs) // 2], refs[-1]}:
            pixels = read_frame(ref).pixels
            assert pixels.ndim == 2 and pixels.size, path
            frames += 1
    except FrameError as error:
        assert path.name in str(error), error
        refused += 1
    try:
        read_mask(path)
    except LabelError as error:
        assert path.name in str(error), error
sys.stdout.write(f"{frames} {refused}")
"""


def mutations(data: bytes, random: np.random.Generator, count: int) -> list[bytes]:
    made = []
    for _ in range(count):
        changed = bytearray(data)
        at = int(random.integers(len(data)))
        length = int(random.integers(1, 64))
        match random.integers(5):
            case 0:
                del changed[at:]
            case 1:
                changed[at] ^= 1 << int(random.integers(8))
            case 2:
                changed[at : at + length] = bytes(min(length, len(changed) - at))
            case 3:
                changed[at:at] = changed[at : at + length]
            case _:
                # Headers and tags are where sizes and offsets are.
                place = int(random.integers(min(len(data), 300)))
                changed[place : place + 4] = random.bytes(4)
        made.append(bytes(changed))
    return made


@pytest.mark.parametrize("kind", ["still", "tiff", "video"])
def test_damaged_files_never_crash_the_process(tmp_path: Path, kind: str) -> None:
    random = np.random.default_rng(20)
    deep = ramp(24, 32, np.uint16, 14000)
    originals: dict[str, bytes] = {}
    if kind == "still":
        originals = {
            "grey.png": encoded(ramp()),
            "deep.png": encoded(deep),
            "palette.png": encoded(ramp(), mode="P"),
            "colour.png": encoded(np.dstack([ramp(), ramp()[::-1], ramp()])),
            "grey.bmp": encoded(ramp(), "BMP"),
            "grey.jpg": encoded(ramp(32, 32), "JPEG"),
        }
    elif kind == "tiff":
        stack = np.stack([deep, deep + 1, deep + 2])
        originals = {
            "plain.tif": tiff(stack, photometric="minisblack"),
            "lzw.tif": tiff(deep, compression="lzw"),
            "tiles.tif": tiff(deep, tile=(16, 16), compression="zlib"),
            "colour.tif": tiff(np.dstack([deep] * 3), photometric="rgb"),
        }
    else:
        for name, codec, pix_fmt in (
            ("a.mp4", "libx264", "yuv420p"),
            ("a.avi", "mjpeg", "yuvj420p"),
            ("a.mkv", "ffv1", "gray"),
            ("a.ts", "libx264", "yuv420p"),
        ):
            write_video(tmp_path / name, moving_square(8), codec=codec, pix_fmt=pix_fmt)
            originals[name] = (tmp_path / name).read_bytes()
    folder = tmp_path / "damaged"
    folder.mkdir()
    count = 12 if kind == "video" else 30
    for name, data in originals.items():
        for i, changed in enumerate(mutations(data, random, count)):
            (folder / f"{i}_{name}").write_bytes(changed)
    child = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ_THEM_ALL, str(folder)], capture_output=True, text=True, timeout=120
    )
    assert child.returncode == 0, child.stderr[-2000:]
    frames, refused = map(int, child.stdout.split())
    assert frames > 5
    assert refused > 5
