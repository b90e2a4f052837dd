"""What helps a person to find their way in the window: keys behind tool tips, explanations, search."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtWidgets import QWhatsThis, QWidget

from app.actions.recent import own_recent
from app.actions.table import ACTIONS
from app.views.key_hints import KeyHints
from app.views.keys_dialog import KeysDialog
from app.views.palette import Choice, Palette
from app.views.whats_this import explain
from app.wording import printable

if TYPE_CHECKING:
    from app.state.session import Session
    from app.views.window import MainWindow


class Guidance(QObject):
    """Knows the window, its actions and panels; changes nothing itself.

    Attributes:
        keys_dialog, palette: the last ones that were opened, or None.

    Signals:
        keymap_wanted(object): the keys are to be those of this Keymap.
        keys_export_wanted(), keys_import_wanted(): write or read a file of keys, then call ``tell_about_keys``.
    """

    keymap_wanted = Signal(object)
    keys_export_wanted = Signal()
    keys_import_wanted = Signal()

    def __init__(self, window: MainWindow, session: Session) -> None:
        super().__init__(window)
        self._window, self._session = window, session
        self.keys_dialog: KeysDialog | None = None
        self.palette: Palette | None = None
        self._hints = KeyHints(window.action_set)
        self._write_keys()
        for name, dock in window.docks.items():
            explain(name, dock)
        workspace = window.workspace
        explain("canvas", workspace.canvas)
        explain("minimap", workspace.minimap)
        explain("timeline", workspace.timeline)
        explain("empty", workspace.empty)
        explain("notice", workspace.notices)
        explain("status", window.status)
        explain("toolbar", window.bars.toolbar)

    def _write_keys(self) -> None:
        """Name the keys wherever a control does what an action does."""
        window, hints = self._window, self._hints
        timeline, targets = window.workspace.timeline, window.targets
        for widget, action in (
            (timeline.previous, "go.previous"),
            (timeline.play, "go.play"),
            (timeline.next, "go.next"),
            (timeline.loop, "go.loop"),
            (targets.accept, "label.accept_target"),
            (targets.reject, "label.reject_target"),
            (targets.accept_all, "label.accept_frame"),
            (window.report.judge, "model.judge"),
            (window.compare.view, "compare.view"),
            (window.compare.start, "compare.start"),
            (window.cascade.free, "model.free_patches"),
            (window.layers.outline, "view.outline"),
            (window.display.clahe, "view.clahe"),
            (window.workspace.minimap, "view.minimap"),
            (window.workspace.empty.open, "file.open"),
        ):
            hints.tip(widget, action)
        for name, label in window.layers.key_labels.items():
            hints.label(label, f"layer.{name}")
            hints.tip(window.layers.switches[name], f"layer.{name}")
        hints.call(self._write_canvas_hint)

    def _write_canvas_hint(self) -> None:
        accept, reject = self._hints.first("label.accept_target"), self._hints.first("label.reject_target")
        parts = (f"{key} {verb}" for key, verb in ((accept, "accept"), (reject, "reject")) if key)
        self._window.workspace.layers.set_hint("   ".join(parts))

    # ---- the list of keys -------------------------------------------------------------------------------

    def show_keys(self) -> None:
        """Open the list of keys."""
        if self.keys_dialog is None:
            dialog = self.keys_dialog = KeysDialog(self._window.action_set, self._window)
            dialog.keymap_wanted.connect(self.keymap_wanted)
            dialog.export_wanted.connect(self.keys_export_wanted)
            dialog.import_wanted.connect(self.keys_import_wanted)
        self.keys_dialog.show()
        self.keys_dialog.raise_()
        self.keys_dialog.activateWindow()

    def tell_about_keys(self, text: str) -> None:
        """Say in the list of keys what came of reading or writing a file."""
        if self.keys_dialog is not None and text:
            self.keys_dialog.say(text)

    # ---- finding ----------------------------------------------------------------------------------------

    def show_palette(self) -> None:
        """Open the palette on what can be done now."""
        sequence = self._session.sequence
        frames = list(sequence.names) if sequence is not None else []
        self.palette = Palette(self._choices(), frames=frames, go_to=self._session.go_to, parent=self._window)
        self.palette.show()

    def _choices(self) -> list[Choice]:
        actions, window = self._window.action_set, self._window
        actions.refresh()
        choices = [
            Choice(
                spec.text.rstrip("…"),
                " › ".join(filter(None, (spec.menu, spec.submenu))),
                actions[spec.id].trigger,
                actions.keymap.text(spec.id),
                actions.reason(spec.id),
                spec.tip,
            )
            for spec in ACTIONS
            if spec.id != "help.find"
        ]
        for name, dock in window.docks.items():
            choices.append(Choice(dock.windowTitle(), "Panel", partial(window.show_panel, name), more="show dock"))
        for path in own_recent(self._session.settings):
            wish = partial(window.bars.recent_requested.emit, path)
            choices.append(Choice(printable(str(path)), "Recent", wish, more="open"))
        return choices

    # ---- explaining -------------------------------------------------------------------------------------

    def explain(self) -> None:
        """Explain what is clicked next; when asked once more, what has the focus."""
        if not QWhatsThis.inWhatsThisMode():
            QWhatsThis.enterWhatsThisMode()
            return
        QWhatsThis.leaveWhatsThisMode()
        widget: QWidget | None = self._window.focusWidget()
        place = QPoint() if widget is None else widget.mapToGlobal(widget.rect().center())
        while widget is not None and not widget.whatsThis():
            widget = widget.parentWidget()
        if widget is not None:
            QWhatsThis.showText(place, widget.whatsThis(), widget)
