"""Which frames of a sequence can be trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adsnet.data.datasets import Sample

if TYPE_CHECKING:
    from app.state.session import Session


def labelled_samples(
    session: Session, *, only_reviewed: bool = False, only_corrected: bool = False
) -> tuple[Sample, ...]:
    """The frames of the open sequence with a label file, as training takes them.

    Args:
        session: what is open.
        only_reviewed: those that a person is content with.
        only_corrected: those that a person corrected or is content with, not labels that came with the frames.
    """
    sequence, review, find = session.sequence, session.review, session.saving.label_finder()
    assert sequence is not None
    samples = []
    for index, stem in enumerate(sequence.stems):
        state = review.state(index)
        wanted = not (only_reviewed and state != "reviewed")
        wanted = wanted and not (only_corrected and state not in ("corrected", "reviewed"))
        mask = find(stem) if wanted and review.has_label(index) else None
        if mask is not None:
            samples.append(Sample(sequence.frames[index], mask))
    return tuple(samples)
