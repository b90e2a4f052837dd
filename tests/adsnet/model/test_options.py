"""Every option of the configuration, in inference on every engine and in training."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from adsnet.config import DENSE, LossConfig, ModelConfig, PatchGrid, Sparsity
from adsnet.model.acs import patch_grid
from adsnet.model.network import ADSNet
from adsnet.sparse.dense import DenseEngine
from adsnet.training.losses import total_loss
from tests.adsnet.model.outputs import assert_same_output, mixed_frames
from tests.adsnet.sparse.maps import assert_close, engine_of
from tests.adsnet.tiny import lively_network, tiny

CONFIGS: list[dict[str, Any]] = [
    {},
    *({"afd": afd} for afd in ("no_channel", "no_spatial", "off")),
    *({"distribute": stages} for stages in ((4,), (3, 4), (2, 3, 4))),
    {"attention": "gate_only"},
    {"attention": "gate_only", "afd": "no_channel", "distribute": (2, 3, 4)},
    {"attention": "gate_only", "afd": "no_spatial", "distribute": (2, 3, 4)},
    {"spatial_kernel": 7},
    {"channel_reduction": 1},
    {"iou_aware": False},
    {"rescore": True},
    *({"patches": PatchGrid("grid", size)} for size in (4, 8, 16, 32)),
    *({"patches": PatchGrid("cell", size)} for size in (16, 32, 64)),
    *({"head": head} for head in ("bilinear", "shuffle")),
    {"head": "bilinear", "patches": PatchGrid("grid", 32), "rescore": True},
    {"backbone_width": 4, "width": 9, "cascade_widths": (5, 7)},
    {"backbone_width": 64},
    {"stem_width": 8, "cascade_blocks": (1, 3)},
]
SPARSITIES = [
    DENSE,
    Sparsity(drop=(0.0, 0.25)),
    Sparsity(drop=(0.25, 0.5)),
    Sparsity(drop=(0.5, 0.25)),
    Sparsity(drop=(0.9, 0.97)),
    Sparsity(drop=(1.0, 1.0)),
    Sparsity(threshold=(0.5, 0.5)),
    Sparsity(threshold=(0.2, 0.2)),
    Sparsity(threshold=(0.2, 0.6)),
    Sparsity(threshold=(1.0, 1.0)),
]
SIZES = [(64, 96), (16, 16)]


def named(options: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in options.items()) or "default"


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("options", CONFIGS, ids=named)
@torch.inference_mode()
def test_every_option_predicts_the_same_with_every_engine(options: dict[str, Any], size: tuple[int, int]) -> None:
    config = tiny(**options)
    network, frames = lively_network(config), mixed_frames(*size)
    encoded = network.encode(frames)
    for sparsity in SPARSITIES:
        dense = network.decode(encoded, sparsity, DenseEngine())
        assert dense.logits.shape == (2, 1, *size) and bool(torch.isfinite(dense.logits).all())
        assert bool((dense.stages[3].keep <= dense.stages[4].keep).all())
        for name in ("gather", "auto"):
            assert_same_output(network.decode(encoded, sparsity, engine_of(name)), dense, 1e-5)
        # One by one they give what they give together.
        for index in range(2):
            alone = network(frames[index : index + 1], sparsity)
            assert torch.equal(alone.stages[3].keep, dense.stages[3].keep[index : index + 1])
            assert_close(alone.logits, dense.logits[index : index + 1], 1e-5)


@torch.inference_mode()
def test_the_frames_and_masks_of_the_comparison_are_worth_comparing() -> None:
    network, frames = lively_network(), mixed_frames(64, 96)
    output = network(frames, Sparsity(threshold=(0.5, 0.5)))
    for stage in (4, 3):
        first, second = output.stages[stage].keep
        assert 0 < float(first.mean()) < 1 and 0 < float(second.mean()) < 1
        assert not torch.equal(first, second)
    assert all(0.02 < float(share) < 0.98 for share in (network(frames, DENSE).logits > 0).float().mean((1, 2, 3)))


def label_of(height: int, width: int) -> Tensor:
    """One frame with a target, one without."""
    label = torch.zeros(2, 1, height, width)
    label[0, :, 5:9, 10:14] = 1
    return label


def gradients(config: ModelConfig, size: tuple[int, int], loss: LossConfig) -> dict[str, Tensor | None]:
    torch.manual_seed(0)
    network = ADSNet(config).train()
    noise = torch.zeros(2, 2, 2, *patch_grid(config.patches, *size))
    noise[:, :, 0] = 9.0  # every patch is kept, or what is behind a dropped one would have no gradient
    terms = total_loss(network(mixed_frames(*size), noise=noise), label_of(*size), loss)
    assert all(bool(torch.isfinite(term)) for term in terms.values())
    terms["total"].backward()  # type: ignore[no-untyped-call]
    return {name: parameter.grad for name, parameter in network.named_parameters()}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("options", CONFIGS, ids=named)
def test_every_parameter_of_every_option_is_trained(options: dict[str, Any], size: tuple[int, int]) -> None:
    """No option cuts a parameter off: each has a gradient."""
    found = gradients(tiny(**options), size, LossConfig())
    assert [name for name, gradient in found.items() if gradient is None] == []
    assert [n for n, g in found.items() if g is not None and not bool(torch.isfinite(g).all())] == []
    if size == (64, 96):
        moved = sum(bool((g != 0).any()) for g in found.values() if g is not None)
        assert moved > 0.9 * len(found)


def test_without_its_term_of_the_loss_the_iou_score_is_not_trained() -> None:
    """The score only ranks patches: at inference, and by the joint score of ``rescore``. Nothing else depends on it."""
    loss = LossConfig(iou_score=0.0)
    assert {name for name, gradient in gradients(tiny(rescore=True), (64, 96), loss).items() if gradient is None} == {
        "heads4.score.weight", "heads4.score.bias", "heads3.score.weight", "heads3.score.bias",
    }  # fmt: skip
