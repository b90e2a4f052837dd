"""Kernels are stepped by Muon, everything else by AdamW."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from adsnet.config import TrainConfig
from adsnet.training.muon import KernelsByMuon
from adsnet.training.schedule import make_optimiser

RATE, DECAY = 0.01, 0.1


def small_network() -> nn.Module:
    """As a run has it: in channels-last, with a kernel of each kind and a layer that nothing reaches."""
    torch.manual_seed(3)
    network = nn.Sequential(
        nn.Conv2d(2, 6, 3, bias=False), nn.BatchNorm2d(6), nn.Conv2d(6, 1, 1), nn.Flatten(), nn.Linear(4, 3)
    )
    network.add_module("unused", nn.Identity())
    network[5].register_parameter("weight", nn.Parameter(torch.ones(2, 2)))
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def backward(network: nn.Module, seed: int) -> None:
    frames = torch.from_numpy(torch.randn(4, 2, 4, 4, generator=torch.Generator().manual_seed(seed)).numpy())
    network(frames.contiguous(memory_format=torch.channels_last)).square().sum().backward()


def trained(network: nn.Module, optimiser: Any, seeds: range) -> list[Tensor]:
    for seed in seeds:
        optimiser.zero_grad()
        backward(network, seed)
        optimiser.step()
    return [parameter.detach().clone() for parameter in network.parameters()]


def test_steps_are_those_of_muon_and_of_adamw() -> None:
    network = small_network()
    twin = copy.deepcopy(network)
    learned = trained(network, KernelsByMuon(network, RATE, DECAY), range(3))
    kernels = {name: nn.Parameter(p.detach().flatten(1).clone()) for name, p in twin.named_parameters() if p.dim() > 1}
    others = [p for p in twin.parameters() if p.dim() == 1]
    muon = torch.optim.Muon(kernels.values(), lr=RATE, weight_decay=DECAY, adjust_lr_fn="match_rms_adamw")
    adamw = torch.optim.AdamW(others, lr=RATE, weight_decay=0.0)
    for seed in range(3):
        twin.zero_grad()
        backward(twin, seed)
        for name, parameter in twin.named_parameters():
            if name in kernels and parameter.grad is not None:
                kernels[name].grad = parameter.grad.flatten(1)
        muon.step()  # type: ignore[no-untyped-call]
        adamw.step()
        for name, kernel in kernels.items():
            twin.get_parameter(name).data.copy_(kernel.data.view_as(twin.get_parameter(name)))
    for (name, expected), value in zip(twin.named_parameters(), learned, strict=True):
        torch.testing.assert_close(value, expected.detach(), msg=name)
    start = list(small_network().parameters())
    moved = [not torch.equal(a, b) for a, b in zip(start, learned, strict=True)]
    assert moved == [True] * (len(start) - 1) + [False]  # what has no gradient stays, without decay


def test_a_step_of_a_kernel_is_as_large_as_one_of_adamw() -> None:
    """Whatever the gradient: the root mean square of its change is near 0.2 × the rate, also in a long, flat kernel."""
    for shape in ((64, 32, 3, 3), (16, 64, 1, 1), (1, 48, 1, 1)):
        layer = nn.Conv2d(shape[1], shape[0], shape[2], bias=False)
        before = layer.weight.detach().clone()
        optimiser = KernelsByMuon(layer, RATE, 0.0)
        layer.weight.grad = torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 1e4
        optimiser.step()
        change = (layer.weight.detach() - before).square().mean().sqrt().item()
        assert 0.12 * RATE < change < 0.26 * RATE, shape


def test_it_goes_on_from_its_state_with_weights_that_were_loaded() -> None:
    network = small_network()
    whole = trained(network, KernelsByMuon(network, RATE, DECAY), range(4))
    first = small_network()
    optimiser = KernelsByMuon(first, RATE, DECAY)
    trained(first, optimiser, range(2))
    second = small_network()
    other = KernelsByMuon(second, RATE, DECAY)
    second.load_state_dict(first.state_dict())
    other.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    for expected, value in zip(whole, trained(second, other, range(2, 4)), strict=True):
        assert torch.equal(expected, value)


def test_the_rate_of_both_can_be_set() -> None:
    network = small_network()
    start = [p.detach().clone() for p in network.parameters()]
    optimiser = make_optimiser(network, TrainConfig(optimiser="muon", learning_rate=RATE))
    assert isinstance(optimiser, KernelsByMuon)
    assert [group["lr"] for group in optimiser.param_groups] == [RATE, RATE]
    for group in optimiser.param_groups:
        group["lr"] = 0.0
    for before, after in zip(start, trained(network, optimiser, range(1)), strict=True):
        assert torch.equal(before, after)
