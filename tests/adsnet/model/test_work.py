"""The work of every stage agrees with what torch counts."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from adsnet.config import PAPER_MODEL, ModelConfig, Sparsity
from adsnet.model import fused as fused_module
from adsnet.model.fused import fused
from adsnet.model.laps import Laps
from adsnet.model.network import ADSNet
from adsnet.model.work import SPARSE_STAGES, stage_work, work_per_pixel
from adsnet.sparse.contract import Engine
from adsnet.sparse.dense import DenseEngine
from adsnet.sparse.gather import GatherEngine
from tests.adsnet.tiny import noise, tiny

CONFIGS = [ModelConfig(), tiny(head="shuffle", distribute=(2, 3, 4)), tiny(afd="off"), PAPER_MODEL]


def counted(network: ADSNet, sparsity: Sparsity, engine: Engine) -> float:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(noise(1, 1, 128, 192), sparsity, engine)
    return float(counter.get_total_flops()) / 1e9


@pytest.mark.parametrize("config", CONFIGS)
def test_the_sum_is_what_torch_counts(monkeypatch: pytest.MonkeyPatch, config: ModelConfig) -> None:
    monkeypatch.setattr(fused_module, "can_pack", lambda dtype: False)  # torch does not count its packed convolutions
    network = ADSNet(config).eval()
    sparsity = Sparsity(drop=(0.75, 0.9))
    patches = 16 * 16 if config.patches.kind == "grid" else 8 * 12
    kept3, kept2 = round(0.25 * patches) / patches, round(0.1 * patches) / patches
    kept = {"stage 3": kept3, "stage 2": kept2, "stride 2": kept2, "stride 1": kept2}
    for made in (network, fused(network, torch.float32)) if config != PAPER_MODEL else (network,):
        work = stage_work(work_per_pixel(made), 128, 192, kept)
        assert counted(made, sparsity, DenseEngine()) == pytest.approx(sum(w.dense for w in work.values()), rel=0.01)
        if patches == 96:  # the patches of a grid do not fit this frame: their sizes differ
            assert counted(made, sparsity, GatherEngine()) == pytest.approx(
                sum(w.done for w in work.values()), rel=0.01
            )


@pytest.mark.parametrize("config", CONFIGS[:2])
def test_the_stages_are_those_that_are_timed(config: ModelConfig) -> None:
    network, laps = ADSNet(config).eval(), Laps(torch.device("cpu"))
    with torch.inference_mode():
        network.decode(network.encode(noise(1, 1, 32, 48), lap=laps), Sparsity(), DenseEngine(), lap=laps)
    assert list(laps.seconds) == list(stage_work(work_per_pixel(network), 32, 48, {}))
    assert all(seconds > 0 for seconds in laps.seconds.values())


def test_the_sparse_stages_of_our_model_do_a_tenth_of_the_work() -> None:
    kept = {stage: (26 if stage == "stage 3" else 8) / 256 for stage in SPARSE_STAGES}
    work = stage_work(work_per_pixel(ADSNet(ModelConfig())), 256, 256, kept)
    sparse = [work[name] for name in SPARSE_STAGES]
    assert sum(w.dense for w in sparse) > 10 * sum(w.done for w in sparse)
