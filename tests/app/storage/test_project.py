"""Accepted models: copied under new names, never written over, and only candidates are removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adsnet.errors import ModelFileError, StorageError
from app.storage.project import Project


def candidate(project: Project, content: bytes) -> Path:
    path = project.new_run() / "candidate.safetensors"
    path.write_bytes(content)
    return path


def test_accepting_copies_and_remembers(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert project.model is None and project.candidates == () and list(tmp_path.iterdir()) == []
    first = project.accept_candidate(candidate(project, b"one"), name="my model")
    assert first == tmp_path / "adsnet" / "models" / "my_model-1.safetensors"
    second = project.accept_candidate(candidate(project, b"two"))
    assert second.name == "my_model-2.safetensors"
    assert (first.read_bytes(), second.read_bytes()) == (b"one", b"two")
    again = Project(tmp_path)
    assert again.model == second
    assert [entry.path for entry in again.accepted] == [first, second]
    assert [path.parent.name for path in again.candidates] == ["2", "1"]


def test_going_back_keeps_all_models(tmp_path: Path) -> None:
    project = Project(tmp_path)
    first = project.accept_candidate(candidate(project, b"one"))
    project.accept_candidate(candidate(project, b"two"))
    project.use(first)
    assert project.model == first and len(project.accepted) == 2
    third = project.accept_candidate(candidate(project, b"three"))
    assert third.name == "adsnet-3.safetensors"
    project.use(None)
    assert project.model is None and len(project.accepted) == 3


def test_the_folder_can_move(tmp_path: Path) -> None:
    project = Project(tmp_path / "before")
    project.accept_candidate(candidate(project, b"one"))
    os.rename(tmp_path / "before", tmp_path / "after")
    moved = Project(tmp_path / "after")
    assert moved.model is not None and moved.model.read_bytes() == b"one"


def test_a_failed_copy_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(tmp_path)
    first = project.accept_candidate(candidate(project, b"one"))
    second = candidate(project, b"two")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError):
            project.accept_candidate(second)
    assert project.model == first
    assert [p.name for p in first.parent.iterdir()] == [first.name]
    with pytest.raises(ModelFileError, match="train again"):
        project.accept_candidate(tmp_path / "gone.safetensors")


def test_a_candidate_is_undecided_until_it_is_accepted_discarded_or_followed_by_another_run(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert project.undecided is None
    first = project.new_run() / "model.safetensors"
    assert project.undecided is None, "a run without a model has no candidate"
    first.write_bytes(b"one")
    assert Project(tmp_path).undecided == first
    project.accept_candidate(first)
    assert Project(tmp_path).undecided is None
    second = project.new_run() / "model.safetensors"
    second.write_bytes(b"two")
    assert project.undecided == second
    project.discard(second)
    assert project.undecided is None


def test_discard_removes_the_run_and_nothing_else(tmp_path: Path) -> None:
    project = Project(tmp_path)
    first, second = candidate(project, b"one"), candidate(project, b"two")
    project.discard(first)
    assert project.candidates == (second,) and not first.parent.exists()
    accepted = project.accept_candidate(second)
    for path in (accepted, tmp_path / "x", tmp_path / "adsnet" / "training" / "x"):
        with pytest.raises(StorageError, match="no candidate"):
            project.discard(path)
    assert accepted.exists()
    assert project.new_run().name == "3"


@pytest.mark.parametrize(
    "content", ["", "[]", '{"format": "adsnet-project-9"}', '{"format": "adsnet-project-1", "model": 3}']
)
def test_a_damaged_project_file_means_no_model_and_is_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "adsnet" / "project.json"
    path.parent.mkdir()
    path.write_text(content)
    project = Project(tmp_path)
    assert project.model is None and project.accepted == ()
    project.accept_candidate(candidate(project, b"one"))
    assert project.model is not None
    if "project-1" not in content:
        assert (path.parent / "project.json.bad").read_text() == content
