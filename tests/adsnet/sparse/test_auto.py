"""The automatic engine: which engine it takes for which map. That its numbers are right is tested with the others."""

from __future__ import annotations

import pytest
import torch

from adsnet.sparse.auto import AutoEngine
from adsnet.sparse.contract import Engine
from adsnet.sparse.costs import Cost, Costs
from adsnet.sparse.dense import DenseEngine
from adsnet.sparse.gather import GatherEngine, KeptPatches
from tests.adsnet.sparse.maps import engine_of, mask_of
from tests.adsnet.tiny import noise

ENGINES: list[Engine] = [DenseEngine(), GatherEngine()]


def chosen(engine: Engine, keep: torch.Tensor, height: int = 32, width: int = 32, channels: int = 16) -> str:
    """The name of the engine that is taken for a map."""
    return str(engine.sites(engine.patches(keep), height, width, channels).engine.name)


def test_gather_is_taken_for_sparse_maps_only() -> None:
    engine = engine_of("auto")
    assert chosen(engine, mask_of("one site", 1, 8, 8)) == "gather"
    assert chosen(engine, mask_of("empty", 1, 8, 8)) == "gather"
    assert chosen(engine, mask_of("full", 1, 8, 8)) == "dense"
    below, above = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    below[:, :, 0:2, :7], above[:, :, 0:2], above[:, :, 7, 7] = 1, 1, 1  # 14 and 17 of 64; a quarter is 16
    assert (chosen(engine, below), chosen(engine, above)) == ("gather", "dense")


def test_the_size_of_the_map_counts_too() -> None:
    """An engine with a high fixed cost is for large maps, and for many frames at once."""
    engine = AutoEngine(ENGINES, lambda channels, patch: {"dense": Cost(0.0, 1.0), "gather": Cost(500.0, 1.0)})
    keep = mask_of("one patch", 1, 4, 4)  # a quarter of the sites: gather saves 3/4 of them
    assert chosen(engine, keep, 24, 24) == "dense"  # 576 sites, 432 saved
    assert chosen(engine, keep, 28, 28) == "gather"  # 784, 588 saved
    assert chosen(engine, keep.repeat(2, 1, 1, 1), 24, 24) == "gather"


def test_costs_are_asked_for_the_channels_and_the_patches_of_the_map() -> None:
    asked: list[tuple[int, int]] = []

    def costs(channels: int, patch: int) -> Costs:
        asked.append((channels, patch))
        return {"dense": Cost(1.0, 0.0), "gather": Cost(float(channels > 20), 0.0)}

    engine = AutoEngine(ENGINES, costs)
    keep = mask_of("full", 1, 2, 4)
    assert chosen(engine, keep, 32, 32, channels=20) == "gather"
    assert chosen(engine, keep, 32, 32, channels=21) == "dense"
    assert chosen(engine, keep, 33, 32, channels=20) == "gather"  # the patches differ in size: single sites
    assert asked == [(20, 8), (21, 8), (20, 1)]


def test_an_engine_sees_a_mask_once_however_many_maps_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []
    patches = GatherEngine.patches

    def counted(self: GatherEngine, keep: torch.Tensor) -> KeptPatches:
        seen.append(keep)
        return patches(self, keep)

    monkeypatch.setattr(GatherEngine, "patches", counted)
    engine, keep = engine_of("auto"), mask_of("one site", 1, 4, 4)
    of_mask = engine.patches(keep)
    for side in (8, 16, 32):
        engine.sites(of_mask, side, side)
    assert len(seen) == 1 and seen[0] is keep


@pytest.mark.parametrize("name", ["auto, gather for even channels", "auto, gather for odd channels"])
@torch.inference_mode()
def test_engines_may_change_between_the_maps_of_one_mask(name: str) -> None:
    engine, keep, x = engine_of(name), mask_of("random", 2, 4, 3), noise(2, 5, 8, 9)
    patches = engine.patches(keep)
    sites, finer = engine.sites(patches, 8, 9, 6), engine.sites(patches, 16, 18, 5)
    assert {sites.engine.name, finer.engine.name} == {"dense", "gather"}
    dense = DenseEngine()
    expected = dense.enlarge(dense.take(x, dense.sites(keep, 8, 9)), None, dense.sites(keep, 16, 18))  # type: ignore[arg-type]
    got = engine.scatter(engine.enlarge(engine.take(x, sites), sites, finer), finer)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)
