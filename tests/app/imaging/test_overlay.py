"""Overlays: every pixel shows what it stands for, and no more."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from adsnet.prediction import Decision
from app.imaging import colours, overlay
from app.imaging.colours import colour_map


def decision(kept: NDArray[np.bool_], row_edges: list[int], column_edges: list[int]) -> Decision:
    empty = np.zeros((0, 0), np.float32)
    return Decision(
        decided_at=4,
        applies_to=3,
        keep_probability=kept.astype(np.float32),
        kept=kept,
        class_probability=empty,
        iou_score=empty,
        row_edges=np.array(row_edges, np.int32),
        column_edges=np.array(column_edges, np.int32),
    )


def test_mask_fill_and_slices_agree() -> None:
    mask = np.random.default_rng(0).random((9, 11)) > 0.5
    whole = overlay.mask_rgba(mask, colour=(1, 2, 3), opacity=0.5)
    assert (whole[mask] == (1, 2, 3, 128)).all()
    assert (whole[~mask] == 0).all()
    part = overlay.mask_rgba(mask[2:5, 3:9], colour=(1, 2, 3), opacity=0.5)
    np.testing.assert_array_equal(part, whole[2:5, 3:9])


@pytest.mark.parametrize(("opacity", "alpha"), [(0.0, 0), (1.0, 255), (7.0, 255), (-1.0, 0)])
def test_opacity_is_limited(opacity: float, alpha: int) -> None:
    assert overlay.mask_rgba(np.ones((1, 1), np.bool_), colour=(9, 9, 9), opacity=opacity)[0, 0, 3] == alpha


def test_outline_leaves_the_inside_clear() -> None:
    mask = np.zeros((7, 7), np.bool_)
    mask[1:6, 1:6] = True
    shown = overlay.outline_rgba(mask, colour=(1, 2, 3), opacity=1.0)[..., 3] > 0
    expected = mask.copy()
    expected[2:5, 2:5] = False
    np.testing.assert_array_equal(shown, expected)
    single = np.zeros((3, 3), np.bool_)
    single[1, 1] = True
    assert (overlay.outline_rgba(single, colour=(1, 2, 3), opacity=1.0)[..., 3] > 0).sum() == 1


def test_dropped_patches_are_shaded_up_to_their_edges() -> None:
    kept = np.array([[True, False], [False, True]])
    shown = overlay.dropped_rgba(
        decision(kept, [0, 16, 20], [0, 16, 30]), shape=(20, 30), colour=colours.PATCH3, opacity=0.4
    )
    dropped = np.zeros((20, 30), np.bool_)
    dropped[:16, 16:] = dropped[16:, :16] = True
    np.testing.assert_array_equal(shown[..., 3] > 0, dropped)
    rows, columns = overlay.patch_lines(decision(kept, [0, 16, 20], [0, 16, 30]))
    assert rows.tolist() == [-0.5, 15.5, 19.5] and columns.tolist() == [-0.5, 15.5, 29.5]


def test_map_cells_cover_their_part_of_the_padded_frame() -> None:
    values = np.array([[0.0, 0.25], [0.5, 1.0]], np.float32)
    spread = overlay.spread(values, padded_shape=(32, 64), shape=(20, 50))
    assert (spread[:16, :32] == 0).all() and (spread[:16, 32:] == 0.25).all()
    assert (spread[16:, :32] == 0.5).all() and (spread[16:, 32:] == 1.0).all()
    shown = overlay.heat_rgba(values, padded_shape=(32, 64), shape=(20, 50), opacity=1.0, clear_low=False)
    for value in np.unique(spread):
        expected = [*colour_map("inferno")[int(value * 255 + 0.5)].tolist(), 255]
        assert (shown[spread == value] == expected).all()


def test_smooth_maps_pass_through_the_middles_of_cells() -> None:
    values = np.array([[0.0, 0.5, 1.0]], np.float32)
    smooth = overlay.spread(values, padded_shape=(5, 15), shape=(5, 15), smooth=True)
    assert smooth[2, [2, 7, 12]].tolist() == [0.0, 0.5, 1.0]
    assert (np.diff(smooth[0]) >= 0).all()
    assert smooth.flags.c_contiguous


def test_clear_low_lets_the_frame_through() -> None:
    values = np.array([[0.0, 1.0, np.nan, 5.0]], np.float32)
    shown = overlay.heat_rgba(values, padded_shape=(1, 4), shape=(1, 4), opacity=0.8)
    assert shown[0, :, 3].tolist() == [0, 204, 0, 204]


def test_empty_maps_show_nothing() -> None:
    empty = np.zeros((0, 0), np.float32)
    for smooth in (False, True):
        shown = overlay.heat_rgba(empty, padded_shape=(16, 16), shape=(10, 12), opacity=1.0, smooth=smooth)
        assert shown.shape == (10, 12, 4) and not shown[..., 3].any()


def test_verdicts_follow_the_targets() -> None:
    label, predicted = np.zeros((2, 40, 40), np.bool_)
    label[5:8, 5:8] = True  # found one pixel to the side
    predicted[5:8, 6:9] = True
    label[20, 20] = True  # missed
    predicted[30:32, 30:32] = True  # false
    compared = overlay.verdicts(label, predicted)
    assert compared.counts == {"found": 1, "missed": 1, "false_alarm": 1}
    assert np.argwhere(compared.missed.pixels).tolist() == [[20, 20]]
    np.testing.assert_array_equal(compared.found.pixels | compared.false_alarm.pixels, predicted)
    assert compared.false_alarm.pixels[30, 30] and compared.found.pixels[6, 8]
    assert compared.boxes == {"found": ((6, 5, 3, 3),), "missed": ((20, 20, 1, 1),), "false_alarm": ((30, 30, 2, 2),)}
    shown = overlay.verdict_rgba(compared, opacity=1.0)
    assert shown[20, 20].tolist() == [*colours.MISSED, 255]
    assert shown[31, 31].tolist() == [*colours.FALSE_ALARM, 255]
    assert shown[6, 8].tolist() == [*colours.FOUND, 255]
    assert shown[0, 0].tolist() == [0, 0, 0, 0]


def test_verdicts_of_nothing() -> None:
    nothing = np.zeros((5, 5), np.bool_)
    compared = overlay.verdicts(nothing, nothing)
    assert set(compared.counts.values()) == {0}
    assert not overlay.verdict_rgba(compared, opacity=1.0).any()
