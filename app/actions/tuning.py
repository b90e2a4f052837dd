"""What a fine-tuning would train on, said before it is started."""

from __future__ import annotations

from adsnet.data.datasets import hold_out
from adsnet.recipes import FINE_TUNING
from app.state.session import Session
from app.wording import counted

FRAME_CHOICES = (
    ("corrected", "Corrected and reviewed", "frames that you corrected or marked as reviewed"),
    ("reviewed", "Reviewed only", "frames that you marked as reviewed"),
    ("labelled", "All with a label", "frames with a label, also those that came with the data set"),
)
"""Name, title and explanation of each choice of frames."""


def frames_of(session: Session, choice: str) -> int:
    """Number of frames that training would take."""
    review = session.review
    if choice == "labelled":
        return review.with_label
    return review.count("reviewed") + (review.count("corrected") if choice == "corrected" else 0)


def why_not_tune(session: Session, choice: str) -> str | None:
    """Why tuning cannot start now, in one sentence, or None."""
    if session.sequence is None:
        return "Open a sequence first."
    if session.model is None:
        return "The model is still being loaded."
    if frames_of(session, choice) < 2:
        doing = {"corrected": "Correct or review", "reviewed": "Review", "labelled": "Label"}[choice]
        return f"{doing} at least two frames: one to learn from, one to compare on."
    return None


def tuning_summary(session: Session, choice: str) -> str:
    """What would be trained, in one line."""
    frames = frames_of(session, choice)
    learned, held = (len(part) for part in hold_out(frames, FINE_TUNING.held_out))
    return f"{counted(frames, 'frame')}: {learned} to learn from, {held} held out to compare on."
