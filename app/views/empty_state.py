"""What the middle of the window shows before anything is open."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.views.icons import pixmap_of, set_icon
from app.views.parts import primary, quiet_label
from app.views.theme import colours

_TEXT_WIDTH = 360  # the middle of a window of 1000 pixels has no more


class EmptyState(QWidget):
    """Two ways to begin and a sentence about what comes next."""

    open_requested = Signal()
    sample_requested = Signal()

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
        layout = QVBoxLayout(self)
        layout.setSpacing(14)
        layout.addStretch(3)
        layout.addWidget(self._picture)
        layout.addWidget(title)
        layout.addWidget(text, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(4)
        layout.addLayout(buttons)
        layout.addStretch(4)
        self.apply_colours()

    def apply_colours(self) -> None:
        """Draw the picture in the colours of the theme."""
        colour = QColor(colours().faint)
        self._picture.setPixmap(pixmap_of("sample", size=72, colour=colour, ratio=self.devicePixelRatioF()))
