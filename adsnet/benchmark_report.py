"""A table in Markdown and a chart in SVG of the figures of ``adsnet benchmark``. Torch-free."""

from __future__ import annotations

from typing import Any

STAGE_COLOURS = {
    "stem": "#bdbdbd", "B2": "#a3a3a3", "B3": "#8a8a8a", "B4": "#707070", "AFD": "#0072b2", "stage 4": "#56b4e9",
    "decision 3": "#cc79a7", "stage 3": "#009e73", "decision 2": "#cc79a7", "stage 2": "#f0e442", "head": "#e69f00",
    "stride 2": "#e69f00", "stride 1": "#d55e00",
}  # fmt: skip
"""Of Okabe and Ito, told apart by colour-blind people too; greys are the backbone."""

BAR, GAP, LEFT, WIDTH = 18, 8, 285, 960


def table(result: dict[str, Any]) -> str:
    """All rows, and the stages of the default engine, as Markdown."""
    found = result["machine"]
    peak = ", ".join(f"{value:.0f} GFLOP/s in {name}" for name, value in found["peak_gflops"].items())
    lines = [
        f"{found['cpu']}, {found['threads']} threads, torch {found['torch']}; matrix product at best {peak}.",
        "",
        "| size | network | engine | type | dropped | ms | quartiles | GFLOP dense | done | GFLOP/s | of peak | MB |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        speed = row["gflop_done"] / row["ms_median"] * 1e3
        dropped = ", ".join(f"{share:g}" for share in row["drop"]) if row["drop"] else "–"
        lines.append(
            f"| {row['size']} | {row['detector']} | {row['engine']} | {row['dtype']} | {dropped} "
            f"| {row['ms_median']:.1f} | {row['ms_p25']:.1f}–{row['ms_p75']:.1f} | {row['gflop_dense']:.2f} "
            f"| {row['gflop_done']:.2f} | {speed:.0f} | {speed / found['peak_gflops'][row['dtype']]:.0%} "
            f"| {row['peak_mb']:.0f} |"
        )
    staged = [row for row in result["rows"] if row["detector"] == "adsnet" and row["engine"] in ("dense", "auto")]
    for row in staged:
        lines += [
            "",
            f"Stages: {_title(row)}",
            "",
            "| stage | ms | GFLOP done | of dense | of peak |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {name} | {one['ms']:.2f} | {one['gflop']:.3f} | {_share(one)} | {one['of_peak']:.0%} |"
            for name, one in row["stages"].items()
        ]
    if "sliders" in result:
        lines += ["", f"Sliders at {result['sliders']['size']}², milliseconds: " + ", ".join(
            f"{name.removesuffix('_ms').replace('_', ' ')} {value:.1f}"
            for name, value in result["sliders"].items() if name.endswith("_ms")
        )]  # fmt: skip
    return "\n".join(lines) + "\n"


def chart(result: dict[str, Any]) -> str:
    """One bar for each network, engine and type; the bars of one size share a scale. SVG."""
    parts: list[str] = []
    top = 34
    for size in sorted({row["size"] for row in result["rows"]}):
        rows = [row for row in result["rows"] if row["size"] == size]
        scale = (WIDTH - LEFT - 90) / max(row["ms_median"] for row in rows)
        parts.append(_text(8, top + 4, f"{size} × {size}", weight="bold"))
        top += 12
        for row in rows:
            parts += _bar(row, top, scale)
            top += BAR + GAP
        top += 26
    legend = {name: colour for name, colour in STAGE_COLOURS.items() if name not in ("head", "decision 2")}
    for number, (name, colour) in enumerate(legend.items()):
        x = 8 + number % 6 * 150
        y = top + number // 6 * 20
        parts += [f'<rect x="{x}" y="{y - 11}" width="12" height="12" fill="{colour}"/>', _text(x + 18, y, name)]
    height = top + 40
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#ffffff"/>'
        + "".join(parts)
        + "</svg>\n"
    )


def _bar(row: dict[str, Any], top: int, scale: float) -> list[str]:
    parts = [_text(8, top + 13, _title(row))]
    x = float(LEFT)
    total = sum(one["ms"] for one in row["stages"].values()) or 1.0
    for name, one in row["stages"].items():
        width = row["ms_median"] * one["ms"] / total * scale
        colour = STAGE_COLOURS.get(name, "#444444")
        parts.append(f'<rect x="{x:.1f}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>')
        x += width
    parts.append(_text(x + 6, top + 13, f"{row['ms_median']:.1f} ms"))
    return parts


def _title(row: dict[str, Any]) -> str:
    dropped = f", dropped {row['drop'][0]:g} and {row['drop'][1]:g}" if row["drop"] else ""
    return f"{row['detector']} {row['engine']} {row['dtype']}{dropped}"


def _share(stage: dict[str, float]) -> str:
    return f"{stage['gflop'] / stage['gflop_dense']:.0%}" if stage["gflop_dense"] else "–"


def _text(x: float, y: float, text: str, *, weight: str = "normal") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" font-weight="{weight}" fill="#222222">{text}</text>'
