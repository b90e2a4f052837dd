"""Naming and listing frames."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adsnet.data.frames import FrameRef, Stills, labels_of, list_frames, list_stills, natural_ranks, stems_of
from adsnet.errors import FrameError
from tests.adsnet.data.making import encoded, ramp, tiff

STILL = encoded(ramp())


def test_stem_and_label() -> None:
    assert FrameRef(Path("a/Misc_1.png")).stem == "Misc_1"
    assert FrameRef(Path("a/frame.0001.png")).stem == "frame.0001"
    assert FrameRef(Path("clip.mp4"), 12).stem == "clip_000012"
    assert FrameRef(Path("a/Misc_1.png")).label == "Misc_1.png"
    assert FrameRef(Path("two\nlines.mp4"), 3).label == "two\\nlines.mp4 [3]"


def test_a_folder_is_listed_in_natural_order_without_opening_anything(tmp_path: Path) -> None:
    for name in (
        "f10.png",
        "f2.PNG",
        "f1.jpeg",
        "f02.bmp",
        "notes.txt",
        "._f1.png",
        ".adsnet-1-0.tmp",
        "a.tiff",
        "clip.mp4",
    ):
        (tmp_path / name).write_bytes(b"not an image")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "deep.png").write_bytes(STILL)
    os.mkfifo(tmp_path / "pipe.png")
    names = [ref.path.name for ref in list_frames(tmp_path)]
    assert names == ["a.tiff", "f1.jpeg", "f02.bmp", "f2.PNG", "f10.png", "pipe.png"]


def test_names_that_differ_only_in_zeros_have_a_fixed_order(tmp_path: Path) -> None:
    for name in ("a1.png", "a01.png", "a001.png"):
        (tmp_path / name).write_bytes(STILL)
    assert [still.path.name for still in list_stills(tmp_path)] == ["a001.png", "a01.png", "a1.png"]


@pytest.mark.parametrize("name", [b"caf\xe9 2.png", "雲 \u202e#%.png".encode(), b"new\nline.png", b" trailing .png"])
def test_unusual_names_are_listed(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(STILL)
    (ref,) = list_frames(tmp_path)
    assert ref.path == path
    ref.label.encode("utf-8")


def test_a_tiff_in_a_folder_counts_once(tmp_path: Path) -> None:
    import numpy as np

    (tmp_path / "stack.tif").write_bytes(tiff(np.zeros((3, 8, 8), np.uint8), photometric="minisblack"))
    assert list_frames(tmp_path) == (FrameRef(tmp_path / "stack.tif"),)
    assert len(list_frames(tmp_path / "stack.tif")) == 3


def test_what_holds_no_frame_gives_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("hello")
    os.mkfifo(tmp_path / "pipe.mp4")
    for name, words in (
        ("empty", "no PNG"),
        ("text.png", "no image or video"),
        ("missing", "not there"),
        ("pipe.mp4", "pipe or device"),
    ):
        with pytest.raises(FrameError, match=words) as caught:
            list_frames(tmp_path / name)
        assert name in str(caught.value)


def test_a_file_is_no_folder_to_list(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(STILL)
    with pytest.raises(FrameError, match=r"a\.png"):
        list_stills(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "file/below"])
def test_names_that_cannot_be_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FrameError, match="Cannot open"):
        list_frames(tmp_path / name)


def test_a_folder_that_may_not_be_entered_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: object, *args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    for name in ("stat", "open", "scandir"):
        monkeypatch.setattr(os, name, deny)
    with pytest.raises(FrameError, match="access is denied"):
        list_frames(tmp_path / "frames")
    with pytest.raises(FrameError, match="access is denied"):
        list_stills(tmp_path)


NAMES = st.from_regex(r"[Aa]?[0-9]{1,3}(_[0-9]{1,2})?b?", fullmatch=True)


def test_the_frames_of_a_folder_are_those_of_its_paths_wherever_they_are_looked_at() -> None:
    """They are made when they are asked for; everything else must not notice."""
    folder, names = Path("somewhere"), ["a.png", "b.1.TIFF", "two\nlines.npy", "b.1.png"]
    stills, refs = Stills(folder, names), tuple(FrameRef(folder / name) for name in names)
    assert stills == refs and refs == stills and stills != refs[:3] and stills != (*refs[:3], refs[0])
    assert list(stills) == list(refs) and [stills[i] for i in (0, -1, 3)] == [refs[0], refs[-1], refs[3]]
    assert stills[1:] == refs[1:] and stills[::-1] == refs[::-1] and stills[9:] == ()
    assert refs[1] in stills and FrameRef(folder / "c.png") not in stills and stills.index(refs[2]) == 2
    for beyond in (4, -5):
        with pytest.raises(IndexError):
            stills[beyond]
    assert stems_of(stills) == stems_of(refs) == tuple(ref.stem for ref in refs)
    assert labels_of(stills) == labels_of(refs) == tuple(ref.label for ref in refs)


@given(st.lists(NAMES, min_size=1, max_size=12, unique=True))
def test_names_that_differ_in_digits_only_have_the_order_of_all_others(names: list[str]) -> None:
    """A further name of another form makes the plain order unusable and must not change that of the rest."""
    with_another = natural_ranks([*names, "zzz, another form"])[:-1]
    assert natural_ranks(names).tolist() == with_another.tolist()
