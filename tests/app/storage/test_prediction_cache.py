"""What was predicted is found again by what it depends on, and the cache is never in the way."""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adsnet.config import ForcedPatch, Sparsity
from adsnet.prediction import Attention, Decision, Prediction, StageCost
from app.storage import prediction_cache
from app.storage.prediction_cache import ENDING, PredictionCache, Recipe

PIXELS = np.arange(12 * 16, dtype=np.uint16).reshape(12, 16)


def a_prediction(seed: int = 0) -> Prediction:
    values = np.random.default_rng(seed)

    def random(*shape: int) -> np.ndarray:
        return values.random(shape, dtype=np.float32)

    edges = np.array([0, 8, 12], np.int32)
    decision = Decision(
        4, 3, random(2, 2), random(2, 2) > 0.5, random(3, 4), np.zeros((0, 0), np.float32), edges, edges
    )
    cost = StageCost("stem", 0.25, 2.0, 1.5)
    attention = Attention(4, random(7), random(3, 4))
    return Prediction(random(12, 16), (decision,), (attention,), (16, 16), 0.5, "adsnet", "net", "gather", (cost,))


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return made_with(tmp_path / "net.safetensors", b"weights")


def made_with(model: Path, content: bytes) -> Recipe:
    model.write_bytes(content)
    status = os.stat(model)
    return Recipe(model, (status.st_size, status.st_mtime_ns), Sparsity(), "auto", "auto", "cpu float32")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def kept(folder: Path, recipe: Recipe, prediction: Prediction | None = None) -> Path:
    """The file of a prediction that was kept."""
    cache = PredictionCache(folder)
    name = cache.name(PIXELS, recipe)
    cache.keep(name, prediction or a_prediction())
    assert name is not None
    return folder / f"{name}{ENDING}"


def look(folder: Path, recipe: Recipe, pixels: np.ndarray = PIXELS) -> Prediction | None:
    cache = PredictionCache(folder)
    return cache.find(cache.name(pixels, recipe))


def test_all_of_it_comes_back(folder: Path, recipe: Recipe) -> None:
    made = a_prediction()
    kept(folder, recipe, made)
    found = look(folder, recipe)
    assert found is not None and found.stages == made.stages and found.padded_shape == made.padded_shape
    assert (found.detector, found.model, found.engine, found.seconds) == ("adsnet", "net", "gather", 0.5)
    pairs = [
        (found.probability, made.probability),
        (found.attentions[0].channel, made.attentions[0].channel),
        *((getattr(found.decisions[0], f), getattr(made.decisions[0], f)) for f in ("kept", "iou_score", "row_edges")),
    ]
    for ours, theirs in pairs:
        assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs) and ours.flags.aligned


def test_the_same_pixels_anywhere_and_the_same_model_under_another_name(
    folder: Path, recipe: Recipe, tmp_path: Path
) -> None:
    kept(folder, recipe)
    assert look(folder, recipe, np.asfortranarray(PIXELS)) is not None
    assert look(folder, made_with(tmp_path / "copy.safetensors", b"weights")) is not None


def test_anything_else_is_another_prediction(folder: Path, recipe: Recipe, tmp_path: Path) -> None:
    kept(folder, recipe)
    others = [
        replace(recipe, sparsity=Sparsity((0.25, 0.6))),
        replace(recipe, sparsity=Sparsity(threshold=(0.5, 0.5))),
        replace(recipe, engine="dense"),
        replace(recipe, computes="cpu bfloat16"),
        made_with(tmp_path / "other.safetensors", b"Weights"),
    ]
    assert [look(folder, other) for other in others] == [None] * 5
    one_grey_level = PIXELS.copy()
    one_grey_level[3, 4] += 1
    for pixels in (one_grey_level, PIXELS.reshape(16, 12), PIXELS.astype(np.float32), PIXELS.view(np.uint8)):
        assert look(folder, recipe, pixels) is None
    assert look(folder, recipe) is not None


