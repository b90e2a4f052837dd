"""The whole network: every option trains, every engine predicts the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from adsnet.config import DENSE, PAPER_LOSS, LossConfig, ModelConfig, PatchGrid, Sparsity
from adsnet.model.heads import DROPPED_LOGIT
from adsnet.model.network import ADSNet
from adsnet.sparse.contract import Engine
from adsnet.sparse.dense import DenseEngine
from adsnet.sparse.patches import spread
from adsnet.training.losses import total_loss
from tests.adsnet.sparse.maps import engine_of
from tests.adsnet.tiny import lively_network, noise, tiny

OPTIONS: list[dict[str, Any]] = [
    *({"afd": afd} for afd in ("full", "no_channel", "no_spatial", "off")),
    *({"distribute": stages} for stages in ((4,), (3, 4), (2, 3, 4))),
    *({"attention": kind} for kind in ("literal", "gate_only")),
    *({"head": head} for head in ("bilinear", "shuffle", "cascade")),
    {"iou_aware": False},
    {"rescore": True},
    {"spatial_kernel": 7},
    {"channel_reduction": 1},
    {"patches": PatchGrid("grid", 4)},
    {"patches": PatchGrid("grid", 16)},
    {"patches": PatchGrid("cell", 32)},
    {"width": 9, "cascade_widths": (5, 7)},
]
SPARSITIES = [
    DENSE,
    Sparsity(drop=(0.25, 0.5)),
    Sparsity(drop=(0.5, 0.25)),
    Sparsity(drop=(0.9, 0.97)),
    Sparsity(drop=(1.0, 1.0)),
    Sparsity(threshold=(0.5, 0.5)),
    Sparsity(threshold=(0.3, 0.6)),
]


def named(options: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in options.items())


def label_of(batch: int, size: int) -> Tensor:
    label = torch.zeros(batch, 1, size, size)
    label[:, :, 5:9, 10:14] = 1
    return label


@pytest.mark.parametrize("options", OPTIONS, ids=named)
@pytest.mark.parametrize("batch", [1, 2])
def test_every_parameter_gets_a_finite_gradient(options: dict[str, Any], batch: int) -> None:
    config = tiny(**options)
    torch.manual_seed(0)
    network = ADSNet(config).train()
    terms = total_loss(network(noise(batch, 1, 32, 32)), label_of(batch, 32), LossConfig())
    terms["total"].backward()  # type: ignore[no-untyped-call]
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    assert all(torch.isfinite(term) for term in terms.values())


def test_the_loss_of_the_paper_alone_reaches_the_decisions() -> None:
    torch.manual_seed(0)
    network = ADSNet(tiny(head="bilinear")).train()
    total_loss(network(noise(2, 1, 32, 32)), label_of(2, 32), PAPER_LOSS)["total"].backward()  # type: ignore[no-untyped-call]
    for heads in (network.heads4, network.heads3):
        assert heads.decide.weight.grad is not None and heads.decide.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("head", ["bilinear", "shuffle", "cascade"])
@pytest.mark.parametrize("size", [(16, 16), (48, 80)])
@torch.inference_mode()
def test_a_forward_pass_gives_everything_in_its_size(head: str, size: tuple[int, int]) -> None:
    height, width = size
    output = lively_network(tiny(head=head))(noise(2, 1, height, width))
    assert output.logits.shape == (2, 1, height, width)
    for stage in (4, 3):
        heads = output.stages[stage]
        assert heads.class_logits.shape == (2, 1, height >> stage, width >> stage)
        assert heads.iou_logits is not None and heads.iou_logits.shape == heads.class_logits.shape
        assert heads.keep.shape == (2, 1, height // 16, width // 16)
    assert set(output.attentions) == {3, 4}


@torch.inference_mode()
def test_the_frames_of_a_batch_do_not_influence_each_other() -> None:
    network, frames = lively_network(), noise(2, 1, 64, 48)
    both = network(frames).logits
    for i in range(2):
        torch.testing.assert_close(network(frames[i : i + 1]).logits, both[i : i + 1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("sparsity", SPARSITIES, ids=str)
@pytest.mark.parametrize("head", ["bilinear", "shuffle", "cascade"])
@pytest.mark.parametrize("name", ["gather", "auto", "spconv"])
@torch.inference_mode()
def test_every_engine_gives_the_same_mask(name: str, head: str, sparsity: Sparsity) -> None:
    engine, network = engine_of(name), lively_network(tiny(head=head))
    compare(network, noise(2, 1, 80, 64, seed=3), sparsity, engine)


@pytest.mark.parametrize("patches", [PatchGrid("grid", 16), PatchGrid("grid", 8), PatchGrid("cell", 64)], ids=str)
@pytest.mark.parametrize("size", [(48, 16), (80, 144)])
@torch.inference_mode()
def test_every_engine_gives_the_same_mask_on_every_patch_grid(patches: PatchGrid, size: tuple[int, int]) -> None:
    config = ModelConfig(width=11, cascade_widths=(6, 5), patches=patches, rescore=True)
    network = lively_network(config, 4)
    for seed in range(3):
        compare(network, noise(1, 1, *size, seed=seed), Sparsity(drop=(0.3, 0.7)), engine_of("gather"))


def compare(network: ADSNet, frames: Tensor, sparsity: Sparsity, engine: Engine) -> None:
    encoded = network.encode(frames)
    dense, sparse = network.decode(encoded, sparsity, DenseEngine()), network.decode(encoded, sparsity, engine)
    for stage in (4, 3):
        assert torch.equal(dense.stages[stage].keep, sparse.stages[stage].keep)
    assert torch.equal(dense.logits > 0, sparse.logits > 0)
    torch.testing.assert_close(sparse.logits, dense.logits, atol=1e-3, rtol=1e-3)


@torch.inference_mode()
def test_the_network_of_the_comparison_is_worth_comparing() -> None:
    """With an empty mask, or everything equally probable, the tests above could not fail."""
    for head in ("bilinear", "shuffle", "cascade"):
        output = lively_network(tiny(head=head))(noise(2, 1, 80, 64, seed=3), DENSE)
        assert 0.1 < float((output.logits > 0).float().mean()) < 0.9
        for stage in (4, 3):
            assert float(torch.sigmoid(output.stages[stage].keep_logit).std()) > 0.05


@torch.inference_mode()
def test_dropped_patches_of_the_cascade_were_not_looked_at() -> None:
    output = lively_network()(noise(1, 1, 64, 64), Sparsity(drop=(0.5, 0.75)))
    dropped = spread(output.stages[3].keep, 64, 64) < 0.5
    assert float(dropped.float().mean()) == 0.75
    assert bool((output.logits[dropped] == DROPPED_LOGIT).all())
    assert not bool((output.logits[~dropped] == DROPPED_LOGIT).any())


@torch.inference_mode()
def test_dropping_everything_still_gives_a_map_from_the_coarse_features() -> None:
    output = lively_network(tiny(head="shuffle"))(noise(1, 1, 64, 64), Sparsity(drop=(1.0, 1.0)))
    assert float(output.logits.std()) > 0.1  # the residual keeps the coarse features


# ---- decisions that are made again --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dense", "gather", "auto"])
@torch.inference_mode()
def test_stage_3_is_kept_while_its_decision_is_the_same(name: str) -> None:
    """The slider of stage 2 re-runs what follows only; that of stage 3 everything, where it changes a patch."""
    network, engine = lively_network(), engine_of(name)
    encoded = network.encode(noise(2, 1, 64, 96))
    known = network.decode_third(encoded, Sparsity(drop=(0.25, 0.5)), engine)
    kept = known.a3.clone()
    for same in (Sparsity(drop=(0.25, 0.9)), Sparsity(drop=(0.26, 0.5)), Sparsity(drop=(0.25, 0.5))):  # 18 of 24
        third = network.decode_third(encoded, same, engine, known=known)
        assert third.a3 is known.a3
        assert torch.equal(third.stage4.keep, known.stage4.keep)
        expected = network.decode(encoded, same, engine)
        again = network.decode_rest(encoded, third, same, engine)
        assert torch.equal(again.logits, expected.logits)
        assert torch.equal(again.stages[3].keep, expected.stages[3].keep)
    assert torch.equal(known.a3, kept)  # nothing was added to it in place


@pytest.mark.parametrize(
    "other", [Sparsity(drop=(0.5, 0.5)), Sparsity(drop=(0.21, 0.5)), Sparsity(threshold=(0.99, 0.99))]
)
@pytest.mark.parametrize("name", ["dense", "gather", "auto"])
@torch.inference_mode()
def test_another_decision_computes_stage_3_again(name: str, other: Sparsity) -> None:
    network, engine = lively_network(), engine_of(name)
    encoded = network.encode(noise(2, 1, 64, 96))
    known = network.decode_third(encoded, Sparsity(drop=(0.25, 0.5)), engine)
    kept = known.a3.clone()
    third, fresh = (
        network.decode_third(encoded, other, engine, known=known),
        network.decode_third(encoded, other, engine),
    )
    assert not torch.equal(third.stage4.keep, known.stage4.keep)
    assert third.a3 is not known.a3 and torch.equal(third.a3, fresh.a3)
    assert not torch.equal(third.a3, known.a3)
    assert torch.equal(known.a3, kept)


@torch.inference_mode()
def test_one_other_patch_in_one_frame_of_a_batch_is_another_decision() -> None:
    network, engine = lively_network(), engine_of("gather")
    encoded, sparsity = network.encode(noise(2, 1, 64, 96)), Sparsity(drop=(0.25, 0.5))
    known = network.decode_third(encoded, sparsity, engine)
    keep = known.stage4.keep.clone()
    keep[1].view(-1)[int(keep[1].argmax())] = 0
    other = known._replace(stage4=known.stage4._replace(keep=keep))
    assert network.decode_third(encoded, sparsity, engine, known=other).a3 is not known.a3


@torch.inference_mode()
def test_encoding_is_not_changed_by_decoding() -> None:
    """It is decoded again at every move of a slider."""
    for name in ("dense", "gather", "auto"):
        for head in ("bilinear", "shuffle", "cascade"):
            network, engine = lively_network(tiny(head=head)), engine_of(name)
            encoded = network.encode(noise(2, 1, 48, 64))
            maps = [encoded.frame, encoded.stem, encoded.a4, *encoded.features.values()]
            before = [x.clone() for x in maps]
            for sparsity in SPARSITIES:
                network.decode(encoded, sparsity, engine)
            assert all(torch.equal(x, y) for x, y in zip(maps, before, strict=True))
