"""The dialog that asks how the values lie in a file without a header, with a look at what comes out."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from adsnet.data.raw import RAW_TYPES, RawLayout
from adsnet.errors import FrameError
from adsnet.storage.files import shown
from app.imaging.render import percentile_levels, to_index
from app.state.raw_preview import Look, RawPreview
from app.views.binding import quiet
from app.views.parts import quiet_label

_SIDE = 420


class RawDialog(QDialog):
    """Fields on the left, the frame that they give on the right.

    Args:
        path: the file that is looked at.
        proposal: what the fields hold at first.
    """

    def __init__(self, path: Path, proposal: RawLayout, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Open raw frames")
        self.width_field = self._number("Width", 1, 65535, proposal.width)
        self.height_field = self._number("Height", 1, 65535, proposal.height)
        self.type_field = QComboBox()
        self.type_field.setAccessibleName("Type")
        self.type_field.addItems(RAW_TYPES)
        self.type_field.setCurrentText(proposal.dtype)
        self.order_field = QComboBox()
        self.order_field.setAccessibleName("Byte order")
        self.order_field.addItem("Little-endian (PC)", False)
        self.order_field.addItem("Big-endian", True)
        self.order_field.setCurrentIndex(int(proposal.big_endian))
        self.offset_field = self._number("Header", 0, 2**31 - 1, proposal.offset)
        self.row_gap_field = self._number("Gap after each row", 0, 2**31 - 1, proposal.row_gap)
        self.frame_gap_field = self._number("Gap after each frame", 0, 2**31 - 1, proposal.frame_gap)
        self.frame_field = self._number("Frame", 1, 1, 1)
        self.picture = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.picture.setFixedSize(_SIDE, _SIDE)
        self.picture.setAccessibleName("The frame with this layout")
        self.sentence = QLabel(wordWrap=True)
        self.sentence.setMinimumHeight(4 * self.sentence.fontMetrics().height())
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel)
        self.open_button = self.buttons.button(QDialogButtonBox.StandardButton.Open)
        self._layout: RawLayout | None = None
        self._preview = RawPreview(path, self)
        self._lay_out(path)
        self._preview.seen.connect(self._show)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.finished.connect(self._preview.close)
        for box in (self.type_field, self.order_field):
            box.currentIndexChanged.connect(lambda _: self._ask())
        for field in self._numbers():
            field.valueChanged.connect(lambda _: self._ask())
        self._ask()

    @property
    def layout_chosen(self) -> RawLayout | None:
        """What the fields say; None while they do not fit the file."""
        return self._layout

    @staticmethod
    def _number(name: str, low: int, high: int, value: int) -> QSpinBox:
        field = QSpinBox(minimum=low, maximum=high, value=value)
        field.setAccelerated(True)
        field.setAccessibleName(name)
        return field

    def _numbers(self) -> tuple[QSpinBox, ...]:
        return (
            self.width_field, self.height_field, self.offset_field, self.row_gap_field, self.frame_gap_field,
            self.frame_field,
        )  # fmt: skip

    def _lay_out(self, path: Path) -> None:
        name = QLabel(shown(path.name), textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        name.setMaximumWidth(280)
        for field in (self.offset_field, self.row_gap_field, self.frame_gap_field):
            field.setSuffix(" bytes")
        self.width_field.setSuffix(" px")
        self.height_field.setSuffix(" px")
        form = QFormLayout()
        form.addRow("Width", self.width_field)
        form.addRow("Height", self.height_field)
        form.addRow("Type", self.type_field)
        form.addRow("Byte order", self.order_field)
        form.addRow("Header", self.offset_field)
        form.addRow("After each row", self.row_gap_field)
        form.addRow("After each frame", self.frame_gap_field)
        form.addRow("Look at frame", self.frame_field)
        left = QVBoxLayout()
        left.addWidget(name)
        left.addWidget(
            quiet_label(
                "The file does not say how its values lie. Change this until the picture is right."
                " It is remembered for this file and proposed for those beside it.",
                wrap=True,
            )
        )
        left.addLayout(form)
        left.addWidget(self.sentence)
        left.addStretch(1)
        left.addWidget(self.buttons)
        across = QHBoxLayout(self)
        across.setSpacing(16)
        across.addLayout(left, 1)
        across.addWidget(self.picture)

    def _ask(self) -> None:
        self._layout = None
        self.open_button.setEnabled(False)
        self.order_field.setEnabled(not self.type_field.currentText().endswith("8"))
        try:
            layout = RawLayout(
                self.width_field.value(),
                self.height_field.value(),
                self.type_field.currentText(),
                bool(self.order_field.currentData()) and self.order_field.isEnabled(),
                self.offset_field.value(),
                self.row_gap_field.value(),
                self.frame_gap_field.value(),
            )
        except FrameError as error:
            self._say(str(error))
            return
        self._preview.ask(layout, self.frame_field.value() - 1)

    def _say(self, text: str) -> None:
        self.picture.setPixmap(QPixmap())
        self.picture.setText("No frame")
        self.sentence.setText(text)

    def _show(self, look: Look) -> None:
        if look.pixels is None:
            self._say(look.sentence)
            return
        self._layout = look.layout
        self.open_button.setEnabled(True)
        with quiet(self.frame_field):
            self.frame_field.setRange(1, look.frames)
            self.frame_field.setValue(look.index + 1)
        grey = to_index(look.pixels, percentile_levels(look.pixels))
        image = QImage(grey.data, grey.shape[1], grey.shape[0], grey.strides[0], QImage.Format.Format_Grayscale8)
        smooth = Qt.TransformationMode.FastTransformation
        scaled = image.scaled(_SIDE, _SIDE, Qt.AspectRatioMode.KeepAspectRatio, smooth)
        self.picture.setPixmap(QPixmap.fromImage(scaled))
        self.sentence.setText(look.sentence)
