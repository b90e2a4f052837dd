"""The one place where notices appear: a bar under the toolbar, the newest one, with the rest a click away."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.state.notices import Notice, Notices
from app.views.icons import pixmap_of
from app.views.parts import tool_button
from app.views.theme import colours

_INFO_SECONDS = 6


class NoticeBar(QWidget):
    """Shows the newest notice until it is closed or withdrawn; an info goes by itself.

    Signals:
        resized(): it wants another height.
    """

    resized = Signal()

    def __init__(self, notices: Notices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._notices = notices
        self._shown: Notice | None = None
        self._passing: Notice | None = None  # the last notice without a key, which nobody withdraws
        self._icon = QLabel()
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._more = QLabel()
        self.details_button = QPushButton("Details")
        self.details_button.setCheckable(True)
        self._copy = QPushButton("Copy")
        self._close = tool_button("close", "Close this notice")
        self.details = QPlainTextEdit(readOnly=True)
        self.details.setAccessibleName("Details of this notice")
        self.details.setMaximumHeight(150)
        self.details.hide()
        line = QHBoxLayout()
        line.setSpacing(8)
        for part in (self._icon, self.text, self._more, self._copy, self.details_button, self._close):
            line.addWidget(part, 1 if part is self.text else 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 6)
        layout.addLayout(line)
        layout.addWidget(self.details)
        self._timer = QTimer(self, singleShot=True, interval=_INFO_SECONDS * 1000)
        self._timer.timeout.connect(self._dismiss)
        self.details_button.toggled.connect(self._show_details)
        self._copy.clicked.connect(self._copy_text)
        self._close.clicked.connect(self._dismiss)
        notices.posted.connect(self._posted)
        notices.withdrawn.connect(self._read)
        self._read()

    def height_for(self, width: int) -> int:
        """The height that the text needs at this width."""
        layout = self.layout()
        assert layout is not None
        return layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else self.sizeHint().height()

    def _show_details(self, shown: bool) -> None:
        self.details.setVisible(shown)
        self.resized.emit()

    def _posted(self, notice: Notice) -> None:
        self._passing = None if notice.key else notice
        self._read()

    def _read(self, _key: str = "") -> None:
        current = self._notices.current + ((self._passing,) if self._passing is not None else ())
        notice = current[-1] if current else None
        self.setVisible(notice is not None)
        self._timer.stop()
        if notice is None:
            self._shown = None
            return
        if notice != self._shown:
            self.details_button.setChecked(False)
        self._shown = notice
        self.text.setText(notice.text)
        self.details.setPlainText(notice.details)
        self.details_button.setVisible(bool(notice.details))
        self._copy.setVisible(bool(notice.details))
        more = len(current) - 1
        self._more.setText(f"+{more}")
        self._more.setToolTip("\n".join(n.text for n in current[:-1]))
        self._more.setVisible(more > 0)
        icon = {"info": "info", "warn": "warning", "error": "error"}[notice.level]
        self._icon.setPixmap(pixmap_of(icon, size=18, colour=self._colour(), ratio=self.devicePixelRatioF()))
        self.setAccessibleName(f"{notice.level}: {notice.text}")
        self.update()
        self.resized.emit()
        if notice.level == "info":
            self._timer.start()

    def _colour(self) -> QColor:
        c = colours()
        level = self._shown.level if self._shown is not None else "info"
        return QColor({"info": c.accent, "warn": c.warn, "error": c.bad}[level])

    def _dismiss(self) -> None:
        if self._shown is not None and self._shown is self._passing:
            self._passing = None
            self._read()
        elif self._shown is not None:
            self._notices.withdraw(self._shown.key)

    def _copy_text(self) -> None:
        if self._shown is not None:
            QGuiApplication.clipboard().setText(f"{self._shown.text}\n\n{self._shown.details}")

    def paintEvent(self, event: QPaintEvent) -> None:
        """A tint of the level's colour with a line below."""
        painter = QPainter(self)
        colour = self._colour()
        painter.fillRect(self.rect(), QColor(colours().window))
        painter.fillRect(0, self.height() - 2, self.width(), 2, colour)
        colour.setAlpha(34)
        painter.fillRect(self.rect(), colour)
