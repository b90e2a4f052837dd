"""What was chosen in the window is kept for the next start."""

from __future__ import annotations

import dataclasses

from app.actions.context import Context


def remember_choices(ctx: Context) -> None:
    """Store what was chosen in the window, so that the next start looks the same."""
    session, display = ctx.session, ctx.session.display
    settings = dataclasses.replace(
        session.settings,
        colour_map=display.colour_map,
        # Limits by hand belong to the frames they were set on.
        window=session.settings.window if display.window == "fixed" else display.window,
        lock_levels=display.locked,
        gamma=display.gamma,
        clahe=display.clahe,
        clahe_limit=display.clahe_limit,
        pixel_grid=display.aid("grid"),
        minimap=display.aid("minimap"),
        brush_size=display.brush_size,
        engine=session.engine,
        drop_stage3=session.sparsity.drop[0],
        drop_stage2=session.sparsity.drop[1],
        patches_by="fraction" if session.sparsity.threshold is None else "threshold",
    )
    if session.sparsity.threshold is not None:
        keep3, keep2 = session.sparsity.threshold
        settings = dataclasses.replace(settings, keep_stage3=keep3, keep_stage2=keep2)
    session.set_settings(settings)
