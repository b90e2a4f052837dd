"""The choices behind Pd, Fa and the other measures, and how those of published evaluations differ. Torch-free.

Two papers that print "Pd" need not have counted the same thing. ``STANDARD`` is what this program means by its
measures; ``PRESETS`` holds what known evaluation scripts do, so that their figures can be made from the same masks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from adsnet.errors import ConfigError
from adsnet.prediction import MASK_THRESHOLD
from adsnet.targets import (
    MAX_DISTANCE,
    Matching,
    Target,
    find_targets,
    label_components,
    match_targets,
)

MatchingName = Literal["reference", "optimal", "overlap", "near"]
FalseRule = Literal["unmatched", "other_areas", "far"]
EmptyRule = Literal["exclude", "zero", "one"]

OVERLAP = 0.5
"""IoU from which on two components match by ``overlap``."""
NEAR, FAR = 1, 4
"""Pixels (rows and columns) around a target: a response up to ``NEAR`` finds it, one beyond ``FAR`` is false."""


@dataclass(frozen=True)
class Conventions:
    """How frames are counted.

    Attributes:
        threshold: a pixel is predicted where its probability is above this (strictly).
        connectivity: 8, or 4 for components that touch at edges only.
        matching: what finds a target. ``reference``: each target in raster order takes the first component in raster
            order that is free and near enough. ``optimal``: as many pairs as possible, of these the nearest.
            ``overlap``: components of an IoU of 0.5 or more first, the rest as ``optimal``. ``near``: any predicted
            pixel at most one row and column away from the target; one component may find several.
        max_distance: pixels that the centroids of a pair must be nearer than (strictly); ``near`` has no use for it.
        false_pixels: what counts in Fa. ``unmatched``: all pixels of the components without a match. ``other_areas``:
            of these only the components whose area is that of no matched component of the frame. ``far``: predicted
            pixels more than four rows or columns away from every target.
        frame_pixels: what Fa takes for the pixels of a frame; 0 for those that it has.
        empty: IoU of a frame with neither target nor prediction in nIoU: ``exclude`` it, ``zero`` or ``one``.
        roc_steps: thresholds of the ROC lie at 0, 1/n … 1.
    """

    threshold: float = MASK_THRESHOLD
    connectivity: int = 8
    matching: MatchingName = "reference"
    max_distance: float = MAX_DISTANCE
    false_pixels: FalseRule = "unmatched"
    frame_pixels: int = 0
    empty: EmptyRule = "exclude"
    roc_steps: int = 1000

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(
                    f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(map(str, allowed))}"
                )
        for name, (least, most) in _RANGES.items():
            if not least <= getattr(self, name) <= most:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be a number from {least} to {most}")

    def __str__(self) -> str:
        """The words that ``parse_conventions`` makes the same conventions of."""
        for name, preset in PRESETS.items():
            if self == preset:
                return name
        changed = {k: v for k, v in asdict(self).items() if v != getattr(STANDARD, k)}
        return " ".join(f"{key}={value}" for key, value in changed.items())


_CHOICES: dict[str, tuple[Any, ...]] = {
    "connectivity": (8, 4),
    "matching": get_args(MatchingName),
    "false_pixels": get_args(FalseRule),
    "empty": get_args(EmptyRule),
}
_RANGES = {"threshold": (0, 1), "max_distance": (0.001, 1e6), "frame_pixels": (0, 2**40), "roc_steps": (2, 100_000)}

STANDARD = Conventions()
PRESETS = {
    "standard": STANDARD,
    "acm": Conventions(empty="zero"),
    "dnanet": Conventions(false_pixels="other_areas", frame_pixels=256 * 256, roc_steps=10),
    "pyirstd": Conventions(matching="overlap"),
    "dtum": Conventions(matching="near", false_pixels="far"),
}
"""``standard`` is also how the corrected scripts count (BasicIRSTD, LESPS). ``acm``: nIoU of ACM and ALCNet.
``dnanet``: Fa of DNANet and of what was derived from it, with the areas that it overlooks and its frame of 256×256.
``pyirstd``: overlap first, for hIoU. ``dtum``: detection by a response near the target, for sequences."""


def parse_conventions(words: Sequence[str]) -> Conventions:
    """A preset, or ``key=value`` pairs, or a preset followed by pairs that replace something in it.

    Raises:
        ConfigError: an unknown preset or key, or a value that is not allowed.
    """
    chosen, pairs = STANDARD, list(words)
    if pairs and "=" not in pairs[0]:
        name = pairs.pop(0)
        if name not in PRESETS:
            raise ConfigError(f"unknown conventions '{name}'; there are {', '.join(PRESETS)}, and key=value")
        chosen = PRESETS[name]
    kinds: dict[str, Callable[[str], Any]] = {field.name: type(field.default) for field in fields(Conventions)}
    for pair in pairs:
        key, _, value = pair.partition("=")
        if key not in kinds:
            raise ConfigError(f"'{pair}' is no convention; write key=value with a key of {', '.join(kinds)}")
        try:
            chosen = replace(chosen, **{key: kinds[key](value)})
        except ValueError as error:
            raise ConfigError(f"{key} is '{value}'; it must be a number") from error
    return chosen


@dataclass(frozen=True)
class Counted:
    """Label and predicted mask of one frame, compared by conventions.

    Attributes:
        labelled, predicted: the targets of both, in raster order.
        matching: which is which. With ``near`` a prediction may be in several pairs.
        false_pixels: that count in Fa.
        overlaps: IoU of each pair.
    """

    labelled: tuple[Target, ...]
    predicted: tuple[Target, ...]
    matching: Matching
    false_pixels: int
    overlaps: tuple[float, ...]


def count(predicted: NDArray[np.bool_], label: NDArray[np.bool_], conventions: Conventions = STANDARD) -> Counted:
    """Compare a predicted mask (H, W) bool with a label of the same shape."""
    connectivity = conventions.connectivity
    ours = find_targets(label, connectivity=connectivity)
    theirs = find_targets(predicted, connectivity=connectivity)
    if not ours and not theirs:
        return Counted((), (), Matching((), (), ()), 0, ())
    numbers = label_components(label, connectivity)[0], label_components(predicted, connectivity)[0]
    shared = _overlaps(ours, theirs, *numbers)
    if conventions.matching == "near":
        matching = _match_near(len(ours), len(theirs), *numbers)
    elif conventions.matching == "overlap":
        matching = _match_overlap(ours, theirs, shared, conventions.max_distance)
    else:
        matching = match_targets(ours, theirs, max_distance=conventions.max_distance, rule=conventions.matching)
    if conventions.false_pixels == "far":
        false_pixels = int(np.count_nonzero(predicted & ~_around(label, FAR)))
    else:
        free = {theirs[j].area for _, j in matching.pairs} if conventions.false_pixels == "other_areas" else set()
        false_pixels = sum(theirs[j].area for j in matching.false if theirs[j].area not in free)
    return Counted(ours, theirs, matching, false_pixels, tuple(float(shared[pair]) for pair in matching.pairs))


def _overlaps(
    ours: Sequence[Target], theirs: Sequence[Target], label: NDArray[np.int32], predicted: NDArray[np.int32]
) -> NDArray[np.float64]:
    """IoU of every component of the label with every predicted one."""
    both = (label > 0) & (predicted > 0)
    shared = np.zeros((len(ours), len(theirs)))
    np.add.at(shared, (label[both] - 1, predicted[both] - 1), 1.0)
    areas = np.array([t.area for t in ours]).reshape(-1, 1), np.array([t.area for t in theirs]).reshape(1, -1)
    ious: NDArray[np.float64] = shared / (areas[0] + areas[1] - shared)
    return ious


def _match_overlap(
    ours: Sequence[Target], theirs: Sequence[Target], shared: NDArray[np.float64], max_distance: float
) -> Matching:
    pairs: list[tuple[int, int]] = []
    free_i, free_j = set(range(len(ours))), set(range(len(theirs)))
    for flat in np.argsort(-shared, axis=None, kind="stable"):
        i, j = divmod(int(flat), len(theirs))
        if shared[i, j] < OVERLAP:
            break
        if i in free_i and j in free_j:
            pairs.append((i, j))
            free_i.discard(i)
            free_j.discard(j)
    rest_i, rest_j = sorted(free_i), sorted(free_j)
    rest = match_targets(
        [ours[i] for i in rest_i], [theirs[j] for j in rest_j], max_distance=max_distance, rule="optimal"
    )
    pairs += [(rest_i[i], rest_j[j]) for i, j in rest.pairs]
    return Matching(tuple(sorted(pairs)), tuple(rest_i[i] for i in rest.missed), tuple(rest_j[j] for j in rest.false))


def _match_near(ours: int, theirs: int, label: NDArray[np.int32], predicted: NDArray[np.int32]) -> Matching:
    pairs = []
    for number in range(1, ours + 1):
        touching = predicted[_around(label == number, NEAR)]
        touching = touching[touching > 0]
        if touching.size:
            pairs.append((number - 1, int(touching.min()) - 1))
    near = set(np.unique(predicted[_around(label > 0, NEAR)]).tolist())
    found = {i for i, _ in pairs}
    return Matching(
        tuple(pairs),
        tuple(i for i in range(ours) if i not in found),
        tuple(j for j in range(theirs) if j + 1 not in near),
    )


def _around(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """The mask and all that is at most ``reach`` rows and columns away from it."""
    side = 2 * reach + 1
    grown: NDArray[np.bool_] = ndimage.maximum_filter(mask, size=side, mode="constant", cval=0)
    return grown
