"""Which engine is taken, and that one that is wrong never is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from adsnet.errors import EngineError
from adsnet.model.layers import Convolution
from adsnet.sparse import choose
from adsnet.sparse.gather import GatherEngine

CPU = torch.device("cpu")


@pytest.fixture
def fresh_tests() -> Iterator[None]:
    """Self-tests are remembered for the life of the process; here each test starts without memory."""
    choose.self_test.cache_clear()
    yield
    choose.self_test.cache_clear()


class WrongEngine(GatherEngine):
    """Off by a thousandth in every convolution."""

    def convolve(self, values: Tensor, layer: Convolution, sites: Any) -> Tensor:
        return super().convolve(values, layer, sites) + 1e-3


class NanEngine(GatherEngine):
    def convolve(self, values: Tensor, layer: Convolution, sites: Any) -> Tensor:
        return super().convolve(values, layer, sites) * float("nan")


class BrokenEngine(GatherEngine):
    def convolve(self, values: Tensor, layer: Convolution, sites: Any) -> Tensor:
        raise TypeError("unexpected keyword\nand a second line")


def absent() -> GatherEngine:
    raise EngineError("spconv cannot be imported (no module); install adsnet-studio[cpu] or [cuda]")


@pytest.mark.parametrize("name", ["dense", "gather"])
def test_an_engine_by_name_passes_its_self_test(name: str) -> None:
    assert choose.choose_engine(name, CPU).name == name
    test = choose.self_test(name)
    assert test.passed and "differs from dense by at most" in test.text


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_automatic_engine_measures_once_and_passes_the_test_of_the_others(dtype: torch.dtype) -> None:
    engine = choose.choose_engine("auto", CPU, dtype)
    assert engine.name == "auto" and choose.choose_engine("auto", CPU, dtype) is engine
    assert max(choose._deviation(engine, seed, CPU) for seed in range(choose.SELF_TEST_ROUNDS)) <= choose.TOLERANCE


def test_an_unknown_engine_is_named_with_the_choices() -> None:
    with pytest.raises(EngineError, match="unknown engine 'minkowski'; use one of auto, dense, gather, spconv"):
        choose.choose_engine("minkowski", CPU)


@pytest.mark.parametrize(
    ("maker", "text"),
    [
        (WrongEngine, "its values differ from the dense ones by 6"),
        (NanEngine, "its values differ from the dense ones by nan"),
        (BrokenEngine, r"it fails on this machine \(unexpected keyword\)"),
        (absent, "spconv cannot be imported"),
    ],
)
def test_a_wrong_engine_is_refused_in_one_sentence(
    maker: Any, text: str, monkeypatch: pytest.MonkeyPatch, fresh_tests: None
) -> None:
    monkeypatch.setitem(choose._MAKERS, "spconv", maker)
    with pytest.raises(EngineError, match=text) as caught:
        choose.choose_engine("spconv", CPU)
    assert "\n" not in str(caught.value)


def test_devices_by_name() -> None:
    assert choose.choose_device("cpu") == CPU
    assert choose.choose_device("auto").type == ("cuda" if choose.cuda_works() else "cpu")
    with pytest.raises(EngineError, match="unknown device 'tpu'"):
        choose.choose_device("tpu")


def test_cuda_without_a_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "cuda_works", lambda: False)
    with pytest.raises(EngineError, match="no usable CUDA device"):
        choose.choose_device("cuda")
    assert choose.choose_device("auto") == CPU


def test_a_driver_that_fails_at_first_use_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*shape: int, device: str) -> Tensor:
        raise RuntimeError("the driver is too old")

    choose.cuda_works.cache_clear()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "zeros", fail)
    assert not choose.cuda_works()
    choose.cuda_works.cache_clear()
