"""Connects what panels ask for with what is done about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from adsnet.errors import AdsnetError
from app.actions import handlers, key_files
from app.actions.context import Context
from app.views.window import MainWindow


def connect(window: MainWindow, ctx: Context, apply_theme: Callable[[], None]) -> None:
    """Connect all wishes of the window with the handlers.

    Args:
        window, ctx: what asks and what acts.
        apply_theme: puts on the theme that the settings name now, where that is another one.
    """
    session = ctx.session

    def perform(action: str) -> None:
        handlers.run(action, ctx)

    def guarded_erase(x: float, y: float) -> None:
        try:
            session.erase_target_at(x, y)
        except AdsnetError as error:
            session.notices.error(str(error), key="label")

    def check_disk() -> None:
        try:
            session.check_disk()
        except AdsnetError as error:
            session.notices.error(str(error), key="label")

    def open_paths(paths: list[Path]) -> None:
        handlers.open_paths(ctx, paths)

    def ask_layout(example: Path, paths: tuple[Path, ...], discard: bool) -> None:
        try:
            handlers.ask_layout(ctx, example, paths, discard=discard)
        except AdsnetError as error:
            session.notices.error(str(error), key="open")

    def choose_stem(stem: str) -> None:
        """Of the candidate's table, which stays when another sequence is opened."""
        sequence = session.sequence
        index = sequence.index_of(stem) if sequence is not None and ctx.training.is_of_open_project else None
        if index is not None:
            session.go_to(index)

    def show_place(index: int, x: float, y: float) -> None:
        session.go_to(index, then=lambda: workspace.look_at(x, y))

    def in_the_way() -> bool:
        """Whether a frame that arrives now would be taken for the one that a stroke, question or menu is about."""
        asking = QApplication.activeModalWidget() or QApplication.activePopupWidget()
        return asking is not None or session.document.stroke_active

    def start_tuning(iterations: int, frames: str) -> None:
        try:
            handlers.start_tuning(ctx, iterations, frames)
        except AdsnetError as error:
            session.notices.error(str(error), key="model.fine_tune")

    def offer_recovery() -> None:
        """Once it is open: a question runs an event loop of its own, in which a sequence without a frame was seen."""
        QTimer.singleShot(0, window, lambda: handlers.offer_recovery(ctx))

    window.performed.connect(perform)
    window.paths_dropped.connect(open_paths)
    window.erase_requested.connect(guarded_erase)
    window.came_to_front.connect(check_disk)
    window.bars.recent_requested.connect(lambda path: open_paths([path]))
    window.bars.brush_requested.connect(session.display.set_brush_size)
    guidance = window.guidance
    guidance.keymap_wanted.connect(lambda keymap: key_files.use_keys(ctx, keymap))
    guidance.keys_export_wanted.connect(lambda: guidance.tell_about_keys(key_files.export_keys(ctx)))
    guidance.keys_import_wanted.connect(lambda: guidance.tell_about_keys(key_files.import_keys(ctx)))
    session.settings_changed.connect(apply_theme)
    workspace = window.workspace
    workspace.empty.recent_requested.connect(lambda path: open_paths([path]))
    workspace.empty.open_requested.connect(lambda: perform("file.open"))
    workspace.empty.sample_requested.connect(lambda: perform("file.sample"))
    workspace.timeline.frame_requested.connect(session.go_to)
    workspace.timeline.step_requested.connect(session.step)
    workspace.timeline.play_requested.connect(lambda: perform("go.play"))
    workspace.timeline.loop_requested.connect(lambda: perform("go.loop"))
    workspace.timeline.fps_requested.connect(session.player.set_fps)
    window.frames.frame_requested.connect(session.go_to)
    window.targets.target_chosen.connect(workspace.jump_to)
    window.report.judge_requested.connect(lambda: perform("model.judge"))
    window.report.stop_requested.connect(lambda: perform("model.stop_judging"))
    window.report.export_requested.connect(lambda: perform("model.export_verdicts"))
    window.report.selection_changed.connect(window.measures.show_selection)
    window.measures.threshold_requested.connect(session.predictions.set_threshold)
    window.report.frame_requested.connect(session.go_to)
    compare, comparison = window.compare, window.comparison
    compare.view_requested.connect(lambda: perform("compare.view"))
    compare.start_requested.connect(lambda: perform("compare.start"))
    compare.stop_requested.connect(lambda: perform("compare.stop"))
    compare.add_requested.connect(lambda: perform("compare.add_model"))
    compare.chosen.connect(comparison.choose)
    compare.method_requested.connect(comparison.set_method)
    compare.place_requested.connect(show_place)
    window.why.place_chosen.connect(workspace.look_at)
    window.targets.threshold_requested.connect(session.predictions.set_threshold)
    window.targets.accept_requested.connect(lambda: perform("label.accept_target"))
    window.targets.reject_requested.connect(lambda: perform("label.reject_target"))
    window.targets.accept_all_requested.connect(lambda: perform("label.accept_frame"))
    display = session.display
    window.layers.visible_requested.connect(display.set_visible)
    window.stages.layer_requested.connect(display.set_visible)
    window.stages.channels_requested.connect(lambda: window.show_panel("cascade"))
    window.layers.opacity_requested.connect(display.set_opacity)
    window.layers.outline_requested.connect(display.set_outline_only)
    window.display.window_requested.connect(display.set_window)
    window.display.levels_requested.connect(display.set_levels)
    window.display.locked_requested.connect(display.set_locked)
    window.display.colour_map_requested.connect(display.set_colour_map)
    window.display.gamma_requested.connect(display.set_gamma)
    window.display.clahe_requested.connect(display.set_clahe)
    window.display.clahe_limit_requested.connect(display.set_clahe_limit)
    window.cascade.drop_requested.connect(lambda s3, s2: handlers.set_drop(ctx, s3, s2))
    window.cascade.threshold_requested.connect(lambda s3, s2: handlers.set_keep_threshold(ctx, s3, s2))
    window.cascade.free_requested.connect(lambda: perform("model.free_patches"))
    window.cascade.engine_requested.connect(session.set_engine)
    window.fine_tune.start_requested.connect(start_tuning)
    window.fine_tune.stop_requested.connect(lambda: perform("model.stop"))
    candidate = window.fine_tune.comparison
    candidate.accept_requested.connect(lambda: perform("model.accept"))
    candidate.discard_requested.connect(lambda: perform("model.discard"))
    candidate.frame_chosen.connect(choose_stem)
    session.fetcher.held = in_the_way
    session.opener.layout_wanted.connect(ask_layout)
    session.sequence_changed.connect(offer_recovery)
    session.conflict_found.connect(lambda stem: handlers.settle_conflict(ctx, stem))
