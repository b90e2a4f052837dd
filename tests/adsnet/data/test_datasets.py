"""Data sets: layouts, split files, manifests and held-out parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adsnet.data.datasets import Dataset, Sample, hold_out, is_dataset, open_dataset, write_manifest
from adsnet.data.frames import FrameRef
from adsnet.data.labels import write_mask
from adsnet.errors import DatasetError, LabelError
from tests.adsnet.data.making import encoded, moving_square, ramp, tiff, write_video


def fill(root: Path, stems: list[str], ending: str = "", *, masks: bool = True, images: str = "images") -> Path:
    """Frames and masks of ``stems``; the mask of frame i has i pixels."""
    (root / images).mkdir(parents=True, exist_ok=True)
    for i, stem in enumerate(stems):
        (root / images / f"{stem}.png").write_bytes(encoded(ramp()))
        if masks:
            mask = np.zeros((12, 16), np.bool_)
            mask.flat[:i] = True
            write_mask(root / "masks" / f"{stem}{ending}.png", mask)
    return root


def stems(dataset: Dataset) -> list[str]:
    return [sample.frame.stem for sample in dataset.samples]


@pytest.mark.parametrize("ending", ["", "_pixels0"])
def test_images_and_masks(tmp_path: Path, ending: str) -> None:
    dataset = open_dataset(fill(tmp_path / "Set", ["f2", "f10", "f1"], ending))
    assert (dataset.name, dataset.root, dataset.layout) == ("Set", tmp_path / "Set", "images+masks")
    assert stems(dataset) == ["f1", "f2", "f10"]
    assert [int(dataset.read(i)[1].sum()) for i in range(3)] == [2, 0, 1]
    assert np.array_equal(dataset.read(0)[0], ramp())
    assert len(dataset) == 3


def test_the_plain_name_of_a_mask_comes_first_and_png_before_others(tmp_path: Path) -> None:
    root = fill(tmp_path, ["a"])
    for name in ("a_pixels0.png", "a.bmp", "a.tif"):
        (root / "masks" / name).write_bytes(b"")
    assert open_dataset(root).samples[0].mask == root / "masks" / "a.png"


def test_other_files_beside_the_masks_do_not_matter(tmp_path: Path) -> None:
    root = fill(tmp_path, ["a"], "_pixels0")
    (root / "masks" / "a.xml").write_text("<annotation/>")
    (root / "masks" / "._a.png").write_bytes(b"")
    assert open_dataset(root).read(0)[1].sum() == 0


def test_a_folder_of_images_with_and_without_masks(tmp_path: Path) -> None:
    with_masks = open_dataset(fill(tmp_path / "with", ["a", "b"], images="."))
    assert (with_masks.layout, len(with_masks.labelled)) == ("folder", 2)
    without = open_dataset(fill(tmp_path / "without", ["a", "b"], masks=False, images="."))
    assert (without.layout, len(without), without.labelled.tolist()) == ("folder", 2, [])
    pixels, mask = without.read(1)
    assert mask.shape == pixels.shape
    assert not mask.any()


def test_the_images_folder_of_a_set_means_the_set(tmp_path: Path) -> None:
    fill(tmp_path / "Set", ["a"])
    assert open_dataset(tmp_path / "Set" / "images") == open_dataset(tmp_path / "Set")


def test_frames_without_label_file_are_told_apart(tmp_path: Path) -> None:
    root = fill(tmp_path, ["a", "b", "c"])
    (root / "masks" / "b.png").unlink()
    dataset = open_dataset(root)
    assert [sample.mask is None for sample in dataset.samples] == [False, True, False]
    assert dataset.labelled.tolist() == [0, 2]
    assert stems(dataset.subset(dataset.labelled)) == ["a", "c"]


@pytest.mark.parametrize("name", ["idx_427/trainval.txt", "img_idx/train_Set.txt", "img_idx/train_other.txt"])
def test_the_training_list_beside_the_images_can_be_the_default(tmp_path: Path, name: str) -> None:
    root = fill(tmp_path / "Set", ["a", "b", "c"])
    (root / name).parent.mkdir()
    (root / name).write_text("c\na")
    (root / name).with_name("test_Set.txt").write_text("b\n")
    assert stems(open_dataset(root)) == ["a", "b", "c"]
    assert stems(open_dataset(root, default_split=True)) == ["c", "a"]
    assert stems(open_dataset(root, split=(root / name).with_name("test_Set.txt"))) == ["b"]


def test_several_training_lists_are_a_choice_only_by_name(tmp_path: Path) -> None:
    root = fill(tmp_path / "Set", ["a", "b"])
    (root / "img_idx").mkdir()
    for name in ("train_x.txt", "train_y.txt"):
        (root / "img_idx" / name).write_text("a\n")
    assert stems(open_dataset(root, default_split=True)) == ["a", "b"]
    (root / "img_idx" / "train_Set.txt").write_text("b\n")
    assert stems(open_dataset(root, default_split=True)) == ["b"]


def test_split_lines_may_be_untidy(tmp_path: Path) -> None:
    root = fill(tmp_path / "Set", ["a", "b", "c.d"])
    split = tmp_path / "split.txt"
    split.write_bytes(b"\xef\xbb\xbf  b.png \r\n\r\n\t\nimages/a\r\nc.d")
    assert stems(open_dataset(root, split=split)) == ["b", "a", "c.d"]


def test_a_stem_that_is_not_there_is_named_with_the_split_file(tmp_path: Path) -> None:
    root = fill(tmp_path / "Set", ["a"])
    (tmp_path / "split.txt").write_text("a\nmissing_7\n")
    with pytest.raises(DatasetError, match=r"split\.txt names the frame missing_7"):
        open_dataset(root, split=tmp_path / "split.txt")


@pytest.mark.parametrize("data", [b"", b"\n \n", b"a\0b", None])
def test_what_is_no_split_file_is_refused(tmp_path: Path, data: bytes | None) -> None:
    root = fill(tmp_path / "Set", ["a"])
    if data is not None:
        (tmp_path / "split.txt").write_bytes(data)
    with pytest.raises(DatasetError, match=r"split\.txt"):
        open_dataset(root, split=tmp_path / "split.txt")


def test_a_mask_of_another_size_names_both_files_and_the_set_still_opens(tmp_path: Path) -> None:
    root = fill(tmp_path, ["a", "b"])
    write_mask(root / "masks" / "b.png", np.zeros((12, 15), np.bool_))
    dataset = open_dataset(root)
    assert dataset.read(0)[0].shape == (12, 16)
    with pytest.raises(DatasetError, match=r"images/b\.png is 16×12.*masks/b\.png is 15×12"):
        dataset.read(1)


def test_a_damaged_mask_is_a_label_error(tmp_path: Path) -> None:
    root = fill(tmp_path, ["a"])
    (root / "masks" / "a.png").write_bytes(b"")
    with pytest.raises(LabelError, match=r"masks/a\.png"):
        open_dataset(root).read(0)


@pytest.mark.parametrize("name", ["missing", "empty", "text.json", "text.png", "x" * 300, "x" * 300 + ".json"])
def test_what_is_no_data_set_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    for file in ("text.json", "text.png"):
        (tmp_path / file).write_text("hello")
    with pytest.raises(DatasetError) as caught:
        open_dataset(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert not is_dataset(tmp_path / name)


def test_a_single_video_stack_and_still(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.avi", moving_square(5), codec="ffv1", pix_fmt="gray")
    mask = np.zeros((64, 96), np.bool_)
    mask[3, 4] = True
    write_mask(tmp_path / "clip.adsnet" / "masks" / "clip_000002.png", mask)
    clip = open_dataset(tmp_path / "clip.avi")
    assert (len(clip), clip.root, clip.labelled.tolist()) == (5, tmp_path / "clip.adsnet", [2])
    assert np.array_equal(clip.read(2)[1], mask)
    (tmp_path / "split.txt").write_text("clip_000004\n")
    assert stems(open_dataset(tmp_path / "clip.avi", split=tmp_path / "split.txt")) == ["clip_000004"]

    (tmp_path / "stack.tif").write_bytes(tiff(np.zeros((3, 8, 8), np.uint16), photometric="minisblack"))
    assert len(open_dataset(tmp_path / "stack.tif")) == 3
    (tmp_path / "one.png").write_bytes(encoded(ramp()))
    assert open_dataset(tmp_path / "one.png").samples == (Sample(FrameRef(tmp_path / "one.png"), None),)


def test_a_still_of_a_set_has_its_label_there(tmp_path: Path) -> None:
    root = fill(tmp_path / "Set", ["a", "b"], "_pixels0")
    still = open_dataset(root / "images" / "a.png")
    assert (still.root, still.samples[0].mask) == (root, root / "masks" / "a_pixels0.png")


def test_what_counts_as_laid_out_data_set(tmp_path: Path) -> None:
    fill(tmp_path / "set", ["a"])
    fill(tmp_path / "folder", ["a"], images=".")
    fill(tmp_path / "plain", ["a"], images=".", masks=False)
    write_manifest(tmp_path / "m.json", open_dataset(tmp_path / "set"))
    laid_out = [name for name in ("set", "folder", "plain", "m.json", "missing.json") if is_dataset(tmp_path / name)]
    assert laid_out == ["set", "folder", "m.json"]


# ---- manifests ----------------------------------------------------------------------------------------------


def test_a_manifest_comes_back_and_moves_with_its_folder(tmp_path: Path) -> None:
    fill(tmp_path / "old" / "set", ["a", "b"])
    far = fill(tmp_path / "far", ["z"], masks=False)
    near = open_dataset(tmp_path / "old" / "set")
    clip = Sample(FrameRef(far / "clip.mp4", 7), None)
    mixed = Dataset("mixed", near.root, near.layout, (*near.samples, *open_dataset(far).samples, clip))
    write_manifest(tmp_path / "old" / "m.json", mixed)
    (tmp_path / "old").rename(tmp_path / "new")

    dataset = open_dataset(tmp_path / "new" / "m.json")
    assert (dataset.name, dataset.layout, dataset.root) == ("mixed", "manifest", tmp_path / "new")
    assert stems(dataset) == ["a", "b", "z", "clip_000007"]
    assert dataset.samples[1].mask == tmp_path / "new" / "set" / "masks" / "b.png"
    assert dataset.samples[3] == clip
    assert dataset.read(1)[1].sum() == 1


def test_a_manifest_takes_a_split(tmp_path: Path) -> None:
    fill(tmp_path, ["a", "b"])
    write_manifest(tmp_path / "m.json", open_dataset(tmp_path))
    (tmp_path / "split.txt").write_text("b")
    assert stems(open_dataset(tmp_path / "m.json", split=tmp_path / "split.txt")) == ["b"]
    (tmp_path / "split.txt").write_text("c")
    with pytest.raises(DatasetError, match="names the frame c"):
        open_dataset(tmp_path / "m.json", split=tmp_path / "split.txt")


def test_a_name_that_two_frames_have_names_neither(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        fill(tmp_path / folder, ["a", "b" if folder == "one" else "c"])
    samples = (*open_dataset(tmp_path / "one").samples, *open_dataset(tmp_path / "two").samples)
    write_manifest(tmp_path / "m.json", Dataset("m", tmp_path, "manifest", samples))
    split = tmp_path / "split.txt"
    split.write_text("c\nb\n")
    assert stems(open_dataset(tmp_path / "m.json", split=split)) == ["c", "b"]
    split.write_text("b\na\n")
    with pytest.raises(DatasetError, match=r"names the frame a, of which .*m.json has 2: rename all but one"):
        open_dataset(tmp_path / "m.json", split=split)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "adsnet-frames-2"}, "no manifest"),
        ({"frames": []}, "lists no frames"),
        ({"frames": {"a": 1}}, "lists no frames"),
        ({"name": 3}, "lists no frames"),
        ({"frames": ["a.png"]}, "Frame 0 .* is no object"),
        ({"frames": [{"path": "a.png"}, {"path": ""}]}, "Frame 1 .* has no path"),
        ({"frames": [{"path": "a.png", "index": -1}]}, "index"),
        ({"frames": [{"path": "a.png", "index": True}]}, "index"),
        ({"frames": [{"path": "a.png", "index": 1.5}]}, "index"),
        ({"frames": [{"path": "a.png", "mask": 5}]}, "mask"),
        ({"frames": [{"path": "a.png", "label": "b"}]}, "unknown key label"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_whole(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    value = {"format": "adsnet-frames-1", "name": "x", "frames": [{"path": "a.png"}], **change}
    (tmp_path / "m.json").write_text(json.dumps(value))
    with pytest.raises(DatasetError, match=words) as caught:
        open_dataset(tmp_path / "m.json")
    assert "m.json" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[", "[]", "3", '{"format": NaN}', "[" * 100_000])
def test_garbage_is_no_manifest(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(DatasetError, match=r"m\.json"):
        open_dataset(tmp_path / "m.json")


# ---- held-out part ------------------------------------------------------------------------------------------


@given(count=st.integers(0, 300), every=st.integers(2, 40))
def test_held_out_indices(count: int, every: int) -> None:
    training, held = hold_out(count, every)
    assert sorted([*training, *held]) == list(range(count))
    assert np.array_equal(hold_out(count, every)[1], held)
    assert abs(len(held) - count / every) <= 1
    if count >= 2:
        assert len(training) and len(held)
    if len(held) > 1:
        assert set(np.diff(held)) == {every}


def test_hold_out_by_hand() -> None:
    assert [part.tolist() for part in hold_out(10, 5)] == [[0, 1, 3, 4, 5, 6, 8, 9], [2, 7]]
    assert [part.tolist() for part in hold_out(2, 5)] == [[0], [1]]
    assert [part.tolist() for part in hold_out(1, 5)] == [[0], []]


@pytest.mark.parametrize(("count", "every"), [(-1, 5), (10, 1), (10, 0)])
def test_hold_out_refuses_what_makes_no_sense(count: int, every: int) -> None:
    with pytest.raises(ValueError):
        hold_out(count, every)
