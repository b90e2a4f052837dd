"""The timeline under the canvas: a slider over the frames with the state of every label along it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QSlider, QSpinBox, QVBoxLayout, QWidget

from app.state.player import MAX_FPS, MIN_FPS
from app.state.session import Session
from app.views.binding import quiet
from app.views.frame_strip import FrameStrip
from app.views.icons import set_icon
from app.views.parts import quiet_label, tool_button


class Timeline(QWidget):
    """Slider, number and steps; asks for frames and never changes one itself."""

    frame_requested = Signal(int)
    step_requested = Signal(int)
    play_requested = Signal()
    loop_requested = Signal()
    fps_requested = Signal(int)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.previous = tool_button("previous", "Previous frame", size=18)
        self.play = tool_button("play", "Play", size=18)
        self.next = tool_button("next", "Next frame", size=18)
        self.loop = tool_button("loop", "Start again at the end", checkable=True, size=16)
        self.fps = QSpinBox()
        self.fps.setRange(MIN_FPS, MAX_FPS)
        self.fps.setSuffix(" fps")
        self.fps.setKeyboardTracking(False)
        self.fps.setAccessibleName("Frames a second")
        self.fps.setToolTip("Frames a second; frames are left out where the machine does not keep up")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Frame")
        self.slider.setToolTip("The place of this frame in the sequence; drag to move through it")
        self.slider.setMinimumSize(QSize(50, 18))
        self.number = QSpinBox()
        self.number.setKeyboardTracking(False)
        self.number.setAccessibleName("Frame number")
        self.number.setToolTip("The number of this frame; type another one to go there")
        self.number.setMinimumWidth(58)
        self._total: QLabel = quiet_label("of 0")
        track = QVBoxLayout()
        track.setSpacing(0)
        track.addWidget(self.slider)
        track.addWidget(FrameStrip(session))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 10, 4)
        layout.setSpacing(6)
        layout.addWidget(self.previous)
        layout.addWidget(self.play)
        layout.addWidget(self.next)
        layout.addLayout(track, 1)
        layout.addWidget(self.number)
        layout.addWidget(self._total)
        layout.addWidget(self.loop)
        layout.addWidget(self.fps)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.slider.valueChanged.connect(self.frame_requested)
        self.number.valueChanged.connect(lambda value: self.frame_requested.emit(value - 1))
        self.previous.clicked.connect(lambda: self.step_requested.emit(-1))
        self.next.clicked.connect(lambda: self.step_requested.emit(1))
        self.play.clicked.connect(self.play_requested)
        self.loop.clicked.connect(self.loop_requested)
        self.fps.valueChanged.connect(self.fps_requested)
        session.frame_changed.connect(self._read)
        session.fetcher.destination_changed.connect(self._read)
        session.sequence_changed.connect(self._read)
        session.player.changed.connect(self._read_player)
        self._read()
        self._read_player()

    def _read_player(self) -> None:
        player = self._session.player
        set_icon(self.play, "pause" if player.playing else "play")
        self.play.setToolTip("Pause" if player.playing else "Play")
        with quiet(self.fps, self.loop):
            self.fps.setValue(player.fps)
            self.loop.setChecked(player.loop)

    def _read(self) -> None:
        sequence, index = self._session.sequence, self._session.destination
        count = len(sequence) if sequence is not None else 0
        with quiet(self.slider, self.number):
            self.slider.setRange(0, max(count - 1, 0))
            self.slider.setPageStep(max(count // 20, 1))
            self.slider.setValue(max(index, 0))
            self.number.setRange(1, max(count, 1))
            self.number.setValue(index + 1)
        self._total.setText(f"of {count}")
        self.setEnabled(count > 0)
        self.previous.setEnabled(index > 0)
        self.next.setEnabled(index < count - 1)
