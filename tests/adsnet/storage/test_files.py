"""Opening files that may be anything, and naming them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adsnet.storage.files import NotRegularFileError, open_regular, reason, shown


def test_a_regular_file_is_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    with open_regular(tmp_path / "a") as stream:
        assert stream.read() == b"x" * 100_000


def test_a_link_to_a_regular_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"data")
    (tmp_path / "link").symlink_to("a")
    with open_regular(tmp_path / "link") as stream:
        assert stream.read() == b"data"


def test_a_pipe_without_a_writer_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotRegularFileError, match="pipe or device"):
        open_regular(tmp_path / "pipe")


def test_folder_and_device_are_refused(tmp_path: Path) -> None:
    (tmp_path / "zero").symlink_to("/dev/zero")
    with pytest.raises(NotRegularFileError, match="folder"):
        open_regular(tmp_path)
    with pytest.raises(NotRegularFileError, match="pipe or device"):
        open_regular(tmp_path / "zero")


def test_refusing_leaves_no_descriptor_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with pytest.raises(NotRegularFileError):
            open_regular(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("clip.png", "clip.png"),
        ("Ünïcode 雲.png", "Ünïcode 雲.png"),
        ("two\nlines", "two\\nlines"),
        ("right\u202eleft", "right\\u202eleft"),
        (os.fsdecode(b"caf\xe9.png"), "caf\\udce9.png"),
    ],
)
def test_names_are_shown_as_one_printable_line(name: str, text: str) -> None:
    assert shown(Path(name)) == text


@given(st.binary(min_size=1, max_size=40))
def test_every_name_can_be_printed(name: bytes) -> None:
    text = shown(os.fsdecode(name))
    text.encode("utf-8")
    assert len(text.splitlines()) <= 1


def test_reasons_are_clauses(tmp_path: Path) -> None:
    with pytest.raises(OSError) as missing:
        open_regular(tmp_path / "missing")
    assert reason(missing.value) == "it is not there"
    with pytest.raises(ValueError) as impossible:
        open_regular(Path("a\0b"))
    assert reason(impossible.value) == "its name cannot be a file name"
