"""Files without a header: every layout gives back what was written, and what does not fit is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from adsnet.data.datasets import open_dataset, write_manifest
from adsnet.data.frames import FrameRef, list_frames, read_frame
from adsnet.data.pixels import MAX_PIXELS, one_channel
from adsnet.data.raw import RAW_TYPES, RawLayout, guess_layout, raw_count
from adsnet.errors import DatasetError, FrameError, UnknownFormatError
from tests.adsnet.data.making import ramp


def written(frames: NDArray[Any], layout: RawLayout) -> bytes:
    """The file of a recorder with this layout, written value by value."""
    data = b"\xaa" * layout.offset
    for frame in frames:
        for row in frame:
            data += row.astype(layout.value_type).tobytes() + b"\xbb" * layout.row_gap
        data += b"\xcc" * layout.frame_gap
    return data


@pytest.mark.parametrize("dtype", RAW_TYPES)
@pytest.mark.parametrize(
    "gaps", [{}, {"offset": 13}, {"row_gap": 3, "frame_gap": 5}, {"big_endian": True, "offset": 512, "row_gap": 4}]
)
def test_every_frame_comes_back(tmp_path: Path, dtype: str, gaps: dict[str, Any]) -> None:
    layout = RawLayout(16, 12, dtype, **gaps)
    frames = np.stack([ramp(12, 16, np.float64, 90) + 10 * i for i in range(4)]).astype(dtype)
    (tmp_path / "clip.raw").write_bytes(written(frames, layout))
    refs = list_frames(tmp_path / "clip.raw", raw=layout)
    assert [ref.stem for ref in refs] == [f"clip_{i:06d}" for i in range(4)]
    for ref, expected in zip(refs, frames, strict=True):
        pixels = read_frame(ref).pixels
        assert np.array_equal(pixels, one_channel(tmp_path, expected)) and pixels.flags.c_contiguous
        assert pixels.flags.writeable and pixels.dtype.isnative


def test_one_frame_is_a_still_and_a_rest_is_left(tmp_path: Path) -> None:
    layout = RawLayout(16, 12, "uint16")
    (tmp_path / "one.raw").write_bytes(bytes(16 * 12 * 2 + 100))
    assert list_frames(tmp_path / "one.raw", raw=layout) == (FrameRef(tmp_path / "one.raw", None, layout),)
    assert layout.left_over(16 * 12 * 2 + 100) == 100


def test_the_gap_behind_the_last_row_need_not_be_there(tmp_path: Path) -> None:
    layout = RawLayout(4, 3, "uint8", row_gap=2, frame_gap=7)
    frames = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    (tmp_path / "clip.raw").write_bytes(written(frames, layout)[:-9])
    assert raw_count(tmp_path / "clip.raw", layout) == 2
    assert np.array_equal(read_frame(list_frames(tmp_path / "clip.raw", raw=layout)[1]).pixels, frames[1])


def test_a_folder_of_raw_files_is_a_sequence(tmp_path: Path) -> None:
    layout = RawLayout(4, 3, "uint8")
    for name, count in (("f10.raw", 1), ("f2.bin", 2), ("f1.RAW", 1)):
        (tmp_path / name).write_bytes(bytes(12 * count))
    (tmp_path / "notes.txt").write_text("x")
    names = [(ref.path.name, ref.index) for ref in list_frames(tmp_path, raw=layout)]
    assert names == [("f1.RAW", None), ("f2.bin", 0), ("f2.bin", 1), ("f10.raw", None)]


def test_without_a_layout_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "clip.raw").write_bytes(bytes(1000))
    for path in (tmp_path / "clip.raw", tmp_path):
        with pytest.raises(UnknownFormatError, match="raw") as caught:
            open_dataset(path)
        assert caught.value.path == tmp_path / "clip.raw"


@pytest.mark.parametrize(
    ("name", "layout", "words"),
    [
        ("clip.raw", RawLayout(640, 512, "uint16"), "1000 bytes.*ends at byte 655360"),
        ("clip.raw", RawLayout(10, 10, "uint8", offset=901), "ends at byte 1001"),
        ("missing.raw", RawLayout(2, 2), "not there"),
        (".", RawLayout(2, 2), "no raw files|ends at byte"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, name: str, layout: RawLayout, words: str) -> None:
    (tmp_path / "clip.raw").write_bytes(bytes(1000))
    if name == ".":
        (tmp_path / "clip.raw").rename(tmp_path / "clip.txt")
    with pytest.raises(FrameError, match=words):
        list_frames(tmp_path / name, raw=layout)


def test_a_file_that_was_cut_meanwhile_is_refused(tmp_path: Path) -> None:
    layout = RawLayout(4, 3, "uint8")
    (tmp_path / "clip.raw").write_bytes(bytes(36))
    refs = list_frames(tmp_path / "clip.raw", raw=layout)
    (tmp_path / "clip.raw").write_bytes(bytes(30))
    assert read_frame(refs[1]).pixels.shape == (3, 4)
    with pytest.raises(FrameError, match="ends before"):
        read_frame(refs[2])


@pytest.mark.parametrize(
    "wrong",
    [
        "", "640", "640x512", "640x512,complex64", "0x5,uint8", "640x512,uint16,offset=-1", "640x512,uint16,large",
        "640x512,uint16,offset", "640x512,uint16,offset=1,offset=2", "640x512,uint16,width=3", "99999x99999,uint8",
        "640x512,uint16,big_endian=1", "2x2,uint8,frame-gap=9999999999999",
    ],
)  # fmt: skip
def test_a_text_that_is_no_layout_is_refused(wrong: str) -> None:
    with pytest.raises(FrameError) as caught:
        RawLayout.parse(wrong)
    assert str(caught.value).endswith(".")


@given(
    st.builds(
        RawLayout,
        width=st.integers(1, 4000),
        height=st.integers(1, 4000),
        dtype=st.sampled_from(RAW_TYPES),
        big_endian=st.booleans(),
        offset=st.integers(0, 10**9),
        row_gap=st.integers(0, 9999),
        frame_gap=st.integers(0, 10**9),
    )
)
def test_a_layout_survives_being_written_down(layout: RawLayout) -> None:
    assert layout.width * layout.height <= MAX_PIXELS
    assert RawLayout.parse(layout.text) == layout
    for size in (0, layout.offset, layout.offset + layout.frame_bytes, layout.offset + 5 * layout.stride + 3):
        count = layout.count_in(size)
        last = layout.offset + (count - 1) * layout.stride + layout.frame_bytes
        assert count == 0 or last <= size < last + layout.stride


def test_the_size_suggests_a_sensor() -> None:
    assert guess_layout(640 * 512 * 2 * 7) == RawLayout(640, 512, "uint16")
    assert guess_layout(320 * 256) == RawLayout(320, 256, "uint8")
    assert guess_layout(13) == RawLayout(640, 512, "uint16")


def test_a_manifest_keeps_the_layout(tmp_path: Path) -> None:
    layout = RawLayout(4, 3, "int16", big_endian=True, offset=2)
    (tmp_path / "clip.raw").write_bytes(bytes(2 + 24 * 3))
    dataset = open_dataset(tmp_path / "clip.raw", raw=layout)
    assert dataset.root == tmp_path / "clip.adsnet"
    write_manifest(tmp_path / "list.json", dataset)
    again = open_dataset(tmp_path / "list.json")
    assert [sample.frame for sample in again.samples] == [sample.frame for sample in dataset.samples]
    assert again.read(2)[0].dtype == np.float32
    text = (tmp_path / "list.json").read_text().replace("4x3", "4y3")
    (tmp_path / "list.json").write_text(text)
    with pytest.raises(DatasetError, match="manifest"):
        open_dataset(tmp_path / "list.json")
