"""Keeps the label files up to date with the document: autosave, journal, recovery, and the questions on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from PySide6.QtCore import QObject, Signal

from adsnet.errors import AdsnetError, LabelError, StorageError
from app.state.document import MaskDocument
from app.state.edits import Edit
from app.state.lock import RootLocks
from app.state.notices import Notices
from app.state.records import Records
from app.state.review import ReviewState
from app.state.sequence import Sequence
from app.storage.autosave import Autosave
from app.storage.journal import Journal, JournalEdit, PendingEdits
from app.storage.labels import LabelConflict, LabelStore
from app.storage.settings import Settings


@dataclass(frozen=True, eq=False)
class Opened:
    """What is needed to save the labels of a sequence; ``before`` wrote the same labels until now."""

    sequence: Sequence
    records: Records
    store: LabelStore
    journal: Journal
    before: LabelStore | None


class LastWrite(NamedTuple):
    """What was written last in this sequence."""

    what: Literal["saved", "reviewed", "not reviewed"]
    when: datetime


class Saving(QObject):
    """Saves labels; part of the session.

    Attributes:
        locks: the label roots of this window.
        last_write: the last label or review state that went to the disk in this sequence.

    Signals:
        saved(str): the label file of this stem holds the mask.
        conflict_found(str): the label file of this stem was changed by another program; it is left alone until
            ``save(stem, overwrite=True)`` or ``reload(stem)``.
    """

    saved = Signal(str)
    conflict_found = Signal(str)

    def __init__(
        self, document: MaskDocument, review: ReviewState, notices: Notices, settings: Settings, *, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._review = review
        self._notices = notices
        self.locks = RootLocks()
        self._opened: Opened | None = None
        self._actions: dict[str, Counter[str]] = {}
        self._conflicts: set[str] = set()
        self._pending: tuple[PendingEdits, ...] = ()
        self.last_write: LastWrite | None = None
        self._autosave = Autosave(self._save_quietly, delay_ms=1000, parent=self)
        self.set_settings(settings)
        document.committed.connect(self._on_committed)

    def set_settings(self, settings: Settings) -> None:
        """Whether and how soon labels are saved by themselves."""
        self._autosave.enabled = settings.autosave
        self._autosave.delay_ms = round(settings.autosave_seconds * 1000)
        if settings.autosave and self.unsaved:
            self._autosave.touch()
        elif not settings.autosave:
            self._autosave.cancel()

    @property
    def automatic(self) -> bool:
        """Whether labels are saved by themselves."""
        return self._autosave.enabled

    @property
    def unsaved(self) -> tuple[str, ...]:
        """Stems of the frames with edits that their label file does not hold."""
        return self._document.dirty_stems

    # ---- sequences ------------------------------------------------------------------------------------------

    def prepare(self, sequence: Sequence, records: Records) -> Opened:
        """Get ready for another sequence, with its records, without touching the present one.

        Raises:
            StorageError: another window has its labels open.
        """
        records.lock.check()  # held already, unless somebody began to write since the records were read
        same = self._opened is not None and self._opened.sequence.root == sequence.root
        journal = Journal(sequence.root / "adsnet" / "journal")
        return Opened(sequence, records, records.store, journal, self._needed().store if same else None)

    def install(self, opened: Opened) -> None:
        """Change over to a prepared sequence; the one before must be closed."""
        assert self._opened is None
        self._opened = opened
        try:
            opened.journal.adopt()
            self._pending = self._worth_recovering(opened)
        except StorageError as error:
            self._notices.warn(str(error), key="journal")
        records = opened.records.brought_up_to_date(opened.before)
        self._review.start(opened.sequence.stems, states=records.states, labelled=records.labelled)

    def close(self) -> None:
        """Forget the sequence; edits that are not saved stay in its journal."""
        self._autosave.cancel()
        if self._opened is not None:
            self._opened.journal.close()
            self._opened.records.lock.release()
        self._opened, self._pending, self.last_write = None, (), None
        self._actions.clear()
        self._conflicts.clear()
        for key in ("save", "journal", "label", "reread"):
            self._notices.withdraw(key)

    def forget_edits(self) -> None:
        """Drop the record of all unsaved edits: the user does not want them."""
        if self._opened is not None:
            for stem in self.unsaved:
                self._opened.journal.clear(stem)

    # ---- labels ---------------------------------------------------------------------------------------------

    def show(self, stem: str, shape: tuple[int, int]) -> None:
        """Open the label of a frame in the document, with its steps where they still fit.

        Raises:
            LabelError: the label file cannot be read or has another size.
        """
        store, document = self._needed().store, self._document
        if stem in self._conflicts:  # the answer was put off: now that the frame is looked at, it is asked for again
            self._conflicts.discard(stem)
            self._autosave.touch()
        if document.remembers(stem) and (stem in document.dirty_stems or not store.changed_on_disk(stem)):
            document.show(stem)
            return
        if document.remembers(stem):
            self._notices.info(f"The label of {stem} was changed by another program and is read again.", key="reread")
        document.load(stem, store.load(stem, shape=shape))

    def label_path(self, stem: str) -> Path | None:
        """The file that holds the label of a frame; None without one."""
        return self._needed().store.source(stem)

    def label_finder(self) -> Callable[[str], Path | None]:
        """``label_path`` of the open sequence, for a thread that may outlive it."""
        return self._needed().store.source

    def check_disk(self) -> None:
        """Look whether another program changed the label that is shown; call it when the window comes to the front."""
        stem = self._document.stem
        if self._opened is None or stem is None or not self._opened.store.changed_on_disk(stem):
            return
        if not self._document.is_clean or self._document.stroke_active:
            self._ask(stem)
            return
        try:
            self.show(stem, self._document.shape)
        except LabelError as error:
            self._notices.error(str(error), key="label")

    def save(self, stem: str, *, overwrite: bool = False, state: str = "corrected") -> None:
        """Write the label of a frame whose edits are in the document.

        Raises:
            LabelConflict: another program changed the file; only without ``overwrite``.
            LabelError, StorageError: it is not saved, and what was on disk before is unchanged.
        """
        try:
            self._save(stem, overwrite=overwrite, state=state)
        except LabelConflict:
            self._conflicts.add(stem)  # the caller asks, so autosave need not
            raise

    def _save(self, stem: str, *, overwrite: bool, state: str) -> None:
        opened = self._needed()
        opened.records.lock.acquire()
        mask = self._document.mask_of(stem)
        actions = self._actions.get(stem, Counter())
        opened.store.save(stem, mask, state=state, actions=actions, overwrite=overwrite)
        self._conflicts.discard(stem)
        self._settled(stem, state)

    def _settled(self, stem: str, state: str) -> None:
        """The label file of a frame holds its mask."""
        self._clean(stem)
        index = self._needed().sequence.index_of(stem)
        if index is not None:
            self._review.set_labelled(index)
            self._review.set_state(index, "reviewed" if state == "reviewed" else "corrected")
        self._wrote("reviewed" if state == "reviewed" else "saved")
        if not self.unsaved:
            self._notices.withdraw("save")
        self.saved.emit(stem)

    def _wrote(self, what: Literal["saved", "reviewed", "not reviewed"]) -> None:
        self.last_write = LastWrite(what, datetime.now())

    def _clean(self, stem: str) -> None:
        """There is nothing to save for a frame."""
        opened = self._needed()
        self._actions.pop(stem, None)
        opened.journal.clear(stem)
        self._document.mark_saved(stem)
        index = opened.sequence.index_of(stem)
        if index is not None:
            self._review.set_unsaved(index, False)

    def save_all(self, *, again: bool = False) -> tuple[str, ...]:
        """Save every frame with unsaved edits; returns the stems that could not be saved, with one notice.

        Args:
            again: ask also about labels of another program for which the answer was put off.
        """
        failed = []
        if again:
            self._conflicts.clear()
        for stem in self.unsaved:
            if stem not in self.unsaved:  # by an answer to a question meanwhile
                continue
            if stem in self._conflicts:
                failed.append(stem)
                continue
            try:
                self._save(stem, overwrite=False, state="corrected")
            except LabelConflict:
                self._ask(stem)
                if stem in self.unsaved:  # not after an answer
                    failed.append(stem)
            except (LabelError, StorageError) as error:
                self._notices.error(str(error), key="save")
                failed.append(stem)
        if not failed:
            self._autosave.cancel()
        return tuple(failed)

    def _ask(self, stem: str) -> None:
        if stem not in self._conflicts:
            self._conflicts.add(stem)
            self.conflict_found.emit(stem)

    def _save_quietly(self) -> bool:
        if self._document.stroke_active:
            return False  # encoding a large label would hold the brush up; the end of the stroke asks again
        # A conflict waits for an answer of the user; trying again would not help.
        return not set(self.save_all()) - self._conflicts

    def reload(self, stem: str) -> None:
        """Take the label file in place of the mask that is shown, as one undo step. Raises LabelError."""
        store = self._needed().store
        assert stem == self._document.stem
        mask = store.load(stem, shape=self._document.shape)
        self._conflicts.discard(stem)
        self._document.apply_mask("Reload", mask)
        self._clean(stem)

    def mark_reviewed(self, index: int, reviewed: bool) -> None:
        """Record whether a person is content with the label of a frame; a frame without label gets an empty one.

        Raises:
            LabelConflict, LabelError, StorageError: it is not recorded.
        """
        opened = self._needed()
        stem = opened.sequence.stems[index]
        if reviewed and self._document.remembers(stem):
            if stem in self.unsaved or not opened.store.has_label(stem):
                self._actions.setdefault(stem, Counter())["Mark reviewed"] += 1
                self.save(stem, state="reviewed")
                return
        opened.records.lock.acquire()
        ours = opened.store.review(stem).mask is not None
        state = "reviewed" if reviewed else "corrected" if ours else "new"
        opened.store.set_state(stem, state)
        self._wrote("reviewed" if reviewed else "not reviewed")
        self._review.set_state(index, "reviewed" if reviewed else "corrected" if ours else "new")

    # ---- edits ----------------------------------------------------------------------------------------------

    def _on_committed(self, edit: Edit) -> None:
        stem = self._document.stem
        if self._opened is None or stem is None:
            return
        text = edit.text if edit.source is None else f"{edit.text} ({edit.source})"
        self._actions.setdefault(stem, Counter())[text] += 1
        self._record(stem, edit)
        index = self._opened.sequence.index_of(stem)
        if index is not None:
            self._review.set_unsaved(index, not self._document.is_clean)
        if self._document.is_clean:
            # Undone back to what the label file holds: there is nothing to save or to recover.
            self._actions.pop(stem, None)
            self._opened.journal.clear(stem)
            self._conflicts.discard(stem)
        else:
            self._autosave.touch()

    def _record(self, stem: str, edit: Edit) -> None:
        opened = self._needed()
        try:
            opened.records.lock.acquire()
            record = JournalEdit(edit.box, edit.changed, edit.values, edit.text)
            opened.journal.append(stem, record, shape=self._document.shape)
        except StorageError as error:
            self._notices.warn(str(error), key="journal")
        else:
            self._notices.withdraw("journal")

    # ---- recovery -------------------------------------------------------------------------------------------

    @property
    def pending(self) -> tuple[PendingEdits, ...]:
        """Frames with edits of a run that ended before they were saved."""
        return self._pending

    def _worth_recovering(self, opened: Opened) -> tuple[PendingEdits, ...]:
        """Pending edits that change something; a crash just after saving leaves some that do not."""
        kept = []
        for one in opened.journal.pending():
            try:
                label = opened.store.load(one.stem, shape=one.shape)
                if (opened.journal.replay(one.stem, label) == label).all():
                    opened.journal.discard(one.stem)
                    continue
            except (LabelError, StorageError):
                pass  # told when the user asks for it
            kept.append(one)
        return tuple(kept)

    def recover(self) -> int:
        """Bring the pending edits back, into the document for the frame that is shown and into the label files.

        Returns:
            for how many frames it worked; the others stay pending, with a notice.
        """
        opened = self._needed()
        kept = []
        for one in self._pending:
            try:
                self._recover(one)
                opened.journal.discard(one.stem)
            except AdsnetError as error:
                kept.append(one)
                self._notices.error(str(error), key=f"recover {one.stem}")
        recovered = len(self._pending) - len(kept)
        self._pending = tuple(kept)
        return recovered

    def _recover(self, one: PendingEdits) -> None:
        opened, document, stem = self._needed(), self._document, one.stem
        if stem == document.stem:
            document.apply_mask("Recover", opened.journal.replay(stem, document.mask))
            return
        if opened.sequence.index_of(stem) is None:
            raise LabelError(f"There are unsaved edits of {stem}, which is not open: open all of its folder.")
        opened.records.lock.acquire()
        remembered = document.remembers(stem)
        label = document.mask_of(stem) if remembered else opened.store.load(stem, shape=one.shape)
        mask = opened.journal.replay(stem, label)
        opened.store.save(stem, mask, state="corrected", actions={"Recover": one.edits})
        if remembered:
            document.forget(stem)
        self._settled(stem, "corrected")

    def discard_pending(self) -> None:
        """Remove the pending edits for good: the user does not want them. Raises StorageError."""
        for one in self._pending:
            self._needed().journal.discard(one.stem)
        self._pending = ()

    def _needed(self) -> Opened:
        assert self._opened is not None, "no sequence is open"
        return self._opened
