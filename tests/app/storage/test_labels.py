"""Labels on disk: in the set's own naming, never over somebody else's work, whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from adsnet.data.labels import read_mask, write_mask
from adsnet.errors import LabelError, StorageError
from app.storage import labels
from app.storage.labels import LabelConflict, LabelStore

SHAPE = (12, 16)


def mask_of(*points: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, np.bool_)
    for row, column in points:
        mask[row, column] = True
    return mask


def save(store: LabelStore, mask: NDArray[np.bool_], stem: str = "a", **options: bool) -> None:
    store.save(stem, mask, state="corrected", actions={"Draw": 1}, **options)


def test_a_new_label_appears_in_masks(tmp_path: Path) -> None:
    store = LabelStore(tmp_path, {})
    assert not store.has_label("a")
    assert not store.load("a", shape=SHAPE).any()
    assert list(tmp_path.iterdir()) == [], "looking must not write"
    save(store, mask_of((3, 4)))
    np.testing.assert_array_equal(read_mask(tmp_path / "masks" / "a.png"), mask_of((3, 4)))
    again = LabelStore(tmp_path, {})
    np.testing.assert_array_equal(again.load("a", shape=SHAPE), mask_of((3, 4)))
    assert again.states() == {"a": "corrected"}


def test_an_empty_label_is_a_label(tmp_path: Path) -> None:
    store = LabelStore(tmp_path, {})
    store.load("a", shape=SHAPE)
    save(store, mask_of())
    assert store.has_label("a")


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"b": "masks/b_pixels0.png"}, "masks/a_pixels0.png"),
        ({"b": "masks/b.png"}, "masks/a.png"),
        ({"a": "masks/a_pixels0.png", "b": "masks/b_pixels0.png"}, "masks/a_pixels0.png"),
        ({"a": "masks/a.bmp"}, "masks/a.png"),
        ({"a": "elsewhere/odd name.png"}, "elsewhere/odd name.png"),
    ],
)
def test_the_naming_of_the_set_is_kept(tmp_path: Path, known: dict[str, str], expected: str) -> None:
    paths = {stem: tmp_path / name for stem, name in known.items()}
    for path in paths.values():
        path.parent.mkdir(exist_ok=True)
        write_mask(path, mask_of((1, 1)))
    store = LabelStore(tmp_path, paths)
    assert store.target("a") == tmp_path / expected
    store.load("a", shape=SHAPE)
    save(store, mask_of((2, 2)))
    np.testing.assert_array_equal(LabelStore(tmp_path, paths).load("a", shape=SHAPE), mask_of((2, 2)))


def test_somebody_elses_mask_is_kept_once(tmp_path: Path) -> None:
    path = tmp_path / "masks" / "a.png"
    path.parent.mkdir()
    write_mask(path, mask_of((1, 1)))
    original = path.read_bytes()
    store = LabelStore(tmp_path, {"a": path})
    store.load("a", shape=SHAPE)
    for point in ((2, 2), (3, 3), (4, 4)):
        save(store, mask_of(point))
    kept = list((tmp_path / "adsnet" / "originals").iterdir())
    assert [entry.name for entry in kept] == ["a.png"]
    assert kept[0].read_bytes() == original
    # A second session knows its own mask again.
    later = LabelStore(tmp_path, {"a": path})
    later.load("a", shape=SHAPE)
    save(later, mask_of((5, 5)))
    assert len(list((tmp_path / "adsnet" / "originals").iterdir())) == 1


def test_a_change_by_another_program_is_a_question(tmp_path: Path) -> None:
    store = LabelStore(tmp_path, {})
    store.load("a", shape=SHAPE)
    save(store, mask_of((1, 1)))
    path = store.target("a")
    assert not store.changed_on_disk("a")
    write_mask(path, mask_of((9, 9)))
    foreign = path.read_bytes()
    assert store.changed_on_disk("a")
    with pytest.raises(LabelConflict, match=r"a\.png") as caught:
        save(store, mask_of((2, 2)))
    assert (caught.value.stem, caught.value.path) == ("a", path)
    assert path.read_bytes() == foreign
    save(store, mask_of((2, 2)), overwrite=True)
    assert (tmp_path / "adsnet" / "originals" / "a.png").read_bytes() == foreign
    np.testing.assert_array_equal(store.load("a", shape=SHAPE), mask_of((2, 2)))


def test_every_foreign_version_is_kept(tmp_path: Path) -> None:
    store = LabelStore(tmp_path, {})
    store.load("a", shape=SHAPE)
    for number in range(3):
        write_mask(store.target("a"), mask_of((number, 9)))
        save(store, mask_of((2, number)), overwrite=True)
    names = sorted(entry.name for entry in (tmp_path / "adsnet" / "originals").iterdir())
    assert names == ["a.png", "a~2.png", "a~3.png"]


def test_the_same_content_with_a_new_time_is_no_change(tmp_path: Path) -> None:
    store = LabelStore(tmp_path, {})
    store.load("a", shape=SHAPE)
    save(store, mask_of((1, 1)))
    os.utime(store.target("a"), (1, 1))
    assert not store.changed_on_disk("a")
    save(store, mask_of((2, 2)))


def test_a_label_that_appeared_meanwhile_is_a_question_and_one_that_vanished_is_not(tmp_path: Path) -> None:
    store = LabelStore(tmp_path, {})
    store.load("a", shape=SHAPE)
    (tmp_path / "masks").mkdir()
    write_mask(tmp_path / "masks" / "a.png", mask_of((9, 9)))
    with pytest.raises(LabelConflict):
        save(store, mask_of((1, 1)))
    save(store, mask_of((1, 1)), overwrite=True)
    store.target("a").unlink()
    assert store.changed_on_disk("a")
    save(store, mask_of((1, 2)))
    np.testing.assert_array_equal(store.load("a", shape=SHAPE), mask_of((1, 2)))


def test_a_private_root_leaves_the_set_alone(tmp_path: Path) -> None:
    known = tmp_path / "set" / "a_pixels0.png"
    known.parent.mkdir()
    write_mask(known, mask_of((1, 1)))
    before = known.read_bytes()
    store = LabelStore(tmp_path / "private", {"a": known}, private=True)
    np.testing.assert_array_equal(store.load("a", shape=SHAPE), mask_of((1, 1)))
    save(store, mask_of((2, 2)))
    assert known.read_bytes() == before
    np.testing.assert_array_equal(store.load("a", shape=SHAPE), mask_of((2, 2)))


def test_a_mask_of_another_size_is_refused_with_both_sizes(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    write_mask(tmp_path / "masks" / "a.png", np.zeros((5, 5), np.bool_))
    with pytest.raises(LabelError, match=r"5×5.*16×12"):
        LabelStore(tmp_path, {}).load("a", shape=SHAPE)


def test_a_failed_write_keeps_the_old_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LabelStore(tmp_path, {})
    store.load("a", shape=SHAPE)
    save(store, mask_of((1, 1)))
    before = store.target("a").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="disk is full"):
            save(store, mask_of((2, 2)))
    assert store.target("a").read_bytes() == before
    assert [p.name for p in (tmp_path / "masks").iterdir()] == ["a.png"]
    save(store, mask_of((2, 2)))  # no conflict with ourselves afterwards


def test_a_failed_review_write_can_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LabelStore(tmp_path, {})
    store.load("a", shape=SHAPE)
    with monkeypatch.context() as patch:

        def refuse(path: Path, value: object) -> None:
            raise StorageError("no")

        patch.setattr(labels, "write_json", refuse)
        with pytest.raises(StorageError):
            save(store, mask_of((1, 1)))
    save(store, mask_of((1, 1)))
    assert store.review("a").state == "corrected"


def test_provenance_grows_and_foreign_keys_stay(tmp_path: Path) -> None:
    store = LabelStore(tmp_path, {})
    store.load("a", shape=SHAPE)
    save(store, mask_of((1, 1)))
    path = tmp_path / "adsnet" / "review" / "a.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, "comment": "mine"}))
    store.set_state("a", "reviewed")
    review = store.review("a")
    assert review.state == "reviewed"
    assert [entry["actions"] for entry in review.provenance] == [{"Draw": 1}, {"Mark reviewed": 1}]
    assert review.extra == {"comment": "mine"}
    assert store.states() == {"a": "reviewed"}


@pytest.mark.parametrize("content", ["", "{", '{"format": "adsnet-review-9", "state": "new"}', "[]", '{"state": 3}'])
def test_a_damaged_review_is_set_aside_not_lost(tmp_path: Path, content: str) -> None:
    path = tmp_path / "adsnet" / "review" / "a.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    store = LabelStore(tmp_path, {})
    assert store.review("a").state == "new" and store.states() == {}
    store.set_state("a", "reviewed")
    assert (path.parent / "a.json.bad").read_text() == content
    assert store.states() == {"a": "reviewed"}


def test_odd_names(tmp_path: Path) -> None:
    store = LabelStore(tmp_path, {})
    for stem in ("ü #%", "x" * 251, "dots.in.name", os.fsdecode(b"\xff\xfe")):
        store.load(stem, shape=SHAPE)
        save(store, mask_of((1, 1)), stem)
        np.testing.assert_array_equal(LabelStore(tmp_path, {}).load(stem, shape=SHAPE), mask_of((1, 1)))
        assert store.states()[stem] == "corrected"
        assert stem in store.labelled()
