"""What was chosen for a raw file is known again, proposed for its neighbours, and never in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from adsnet.data.raw import RawLayout
from app.storage import raw_layouts
from app.storage.raw_layouts import layouts_path, proposed_layout, remember_layout, remembered_layout

SMALL = RawLayout(8, 4, "uint8", offset=3)


def test_a_file_is_remembered_and_its_neighbours_get_a_proposal(tmp_path: Path) -> None:
    for name in ("a.raw", "b.raw"):
        (tmp_path / name).write_bytes(bytes(99))
    assert remembered_layout(tmp_path / "a.raw") is None
    remember_layout(tmp_path / "a.raw", SMALL)
    assert remembered_layout(tmp_path / "a.raw") == SMALL
    assert remembered_layout(tmp_path / "b.raw") is None
    assert proposed_layout(tmp_path / "b.raw") == SMALL
    (tmp_path / "b.raw").write_bytes(bytes(9))
    assert proposed_layout(tmp_path / "b.raw") == RawLayout(640, 512, "uint16")


def test_a_folder_is_remembered(tmp_path: Path) -> None:
    remember_layout(tmp_path, SMALL)
    assert remembered_layout(tmp_path) == SMALL


@pytest.mark.parametrize(
    "text", ["", "{", '{"format": "x"}', '{"format": "adsnet-raw-layouts-1", "layouts": {"a": 3}}']
)
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    layouts_path().parent.mkdir(parents=True)
    layouts_path().write_text(text)
    assert remembered_layout(tmp_path / "a") is None
    remember_layout(tmp_path / "a.raw", SMALL)
    assert remembered_layout(tmp_path / "a.raw") == SMALL


def test_only_the_newest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_layouts, "MAX_KEPT", 3)
    for name in "abc":
        remember_layout(tmp_path / name, SMALL)
    assert [remembered_layout(tmp_path / name) for name in "abc"] == [None, SMALL, SMALL]
