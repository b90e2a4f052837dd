"""The keys that a person changed: into the settings, into a file for another machine, and back."""

from __future__ import annotations

import dataclasses

from adsnet.errors import AdsnetError
from adsnet.storage.atomic import read_json, write_json
from adsnet.storage.files import shown
from app.actions.context import Context
from app.actions.keymap import FORMAT, Keymap, keymap_from
from app.wording import listed

_MAX_BYTES = 2**20


def use_keys(ctx: Context, keymap: Keymap) -> None:
    """These keys hold from now on."""
    ctx.session.set_settings(dataclasses.replace(ctx.session.settings, shortcuts=keymap.stored()))


def export_keys(ctx: Context) -> str:
    """Write the changed keys where the user says; returns one sentence about it, or an empty text when cancelled."""
    path = ctx.dialogs.save_keys()
    if path is None:
        return ""
    keymap, _ = keymap_from(ctx.session.settings.shortcuts)
    try:
        write_json(path, {"format": FORMAT, "keys": keymap.stored()})
    except AdsnetError as error:
        return str(error)
    return f"The changed keys are in {shown(path)}."


def import_keys(ctx: Context) -> str:
    """Take the keys from a file; returns one sentence about it, or an empty text when cancelled.

    A file that is no file of keys changes nothing. Entries that cannot be used are named.
    """
    path = ctx.dialogs.open_keys()
    if path is None:
        return ""
    try:
        values = read_json(path, max_bytes=_MAX_BYTES)
    except AdsnetError as error:
        return str(error)
    keys = values.get("keys") if isinstance(values, dict) and values.get("format") == FORMAT else None
    if not isinstance(keys, dict):
        return f"{shown(path)} is no file of keys: nothing was changed. Choose one that was exported here."
    keymap, refused = keymap_from(keys)
    use_keys(ctx, keymap)
    return f"The keys are those of {shown(path)}." + (f" {complaint(refused)}" if refused else "")


def complaint(refused: tuple[str, ...]) -> str:
    """One sentence about entries that were not used."""
    return f"Some keys are not usable and have their defaults: {shown(listed(refused))}."
