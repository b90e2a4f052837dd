"""All options of the network, its inference and its training, as frozen dataclasses.

This module is torch-free, so that the window and the command line can read a configuration at once.
``from_dict`` refuses unknown keys by name and checks every value; ``to_dict`` is its inverse.
Sources are given as (Table n), (eq. n) or (section) of the ADSNet paper.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from adsnet.errors import ConfigError

T = TypeVar("T")

ENGINES = ("auto", "dense", "gather", "spconv")
"""Names of the sparse engines."""

NETWORKS = ("adsnet", "alcnet", "dnanet", "rdian")
"""Names of the detectors that are trained: ours and the rivals of Table 2."""

RIVAL_NAMES = NETWORKS[1:]

PRECISIONS = ("auto", "fp32", "bf16", "fp16")
"""Names of the number types that a network can compute in."""


def _require(condition: bool, text: str) -> None:
    if not condition:
        raise ConfigError(text)


@dataclass(frozen=True)
class PatchGrid:
    """How a frame is divided into the patches of the decision masks (section III-B, Table 7).

    ``grid``: ``size`` × ``size`` patches whatever the frame size, as in the paper.
    ``cell``: patches of about ``size`` × ``size`` pixels, so that a patch means the same at every frame size; exact for
    16, while a padded frame that is no multiple of 32 or 64 is divided into the next whole number of patches.
    Both are the same for 256×256 frames and size 16.
    """

    kind: Literal["grid", "cell"] = "cell"
    size: int = 16

    def __post_init__(self) -> None:
        _require(self.size in (4, 8, 16, 32, 64), f"patches.size is {self.size}; it must be 4, 8, 16, 32 or 64")
        _require(self.kind == "grid" or self.size >= 16, "patches of kind 'cell' must have at least 16 pixels a side")


@dataclass(frozen=True)
class ModelConfig:
    """The network. The defaults are our own model; ``PAPER_MODEL`` is the paper as written.

    Attributes:
        stem_width: channels of the first layer, at stride 2; 64 in ResNet-18. The ``cascade`` head sees it too.
        backbone_width: channels of B2; B3 and B4 have two and four times as many. 64 in ResNet-18.
        width: channels C of the pyramid; the paper does not give it.
        afd: the aware fusion distribute module and its ablations (Table 4).
        distribute: stages that receive the global feature (Table 5).
        attention: ``literal`` multiplies both attentions by the global feature as eqs. (3)-(4) print it;
            ``gate_only`` uses the attention maps alone as the gate of eq. (5).
        spatial_kernel: kernel side of the convolution in eq. (4); the paper prints 1.
        channel_reduction: C / hidden channels of the two convolutions of eq. (3).
        iou_aware: the IoU-aware score head (Table 6).
        rescore: rank patches by keep probability × sqrt(class × IoU score) instead of keep probability.
        patches: resolution of the decision masks (Table 7).
        head: ``bilinear`` (stride-4 logits, the paper), ``shuffle`` (16 channels, pixel shuffle) or
            ``cascade`` (two further light stages at stride 2 and 1 inside the patches that stage 2 kept).
        cascade_widths, cascade_blocks: channels and residual blocks of the stages at stride 2 and 1.
    """

    stem_width: int = 32
    backbone_width: int = 32
    width: int = 32
    afd: Literal["full", "no_channel", "no_spatial", "off"] = "full"
    distribute: tuple[int, ...] = (3, 4)
    attention: Literal["literal", "gate_only"] = "literal"
    spatial_kernel: Literal[1, 7] = 1
    channel_reduction: int = 4
    iou_aware: bool = True
    rescore: bool = False
    patches: PatchGrid = field(default_factory=PatchGrid)
    head: Literal["bilinear", "shuffle", "cascade"] = "cascade"
    cascade_widths: tuple[int, int] = (48, 32)
    cascade_blocks: tuple[int, int] = (1, 2)

    def __post_init__(self) -> None:
        for name in ("stem_width", "backbone_width"):
            narrow = getattr(self, name)
            _require(4 <= narrow <= 512, f"{name} is {narrow}; it must be between 4 and 512")
        _require(8 <= self.width <= 1024, f"width is {self.width}; it must be between 8 and 1024")
        _require(self.channel_reduction >= 1, f"channel_reduction is {self.channel_reduction}; it must be at least 1")
        allowed = {(4,), (3, 4), (2, 3, 4)}
        _require(self.distribute in allowed, f"distribute is {self.distribute}; it must be one of {sorted(allowed)}")
        _require(not self.rescore or self.iou_aware, "rescore needs iou_aware")
        narrow, wide = min(self.cascade_widths), max(self.cascade_widths)
        _require(
            4 <= narrow and wide <= 512, f"cascade_widths is {self.cascade_widths}; each must be between 4 and 512"
        )
        few, many = min(self.cascade_blocks), max(self.cascade_blocks)
        _require(1 <= few and many <= 16, f"cascade_blocks is {self.cascade_blocks}; each must be between 1 and 16")


FAST_MODEL = ModelConfig(backbone_width=16, cascade_widths=(32, 16), cascade_blocks=(1, 1))
"""Less of everything that is computed everywhere, and fine stages of a quarter of the work."""

PAPER_MODEL = ModelConfig(stem_width=64, backbone_width=64, width=128, patches=PatchGrid("grid", 16), head="bilinear")


@dataclass(frozen=True)
class ForcedPatch:
    """A patch that is kept or dropped whatever the network says: a "what if" of the inspector.

    Attributes:
        stage: whose computation it decides, 3 or 2.
        row, column: in the grid of the decision mask; outside of it nothing is forced.
        keep: kept or dropped. A patch that is dropped for stage 3 is not there for stage 2 either.
    """

    stage: Literal[3, 2]
    row: int
    column: int
    keep: bool

    def __post_init__(self) -> None:
        _require(self.row >= 0 and self.column >= 0, f"there is no patch at row {self.row}, column {self.column}")


@dataclass(frozen=True)
class Sparsity:
    """Which patches inference keeps (Table 8).

    Attributes:
        drop: dropped fraction ε of the whole grid for stage 3 and for stage 2, cumulative, each 0..1:
            the best ``round((1 - ε) · N)`` patches are kept. The paper's choice is (0.25, 0.5).
        threshold: when given, of stage 3 and of stage 2, ``drop`` is ignored and a patch is kept where its keep
            probability (with ``rescore`` the product that it is ranked by) exceeds that of the stage.
        forced: patches that are kept or dropped beside that.
    """

    drop: tuple[float, float] = (0.25, 0.5)
    threshold: tuple[float, float] | None = None
    forced: tuple[ForcedPatch, ...] = ()

    def __post_init__(self) -> None:
        given = {"dropped fraction": self.drop, "keep threshold": self.threshold}
        for what, values in given.items():
            for stage, value in zip(("stage 3", "stage 2"), values, strict=True) if values is not None else ():
                _require(0.0 <= value <= 1.0, f"the {what} of {stage} is {value}; it must be between 0 and 1")

    def without_forced(self) -> Sparsity:
        """The same with no patch forced."""
        return dataclasses.replace(self, forced=())


DENSE = Sparsity(drop=(0.0, 0.0))


@dataclass(frozen=True)
class Normalisation:
    """From native pixel values to network input.

    ``asinh``: x = asinh((p - mean) / std) with mean and standard deviation of the frame itself, so that 8-bit
    and 16-bit frames of any gain and offset look alike and a target 60 σ above its background does not saturate.
    ``fixed``: x = (p - mean) / std with the constants below, as the field's scripts do for one 8-bit set.
    """

    kind: Literal["asinh", "fixed"] = "asinh"
    mean: float = 0.0
    std: float = 1.0

    def __post_init__(self) -> None:
        _require(math.isfinite(self.mean), f"normalisation.mean is {self.mean}; it must be finite")
        _require(0.0 < self.std < math.inf, f"normalisation.std is {self.std}; it must be positive")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the loss terms. ``PAPER_LOSS`` is eq. (7) alone; the other terms are our additions.

    Attributes:
        soft_iou: weight of the soft-IoU term beside the focal loss of the segmentation.
        classification: weight of the focal loss on the class maps of stages 4 and 3.
        iou_score: weight of the binary cross entropy on the IoU-aware scores.
        ratio: weight of (mean(M) - kept)², which makes the dropped fraction mean something.
        kept: fraction of patches kept for stage 3 and stage 2 that the ratio term aims at.
        coverage: weight of -log(keep probability) at patches that hold a target.
        found: weight of -log(largest probability of the mask) within each target.
    """

    soft_iou: float = 1.0
    classification: float = 0.5
    iou_score: float = 0.5
    ratio: float = 2.0
    kept: tuple[float, float] = (0.25, 0.1)
    coverage: float = 0.1
    found: float = 0.0

    def __post_init__(self) -> None:
        for name in ("soft_iou", "classification", "iou_score", "ratio", "coverage", "found"):
            weight = getattr(self, name)
            _require(0 <= weight < math.inf, f"loss.{name} is {weight}; it must be 0 or more")
        _require(all(0 <= k <= 1 for k in self.kept), f"loss.kept is {self.kept}; each must be between 0 and 1")


