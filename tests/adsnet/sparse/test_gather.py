"""The gather engine by itself: its tables, its borders, its gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from adsnet.config import ModelConfig
from adsnet.model.acs import Activation
from adsnet.model.heads import CascadeHead
from adsnet.sparse.contract import Engine
from adsnet.sparse.dense import DenseEngine
from adsnet.sparse.gather import GatherEngine, KeptPatches
from adsnet.sparse.patches import spread
from tests.adsnet.sparse.maps import (
    MASKS,
    Layout,
    Operations,
    assert_close,
    gradients,
    layouts,
    mask_of,
    randomise,
    through,
)
from tests.adsnet.tiny import noise

RELATIVE = 1e-4
"""Gradients are compared in float64: in float32 a value that rounds to the other side of a ReLU has none or all."""


# ---- tables -------------------------------------------------------------------------------------------------


def test_patches_know_their_places_and_neighbours() -> None:
    keep = torch.tensor([[[1.0, 0, 1], [1, 1, 0]], [[0, 0, 0], [0, 0, 1]]])[:, None]
    patches = KeptPatches(keep)
    assert patches.count == 5
    assert patches.place.tolist() == [[0, 0, 0], [0, 0, 2], [0, 1, 0], [0, 1, 1], [1, 1, 2]]
    assert patches.near[0].tolist() == [5, 5, 5, 5, 0, 5, 5, 2, 3]
    assert patches.near[3].tolist() == [0, 5, 1, 2, 3, 5, 5, 5, 5]
    assert patches.near[4].tolist() == [5, 5, 5, 5, 4, 5, 5, 5, 5]  # nothing of the other frame


@given(layout=layouts())
def test_the_sites_are_those_of_the_mask_in_patches_that_fit_the_map(layout: Layout) -> None:
    engine, full = GatherEngine(), spread(layout.keep, layout.height, layout.width)
    sites = engine.sites(engine.patches(layout.keep), layout.height, layout.width)
    divided = layout.height % layout.rows == 0 and layout.width % layout.columns == 0
    assert sites.patch == ((layout.height // layout.rows, layout.width // layout.columns) if divided else (1, 1))
    assert sites.flat.sort().values.tolist() == full.flatten().nonzero().flatten().tolist()
    values = engine.take(layout.map(3), sites)
    assert values.shape == (sites.count, 3, *sites.patch)
    assert values.is_contiguous(memory_format=torch.channels_last)


# ---- enlarging ----------------------------------------------------------------------------------------------


def enlarged(engine: Engine, x: Tensor, keep: Tensor, finer_keep: Tensor | None = None) -> Tensor:
    """``x`` at the kept sites, enlarged, as a full map; ``finer_keep`` for sites of another form than the patches'."""
    patches = engine.patches(keep)
    finer_patches = patches if finer_keep is None else engine.patches(finer_keep)
    sites = engine.sites(patches, *x.shape[2:])
    finer = engine.sites(finer_patches, 2 * x.shape[2], 2 * x.shape[3])
    return engine.scatter(engine.enlarge(engine.take(x, sites), sites, finer), finer)


def expected_enlarged(x: Tensor, keep: Tensor) -> Tensor:
    """The contract written out: zeros at dropped sites, enlarged, and only the kept sites of the result."""
    masked = x * spread(keep, *x.shape[2:])
    whole = F.interpolate(masked, scale_factor=2, mode="bilinear", align_corners=False)
    return whole * spread(keep, *whole.shape[2:])


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("patch", [(1, 1), (1, 3), (2, 2), (4, 3)])
@torch.inference_mode()
def test_enlarging_sees_zeros_in_dropped_patches_and_repeats_the_edge_of_the_frame(
    kind: str, patch: tuple[int, int]
) -> None:
    keep = mask_of(kind, 2, 3, 4)
    x = noise(2, 5, 3 * patch[0], 4 * patch[1]) + 3  # far from zero, so that a wrong border shows
    assert_close(enlarged(GatherEngine(), x, keep), expected_enlarged(x, keep), 1e-5)


@torch.inference_mode()
def test_a_corner_patch_is_enlarged_by_hand() -> None:
    """A constant stays what it is at the edge of the frame and fades out towards dropped patches."""
    keep = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    got = enlarged(GatherEngine(), torch.full((1, 1, 4, 4), 8.0), keep)[0, 0]
    fading = torch.tensor([1, 1, 1, 0.75, 0, 0, 0, 0])
    torch.testing.assert_close(got, 8 * fading[:, None] * fading)


@given(layout=layouts(), channels=st.integers(1, 9))
@settings(max_examples=60)
def test_enlarging_on_every_grid(layout: Layout, channels: int) -> None:
    x = layout.map(channels) + 3
    with torch.inference_mode():
        assert_close(enlarged(GatherEngine(), x, layout.keep), expected_enlarged(x, layout.keep), 1e-5)


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("single", ["both", "coarse", "fine"])
@torch.inference_mode()
def test_enlarging_between_patches_and_single_sites(kind: str, single: str) -> None:
    """The same mask as patches of 3 × 2 sites and as patches of one site, on either side."""
    keep, x = mask_of(kind, 2, 4, 5), noise(2, 3, 12, 10) + 3
    coarse = keep if single == "fine" else spread(keep, 12, 10)
    fine = keep if single == "coarse" else spread(keep, 24, 20)
    assert_close(enlarged(GatherEngine(), x, coarse, fine), expected_enlarged(x, keep), 1e-5)


