"""Options: what is accepted, what is refused and how it is said."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adsnet.config import (
    PAPER_LOSS,
    PAPER_MODEL,
    LossConfig,
    ModelConfig,
    Normalisation,
    PatchGrid,
    Sparsity,
    TrainConfig,
    from_dict,
    to_dict,
)
from adsnet.errors import ConfigError
from adsnet.recipes import NAMED_CONFIGS, PAPER_TRAINING

shares = st.floats(0, 1)
positive = st.floats(1e-6, 1e6)
models = st.builds(
    ModelConfig,
    width=st.integers(8, 1024),
    afd=st.sampled_from(["full", "no_channel", "no_spatial", "off"]),
    distribute=st.sampled_from([(4,), (3, 4), (2, 3, 4)]),
    attention=st.sampled_from(["literal", "gate_only"]),
    spatial_kernel=st.sampled_from([1, 7]),
    channel_reduction=st.integers(1, 64),
    patches=st.builds(PatchGrid, st.sampled_from(["grid", "cell"]), st.sampled_from([16, 32, 64])),
    head=st.sampled_from(["bilinear", "shuffle", "cascade"]),
    cascade_widths=st.tuples(st.integers(4, 512), st.integers(4, 512)),
)
trainings = st.builds(
    TrainConfig,
    model=models,
    loss=st.builds(LossConfig, soft_iou=positive, ratio=positive, kept=st.tuples(shares, shares)),
    normalisation=st.builds(Normalisation, st.sampled_from(["asinh", "fixed"]), st.floats(-1e6, 1e6), positive),
    iterations=st.integers(1, 10**6),
    learning_rate=positive,
    schedule=st.sampled_from(["constant", "onecycle", "steps"]),
    average_from=shares,
    warmup=shares,
    freeze_statistics=st.booleans(),
)


@given(trainings)
def test_a_configuration_survives_json(config: TrainConfig) -> None:
    assert from_dict(TrainConfig, json.loads(json.dumps(to_dict(config)))) == config


@pytest.mark.parametrize("name", sorted(NAMED_CONFIGS))
def test_named_configurations_survive_json(name: str) -> None:
    config = NAMED_CONFIGS[name]
    assert from_dict(TrainConfig, json.loads(json.dumps(to_dict(config)))) == config


def test_missing_options_take_their_defaults() -> None:
    assert from_dict(TrainConfig, {}) == TrainConfig()
    assert from_dict(TrainConfig, {"model": {"width": 32}}).model == ModelConfig(width=32)


def test_whole_numbers_are_numbers() -> None:
    rate = from_dict(TrainConfig, {"learning_rate": 1}).learning_rate
    assert rate == 1.0 and isinstance(rate, float)


def test_a_missing_value_is_allowed_only_where_it_means_something() -> None:
    assert from_dict(Sparsity, {"threshold": None}) == Sparsity()
    assert from_dict(Sparsity, {"threshold": [0, 1]}).threshold == (0.0, 1.0)
    with pytest.raises(ConfigError, match="drop must be a list"):
        from_dict(Sparsity, {"drop": None})


@pytest.mark.parametrize(
    ("kind", "values", "text"),
    [
        (TrainConfig, {"colour": 1}, "unknown option 'colour'; the options here are detector, model, loss"),
        (
            TrainConfig,
            {"model": {"widht": 64}},
            "unknown option 'model.widht'; the options here are stem_width, backbone_width, width",
        ),
        (TrainConfig, {"model": {"patches": {"sise": 8}}}, "unknown option 'model.patches.sise'"),
        (TrainConfig, [1], "TrainConfig must be a table of options, not list"),
        (TrainConfig, {"model": None}, "model. must be a table of options, not NoneType"),
        (TrainConfig, {"iterations": 10.0}, "iterations must be of type int, not float"),
        (TrainConfig, {"iterations": True}, "iterations must be of type int, not bool"),
        (TrainConfig, {"iterations": "10"}, "iterations must be of type int, not str"),
        (TrainConfig, {"learning_rate": "fast"}, "learning_rate must be a number"),
        (TrainConfig, {"learning_rate": True}, "learning_rate must be a number"),
        (TrainConfig, {"freeze_statistics": 1}, "freeze_statistics must be of type bool, not int"),
        (TrainConfig, {"precision": "fp16"}, "precision is 'fp16'; it must be one of fp32, bf16"),
        (ModelConfig, {"afd": "none"}, "afd is 'none'; it must be one of full, no_channel, no_spatial, off"),
        (ModelConfig, {"spatial_kernel": 3}, "spatial_kernel is 3; it must be one of 1, 7"),
        (ModelConfig, {"spatial_kernel": True}, "spatial_kernel is True; it must be one of 1, 7"),
        (ModelConfig, {"spatial_kernel": 1.0}, "spatial_kernel is 1.0; it must be one of 1, 7"),
        (ModelConfig, {"afd": ["full"]}, "afd is"),
        (ModelConfig, {"distribute": [3]}, "distribute is"),
        (ModelConfig, {"distribute": 3}, "distribute must be a list"),
        (ModelConfig, {"distribute": ["3", "4"]}, "distribute must be of type int, not str"),
        (ModelConfig, {"cascade_widths": [8]}, "cascade_widths must have 2 values"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(kind: type[Any], values: object, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_dict(kind, values)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [
        (ModelConfig, "width", 7),
        (ModelConfig, "width", 10**9),
        (ModelConfig, "channel_reduction", 0),
        (ModelConfig, "cascade_widths", (3, 16)),
        (ModelConfig, "cascade_widths", (16, 10**9)),
        (ModelConfig, "distribute", (2, 3)),
        (PatchGrid, "size", 15),
        (PatchGrid, "size", 8),  # of the kind "cell"
        (Sparsity, "drop", (-0.1, 0.5)),
        (Sparsity, "drop", (0.5, 1.1)),
        (Sparsity, "drop", (math.nan, 0.5)),
        (Sparsity, "threshold", (0.5, 1.5)),
        (Sparsity, "threshold", (math.nan, 0.5)),
        (Normalisation, "std", 0.0),
        (Normalisation, "std", math.inf),
        (Normalisation, "mean", math.nan),
        (LossConfig, "ratio", -1.0),
        (LossConfig, "coverage", math.nan),
        (LossConfig, "found", -0.1),
        (LossConfig, "kept", (0.5, 1.5)),
        (TrainConfig, "iterations", 0),
        (TrainConfig, "batch", 0),
        (TrainConfig, "crop", 100),
        (TrainConfig, "crop", 16),
        (TrainConfig, "learning_rate", 0.0),
        (TrainConfig, "learning_rate", math.nan),
        (TrainConfig, "weight_decay", -1e-4),
        (TrainConfig, "warmup", 1.5),
        (TrainConfig, "ema", 1.0),
        (TrainConfig, "clip_gradient", 0.0),
        (TrainConfig, "held_out", 1),
        (TrainConfig, "seed", -1),
        (TrainConfig, "checkpoint_every", 0),
        (TrainConfig, "evaluate_every", -1),
        (TrainConfig, "target_crops", 2.0),
    ],
)
def test_values_out_of_range_are_refused(kind: type[Any], option: str, value: object) -> None:
    with pytest.raises(ConfigError):
        kind(**{option: value})


def test_the_refusal_names_the_option_and_the_range() -> None:
    with pytest.raises(ConfigError, match=r"the dropped fraction of stage 2 is 1.5; it must be between 0 and 1"):
        Sparsity(drop=(0.0, 1.5))


def test_rescoring_needs_the_score() -> None:
    with pytest.raises(ConfigError, match="rescore needs iou_aware"):
        ModelConfig(iou_aware=False, rescore=True)


def test_the_paper_is_the_paper() -> None:
    assert PAPER_MODEL.head == "bilinear" and PAPER_MODEL.patches == PatchGrid("grid", 16)
    assert (PAPER_MODEL.attention, PAPER_MODEL.distribute, PAPER_MODEL.spatial_kernel) == ("literal", (3, 4), 1)
    additions = (PAPER_LOSS.soft_iou, PAPER_LOSS.ratio, PAPER_LOSS.coverage, PAPER_LOSS.found)
    assert additions == (0, 0, 0, 0) and PAPER_LOSS.classification == PAPER_LOSS.iou_score == 1
    assert (PAPER_TRAINING.optimiser, PAPER_TRAINING.learning_rate, PAPER_TRAINING.iterations) == ("sgd", 0.02, 50_000)
    assert PAPER_TRAINING.warmup * PAPER_TRAINING.iterations == 4000
    assert Sparsity().drop == (0.25, 0.5)


@pytest.mark.parametrize("kind", [PatchGrid, ModelConfig, Sparsity, Normalisation, LossConfig, TrainConfig])
def test_configurations_are_frozen(kind: type[Any]) -> None:
    config = kind()
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, dataclasses.fields(config)[0].name, None)
