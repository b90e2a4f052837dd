"""Tables in Markdown and CSV, with the paper's values beside ours."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from adsnet.comparison.paper import TABLE3, Printed, printed_in_table2
from adsnet.comparison.scores import Scores
from adsnet.comparison.timing import Cost

Cell = str | float | int | None


def csv_of(headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bytes:
    """A table as CSV; what has no value is empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows(["" if cell is None else cell for cell in row] for row in rows)
    return stream.getvalue().encode("utf-8")


def markdown_of(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as Markdown."""
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


TABLE2_HEADINGS = (
    "set", "name", "detector", "niou", "pd", "fa", "iou", "auc", "images", "targets",
    "paper_niou", "paper_pd", "paper_fa",
)  # fmt: skip


def table2_csv(scores: Sequence[Scores]) -> bytes:
    """Shares 0..1 as measured, and the paper's values in the same units."""
    rows: list[list[Cell]] = []
    for one in scores:
        printed = printed_in_table2(one.dataset, one.detector)
        ours = [one.summary[key] for key in ("niou", "pd", "fa", "iou", "auc", "images", "targets")]
        rows.append([one.dataset, one.name, one.detector, *ours, *shares(printed)])
    return csv_of(TABLE2_HEADINGS, rows)


def shares(printed: Printed | None) -> list[float | None]:
    """The paper's nIoU, Pd and Fa as shares."""
    if printed is None:
        return [None] * 3
    scaled = (printed.niou, 1e-2), (printed.pd, 1e-2), (printed.fa, 1e-6)
    return [None if value is None else float(f"{value * unit:.6g}") for value, unit in scaled]


def table2_markdown(scores: Sequence[Scores]) -> str:
    """The layout of Table 2, a table for each set: ours and, in brackets, the paper's; best bold, next underlined."""
    parts = []
    for dataset in dict.fromkeys(one.dataset for one in scores):
        rows = [one for one in scores if one.dataset == dataset]
        columns = [ranked([_scaled(one, key) for one in rows], least=key == "fa") for key in ("niou", "pd", "fa")]
        body = []
        for number, one in enumerate(rows):
            printed = printed_in_table2(dataset, one.detector)
            beside = [None] * 3 if printed is None else [printed.niou, printed.pd, printed.fa]
            cells = [with_paper(column[number], value) for column, value in zip(columns, beside, strict=True)]
            body.append([one.name, *cells, _auc(one)])
        first = rows[0].summary
        parts.append(
            f"### {dataset}: {first['images']} frames, {first['targets']} targets\n\n"
            + markdown_of(("detector", "nIoU (%)", "Pd (%)", "Fa (10⁻⁶)", "AUC"), body)
        )
    return "\n".join(parts)


def ranked(values: Sequence[float | None], *, least: bool = False) -> list[str]:
    """The values with two digits, the best one bold and the second best underlined."""
    known = sorted({round(v, 2) for v in values if v is not None}, reverse=not least)
    marks = {value: mark for value, mark in zip(known, ("**{}**", "<u>{}</u>"), strict=False)}
    return ["–" if v is None else marks.get(round(v, 2), "{}").format(f"{v:.2f}") for v in values]


def with_paper(ours: str, printed: float | None) -> str:
    """Our value and, in brackets, the paper's."""
    return ours if printed is None else f"{ours} ({printed:g})"


TABLE3_HEADINGS = ("name", "detector", "seconds", "parameters", "gflop", "gflop_dense", "paper_seconds")


def table3_csv(costs: Mapping[str, Cost], detectors: Mapping[str, str]) -> bytes:
    """The costs of the networks. ``detectors``: by name."""
    rows: list[list[Cell]] = [
        [
            name,
            detectors[name],
            cost.seconds,
            cost.parameters,
            cost.gflop,
            cost.gflop_dense,
            TABLE3.get(detectors[name]),
        ]
        for name, cost in costs.items()
    ]
    return csv_of(TABLE3_HEADINGS, rows)


def table3_markdown(costs: Mapping[str, Cost], detectors: Mapping[str, str]) -> str:
    """The layout of Table 3, turned, with what the networks are made of."""
    rows = [
        [
            name,
            with_paper(f"{cost.seconds:.4f}", TABLE3.get(detectors[name])),
            f"{cost.parameters:,}",
            f"{cost.gflop:.2f}" + (f" of {cost.gflop_dense:.2f}" if cost.gflop != cost.gflop_dense else ""),
        ]
        for name, cost in costs.items()
    ]
    return markdown_of(("network", "seconds for 256×256", "parameters", "GFLOP"), rows)


def _scaled(one: Scores, key: str) -> float | None:
    value = one.summary[key]
    return None if value is None else float(value) * (1e6 if key == "fa" else 1e2)


def _auc(one: Scores) -> str:
    return "–" if one.summary["auc"] is None else f"{one.summary['auc']:.4f}"
