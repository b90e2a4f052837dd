"""From frames of any kind to predictions."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from adsnet import predictor as module
from adsnet.config import DENSE, ForcedPatch, PatchGrid, Sparsity
from adsnet.errors import EngineError, FrameError, ModelFileError
from adsnet.model.acs import patch_grid
from adsnet.model.afd import Distribute, _align
from adsnet.model.backbone import Levels
from adsnet.model.fused import fused
from adsnet.model.heads import DROPPED_LOGIT
from adsnet.model.work import stage_work, work_per_pixel
from adsnet.normalise import normalise, pad_to_multiple
from adsnet.prediction import Prediction
from adsnet.predictor import Predictor, _edges
from adsnet.sparse.patches import spread
from tests.adsnet.tiny import TINY, lively_network, make_frame, tiny, tiny_card

SPARSE = Sparsity(drop=(0.3, 0.6))


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(lively_network(), tiny_card(), device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def prediction(predictor: Predictor) -> Prediction:
    """Of a frame of 45×53 pixels."""
    return predictor.predict(frame(45, 53), SPARSE)


def frame(height: int = 48, width: int = 64, *, seed: int = 0) -> NDArray[np.uint8]:
    return make_frame(height, width, seed=seed)[0]


def equal(a: Prediction, b: Prediction) -> bool:
    """Equal in everything but the time."""
    return (
        np.array_equal(a.probability, b.probability)
        and all(
            np.array_equal(getattr(x, name), getattr(y, name))
            for x, y in zip(a.decisions, b.decisions, strict=True)
            for name in ("keep_probability", "kept", "class_probability", "iou_score", "row_edges", "column_edges")
        )
        and all(
            np.array_equal(x.channel, y.channel) and np.array_equal(x.spatial, y.spatial)
            for x, y in zip(a.attentions, b.attentions, strict=True)
        )
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (16, 16), (17, 33), (64, 48), (300, 200)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_frames_of_any_size_and_type(predictor: Predictor, size: tuple[int, int], dtype: Any) -> None:
    height, width = size
    pixels = np.random.default_rng(0).integers(0, 200, size).astype(dtype)
    prediction = predictor.predict(pixels, SPARSE)
    padded = (height + -height % 16, width + -width % 16)
    assert prediction.padded_shape == padded
    assert prediction.probability.shape == size and prediction.probability.dtype == np.float32
    assert prediction.probability.flags.c_contiguous
    assert 0 <= prediction.probability.min() and prediction.probability.max() <= 1
    assert np.array_equal(prediction.mask, prediction.probability > 0.5)
    grid = (padded[0] // 16, padded[1] // 16)
    for decision, stage in zip(prediction.decisions, (4, 3), strict=True):
        assert (decision.decided_at, decision.applies_to) == (stage, stage - 1)
        assert decision.kept.shape == decision.keep_probability.shape == grid
        assert decision.kept.dtype == np.bool_ and decision.keep_probability.dtype == np.float32
        cells = (padded[0] >> stage, padded[1] >> stage)
        assert decision.class_probability.shape == decision.iou_score.shape == cells
        for share in (decision.keep_probability, decision.class_probability, decision.iou_score):
            assert 0 <= share.min() and share.max() <= 1
    assert [a.stage for a in prediction.attentions] == [4, 3]
    for attention in prediction.attentions:
        assert attention.channel.shape == (TINY.width,)
        assert attention.spatial.shape == (padded[0] >> attention.stage, padded[1] >> attention.stage)
    assert prediction.seconds > 0 and prediction.model == "tiny" and prediction.detector == "adsnet"


@pytest.mark.parametrize("value", [0, 255, 65535])
def test_flat_frames_do_not_fail(predictor: Predictor, value: int) -> None:
    prediction = predictor.predict(np.full((33, 47), value, np.uint16), SPARSE)
    reference = predictor.predict(np.zeros((33, 47), np.uint8), SPARSE)
    assert np.isfinite(prediction.probability).all() and equal(prediction, reference)


@pytest.mark.parametrize(("gain", "offset"), [(257, 0), (1, 6000), (37, 1234)])
def test_gain_and_offset_of_the_camera_make_no_difference(predictor: Predictor, gain: int, offset: int) -> None:
    pixels = frame()
    brighter = (pixels.astype(np.uint32) * gain + offset).astype(np.uint16)
    a, b = predictor.predict(pixels, SPARSE), predictor.predict(brighter, SPARSE)
    np.testing.assert_allclose(a.probability, b.probability, atol=1e-3)
    assert all(np.array_equal(x.kept, y.kept) for x, y in zip(a.decisions, b.decisions, strict=True))


@pytest.mark.parametrize("engine", ["auto", "dense", "gather"])
def test_predicting_again_is_predicting(predictor: Predictor, engine: str) -> None:
    for sparsity in (DENSE, SPARSE, Sparsity(drop=(1.0, 1.0)), Sparsity(threshold=(0.5, 0.5))):
        first = predictor.predict(frame(), sparsity, engine)
        predictor.predict_again(Sparsity(drop=(0.9, 0.95)), "gather")  # leaves nothing behind
        assert equal(first, predictor.predict_again(sparsity, engine)) and first.engine == engine
    other = predictor.predict(frame(32, 80, seed=1), SPARSE, engine)
    assert other.probability.shape == (32, 80)


def test_kept_fractions_by_stage(predictor: Predictor) -> None:
    prediction = predictor.predict(frame(64, 80), Sparsity(drop=(0.25, 0.5)))
    assert prediction.kept == {"3": 0.75, "2": 0.5}
    assert bool((prediction.decisions[1].kept <= prediction.decisions[0].kept).all())


def test_the_frame_comes_before_the_prediction(predictor: Predictor) -> None:
    with pytest.raises(AssertionError, match="set_frame comes first"):
        Predictor(lively_network(), tiny_card()).predict_again(SPARSE)


def test_without_an_iou_score_or_attention_their_maps_are_empty() -> None:
    config = tiny(iou_aware=False, afd="no_channel")
    prediction = Predictor(lively_network(config), tiny_card(config)).predict(frame(), SPARSE)
    assert all(d.iou_score.shape == (0, 0) for d in prediction.decisions)
    assert all(a.channel.shape == (0,) and a.spatial.size for a in prediction.attentions)
    config = tiny(afd="no_spatial")
    prediction = Predictor(lively_network(config), tiny_card(config)).predict(frame(), SPARSE)
    assert all(a.channel.size and a.spatial.shape == (0, 0) for a in prediction.attentions)
    config = tiny(afd="off")
    assert Predictor(lively_network(config), tiny_card(config)).predict(frame(), SPARSE).attentions == ()


def test_the_probability_is_that_of_the_network(predictor: Predictor) -> None:
    from adsnet.normalise import normalise, pad_to_multiple

    pixels = frame(40, 50)
    network_input = torch.from_numpy(pad_to_multiple(normalise(pixels, predictor.card.normalisation), 16))
    with torch.inference_mode():
        output = fused(lively_network(), torch.float32)(network_input[None, None], SPARSE)
    prediction = predictor.predict(pixels, SPARSE, "dense")
    expected = torch.sigmoid(output.logits)[0, 0, :40, :50].numpy()
    np.testing.assert_allclose(prediction.probability, expected, atol=1e-6)
    for decision in prediction.decisions:
        heads = output.stages[decision.decided_at]
        assert heads.iou_logits is not None
        keep_probability = torch.softmax(heads.keep_logits, 1)[0, 0].numpy()
        np.testing.assert_allclose(decision.keep_probability, keep_probability, atol=1e-6)
        np.testing.assert_array_equal(decision.kept, heads.keep[0, 0].numpy() > 0)
        np.testing.assert_allclose(decision.class_probability, heads.class_logits[0, 0].sigmoid().numpy(), atol=1e-6)
        np.testing.assert_allclose(decision.iou_score, heads.iou_logits[0, 0].sigmoid().numpy(), atol=1e-6)
    for attention in prediction.attentions:
        maps = output.attentions[attention.stage]
        assert maps.channel is not None and maps.spatial is not None
        np.testing.assert_allclose(attention.channel, maps.channel.flatten().numpy(), atol=1e-6)
        np.testing.assert_allclose(attention.spatial, maps.spatial[0, 0].numpy(), atol=1e-6)


def test_a_frame_that_is_too_large_is_refused_and_the_last_one_stays(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = predictor.predict(frame(), SPARSE)
    monkeypatch.setattr(module, "MAX_PIXELS", 1000)
    with pytest.raises(FrameError, match="a frame of 40×30 pixels is too large to predict"):
        predictor.predict(np.zeros((30, 40), np.uint8), SPARSE)
    assert equal(before, predictor.predict_again(SPARSE))


def test_files_engines_and_devices_that_are_not_there(model_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError):
        Predictor.from_file(tmp_path / "none.safetensors")
    with pytest.raises(EngineError, match="unknown device"):
        Predictor.from_file(model_path, device="tpu")
    predictor = Predictor.from_file(str(model_path), device="cpu")
    with pytest.raises(EngineError, match="unknown engine"):
        predictor.predict(frame(), SPARSE, "quantum")
    assert predictor.card == tiny_card()


@given(
    kind=st.sampled_from(["grid", "cell"]),
    size=st.sampled_from([4, 8, 16, 32, 64]),
    height=st.integers(1, 200),
    width=st.integers(1, 200),
)
@settings(max_examples=80)
def test_the_edges_of_the_patches_are_where_the_network_has_them(kind: Any, size: int, height: int, width: int) -> None:
    patches = PatchGrid(kind, max(size, 16) if kind == "cell" else size)
    padded = (height + -height % 16, width + -width % 16)
    rows, columns = patch_grid(patches, *padded)
    row_edges, column_edges = _edges(rows, padded[0], height), _edges(columns, padded[1], width)
    assert row_edges.dtype == np.int32 and len(row_edges) == rows + 1 and len(column_edges) == columns + 1
    assert row_edges[0] == 0 == column_edges[0] and row_edges[-1] == height and column_edges[-1] == width
    numbers = torch.arange(rows * columns).view(1, 1, rows, columns).float()
    at_pixels = spread(numbers, *padded)[0, 0, :height, :width].numpy()
    from_edges = np.full((height, width), -1.0)
    for row in range(rows):
        for column in range(columns):
            part = np.s_[row_edges[row] : row_edges[row + 1], column_edges[column] : column_edges[column + 1]]
            from_edges[part] = row * columns + column
    if rows <= padded[0] and columns <= padded[1]:  # else a pixel is kept when any of its patches is
        assert np.array_equal(from_edges, at_pixels)


@given(row=st.integers(-3, 60), column=st.integers(-3, 70))
def test_the_patch_under_the_pointer(prediction: Prediction, row: int, column: int) -> None:
    decision = prediction.decisions[1]
    inside = 0 <= row < 45 and 0 <= column < 53
    assert decision.patch_at(row, column) == ((row // 16, column // 16) if inside else None)
    assert decision.patch_at(44.9, 52.9) == (2, 3) and decision.patch_at(45.0, 0) is None
    assert decision.patch_at(-0.1, 0) is None


def test_dropped_pixels_are_those_of_the_dropped_patches(prediction: Prediction) -> None:
    decision = prediction.decisions[1]
    looked_at = prediction.probability != torch.sigmoid(torch.tensor(DROPPED_LOGIT)).item()
    for row in range(45):
        for column in range(53):
            place = decision.patch_at(row, column)
            assert place is not None and bool(decision.kept[place]) == bool(looked_at[row, column])


# ---- what if ------------------------------------------------------------------------------------------------


def forced(stage: Any, wanted: NDArray[np.bool_]) -> tuple[ForcedPatch, ...]:
    """Every patch as in ``wanted`` (rows, columns)."""
    return tuple(ForcedPatch(stage, int(r), int(c), bool(keep)) for (r, c), keep in np.ndenumerate(wanted))


@pytest.mark.parametrize("engine", ["dense", "gather", "auto"])
@given(seed=st.integers(0, 1000))
@settings(max_examples=8)
def test_forced_patches_are_the_mask_that_the_engine_computes_with(
    predictor: Predictor, engine: str, seed: int
) -> None:
    """Kept by force where nothing is kept, or dropped by force where all is kept: the same mask, the same numbers."""
    random = np.random.default_rng(seed)
    wanted3 = random.random((3, 4)) < 0.6
    wanted2 = wanted3 & (random.random((3, 4)) < 0.6)
    both = forced(3, wanted3) + forced(2, wanted2)
    pixels = frame()
    from_none = predictor.predict(
        pixels, Sparsity(threshold=(1.0, 1.0), forced=tuple(f for f in both if f.keep)), engine
    )
    from_all = predictor.predict(pixels, Sparsity((0.0, 0.0), forced=tuple(f for f in both if not f.keep)), engine)
    for made in (from_none, from_all):
        assert np.array_equal(made.decisions[0].kept, wanted3) and np.array_equal(made.decisions[1].kept, wanted2)
    assert equal(from_none, from_all)
    in_dropped = spread(torch.from_numpy(wanted2)[None, None].float(), 48, 64)[0, 0].numpy() == 0
    assert np.allclose(from_none.probability[in_dropped], 1 / (1 + np.exp(-DROPPED_LOGIT)), rtol=1e-3)
    free = predictor.predict(pixels, Sparsity((0.0, 0.0)), engine)
    assert wanted2.all() or not np.array_equal(free.probability, from_all.probability)


def test_a_forced_patch_that_was_dropped_before_stays_dropped(predictor: Predictor) -> None:
    sparsity = Sparsity(threshold=(1.0, 1.0), forced=(ForcedPatch(2, 1, 1, True), ForcedPatch(3, 99, 0, True)))
    assert not any(d.kept.any() for d in predictor.predict(frame(), sparsity).decisions)


# ---- what it costs ------------------------------------------------------------------------------------------


def test_every_stage_has_its_cost(predictor: Predictor) -> None:
    made = predictor.predict(frame(), Sparsity(drop=(0.5, 0.75)), "gather")
    names = [stage.name for stage in made.stages]
    assert names[:5] == ["stem", "B2", "B3", "B4", "AFD"] and names[-2:] == ["stride 2", "stride 1"]
    assert all(stage.seconds > 0 and 0 <= stage.gflop_done <= stage.gflop_dense for stage in made.stages)
    assert made.seconds == pytest.approx(sum(stage.seconds for stage in made.stages))
    work = stage_work(
        work_per_pixel(lively_network()), 48, 64, {"stage 3": 0.5, "stage 2": 0.25, "stride 2": 0.25, "stride 1": 0.25}
    )
    assert {s.name: (s.gflop_dense, s.gflop_done) for s in made.stages} == work
    dense = predictor.predict_again(Sparsity(drop=(0.5, 0.75)), "dense")
    assert all(stage.gflop_done == stage.gflop_dense for stage in dense.stages)


def test_what_is_not_computed_again_keeps_its_cost(predictor: Predictor) -> None:
    first = {stage.name: stage.seconds for stage in predictor.predict(frame(), Sparsity(drop=(0.5, 0.5))).stages}
    again = {stage.name: stage.seconds for stage in predictor.predict_again(Sparsity(drop=(0.5, 0.75))).stages}
    assert list(first) == list(again)
    assert all(first[name] == again[name] for name in ("stem", "B2", "B3", "B4", "AFD", "stage 4", "stage 3"))
    assert first["stage 2"] != again["stage 2"]


def test_frames_of_a_batch_share_the_cost(predictor: Predictor) -> None:
    both = predictor.predict_batch([frame(), frame(seed=1)], SPARSE)
    assert both[0].stages == both[1].stages
    work = stage_work(work_per_pixel(lively_network()), 48, 64, {})
    assert {s.name: s.gflop_dense for s in both[0].stages} == {name: one.dense for name, one in work.items()}


# ---- the features -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{}, {"distribute": (2, 3, 4)}, {"afd": "off"}, {"attention": "gate_only"}], ids=str
)
@torch.inference_mode()
def test_features_are_the_strength_of_the_tensors_of_the_network(options: dict[str, Any]) -> None:
    """Against what the layers of the network as trained say when they are watched."""
    config = tiny(**options)
    made = Predictor(lively_network(config), tiny_card(config), device="cpu", precision="fp32")
    network = copy.deepcopy(lively_network(config))
    seen: dict[str, torch.Tensor] = {}

    def watch(layer: torch.nn.Module, name: str) -> None:
        layer.register_forward_hook(lambda _layer, _inputs, output: seen.update({name: output}))

    for level in (2, 3, 4):
        watch(getattr(network.backbone, f"stage{level}"), f"B{level}")
    fed = [] if options.get("afd") == "off" else sorted(options.get("distribute", (3, 4)), reverse=True)
    for stage in fed:
        distribute = network.afd.stages[str(stage)]
        assert isinstance(distribute, Distribute)
        watch(distribute, f"F{stage}")
        distribute.lateral.register_forward_hook(lambda _l, _i, output, s=stage: seen.update({f"lateral {s}": output}))
    pixels = frame(45, 53)
    made.set_frame(pixels)
    before = made.predict_again(SPARSE)
    features = made.examine()
    assert features.padded_shape == (48, 64)
    assert equal(before, made.predict_again(SPARSE))  # looking changes nothing
    encoded = network.encode(
        torch.from_numpy(pad_to_multiple(normalise(pixels, made.card.normalisation), 16))[None, None]
    )
    groups = network.afd._groups(Levels(encoded.stem, seen["B2"], seen["B3"], seen["B4"]))
    expected = {name: seen[name] for name in ("B2", "B3", "B4")}
    for stage in fed:
        lateral = seen[f"lateral {stage}"]
        expected[f"joined {stage}"] = lateral + _align(groups[stage], lateral)
        expected[f"F{stage}"] = seen[f"F{stage}"][0]
    assert [one.name for one in features.maps] == list(expected)
    for one in features.maps:
        tensor = expected[one.name][0].double().numpy()
        assert one.values.dtype == one.channels.dtype == np.float32 and one.values.max() > 0
        np.testing.assert_allclose(one.values, np.sqrt((tensor**2).mean(0)), rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(one.channels, np.sqrt((tensor**2).mean((1, 2))), rtol=1e-3, atol=1e-5)