PAPER_LOSS = LossConfig(soft_iou=0.0, classification=1.0, iou_score=1.0, ratio=0.0, coverage=0.0, found=0.0)


_SHARES = (
    "target_crops", "scaled_crops", "turned_crops", "mirrored_backgrounds", "swapped_targets", "faded_targets",
    "pasted_crops", "hard_crops", "background_crops", "blend", "average_from",
)  # fmt: skip


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    Attributes:
        detector: which network is trained. The rivals have one published layout each: ``model`` is ADSNet's alone, and
            so are ``fine_engine``, ``calibrate`` and all terms of the loss but those of the mask.
        iterations: optimiser steps.
        batch: crops a step.
        crop: side of the square training crop in pixels, a multiple of 16.
        optimiser: ``muon`` steps kernels by Muon and all other weights by AdamW.
        learning_rate, weight_decay, schedule: ``onecycle`` warms up and decays to zero by a cosine; ``constant`` stays
            at the rate to which it warmed up; ``steps`` is the paper's: warm-up, tenfold drops at 60 % and 80 %.
        warmup: fraction of the iterations that warms up.
        ema: decay of the exponential moving average of the weights that is saved; 0 turns it off.
        average_from: share of the steps after which the weights that are saved become the plain mean of those of all
            following steps, with statistics of batch normalisation of their own: SWA (Izmailov et al. 2018). 1 leaves
            it at ``ema``. With ``freeze_statistics`` they are kept.
        blend: share of the learned weights in those that are saved. The rest are the ones of the model that is trained
            further, whose strengths are kept so: WiSE-FT (Wortsman et al. 2022).
        precision: ``bf16`` uses bfloat16 autocast where the machine has it in hardware, else fp32.
        clip_gradient: largest norm of the gradient of all weights together.
        seed: what the crops, their augmentation and the decision noise of every step follow from.
        fine_engine: engine of the stages of the ``cascade`` head in training. ``gather`` computes them in kept patches
            only, several times faster, with batch statistics of what inference will compute; the decisions then learn
            from the ratio and coverage terms and from stages 3 and 2. ``dense`` computes everything.
        workers: threads that make crops.
        held_out: every n-th frame of each data set (of its split, where one is given) is held out for evaluation.
        checkpoint_every: iterations between checkpoints for resuming.
        evaluate_every: iterations between evaluations on the held-out frames; 0 only at the end.
        sampling: ``sets`` draws from every data set alike, ``frames`` from every frame alike.
        target_crops: share of crops that are forced to hold a target.
        scaled_crops: share of crops that are enlarged or shrunk, by 0.75 to 1.35.
        turned_crops: share of crops that are turned or mirrored, by one of the eight symmetries of the square.
        keep_offsets: never scale or turn crops of a set whose masks lie half a pixel beside its targets.
        mirrored_backgrounds: share of crops of such a set whose background is mirrored under its targets.
        swapped_targets: share of the targets in these that change for one of another frame, of the same contrast.
        faded_targets: share of the targets in these that are made fainter, down to 0.4 of their contrast.
        pasted_crops: share of crops that get one or two more targets, cut out of other frames of their set.
        hard_crops: share of crops that hold a place where the network that is trained further is wrong when it starts;
            they are not mirrored under their targets. The shares of targets, backgrounds and sets are of the others.
        background_crops: share of crops from frames without targets, where some are given.
        calibrate: shift the mask logits of the trained network, so that 0.5 is the threshold that suits the held-out
            frames best: see ``best_threshold``.
        freeze_statistics: keep the running statistics of batch normalisation, for fine-tuning on a few frames.
    """

    detector: Literal["adsnet", "alcnet", "dnanet", "rdian"] = "adsnet"
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    normalisation: Normalisation = field(default_factory=Normalisation)
    iterations: int = 15_000
    batch: int = 16
    crop: int = 128
    optimiser: Literal["adamw", "muon", "sgd"] = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    schedule: Literal["constant", "onecycle", "steps"] = "onecycle"
    warmup: float = 0.02
    ema: float = 0.999
    average_from: float = 1.0
    blend: float = 1.0
    clip_gradient: float = 5.0
    precision: Literal["fp32", "bf16"] = "bf16"
    fine_engine: Literal["dense", "gather"] = "gather"
    seed: int = 1
    workers: int = 1
    held_out: int = 5
    checkpoint_every: int = 200
    evaluate_every: int = 0
    sampling: Literal["sets", "frames"] = "frames"
    target_crops: float = 0.7
    scaled_crops: float = 0.25
    turned_crops: float = 1.0
    keep_offsets: bool = False
    mirrored_backgrounds: float = 0.0
    swapped_targets: float = 0.0
    faded_targets: float = 0.0
    pasted_crops: float = 0.0
    hard_crops: float = 0.0
    background_crops: float = 0.1
    calibrate: bool = False
    freeze_statistics: bool = False

    def __post_init__(self) -> None:
        _require(self.iterations >= 1, f"iterations is {self.iterations}; it must be at least 1")
        _require(self.batch >= 1, f"batch is {self.batch}; it must be at least 1")
        whole = self.crop >= 32 and self.crop % 16 == 0
        _require(whole, f"crop is {self.crop}; it must be a multiple of 16, 32 or more")
        positive = 0 < self.learning_rate < math.inf
        _require(positive, f"learning_rate is {self.learning_rate}; it must be positive")
        _require(0 <= self.weight_decay < math.inf, f"weight_decay is {self.weight_decay}; it must be 0 or more")
        _require(0 <= self.warmup <= 1, f"warmup is {self.warmup}; it must be between 0 and 1")
        _require(0 <= self.ema < 1, f"ema is {self.ema}; it must be in [0, 1)")
        _require(self.clip_gradient > 0, f"clip_gradient is {self.clip_gradient}; it must be positive")
        _require(0 <= self.seed < 2**32, f"seed is {self.seed}; it must be between 0 and 2^32 - 1")
        _require(self.held_out >= 2, f"held_out is {self.held_out}; it must be at least 2")
        _require(self.checkpoint_every >= 1, f"checkpoint_every is {self.checkpoint_every}; it must be at least 1")
        _require(self.evaluate_every >= 0, f"evaluate_every is {self.evaluate_every}; it must be 0 or more")
        _require(1 <= self.workers <= 64, f"workers is {self.workers}; it must be between 1 and 64")
        for name in _SHARES:
            share = getattr(self, name)
            _require(0 <= share <= 1, f"{name} is {share}; it must be between 0 and 1")


def to_dict(config: Any) -> dict[str, Any]:
    """A configuration as plain JSON types."""
    return dataclasses.asdict(config)


def from_dict(kind: type[T], values: object, where: str = "") -> T:
    """Build the configuration ``kind`` from JSON types; missing keys take their defaults.

    Raises:
        ConfigError: an unknown key (named), a wrong type or a value out of range.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"{where or kind.__name__} must be a table of options, not {type(values).__name__}")
    hints = typing.get_type_hints(kind)
    known = [f.name for f in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise ConfigError(f"unknown option '{where}{key}'; the options here are {', '.join(known)}")
    made = {key: _convert(hints[key], value, f"{where}{key}") for key, value in values.items()}
    return kind(**made)


def _convert(hint: Any, value: object, where: str) -> Any:
    """Check ``value`` against the type ``hint`` and turn JSON lists into tuples."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return from_dict(typing.cast(type, hint), value, f"{where}.")
    if origin is Literal:
        allowed = any(type(value) is type(arg) and value == arg for arg in args)  # 1.0 and True are not 1 here
        _require(allowed, f"{where} is {value!r}; it must be one of {', '.join(map(str, args))}")
        return value
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _convert(next(a for a in args if a is not type(None)), value, where)
    if origin is tuple:
        _require(isinstance(value, list | tuple), f"{where} must be a list")
        entries = list(typing.cast("list[object]", value))
        variadic = len(args) == 2 and args[1] is Ellipsis
        _require(variadic or len(entries) == len(args), f"{where} must have {len(args)} values")
        return tuple(_convert(args[0], entry, where) for entry in entries)
    if hint is float:
        _require(isinstance(value, int | float) and not isinstance(value, bool), f"{where} must be a number")
        return float(typing.cast(float, value))
    _require(type(value) is hint, f"{where} must be of type {hint.__name__}, not {type(value).__name__}")
    return value
