"""The pooling of the backbone, with and without a gradient."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from adsnet.model.backbone import pooled
from adsnet.model.layers import channels_last


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(1, 1, 2, 2), (2, 5, 4, 10), (1, 32, 16, 8)])
@pytest.mark.parametrize("last", [True, False])
def test_the_short_way_without_a_gradient_is_max_pooling(
    dtype: torch.dtype, shape: tuple[int, int, int, int], last: bool
) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(3)).relu().to(dtype)
    x = channels_last(x) if last else x
    expected = F.max_pool2d(x, 3, stride=2, padding=1)
    with torch.no_grad():
        assert torch.equal(pooled(x), expected)
    with torch.enable_grad():
        assert torch.equal(pooled(x.requires_grad_()), expected)


def test_the_gradient_is_that_of_max_pooling() -> None:
    x = torch.randn(1, 3, 8, 6, generator=torch.Generator().manual_seed(4)).relu().requires_grad_()
    (mine,) = torch.autograd.grad(pooled(x).square().sum(), x)
    (theirs,) = torch.autograd.grad(F.max_pool2d(x, 3, stride=2, padding=1).square().sum(), x)
    assert torch.equal(mine, theirs) and bool(mine.any())
