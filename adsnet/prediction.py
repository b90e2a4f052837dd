"""What the network says about one frame, as numpy arrays: the one result that every view and writer reads.

Torch-free. Arrays are (rows, columns). Maps of a stage cover the *padded* frame: the frame is extended at its
bottom and right edge to ``padded_shape``, so cell (r, c) of an (h, w) map covers the pixels
[r·Hp/h, (r+1)·Hp/h) × [c·Wp/w, (c+1)·Wp/w) of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatMap = NDArray[np.float32]
BoolMap = NDArray[np.bool_]

MASK_THRESHOLD = 0.5
"""A pixel belongs to the predicted mask where its probability is strictly above this."""


@dataclass(frozen=True)
class Decision:
    """The decision mask that one stage makes for the next (eq. 6).

    Attributes:
        decided_at: the stage that decides, 4 or 3.
        applies_to: the stage that is computed in the kept patches only, 3 or 2.
        keep_probability: (Hm, Wm) float32 in 0..1.
        kept: (Hm, Wm) bool; a patch dropped by an earlier decision stays dropped.
        class_probability: (h, w) float32 in 0..1, the class map of the deciding stage.
        iou_score: (h, w) float32 in 0..1, the IoU-aware score of the deciding stage; empty (0, 0) without it.
        row_edges: (Hm + 1,) int32, first pixel row of each patch and the end, clipped to the frame.
        column_edges: (Wm + 1,) int32, likewise.
    """

    decided_at: int
    applies_to: int
    keep_probability: FloatMap
    kept: BoolMap
    class_probability: FloatMap
    iou_score: FloatMap
    row_edges: NDArray[np.int32]
    column_edges: NDArray[np.int32]

    @property
    def kept_fraction(self) -> float:
        """Share of all patches that the next stage computes, 0..1."""
        return float(self.kept.mean())

    def patch_at(self, row: float, column: float) -> tuple[int, int] | None:
        """The patch that holds the pixel position, or None outside the frame."""
        r = int(np.searchsorted(self.row_edges, row, side="right")) - 1
        c = int(np.searchsorted(self.column_edges, column, side="right")) - 1
        if 0 <= r < self.kept.shape[0] and 0 <= c < self.kept.shape[1]:
            return r, c
        return None


@dataclass(frozen=True)
class Attention:
    """The two attentions of the AFD at one stage (eqs. 3 and 4), before they multiply the global feature.

    Attributes:
        stage: 4, 3 or 2.
        channel: (C,) float32 in 0..1; empty when the network has no channel attention.
        spatial: (h, w) float32 in 0..1 over the padded frame; empty (0, 0) when it has no spatial attention.
    """

    stage: int
    channel: NDArray[np.float32]
    spatial: FloatMap


@dataclass(frozen=True)
class FeatureMap:
    """How strongly a feature of the network responds: its root mean square.

    Attributes:
        name: "B2", "B3", "B4" of the backbone; "joined 4" and "F4" of the AFD, and of its other stages likewise: the
            feature F' of eq. (2), which the attentions look at, and the feature F of eq. (5), which they made of it.
        values: (h, w) float32, 0 or more, over the channels; covers the padded frame.
        channels: (C,) float32, 0 or more, over all positions.
    """

    name: str
    values: FloatMap
    channels: NDArray[np.float32]


@dataclass(frozen=True)
class Features:
    """What the network sees in one frame before it decides anything; only computed when it is asked for.

    Attributes:
        maps: from the backbone down, then stage by stage from 4 on.
        padded_shape: (Hp, Wp) that they cover.
    """

    maps: tuple[FeatureMap, ...]
    padded_shape: tuple[int, int]


@dataclass(frozen=True)
class StageCost:
    """What one stage of the network cost.

    Attributes:
        name: "stem", "B2", "B3", "B4", "AFD", "stage 4", "decision 3", "stage 3", "decision 2", "stage 2", and
            "stride 2", "stride 1" or "head", in the order of computation.
        seconds: of the frame; of a batch, its share.
        gflop_dense: arithmetic without any dropped patch, 10⁹ operations.
        gflop_done: what was computed of it.
    """

    name: str
    seconds: float
    gflop_dense: float
    gflop_done: float


@dataclass(frozen=True)
class Prediction:
    """The result for one frame.

    Attributes:
        probability: (H, W) float32 in 0..1 at the native size of the frame.
        decisions: decisions at stages 4 and 3, in this order; empty for detectors that make none.
        attentions: attention maps by stage, from 4 down; empty for detectors that have none.
        padded_shape: (Hp, Wp) that the stage maps cover.
        seconds: compute time without decoding.
        detector, model, engine: names of what made it.
        stages: what each stage cost; empty for detectors without stages.
    """

    probability: FloatMap
    decisions: tuple[Decision, ...]
    attentions: tuple[Attention, ...]
    padded_shape: tuple[int, int]
    seconds: float
    detector: str
    model: str
    engine: str
    stages: tuple[StageCost, ...] = ()

    @property
    def mask(self) -> BoolMap:
        """(H, W) bool, probability above ``MASK_THRESHOLD``."""
        return self.probability > MASK_THRESHOLD

    @property
    def kept(self) -> dict[str, float]:
        """Kept fraction of patches by the stage it applies to, for instance {"3": 0.75, "2": 0.5}."""
        return {str(d.applies_to): d.kept_fraction for d in self.decisions}
