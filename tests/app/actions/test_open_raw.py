"""Opening raw frames: first the file, then how its values lie; a no at any place changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from adsnet.data.raw import RawLayout
from app.actions.context import Context
from app.actions.handlers import run
from tests.app.actions.conftest import Puppet


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    (tmp_path / "clip.raw").write_bytes(bytes(range(120)) * 2)
    return tmp_path / "clip.raw"


def test_the_layout_is_asked_for_and_the_file_opened(ctx: Context, puppet: Puppet, clip: Path, qtbot: QtBot) -> None:
    puppet.files, puppet.layout = [clip], RawLayout(12, 10, "uint8")
    with qtbot.waitSignal(ctx.session.sequence_changed):
        run("file.open_raw", ctx)
    assert puppet.calls == ["layout? clip.raw 640x512,uint16"]
    assert ctx.session.sequence is not None and len(ctx.session.sequence) == 2


@pytest.mark.parametrize("chosen", [True, False])
def test_a_no_changes_nothing(ctx: Context, puppet: Puppet, clip: Path, chosen: bool) -> None:
    before, puppet.files = ctx.session.sequence, [clip] if chosen else []
    run("file.open_raw", ctx)
    assert ctx.session.sequence is before and not ctx.session.jobs.running
    assert bool(puppet.calls) == chosen


def test_a_file_that_is_gone_is_one_sentence(ctx: Context, puppet: Puppet, clip: Path) -> None:
    puppet.files = [clip.with_name("gone.raw")]
    run("file.open_raw", ctx)
    (notice,) = ctx.session.notices.current
    assert notice.level == "error" and "gone.raw" in notice.text
