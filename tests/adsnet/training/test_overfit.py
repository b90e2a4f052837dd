"""The network, its losses and its gates can fit a handful of frames exactly: nothing in the way of the gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from adsnet import resources
from adsnet.config import LossConfig, ModelConfig, Sparsity
from adsnet.data.datasets import open_dataset
from adsnet.detectors.networks import for_inference
from adsnet.metrics import Evaluation
from adsnet.model.fused import fused
from adsnet.model.network import ADSNet
from adsnet.normalise import normalise
from adsnet.sparse.contract import Engine
from adsnet.sparse.dense import DenseEngine
from adsnet.sparse.gather import GatherEngine
from adsnet.training.crops import Batch
from adsnet.training.losses import only_here, total_loss
from adsnet.training.trained import trained_of
from tests.adsnet.tiny import quick

SIDE = 64
FRAMES = 8
STEPS = 300


def windows() -> tuple[Tensor, Tensor]:
    """Windows with a target out of eight frames of the sample: (8, 1, 64, 64) input and label."""
    sample = open_dataset(resources.path_of("sample"))
    frames: list[NDArray[np.float32]] = []
    labels: list[NDArray[np.bool_]] = []
    for index in sample.labelled[::4]:  # of all scenes
        pixels, mask = sample.read(index)
        if not mask.any():
            continue
        row, column = (int(np.median(places)) for places in np.nonzero(mask))
        top = min(max(0, row - SIDE // 2), mask.shape[0] - SIDE)
        left = min(max(0, column - SIDE // 2), mask.shape[1] - SIDE)
        part = np.s_[top : top + SIDE, left : left + SIDE]
        if mask[part].any() and len(frames) < FRAMES:
            frames.append(normalise(pixels, quick().normalisation)[part])
            labels.append(mask[part])
    assert len(frames) == FRAMES
    return torch.from_numpy(np.stack(frames)[:, None]), torch.from_numpy(np.stack(labels)[:, None]).float()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("config", "fine_engine"),
    [(ModelConfig(), None), (ModelConfig(), GatherEngine())],
    ids=["dense", "gather"],
)
def test_three_hundred_steps_fit_eight_frames(config: ModelConfig, fine_engine: Engine | None) -> None:
    """Straight-through gates and dense convolutions in training; the sparse engine finds the same masks afterwards."""
    torch.manual_seed(0)
    frames, labels = windows()
    network = ADSNet(config).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=STEPS)
    for _ in range(STEPS):
        total = total_loss(network(frames, fine_engine=fine_engine), labels, LossConfig())["total"]
        optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    exact = fused(network, torch.float32)
    for engine in (DenseEngine(), GatherEngine()):
        evaluation = Evaluation()
        with torch.inference_mode():
            probability = torch.sigmoid(exact(frames, Sparsity(), engine).logits)
        for one, label in zip(probability[:, 0].numpy(), labels[:, 0].numpy() > 0, strict=True):
            evaluation.add(one, label)
        assert evaluation.metrics().niou > 0.95


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        pytest.param("alcnet", 90, marks=pytest.mark.slow),
        pytest.param("dnanet", 60, marks=pytest.mark.slow),
        ("rdian", 120),
    ],
)
def test_a_rival_fits_eight_windows(name: str, steps: int) -> None:
    """With the loss of the mask and the optimiser of a training."""
    torch.manual_seed(0)
    frames, labels = (tensor[:, :, 16:48, 16:48] for tensor in windows())
    trained = trained_of(quick(detector=name))
    network = trained.make().train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    batch = Batch(frames.contiguous(memory_format=torch.channels_last), labels, torch.empty(0))
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * min(1.0, (step + 1) / 10)
        optimiser.zero_grad()
        trained.terms(trained.output(network, batch), labels, only_here)["total"].backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
    found, evaluation = for_inference(network, torch.float32, torch.device("cpu"))(frames), Evaluation()
    for one, label in zip(torch.sigmoid(found)[:, 0].numpy(), labels[:, 0].numpy() > 0, strict=True):
        evaluation.add(one, label)
    assert evaluation.metrics().niou > 0.9
