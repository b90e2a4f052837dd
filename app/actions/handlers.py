"""What the actions do. A handler asks first (through ``dialogs``) and then acts; the acting part has no widget."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from adsnet.errors import AdsnetError
from app.actions.conditions import has_candidate
from app.actions.context import Context, Handler
from app.actions.viewing import VIEWING
from app.actions.whole_sequence import WHOLE_SEQUENCE
from app.state.what_if import free_patches
from app.storage.labels import LabelConflict
from app.storage.raw_layouts import proposed_layout
from app.wording import counted

Leaving = Literal["saved", "discard", "stay"]


def run(action: str, ctx: Context) -> None:
    """Do what the action says; an error becomes a notice."""
    try:
        HANDLERS[action](ctx)
    except AdsnetError as error:
        ctx.session.notices.error(str(error), key=action)


# ---- File ---------------------------------------------------------------------------------------------------


def open_paths(ctx: Context, paths: Sequence[Path]) -> None:
    """Open files or folders after the open sequence was saved, or the user said that its edits may go."""
    leaving = leave_sequence(ctx) if paths else "stay"
    if leaving != "stay":
        ctx.session.open_later(list(paths), discard=leaving == "discard")


def leave_sequence(ctx: Context) -> Leaving:
    """Save what is unsaved before something else is opened or the window closes.

    Returns:
        ``saved``, ``discard`` where that failed and the user gives the edits up, or ``stay``. Nothing is dropped yet.
    """
    ctx.screen.finish_stroke()
    failed = ctx.session.save_all(again=True) if ctx.session.sequence is not None else ()
    if not failed:
        return "saved"
    return "discard" if ctx.dialogs.ask_discard(failed) else "stay"


def _open(ctx: Context) -> None:
    open_paths(ctx, ctx.dialogs.open_files())


def _open_folder(ctx: Context) -> None:
    folder = ctx.dialogs.open_folder()
    if folder is not None:
        open_paths(ctx, [folder])


def _open_raw(ctx: Context) -> None:
    paths = ctx.dialogs.open_raw_files()
    if paths:
        leaving = leave_sequence(ctx)
        if leaving != "stay":
            ask_layout(ctx, paths[0], paths, discard=leaving == "discard")


def ask_layout(ctx: Context, example: Path, paths: Sequence[Path], *, discard: bool) -> None:
    """Ask how the values lie in a file, one of ``paths`` or in the folder that is, and open them with the answer."""
    layout = ctx.dialogs.ask_layout(example, proposed_layout(example))
    if layout is not None:
        ctx.session.open_later(list(paths), discard=discard, raw=layout)


def _open_sample(ctx: Context) -> None:
    open_paths(ctx, [ctx.sample])


def _save(ctx: Context) -> None:
    ctx.screen.finish_stroke()
    _write_label(ctx, ctx.session.save)
    failed = ctx.session.save_all()
    if failed:
        ctx.session.notices.error(
            f"Not saved: {counted(len(failed), 'label')} ({', '.join(failed[:3])}); the edits stay here, try again.",
            key="save",
        )
    else:
        ctx.session.notices.withdraw("save")


def _write_label(ctx: Context, write: Callable[[], None]) -> None:
    """Do what writes the label of the frame; where another program changed the file, ask which one holds."""
    try:
        write()
    except LabelConflict as conflict:
        if settle_conflict(ctx, conflict.stem):
            write()


def settle_conflict(ctx: Context, stem: str) -> bool:
    """The label file of the frame was changed by another program: ask which one holds; returns whether ours does."""
    answer = ctx.dialogs.ask_conflict(stem)
    ctx.session.document.commit()
    if answer == "overwrite" and stem in ctx.session.unsaved:
        ctx.session.saving.save(stem, overwrite=True)
    elif answer == "reload":
        index = ctx.session.sequence.index_of(stem) if ctx.session.sequence is not None else None
        if index is not None:
            ctx.session.go_to(index, wait=True)  # what is taken is seen, and can be undone
        if ctx.session.document.stem == stem:
            ctx.session.saving.reload(stem)
    return answer == "overwrite"


def offer_recovery(ctx: Context) -> None:
    """Edits of a session that ended without saving: ask what becomes of them."""
    stems = tuple(edits.stem for edits in ctx.session.saving.pending)
    if not stems:
        return
    answer = ctx.dialogs.ask_recover(stems)
    if answer == "recover":
        if recovered := ctx.session.saving.recover():
            ctx.session.notices.info(f"The unsaved edits of {counted(recovered, 'frame')} are back.", key="recover")
    elif answer == "discard":
        ctx.session.saving.discard_pending()


def _close(ctx: Context) -> None:
    leaving = leave_sequence(ctx)
    if leaving != "stay":
        ctx.session.close_sequence(discard=leaving == "discard")


# ---- Labels -------------------------------------------------------------------------------------------------


def _accept_frame(ctx: Context) -> None:
    ctx.screen.finish_stroke()
    ctx.session.accept_frame()


def _accept_target(ctx: Context) -> None:
    target = ctx.pick.target
    if target is not None:
        ctx.screen.finish_stroke()
        ctx.session.accept_target(target)
        ctx.pick.select(None)


def _reject_target(ctx: Context) -> None:
    target, predictions = ctx.pick.target, ctx.session.predictions
    if target is None:
        return
    if target in predictions.rejected:
        predictions.restore(target)
    else:
        predictions.reject(target)


def _clear(ctx: Context) -> None:
    ctx.screen.finish_stroke()
    document = ctx.session.document
    document.apply_mask("Clear label", np.zeros(document.shape, np.bool_))


def _toggle_reviewed(ctx: Context) -> None:
    ctx.screen.finish_stroke()
    session = ctx.session
    reviewed = session.review.state(session.frame_index) != "reviewed"
    _write_label(ctx, lambda: session.mark_reviewed(reviewed))


def _undo(ctx: Context) -> None:
    if not ctx.screen.cancel_stroke():
        ctx.session.document.undo()


def _select_tool(ctx: Context) -> None:
    """Esc first takes back a stroke, then leaves the tool, then the selection."""
    if ctx.screen.cancel_stroke():
        return
    if ctx.pick.tool == "select":
        ctx.pick.select(None)
    ctx.pick.use_tool("select")


# ---- the others ---------------------------------------------------------------------------------------------


def _go(target: Callable[[Context], int]) -> Handler:
    def handler(ctx: Context) -> None:
        ctx.session.go_to(target(ctx))

    return handler


def _last(ctx: Context) -> int:
    sequence = ctx.session.sequence
    return len(sequence) - 1 if sequence is not None else 0


def _unreviewed(backwards: bool) -> Handler:
    def handler(ctx: Context) -> None:
        if not ctx.session.next_to_do(backwards=backwards):
            ctx.session.notices.info("Every frame is reviewed.", key="review")

    return handler


def _brush(step: int) -> Handler:
    def handler(ctx: Context) -> None:
        display = ctx.session.display
        display.set_brush_size(min(max(display.brush_size + step, 1), 64))

    return handler


def _load_model(ctx: Context) -> None:
    path = ctx.dialogs.open_model()
    if path is not None:
        ctx.predicting.load(str(path))


def start_tuning(ctx: Context, iterations: int, frames: str) -> None:
    """Save the labels and start the training process on ``corrected``, ``reviewed`` or all ``labelled`` frames.

    A candidate that waits for a decision is only dropped when the user says so.
    """
    ctx.screen.finish_stroke()
    failed = ctx.session.save_all()
    if failed:
        ctx.session.notices.error(
            f"Fine-tuning did not start: the label of {failed[0]} could not be saved.", key="model.fine_tune"
        )
        return
    if has_candidate(ctx.situation) is None:
        if not ctx.dialogs.ask_discard_candidate():
            return
        ctx.training.discard()
    ctx.training.start(iterations=iterations, only_reviewed=frames == "reviewed", only_corrected=frames == "corrected")


def _accept_candidate(ctx: Context) -> None:
    path = ctx.training.accept()
    ctx.session.notices.info(f"{path.name} is the model of this sequence now; the one before is kept.", key="model")


def set_drop(ctx: Context, stage3: float, stage2: float) -> None:
    """Drop these fractions of the patches; the frame is predicted again."""
    ctx.session.set_sparsity(dataclasses.replace(ctx.session.sparsity, drop=(stage3, stage2), threshold=None))


def set_keep_threshold(ctx: Context, stage3: float, stage2: float) -> None:
    """Keep the patches above these keep probabilities; the frame is predicted again."""
    ctx.session.set_sparsity(dataclasses.replace(ctx.session.sparsity, threshold=(stage3, stage2)))


def _use_patches(ctx: Context) -> None:
    """The patches must be seen to be clicked."""
    ctx.session.display.set_visible("patches2", True)
    ctx.pick.use_tool("patches")


def _measure(name: str) -> Handler:
    """The tool and the panel that shows what it measures have the same name."""

    def handler(ctx: Context) -> None:
        ctx.screen.show_panel(name)
        ctx.pick.use_tool(name)

    return handler


HANDLERS: dict[str, Handler] = {
    **WHOLE_SEQUENCE,
    "file.open": _open,
    "file.open_folder": _open_folder,
    "file.open_raw": _open_raw,
    "file.sample": _open_sample,
    "file.save": _save,
    "file.close": _close,
    "file.quit": lambda ctx: ctx.screen.close_window(),
    "edit.undo": _undo,
    "edit.redo": lambda ctx: _changed(ctx.session.document.redo()),
    "label.accept_frame": _accept_frame,
    "label.accept_target": _accept_target,
    "label.reject_target": _reject_target,
    "label.reviewed": _toggle_reviewed,
    "label.grow": lambda ctx: _changed(ctx.session.document.grow()),
    "label.shrink": lambda ctx: _changed(ctx.session.document.shrink()),
    "label.clear": _clear,
    "go.next": lambda ctx: ctx.session.step(1),
    "go.previous": lambda ctx: ctx.session.step(-1),
    "go.forwards": lambda ctx: ctx.session.step(10),
    "go.backwards": lambda ctx: ctx.session.step(-10),
    "go.play": lambda ctx: ctx.session.player.toggle(),
    "go.loop": lambda ctx: ctx.session.player.set_loop(not ctx.session.player.loop),
    "go.first": _go(lambda ctx: 0),
    "go.last": _go(_last),
    "go.next_unreviewed": _unreviewed(False),
    "go.previous_unreviewed": _unreviewed(True),
    **VIEWING,
    "tool.select": _select_tool,
    "tool.brush": lambda ctx: ctx.pick.use_tool("brush"),
    "tool.eraser": lambda ctx: ctx.pick.use_tool("eraser"),
    "tool.patches": _use_patches,
    "tool.profile": _measure("profile"),
    "tool.surface": _measure("surface"),
    "brush.smaller": _brush(-1),
    "brush.larger": _brush(1),
    "model.predict": lambda ctx: ctx.predicting.request(),
    "model.load": _load_model,
    "model.clear_cache": lambda ctx: ctx.predicting.clear_cache(),
    "model.free_patches": lambda ctx: free_patches(ctx.session),
    "model.fine_tune": lambda ctx: ctx.screen.show_panel("fine_tune"),
    "model.stop": lambda ctx: ctx.training.stop(),
    "model.accept": _accept_candidate,
    "model.discard": lambda ctx: ctx.training.discard(),
    "help.find": lambda ctx: ctx.screen.show_palette(),
    "help.keys": lambda ctx: ctx.screen.show_keys(),
    "help.whats_this": lambda ctx: ctx.screen.explain(),
    "help.log": lambda ctx: ctx.screen.open_in_desktop(ctx.log_folder),
    "help.about": lambda ctx: ctx.dialogs.show_about(),
}


def _changed(_: bool) -> None:
    """Whether a pixel changed does not matter here."""
