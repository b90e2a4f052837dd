"""Opening: what kind it is, where labels go, and one label name for each frame."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import tifffile
from pytestqt.qtbot import QtBot

from adsnet.data.datasets import open_dataset, write_manifest
from adsnet.data.frames import Frame
from adsnet.data.labels import write_mask
from adsnet.errors import AdsnetError, DatasetError, FrameError, StorageError
from adsnet.storage.folders import data_folder
from app.state.frames import FrameCache
from app.state.lock import RootLocks
from app.state.sequence import Sequence, open_sequence
from tests.app.state.conftest import SHAPE, write_frame


def write_video(path: Path, frames: int = 3) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for number in range(frames):
            picture = np.full((16, 32), 40 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    return path


def test_a_folder(folder: Path) -> None:
    sequence = open_sequence([folder])
    assert (sequence.kind, sequence.root, sequence.private) == ("folder", folder, False)
    assert sequence.stems == ("a", "b", "c") and sequence.index_of("b") == 1 and sequence.index_of("z") is None
    assert sequence.read(2).pixels.shape == SHAPE
    assert len({sequence.key(i) for i in range(3)}) == 3


def test_a_data_set_and_one_image_of_it_share_their_labels(dataset: Path) -> None:
    whole = open_sequence([dataset])
    assert whole.kind == "dataset" and whole.root == dataset
    assert whole.known_masks()["Misc_1"] == dataset / "masks" / "Misc_1_pixels0.png"
    assert open_sequence([dataset / "images"]).root == dataset
    single = open_sequence([dataset / "images" / "Misc_2.png"])
    assert (single.kind, single.root, single.stems) == ("still", dataset, ("Misc_2",))


def test_they_do_also_where_the_set_cannot_be_written(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    paths = dataset, dataset / "images", dataset / "images" / "Misc_2.png"
    (root,) = {open_sequence([path]).root for path in paths}
    assert root.is_relative_to(data_folder())


def test_a_manifest(dataset: Path, tmp_path: Path) -> None:
    write_manifest(tmp_path / "list.json", open_dataset(dataset))
    sequence = open_sequence([tmp_path / "list.json"])
    assert sequence.kind == "dataset" and len(sequence.known_masks()) == 2


def test_several_files(folder: Path, tmp_path: Path) -> None:
    together = open_sequence([folder / "c.png", folder / "a.png"])
    assert (together.kind, together.root, together.stems) == ("files", folder, ("c", "a"))
    write_frame(tmp_path / "other" / "a.png")
    apart = open_sequence([folder / "a.png", tmp_path / "other" / "a.png"])
    assert apart.root.is_relative_to(data_folder())
    turned = open_sequence([tmp_path / "other" / "a.png", folder / "a.png"])
    assert turned.root == apart.root and turned.stems == apart.stems[::-1], "whatever is opened first"
    assert len(set(apart.stems)) == 2 and apart.stems[1] == "other__a"


def test_label_names_do_not_depend_on_what_else_is_opened(tmp_path: Path) -> None:
    for name in ("a/1.png", "a/1.tif", "b/2.png", "1.png"):
        write_frame(tmp_path / name)
    many = open_sequence([tmp_path / name for name in ("a/1.png", "a/1.tif", "b/2.png")])
    few = open_sequence([tmp_path / name for name in ("1.png", "b/2.png")])
    assert many.root == few.root and few.stems == ("1", "b__2")
    assert many.stems == ("a__1", "a__1.tif", "b__2")


def test_files_of_one_set_have_the_names_of_the_set(dataset: Path) -> None:
    write_frame(dataset / "more.png")
    twice = open_sequence([dataset / "images" / "Misc_2.png"] * 2)
    assert twice.root == dataset and twice.stems == ("Misc_2", "Misc_2.png")
    for name in ("a", "b"):
        write_manifest(dataset / f"{name}.json", open_dataset(dataset).subset([0 if name == "a" else 1]))
    lists = open_sequence([dataset / "a.json", dataset / "b.json"])
    assert lists.root == dataset and set(lists.stems) <= set(open_sequence([dataset]).stems)


def test_several_files_keep_the_labels_of_their_folders(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_frame(tmp_path / name / "a.png")
        write_mask(tmp_path / name / "masks" / "a.png", np.zeros(SHAPE, np.bool_))
    sequence = open_sequence([tmp_path / "one" / "a.png", tmp_path / "two" / "a.png"])
    assert sequence.masks == (tmp_path / "one" / "masks" / "a.png", tmp_path / "two" / "masks" / "a.png")


def test_pages_and_video(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "stack.tif", np.zeros((3, 5, 6), np.uint16), photometric="minisblack")
    pages = open_sequence([tmp_path / "stack.tif"])
    assert (pages.kind, pages.root) == ("pages", tmp_path / "stack.adsnet")
    assert pages.stems == ("stack_000000", "stack_000001", "stack_000002")
    video = open_sequence([write_video(tmp_path / "clip.mp4")])
    assert (video.kind, video.root, len(video)) == ("video", tmp_path / "clip.adsnet", 3)
    assert not (tmp_path / "clip.adsnet").exists(), "looking must not write"
    mixed = open_sequence([tmp_path / "clip.mp4", tmp_path / "stack.tif"])
    assert len(mixed) == 6 and mixed.kind == "files"


def test_frames_with_one_stem_have_labels_of_their_own(tmp_path: Path) -> None:
    for name in ("a.png", "a.bmp", "a.png.bmp"):
        (tmp_path / name).touch()  # listing opens nothing
    sequence = open_sequence([tmp_path])
    assert len(set(sequence.stems)) == 3 and "a" in sequence.stems and "a.png" in sequence.stems


@pytest.mark.parametrize("content", [b"", b"<html>not an image</html>"])
def test_what_cannot_be_opened_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.png").write_bytes(content)
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "gone.png", tmp_path / "empty", tmp_path / "odd.mp4"):
        with pytest.raises(AdsnetError, match=path.name):
            open_sequence([path])
    with pytest.raises(DatasetError, match="Nothing"):
        open_sequence([])
    with pytest.raises((FrameError, DatasetError), match=r"odd\.png"):
        open_sequence([tmp_path / "odd.png"]).read(0)


def test_the_cache_reads_once_and_ahead(folder: Path, qtbot: QtBot) -> None:
    sequence = open_sequence([folder])
    cache = FrameCache()
    first = cache.read(sequence, 0)
    assert cache.read(sequence, 0) is first
    cache.ahead(sequence, 1)
    cache.ahead(sequence, 99)
    cache.ahead(sequence, -1)
    qtbot.waitUntil(lambda: cache.known(sequence, 1) is not None, timeout=20000)
    (folder / "b.png").unlink()
    assert cache.read(sequence, 1).ref == sequence.frames[1]
    cache.clear()
    with pytest.raises(FrameError, match=r"b\.png"):
        cache.read(sequence, 1)


def test_a_frame_that_was_prepared_outlasts_the_sequence_before_and_no_other_one(folder: Path) -> None:
    cache, before, sequence = FrameCache(), open_sequence([folder]), open_sequence([folder])
    cache.read(before, 1)
    cache.prepare(sequence)
    assert cache.known(sequence, 0) is None, "the present sequence may hold what the file was"
    (folder / "a.png").unlink()
    cache.clear()
    cache.adopt(sequence)
    assert cache.read(sequence, 0).ref == sequence.frames[0] and cache.known(before, 1) is None
    write_frame(folder / "a.png")
    cache.prepare(sequence)
    cache.clear()
    cache.adopt(before)  # something else was opened
    cache.adopt(sequence)
    assert cache.known(sequence, 0) is None
    (folder / "a.png").write_bytes(b"broken")
    cache.prepare(sequence)
    cache.adopt(sequence)
    with pytest.raises(FrameError, match=r"a\.png"):
        cache.read(sequence, 0)


def test_a_slow_file_that_is_being_opened_does_not_hold_up_the_frames_that_are_shown(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_frame(tmp_path / "slow" / "x.png")
    cache, shown, slow = FrameCache(), open_sequence([folder]), open_sequence([tmp_path / "slow"])
    begun, go_on = threading.Event(), threading.Event()
    read = Sequence.read

    def held(sequence: Sequence, index: int) -> Frame:
        if sequence is slow:
            begun.set()
            assert go_on.wait(30)
        return read(sequence, index)

    monkeypatch.setattr(Sequence, "read", held)
    opening = threading.Thread(target=cache.prepare, args=(slow,))
    opening.start()
    assert begun.wait(30)
    try:
        assert cache.read(shown, 1).ref == shown.frames[1]
    finally:
        go_on.set()
        opening.join()


def test_an_error_while_reading_ahead_is_found_by_the_reader(folder: Path, qtbot: QtBot) -> None:
    sequence = open_sequence([folder])
    (folder / "b.png").write_bytes(b"broken")
    cache = FrameCache()
    cache.ahead(sequence, 1)
    qtbot.wait(30)
    cache.ahead(sequence, 2)
    qtbot.waitUntil(lambda: cache.known(sequence, 2) is not None, timeout=20000)
    assert cache.known(sequence, 1) is None


def test_reading_ahead_survives_what_nobody_thought_of(
    folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequence = open_sequence([folder])
    cache = FrameCache()
    told: list[threading.ExceptHookArgs] = []
    working: Callable[[Sequence, int], Frame] = Sequence.read

    def broken(_: Sequence, index: int) -> Frame:
        tried.append(index)
        raise MemoryError("no memory for the frame")

    tried: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(threading, "excepthook", told.append)
        patch.setattr(Sequence, "read", broken)
        for index in (0, 1):
            cache.ahead(sequence, index)
            qtbot.waitUntil(lambda wanted=index: tried[-1:] == [wanted], timeout=20000)  # type: ignore[misc]
        patch.setattr(Sequence, "read", working)
        cache.ahead(sequence, 2)
        qtbot.waitUntil(lambda: cache.known(sequence, 2) is not None, timeout=20000)
    assert [one.exc_type for one in told] == [MemoryError], "told once"


def test_the_cache_is_limited_but_holds_one(folder: Path) -> None:
    sequence = open_sequence([folder])
    cache = FrameCache(limit=1)
    for index in range(3):
        cache.read(sequence, index)
    assert [cache.known(sequence, index) is not None for index in range(3)] == [False, False, True]


def test_a_second_window_is_told_who_has_the_labels(tmp_path: Path, qapp: object) -> None:
    first, second = RootLocks().of(tmp_path), RootLocks().of(tmp_path)
    second.check()
    assert not (tmp_path / "adsnet").exists(), "looking must not write"
    first.acquire()
    first.acquire()
    for attempt in (second.check, second.acquire):
        with pytest.raises(StorageError, match=str(os.getpid())):
            attempt()
    first.release()
    second.check()
    second.release()


def test_a_root_is_held_while_anybody_in_the_window_needs_it(tmp_path: Path, qapp: object) -> None:
    locks, other = RootLocks(), RootLocks().of(tmp_path)
    first, second = locks.of(tmp_path), locks.of(tmp_path)
    first.acquire()
    second.acquire()
    first.release()
    with pytest.raises(StorageError, match="another window"):
        other.acquire()
    del first, second  # forgotten, as by a thread that failed
    other.acquire()
    other.release()


def test_locks_of_a_window_that_is_closed_are_let_go_for_good(tmp_path: Path, qapp: object) -> None:
    locks, other = RootLocks(), RootLocks().of(tmp_path)
    held = locks.of(tmp_path)
    held.acquire()
    locks.close()
    assert not (tmp_path / "adsnet" / "lock").exists()
    for late in (held, locks.of(tmp_path), locks.of(tmp_path / "another")):
        with pytest.raises(StorageError, match="the program ends"):
            late.acquire()
    other.acquire()
    other.release()


def test_a_lock_that_cannot_be_written_says_so(tmp_path: Path, qapp: object) -> None:
    (tmp_path / "adsnet").write_text("a file in the way")
    with pytest.raises(StorageError, match="adsnet"):
        RootLocks().of(tmp_path).acquire()
