"""The session: what is open, which frame is shown, and all that is true about it. Views read it and emit wishes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from adsnet.config import Sparsity
from adsnet.data.frames import Frame
from adsnet.data.raw import RawLayout
from adsnet.errors import FrameError, LabelError, StorageError
from adsnet.prediction import Prediction
from app.garbage import let_go_later
from app.imaging.raster import component_at
from app.state.display import Display
from app.state.document import MEGABYTE, MaskDocument
from app.state.fetching import Fetcher
from app.state.fine_tune import FineTune
from app.state.frames import FrameCache
from app.state.jobs import Jobs
from app.state.lately import Lately
from app.state.model import Model as Model
from app.state.notices import Notices
from app.state.opening import Opener, ready
from app.state.player import Player
from app.state.predictions import PredictionKey, PredictionState
from app.state.read_ahead import ReadAhead
from app.state.records import Records
from app.state.report import Report
from app.state.review import ReviewState
from app.state.saving import Saving
from app.state.sequence import Sequence
from app.storage.project import Project
from app.storage.settings import Settings, save_settings
from app.wording import counted


class Session(QObject):
    """All state of the window.

    Attributes:
        document, display, predictions, jobs, review, fine_tune, report, player, notices: its parts, each with signals.
        saving, frames, fetcher, read_ahead, opener, lately: for the engines and handlers; views use the methods below.
        project: models and training runs of the open sequence, or None.

    Signals:
        sequence_changed(): another sequence, or none, is open; its first frame is shown next.
        frame_changed(): another frame is shown, with its label, levels and perhaps a prediction; or none, where it
            cannot be read: the notice "frame" says why. After ``go_to``, at once or when it was read.
        prediction_arrived(), prediction_cleared(): for the frame that is shown.
        sparsity_changed(), model_changed(), settings_changed(), project_changed().
        saved(str): the label of this stem is on the disk.
        conflict_found(str): ask whether to keep ours (``saving.save``) or theirs (``saving.reload``) of this stem.
    """

    sequence_changed = Signal()
    frame_changed = Signal()
    prediction_arrived = Signal()
    prediction_cleared = Signal()
    sparsity_changed = Signal()
    model_changed = Signal()
    settings_changed = Signal()
    project_changed = Signal()
    saved = Signal(str)
    conflict_found = Signal(str)

    def __init__(self, settings: Settings, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.document = MaskDocument(self, undo_bytes=settings.undo_megabytes * MEGABYTE)
        self.display = Display(self)
        self.predictions = PredictionState(self, cache_bytes=settings.prediction_megabytes * MEGABYTE)
        self.jobs = Jobs(self)
        self.review = ReviewState(self)
        self.fine_tune, self.report, self.player = FineTune(self), Report(self), Player(self, self)
        self.notices = Notices(self)
        self.project: Project | None = None
        self.saving = Saving(self.document, self.review, self.notices, settings, parent=self)
        self.frames, self.lately = FrameCache(), Lately(self)
        self._sequence: Sequence | None = None
        self._frame: Frame | None = None
        self._frame_index, self._sparsity, self._engine = -1, settings.sparsity, settings.engine
        self._model: Model | None = None
        self._showing: object = None
        self.fetcher = Fetcher(self.frames, self.jobs, self._show, self)
        self.read_ahead = ReadAhead(self, self.frames)
        self.opener = Opener(self.jobs, self.notices, self.frames, self.saving.locks, self._install, self)
        self.display.apply(settings)
        self.predictions.arrived.connect(self._on_prediction)
        self.predictions.cleared.connect(self.prediction_cleared)
        self.saving.saved.connect(self.saved)
        self.saving.conflict_found.connect(self.conflict_found)

    @property
    def sequence(self) -> Sequence | None:
        """The open sequence."""
        return self._sequence

    @property
    def frame_index(self) -> int:
        """The place of the frame that is shown, or that could not be read; -1 without a sequence."""
        return self._frame_index

    @property
    def destination(self) -> int:
        """The place of the frame that is being gone to: ``frame_index``, but while a frame is read."""
        return self._frame_index if (index := self.fetcher.destination) is None else index

    @property
    def frame(self) -> Frame | None:
        """The frame that is shown."""
        return self._frame

    @property
    def prediction(self) -> Prediction | None:
        """The prediction for the frame that is shown."""
        return self.predictions.current

    @property
    def sparsity(self) -> Sparsity:
        """Which patches the network computes."""
        return self._sparsity

    @property
    def engine(self) -> str:
        """The sparse engine that is asked for."""
        return self._engine

    @property
    def model(self) -> Model | None:
        """The model that is loaded."""
        return self._model

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._settings

    # ---- opening --------------------------------------------------------------------------------------------

    def open(self, paths: Iterable[Path], *, discard: bool = False, raw: RawLayout | None = None) -> None:
        """Open images, a folder, a data set, a video or a TIFF in place of what is open.

        Args:
            paths: what the user chose.
            discard: drop edits of the present sequence that are not saved, once the new one is ready.
            raw: how the values lie in files without a header; None for what was chosen before.

        Raises:
            UnknownFormatError: a file may hold raw values, and it is not known how they lie.
            FrameError, DatasetError: it cannot be opened.
            StorageError: it is open in another window, or labels cannot be saved; what was open stays open, always.
        """
        self._install(*ready(paths, self.saving.locks, raw=raw), discard)

    def open_later(self, paths: Iterable[Path], *, discard: bool = False, raw: RawLayout | None = None) -> None:
        """``open`` without waiting; ends in ``sequence_changed``, ``opener.layout_wanted`` or a notice ``open``."""
        self.opener.open(tuple(paths), discard=discard, raw=raw)

    def _install(self, sequence: Sequence, records: Records, discard: bool) -> None:
        opened = self.saving.prepare(sequence, records)
        if failed := self.close_sequence(discard=discard, silent=True):
            records.lock.release()
            which = f"{counted(len(failed), 'frame')} ({failed[0]} is one)"
            raise StorageError(f"Labels of {which} are not saved: save or discard them before you open something else.")
        self.saving.install(opened)
        self.opener.drop()
        self._sequence = sequence
        self.frames.adopt(sequence)
        self.project = Project(sequence.root)
        self.notices.withdraw("open")
        self.sequence_changed.emit()
        self.project_changed.emit()
        self.go_to(0, wait=True)

    def close_sequence(self, *, discard: bool = False, silent: bool = False) -> tuple[str, ...]:
        """Close what is open.

        Args:
            discard: drop edits that are not saved; else they are saved where labels are saved by themselves.
            silent: do not emit ``sequence_changed``, as another sequence follows.

        Returns the stems with unsaved edits for which nothing was closed; empty when it is closed.
        """
        if self._sequence is None:
            return ()
        if discard:
            self.document.abort()
            self.saving.forget_edits()
        else:
            self.document.commit()
            if failed := self.saving.save_all() if self.saving.automatic else self.unsaved:
                return failed
        self.fetcher.drop()
        self.saving.close()
        self.document.reset()
        self.notices.withdraw("frame")
        self.notices.keep("note", "")
        let_go_later(self._sequence)
        self._sequence, self._frame, self._frame_index, self.project = None, None, -1, None
        self.frames.clear()
        self.predictions.forget()
        self.review.start((), states={}, labelled=())
        if not silent:
            self.sequence_changed.emit()
            self.project_changed.emit()
        return ()

    # ---- frames ---------------------------------------------------------------------------------------------

    def go_to(self, index: int, then: Callable[[], None] | None = None, *, wait: bool = False) -> None:
        """Show the frame at a place, limited to the sequence; edits of the one before are saved if so set.

        A frame that takes long to read is shown when it is there, unless ``wait`` says to stand still until then; all
        is about the one before so long. ``then`` is done once it is shown; not if another one is gone to meanwhile.
        """
        if self._sequence is None:
            return
        index = min(max(index, 0), len(self._sequence) - 1)
        if index != self._frame_index or self._frame is None:
            self.fetcher.fetch(self._sequence, index, then, wait=wait)
            return
        self.fetcher.drop()
        if then is not None:
            then()

    def _show(self, sequence: Sequence, index: int, frame: Frame | FrameError) -> bool:
        self._showing = showing = object()
        self.document.commit()
        if self.saving.automatic and not self.document.is_clean:
            self.saving.save_all()
        if self._showing is not showing or self._sequence is not sequence:
            return False  # saving may ask a question: another frame, or sequence, was gone to meanwhile
        new_sequence = self._frame_index < 0
        self._frame_index, self._sparsity = index, self._sparsity.without_forced()
        if isinstance(frame, FrameError):
            self._frame = None
            self.predictions.clear()
            self.document.close()
            self.display.follow(None)
            self.notices.error(str(frame), key="frame")
            self.frame_changed.emit()
            return True
        self._frame = frame
        self.notices.withdraw("frame")
        self.notices.keep("note", frame.note)
        self.predictions.features.clear()  # those of the frame before, also where the prediction is known
        if (key := self.prediction_key()) is None or not self.predictions.recall(key):
            self.predictions.clear()  # only then: panels that are emptied and filled again cost twice
        self._show_label()
        self.display.follow(frame.pixels, new_sequence=new_sequence)
        self.frame_changed.emit()
        return True

    def _show_label(self) -> None:
        assert self._sequence is not None and self._frame is not None
        height, width = self._frame.pixels.shape
        try:
            self.saving.show(self._sequence.stems[self._frame_index], (height, width))
            self.notices.withdraw("label")
        except LabelError as error:
            # Drawing on an empty mask instead would end in replacing a label that nobody has seen.
            self.document.close()
            self.notices.error(str(error), key="label")

    def step(self, by: int) -> None:
        """Go forwards or backwards; at the ends nothing happens."""
        self.go_to(self.destination + by)

    def next_to_do(self, *, backwards: bool = False) -> bool:
        """Go to the next frame that is not reviewed; returns whether there is one."""
        index = self.review.next_to_do(self.destination, backwards=backwards) if self._sequence is not None else None
        if index is None:
            return False
        self.go_to(index)
        return True

    def set_sparsity(self, sparsity: Sparsity) -> None:
        """Choose which patches the network computes."""
        if sparsity != self._sparsity:
            self._sparsity = sparsity
            self.sparsity_changed.emit()

    def set_engine(self, engine: str) -> None:
        """Choose the sparse engine; told by ``sparsity_changed`` too."""
        if engine != self._engine:
            self._engine = engine
            self.sparsity_changed.emit()

    def set_model(self, model: Model | None) -> None:
        """Another model is loaded; earlier predictions are none of its."""
        if model != self._model:
            self._model = model
            self.predictions.clear()
            self.model_changed.emit()

    def prediction_key(self) -> PredictionKey | None:
        """What a prediction for the present frame, sparsity, model and engine is cached by; None without one."""
        if self._sequence is None or self._frame is None or self._model is None:
            return None
        frame = self._sequence.key(self._frame_index)
        return PredictionKey(frame, self._sparsity, self._model.identity, self._engine)

    def _on_prediction(self) -> None:
        if self._frame_index >= 0:
            self.review.set_predicted(self._frame_index)
        self.prediction_arrived.emit()

    # ---- labels ---------------------------------------------------------------------------------------------

    def accept_frame(self, *, keep_label: bool = False) -> bool:
        """Make the predicted mask, without rejected targets, the label of the frame; one undo step.

        Args:
            keep_label: add it to the label instead of replacing it.

        Returns:
            whether the label changed.
        """
        mask, prediction = self.predictions.accepted_mask(), self.prediction
        if mask is None or prediction is None or mask.shape != self.document.shape:
            return False
        if keep_label:
            mask = mask | self.document.mask
        return self.document.apply_mask("Accept all", mask, source=prediction.model)

    def accept_target(self, index: int) -> bool:
        """Add one predicted target to the label; one undo step. Raises IndexError; returns whether it changed."""
        prediction = self.prediction
        if prediction is None or prediction.probability.shape != self.document.shape:
            return False
        box, pixels = self.predictions.region(index)
        return self.document.apply_region("Accept target", box, pixels, source=prediction.model)

    def erase_target_at(self, x: float, y: float) -> bool:
        """Take the labelled target under a position away; one undo step. Returns whether there was one."""
        self.document.commit()
        region = component_at(self.document.mask, x, y)
        return region is not None and self.document.apply_region("Erase target", *region, value=False)

    def mark_reviewed(self, reviewed: bool = True) -> None:
        """Record that the label of the frame is right; a frame without label gets an empty one.

        Raises LabelConflict, LabelError, StorageError: it is not recorded.
        """
        self.document.commit()
        if not self.document.is_open:
            raise LabelError("The label of this frame cannot be read: replace its file before it is reviewed.")
        self.saving.mark_reviewed(self._frame_index, reviewed)

    def save(self, *, overwrite: bool = False) -> None:
        """Write the label of the frame that is shown, if it has unsaved edits.

        Raises:
            LabelConflict: another program changed the file; ask, then save with ``overwrite`` or reload.
            LabelError, StorageError: it is not saved; the file is as it was and the edits stay.
        """
        self.document.commit()
        stem = self.document.stem
        if stem is not None and not self.document.is_clean:
            self.saving.save(stem, overwrite=overwrite)

    def save_all(self, *, again: bool = False) -> tuple[str, ...]:
        """Write all labels with unsaved edits, as ``Saving.save_all``; returns the stems that could not be saved."""
        self.document.commit()
        return self.saving.save_all(again=again)

    def check_disk(self) -> None:
        """Look for changes by other programs; call it when the window comes to the front."""
        if self._frame is not None and not self.document.is_open:
            self._show_label()  # one that could not be read may have been replaced
        else:
            self.saving.check_disk()

    @property
    def unsaved(self) -> tuple[str, ...]:
        """Stems of the frames with edits that their label file does not hold."""
        return self.saving.unsaved

    def set_settings(self, settings: Settings) -> None:
        """Apply and store other settings; a disk that cannot be written only costs the storing, with a notice."""
        if settings == self._settings:
            return
        before, self._settings = self._settings, settings
        self.document.set_undo_bytes(settings.undo_megabytes * MEGABYTE)
        self.predictions.set_cache_bytes(settings.prediction_megabytes * MEGABYTE)
        self.saving.set_settings(settings)
        self.display.apply(settings, before)
        if before.engine != settings.engine:
            self.set_engine(settings.engine)
        if before.sparsity != settings.sparsity:
            self.set_sparsity(settings.sparsity)
        self.settings_changed.emit()
        try:
            save_settings(settings)
            self.notices.withdraw("settings")
        except StorageError as error:
            self.notices.warn(str(error), key="settings")
