"""The rival networks: published sizes, the shapes of what they give, gradients, and that they can learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from adsnet.detectors.dnanet import DNANet
from adsnet.detectors.networks import RIVALS
from adsnet.detectors.rdian import COMPASS, RDIAN, DirectionGate
from adsnet.model.layers import channels_last
from tests.adsnet.tiny import noise

PARAMETERS = {"dnanet": 4_696_568, "rdian": 216_558}
"""As published, with a single input channel."""


def logits_of(network: nn.Module, frame: Tensor) -> list[Tensor]:
    output = network(frame)
    return output if isinstance(output, list) else [output]


@pytest.mark.parametrize("name", RIVALS)
def test_the_number_of_parameters_is_the_published_one(name: str) -> None:
    assert sum(p.numel() for p in RIVALS[name].make().parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize("size", [(32, 48), (64, 32)])
def test_one_logit_a_pixel(name: str, size: tuple[int, int]) -> None:
    with torch.inference_mode():
        outputs = logits_of(RIVALS[name].make().eval(), noise(2, 1, *size))
    assert [output.shape for output in outputs] == [(2, 1, *size)] * (4 if name == "dnanet" else 1)
    assert all(bool(torch.isfinite(output).all()) for output in outputs)


@pytest.mark.parametrize("name", RIVALS)
def test_every_parameter_gets_a_gradient(name: str) -> None:
    torch.manual_seed(0)
    network = RIVALS[name].make().train()
    sum(output.square().mean() for output in logits_of(network, noise(2, 1, 32, 32))).backward()  # type: ignore[union-attr]
    for parameter, weight in network.named_parameters():
        assert weight.grad is not None and bool(torch.isfinite(weight.grad).all()), parameter


@pytest.mark.parametrize("name", RIVALS)
def test_memory_order_and_batch_make_no_difference(name: str) -> None:
    torch.manual_seed(0)
    network, frames = RIVALS[name].make().eval(), noise(2, 1, 32, 48)
    with torch.inference_mode():
        expected = logits_of(network, frames)[-1]
        ordered = logits_of(network.to(memory_format=torch.channels_last), channels_last(frames))[-1]  # type: ignore[call-overload]
        single = logits_of(network, frames[1:])[-1]
    torch.testing.assert_close(ordered, expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(single, expected[1:], atol=1e-4, rtol=1e-4)


def test_dnanet_is_a_dense_grid() -> None:
    """Inputs of node (i, j): the earlier nodes of its row, the enlarged one below, the shrunk one above."""
    nodes = DNANet().nodes
    assert len(nodes) == 15
    inputs = {
        name: next(layer for layer in node.modules() if isinstance(layer, nn.Conv2d)).in_channels
        for name, node in nodes.items()
    }
    assert inputs["x00"] == 1 and inputs["x10"] == 16 and inputs["x40"] == 128
    assert inputs["x01"] == 16 + 32 and inputs["x11"] == 32 + 64 + 16 and inputs["x04"] == 4 * 16 + 32


def test_the_direction_gate_by_its_definition() -> None:
    """sigmoid of the sum over opposite directions of (x - x_k)(x - x_{k+4}), two pixels away, zero outside."""
    frame = noise(1, 1, 7, 9)[0, 0].numpy()
    padded = np.pad(frame, 2)

    def difference(row: int, column: int, k: int) -> float:
        down, across = COMPASS[k]
        return float(frame[row, column] - padded[row + 2 + 2 * down, column + 2 + 2 * across])

    expected = np.array(
        [
            [sum(difference(r, c, k) * difference(r, c, k + 4) for k in range(4)) for c in range(frame.shape[1])]
            for r in range(frame.shape[0])
        ]
    )
    got = DirectionGate()(torch.from_numpy(frame)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(got, 1 / (1 + np.exp(-expected)), atol=1e-5)


def test_opposite_directions_are_four_apart() -> None:
    assert all((-COMPASS[k][0], -COMPASS[k][1]) == COMPASS[k + 4] for k in range(4))


def test_rdian_learns_a_target() -> None:
    torch.manual_seed(0)
    network = RDIAN().train()
    frames, labels = noise(4, 1, 32, 32), torch.zeros(4, 1, 32, 32)
    for index in range(4):
        labels[index, 0, 8 + 4 * index : 11 + 4 * index, 12:15] = 1
    frames = frames * 0.3 + labels * 4
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(80):
        optimiser.zero_grad()
        logits = network(frames)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, labels, pos_weight=torch.tensor(20.0))
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    found, wanted = logits > 0, labels > 0.5
    assert (found & wanted).sum() / (found | wanted).sum() > 0.8
