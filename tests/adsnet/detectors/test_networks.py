"""The rival networks: published sizes, the shapes of what they give, gradients, folding and padding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from adsnet import rival_predictor
from adsnet.detectors.alcnet import local_contrast
from adsnet.detectors.dnanet import DNANet
from adsnet.detectors.networks import RIVALS, folded, for_inference, rival_of, supervised
from adsnet.detectors.rdian import COMPASS, RDIAN, DirectionGate
from adsnet.errors import FrameError
from adsnet.model.layers import channels_last
from adsnet.model_file import ModelCard
from adsnet.rival_predictor import RivalPredictor
from tests.adsnet.tiny import make_frame, noise

PARAMETERS = {"alcnet": 372_573, "dnanet": 4_696_568, "rdian": 216_558}
"""As published: ALCNet with three input channels, the others with a single one."""


@pytest.mark.parametrize("name", RIVALS)
def test_the_number_of_parameters_is_the_published_one(name: str) -> None:
    assert sum(p.numel() for p in RIVALS[name].make().parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize("size", [(32, 48), (64, 32)])
def test_one_logit_a_pixel(name: str, size: tuple[int, int]) -> None:
    with torch.inference_mode():
        outputs = supervised(RIVALS[name].make().eval()(noise(2, 1, *size)))
    assert [output.shape for output in outputs] == [(2, 1, *size)] * (4 if name == "dnanet" else 1)
    assert all(bool(torch.isfinite(output).all()) for output in outputs)


@pytest.mark.parametrize("name", RIVALS)
def test_every_parameter_gets_a_gradient(name: str) -> None:
    torch.manual_seed(0)
    network = RIVALS[name].make().train()
    sum(output.square().mean() for output in supervised(network(noise(2, 1, 32, 32)))).backward()  # type: ignore[union-attr]
    for parameter, weight in network.named_parameters():
        assert weight.grad is not None and bool(torch.isfinite(weight.grad).all()), parameter


@pytest.mark.parametrize("name", RIVALS)
def test_memory_order_and_batch_make_no_difference(name: str) -> None:
    torch.manual_seed(0)
    network, frames = RIVALS[name].make().eval(), noise(2, 1, 32, 48)
    with torch.inference_mode():
        expected = supervised(network(frames))[-1]
        ordered = supervised(network.to(memory_format=torch.channels_last)(channels_last(frames)))[-1]  # type: ignore[call-overload]
        single = supervised(network(frames[1:]))[-1]
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


def test_local_contrast_by_its_definition() -> None:
    """The largest over 13 and 17 of the smallest (x₊ - x)(x₋ - x) over four pairs of opposite cyclic shifts."""
    x = noise(1, 2, 20, 23)[0].numpy()

    def at(channel: int, row: int, column: int) -> float:
        centre, best = x[channel, row, column], -np.inf
        for distance in (13, 17):
            products = []
            for down, across in ((-1, -1), (-1, 0), (-1, 1), (0, 1)):
                there, back = (
                    x[channel, (row + sign * distance * down) % 20, (column + sign * distance * across) % 23]
                    for sign in (1, -1)
                )
                products.append((there - centre) * (back - centre))
            best = max(best, min(products))
        return float(best)

    expected = [[[at(c, row, column) for column in range(23)] for row in range(20)] for c in range(2)]
    got = local_contrast(torch.from_numpy(x)[None])[0].numpy()
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("name", RIVALS)
def test_the_first_prediction_is_the_prior(name: str) -> None:
    torch.manual_seed(0)
    with torch.inference_mode():
        probability = torch.sigmoid(supervised(RIVALS[name].make().eval()(noise(1, 1, 64, 64)))[-1])
    assert 0.005 < float(probability.median()) < 0.02


@pytest.mark.parametrize("name", RIVALS)
def test_folding_changes_nothing(name: str) -> None:
    torch.manual_seed(1)
    network, frames = RIVALS[name].make().train(), noise(2, 1, 32, 48)
    with torch.no_grad():
        network(frames)  # statistics that are not those of the start
        expected = supervised(network.eval()(frames))[-1]
    layers = [type(layer) for layer in folded(network).modules()]
    before = [type(layer) for layer in network.modules()]
    assert layers.count(nn.BatchNorm2d) < before.count(nn.BatchNorm2d) / 3
    for dtype, close in ((torch.float32, 1e-4), (torch.bfloat16, 0.1)):
        got = for_inference(network, dtype, torch.device("cpu"))(frames)
        assert got.dtype == dtype
        torch.testing.assert_close(got.float(), expected, atol=close, rtol=close)


@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize("shape", [(37, 50), (33, 31)])
def test_frames_of_any_size_are_padded(name: str, shape: tuple[int, int]) -> None:
    """Whatever is repeated at the edges, the prediction has the size of the frame; of a batch as of one."""
    torch.manual_seed(0)
    network = RIVALS[name].make().eval()
    assert rival_of(network).stride == RIVALS[name].stride
    predictor = RivalPredictor(network, ModelCard("x", name), precision="fp32")
    frames = [make_frame(*shape, seed=seed)[0] for seed in range(2)]
    both = predictor.predict_batch(frames)
    assert [p.probability.shape for p in both] == [shape] * 2
    assert all(edge % RIVALS[name].stride == 0 for edge in both[0].padded_shape)
    one = predictor.predict(frames[1])
    np.testing.assert_allclose(one.probability, both[1].probability, atol=1e-5)
    assert (one.detector, one.model, one.decisions, one.attentions, one.stages) == (name, "x", (), (), ())
    assert one.probability.dtype == np.float32 and one.seconds > 0


def test_a_frame_that_is_too_large_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rival_predictor, "MAX_PIXELS", 1000)
    predictor = RivalPredictor(RDIAN().eval(), ModelCard("x", "rdian"), precision="fp32")
    with pytest.raises(FrameError, match="a frame of 40×30 pixels is too large for rdian"):
        predictor.predict(np.zeros((30, 40), np.uint8))
