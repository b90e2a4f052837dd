"""Which type the network computes in, and the guard of the narrow one."""

from __future__ import annotations

import copy
from typing import cast

import pytest
import torch

from adsnet import precision as module
from adsnet.config import Normalisation
from adsnet.errors import EngineError
from adsnet.model.heads import CascadeHead
from adsnet.model.network import ADSNet
from adsnet.model.weights import load_network
from adsnet.model_file import resolve_model
from adsnet.precision import choose_precision
from tests.adsnet.tiny import lively_network, tiny

CPU = torch.device("cpu")


@pytest.fixture
def with_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the machine had bfloat16 in hardware; torch computes in it without, only slowly."""
    monkeypatch.setattr(module, "has_fast_bf16", lambda device: True)


def test_without_fast_bf16_the_cpu_computes_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "has_fast_bf16", lambda device: False)
    assert choose_precision("auto", lively_network(), Normalisation(), CPU) == (torch.float32, "")


@pytest.mark.usefixtures("with_bf16")
def test_the_shipped_model_passes_the_guard() -> None:
    network, card = load_network(resolve_model(None))
    assert choose_precision("auto", network, card.normalisation, CPU) == (torch.bfloat16, "")


@pytest.mark.usefixtures("with_bf16")
def test_a_model_that_the_narrow_type_overflows_is_refused_with_the_reason() -> None:
    network = copy.deepcopy(lively_network())
    with torch.no_grad():
        weight = cast(CascadeHead, network.head).logit.weight
        weight[:, ::2], weight[:, 1::2] = 3e38, -3e38  # infinity minus infinity
    chosen = choose_precision("auto", network, Normalisation(), CPU)
    assert chosen.dtype == torch.float32 and chosen.note == "bf16 is not used with this model: its numbers overflow"


@pytest.mark.usefixtures("with_bf16")
@pytest.mark.parametrize(
    ("limit", "reason"), [("GUARD_PATCHES", "patches otherwise"), ("GUARD_PROBABILITY", "its probabilities differ by")]
)
def test_a_model_that_the_narrow_type_changes_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, limit: str, reason: str
) -> None:
    for name in ("GUARD_PATCHES", "GUARD_PROBABILITY"):
        monkeypatch.setattr(module, name, -1.0 if name == limit else 2.0)
    chosen = choose_precision("auto", lively_network(), Normalisation(), CPU)
    assert chosen.dtype == torch.float32 and reason in chosen.note


@pytest.mark.usefixtures("with_bf16")
def test_a_type_that_is_asked_for_is_taken() -> None:
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        assert choose_precision(name, ADSNet(tiny()), Normalisation(), CPU) == (dtype, "")


@pytest.mark.parametrize(("name", "text"), [("fp16", "fp16 is for GPUs only"), ("int8", "unknown precision 'int8'")])
def test_what_the_cpu_does_not_compute_in_is_refused(name: str, text: str) -> None:
    with pytest.raises(EngineError, match=text):
        choose_precision(name, ADSNet(tiny()), Normalisation(), CPU)
