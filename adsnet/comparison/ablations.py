"""The paper's ablations (Tables 4 to 8): which networks they train, what ADSNet drops, and the printed values."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from adsnet.comparison.paper import Printed
from adsnet.config import ModelConfig, PatchGrid, Sparsity, TrainConfig


class Variant(NamedTuple):
    """One row: a network that is trained, what it drops, and what the paper prints of it."""

    label: str
    model: ModelConfig
    printed: Printed
    sparsity: Sparsity = Sparsity()


class Ablation(NamedTuple):
    """One table. ``columns``: the measures that the paper prints."""

    title: str
    column: str
    columns: tuple[str, ...]
    variants: tuple[Variant, ...]


ALL = ("niou", "pd", "fa")


def base_of(config: TrainConfig) -> TrainConfig:
    """The configuration with the paper's choice of everything that is ablated: the common row of Tables 4 to 8.

    Nothing is calibrated: only ADSNet could be, and on the frames that the rows are judged on.
    """
    model = replace(config.model, afd="full", distribute=(3, 4), iou_aware=True, patches=PatchGrid("grid", 16))
    return replace(config, detector="adsnet", model=model, calibrate=False)


def ablations(base: ModelConfig) -> dict[int, Ablation]:
    """The ablations of a network, by the number of their table. ``base``: as ``base_of`` makes it."""
    full = Printed(85.94, 98.16, 7.42, 0.041)

    def sparse(three: float, two: float, printed: Printed) -> Variant:
        label = ", ".join(f"{share:g}" if share else "–" for share in (three, two))
        return Variant(label, base, printed, Sparsity(drop=(three, two)))

    return {
        4: Ablation(
            "configurations of the AFD", "module", ALL,
            (
                Variant("–", replace(base, afd="off"), Printed(80.92, 92.81, 11.43)),
                Variant("AFD w/o CA", replace(base, afd="no_channel"), Printed(85.02, 97.89, 8.32)),
                Variant("AFD w/o SA", replace(base, afd="no_spatial"), Printed(84.66, 97.65, 8.57)),
                Variant("AFD", base, full),
            ),
        ),
        5: Ablation(
            "stages that receive the global feature", "distribute to", (*ALL, "seconds"),
            (
                Variant("stage 4", replace(base, distribute=(4,)), Printed(84.52, 97.20, 8.31, 0.038)),
                Variant("stage 3, 4", base, full),
                Variant("stage 2, 3, 4", replace(base, distribute=(2, 3, 4)), Printed(85.97, 98.16, 7.40, 0.071)),
            ),
        ),
        6: Ablation(
            "the IoU-aware score", "IoU-aware", (*ALL, "seconds"),
            (
                Variant("–", replace(base, iou_aware=False, rescore=False), Printed(83.75, 95.23, 8.06, 0.039)),
                Variant("yes", base, full),
            ),
        ),
        7: Ablation(
            "number of patches", "patches", ("niou",),
            tuple(
                Variant(f"{side} × {side}", replace(base, patches=PatchGrid("grid", side)), Printed(printed))
                for side, printed in ((32, 85.86), (16, 85.94), (8, 85.01), (4, 83.45))
            ),
        ),
        8: Ablation(
            "dropped fractions", "stage 3, stage 2", ("niou", "seconds"),
            (
                sparse(0.2, 0.4, Printed(85.97, seconds=0.056)),
                sparse(0.25, 0.5, Printed(85.94, seconds=0.041)),
                sparse(0.3, 0.6, Printed(84.73, seconds=0.032)),
                sparse(0.0, 0.25, Printed(86.05, seconds=0.071)),
                sparse(0.0, 0.0, Printed(86.12, seconds=0.096)),
            ),
        ),
    }  # fmt: skip
