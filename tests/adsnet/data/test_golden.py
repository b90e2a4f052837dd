"""Every file of the table opens by its rule, or is refused with one sentence; on the command line too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from adsnet.commands.predict import frames_of
from adsnet.data.frames import read_frame
from adsnet.data.video import close_videos
from adsnet.errors import AdsnetError
from tests.adsnet.data.golden import CASES, Case, Opens


@pytest.fixture(autouse=True)
def closed_videos() -> Iterator[None]:
    yield
    close_videos()


def test_the_table_is_long_and_its_names_are_different() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 100


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_opened_by_its_rule_or_refused_with_one_sentence(case: Case, tmp_path: Path) -> None:
    if case.make.__name__ == "locked" and os.geteuid() == 0:
        pytest.skip("nothing is locked for root")
    path = case.make(tmp_path)
    if isinstance(case.expected, Opens):
        frames = [read_frame(ref).pixels for ref in frames_of(path)]
        assert len(frames) == len(case.expected.frames)
        for pixels, expected in zip(frames, case.expected.frames, strict=True):
            assert (pixels.shape, pixels.dtype) == (expected.shape, expected.dtype)
            assert pixels.dtype.isnative and pixels.flags.c_contiguous and np.isfinite(pixels).all()
            assert np.abs(pixels.astype(np.float64) - expected.astype(np.float64)).max() <= case.expected.near
        return
    with pytest.raises(AdsnetError, match=case.expected.words) as caught:
        for ref in frames_of(path):
            read_frame(ref)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text and path.name.split("\n")[0] in text
