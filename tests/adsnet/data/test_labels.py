"""Masks: what counts as target, and writing them back."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from adsnet.data.labels import encode_mask, read_mask, write_mask
from adsnet.errors import LabelError, StorageError
from tests.adsnet.data.making import encoded, png_declaring, ramp, tiff


def mask_of(tmp_path: Path, data: bytes) -> NDArray[np.bool_]:
    (tmp_path / "m.png").write_bytes(data)
    mask = read_mask(tmp_path / "m.png")
    assert mask.dtype == np.bool_
    assert mask.flags.c_contiguous
    return mask


def row(*values: int, dtype: Any = np.uint8) -> NDArray[Any]:
    return np.array([values], dtype=dtype)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (row(0, 1, 127, 128, 255), [0, 0, 0, 1, 1]),
        (row(0, 1, 1, 0), [0, 1, 1, 0]),
        (row(0, 0), [0, 0]),
        (row(0, 2, 100), [0, 0, 0]),
        (row(0, 3, 700, dtype=np.uint16), [0, 1, 1]),
        (row(0, 200, 200, dtype=np.uint16), [0, 1, 1]),
        (row(0, 3, 32767, 32768, 65535, dtype=np.uint16), [0, 0, 0, 1, 1]),
        (np.array([[0, 255]]) > 0, [0, 1]),
        (np.dstack([row(0, 255, 100), row(255, 0, 255), row(255, 0, 255)]), [0, 1, 0]),
        (np.dstack([row(0, 255), row(9, 9), row(9, 9), row(255, 0)]), [0, 1]),
    ],
)
def test_what_counts_as_target(tmp_path: Path, values: NDArray[Any], expected: list[int]) -> None:
    assert mask_of(tmp_path, encoded(values)).astype(int).tolist() == [expected]
    if values.dtype != np.bool_ and values.ndim == 2:
        assert mask_of(tmp_path, tiff(values, photometric="minisblack")).astype(int).tolist() == [expected]


def test_palette_masks_go_by_their_numbers_not_their_colours(tmp_path: Path) -> None:
    image = Image.fromarray(row(0, 1, 2, 200), mode=None).convert("P")
    image.putdata([0, 1, 2, 200])
    image.putpalette([0, 0, 0, 10, 0, 0, 0, 10, 0] + [0] * 759)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    assert mask_of(tmp_path, buffer.getvalue()).tolist() == [[False, True, True, True]]


def test_masks_of_another_size_are_refused_with_both_sizes(tmp_path: Path) -> None:
    (tmp_path / "m.png").write_bytes(encoded(ramp(12, 16)))
    assert read_mask(tmp_path / "m.png", shape=(12, 16)).shape == (12, 16)
    with pytest.raises(LabelError, match="16×12.*20×12"):
        read_mask(tmp_path / "m.png", shape=(12, 20))


@pytest.mark.parametrize(
    "data",
    [b"", b"text", encoded(ramp())[:50], png_declaring(60000, 60000), tiff(ramp(8, 8, np.float32)), b"RIFF    AVI "],
)
def test_a_file_that_is_no_mask_gives_one_sentence(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(LabelError) as caught:
        mask_of(tmp_path, data)
    assert str(tmp_path / "m.png") in str(caught.value)
    assert str(caught.value).endswith(".")


def test_missing_masks_and_pipes_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for name in ("pipe.png", "missing.png"):
        with pytest.raises(LabelError, match=name):
            read_mask(tmp_path / name)


@given(arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=20)))
@settings(max_examples=40)
def test_masks_come_back_as_written(tmp_path: Path, mask: NDArray[np.bool_]) -> None:
    write_mask(tmp_path / "m.png", mask)
    assert np.array_equal(read_mask(tmp_path / "m.png", shape=(mask.shape[0], mask.shape[1])), mask)


@pytest.mark.parametrize("mask", [ramp() > 50, np.ones((3, 4), np.bool_), np.zeros((1, 1), np.bool_)])
def test_masks_are_8_bit_grey_of_0_and_255(mask: NDArray[np.bool_]) -> None:
    with Image.open(io.BytesIO(encode_mask(mask))) as image:
        assert (image.format, image.mode) == ("PNG", "L")
        assert set(np.unique(np.asarray(image))) <= {0, 255}


def test_views_of_masks_can_be_written() -> None:
    mask = ramp() > 100
    assert encode_mask(mask.T) == encode_mask(np.ascontiguousarray(mask.T))
    assert encode_mask(mask[::2, ::-1]) == encode_mask(mask[::2, ::-1].copy())


@pytest.mark.parametrize(
    "mask", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 1), np.bool_), np.zeros((0, 2), np.bool_)]
)
def test_what_is_no_mask_is_not_written(tmp_path: Path, mask: NDArray[Any]) -> None:
    with pytest.raises(LabelError):
        write_mask(tmp_path / "m.png", mask)
    assert os.listdir(tmp_path) == []


def test_true_is_whatever_is_not_zero_or_it_is_not_written() -> None:
    with pytest.raises(LabelError, match="does not decode"):
        encode_mask(np.array([[0, 255]], np.uint8).view(np.bool_))


@pytest.mark.parametrize("fault", ["other pixels", "cut short", "not encoded"])
def test_a_mask_that_does_not_decode_to_itself_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    write_mask(tmp_path / "m.png", ramp() > 50)
    before = (tmp_path / "m.png").read_bytes()
    encode = cv2.imencode

    def faulty(ending: str, values: NDArray[Any], options: Any) -> tuple[bool, NDArray[np.uint8]]:
        done, data = encode(ending, 255 - values if fault == "other pixels" else values, options)
        return fault != "not encoded", data[: len(data) // 2] if fault == "cut short" else data

    monkeypatch.setattr(cv2, "imencode", faulty)
    with pytest.raises(LabelError, match="does not decode"):
        write_mask(tmp_path / "m.png", ramp() > 100)
    assert (tmp_path / "m.png").read_bytes() == before


def test_a_failed_write_keeps_the_old_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mask(tmp_path / "m.png", ramp() > 50)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError, match="disk is full"):
        write_mask(tmp_path / "m.png", ramp() > 100)
    assert np.array_equal(read_mask(tmp_path / "m.png"), ramp() > 50)
