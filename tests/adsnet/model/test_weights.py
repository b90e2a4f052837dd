"""Networks into model files and back."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from adsnet.config import PAPER_MODEL, ModelConfig, Sparsity
from adsnet.errors import ModelFileError
from adsnet.model.heads import DROPPED_LOGIT
from adsnet.model.network import ADSNet
from adsnet.model.weights import load_network, save_network
from adsnet.model_file import read_model, write_model
from tests.adsnet.tiny import TINY, lively_network, noise, tiny, tiny_card


def test_a_network_comes_back_up_to_the_rounding_of_its_kernels(model_path: Path) -> None:
    network, card = load_network(model_path)
    assert card == tiny_card() and not network.training and network.config == TINY
    for name, tensor in lively_network().state_dict().items():
        got = network.state_dict()[name]
        assert got.dtype == tensor.dtype
        if tensor.dim() == 4:
            torch.testing.assert_close(got, tensor, rtol=5e-4, atol=1e-7)
        else:
            assert torch.equal(got, tensor)


@torch.inference_mode()
def test_saving_what_was_loaded_changes_nothing(model_path: Path, tmp_path: Path) -> None:
    network, card = load_network(model_path)
    save_network(tmp_path / "again.safetensors", network, card)
    first, second = read_model(model_path)[0], read_model(tmp_path / "again.safetensors")[0]
    assert all(np.array_equal(first[name], second[name]) for name in first)
    again, _ = load_network(tmp_path / "again.safetensors")
    frame = noise(1, 1, 32, 32)
    assert torch.equal(again(frame).logits, network(frame).logits)


def test_kernels_are_stored_in_half_the_size(model_path: Path) -> None:
    arrays, _ = read_model(model_path)
    assert {a.dtype for a in arrays.values() if a.ndim == 4} == {np.dtype(np.float16)}
    assert {a.dtype for a in arrays.values() if a.ndim == 1} == {np.dtype(np.float32)}


def test_the_names_in_model_files_are_those_of_the_first_version() -> None:
    """A change here makes every model file unusable: raise the format version and read the old names too."""
    first: dict[str, Any] = {"cascade_widths": (32, 16), "cascade_blocks": (1, 1)}
    for config, count, digest in (
        (ModelConfig(stem_width=32, backbone_width=32, width=48, **first), 326, "4767f282eadda879"),
        (ModelConfig(stem_width=64, backbone_width=64, width=64, **first), 326, "5f377b3e9c183533"),
        (PAPER_MODEL, 278, "64dfc5c4e6809c48"),
    ):
        entries = [f"{name} {tuple(tensor.shape)}" for name, tensor in ADSNet(config).state_dict().items()]
        assert len(entries) == count
        assert hashlib.sha256("\n".join(sorted(entries)).encode()).hexdigest()[:16] == digest


@torch.inference_mode()
def test_the_numbers_are_those_of_the_first_version() -> None:
    """What a model file means must not change unnoticed."""
    output = lively_network(tiny(stem_width=64, backbone_width=64, cascade_blocks=(1, 1)))(
        noise(1, 1, 64, 64, seed=7), Sparsity(drop=(0.25, 0.5))
    )
    seen = output.logits[output.logits != DROPPED_LOGIT]
    got = [seen.mean(), seen.std(), output.stages[4].keep_logit.std(), output.stages[3].keep_logit.std()]
    assert [float(v) for v in got] == pytest.approx([-0.2964, 2.824, 0.5057, 1.2358], rel=2e-3)


def test_a_kernel_beyond_float16_keeps_its_values(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = ADSNet(TINY)
    with torch.no_grad():
        network.heads4.decide.weight[0] = 1e6
    save_network(tmp_path / "m.safetensors", network, tiny_card())
    assert float(load_network(tmp_path / "m.safetensors")[0].heads4.decide.weight[0, 0].detach()) == 1e6


@pytest.mark.parametrize("change", ["missing", "extra", "shape", "other head"])
def test_weights_that_do_not_fit_are_refused_by_name(model_path: Path, tmp_path: Path, change: str) -> None:
    arrays, card = read_model(model_path)
    name = "backbone.stem.0.weight"
    if change == "missing":
        del arrays[name]
    elif change == "extra":
        arrays[name := "zoo.weight"] = np.zeros(3, np.float32)
    elif change == "shape":
        arrays[name] = arrays[name][:1]
    else:
        card, name = tiny_card(tiny(head="shuffle")), "head.lateral_full.0.weight"
    target = tmp_path / "odd.safetensors"
    write_model(target, arrays, card)
    with pytest.raises(ModelFileError, match="the weights do not fit its configuration") as caught:
        load_network(target)
    assert str(target) in str(caught.value) and (name in str(caught.value) or change == "other head")


def test_a_model_for_another_detector_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "d.safetensors", {"w": np.zeros(1, np.float32)}, tiny_card(detector="dnanet"))
    with pytest.raises(ModelFileError, match="made for the detector 'dnanet', not for ADSNet"):
        load_network(tmp_path / "d.safetensors")


def test_a_network_that_is_not_finite_is_not_saved(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = ADSNet(TINY)
    with torch.no_grad():
        network.heads4.decide.weight.fill_(float("nan"))
    with pytest.raises(ModelFileError, match="not finite"):
        save_network(tmp_path / "m.safetensors", network, tiny_card())
    assert list(tmp_path.iterdir()) == []
