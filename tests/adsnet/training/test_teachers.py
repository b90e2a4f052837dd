"""Teachers: whose masks are asked for, turned as crops may be, and what a training makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from adsnet.config import LossConfig, Normalisation, Sparsity
from adsnet.errors import TrainingError
from adsnet.model.network import ADSNet
from adsnet.model.weights import load_network, save_network
from adsnet.model_file import ModelCard, read_model
from adsnet.training.crops import Batch
from adsnet.training.run import Step, TrainJob, run
from adsnet.training.teachers import Teachers
from tests.adsnet.tiny import TINY, lively_network, noise, quick

CPU = torch.device("cpu")


@pytest.fixture
def teachers(tmp_path: Path) -> list[Path]:
    """Two models that do not agree."""
    paths = [tmp_path / f"teacher-{seed}.safetensors" for seed in (11, 12)]
    for path, seed in zip(paths, (11, 12), strict=True):
        card = ModelCard(name=path.stem, model=TINY, normalisation=quick().normalisation)
        save_network(path, lively_network(seed=seed), card)
    return paths


def batch_of(frames: Tensor, fixed: list[bool]) -> Batch:
    return Batch(frames, torch.zeros(0), torch.zeros(0), torch.tensor(fixed))


def answer(path: Path, frames: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.sigmoid(load_network(path)[0](frames, Sparsity((0.0, 0.0))).logits)


SYMMETRIES: list[tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = [
    (lambda x: x, lambda x: x),
    (lambda x: x.flip(2), lambda x: x.flip(2)),
    (lambda x: x.flip(3), lambda x: x.flip(3)),
    (lambda x: x.flip(2, 3), lambda x: x.flip(2, 3)),
    (lambda x: x.mT, lambda x: x.mT),
    (lambda x: x.mT.flip(2), lambda x: x.flip(2).mT),
    (lambda x: x.mT.flip(3), lambda x: x.flip(3).mT),
    (lambda x: x.mT.flip(2, 3), lambda x: x.flip(2, 3).mT),
]


def test_every_teacher_is_asked_in_every_symmetry_and_answers_for_the_crop_as_it_is(teachers: list[Path]) -> None:
    frames = noise(1, 1, 64, 64)
    wanted = torch.stack([back(answer(path, turn(frames))) for path in teachers for turn, back in SYMMETRIES])
    distances = (wanted[:, None] - wanted[None]).abs().amax((2, 3, 4, 5)) + torch.eye(len(wanted))
    assert distances.min() > 1e-2  # all sixteen can be told apart
    taught = Teachers(teachers, quick(), CPU)
    counts = np.zeros(len(wanted), dtype=int)
    for iteration in range(200):
        mask = taught.mask(batch_of(frames, [False]), iteration)
        assert not mask.requires_grad
        near = (wanted - mask).abs().amax((1, 2, 3, 4))
        assert near.min() < 1e-4
        counts[near.argmin()] += 1
    assert counts.min() >= 3
    assert torch.equal(taught.mask(batch_of(frames, [False]), 7), taught.mask(batch_of(frames, [False]), 7))


def test_crops_of_sets_whose_masks_lie_beside_are_shown_as_they_are(teachers: list[Path]) -> None:
    frames = noise(2, 1, 64, 64)
    taught, upright = Teachers(teachers[:1], quick(), CPU), answer(teachers[0], frames)
    masks = [taught.mask(batch_of(frames, [True, False]), iteration) for iteration in range(12)]
    assert all(torch.allclose(mask[0], upright[0], atol=1e-4) for mask in masks)
    assert any((mask[1] - upright[1]).abs().max() > 1e-2 for mask in masks)


def test_a_teacher_of_other_input_is_refused(teachers: list[Path]) -> None:
    with pytest.raises(TrainingError, match=r"teacher-11\.safetensors: takes other input"):
        Teachers(teachers, quick(normalisation=Normalisation("fixed", 90.0, 20.0)), CPU)


TAUGHT = quick(iterations=4, checkpoint_every=1, batch=4, mixed_crops=0.5, loss=replace(quick().loss, agree=1.0))


def job(data: Path, out: Path, teachers: list[Path]) -> TrainJob:
    return TrainJob(((data, None),), out, TAUGHT, teachers=tuple(teachers))


def curve(job: TrainJob, should_stop: Callable[[], bool] = lambda: False) -> list[dict[str, float]]:
    return [event.losses for event in run(job, should_stop) if isinstance(event, Step)]


def test_a_training_with_teachers_goes_on_where_it_stopped(
    data_set: Path, teachers: list[Path], tmp_path: Path
) -> None:
    whole = curve(job(data_set, tmp_path / "whole", teachers))
    assert len(whole) == 4 and all(losses["agree"] > 0 for losses in whole)
    parts, asked = job(data_set, tmp_path / "parts", teachers), iter([False, True])
    first = curve(parts, lambda: next(asked))
    with pytest.raises(TrainingError, match="--teacher changed since the checkpoint"):
        curve(replace(parts, teachers=tuple(teachers[:1]), resume=True))
    assert first + curve(replace(parts, resume=True)) == whole
    others = curve(job(data_set, tmp_path / "others", teachers[:1]))
    assert [losses["agree"] for losses in others] != [losses["agree"] for losses in whole]


def test_without_teachers_there_is_nothing_to_agree_with(data_set: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"loss\.agree takes models to learn from; name them with --teacher"):
        curve(job(data_set, tmp_path / "run", []))
    assert not (tmp_path / "run").exists()


def test_who_only_listens_to_a_teacher_answers_like_it(data_set: Path, teachers: list[Path], tmp_path: Path) -> None:
    """With labels left out of the loss as far as they can be, the mask comes closer to the teacher's step by step."""
    loss = LossConfig(soft_iou=0, classification=0, iou_score=0, ratio=0, coverage=0, found=0, agree=50.0)
    config = replace(TAUGHT, iterations=60, loss=loss, learning_rate=1e-2, fine_engine="dense")
    steps = curve(replace(job(data_set, tmp_path / "run", teachers[:1]), config=config))
    early, late = (np.mean([losses["agree"] for losses in part]) for part in (steps[:10], steps[-10:]))
    assert late < 0.7 * early
    assert read_model(tmp_path / "run" / "model.safetensors")[1].training["iterations"] == 60


def test_the_student_is_not_a_teacher(teachers: list[Path]) -> None:
    """What teaches keeps its weights and its running statistics."""
    taught = Teachers(teachers[:1], quick(), CPU)
    before = answer(teachers[0], noise(1, 1, 64, 64))
    for iteration in range(3):
        taught.mask(batch_of(noise(2, 1, 64, 64), [True, False]), iteration)
    network = taught._networks[0]
    assert isinstance(network, ADSNet) and not network.training
    with torch.no_grad():
        after = torch.sigmoid(network(noise(1, 1, 64, 64), Sparsity((0.0, 0.0))).logits)
    assert torch.allclose(before, after, atol=1e-5)
