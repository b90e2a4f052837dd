"""The reasons why no window can be opened, found before Qt would abort."""

from __future__ import annotations

from app.display_server import why_no_window


def _why(
    environment: dict[str, str], *, missing: tuple[str, ...] = (), answers: bool = True, platform: str = "linux"
) -> str | None:
    return why_no_window(
        environment,
        platform=platform,
        loads=lambda name: name not in missing,
        connects=lambda _display: answers,
        plugins=lambda: frozenset({"xcb", "offscreen", "wayland"}),
    )


def test_no_display_is_named() -> None:
    text = _why({})
    assert text is not None and "DISPLAY" in text and "\n" not in text


def test_offscreen_needs_no_display() -> None:
    assert _why({"QT_QPA_PLATFORM": "offscreen"}, answers=False) is None
    assert _why({"QT_QPA_PLATFORM": "offscreen:size=800x600"}) is None


def test_unknown_platform_is_refused() -> None:
    text = _why({"QT_QPA_PLATFORM": "nonsense", "DISPLAY": ":0"})
    assert text is not None and "nonsense" in text and "offscreen" in text


def test_missing_libraries_name_their_packages() -> None:
    text = _why({"DISPLAY": ":0"}, missing=("libEGL.so.1", "libxcb-cursor.so.0"))
    assert text is not None and text.endswith("apt-get install libegl1 libxcb-cursor0")


def test_wayland_does_not_need_xcb() -> None:
    assert _why({"WAYLAND_DISPLAY": "wayland-0"}, missing=("libxcb-cursor.so.0",), answers=False) is None


def test_silent_display_is_named() -> None:
    text = _why({"DISPLAY": ":77"}, answers=False)
    assert text is not None and ":77" in text


def test_other_systems_are_left_to_qt() -> None:
    assert _why({}, platform="darwin") is None
