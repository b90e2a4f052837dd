"""What the middle of the window shows while nothing is open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.views.icons import pixmap_of, set_icon
from app.views.parts import primary, quiet_label
from app.views.theme import colours
from app.wording import printable

_RECENT = 5
_TEXT_WIDTH = 360  # the middle of a window of 1000 pixels has no more


class EmptyState(QScrollArea):
    """Two ways to begin, what was open lately, and a sentence about what comes next.

    Signals:
        open_requested(), sample_requested(), recent_requested(object Path): the buttons.
    """

    open_requested = Signal()
    sample_requested = Signal()
    recent_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        title = QLabel("Open infrared imagery", alignment=Qt.AlignmentFlag.AlignCenter)
        font = QFont(title.font())
        font.setPointSizeF(font.pointSizeF() * 1.6)
        font.setWeight(QFont.Weight.DemiBold)
        title.setFont(font)
        text = quiet_label(
            "A folder, a data set, 8- or 16-bit images, a multi-page TIFF or a video: drop it here or open it. "
            "The network then marks the targets it sees and the patches it skips; correct what is wrong, "
            "fine-tune, and keep the new model if it is better.",
            wrap=True,
        )
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        text.setFixedWidth(_TEXT_WIDTH)
        text.setMinimumHeight(text.heightForWidth(_TEXT_WIDTH))  # centred labels that wrap do not ask for their height
        self.open = primary(QPushButton("Open…"))
        self.sample = QPushButton("Open the sample")
        set_icon(self.sample, "sample")
        for button in (self.open, self.sample):
            button.setMinimumSize(QSize(150, 34))
        self.open.clicked.connect(self.open_requested)
        self.sample.clicked.connect(self.sample_requested)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addStretch(1)
        buttons.addWidget(self.open)
        buttons.addWidget(self.sample)
        buttons.addStretch(1)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setSpacing(14)
        layout.addStretch(3)
        layout.addWidget(self._picture)
        layout.addWidget(title)
        layout.addWidget(text, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(4)
        layout.addLayout(buttons)
        self._recent_title = quiet_label("Go on with")
        self._recent_title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.recent = [QPushButton(flat=True) for _ in range(_RECENT)]
        lately = QVBoxLayout()
        lately.setSpacing(2)
        lately.addWidget(self._recent_title)
        for number, button in enumerate(self.recent, 1):
            button.setAccessibleName(f"Recent data {number}")
            button.clicked.connect(lambda _=False, button=button: self.recent_requested.emit(self._paths[button]))
            lately.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(8)
        layout.addLayout(lately)
        layout.addStretch(4)
        self.setWidget(page)
        self.setWidgetResizable(True)  # and scrolled on a small screen, so that the window can stay small
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._paths: dict[QPushButton, Path] = {}
        self.show_recent(())
        self.apply_colours()

    def show_recent(self, recent: Sequence[Path]) -> None:
        """Offer what was open lately, the last one first."""
        self._paths = dict(zip(self.recent, recent, strict=False))
        self._recent_title.setVisible(bool(self._paths))
        for button in self.recent:
            button.setVisible(button in self._paths)
            if button in self._paths:
                name = printable(str(self._paths[button]))
                place = button.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, _TEXT_WIDTH - 30)
                button.setText(place.replace("&", "&&"))
                button.setToolTip(name)
                button.setAccessibleName(f"Open {name}")

    def apply_colours(self) -> None:
        """Draw the picture in the colours of the theme."""
        colour = QColor(colours().faint)
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)
        self._picture.setPixmap(pixmap_of("sample", size=72, colour=colour, ratio=application.devicePixelRatio()))
