"""Split files beside the images."""

from __future__ import annotations

from pathlib import Path

from adsnet.data.splits import splits_of

STEMS = ["a", "b.1", "c"]


def test_every_split_file_that_names_a_frame_is_found(tmp_path: Path) -> None:
    for name, text in {
        "img_idx/train_X.txt": "a\nc.png\n",
        "img_idx/test_X.txt": "images/b.1\n",
        "idx_427/trainval.txt": "a\n\n",
        "held_out_X.txt": "c",
        "train_other.txt": "zebra\n",
        "test_binary.txt": "a\0b",
        "notes.txt": "a\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = {name: members.tolist() for name, members in splits_of(tmp_path, STEMS).items()}
    assert found == {
        "train_X": [True, False, True],
        "test_X": [False, True, False],
        "trainval": [True, False, False],
        "held_out_X": [False, False, True],
    }


def test_two_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("idx_320", "idx_427"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "test.txt").write_text("a\n")
    assert list(splits_of(tmp_path, STEMS)) == ["test", "idx_427/test"]


def test_without_a_folder_there_are_none(tmp_path: Path) -> None:
    assert splits_of(tmp_path / "gone", STEMS) == {}
