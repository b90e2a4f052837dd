"""Comparisons of whole results of the network."""

from __future__ import annotations

import torch
from torch import Tensor

from adsnet.model.network import Output
from tests.adsnet.sparse.maps import assert_close
from tests.adsnet.tiny import noise


def assert_same_output(got: Output, expected: Output, relative: float) -> None:
    """The same decisions and the same mask; every map within ``relative`` of its largest magnitude.

    A logit of zero within that may be on either side of it.
    """
    for stage in (4, 3):
        ours, theirs = got.stages[stage], expected.stages[stage]
        assert torch.equal(ours.keep, theirs.keep), f"decisions of stage {stage}"
        for name in ("keep_logits", "class_logits", "iou_logits"):
            _close(getattr(ours, name), getattr(theirs, name), relative, f"{name} of stage {stage}")
    assert list(got.attentions) == list(expected.attentions)
    for stage, maps in expected.attentions.items():
        _close(got.attentions[stage].channel, maps.channel, relative, f"channel attention of stage {stage}")
        _close(got.attentions[stage].spatial, maps.spatial, relative, f"spatial attention of stage {stage}")
    _close(got.logits, expected.logits, relative, "logits")
    clear = expected.logits.abs() > relative * expected.logits.abs().max()
    assert torch.equal(got.logits[clear] > 0, expected.logits[clear] > 0), "mask"


def _close(got: Tensor | None, expected: Tensor | None, relative: float, what: str) -> None:
    if expected is None:
        assert got is None, what
    else:
        assert got is not None, what
        assert_close(got, expected, relative, what)


def mixed_frames(height: int, width: int, *, seed: int = 0) -> Tensor:
    """Two frames that have little in common: noise, and a slope with a few bright points."""
    rough = noise(1, 1, height, width, seed=seed)
    smooth = torch.linspace(-1, 1, width).expand(1, 1, height, width) + 0.05 * noise(1, 1, height, width, seed=seed + 1)
    for row, column in ((height // 4, width // 3), (height // 2, width - 3), (height - 2, 5)):
        smooth[:, :, row, column] += 6
    return torch.cat([rough, smooth])
