"""Learning rate and weight average."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from adsnet.config import TrainConfig
from adsnet.recipes import PAPER_TRAINING
from adsnet.training.schedule import averages_plainly, learning_rate, renewed_statistics, update_average


def test_the_schedule_of_the_paper() -> None:
    rate = {i: learning_rate(PAPER_TRAINING, i) for i in (0, 1999, 3999, 4000, 29_999, 30_000, 39_999, 40_000, 49_999)}
    assert rate[0] == pytest.approx(0.02 / 4000) and rate[1999] == pytest.approx(0.01)
    assert rate[3999] == rate[4000] == rate[29_999] == pytest.approx(0.02)
    assert rate[30_000] == rate[39_999] == pytest.approx(0.002)
    assert rate[40_000] == rate[49_999] == pytest.approx(0.0002)


def test_one_cycle_rises_over_the_warm_up_and_falls_to_zero() -> None:
    config = TrainConfig(iterations=1000, learning_rate=1.0, warmup=0.1)
    rates = [learning_rate(config, i) for i in range(1000)]
    assert rates[0] == pytest.approx(0.01) and rates[99] == 1.0
    assert all(a < b for a, b in zip(rates[:99], rates[1:100], strict=True))
    assert all(a > b for a, b in zip(rates[100:-1], rates[101:], strict=True))
    assert rates[550] == pytest.approx(0.5, abs=0.01) and rates[-1] < 1e-4


def test_a_constant_rate_stays_after_the_warm_up() -> None:
    config = TrainConfig(iterations=100, learning_rate=1.0, warmup=0.1, schedule="constant")
    assert [learning_rate(config, i) for i in (0, 4, 9, 10, 50, 99)] == [0.1, 0.5, 1.0, 1.0, 1.0, 1.0]


@given(
    iterations=st.integers(1, 50), warmup=st.floats(0, 1), schedule=st.sampled_from(["constant", "onecycle", "steps"])
)
def test_the_rate_is_always_usable(iterations: int, warmup: float, schedule: str) -> None:
    config = TrainConfig(iterations=iterations, warmup=warmup, schedule=schedule, learning_rate=0.5)  # type: ignore[arg-type]
    assert all(0 < learning_rate(config, i) <= 0.5 for i in range(iterations))


def test_the_average_follows_and_forgets_the_start() -> None:
    network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    average = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0)
        for parameter in average.parameters():
            parameter.fill_(0.0)
    running = network[1].running_mean
    assert isinstance(running, torch.Tensor)
    running.fill_(3.0)
    weight = next(average.parameters())
    update_average(average, network, TrainConfig(ema=0.99), 0)
    assert weight.item() == pytest.approx(0.9)  # 1 - 1/10
    assert dict(average.named_buffers())["1.running_mean"].item() == 3.0
    update_average(average, network, TrainConfig(ema=0.99), 10_000)
    assert weight.item() == pytest.approx(0.9 + 0.1 * 0.01)
    update_average(average, network, TrainConfig(ema=0.0), 10_000)
    assert weight.item() == 1.0
    assert not any(p.grad_fn for p in average.parameters())


def test_the_last_steps_are_averaged_alike() -> None:
    config = TrainConfig(iterations=10, average_from=0.6)
    network = nn.Linear(1, 1, bias=False)
    average = copy.deepcopy(network)
    for iteration in range(10):
        with torch.no_grad():
            network.weight.fill_(float(iteration**2))
        update_average(average, network, config, iteration)
        if iteration >= 6:
            mean = sum(i**2 for i in range(6, iteration + 1)) / (iteration - 5)
            assert average.weight.item() == pytest.approx(mean)
    assert [averages_plainly(config, done) for done in (0, 6, 7, 10)] == [False, False, True, True]
    assert not averages_plainly(TrainConfig(iterations=10), 10)


def test_statistics_become_those_of_the_batches() -> None:
    network = nn.Sequential(nn.BatchNorm2d(3)).eval()
    layer = network[0]
    assert isinstance(layer, nn.BatchNorm2d)
    assert layer.running_mean is not None and layer.running_var is not None
    layer.running_mean.fill_(7.0)
    batches = [torch.randn(4, 3, 5, 5) * scale + scale for scale in (1.0, 2.0, 4.0)]
    with torch.no_grad(), renewed_statistics(network):
        for batch in batches:
            network(batch)
    torch.testing.assert_close(layer.running_mean, torch.stack([b.mean((0, 2, 3)) for b in batches]).mean(0))
    torch.testing.assert_close(layer.running_var, torch.stack([b.var((0, 2, 3)) for b in batches]).mean(0))
    assert layer.momentum == 0.1 and not network.training
