"""What the actions do that concern all frames: judging them with one model, and comparing detectors on them."""

from __future__ import annotations

from adsnet.storage.atomic import write_bytes
from app.actions.context import Context, Handler


def _judge(ctx: Context) -> None:
    ctx.judging.start()
    ctx.screen.show_panel("report")


def _export_verdicts(ctx: Context) -> None:
    sequence = ctx.session.sequence
    path = ctx.dialogs.save_csv(f"{sequence.name if sequence is not None else 'sequence'}-verdicts.csv")
    if path is not None:
        write_bytes(path, ctx.session.report.csv().encode("utf-8", "surrogateescape"))
        ctx.session.notices.info(f"The verdicts are in {path}.", key="export")


def _compare_all(ctx: Context) -> None:
    ctx.screen.finish_stroke()
    ctx.comparing.start()
    ctx.screen.show_panel("compare")


def _compare_model(ctx: Context) -> None:
    path = ctx.dialogs.open_model()
    if path is not None:
        ctx.comparing.add_model(path)
        ctx.screen.show_panel("compare")


WHOLE_SEQUENCE: dict[str, Handler] = {
    "model.judge": _judge,
    "model.stop_judging": lambda ctx: ctx.judging.stop(),
    "model.export_verdicts": _export_verdicts,
    "compare.view": lambda ctx: ctx.screen.toggle_comparison(),
    "compare.start": _compare_all,
    "compare.stop": lambda ctx: ctx.comparing.stop(),
    "compare.add_model": _compare_model,
}
