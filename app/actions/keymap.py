"""Which keys do what: those of the table of actions, with what the person changed.

Keys are written as Qt's portable text, such as ``Ctrl+Shift+P``. A key belongs to one action only. What a person gave
to an action is stored; an action that lost a key of the table to another one just does not have it until that is
undone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from PySide6.QtGui import QKeySequence

from app.actions.table import ACTIONS

FORMAT = "adsnet-keys-1"

HELD = {
    "H": "hides the overlays while it is held",
    "Space": "moves the view while it is held",
    "Esc": "takes back and leaves, everywhere",
    "Tab": "moves the focus",
    "Shift+Tab": "moves the focus back",
}
"""Keys that cannot be given away, and what they do."""

_WIDE = QKeySequence.SequenceFormat.PortableText
_SPECS = {spec.id: spec for spec in ACTIONS}
_FOR_FIELDS = {
    "Return", "Enter", "Esc", "Del", "Backspace", "Left", "Right", "Up", "Down", "Home", "End", "PgUp", "PgDown",
    "Shift+Return", "Ctrl+Backspace", "Ctrl+Del",
}  # fmt: skip


def normal_key(key: str) -> str:
    """The one way to write a key; empty for what is no single key."""
    sequence = QKeySequence(key, _WIDE)
    # Qt writes nothing for a key that it does not know. The keys of the number pad do the same as their twins.
    text = sequence.toString(_WIDE).replace("Num+", "").replace("Shift+Backtab", "Shift+Tab")
    return text if sequence.count() == 1 else ""


def needs_focus(key: str) -> bool:
    """Whether fields and buttons need this key themselves: it works only where frames and targets are looked at."""
    return key in _FOR_FIELDS


def key_text(key: str) -> str:
    """A key as it is written on keyboards."""
    return QKeySequence(key, _WIDE).toString(QKeySequence.SequenceFormat.NativeText)


@dataclass(frozen=True)
class Keymap:
    """The keys of all actions.

    Attributes:
        changed: the keys that the person gave, by the id of the action; an empty tuple takes all away.
    """

    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def keys(self, action_id: str) -> tuple[str, ...]:
        """The keys of an action, the one that is shown first in front."""
        if action_id in self.changed:
            return self.changed[action_id] + tuple(key for key in defaults(action_id) if key in HELD)
        taken = {key for keys in self.changed.values() for key in keys}
        return tuple(key for key in defaults(action_id) if key not in taken)

    def text(self, action_id: str) -> str:
        """The keys as they are written on keyboards, with commas between them."""
        return ", ".join(key_text(key) for key in self.keys(action_id))

    def owner(self, key: str) -> str | None:
        """The id of the action that has this key."""
        return next((spec.id for spec in ACTIONS if key in self.keys(spec.id)), None)

    def in_the_way(self, action_id: str, keys: Iterable[str]) -> dict[str, str]:
        """The keys among these that another action has, with the id of that action."""
        owners = {key: self.owner(key) for key in keys}
        return {key: owner for key, owner in owners.items() if owner is not None and owner != action_id}

    def with_keys(self, action_id: str, keys: Iterable[str]) -> Keymap:
        """The keys with those of one action replaced; another action that has one of them loses it."""
        wanted = tuple(dict.fromkeys(key for key in keys if key not in HELD))
        changed = {name: tuple(key for key in held if key not in wanted) for name, held in self.changed.items()}
        changed[action_id] = wanted
        return Keymap({name: held for name, held in changed.items() if held != _can_go(name)})

    def stored(self) -> dict[str, str]:
        """What is written into the settings: several keys with semicolons between them."""
        return {
            name: QKeySequence.listToString([QKeySequence(key, _WIDE) for key in keys], _WIDE)
            for name, keys in self.changed.items()
        }


def defaults(action_id: str) -> tuple[str, ...]:
    """The keys of the table."""
    return tuple(normal_key(key) for key in _SPECS[action_id].keys)


def _listed(text: str) -> tuple[str, ...]:
    """The keys in a text with semicolons between them; an empty one in place of each that is no key."""
    parts = QKeySequence.listFromString(text, _WIDE) if text else []
    return tuple(dict.fromkeys(normal_key(part.toString(_WIDE)) for part in parts))


def _can_go(action_id: str) -> tuple[str, ...]:
    """The keys of the table that a person can take away."""
    return tuple(key for key in defaults(action_id) if key not in HELD)


def keymap_from(stored: Mapping[str, object]) -> tuple[Keymap, tuple[str, ...]]:
    """The keys from the settings or from a file.

    Returns:
        the keys, and the names of the entries that were not used: of no action, with something that is no key or that
        cannot be given away, or with a key that two actions claim. Those actions have the keys of the table.
    """
    changed: dict[str, tuple[str, ...]] = {}
    refused: list[str] = []
    for name, text in stored.items():
        keys = _listed(text) if isinstance(text, str) else ("",)
        if name in _SPECS and all(key and key not in HELD for key in keys):
            changed[name] = keys
        else:
            refused.append(name)
    claims = [key for keys in changed.values() for key in keys]
    twice = {key for key in claims if claims.count(key) > 1}
    refused += [name for name, keys in changed.items() if twice.intersection(keys)]
    return Keymap({name: keys for name, keys in changed.items() if not twice.intersection(keys)}), tuple(refused)
