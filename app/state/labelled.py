"""Which frames of a sequence can be trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from adsnet.data.datasets import Sample
from app.state.review import STATES, ReviewState
from app.state.sequence import Sequence


def labelled_frames(review: ReviewState, *, only_reviewed: bool = False, only_corrected: bool = False) -> list[int]:
    """The places of the frames with a label file, as far as the window knows: nothing is read.

    Args:
        review: of what is open.
        only_reviewed: those that a person is content with.
        only_corrected: those that a person corrected or is content with, not labels that came with the frames.
    """
    wanted = review.labelled
    if only_reviewed or only_corrected:
        states = ("reviewed",) if only_reviewed else ("reviewed", "corrected")
        wanted = wanted & np.isin(review.codes, [STATES.index(state) for state in states])
    return [int(index) for index in np.flatnonzero(wanted)]


def samples_of(sequence: Sequence, frames: Iterable[int], label_of: Callable[[str], Path | None]) -> tuple[Sample, ...]:
    """These frames with their labels, as training takes them, without those whose label file is gone.

    ``label_of``: finds the label file of a stem: thousands take seconds, so that the window must not wait for it.
    """
    found = ((index, label_of(sequence.stems[index])) for index in frames)
    return tuple(Sample(sequence.frames[index], mask) for index, mask in found if mask is not None)