@pytest.mark.parametrize("rows", [4, 3, 5, 24])
@torch.inference_mode()
def test_enlarging_where_the_grid_divides_one_of_the_maps_only(rows: int) -> None:
    """Of 6 rows: 4 and 24 divide neither 6, 5 divides neither, 3 both; of 12 rows 4 divides them."""
    engine, keep, x = GatherEngine(), mask_of("random", 2, rows, 3), noise(2, 4, 6, 9) + 3
    patches = engine.patches(keep)
    sides = [engine.sites(patches, 6 * k, 9 * k).patch for k in (1, 2)]
    assert sides == {4: [(1, 1), (3, 6)], 3: [(2, 3), (4, 6)]}.get(rows, [(1, 1), (1, 1)])
    assert_close(enlarged(engine, x, keep), expected_enlarged(x, keep), 1e-5)


@pytest.mark.parametrize("patch", [(2, 2), (4, 6), (1, 2), (3, 4)])
@torch.inference_mode()
def test_taking_an_enlarged_map_repeats_the_edge_of_the_frame(patch: tuple[int, int]) -> None:
    """Other than in ``enlarge`` the dropped sites are there; odd patches take the way over the full map."""
    engine, keep = GatherEngine(), mask_of("border", 2, 4, 4)
    height, width = 4 * patch[0], 4 * patch[1]
    coarse = noise(2, 3, height // 2, width // 2) + 3
    sites = engine.sites(engine.patches(keep), height, width)
    whole = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    got = engine.scatter(engine.take_upsampled(coarse, sites), sites)
    assert_close(got, whole * spread(keep, height, width), 1e-5)


# ---- adding -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 3, 6, 8), (2, 1, 6, 8), (1, 3, 1, 1), (2, 3, 1, 4)])
def test_adding_overwrites_the_map_in_inference_and_only_there(shape: tuple[int, int, int, int]) -> None:
    engine, keep = GatherEngine(), mask_of("full", shape[0], 1, 1)
    sites = engine.sites(engine.patches(keep), *shape[2:])
    x = noise(*shape).contiguous(memory_format=torch.channels_last)
    values, expected = engine.take(noise(*shape, seed=1), sites), noise(*shape) + noise(*shape, seed=1)
    assert engine.add_to(x, values, sites) is not x
    assert torch.equal(x, noise(*shape))
    with torch.inference_mode():
        assert torch.equal(engine.add_to(x, values, sites), expected)
        assert torch.equal(x, expected)


# ---- gradients ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MASKS)
def test_gather_has_the_gradients_of_dense(kind: str) -> None:
    keep = mask_of(kind, 2, 7, 9)
    activation, x = randomise(Activation(5)), noise(2, 5, 7, 9)

    def of(engine: Engine) -> dict[str, Tensor]:
        return gradients(activation, {"x": x}, lambda: [through(activation, engine, x, keep)])

    dense, got = of(DenseEngine()), of(GatherEngine())
    for name, expected in dense.items():
        torch.testing.assert_close(got[name], expected, atol=1e-4, rtol=1e-3, msg=name)


def same_gradients(dense: dict[str, Tensor], gather: dict[str, Tensor]) -> None:
    assert list(dense) == list(gather)
    for name, expected in dense.items():
        assert_close(gather[name], expected, RELATIVE, name, scale=1e-6)


@given(layout=layouts(), inputs=st.integers(1, 9), outputs=st.integers(1, 9))
@settings(max_examples=40)
def test_the_gradients_of_every_operation_are_those_of_dense(layout: Layout, inputs: int, outputs: int) -> None:
    operations = randomise(Operations(inputs, outputs), layout.seed).double()
    x, fine = layout.map(inputs).double(), layout.map(inputs, times=2, more=1).double()

    def of(engine: Engine) -> dict[str, Tensor]:
        maps = {"x": x, "fine": fine}
        return gradients(operations, maps, lambda: list(operations(engine, x, fine, layout.keep).values()))

    same_gradients(of(DenseEngine()), of(GatherEngine()))


@given(layout=layouts(), channels=st.integers(1, 9))
@settings(max_examples=30)
def test_the_gradients_of_an_activation_are_those_of_dense(layout: Layout, channels: int) -> None:
    activation, x = randomise(Activation(channels), layout.seed).double(), layout.map(channels).double()

    def of(engine: Engine) -> dict[str, Tensor]:
        return gradients(activation, {"x": x}, lambda: [through(activation, engine, x, layout.keep)])

    same_gradients(of(DenseEngine()), of(GatherEngine()))


@given(layout=layouts(unit=4))
@settings(max_examples=20)
def test_the_gradients_of_the_cascade_head_are_those_of_dense(layout: Layout) -> None:
    config = ModelConfig(stem_width=5, backbone_width=5, width=9, cascade_widths=(6, 5))
    head, keep = randomise(CascadeHead(config), layout.seed).double(), layout.keep
    maps = {
        "a2": noise(layout.batch, 9, layout.height // 4, layout.width // 4, seed=1).double(),
        "stem": noise(layout.batch, 5, layout.height // 2, layout.width // 2, seed=2).double(),
        "frame": layout.map(1).double(),
    }

    def of(engine: Engine) -> dict[str, Tensor]:
        patches = engine.patches(keep)
        return gradients(head, maps, lambda: [head(*maps.values(), keep, patches, engine, pixels=1 << 20)])

    same_gradients(of(DenseEngine()), of(GatherEngine()))


def test_what_inference_leaves_behind_can_be_trained_with() -> None:
    """Tables are remembered between calls; one that was made in inference mode would be refused by autograd."""
    keep, x = mask_of("random", 1, 3, 5), noise(1, 4, 33, 55)
    activation, engine = randomise(Activation(4)), GatherEngine()
    with torch.inference_mode():
        expected = through(activation, engine, x, keep)
    got = through(activation, engine, x, keep)
    got.sum().backward()  # type: ignore[no-untyped-call]
    assert torch.equal(got, expected)
