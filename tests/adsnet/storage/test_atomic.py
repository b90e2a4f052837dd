"""The one writer of files: whole or not at all, under every fault that can be produced here."""

from __future__ import annotations

import errno
import json
import math
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adsnet.errors import StorageError
from adsnet.storage.atomic import clean_temporaries, read_json, write_bytes, write_json

OLD, NEW = b"the old version", b"the new version, a little longer"


def one_sentence(error: BaseException) -> bool:
    text = str(error)
    return text.endswith(".") and "\n" not in text and (text[:1].isupper() or text.startswith("/"))


def run_child(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)


def test_creates_replaces_and_makes_folders(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "mask.png"
    write_bytes(path, OLD)
    assert path.read_bytes() == OLD
    write_bytes(path, NEW)
    assert path.read_bytes() == NEW
    assert os.listdir(path.parent) == ["mask.png"]


def test_the_mode_of_an_existing_file_is_kept_and_a_new_one_has_the_usual(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(OLD)
    path.chmod(0o640)
    write_bytes(path, NEW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    (tmp_path / "usual").write_bytes(b"")
    write_bytes(tmp_path / "fresh", NEW)
    assert (tmp_path / "fresh").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(OLD)
    (tmp_path / "link").symlink_to("real")
    write_bytes(tmp_path / "link", NEW)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == NEW


@pytest.mark.parametrize("name", ["x" * 255, "雲" * 85, os.fsdecode(b"caf\xe9"), "a b#%\n\u202e. "])
def test_unusual_names(tmp_path: Path, name: str) -> None:
    write_bytes(tmp_path / name, NEW)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["x" * 256, "a\0b"])
def test_impossible_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StorageError) as caught:
        write_bytes(tmp_path / name, NEW)
    assert one_sentence(caught.value)
    assert os.listdir(tmp_path) == []


def test_a_folder_or_pipe_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(StorageError, match=name):
            write_bytes(tmp_path / name, NEW)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["folder", "pipe"]


@pytest.mark.parametrize("call", ["open", "fsync", "replace", "fchmod", "fstat"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_any_failing_step_keeps_the_old_file_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(OLD)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(StorageError) as caught:
            write_bytes(path, NEW)
    assert one_sentence(caught.value)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["mask.png"]
    write_bytes(path, NEW)
    assert path.read_bytes() == NEW


def test_a_disk_that_does_not_confirm_the_rename_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real = tmp_path / "mask.png", os.fsync

    def fail_on_folders(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EIO, "I/O error")
        real(fd)

    monkeypatch.setattr(os, "fsync", fail_on_folders)
    with pytest.raises(StorageError, match="did not confirm"):
        write_bytes(path, NEW)


def test_the_order_is_sync_file_rename_sync_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(fd: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")
        real_sync(fd)

    def replace(source: Path, target: Path) -> None:
        steps.append("rename")
        assert source.parent == target.parent
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    write_bytes(tmp_path / "a", NEW, verify=lambda path: steps.append("verify"))
    assert steps == ["file", "verify", "rename", "folder"]


def test_verify_sees_the_whole_new_file_and_can_stop_the_write(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(OLD)
    seen: list[bytes] = []

    def refuse(temporary: Path) -> None:
        seen.append(temporary.read_bytes())
        raise StorageError("It does not read back.")

    with pytest.raises(StorageError, match="read back"):
        write_bytes(path, NEW, verify=refuse)
    assert seen == [NEW]
    assert path.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["a"]


def test_a_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(OLD)
    child = run_child(
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from adsnet.errors import StorageError\n"
        "from adsnet.storage.atomic import write_bytes\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "try:\n"
        "    write_bytes(Path(sys.argv[1]), b'x' * 200_000)\n"
        "except StorageError as error:\n"
        "    sys.stdout.write(str(error))\n",
        str(path),
    )
    assert child.returncode == 0, child.stderr
    assert "free some space" in child.stdout
    assert path.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["mask.png"]


def test_a_kill_before_the_rename_keeps_the_old_file_and_the_rest_is_cleaned(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(OLD)
    child = run_child(
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from adsnet.storage.atomic import write_bytes\n"
        "os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_bytes(Path(sys.argv[1]), b'new')\n",
        str(path),
    )
    assert child.returncode == -9
    assert path.read_bytes() == OLD
    assert len(os.listdir(tmp_path)) == 2
    assert clean_temporaries(tmp_path) == 1
    assert os.listdir(tmp_path) == ["mask.png"]


def test_cleaning_spares_running_writers_and_foreign_files(tmp_path: Path) -> None:
    ours = tmp_path / f".adsnet-{os.getpid()}-{'0' * 16}.tmp"
    foreign = [tmp_path / name for name in (".adsnet-1.tmp", "x.tmp", f".adsnet-99999999-{'0' * 16}.tmp.png")]
    for path in (ours, *foreign):
        path.write_bytes(b"")
    assert clean_temporaries(tmp_path) == 0
    old = time.time() - 3600
    os.utime(ours, (old, old))
    assert clean_temporaries(tmp_path) == 1
    assert all(path.exists() for path in foreign)
    assert clean_temporaries(tmp_path / "missing") == 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=20,
)


@given(json_values)
@settings(max_examples=40)
def test_json_comes_back_as_written(tmp_path: Path, value: Any) -> None:
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value


def test_json_is_readable_text_that_ends_with_a_newline(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "雲", "n": [1]})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n "name": "雲",\n "n": [\n  1\n ]\n}\n'


def test_json_keeps_names_that_are_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    write_json(tmp_path / "a.json", {"path": name})
    assert read_json(tmp_path / "a.json") == {"path": name}


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": [-math.inf]}])
def test_json_without_finite_numbers_is_not_written(tmp_path: Path, value: Any) -> None:
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", value)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[1, NaN]",
        b"[-Infinity]",
        b"[1e400]",
        b"\xff\xfe",
        b"[" * 200_000,
        b"[" + b"9" * 5000 + b"]",
        b'{"a": 1} trailing',
    ],
)
def test_garbage_json_is_one_sentence_with_the_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(StorageError) as caught:
        read_json(path)
    assert one_sentence(caught.value)
    assert str(path) in str(caught.value)


def test_json_that_is_missing_too_large_or_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_text(json.dumps("x" * 1000))
    with pytest.raises(StorageError, match="not there"):
        read_json(tmp_path / "missing")
    with pytest.raises(StorageError, match="pipe"):
        read_json(tmp_path / "pipe")
    with pytest.raises(StorageError, match="larger than 100 bytes"):
        read_json(tmp_path / "large", max_bytes=100)


def test_json_may_start_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf[1]")
    assert read_json(tmp_path / "a.json") == [1]
