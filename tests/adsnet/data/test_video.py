"""Videos: the frame that is asked for, from any place, in any order, and an end that is what decodes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from adsnet.data import video
from adsnet.data.frames import FrameRef, list_frames, read_frame
from adsnet.errors import FrameError
from tests.adsnet.data.making import encoded, moving_square, ramp, write_video

COUNT = 40


@pytest.fixture(autouse=True)
def closed_videos() -> Iterator[None]:
    yield
    video.close_videos()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    frames = moving_square(COUNT)
    deep = np.stack([ramp(48, 64, np.uint16, 9000) + 20 * i for i in range(COUNT)])
    made: dict[str, Path] = {}
    for name, values, codec, pix_fmt, b_frames in (
        ("h264.mp4", frames, "libx264", "yuv420p", 3),
        ("h264.mkv", frames, "libx264", "yuv420p", 2),
        ("open.ts", frames, "libx264", "yuv420p", 2),
        ("mpeg4.avi", frames, "mpeg4", "yuv420p", 0),
        ("mjpeg.avi", frames, "mjpeg", "yuvj420p", 0),
        ("grey.avi", frames, "ffv1", "gray", 0),
        ("deep.mkv", deep, "ffv1", "gray16le", 0),
    ):
        write_video(folder / name, values, codec=codec, pix_fmt=pix_fmt, b_frames=b_frames)
        made[name] = folder / name
    return made


def number_of(pixels: NDArray[Any]) -> float:
    """The number of a frame of ``moving_square``, from its background."""
    return float((np.median(pixels[-12:].astype(float)) - 30) / 5)


LOSSY = ("h264.mp4", "h264.mkv", "open.ts", "mpeg4.avi", "mjpeg.avi")


@pytest.mark.parametrize("name", LOSSY)
def test_every_frame_is_there_in_order_of_display(clips: dict[str, Path], name: str) -> None:
    refs = list_frames(clips[name])
    assert len(refs) == COUNT
    numbers = [number_of(read_frame(ref).pixels) for ref in refs]
    assert np.abs(np.array(numbers) - np.arange(COUNT)).max() < 0.4


@pytest.mark.parametrize("name", LOSSY)
def test_any_order_gives_the_same_frames(clips: dict[str, Path], name: str) -> None:
    refs = list_frames(clips[name])
    straight = [read_frame(ref).pixels for ref in refs]
    video.close_videos()
    for index in [39, 0, 17, 16, 15, 38, 3, 3, 25, 1]:
        assert np.array_equal(read_frame(refs[index]).pixels, straight[index]), index


@given(order=st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=12))
@settings(max_examples=15)
def test_random_access_without_kept_frames(clips: dict[str, Path], order: list[int]) -> None:
    video.close_videos()
    for index in order:
        assert abs(number_of(read_frame(FrameRef(clips["h264.mp4"], index)).pixels) - index) < 0.4


def test_grey_and_sixteen_bit_values_are_kept(clips: dict[str, Path]) -> None:
    grey = [read_frame(ref).pixels for ref in list_frames(clips["grey.avi"])]
    assert np.array_equal(np.stack(grey), moving_square(COUNT))
    deep = read_frame(FrameRef(clips["deep.mkv"], 7)).pixels
    assert deep.dtype == np.uint16
    assert np.array_equal(deep, ramp(48, 64, np.uint16, 9000) + 140)


def test_colour_video_becomes_grey(tmp_path: Path) -> None:
    colour = np.zeros((6, 48, 64, 3), dtype=np.uint8)
    colour[:, :24] = (200, 40, 90)
    colour[:, 24:] = (77, 77, 77)
    write_video(tmp_path / "colour.avi", colour, codec="rawvideo", pix_fmt="bgr24")
    pixels = read_frame(FrameRef(tmp_path / "colour.avi", 3)).pixels
    assert (pixels[0, 0], pixels[40, 0]) == (round(0.299 * 200 + 0.587 * 40 + 0.114 * 90), 77)


def test_returned_frames_are_the_callers_own(clips: dict[str, Path]) -> None:
    ref = FrameRef(clips["h264.mp4"], 4)
    first = read_frame(ref).pixels
    kept = first.copy()
    first[:] = 0
    assert np.array_equal(read_frame(ref).pixels, kept)


def test_stems_are_numbered_from_zero_with_six_digits(clips: dict[str, Path]) -> None:
    refs = list_frames(clips["h264.mp4"])
    assert (refs[0].stem, refs[12].stem) == ("h264_000000", "h264_000012")
    assert refs[12].label == "h264.mp4 [12]"


def test_a_frame_behind_the_end_is_refused(clips: dict[str, Path]) -> None:
    with pytest.raises(FrameError, match="40 readable frames"):
        read_frame(FrameRef(clips["h264.mp4"], COUNT))


@pytest.mark.parametrize("name", ["h264.mkv", "open.ts", "mpeg4.avi", "mjpeg.avi", "grey.avi"])
@pytest.mark.parametrize("share", [0.35, 0.6, 0.93])
def test_a_cut_video_ends_where_it_stops_to_decode(
    tmp_path: Path, clips: dict[str, Path], name: str, share: float
) -> None:
    data = clips[name].read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: int(len(data) * share)])
    refs = list_frames(path)
    assert 1 <= len(refs) < COUNT
    assert read_frame(refs[-1]).pixels.shape == (64, 96)
    assert abs(number_of(read_frame(refs[0]).pixels)) < 0.4


def test_a_hole_costs_only_frames_near_it(tmp_path: Path, clips: dict[str, Path]) -> None:
    data = bytearray(clips["grey.avi"].read_bytes())
    data[len(data) // 2 : len(data) // 2 + 300] = bytes(300)
    (tmp_path / "hole.avi").write_bytes(bytes(data))
    original = moving_square(COUNT)
    right = 0
    for ref in list_frames(tmp_path / "hole.avi"):
        try:
            right += bool(np.array_equal(read_frame(ref).pixels, original[ref.index or 0]))
        except FrameError as error:
            assert str(ref.index) in str(error)
    assert right >= COUNT // 2 - 2


@pytest.mark.parametrize(
    "data", [b"RIFF\x10\0\0\0AVI LIST", b"\0\0\0\x18ftypmp42" + bytes(200), b"\x1a\x45\xdf\xa3" + bytes(99)]
)
def test_a_header_alone_is_no_video(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "clip.avi").write_bytes(data)
    with pytest.raises(FrameError) as caught:
        list_frames(tmp_path / "clip.avi")
    assert "clip.avi" in str(caught.value)


def test_an_mp4_without_its_end_is_refused(tmp_path: Path, clips: dict[str, Path]) -> None:
    data = clips["h264.mp4"].read_bytes()
    (tmp_path / "clip.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(FrameError, match="damaged"):
        list_frames(tmp_path / "clip.mp4")


def test_an_image_named_like_a_video_is_one_frame(tmp_path: Path) -> None:
    (tmp_path / "clip.avi").write_bytes(encoded(ramp()))
    refs = list_frames(tmp_path / "clip.avi")
    assert refs == (FrameRef(tmp_path / "clip.avi"),)
    assert np.array_equal(read_frame(refs[0]).pixels, ramp())


def test_a_playlist_that_names_other_files_is_not_followed(tmp_path: Path, clips: dict[str, Path]) -> None:
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{clips['h264.mp4']}'\n")
    (tmp_path / "list.ts").write_text(f"#EXTM3U\n#EXTINF:1,\n{clips['open.ts']}\n#EXT-X-ENDLIST\n")
    for name in ("list.mp4", "list.ts"):
        with pytest.raises(FrameError, match="no image or video"):
            list_frames(tmp_path / name)


def test_a_replaced_file_is_opened_again(tmp_path: Path, clips: dict[str, Path]) -> None:
    path = tmp_path / "clip.avi"
    path.write_bytes(clips["grey.avi"].read_bytes())
    before = read_frame(FrameRef(path, 5)).pixels
    write_video(path, moving_square(COUNT)[10:20], codec="ffv1", pix_fmt="gray")
    assert len(list_frames(path)) == 10
    assert not np.array_equal(read_frame(FrameRef(path, 5)).pixels, before)


def test_many_videos_do_not_keep_many_files_open(tmp_path: Path, clips: dict[str, Path]) -> None:
    for i in range(6):
        (tmp_path / f"{i}.avi").write_bytes(clips["grey.avi"].read_bytes())
        list_frames(tmp_path / f"{i}.avi")
    assert len(video._open) <= 2


def test_reading_from_two_threads(clips: dict[str, Path]) -> None:
    expected = moving_square(COUNT)
    wrong: list[int] = []

    def read(start: int) -> None:
        for index in range(start, COUNT, 2):
            if not np.array_equal(read_frame(FrameRef(clips["grey.avi"], index)).pixels, expected[index]):
                wrong.append(index)

    threads = [threading.Thread(target=read, args=(start,)) for start in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_video_that_is_being_indexed_does_not_hold_up_another(
    tmp_path: Path, clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "slow.avi"
    slow.write_bytes(clips["grey.avi"].read_bytes())
    begun, go_on = threading.Event(), threading.Event()
    make_index = video._Reader._make_index

    def held(reader: video._Reader) -> None:
        if reader._path == slow:
            begun.set()
            assert go_on.wait(30)
        make_index(reader)

    monkeypatch.setattr(video._Reader, "_make_index", held)
    counts: list[int] = []
    thread = threading.Thread(target=lambda: counts.append(video.frame_count(slow, kind="avi")))
    thread.start()
    assert begun.wait(30)
    try:
        assert np.array_equal(read_frame(FrameRef(clips["grey.avi"], 3)).pixels, moving_square(COUNT)[3])
        video.close_videos()  # the one that is read is closed afterwards
    finally:
        go_on.set()
        thread.join()
    assert counts == [COUNT] and not video._open
