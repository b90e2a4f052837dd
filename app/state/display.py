"""How frames are shown: window and level, colour map, overlays, brush. Nothing here changes a label or a prediction."""

from __future__ import annotations

from typing import Any, Literal, get_args

from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.imaging.colours import COLOUR_MAPS
from app.imaging.render import Levels, min_max_levels, percentile_levels, safe_levels, sigma_levels
from app.storage.settings import Settings

Window = Literal["percentile", "min_max", "sigma", "fixed"]
WINDOWS: tuple[Window, ...] = get_args(Window)

FEATURES: tuple[str, ...] = ("B2", "B3", "B4", "joined 4", "F4", "joined 3", "F3")
"""Overlays of feature maps, by the names of ``adsnet.prediction.FeatureMap``."""

OVERLAYS: tuple[str, ...] = (
    "label",
    "mask",
    "probability",
    "verdicts",
    "patches3",
    "patches2",
    "attention4",
    "attention3",
    "attention2",
    *FEATURES,
)
_SHOWN_AT_FIRST = ("label", "mask")
_OPACITY = {"label": 0.5, "mask": 0.5, "probability": 0.6, "verdicts": 0.8, "patches3": 0.45, "patches2": 0.45}
MAX_BRUSH = 64
AIDS = ("grid", "minimap")
"""What helps the eye and belongs to no layer: lines between the pixels, and the small picture of a large frame."""


