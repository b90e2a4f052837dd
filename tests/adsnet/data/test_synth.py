"""Made-up sequences and the sample that ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adsnet.data.datasets import Dataset, open_dataset
from adsnet.data.labels import read_mask
from adsnet.data.scenery import SCENES, Background
from adsnet.data.synth import SAMPLE, Motion, encode_counts, main, make_sequence, render_target
from adsnet.resources import path_of
from adsnet.targets import find_targets

BACKGROUNDS: tuple[Background, ...] = ("clouds", "sea", "ground")


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_a_sequence_is_what_it_says(background: Background) -> None:
    pixels, masks, truth = make_sequence(frames=3, height=64, width=80, seed=4, background=background)
    assert pixels.shape == masks.shape == (3, 64, 80)
    assert pixels.dtype == np.uint16
    assert masks.dtype == np.bool_
    assert 5000 < pixels.min() < pixels.max() < 10_000
    assert {entry.kind for entry in truth} <= {"point", "drone", "plane"}
    again, masks_again, truth_again = make_sequence(frames=3, height=64, width=80, seed=4, background=background)
    assert np.array_equal(pixels, again) and np.array_equal(masks, masks_again) and truth == truth_again
    other, _, _ = make_sequence(frames=3, height=64, width=80, seed=5, background=background)
    assert not np.array_equal(pixels, other)


def test_without_targets_the_masks_are_empty_and_the_scene_is_the_same() -> None:
    target = Motion("plane", 30.0, 30.0, 1.0, 0.0, 400.0)
    with_target, masks, truth = make_sequence(frames=2, height=64, width=80, seed=4, background="sea", targets=[target])
    without, no_masks, no_truth = make_sequence(frames=2, height=64, width=80, seed=4, background="sea", targets=[])
    assert not no_masks.any()
    assert no_truth == ()
    difference = with_target.astype(int) - without
    assert (difference[masks] > 190).all()
    assert np.abs(difference[:, 50:]).max() == 0
    assert [entry.x for entry in truth] == [30.0, 31.0]


@pytest.mark.parametrize("kind_and_area", [("point", 1, 9), ("drone", 10, 30), ("plane", 20, 80)])
def test_targets_have_the_size_of_their_kind_wherever_they_stand(kind_and_area: tuple[str, int, int]) -> None:
    name, least, most = kind_and_area
    for motion in (motion for _, motions in SAMPLE.values() for motion in motions if motion.kind == name):
        for step in range(12):
            placed = Motion(
                motion.kind, 30 + 0.21 * step, 30 - 0.17 * step, motion.vx, motion.vy, motion.amplitude, motion.size
            )
            added, mask = render_target(placed, 0, (60, 60))
            assert added.max() == pytest.approx(motion.amplitude)
            assert np.array_equal(mask, added > added.max() / 2)
            (target,) = find_targets(mask)
            assert least <= target.area <= most
            assert abs(target.x - placed.x) < 1.2 and abs(target.y - placed.y) < 1.2


def test_a_target_moves_by_parts_of_a_pixel() -> None:
    motion = Motion("point", 20.0, 20.0, 0.25, 0.0, 100.0)
    images = [render_target(motion, frame, (40, 40))[0] for frame in range(5)]
    centres = [(image.sum(axis=0) * np.arange(40)).sum() / image.sum() for image in images]
    assert np.allclose(np.diff(centres), 0.25, atol=0.01)


def test_targets_at_the_border_are_cut_and_outside_are_not_there() -> None:
    _, cut = render_target(Motion("plane", 0.0, 20.0, 1.0, 0.0, 100.0), 0, (40, 40))
    assert 0 < cut.sum() < 40
    for motion in (
        Motion("plane", -80.0, 20.0, 1.0, 0.0, 100.0),
        Motion("point", 20.0, 20.0, 1.0, 0.0, 100.0, first=3),
    ):
        added, mask = render_target(motion, 0, (40, 40))
        assert not added.any()
        assert not mask.any()


@pytest.mark.parametrize("size", [(0, 64, 64), (1, 40, 64), (1, 64, 40)])
def test_impossible_sizes_are_refused(size: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError):
        make_sequence(frames=size[0], height=size[1], width=size[2], seed=0, background="sea")


def test_a_scene_moves_from_frame_to_frame() -> None:
    for background in BACKGROUNDS:
        view = SCENES[background](np.random.default_rng(1), (64, 80))
        assert np.abs(view(0) - view(1)).mean() > 1
        assert np.array_equal(view(2), view(2))


def test_sixteen_bit_frames_are_encoded_without_loss(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (20, 30)).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(encode_counts(pixels))
    with Image.open(tmp_path / "a.png") as image:
        assert np.array_equal(np.asarray(image), pixels)


# ---- the sample that ships ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return open_dataset(path_of("sample"))


def test_the_sample_has_48_frames_of_16_bits(sample: Dataset) -> None:
    names = [entry.frame.path.name for entry in sample.samples]
    assert names == [f"{background}_{i:02d}.png" for background in sorted(BACKGROUNDS) for i in range(16)]
    assert len(sample.labelled) == 48
    pixels, mask = sample.read(20)
    assert pixels.dtype == np.uint16
    assert pixels.shape == mask.shape == (256, 320)
    assert 6000 < pixels.min() < pixels.max() < 10_000
    size = sum(path.stat().st_size for path in path_of("sample").rglob("*.png"))
    assert size < 6_000_000


def test_the_sample_has_targets_in_most_frames_and_none_in_some(sample: Dataset) -> None:
    counts = [len(find_targets(read_mask(entry.mask))) for entry in sample.samples if entry.mask]
    assert counts.count(0) == 4
    assert sum(counts) > 130
    assert max(counts) == 4


def test_the_sample_is_what_the_command_makes(sample: Dataset) -> None:
    seed, motions = SAMPLE["sea"]
    pixels, masks, _ = make_sequence(frames=2, height=256, width=320, seed=seed, background="sea", targets=motions)
    index = [entry.frame.stem for entry in sample.samples].index("sea_01")
    shipped, mask = sample.read(index)
    # Another processor may round the last bit of the noise differently.
    assert np.abs(shipped.astype(int) - pixels[1]).max() <= 1
    assert np.array_equal(mask, masks[1])


def test_the_command_reports_a_folder_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adsnet.data.synth.SAMPLE", {"sea": (1, ())})
    monkeypatch.setattr("adsnet.data.synth.SAMPLE_FRAMES", 1)
    (tmp_path / "file").write_text("")
    assert main([str(tmp_path / "file" / "out")]) == 2
    assert capsys.readouterr().err.startswith("adsnet: error: Cannot write")
    assert main([str(tmp_path / "out")]) == 0
    assert len(open_dataset(tmp_path / "out")) == 1
