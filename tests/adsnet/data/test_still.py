"""PNG, BMP and JPEG files: a rule for every form, a sentence for every fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from adsnet.data.frames import FrameRef, read_frame
from adsnet.data.pixels import MAX_PIXELS, luminance, one_channel
from adsnet.data.still import radiometric_note
from adsnet.errors import FrameError
from tests.adsnet.data.making import encoded, png_declaring, ramp, tiff

GREY = ramp()
COLOUR = np.stack([ramp(), ramp()[::-1], ramp()[:, ::-1]], axis=-1)
EQUAL = np.stack([GREY, GREY, GREY], axis=-1)
ALPHA = ramp()[::-1, ::-1]


def grey_of(colour: NDArray[Any]) -> NDArray[Any]:
    return np.rint(colour[..., :3].astype(np.float64) @ [0.299, 0.587, 0.114])


def read(tmp_path: Path, data: bytes, name: str = "frame.png") -> NDArray[Any]:
    (tmp_path / name).write_bytes(data)
    pixels = read_frame(FrameRef(tmp_path / name)).pixels
    assert pixels.flags.c_contiguous
    assert pixels.dtype.isnative
    return pixels


def deep_png(values: NDArray[np.uint16]) -> bytes:
    return bytes(cv2.imencode(".png", values[..., ::-1])[1])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(encoded(GREY), GREY, id="grey"),
        pytest.param(encoded(ramp(dtype=np.uint16, top=65535)), ramp(dtype=np.uint16, top=65535), id="grey16"),
        pytest.param(encoded(ramp(dtype=np.uint16, top=4095)), ramp(dtype=np.uint16, top=4095), id="12-in-16"),
        pytest.param(encoded(GREY > 100), (GREY > 100).astype(np.uint8) * 255, id="1-bit"),
        pytest.param(encoded(EQUAL), GREY, id="three equal channels"),
        pytest.param(encoded(np.dstack([EQUAL, ALPHA])), GREY, id="equal channels and alpha"),
        pytest.param(encoded(np.dstack([GREY, ALPHA])), GREY, id="grey and alpha"),
        pytest.param(encoded(GREY, mode="P"), GREY, id="grey palette"),
        pytest.param(encoded(GREY, "BMP"), GREY, id="grey BMP"),
        pytest.param(encoded(EQUAL, "BMP"), GREY, id="colour BMP"),
        pytest.param(
            deep_png(np.dstack([ramp(dtype=np.uint16, top=60000)] * 3)), ramp(dtype=np.uint16, top=60000), id="RGB16"
        ),
    ],
)
def test_values_are_kept(tmp_path: Path, data: bytes, expected: NDArray[Any]) -> None:
    pixels = read(tmp_path, data)
    assert pixels.dtype == expected.dtype
    assert np.array_equal(pixels, expected)


def test_colour_becomes_grey_by_luminance(tmp_path: Path) -> None:
    assert np.abs(read(tmp_path, encoded(COLOUR)) - grey_of(COLOUR)).max() <= 1
    assert np.abs(read(tmp_path, encoded(np.dstack([COLOUR, ALPHA]))) - grey_of(COLOUR)).max() <= 1
    deep = COLOUR.astype(np.uint16) * 257
    assert np.abs(read(tmp_path, deep_png(deep)) - grey_of(deep)).max() <= 1


def test_a_colour_palette_is_looked_up(tmp_path: Path) -> None:
    image = Image.fromarray(COLOUR).quantize(16)
    expected = grey_of(np.asarray(image.convert("RGB")))
    image.save(tmp_path / "frame.png")
    assert np.abs(read_frame(FrameRef(tmp_path / "frame.png")).pixels - expected).max() <= 1


def test_jpeg_of_one_three_and_four_channels(tmp_path: Path) -> None:
    smooth = ramp(64, 64)
    assert np.abs(read(tmp_path, encoded(smooth, "JPEG", quality=95)).astype(int) - smooth).max() < 8
    assert read(tmp_path, encoded(np.dstack([smooth] * 3), "JPEG", quality=95)).shape == (64, 64)
    four = read(tmp_path, encoded(np.dstack([smooth] * 3), "JPEG", mode="CMYK", quality=95))
    assert np.abs(four.astype(int) - smooth).max() < 12


def test_an_orientation_tag_does_not_turn_the_pixels(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert read(tmp_path, encoded(ramp(24, 40), "JPEG", exif=exif)).shape == (24, 40)


def test_one_pixel_is_a_frame(tmp_path: Path) -> None:
    assert read(tmp_path, encoded(np.array([[7]], dtype=np.uint8))).tolist() == [[7]]


@pytest.mark.parametrize("name", ["frame.tif", "frame.jpg", "frame.avi", "frame", "雲\u202e .png", "a#b%c\nd.png"])
def test_the_content_decides_not_the_name(tmp_path: Path, name: str) -> None:
    assert np.array_equal(read(tmp_path, encoded(GREY), name), GREY)


@pytest.mark.parametrize("data", [encoded(GREY), encoded(np.dstack([ramp(dtype=np.uint16)] * 3)[..., 0])])
def test_a_name_that_is_no_text(tmp_path: Path, data: bytes) -> None:
    path = Path(f"{tmp_path}/") / b"caf\xe9.png".decode("utf-8", "surrogateescape")
    path.write_bytes(deep_png(np.dstack([ramp(dtype=np.uint16)] * 3)))
    assert read_frame(FrameRef(path)).pixels.shape == GREY.shape
    path.write_bytes(data[:40])
    with pytest.raises(FrameError, match=r"caf\\udce9.png"):
        read_frame(FrameRef(path))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>", "no image or video"),
        (b"\0" * 500, "no image or video"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (encoded(GREY)[:60], "damaged"),
        (encoded(ramp(64, 64), "JPEG")[:400], "damaged"),
        (encoded(ramp(64, 64), "BMP")[:1500], "damaged"),
        (png_declaring(9000, 9000), "9000×9000"),
        (png_declaring(10_000, 10_000), f"{MAX_PIXELS}"),
        (png_declaring(60_000, 60_000), f"{MAX_PIXELS}"),
        (png_declaring(0, 10), "damaged"),
    ],
)
def test_a_file_that_is_no_frame_gives_one_sentence(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(FrameError, match=words) as caught:
        read(tmp_path, data)
    text = str(caught.value)
    assert str(tmp_path / "frame.png") in text
    assert text.endswith(".")
    assert "\n" not in text


def test_a_missing_file_a_folder_and_a_second_frame_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "frame.png").write_bytes(encoded(GREY))
    for ref, words in (
        (FrameRef(tmp_path / "missing.png"), "not there"),
        (FrameRef(tmp_path / "folder.png"), "a folder"),
        (FrameRef(tmp_path / "frame.png", 1), "no frame 1"),
        (FrameRef(Path("nul\0.png")), "name"),
    ):
        with pytest.raises(FrameError, match=words):
            read_frame(ref)


def test_one_channel_makes_floats_finite(tmp_path: Path) -> None:
    values = np.array([[1.5, np.nan, -np.inf], [np.inf, 4.0, -2.0]])
    assert one_channel(tmp_path, values).tolist() == [[1.5, -2.0, -2.0], [4.0, 4.0, -2.0]]
    assert one_channel(tmp_path, np.full((2, 2), np.nan)).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert one_channel(tmp_path, np.array([[1e300, 3.0]])).tolist() == [[3.0, 3.0]]


@pytest.mark.parametrize("values", [np.zeros((3, 4), complex), np.zeros((2, 3, 5)), np.zeros(4), np.zeros((0, 4))])
def test_one_channel_refuses_what_is_no_picture(tmp_path: Path, values: NDArray[Any]) -> None:
    with pytest.raises(FrameError):
        one_channel(tmp_path, values)


@given(
    arrays.arrays(
        st.sampled_from([np.dtype(name) for name in ("u1", "u2", "i2", "i4", "u4", "f4", "f8", "?", ">u2", ">f8")]),
        arrays.array_shapes(min_dims=2, max_dims=2, max_side=6),
    )
)
def test_one_channel_always_gives_one_of_three_finite_types(values: NDArray[Any]) -> None:
    pixels = one_channel(Path("frame"), values)
    assert pixels.shape == values.shape
    assert pixels.dtype in (np.uint8, np.uint16, np.float32)
    assert pixels.flags.c_contiguous and pixels.dtype.isnative
    assert np.isfinite(pixels).all()
    if values.dtype.kind == "u" and values.dtype.itemsize <= 2:
        assert np.array_equal(pixels, values)


@given(arrays.arrays(np.uint16, (2, 3, 3)))
def test_luminance_lies_between_the_channels(colour: NDArray[np.uint16]) -> None:
    grey = luminance(colour)
    assert grey.dtype == np.uint16
    assert (grey.astype(int) >= colour.min(axis=-1).astype(int) - 1).all()
    assert (grey <= colour.max(axis=-1)).all()


def test_a_tiff_with_the_name_of_a_still_is_read(tmp_path: Path) -> None:
    assert np.array_equal(read(tmp_path, tiff(GREY), "frame.png"), GREY)


def with_segment(marker: int, content: bytes) -> bytes:
    """A grey JPEG with one more segment at its beginning."""
    whole = encoded(ramp(8, 8), "JPEG")
    return whole[:2] + bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content + whole[2:]


@pytest.mark.parametrize(
    ("content", "maker"),
    [
        (with_segment(0xE1, b"FLIR\0\1\0\0rest"), "FLIR"),
        (with_segment(0xE3, bytes(65532)), "DJI"),
        (with_segment(0xE3, b"short"), ""),
        (with_segment(0xE1, b"Exif\0\0rest"), ""),
        (encoded(ramp(8, 8), "JPEG"), ""),
        (encoded(ramp(8, 8), "PNG"), ""),
        (b"\xff\xd8\xff\xe1\0", ""),
    ],
)
def test_a_picture_of_a_thermal_camera_says_that_it_is_only_the_picture(
    tmp_path: Path, content: bytes, maker: str
) -> None:
    path = tmp_path / "seen.jpg"
    path.write_bytes(content)
    note = radiometric_note(path)
    assert note.startswith(f"{path} is a radiometric JPEG ({maker})") if maker else note == ""
    if maker:
        assert read_frame(FrameRef(path)).note == note