class Display(QObject):
    """Display settings of the session.

    Signals:
        levels_changed(): levels, window, lock, gamma or CLAHE.
        colour_map_changed(): the colour map of frames.
        overlay_changed(str): visibility or opacity of this overlay; "" for all of them, their outline or their hiding.
        aid_changed(str): one of ``AIDS`` was switched on or off.
        brush_changed(int): the brush diameter in pixels.
    """

    levels_changed = Signal()
    colour_map_changed = Signal()
    overlay_changed = Signal(str)
    aid_changed = Signal(str)
    brush_changed = Signal(int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._levels = Levels(0.0, 255.0)
        self._window: Window = "percentile"
        self._locked = False
        self._gamma = 1.0
        self._percentiles = (0.5, 99.95)
        self._sigmas = 3.0
        self._clahe = False
        self._clahe_limit = 3.0
        self._aids = dict.fromkeys(AIDS, True)
        self._colour_map = COLOUR_MAPS[0]
        self._outline_only = False
        self._hidden = False
        self._brush_size = 1
        self._visible = {name: name in _SHOWN_AT_FIRST for name in OVERLAYS}
        self._opacities = {name: _OPACITY.get(name, 0.55) for name in OVERLAYS}
        self._pixels: NDArray[Any] | None = None
        self._levels_known = False

    def apply(self, settings: Settings, before: Settings | None = None) -> None:
        """Take over settings; with ``before`` only those that differ, so that what was changed by hand stays."""

        def new(name: str) -> bool:
            return before is None or getattr(before, name) != getattr(settings, name)

        if new("colour_map"):
            self.set_colour_map(settings.colour_map)
        if new("percentile_low") or new("percentile_high"):
            self.set_percentiles(settings.percentile_low, settings.percentile_high)
        if new("sigmas"):
            self.set_sigmas(settings.sigmas)
        if new("gamma"):
            self.set_gamma(settings.gamma)
        if new("clahe"):
            self.set_clahe(settings.clahe)
        if new("clahe_limit"):
            self.set_clahe_limit(settings.clahe_limit)
        if new("pixel_grid"):
            self.set_aid("grid", settings.pixel_grid)
        if new("minimap"):
            self.set_aid("minimap", settings.minimap)
        if new("window"):
            self.set_window(settings.window)
        if new("lock_levels"):
            self.set_locked(settings.lock_levels)
        if new("brush_size"):
            self.set_brush_size(settings.brush_size)

    # ---- window and level -----------------------------------------------------------------------------------

    @property
    def levels(self) -> Levels:
        """The pixel values at the two ends of the colour map."""
        return self._levels

    @property
    def window(self) -> Window:
        """Where the levels come from: ``percentile``, ``min_max`` or ``sigma`` of the frame, or ``fixed`` by hand."""
        return self._window

    @property
    def locked(self) -> bool:
        """Whether the levels of the first frame hold for the whole sequence."""
        return self._locked

    @property
    def gamma(self) -> float:
        """Above 1 lifts the dark end."""
        return self._gamma

    def set_window(self, window: str) -> None:
        """Choose where the levels come from. Raises ValueError for an unknown name."""
        if window not in WINDOWS:
            raise ValueError(f"there is no window '{window}'; the windows are {', '.join(WINDOWS)}")
        if window != self._window:
            self._window = window
            self._levels_known = window == "fixed"
            self._follow(told=True)

    def set_levels(self, low: float, high: float) -> None:
        """Fix the levels by hand; unusable limits are made usable."""
        levels = safe_levels(low, high)
        if levels != self._levels or self._window != "fixed":
            self._levels, self._window, self._levels_known = levels, "fixed", True
            self.levels_changed.emit()

    def set_locked(self, locked: bool) -> None:
        """Keep the levels over the sequence, or let them follow each frame."""
        if locked != self._locked:
            self._locked = locked
            self._follow(told=True)

    def set_gamma(self, gamma: float) -> None:
        """Set the gamma, limited to 0.1..10."""
        gamma = min(max(float(gamma), 0.1), 10.0)
        if gamma != self._gamma:
            self._gamma = gamma
            self.levels_changed.emit()

    def set_percentiles(self, low: float, high: float) -> None:
        """The percentiles of the window of that name."""
        if (low, high) != self._percentiles:
            self._percentiles = (low, high)
            self._levels_known = self._window == "fixed"
            self._follow()

    def set_sigmas(self, sigmas: float) -> None:
        """How many standard deviations around the mean the window ``sigma`` shows."""
        if sigmas != self._sigmas:
            self._sigmas = sigmas
            self._levels_known = self._window == "fixed"
            self._follow()

    @property
    def clahe(self) -> bool:
        """Whether local contrast is equalised for the eye. Values, labels and the network never see it."""
        return self._clahe

    @property
    def clahe_limit(self) -> float:
        """How many times CLAHE may raise the contrast at most."""
        return self._clahe_limit

    def set_clahe(self, clahe: bool) -> None:
        """Switch the equalised view on or off."""
        if clahe != self._clahe:
            self._clahe = clahe
            self.levels_changed.emit()

    def set_clahe_limit(self, limit: float) -> None:
        """Set the limit of CLAHE, limited itself to 1..16."""
        limit = min(max(float(limit), 1.0), 16.0)
        if limit != self._clahe_limit:
            self._clahe_limit = limit
            self.levels_changed.emit()

    def follow(self, pixels: NDArray[Any] | None, *, new_sequence: bool = False) -> None:
        """Another frame is shown: let the levels follow it where they are neither fixed nor locked.

        Args:
            pixels: (H, W) of the frame, or None without one.
            new_sequence: forget locked levels of the sequence before.
        """
        self._pixels = pixels
        if new_sequence:
            self._levels_known = False
            if self._window == "fixed":  # limits by hand mean nothing for frames of another camera
                self._window = "percentile"
        self._follow()

    def _follow(self, *, told: bool = False) -> None:
        levels = self._levels
        if self._pixels is not None and self._window != "fixed" and not (self._locked and self._levels_known):
            levels = self._levels_of(self._pixels)
            self._levels_known = True
        if levels != self._levels or told:
            self._levels = levels
            self.levels_changed.emit()

    def _levels_of(self, pixels: NDArray[Any]) -> Levels:
        if self._window == "min_max":
            return min_max_levels(pixels)
        if self._window == "sigma":
            return sigma_levels(pixels, sigmas=self._sigmas)
        low, high = self._percentiles
        return percentile_levels(pixels, low=low, high=high)

    # ---- colours and overlays -------------------------------------------------------------------------------

    @property
    def colour_map(self) -> str:
        """One of ``COLOUR_MAPS``."""
        return self._colour_map

    def set_colour_map(self, name: str) -> None:
        """Choose the colour map of frames. Raises ValueError for an unknown name."""
        if name not in COLOUR_MAPS:
            raise ValueError(f"there is no colour map '{name}'; the maps are {', '.join(COLOUR_MAPS)}")
        if name != self._colour_map:
            self._colour_map = name
            self.colour_map_changed.emit()

    @property
    def outline_only(self) -> bool:
        """Whether masks are drawn as outlines."""
        return self._outline_only

    @property
    def hidden(self) -> bool:
        """Whether all overlays are hidden for a moment."""
        return self._hidden

    def set_outline_only(self, outline_only: bool) -> None:
        """Draw masks as outlines or filled."""
        if outline_only != self._outline_only:
            self._outline_only = outline_only
            self.overlay_changed.emit("")

    def set_hidden(self, hidden: bool) -> None:
        """Hide all overlays, or show again those that are visible."""
        if hidden != self._hidden:
            self._hidden = hidden
            self.overlay_changed.emit("")

    def visible(self, name: str) -> bool:
        """Whether the overlay is switched on."""
        return self._visible[name]

    def shown(self, name: str) -> bool:
        """Whether the overlay is switched on and not hidden with all others."""
        return self._visible[name] and not self._hidden

    def set_visible(self, name: str, visible: bool) -> None:
        """Switch an overlay on or off. Raises KeyError for an unknown name."""
        if visible != self._visible[name]:
            self._visible[name] = visible
            self.overlay_changed.emit(name)

    def opacity(self, name: str) -> float:
        """Opacity of an overlay, 0..1."""
        return self._opacities[name]

    def set_opacity(self, name: str, opacity: float) -> None:
        """Set the opacity of an overlay, limited to 0..1. Raises KeyError for an unknown name."""
        opacity = min(max(float(opacity), 0.0), 1.0)
        if opacity != self._opacities[name]:
            self._opacities[name] = opacity
            self.overlay_changed.emit(name)

    def aid(self, name: str) -> bool:
        """Whether one of ``AIDS`` is switched on. Raises KeyError for an unknown name."""
        return self._aids[name]

    def set_aid(self, name: str, on: bool) -> None:
        """Switch one of ``AIDS`` on or off. Raises KeyError for an unknown name."""
        if on != self._aids[name]:
            self._aids[name] = on
            self.aid_changed.emit(name)

    # ---- brush ----------------------------------------------------------------------------------------------

    @property
    def brush_size(self) -> int:
        """Diameter of the brush in pixels of the frame, 1..64."""
        return self._brush_size

    def set_brush_size(self, size: int) -> None:
        """Set the diameter of the brush, limited to 1..64."""
        size = min(max(int(size), 1), MAX_BRUSH)
        if size != self._brush_size:
            self._brush_size = size
            self.brush_changed.emit(size)
