"""What is known on the disk of the labels of a sequence: locked and read before it is opened, away from the window."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.state.lock import RootLock, RootLocks
from app.state.sequence import Sequence
from app.storage.labels import LabelStore


@dataclass(frozen=True, eq=False)
class Records:
    """Labels and reviews as they were when they were read.

    Attributes:
        store: of the labels.
        states: the recorded review states by stem.
        labelled: the stems with a label file.
        began: when reading began, ``time.monotonic``.
        lock: keeps them this window's; whoever has the records releases it.
    """

    store: LabelStore
    states: Mapping[str, str]
    labelled: frozenset[str]
    began: float
    lock: RootLock

    def brought_up_to_date(self, other: LabelStore | None) -> Records:
        """With what was written meanwhile through another store of the same folder, if there is one."""
        if other is None:
            return self
        fresh = [stem for stem, when in other.written.items() if when >= self.began]
        states = {**self.states, **{stem: self.store.review(stem).state for stem in fresh}}
        labelled = self.labelled.union(stem for stem in fresh if self.store.has_label(stem))
        return replace(self, states=states, labelled=labelled)


def read_records(sequence: Sequence, locks: RootLocks) -> Records:
    """Look at all labels and reviews of a sequence: half a second for ten thousand reviews.

    Raises:
        StorageError: another window has its labels open.
    """
    lock = locks.of(sequence.root)
    lock.check()
    began = time.monotonic()
    store = LabelStore(sequence.root, sequence.known_masks(), private=sequence.private)
    return Records(store, store.states(), store.labelled(), began, lock)
