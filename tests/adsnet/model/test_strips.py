"""Large frames in strips: every row once, and the numbers of the whole frame."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from adsnet.config import DENSE, PatchGrid, Sparsity
from adsnet.model.backbone import STRIDES, Backbone
from adsnet.model.fused import fused
from adsnet.model.heads import CascadeHead
from adsnet.model.network import STRIDE, ADSNet
from adsnet.model.strips import BACKBONE_HALO, Strip, StripPixels, head_halo, strips
from adsnet.sparse.contract import Engine
from adsnet.sparse.dense import DenseEngine
from tests.adsnet.model.outputs import assert_same_output, mixed_frames
from tests.adsnet.sparse.maps import engine_of, randomise
from tests.adsnet.tiny import lively_network, noise, tiny

SMALLEST = StripPixels(1, 1)
"""Strips as low as they get."""

RELATIVE = 1e-5


# ---- the division -------------------------------------------------------------------------------------------


@given(
    units=st.integers(1, 60),
    unit=st.sampled_from([1, 16, 32, 48]),
    width=st.integers(1, 3000),
    pixels=st.integers(1, 1 << 22),
    halo=st.integers(0, 130),
)
def test_strips_cover_every_row_once(units: int, unit: int, width: int, pixels: int, halo: int) -> None:
    height = units * unit
    parts = strips(height, width, pixels, halo=halo, unit=unit)
    assert parts[0].start == 0 and parts[-1].stop == height
    assert all(a.stop == b.start for a, b in zip(parts, parts[1:], strict=False))
    for part in parts:
        assert 0 <= part.above <= part.start < part.stop <= part.below <= height
        assert all(border % unit == 0 for border in part)
        assert part.above == 0 or part.start - part.above >= halo
        assert part.below == height or part.below - part.stop >= halo
    if len(parts) > 1:
        assert height * width > pixels
        wanted = max(part.stop - part.start for part in parts)
        around = math.ceil(halo / unit) * unit
        assert wanted * width <= max(pixels, unit * width, around * width)  # "about" these pixels
        assert max(part.below - part.above for part in parts) <= wanted + 2 * around
        # Low enough for the memory, and no lower: a halo costs as much for few rows as for many.
        assert wanted == max(unit, pixels // width // unit * unit, around) and wanted >= around


@given(height=st.integers(1, 999), width=st.integers(1, 999), halo=st.integers(0, 99), unit=st.integers(1, 99))
def test_what_fits_is_not_divided(height: int, width: int, halo: int, unit: int) -> None:
    assert strips(height, width, height * width, halo=halo, unit=unit) == [Strip(0, 0, height, height)]


def test_strips_by_hand() -> None:
    assert strips(400, 100, 12_000, halo=20, unit=16) == [
        Strip(0, 0, 112, 144), Strip(80, 112, 224, 256), Strip(192, 224, 336, 368), Strip(304, 336, 400, 400),
    ]  # fmt: skip


def test_half_the_memory() -> None:
    assert StripPixels(100, 40).halved() == StripPixels(50, 20)


# ---- the halos ----------------------------------------------------------------------------------------------


def reached(x: Tensor) -> list[int]:
    """The rows of a map (B, C, H, W) that hold anything but finite numbers."""
    return [int(r) for r in torch.isfinite(x).logical_not().any(3).any(1).any(0).nonzero()]


@pytest.mark.parametrize("start", [192, 208])
@torch.inference_mode()
def test_the_halo_of_the_backbone_is_as_large_as_it_must_be(start: int) -> None:
    """A row that is not a number spoils all that depends on it, whatever the weights."""
    backbone = randomise(Backbone(4, 4))
    for halo in (BACKBONE_HALO, BACKBONE_HALO - STRIDE):
        above, below = noise(1, 1, 480, 16), noise(1, 1, 480, 16)
        above[:, :, : start - halo] = torch.nan
        below[:, :, start + halo :] = torch.nan
        spoiled = [max(reached(x)) >= start // s for x, s in zip(backbone(above), STRIDES, strict=True)]
        assert any(spoiled) == (halo < BACKBONE_HALO), halo
        # Downwards a convolution of stride 2 reaches less far.
        assert all(min(reached(x)) >= start // s for x, s in zip(backbone(below), STRIDES, strict=True)), halo


@pytest.mark.parametrize("blocks", [(1, 1), (2, 2), (4, 5), (6, 1)])
@torch.inference_mode()
def test_the_halo_of_the_head_is_as_large_as_it_must_be(blocks: tuple[int, int]) -> None:
    config = tiny(cascade_blocks=blocks)
    head, halo = randomise(CascadeHead(config)), -(-head_halo(blocks) // STRIDE) * STRIDE  # as ``strips`` rounds it
    keep, engine = torch.ones(1, 1, 8, 1), DenseEngine()
    sides = ((config.width, 4), (config.stem_width, 2), (1, 1))
    start = 64
    for rows, spoiled in ((halo, False), (max(8, halo - STRIDE), True)):
        above, below = ([noise(1, c, 128 // s, 16 // s) for c, s in sides] for _ in range(2))
        for x, y, (_, s) in zip(above, below, sides, strict=True):
            x[:, :, : (start - rows) // s] = torch.nan
            y[:, :, (start + rows) // s :] = torch.nan
        of_above, of_below = (
            reached(head(*maps, keep, engine.patches(keep), engine, pixels=1 << 20)) for maps in (above, below)
        )
        assert (max(of_above) >= start, min(of_below) < start) == (spoiled, spoiled)


# ---- the whole network --------------------------------------------------------------------------------------

SIZES = [(368, 32), (144, 304), (176, 80), (16, 160), (272, 16)]


def in_strips(
    network: ADSNet, frames: Tensor, sparsity: Sparsity, engine: Engine, pixels: StripPixels = SMALLEST
) -> Any:
    return network.decode(network.encode(frames, pixels=pixels), sparsity, engine, pixels=pixels)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", ["dense", "gather"])
@torch.inference_mode()
def test_strips_give_the_numbers_of_the_whole_frame(name: str, size: tuple[int, int]) -> None:
    network, frames, engine = lively_network(), mixed_frames(*size), engine_of(name)
    for sparsity in (DENSE, Sparsity(drop=(0.25, 0.5)), Sparsity(drop=(0.6, 0.95)), Sparsity(drop=(1.0, 1.0))):
        got = in_strips(network, frames, sparsity, engine)
        assert_same_output(got, network(frames, sparsity, engine), RELATIVE)


@pytest.mark.parametrize(
    "patches", [PatchGrid("grid", s) for s in (4, 8, 16, 32)] + [PatchGrid("cell", s) for s in (32, 64)], ids=str
)
@pytest.mark.parametrize("name", ["dense", "gather", "auto"])
@torch.inference_mode()
def test_strips_follow_every_patch_grid(name: str, patches: PatchGrid) -> None:
    """Among them grids that do not divide the frame, whose heads are not divided, and that are finer than its maps."""
    network, engine = lively_network(tiny(patches=patches)), engine_of(name)
    for size in ((256, 48), (176, 80)):
        frames, sparsity = mixed_frames(*size), Sparsity(drop=(0.3, 0.7))
        got = in_strips(network, frames, sparsity, engine)
        assert_same_output(got, network(frames, sparsity, engine), RELATIVE)


@pytest.mark.parametrize("head", ["bilinear", "shuffle", "cascade"])
@torch.inference_mode()
def test_the_strips_of_a_fused_network(head: str) -> None:
    network, frames = fused(lively_network(tiny(head=head)), torch.float32), mixed_frames(256, 48)
    for pixels in (SMALLEST, StripPixels(160 * 48, 40 * 48)):
        got = in_strips(network, frames, Sparsity(), engine_of("gather"), pixels)
        assert_same_output(got, network(frames, Sparsity()), RELATIVE)


@torch.inference_mode()
def test_strips_are_computed_one_after_the_other() -> None:
    """What the test above compares must not be the same computation twice."""
    network, frames = lively_network(), noise(1, 1, 368, 32)
    stages: list[str] = []
    encoded = network.encode(frames, pixels=SMALLEST, lap=stages.append)
    assert stages == ["stem", "B2", "B3", "B4"] * 4 + ["AFD", "stage 4"]  # 368 rows, 112 at a time
    del stages[:]
    network.decode(encoded, DENSE, DenseEngine(), pixels=SMALLEST, lap=stages.append)
    assert stages == ["decision 3", "stage 3", "decision 2", "stage 2", *["stride 2", "stride 1"] * 23]
    del stages[:]
    network.decode(network.encode(frames, lap=stages.append), DENSE, DenseEngine(), lap=stages.append)
    assert stages == [
        "stem", "B2", "B3", "B4", "AFD", "stage 4", "decision 3", "stage 3", "decision 2", "stage 2",
        "stride 2", "stride 1",
    ]  # fmt: skip


@torch.inference_mode()
def test_levels_of_strips_are_in_the_order_of_convolutions() -> None:
    encoded = lively_network().encode(noise(2, 1, 256, 32), pixels=SMALLEST)
    maps = [encoded.stem, *encoded.features.values(), encoded.a4]
    assert all(x.is_contiguous(memory_format=torch.channels_last) for x in maps)
