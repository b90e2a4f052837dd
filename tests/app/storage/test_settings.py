"""Settings: sparse, checked, and never in the way of starting."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as settings_profile
from hypothesis import strategies as st

from adsnet.storage import folders
from app.storage import paths, settings
from app.storage.settings import Settings

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=3,
)
names = st.sampled_from([entry.name for entry in dataclasses.fields(Settings)])


def test_only_what_differs_is_stored() -> None:
    changed = dataclasses.replace(Settings(), theme="dark", recent=("/a b/ü",), brush_size=5)
    settings.save_settings(changed)
    stored = json.loads(settings.settings_path().read_text(encoding="utf-8"))
    assert stored == {"format": settings.FORMAT, "theme": "dark", "brush_size": 5, "recent": ["/a b/ü"]}
    assert settings.load_settings() == (changed, "")


def test_no_file_means_defaults() -> None:
    assert settings.load_settings() == (Settings(), "")
    assert not settings.settings_path().exists()


@pytest.mark.parametrize("content", [b"", b"\0\xff\x80", b"[1, 2]", b'{"theme": ', b"[" * 100_000, b'{"x": NaN}'])
def test_garbage_is_kept_aside(content: bytes) -> None:
    path = settings.settings_path()
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    loaded, text = settings.load_settings()
    assert loaded == Settings()
    assert "settings.json.bad" in text
    assert path.with_name("settings.json.bad").read_bytes() == content
    assert not path.exists()


def test_one_bad_value_does_not_cost_the_others() -> None:
    loaded, dropped = settings.parse_settings({"theme": "pink", "brush_size": 3, "autosave": 1, "what": 2})
    assert loaded == dataclasses.replace(Settings(), brush_size=3)
    assert dropped == ("theme", "autosave", "what")


@settings_profile(max_examples=40)
@given(st.dictionaries(names, json_values, max_size=5))
def test_any_json_gives_settings_within_their_limits(values: dict[str, object]) -> None:
    loaded, dropped = settings.parse_settings(values)
    for entry in dataclasses.fields(Settings):
        value = getattr(loaded, entry.name)
        assert type(value) is type(settings._default(entry))
        if "choices" in entry.metadata:
            assert value in entry.metadata["choices"]
        if "minimum" in entry.metadata:
            assert entry.metadata["minimum"] <= value <= entry.metadata["maximum"]
        if entry.name not in values or entry.name in dropped:
            assert value == settings._default(entry)


@pytest.mark.parametrize("entry", dataclasses.fields(Settings), ids=lambda entry: entry.name)
def test_every_setting_can_be_shown_in_the_dialog(entry: dataclasses.Field[object]) -> None:
    assert entry.metadata["label"] and entry.metadata["group"] in settings.GROUPS
    default = settings._default(entry)
    assert settings.parse_settings({entry.name: default}) == (Settings(), ())


def test_recent_has_no_doubles_and_an_end() -> None:
    current = Settings()
    for number in range(30):
        current = settings.with_recent(current, Path(f"/data/{number % 20}"))
    assert len(current.recent) == settings.MAX_RECENT
    assert current.recent[0] == str(Path("/data/9"))
    assert len(set(current.recent)) == len(current.recent)


def test_home_variable_moves_everything(isolated_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = isolated_home / "studio"
    assert folders.config_folder() == home / "config"
    assert folders.data_folder() == home / "data"
    assert folders.log_folder() == home / "logs"
    monkeypatch.delenv("ADSNET_STUDIO_HOME")
    assert folders.config_folder().name == "adsnet-studio"


def test_label_root_stays_beside_frames_where_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert paths.label_root(tmp_path / "new" / "set") == tmp_path / "new" / "set"
    monkeypatch.setattr(os, "access", lambda *_: False)
    private = paths.label_root(tmp_path)
    assert private.parent == folders.data_folder() / "projects"
    assert private == paths.label_root(tmp_path)
    assert private != paths.label_root(tmp_path / "other")


def test_the_shipped_sample_is_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "path_of", lambda name: tmp_path)
    assert paths.label_root(tmp_path / "masks").is_relative_to(folders.data_folder())


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=300))
def test_file_names_fit_and_differ(stem: str) -> None:
    name = paths.file_name(stem, ".json")
    assert len(os.fsencode(name)) <= 255
    assert name.endswith(".json")
    assert paths.file_name(stem + "x", ".json") != name