def test_a_program_that_computes_otherwise_finds_nothing_of_before(
    folder: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(folder, recipe)
    source = tmp_path / "updated" / "model" / "network.py"
    source.parent.mkdir(parents=True)
    source.write_text("GAIN = 1")
    digests = [prediction_cache.program_digest(tmp_path / "updated")]
    source.write_text("GAIN = 2")
    prediction_cache.program_digest.cache_clear()
    digests.append(prediction_cache.program_digest(tmp_path / "updated"))
    assert digests[0] != digests[1]
    monkeypatch.setattr(prediction_cache, "_PROGRAM", tmp_path / "updated")
    assert look(folder, recipe) is None


def test_forced_patches_are_not_kept(folder: Path, recipe: Recipe) -> None:
    forced = replace(recipe, sparsity=Sparsity(forced=(ForcedPatch(3, 0, 0, False),)))
    cache = PredictionCache(folder)
    assert cache.name(PIXELS, forced) is None
    cache.keep(None, a_prediction())
    assert cache.find(None) is None and not folder.exists()


def test_a_model_file_that_is_another_one_by_now_names_nothing(folder: Path, recipe: Recipe) -> None:
    recipe.model.write_bytes(b"trained again")
    assert PredictionCache(folder).name(PIXELS, recipe) is None
    recipe.model.unlink()
    assert PredictionCache(folder).name(PIXELS, recipe) is None
    assert PredictionCache(folder).name(PIXELS, replace(recipe, stamp=None)) is None


def test_a_damaged_file_is_none_and_goes(folder: Path, recipe: Recipe) -> None:
    path = kept(folder, recipe)
    good = path.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    too_large = good[:8] + b"\xff" * 8 + good[16:]
    for bad in (
        b"",
        b"no prediction",
        too_large,
        good[:8],
        good[:16],
        good[:-1],
        good[: len(good) // 2],
        bytes(flipped),
    ):
        path.write_bytes(bad)
        assert look(folder, recipe) is None and not path.exists()
    path.write_bytes(good)
    assert look(folder, recipe) is not None


def test_a_prediction_under_a_foreign_name_is_none_and_goes(folder: Path, recipe: Recipe) -> None:
    path = kept(folder, recipe)
    other = replace(recipe, engine="dense")
    foreign = folder / f"{PredictionCache(folder).name(PIXELS, other)}{ENDING}"
    path.rename(foreign)
    assert look(folder, other) is None and not foreign.exists()


def test_what_was_not_used_for_longest_goes_first(folder: Path, recipe: Recipe) -> None:
    size = kept(folder, recipe).stat().st_size
    cache = PredictionCache(folder, limit=round(4.5 * size))
    recipes = [replace(recipe, sparsity=Sparsity((0.1, share / 100))) for share in range(20, 30)]
    names = [cache.name(PIXELS, one) for one in recipes]
    times = iter(range(1, 100))
    for name in names[:3]:
        cache.keep(name, a_prediction())
        os.utime(folder / f"{name}{ENDING}", (t := next(times), t))
    assert cache.find(names[0]) is not None  # used now, though it is the oldest
    (folder / "note.txt").write_text("not ours")
    for name in names[3:6]:
        cache.keep(name, a_prediction())
    assert cache.find(names[0]) is not None and cache.find(names[1]) is None and cache.find(names[2]) is None
    for name in names:
        cache.keep(name, a_prediction())
        assert sum(file.stat().st_size for file in folder.glob(f"*{ENDING}")) <= 4.5 * size
    assert (folder / "note.txt").exists()
    cleared = cache.clear()
    assert cleared > 3 * size and [file.name for file in folder.iterdir()] == ["note.txt"]
    cache.keep(names[0], a_prediction())
    assert cache.find(names[0]) is not None


def test_one_that_is_larger_than_the_limit_is_not_kept(folder: Path, recipe: Recipe) -> None:
    cache = PredictionCache(folder, limit=100)
    cache.keep(cache.name(PIXELS, recipe), a_prediction())
    assert not folder.exists()


def test_the_last_of_the_disk_is_left_to_labels(folder: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(folder, recipe)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: shutil._ntuple_diskusage(10**12, 0, 2**28))
    dense = replace(recipe, engine="dense")
    kept(folder, dense)
    assert look(folder, dense) is None and look(folder, recipe) is not None


def test_only_what_went_is_said_to_be_removed(folder: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    size = kept(folder, recipe).stat().st_size

    def refused(_path: Path) -> None:
        raise PermissionError(13, "denied")

    with monkeypatch.context() as disk:
        disk.setattr(Path, "unlink", refused)
        assert PredictionCache(folder).clear() == 0
    assert PredictionCache(folder).clear() == size


def test_a_folder_that_cannot_be_written_costs_one_sentence(
    tmp_path: Path, recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file in the place of the folder")
    cache = PredictionCache(tmp_path / "cache")
    name = cache.name(PIXELS, recipe)
    with caplog.at_level(logging.WARNING, "adsnet-studio.cache"):
        for _ in range(3):
            cache.keep(name, a_prediction())
    assert cache.find(name) is None and cache.clear() == 0
    assert len(caplog.messages) == 1 and caplog.messages[0].startswith("predictions are not kept on disk")
    (tmp_path / "cache").unlink()
    cache.keep(name, a_prediction())
    assert cache.find(name) is not None, "after clearing it is tried again"


def test_a_full_disk_costs_one_sentence_and_what_is_there_is_still_found(
    folder: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept(folder, recipe)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    cache = PredictionCache(folder)
    with monkeypatch.context() as disk, caplog.at_level(logging.WARNING, "adsnet-studio.cache"):
        disk.setattr(os, "replace", full)
        for engine in ("dense", "gather"):
            cache.keep(cache.name(PIXELS, replace(recipe, engine=engine)), a_prediction())
    assert len(caplog.messages) == 1 and "the disk is full" in caplog.messages[0]
    assert cache.find(cache.name(PIXELS, recipe)) is not None
    assert [file.suffix for file in folder.iterdir()] == [ENDING], "nothing half written is left"
