"""What the actions of the View menu do: they change what is seen and nothing else."""

from __future__ import annotations

import dataclasses

from app.actions.context import Context, Handler

_LAYERS = ("mask", "label", "patches3", "patches2", "attention4", "attention3", "probability", "verdicts")


def _layer(name: str) -> Handler:
    def handler(ctx: Context) -> None:
        display = ctx.session.display
        display.set_visible(name, not display.visible(name))

    return handler


def _aid(name: str) -> Handler:
    def handler(ctx: Context) -> None:
        display = ctx.session.display
        display.set_aid(name, not display.aid(name))

    return handler


def _theme(name: str) -> Handler:
    def handler(ctx: Context) -> None:
        ctx.session.set_settings(dataclasses.replace(ctx.session.settings, theme=name))

    return handler


VIEWING: dict[str, Handler] = {
    "view.fit": lambda ctx: ctx.screen.fit(),
    "view.actual": lambda ctx: ctx.screen.zoom_to(1.0),
    "view.zoom_in": lambda ctx: ctx.screen.zoom_by(1.5),
    "view.zoom_out": lambda ctx: ctx.screen.zoom_by(1 / 1.5),
    "view.outline": lambda ctx: ctx.session.display.set_outline_only(not ctx.session.display.outline_only),
    "view.clahe": lambda ctx: ctx.session.display.set_clahe(not ctx.session.display.clahe),
    "view.grid": _aid("grid"),
    "view.minimap": _aid("minimap"),
    "view.reset_layout": lambda ctx: ctx.screen.default_layout(),
    **{f"theme.{name}": _theme(name) for name in ("system", "light", "dark")},
    **{f"layer.{name}": _layer(name) for name in _LAYERS},
}
