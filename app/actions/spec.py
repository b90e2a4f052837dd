"""What an action is: one row of the table that menus, toolbar, keys and the list of keys are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.state.session import Session


@dataclass(frozen=True)
class Situation:
    """What decides whether an action can be used now: the session and the selected predicted target."""

    session: Session
    target: int | None = None


Condition = Callable[[Situation], str | None]
"""None when the action can be used, else the reason why not, as one sentence."""


@dataclass(frozen=True)
class ActionSpec:
    """One thing the user can do.

    Attributes:
        id: dotted name; handlers and tests use it.
        label: as in the menu, with & before the letter that chooses it there.
        tip: one sentence; empty when the text says it all.
        shortcut: keys that work in the whole window (but never take letters from a text field).
        local: keys that work while the canvas, a pane, the frame list or the table of targets has the focus; for keys
            that fields need.
        icon: name of an icon file, or empty.
        menu: title of the menu, or empty; the order of the table is the order in the menu.
        submenu: title of a menu within the menu, or empty.
        section: a change of section within a menu draws a line.
        toolbar: whether it has a button; ``text`` gives the button its text too.
        checkable: whether it is on or off; ``group`` makes it one of several.
    """

    id: str
    label: str
    tip: str = ""
    shortcut: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    icon: str = ""
    menu: str = ""
    section: int = 0
    toolbar: str = ""
    checkable: bool = False
    group: str = ""
    submenu: str = ""
    enabled_when: Condition | None = None

    @property
    def text(self) -> str:
        """What it is called everywhere."""
        return self.label.replace("&", "")

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys that it comes with; ``Keymap`` knows those that hold."""
        return self.shortcut + self.local
