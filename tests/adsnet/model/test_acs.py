"""Decision masks: how many patches are kept, which, and where they lie."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adsnet.config import PatchGrid, Sparsity
from adsnet.model.acs import PRIOR, ActivationHeads, patch_grid, select_patches
from tests.adsnet.tiny import TINY, noise, tiny

fractions = st.one_of(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7, 0.9, 0.97, 1.0]), st.floats(0, 1))


def half_up(fraction: float, count: int) -> int:
    """round((1 - ε) · N), halves upwards, of the fraction as it is written."""
    return int(((1 - Decimal(repr(fraction))) * count).quantize(Decimal(1), ROUND_HALF_UP))


def scores(rows: int, columns: int, *, seed: int, ties: bool = False) -> torch.Tensor:
    values = torch.sigmoid(noise(1, 1, rows, columns, seed=seed))
    return values.round(decimals=1) if ties else values


@given(rows=st.integers(1, 20), columns=st.integers(1, 20), drop=fractions, seed=st.integers(0, 99), ties=st.booleans())
def test_exactly_the_rounded_number_of_patches_is_kept(
    rows: int, columns: int, drop: float, seed: int, ties: bool
) -> None:
    score = scores(rows, columns, seed=seed, ties=ties)
    keep = select_patches(score, None, Sparsity(drop=(drop, 1.0)), 3)
    assert int(keep.sum()) == half_up(drop, rows * columns)
    assert set(keep.flatten().tolist()) <= {0.0, 1.0}
    kept, dropped = score[keep > 0.5], score[keep < 0.5]
    if len(kept) and len(dropped):
        assert kept.min() >= dropped.max() - 1e-5  # the best ones, up to the rounding of the ranks


def test_halves_round_up_as_written_in_decimal() -> None:
    # In binary (1 - 0.9) · 5 is 0.49999999999999994.
    assert int(select_patches(scores(1, 5, seed=0), None, Sparsity(drop=(0.9, 1.0)), 3).sum()) == 1


@given(drop3=fractions, drop2=fractions, seed=st.integers(0, 99))
def test_a_dropped_patch_stays_dropped(drop3: float, drop2: float, seed: int) -> None:
    sparsity = Sparsity(drop=(drop3, drop2))
    first = select_patches(scores(8, 9, seed=seed), None, sparsity, 3)
    second = select_patches(scores(8, 9, seed=seed + 1), first, sparsity, 2)
    assert bool((second <= first).all())
    assert int(second.sum()) == min(half_up(drop2, 72), int(first.sum()))


@given(third=st.floats(0, 1), second=st.floats(0, 1), seed=st.integers(0, 99))
def test_the_thresholds_are_strict_and_ignore_the_fractions(third: float, second: float, seed: int) -> None:
    score = scores(6, 5, seed=seed, ties=True)
    sparsity = Sparsity(drop=(1.0, 1.0), threshold=(third, second))
    first = select_patches(score, None, sparsity, 3)
    assert torch.equal(first, (score > third).float())
    other = scores(6, 5, seed=seed + 1)
    assert torch.equal(select_patches(other, first, sparsity, 2), (other > second).float() * first)


def test_ties_are_kept_in_raster_order_whatever_the_rounding_of_an_engine() -> None:
    flat = torch.full((1, 1, 3, 4), 0.3)
    expected = torch.tensor([1.0] * 6 + [0.0] * 6).view(1, 1, 3, 4)
    for seed in range(20):
        noisy = flat + 1e-7 * noise(1, 1, 3, 4, seed=seed)
        assert torch.equal(select_patches(noisy, None, Sparsity(drop=(0.5, 0.5)), 3), expected)


def test_each_frame_of_a_batch_is_ranked_by_itself() -> None:
    score = torch.cat([scores(4, 4, seed=0), scores(4, 4, seed=1) / 100])
    keep = select_patches(score, None, Sparsity(drop=(0.75, 1.0)), 3)
    assert keep.sum((1, 2, 3)).tolist() == [4, 4]
    assert torch.equal(keep[1:], select_patches(score[1:], None, Sparsity(drop=(0.75, 1.0)), 3))


@pytest.mark.parametrize(
    ("patches", "size", "grid"),
    [
        (PatchGrid("grid", 16), (512, 640), (16, 16)),
        (PatchGrid("cell", 16), (256, 256), (16, 16)),
        (PatchGrid("cell", 16), (16, 320), (1, 20)),
        (PatchGrid("cell", 32), (48, 64), (2, 2)),
    ],
)
def test_patch_grids(patches: PatchGrid, size: tuple[int, int], grid: tuple[int, int]) -> None:
    assert patch_grid(patches, *size) == grid


def heads(**changes: Any) -> ActivationHeads:
    torch.manual_seed(1)
    return ActivationHeads(tiny(**changes))


@torch.inference_mode()
def test_heads_start_with_the_prior_and_with_everything_kept() -> None:
    output = heads().eval()(torch.zeros(1, TINY.width, 4, 4), None, (2, 2), Sparsity(threshold=(0.5, 0.5)), 3)
    assert torch.sigmoid(output.class_logits).mean() == pytest.approx(PRIOR)
    assert output.keep.tolist() == [[[[1.0, 1.0], [1.0, 1.0]]]]
    assert output.keep_logit.shape == (1, 1, 2, 2) and float(torch.sigmoid(output.keep_logit).min()) > 0.8
    assert output.iou_logits is not None and output.iou_logits.shape == (1, 1, 4, 4)


@torch.inference_mode()
def test_a_patch_of_several_cells_decides_by_its_strongest_features() -> None:
    module, features = heads().eval(), noise(1, TINY.width, 6, 4)
    output = module(features, None, (3, 2), Sparsity(), 3)
    strongest = features.view(1, TINY.width, 3, 2, 2, 2).amax((3, 5))
    torch.testing.assert_close(output.keep_logits, module.decide(strongest))


def test_heads_without_the_iou_score() -> None:
    output = heads(iou_aware=False).eval()(torch.zeros(1, TINY.width, 4, 4), None, (2, 2), Sparsity(), 3)
    assert output.iou_logits is None


def test_training_samples_a_hard_mask_that_gradients_pass_through() -> None:
    module, features = heads().train(), noise(2, TINY.width, 8, 8)
    previous = torch.ones(2, 1, 8, 8)
    previous[:, :, :4] = 0
    sparsity = Sparsity(drop=(1.0, 1.0))
    torch.manual_seed(5)
    first = module(features, None, (8, 8), sparsity, 3)
    assert set(first.keep.flatten().tolist()) == {0.0, 1.0}  # sampled: the fractions of inference do not matter
    torch.manual_seed(5)
    again = module(features, None, (8, 8), sparsity, 3)
    assert torch.equal(first.keep, again.keep)
    torch.manual_seed(5)
    second = module(features, previous, (8, 8), sparsity, 2)
    assert torch.equal(second.keep, first.keep * previous)
    second.keep.sum().backward()
    assert module.decide.weight.grad is not None and module.decide.weight.grad.abs().sum() > 0


@torch.inference_mode()
def test_samples_follow_the_keep_probability() -> None:
    module = heads().train()
    with torch.no_grad():
        module.decide.weight.zero_()
    torch.manual_seed(0)
    output = module(torch.zeros(8, TINY.width, 16, 16), None, (16, 16), Sparsity(), 3)
    probability = float(torch.sigmoid(output.keep_logit).mean())
    assert float(output.keep.mean()) == pytest.approx(probability, abs=0.03)


def test_rescoring_ranks_by_class_and_iou_score_too() -> None:
    module = heads(rescore=True).eval()
    with torch.no_grad():
        module.decide.weight.zero_()  # the keep probability alone would rank in raster order
        features = torch.zeros(1, TINY.width, 2, 2)
        features[0, :, 1, 1] = torch.sign(module.classify.weight[0, :, 0, 0]) * 5
    keep = module(features, None, (2, 2), Sparsity(drop=(0.75, 0.75)), 3).keep
    assert keep.flatten().tolist() == [0, 0, 0, 1]


@torch.inference_mode()
def test_the_rank_is_keep_probability_times_the_root_of_class_and_iou() -> None:
    module, features = heads(rescore=True).eval(), noise(1, TINY.width, 4, 4)
    output = module(features, None, (4, 4), Sparsity(threshold=(0.06, 0.06)), 3)
    assert output.iou_logits is not None
    joint = torch.sigmoid(output.class_logits) * torch.sigmoid(output.iou_logits)
    rank = torch.sigmoid(output.keep_logit) * joint.sqrt()
    assert torch.equal(output.keep, (rank > 0.06).float()) and 0 < float(output.keep.mean()) < 1


@settings(max_examples=5)
@given(size=st.sampled_from([4, 8, 16, 32, 64]))
def test_a_grid_finer_than_the_map_still_gives_a_mask(size: int) -> None:
    output = heads().eval()(noise(1, TINY.width, 2, 2), None, (size, size), Sparsity(drop=(0.5, 0.5)), 3)
    assert int(output.keep.sum()) == size * size // 2
