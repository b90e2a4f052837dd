"""TIFF pages: every storage form of scientific cameras, and the faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from adsnet.data.frames import FrameRef, list_frames, read_frame
from adsnet.errors import FrameError
from tests.adsnet.data.making import ramp, tiff, tiff_declaring

DEEP = ramp(48, 64, np.uint16, 14000)


def read(tmp_path: Path, data: bytes, index: int | None = None) -> NDArray[Any]:
    (tmp_path / "frame.tif").write_bytes(data)
    pixels = read_frame(FrameRef(tmp_path / "frame.tif", index)).pixels
    assert pixels.flags.c_contiguous
    assert pixels.dtype.isnative
    return pixels


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"compression": "lzw"},
        {"compression": "zlib", "predictor": True},
        {"tile": (16, 32)},
        {"rowsperstrip": 5},
        {"bigtiff": True},
    ],
)
def test_sixteen_bits_are_kept_in_every_storage_form(tmp_path: Path, options: dict[str, Any]) -> None:
    pixels = read(tmp_path, tiff(DEEP, **options))
    assert pixels.dtype == np.uint16
    assert np.array_equal(pixels, DEEP)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint32, np.float16, np.float32, np.float64])
def test_other_number_types_become_float32(tmp_path: Path, dtype: Any) -> None:
    values = ramp(8, 8, dtype, 1000)
    pixels = read(tmp_path, tiff(values))
    assert pixels.dtype == np.float32
    assert np.allclose(pixels, values)


def test_not_a_number_becomes_the_smallest_value(tmp_path: Path) -> None:
    values = ramp(4, 4, np.float32, 10) + 1
    values[1, 1], values[2, 2] = np.nan, np.inf
    pixels = read(tmp_path, tiff(values))
    assert (pixels[1, 1], pixels[2, 2]) == (1.0, 11.0)


def test_one_bit_white_is_zero_and_palette(tmp_path: Path) -> None:
    bits = ramp(8, 8) > 99
    assert np.array_equal(read(tmp_path, tiff(bits, photometric="minisblack")), bits.astype(np.uint8) * 255)
    assert np.array_equal(read(tmp_path, tiff(DEEP, photometric="miniswhite")), 65535 - DEEP)
    ids = ramp(8, 8, np.uint8, 255)
    table = np.stack([np.arange(256)[::-1] * 257] * 3).astype(np.uint16)
    assert np.array_equal(read(tmp_path, tiff(ids, photometric="palette", colormap=table)), 255 - ids)


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colour_by_pixel_and_by_plane(tmp_path: Path, planar: str) -> None:
    colour = np.dstack([DEEP, DEEP, DEEP])
    values = colour if planar == "contig" else np.moveaxis(colour, -1, 0)
    pixels = read(tmp_path, tiff(values, photometric="rgb", planarconfig=planar))
    assert np.array_equal(pixels, DEEP)


def test_cmyk_black_is_dark(tmp_path: Path) -> None:
    ink = np.zeros((8, 8, 4), dtype=np.uint8)
    ink[:4, :, 3] = 255
    pixels = read(tmp_path, tiff(ink, photometric="separated"))
    assert pixels[:4].max() == 0
    assert pixels[4:].min() == 255


def test_pages_are_frames(tmp_path: Path) -> None:
    stack = np.stack([DEEP + i for i in range(5)])
    (tmp_path / "clip.tif").write_bytes(tiff(stack, photometric="minisblack"))
    refs = list_frames(tmp_path / "clip.tif")
    assert [ref.stem for ref in refs] == [f"clip_{i:06d}" for i in range(5)]
    for i in (4, 0, 2):
        assert np.array_equal(read_frame(refs[i]).pixels, stack[i])
    with pytest.raises(FrameError, match="no page 5"):
        read_frame(FrameRef(tmp_path / "clip.tif", 5))


def test_one_page_is_a_still(tmp_path: Path) -> None:
    (tmp_path / "frame.tif").write_bytes(tiff(DEEP))
    assert list_frames(tmp_path / "frame.tif") == (FrameRef(tmp_path / "frame.tif"),)


def test_a_cut_file_is_never_shown_as_if_it_were_whole(tmp_path: Path) -> None:
    stack = np.stack([DEEP + i for i in range(3)])
    whole = tiff(stack, photometric="minisblack")
    for length in range(8, len(whole), 997):
        (tmp_path / "clip.tif").write_bytes(whole[:length])
        for index in range(3):
            try:
                pixels = read_frame(FrameRef(tmp_path / "clip.tif", index)).pixels
            except FrameError:
                continue
            assert np.array_equal(pixels, stack[index])


@pytest.mark.parametrize("size", [(300_000, 300_000), (9000, 9000), (4_000_000_000, 2)])
def test_a_huge_declared_size_is_refused_by_its_numbers(tmp_path: Path, size: tuple[int, int]) -> None:
    with pytest.raises(FrameError, match=f"{size[0]}×{size[1]}"):
        read(tmp_path, tiff_declaring(*size))


@pytest.mark.parametrize(
    "data",
    [
        b"II*\0",
        b"II*\0\xff\xff\xff\x7f",
        tiff_declaring(1000, 1000),
        tiff(np.zeros((4, 4), np.complex64)),
        tiff(np.zeros((4, 4, 7), np.uint8), photometric="minisblack", planarconfig="contig"),
        tiff(np.zeros((16, 32, 32), np.uint8), volumetric=True, tile=(16, 16, 16), photometric="minisblack"),
    ],
)
def test_what_is_no_frame_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(FrameError) as caught:
        read(tmp_path, data)
    assert "frame.tif" in str(caught.value)


def test_pages_in_a_circle_end(tmp_path: Path) -> None:
    data = bytearray(tiff_declaring(8, 8))
    data[8 + 2 + 9 * 12 : 8 + 2 + 9 * 12 + 4] = (8).to_bytes(4, "little")
    (tmp_path / "clip.tif").write_bytes(bytes(data))
    try:
        assert len(list_frames(tmp_path / "clip.tif")) <= 2
    except FrameError as error:
        assert "damaged" in str(error)
