"""Losses against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from adsnet.config import PAPER_LOSS, LossConfig
from adsnet.model.acs import StageOutput
from adsnet.model.network import Output
from adsnet.training.losses import coverage, focal, found, iou_score, mask_loss, number_targets, soft_iou, total_loss
from tests.adsnet.tiny import noise

LN2 = math.log(2)


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def frame_with(*pixels: tuple[int, int], size: int = 32) -> Tensor:
    """(1, 1, S, S) with ones at (row, column)."""
    frame = torch.zeros(1, 1, size, size)
    for row, column in pixels:
        frame[0, 0, row, column] = 1
    return frame


def test_focal_loss_by_hand() -> None:
    target = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    # p = 1/2 everywhere: alpha · (1/2)² · ln 2 at the target, (1 - alpha) · (1/2)² · ln 2 at the three others.
    assert focal(torch.zeros_like(target), target).item() == pytest.approx((0.25 + 3 * 0.75) * 0.25 * LN2)
    p = 0.9
    expected = 0.25 * 0.1**2 * -math.log(0.9) + 3 * 0.75 * 0.9**2 * -math.log(0.1)
    assert focal(torch.full_like(target, logit(p)), target).item() == pytest.approx(expected, rel=1e-5)


def test_focal_loss_is_divided_by_the_positives_at_least_one() -> None:
    two, none = frame_with((0, 0), (5, 5)), frame_with()
    logits = torch.zeros_like(two)
    negative, positive = 0.75 * 0.25 * LN2, 0.25 * 0.25 * LN2
    assert focal(logits, two).item() == pytest.approx((1022 * negative + 2 * positive) / 2, rel=1e-5)
    assert focal(logits, none).item() == pytest.approx(1024 * negative, rel=1e-5)


def test_without_focus_and_balance_it_is_the_cross_entropy() -> None:
    logits, target = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(0)), torch.ones(2, 1, 4, 4)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, target)
    assert focal(logits, target, alpha=1.0, gamma=0.0).item() == pytest.approx(expected.item(), rel=1e-5)


def test_soft_iou_by_hand() -> None:
    label = frame_with((1, 1), (1, 2), (2, 1), (2, 2))
    assert soft_iou(label * 80 - 40, label).item() == pytest.approx(0, abs=1e-5)
    assert soft_iou(torch.full_like(label, -40.0), label).item() == pytest.approx(1 - 1 / 5, abs=1e-5)
    assert soft_iou(torch.full_like(label, -40.0), frame_with()).item() == pytest.approx(0, abs=1e-5)
    half = label * 40 - 40  # p = 1/2 at the target, 0 elsewhere: (4 · 1/2 + 1) / (4 + 1)
    assert soft_iou(half, label).item() == pytest.approx(1 - 3 / 5, abs=1e-5)


def test_soft_iou_weighs_every_frame_the_same() -> None:
    small, large = frame_with((1, 1)), frame_with(*((r, c) for r in range(9) for c in range(9)))
    both = torch.cat([small, large])
    logits = torch.cat([small * 80 - 40, torch.full_like(large, -40.0)])
    assert soft_iou(logits, both).item() == pytest.approx((0 + 1 - 1 / 82) / 2, abs=1e-5)


def test_the_iou_target_is_the_iou_around_the_cell() -> None:
    label, predicted = frame_with((8, 8), (8, 9)), frame_with((8, 9), (8, 10))
    # 2×2 cells of 16 pixels; each, enlarged by one cell, sees the whole frame: IoU 1/3 in all.
    scores = torch.full((1, 1, 2, 2), logit(1 / 3))
    entropy = -(1 / 3 * math.log(1 / 3) + 2 / 3 * math.log(2 / 3))
    assert iou_score(scores, predicted, label).item() == pytest.approx(entropy, rel=1e-5)
    assert iou_score(torch.zeros(1, 1, 2, 2), predicted, label).item() == pytest.approx(LN2, rel=1e-5)


def test_cells_without_label_and_prediction_do_not_count() -> None:
    label = predicted = frame_with((0, 0), size=80)  # seen by 2×2 of the 5×5 cells
    scores = torch.full((1, 1, 5, 5), -50.0)
    scores[:, :, :2, :2] = 50.0
    assert iou_score(scores, predicted, label).item() == pytest.approx(0, abs=1e-6)
    scores[:, :, 2, 2] = 50.0
    assert iou_score(scores, predicted, label).item() == pytest.approx(0, abs=1e-6)
    scores[:, :, 1, 1] = -50.0
    assert iou_score(scores, predicted, label).item() == pytest.approx(50 / 4, rel=1e-5)
    nothing = frame_with(size=80)
    assert iou_score(scores, nothing, nothing).item() == 0


def test_a_miss_and_a_false_alarm_have_the_iou_zero() -> None:
    nothing, something = frame_with(), frame_with((3, 3))
    for predicted, label in ((nothing, something), (something, nothing)):
        assert iou_score(torch.full((1, 1, 2, 2), -50.0), predicted, label).item() == pytest.approx(0, abs=1e-6)
        assert iou_score(torch.full((1, 1, 2, 2), 50.0), predicted, label).item() == pytest.approx(50, rel=1e-5)


def test_coverage_looks_at_patches_with_a_target_only() -> None:
    keep_logit = torch.tensor([[[[0.0, -50.0], [-50.0, -50.0]]]])
    assert coverage(keep_logit, frame_with((3, 3))).item() == pytest.approx(LN2, rel=1e-5)
    assert coverage(keep_logit, frame_with((3, 3), (4, 4))).item() == pytest.approx(LN2, rel=1e-5)
    assert coverage(keep_logit, frame_with((3, 3), (3, 20))).item() == pytest.approx((LN2 + 50) / 2, rel=1e-5)
    assert coverage(keep_logit, frame_with()).item() == 0


def test_a_target_is_found_by_its_most_probable_pixel() -> None:
    label = frame_with((3, 3), (4, 4), (20, 20))
    logits = torch.full_like(label, -50.0)
    assert found(logits, number_targets(label)).item() == pytest.approx(50, rel=1e-5)
    logits[0, 0, 4, 4] = 0.0
    assert found(logits, number_targets(label)).item() == pytest.approx((LN2 + 50) / 2, rel=1e-5)
    logits[0, 0, 20, 20] = 50.0
    assert found(logits, number_targets(label)).item() == pytest.approx(LN2 / 2, rel=1e-5)
    logits[0, 0, 10, 10] = 50.0  # a false alarm is the matter of other terms
    assert found(logits, number_targets(label)).item() == pytest.approx(LN2 / 2, rel=1e-5)


def test_every_target_of_a_batch_is_one() -> None:
    large = frame_with(*((r, c) for r in range(5, 15) for c in range(5, 15)))
    labels = torch.cat([large, frame_with((5, 5)), frame_with()])
    logits = torch.full_like(labels, -30.0)
    logits[0, 0, 5, 5] = 0.0
    assert found(logits, number_targets(labels)).item() == pytest.approx((LN2 + 30) / 2, rel=1e-5)


def test_targets_that_the_crop_cuts_off_are_not_to_be_found() -> None:
    edges = [((0, 9), (1, 9)), ((31, 9),), ((9, 0),), ((9, 31),)]
    lost = torch.full((1, 1, 32, 32), -50.0)
    for pixels in edges:
        assert found(lost, number_targets(frame_with(*pixels))).item() == 0
    assert found(lost, number_targets(frame_with(*edges[0], (20, 20)))).item() == pytest.approx(50)


def test_a_lost_target_is_drawn_to_where_it_is_most_probable() -> None:
    label = frame_with((8, 8), (8, 9))
    logits = torch.full_like(label, -20.0)
    logits[0, 0, 8, 9] = -19.0
    logits.requires_grad_()
    (gradient,) = torch.autograd.grad(found(logits, number_targets(label)), logits)
    assert gradient[0, 0, 8, 9].item() == pytest.approx(-1, rel=1e-5)
    assert gradient.count_nonzero() == 1
    (of_soft_iou,) = torch.autograd.grad(soft_iou(logits, label), logits)
    assert of_soft_iou.abs().max() < 1e-7


def output_of(keep: tuple[float, float] = (1.0, 1.0), *, iou: bool = True) -> Output:
    """All logits 0 on a frame of 32×32; the first ``keep`` share of the patches of stages 4 and 3 kept."""
    stages = {}
    for stage, share in zip((4, 3), keep, strict=True):
        side = 32 >> stage
        maps = torch.zeros(1, 1, side, side)
        mask = (torch.arange(4).view(1, 1, 2, 2) < 4 * share).float()
        stages[stage] = StageOutput(torch.zeros(1, 2, 2, 2), mask, maps, maps if iou else None)
    return Output(torch.zeros(1, 1, 32, 32), stages, {})


def test_the_total_is_the_weighted_sum() -> None:
    label = frame_with((3, 3), (3, 4))
    config = LossConfig(
        soft_iou=2.0, classification=3.0, iou_score=5.0, ratio=7.0, coverage=11.0, found=13.0, kept=(0.25, 0.5)
    )
    weights = {
        "segmentation": 1,
        "soft_iou": 2,
        "classification": 3,
        "iou_score": 5,
        "ratio": 7,
        "coverage": 11,
        "found": 13,
    }
    terms = {k: v.item() for k, v in total_loss(output_of((0.5, 0.5)), label, config).items()}
    assert set(terms) == {*weights, "total"}
    negative, positive = 0.75 * 0.25 * LN2, 0.25 * 0.25 * LN2
    assert terms["classification"] == pytest.approx(((3 + 15) * negative + 2 * positive) / 2, rel=1e-5)
    assert terms["ratio"] == pytest.approx(((0.5 - 0.25) ** 2 + 0) / 2)
    assert terms["coverage"] == terms["iou_score"] == terms["found"] == pytest.approx(LN2, rel=1e-5)
    assert terms["total"] == pytest.approx(sum(weights[k] * terms[k] for k in weights), rel=1e-5)


def test_the_ratio_is_taken_for_each_frame() -> None:
    keep = torch.cat([torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)])  # half of the batch, not half of each frame
    stage = StageOutput(torch.zeros(2, 2, 2, 2), keep, torch.zeros(2, 1, 2, 2), None)
    output = Output(torch.zeros(2, 1, 32, 32), {4: stage, 3: stage}, {})
    terms = total_loss(output, torch.zeros(2, 1, 32, 32), LossConfig(kept=(0.5, 0.5)))
    assert terms["ratio"].item() == pytest.approx(0.25)


def test_the_iou_target_comes_from_the_mask_at_one_half() -> None:
    label = frame_with((3, 3), (3, 4))
    output = output_of()
    for logit_there, iou in ((0.1, 1 / 2), (-0.1, 0.0)):  # one of two target pixels is found, or none
        found = output._replace(logits=frame_with((3, 3)) * (logit_there + 9) - 9)
        scores = {k: s._replace(iou_logits=torch.full_like(s.class_logits, 40.0)) for k, s in output.stages.items()}
        terms = total_loss(found._replace(stages=scores), label, LossConfig())
        # Cross entropy of a score of 1 with a target of t is 40 · (1 - t).
        assert terms["iou_score"].item() == pytest.approx(40 * (1 - iou), rel=1e-4)


def test_terms_without_weight_are_left_out() -> None:
    terms = total_loss(output_of(), frame_with((3, 3)), PAPER_LOSS)
    assert set(terms) == {"segmentation", "classification", "iou_score", "total"}
    terms = total_loss(output_of(iou=False), frame_with((3, 3)), LossConfig())
    assert "iou_score" not in terms


def test_the_loss_of_several_maps_is_the_mean_of_theirs() -> None:
    label = (noise(2, 1, 16, 16, seed=1) > 1).float()
    maps = [noise(2, 1, 16, 16, seed=seed) for seed in (2, 3)]
    each = [mask_loss([one], label, LossConfig(soft_iou=0.5)) for one in maps]
    both = mask_loss(maps, label, LossConfig(soft_iou=0.5))
    assert list(both) == ["segmentation", "soft_iou", "total"]
    for name, value in both.items():
        torch.testing.assert_close(value, (each[0][name] + each[1][name]) / 2)
    torch.testing.assert_close(both["total"], both["segmentation"] + 0.5 * both["soft_iou"])
    torch.testing.assert_close(each[0]["segmentation"], focal(maps[0], label))
