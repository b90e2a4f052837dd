"""The prediction for the frame that is shown, and those made lately. A prediction is never a label."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from adsnet.config import Sparsity
from adsnet.prediction import MASK_THRESHOLD, BoolMap, Prediction
from adsnet.targets import Target, find_targets, label_components
from app.imaging.raster import Footprint
from app.state.features import FeatureState

MEGABYTE = 2**20

Pixels = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows and columns."""


class PredictionKey(NamedTuple):
    """What a prediction depends on; ``model`` tells one version of a file from the next."""

    frame: str
    sparsity: Sparsity
    model: str
    engine: str


def size_of(prediction: Prediction) -> int:
    """Bytes of all its arrays."""
    maps = [prediction.probability]
    for decision in prediction.decisions:
        maps += [decision.keep_probability, decision.class_probability, decision.iou_score]
    for attention in prediction.attentions:
        maps += [attention.channel, attention.spatial]
    return sum(one.nbytes for one in maps)


class PredictionState(QObject):
    """The current prediction, its targets and features, and a cache of earlier ones.

    Every request carries the generation that ``next_generation`` gave; an answer to an older one is dropped.

    Signals:
        arrived(): there is a prediction for the frame that is shown.
        cleared(): there is none any more.
        threshold_changed(float): mask and targets are others.
        rejected_changed(): which targets the user put aside.
    """

    arrived = Signal()
    cleared = Signal()
    threshold_changed = Signal(float)
    rejected_changed = Signal()

    def __init__(self, parent: QObject | None = None, *, cache_bytes: int = 128 * MEGABYTE) -> None:
        super().__init__(parent)
        self.features = FeatureState(self)
        self._cache_bytes = cache_bytes
        self._cache: OrderedDict[PredictionKey, Prediction] = OrderedDict()
        self._used = 0
        self._current: Prediction | None = None
        self._generation = 0
        self._threshold = MASK_THRESHOLD
        self._rejected: frozenset[int] = frozenset()
        self._put_aside: list[Pixels] = []
        self._frame = ""
        self._mask: BoolMap | None = None
        self._targets: tuple[Target, ...] | None = None
        self._numbers: NDArray[np.int32] | None = None

    # ---- the current prediction -----------------------------------------------------------------------------

    @property
    def current(self) -> Prediction | None:
        """The prediction for the frame that is shown, or None."""
        return self._current

    @property
    def generation(self) -> int:
        """Of the last request."""
        return self._generation

    @property
    def threshold(self) -> float:
        """A pixel belongs to the predicted mask where its probability is strictly above this."""
        return self._threshold

    @property
    def mask(self) -> BoolMap | None:
        """(H, W) bool at the threshold, or None without a prediction; not to be written to."""
        if self._mask is None and self._current is not None:
            self._mask = self._current.probability > self._threshold
            self._mask.setflags(write=False)
        return self._mask

    @property
    def targets(self) -> tuple[Target, ...]:
        """The predicted targets at the threshold, rejected ones included; their places are their names here."""
        if self._targets is None:
            mask = self.mask
            if mask is None or self._current is None:
                return ()
            self._targets = find_targets(mask, probability=self._current.probability)
        return self._targets

    def region(self, index: int) -> Footprint:
        """The pixels of ``targets[index]``. Raises IndexError."""
        x, y, w, h = self.targets[index].bbox
        return Footprint((x, y, w, h), self._components()[y : y + h, x : x + w] == index + 1)

    def target_at(self, x: float, y: float) -> int | None:
        """The place in ``targets`` of the one under a position, or None."""
        row, column = int(np.floor(y + 0.5)), int(np.floor(x + 0.5))
        numbers = self._components()
        if not (0 <= row < numbers.shape[0] and 0 <= column < numbers.shape[1]):
            return None
        number = int(numbers[row, column])
        return number - 1 if number else None

    def _components(self) -> NDArray[np.int32]:
        if self._numbers is None:
            mask = self.mask
            if mask is None:
                return np.zeros((0, 0), np.int32)
            self._numbers, _ = label_components(mask)
        return self._numbers

    def set_threshold(self, threshold: float) -> None:
        """Choose the probability above which a pixel counts, limited to 0..1; nothing is computed again."""
        threshold = min(max(float(threshold), 0.0), 1.0)
        if threshold == self._threshold:
            return
        self._threshold = threshold
        self._forget_derived()
        self.threshold_changed.emit(threshold)

    @property
    def rejected(self) -> frozenset[int]:
        """Places in ``targets`` of those the user put aside; accepting all leaves them out.

        They stay aside at other thresholds and in other predictions for the frame, until another frame is shown.
        """
        return self._rejected

    def reject(self, index: int) -> None:
        """Put a target aside. Raises IndexError."""
        (x, y, _, _), pixels = self.region(index)
        rows, columns = np.nonzero(pixels)
        self._put_aside.append((rows + y, columns + x))
        self._find_rejected()

    def restore(self, index: int) -> None:
        """Take a target back that was put aside."""
        self._put_aside = [pixels for pixels in self._put_aside if index not in self._places_of(pixels)]
        self._find_rejected()

    def _places_of(self, pixels: Pixels) -> frozenset[int]:
        """The places in ``targets`` of those that have some of these pixels."""
        numbers = np.unique(self._components()[pixels])
        return frozenset((numbers[numbers > 0] - 1).tolist())

    def _find_rejected(self) -> None:
        """Find what was put aside in the mask as it is now."""
        here = self._current is not None
        rejected = frozenset[int]().union(*(self._places_of(pixels) for pixels in self._put_aside if here))
        if rejected != self._rejected:
            self._rejected = rejected
            self.rejected_changed.emit()

    def accepted_mask(self) -> BoolMap | None:
        """(H, W) bool, the mask without rejected targets, or None without a prediction."""
        mask = self.mask
        if mask is None or not self._rejected:
            return mask
        return mask & ~np.isin(self._components(), [index + 1 for index in self._rejected])

    # ---- requests and answers -------------------------------------------------------------------------------

    def next_generation(self) -> int:
        """A new request is made; answers to all before are stale from now on."""
        self._generation += 1
        return self._generation

    def take(self, generation: int, key: PredictionKey, prediction: Prediction) -> bool:
        """An answer came. It is always cached, and shown if it answers the last request; returns whether it is."""
        self._remember(key, prediction)
        if generation != self._generation:
            return False
        self._show(key, prediction)
        return True

    def recall(self, key: PredictionKey) -> bool:
        """Show a prediction made earlier; returns whether there was one. Answers that are on their way are stale."""
        prediction = self._cache.get(key)
        if prediction is None:
            return False
        self._cache.move_to_end(key)
        self.next_generation()
        if prediction is not self._current:
            self._show(key, prediction)
        return True

    def known(self, key: PredictionKey) -> Prediction | None:
        """A prediction made earlier, without showing it."""
        return self._cache.get(key)

    def clear(self) -> None:
        """Another frame is shown: there is no prediction for it yet, and answers on their way are stale."""
        self.next_generation()
        had, self._current = self._current is not None, None
        self.features.clear()
        self._forget_derived()
        if had:
            self.cleared.emit()

    def forget(self) -> None:
        """Clear, and empty the cache."""
        self._cache.clear()
        self._frame, self._put_aside = "", []
        self._used = 0
        self.clear()

    def set_cache_bytes(self, cache_bytes: int) -> None:
        """Limit the memory of earlier predictions."""
        self._cache_bytes = cache_bytes
        self._evict()

    def _show(self, key: PredictionKey, prediction: Prediction) -> None:
        if key.frame != self._frame:
            self._frame, self._put_aside = key.frame, []
        self._current = prediction
        self._forget_derived()
        self.arrived.emit()

    def _forget_derived(self) -> None:
        self._mask = self._targets = self._numbers = None
        self._find_rejected()

    def _remember(self, key: PredictionKey, prediction: Prediction) -> None:
        older = self._cache.pop(key, None)
        self._used += size_of(prediction) - (size_of(older) if older is not None else 0)
        self._cache[key] = prediction
        self._evict()

    def _evict(self) -> None:
        while self._used > self._cache_bytes and self._cache:
            _, oldest = self._cache.popitem(last=False)
            self._used -= size_of(oldest)
