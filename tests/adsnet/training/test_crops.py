"""Training crops: the same for the same number, targets where they belong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from adsnet.config import Normalisation
from adsnet.data.datasets import Dataset, open_dataset
from adsnet.errors import TrainingError
from adsnet.evaluation import without_labels
from adsnet.processes import Processes
from adsnet.targets import label_components
from adsnet.training.crops import CropSource, _cut, _photometric, _place_in, _turned, _window_corner
from tests.adsnet.tiny import quick, write_set

seeds = st.integers(0, 10_000)


@pytest.fixture
def source(data_set: Path) -> CropSource:
    return CropSource([open_dataset(data_set)], quick(crop=32, batch=3))


def test_a_crop_is_a_function_of_its_number(source: CropSource, data_set: Path) -> None:
    other = CropSource([open_dataset(data_set)], quick(crop=32, batch=3))
    for number in (7, 0, 123_456, 7):  # in any order, as often as one likes
        for a, b in zip(source.crop(number), other.crop(number), strict=True):
            assert np.array_equal(a, b)
    different = CropSource([open_dataset(data_set)], quick(crop=32, batch=3, seed=2))
    assert not np.array_equal(source.crop(7)[0], different.crop(7)[0])
    assert not np.array_equal(source.crop(7)[0], source.crop(8)[0])


def test_a_batch_is_its_crops(source: CropSource) -> None:
    frames, labels, noise = source.batch(5)
    assert frames.shape == labels.shape == (3, 1, 32, 32)
    assert str(frames.dtype) == str(labels.dtype) == "torch.float32"
    for i in range(3):
        values, mask = source.crop(15 + i)
        assert np.array_equal(frames[i, 0].numpy(), values) and np.array_equal(labels[i, 0].numpy(), mask)
        assert np.array_equal(noise[i].numpy(), source.noise(15 + i))


def test_the_noise_of_a_decision_follows_from_the_number_of_its_crop(source: CropSource) -> None:
    """Gumbel: mean 0.577, variance π² / 6; keep and drop, both stages and all crops are independent."""
    assert source.noise(7).shape == (2, 2, 2, 2) and source.noise(7).dtype == np.float32
    assert np.array_equal(source.noise(7), source.noise(7))
    values = np.stack([source.noise(n) for n in range(2000)]).reshape(-1)
    assert len(np.unique(values)) > 0.99 * values.size
    assert abs(values.mean() - 0.5772) < 0.05 and abs(values.var() - np.pi**2 / 6) < 0.1


def test_processes_share_the_crops_of_one_large_batch(data_set: Path) -> None:
    whole = CropSource([open_dataset(data_set)], quick(crop=32, batch=4)).batch(3)
    source = CropSource([open_dataset(data_set)], quick(crop=32, batch=2))
    parts = [source.batch(3, Processes(rank, 2)) for rank in range(2)]
    for tensor, *halves in zip(whole, *parts, strict=True):
        assert torch.equal(tensor, torch.cat(halves))


def test_backgrounds_get_their_share(data_set: Path, tmp_path: Path) -> None:
    (tmp_path / "calm").mkdir()
    Image.fromarray(np.zeros((40, 50), np.uint8)).save(tmp_path / "calm" / "a.png")
    calm = without_labels(open_dataset(tmp_path / "calm"))
    source = CropSource([open_dataset(data_set)], quick(crop=32, background_crops=0.3), backgrounds=[calm])
    assert source.frames == len(open_dataset(data_set)) + 1
    quiet = [not mask.any() and np.ptp(values) < 1 for values, mask in map(source.crop, range(300))]
    assert 60 < sum(quiet) < 120


@pytest.mark.parametrize("crop", [32, 48, 96])
def test_targets_are_bright_where_the_label_is(data_set: Path, crop: int) -> None:
    often = quick(crop=crop, target_crops=1.0, scaled_crops=0.5, turned_crops=0.5)
    source = CropSource([open_dataset(data_set)], often)
    seen = 0
    for number in range(40):
        values, mask = source.crop(number)
        assert values.shape == mask.shape == (crop, crop)
        assert values.dtype == np.float32 and mask.dtype == np.bool_ and np.isfinite(values).all()
        if mask.any():
            seen += 1
            assert values[mask].mean() > np.median(values) + 1.0
    assert seen > 30


def test_crops_are_turned_and_scaled_as_often_as_is_said(tmp_path: Path) -> None:
    """Of a ramp that rises to the right, whose slope a scaled crop changes."""
    write_set(tmp_path / "set", count=1)
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    Image.fromarray(ramp).save(tmp_path / "set" / "images" / "f00.png")
    Image.fromarray(np.zeros_like(ramp)).save(tmp_path / "set" / "masks" / "f00.png")
    dataset = [open_dataset(tmp_path / "set")]

    def slopes(**options: float) -> NDArray[np.float64]:
        """Per pixel down and to the right, as shares of that of the ramp, whatever the gain."""
        source = CropSource(dataset, quick(crop=64, **{"turned_crops": 0.0, "scaled_crops": 0.0} | options))
        found = [[np.mean(np.diff(source.crop(n)[0], axis=axis)) for axis in (0, 1)] for n in range(200)]
        return np.array(found)

    down, right = np.abs(slopes()).T
    assert (down < 0.1 * right).all() and (slopes()[:, 1] > 0).all()
    down, right = slopes(turned_crops=1.0).T
    assert 60 < (np.abs(down) > np.abs(right)).sum() < 140 and 60 < (down + right < 0).sum() < 140
    assert 0 < (slopes(turned_crops=0.2) @ (1, 1) < 0).sum() < 40
    plain, scaled = slopes()[:, 1], slopes(scaled_crops=1.0)[:, 1]
    assert np.ptp(scaled) > 1.4 * np.ptp(plain)


def test_crops_of_a_set_whose_masks_lie_beside_its_targets_are_as_they_are(tmp_path: Path) -> None:
    """If that is asked for; other sets are turned beside it."""
    for name, beside in (("beside", -0.5), ("centred", 0.0)):
        write_spots(tmp_path / name, beside)
    sets = [open_dataset(tmp_path / name) for name in ("beside", "centred")]
    options = {"crop": 32, "turned_crops": 1.0, "scaled_crops": 1.0, "target_crops": 1.0}

    def rises(dataset: Dataset, **more: bool) -> int:
        """How many of its crops still rise to the right."""
        source = CropSource([dataset], quick(**options, **more))
        return sum(float(np.mean(np.diff(source.crop(n)[0], axis=1))) > 0.02 for n in range(60))

    assert rises(sets[0], keep_offsets=True) == 60
    assert max(rises(sets[0]), rises(sets[1]), rises(sets[1], keep_offsets=True)) < 30


def write_spots(folder: Path, beside: float) -> None:
    """Frames of one spot on a ramp to the right, whose mask lies beside it by so many rows and columns."""
    rows, columns = np.mgrid[:48, :48]
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for number in range(12):
        y, x = 20 + number % 5 - beside, 24 + number % 3 - beside
        spot = 150 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 5)
        mask = np.hypot(rows - y - beside, columns - x - beside) <= 2.3
        Image.fromarray((spot + columns).astype(np.uint8)).save(folder / "images" / f"{number}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"{number}.png")


def test_targets_of_other_frames_are_pasted_as_often_as_is_said(data_set: Path) -> None:
    dataset = [open_dataset(data_set)]
    plain, pasted = (CropSource(dataset, quick(crop=64, target_crops=0.0, pasted_crops=share)) for share in (0.0, 0.5))
    counts = np.array([[label_components(source.crop(n)[1])[1] for n in range(300)] for source in (plain, pasted)])
    more = counts[1].mean() - counts[0].mean()
    assert 0.3 < more < 0.9  # half of the crops get one or two; some do not find a place
    values, mask = next(pasted.crop(n) for n in range(300) if pasted.crop(n)[1].any())
    assert values[mask].mean() > np.median(values) + 1.0
    again = CropSource(dataset, quick(crop=64, target_crops=0.0, pasted_crops=0.5))
    assert all(np.array_equal(a, b) for n in range(20) for a, b in zip(again.crop(n), pasted.crop(n), strict=True))


def test_nothing_is_pasted_into_backgrounds(data_set: Path, tmp_path: Path) -> None:
    (tmp_path / "calm").mkdir()
    Image.fromarray(np.zeros((40, 50), np.uint8)).save(tmp_path / "calm" / "a.png")
    calm = without_labels(open_dataset(tmp_path / "calm"))
    options = quick(crop=32, background_crops=1.0, pasted_crops=1.0)
    source = CropSource([open_dataset(data_set)], options, backgrounds=[calm])
    assert not any(source.crop(n)[1].any() for n in range(30))


@given(height=st.integers(1, 40), width=st.integers(1, 40), window=st.integers(1, 50), seed=seeds)
def test_a_window_lies_in_the_frame_and_on_its_target(height: int, width: int, window: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.bool_)
    mask[random.integers(height), random.integers(width)] = True
    place = _place_in(mask, random)
    assert place is not None and mask[place]
    top, left = _window_corner(mask.shape, window, place, random)
    assert 0 <= top <= max(0, height - window) and 0 <= left <= max(0, width - window)
    assert _cut(mask, top, left, window).any()
    top, left = _window_corner(mask.shape, window, None, random)
    assert 0 <= top <= max(0, height - window) and 0 <= left <= max(0, width - window)
    assert _place_in(np.zeros_like(mask), random) is None


def test_windows_reach_every_place() -> None:
    random = np.random.default_rng(0)
    corners = {_window_corner((10, 10), 8, None, random) for _ in range(200)}
    assert corners == {(r, c) for r in range(3) for c in range(3)}


def test_hard_crops_hold_a_mistake(data_set: Path) -> None:
    """The corner of one frame, so that a single window holds it; with a half of hard crops it is drawn that often."""
    dataset = open_dataset(data_set)
    pixels, label = dataset.read(1)
    mistakes: list[list[tuple[int, int]]] = [[] for _ in dataset.samples]
    mistakes[1] = [(pixels.shape[0] - 1, 0)]
    options = quick(crop=32, turned_crops=0.0, scaled_crops=0.0, hard_crops=0.5)
    source = CropSource([dataset], options, mistakes=[mistakes])
    only = CropSource([dataset], replace(options, hard_crops=1.0), mistakes=[mistakes])
    assert all(np.array_equal(only.crop(n)[1], label[-32:, :32]) for n in range(20))
    assert 70 < sum(np.array_equal(source.crop(n)[1], label[-32:, :32]) for n in range(200)) < 140
    nowhere = CropSource([dataset], options, mistakes=[[[] for _ in dataset.samples]])
    plain = CropSource([dataset], replace(options, hard_crops=0.0))
    assert all(np.array_equal(plain.crop(n)[0], nowhere.crop(n)[0]) for n in range(20))
    assert all(np.array_equal(plain.crop(n)[0], only.crop(n, hard=False)[0]) for n in range(20))
    assert torch.equal(plain.batch(3).frames, only.batch(3, hard=False).frames)


def test_mistakes_stay_with_their_frames(tmp_path: Path) -> None:
    """Also where a frame before them cannot be read, and in backgrounds smaller than a crop."""
    data = write_set(tmp_path / "set", count=4)
    calm = tmp_path / "calm"
    calm.mkdir()
    for name, value in (("a", 10), ("b", 200)):
        Image.fromarray(np.full((20, 24), value, np.uint8)).save(calm / f"{name}.png")
    dataset, background = open_dataset(data), without_labels(open_dataset(calm))
    dataset.samples[0].frame.path.write_bytes(b"no picture")
    here = [(19, 23)]
    none: list[list[tuple[int, int]]] = [[] for _ in dataset.samples]
    options = quick(crop=32, hard_crops=1.0, normalisation=Normalisation("fixed"))
    for mistakes, wanted in (([none, [[], here]], 200), ([none, [here, []]], 10)):
        source = CropSource([dataset], options, backgrounds=[background], mistakes=mistakes)
        assert all(abs(np.median(source.crop(n)[0]) / wanted - 1) < 0.3 for n in range(20))
    label = dataset.read(2)[1]
    still = replace(options, turned_crops=0.0, scaled_crops=0.0)
    corner: list[list[tuple[int, int]]] = [[], [], [(label.shape[0] - 1, 0)], []]  # which a single window holds
    source = CropSource([dataset], still, backgrounds=[background], mistakes=[corner, [[], []]])
    assert source.frames == 5
    assert all(np.array_equal(source.crop(n)[1], label[-32:, :32]) for n in range(20))


def test_beyond_the_frame_its_edge_goes_on_and_there_is_no_target() -> None:
    values = np.arange(6, dtype=np.float16).reshape(2, 3)
    assert _cut(values, 0, 0, 4).tolist() == [[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]]
    assert _cut(np.ones((2, 3), np.bool_), 0, 0, 4).sum() == 6
    assert _cut(values, 1, 1, 1).tolist() == [[4]]


@given(seeds)
def test_frame_and_label_turn_together(seed: int) -> None:
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    turned, label = _turned(values, values > 4, np.random.default_rng(seed))
    assert np.array_equal(turned > 4, label) and turned.flags.c_contiguous and label.flags.c_contiguous


def test_all_eight_symmetries_occur() -> None:
    values = np.arange(4, dtype=np.float32).reshape(2, 2)
    random = np.random.default_rng(0)
    assert len({_turned(values, values > 1, random)[0].tobytes() for _ in range(100)}) == 8


@given(seeds)
def test_photometric_changes_keep_the_order_of_size_and_the_label(seed: int) -> None:
    values = np.zeros((16, 16), np.float32)
    values[4:8, 4:8] = 5
    changed, label = _photometric(values, values > 1, np.random.default_rng(seed))
    assert changed.dtype == np.float32 and np.array_equal(label, values > 1)
    assert 2.5 < changed[5, 5] < 7 and abs(changed[14, 14]) < 0.7


def test_unreadable_frames_are_told_and_left_out(data_set: Path, tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", count=4)
    (folder / "images" / "f01.png").write_bytes(b"rubbish")
    Image.new("L", (5, 5)).save(folder / "masks" / "f02.png")
    told: list[str] = []
    source = CropSource([open_dataset(folder)], quick(), skipped=told.append)
    assert source.frames == 2 and len(told) == 2 and "f01" in told[0] and "f02" in told[1]


def test_a_set_without_a_readable_frame_is_refused(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", count=2)
    for path in (folder / "masks").iterdir():
        path.write_bytes(b"rubbish")
    with pytest.raises(TrainingError, match="no frame with a label can be read; label some frames first"):
        CropSource([open_dataset(folder)], quick())


@pytest.mark.parametrize(("sampling", "least", "most"), [("sets", 70, 130), ("frames", 160, 199)])
def test_sets_or_frames_are_drawn_alike(tmp_path: Path, sampling: str, least: int, most: int) -> None:
    for name, count, level in (("small", 1, 0), ("large", 9, 200)):
        for folder in ("images", "masks"):
            (tmp_path / name / folder).mkdir(parents=True)
        for i in range(count):
            Image.new("L", (40, 40), level).save(tmp_path / name / "images" / f"{i}.png")
            Image.new("L", (40, 40)).save(tmp_path / name / "masks" / f"{i}.png")
    fixed = quick(crop=32, sampling=sampling, normalisation=Normalisation("fixed", mean=100.0, std=10.0))
    source = CropSource([open_dataset(tmp_path / "small"), open_dataset(tmp_path / "large")], fixed)
    large = sum(source.crop(n)[0].mean() > 0 for n in range(200))
    assert least < large < most


def test_values_beyond_float16_stay_finite(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    Image.fromarray(np.full((40, 40), 65535, np.uint16)).save(tmp_path / "images" / "a.png")
    Image.new("L", (40, 40)).save(tmp_path / "masks" / "a.png")
    source = CropSource([open_dataset(tmp_path)], quick(normalisation=Normalisation("fixed")))
    assert np.isfinite(source.crop(0)[0]).all()
