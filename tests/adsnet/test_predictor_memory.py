"""What a predictor keeps, batches, strips, and what it does when memory is short."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from adsnet import precision
from adsnet import predictor as module
from adsnet.config import Sparsity
from adsnet.errors import FrameError
from adsnet.model.strips import StripPixels
from adsnet.prediction import Prediction
from adsnet.predictor import Predictor
from tests.adsnet.tiny import lively_network, make_frame, tiny_card

SPARSE = Sparsity(drop=(0.3, 0.6))


def predictor() -> Predictor:
    return Predictor(lively_network(), tiny_card(), device="cpu", precision="fp32")


def frames(count: int, height: int = 48, width: int = 64) -> list[NDArray[Any]]:
    return [make_frame(height, width, seed=seed)[0] for seed in range(count)]


def assert_same(a: Prediction, b: Prediction) -> None:
    np.testing.assert_allclose(a.probability, b.probability, atol=1e-5)
    assert np.array_equal(a.mask, b.mask)
    for one, other in zip(a.decisions, b.decisions, strict=True):
        assert np.array_equal(one.kept, other.kept)
        np.testing.assert_allclose(one.keep_probability, other.keep_probability, atol=1e-5)
    for mine, theirs in zip(a.attentions, b.attentions, strict=True):
        np.testing.assert_allclose(mine.spatial, theirs.spatial, atol=1e-5)


@pytest.mark.parametrize("engine", ["dense", "gather", "auto"])
def test_a_batch_is_its_frames(engine: str) -> None:
    together = predictor().predict_batch(frames(3), SPARSE, engine)
    alone = [predictor().predict(frame, SPARSE, engine) for frame in frames(3)]
    for a, b in zip(together, alone, strict=True):
        assert_same(a, b)
    assert not np.array_equal(alone[0].probability, alone[1].probability)


@pytest.mark.parametrize("size", [(300, 40), (64, 208), (130, 33)])
@pytest.mark.parametrize("engine", ["dense", "gather"])
def test_strips_give_the_whole_frame(size: tuple[int, int], engine: str) -> None:
    (pixels,) = frames(1, *size)
    whole, stripped = predictor(), predictor()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "StripPixels", lambda: StripPixels(backbone=1024, head=1024))
        got = stripped.predict(pixels, SPARSE, engine)
    assert stripped._strips.head == 1024
    assert_same(got, whole.predict(pixels, SPARSE, engine))


def test_the_dropped_fraction_of_stage_2_leaves_stage_3_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    one = predictor()
    one.set_frame(frames(1)[0])
    one.predict_again(Sparsity(drop=(0.3, 0.6)), "gather")
    kept = one._third
    assert kept is not None
    again = one.predict_again(Sparsity(drop=(0.3, 0.9)), "gather")
    assert one._third is not None and one._third[1].a3 is kept[1].a3
    assert_same(again, predictor().predict(frames(1)[0], Sparsity(drop=(0.3, 0.9)), "gather"))
    one.predict_again(Sparsity(drop=(0.6, 0.9)), "gather")
    assert one._third[1].a3 is not kept[1].a3
    one.predict_again(Sparsity(drop=(0.6, 0.9)), "dense")  # another engine computes for itself
    assert one._third[0] == "dense"
    other = frames(2)[1]
    assert_same(one.predict(other, SPARSE, "dense"), predictor().predict(other, SPARSE, "dense"))


GPU = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
CPU = RuntimeError("[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory")
NUMPY = MemoryError("Unable to allocate 2.00 GiB for an array")


class Memory:
    """A device that is out of memory a number of times."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, failures: int, step: str = "_decode_once", error: Exception = GPU
    ) -> None:
        self.failures = failures
        original = getattr(Predictor, step)

        def scarce(*arguments: Any) -> Any:
            if self.failures:
                self.failures -= 1
                raise error
            return original(*arguments)

        monkeypatch.setattr(Predictor, step, scarce)


@pytest.mark.parametrize("error", [GPU, CPU, NUMPY], ids=["gpu", "cpu", "numpy"])
@pytest.mark.parametrize("step", ["_encode", "_decode_once"])
def test_short_memory_means_smaller_strips(monkeypatch: pytest.MonkeyPatch, step: str, error: Exception) -> None:
    expected = predictor().predict(frames(1)[0], SPARSE, "gather")
    memory = Memory(monkeypatch, 2, step, error)
    one = predictor()
    assert_same(one.predict(frames(1)[0], SPARSE, "gather"), expected)
    assert memory.failures == 0 and one._strips == StripPixels().halved().halved()
    one.set_frame(frames(1, 32, 32)[0])  # one large frame does not make all later ones slow
    assert one._strips == StripPixels()


def test_another_error_is_no_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    Memory(monkeypatch, 1, error=RuntimeError("expected scalar type Float"))
    with pytest.raises(RuntimeError, match="expected scalar type Float"):
        predictor().predict(frames(1)[0], SPARSE)


def test_memory_that_never_does_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    Memory(monkeypatch, 1000)
    with pytest.raises(FrameError, match="too little memory to predict this frame; close other programs or crop it"):
        predictor().predict(frames(1)[0], SPARSE)


def test_a_gpu_without_memory_hands_over_to_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no GPU here: the meta device, which holds no values, stands for one."""
    expected = predictor().predict(frames(1)[0], SPARSE, "gather")
    one = predictor()
    one.set_frame(frames(1)[0])
    one.device = torch.device("meta")
    monkeypatch.setattr(precision, "has_fast_bf16", lambda device: False)
    monkeypatch.setattr(module, "choose_engine", lambda name, *rest: module_engine(name))
    memory = Memory(monkeypatch, 100)

    def give_up() -> None:
        original()
        if one.device.type == "cpu":
            memory.failures = 0

    original = one._make_room
    monkeypatch.setattr(one, "_make_room", give_up)
    assert_same(one.predict_again(SPARSE, "gather"), expected)
    assert one.notes == ["the memory of the meta device is too small; the CPU is used"]


def module_engine(name: str) -> Any:
    from adsnet.sparse.gather import GatherEngine

    return GatherEngine()
