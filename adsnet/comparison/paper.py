"""What the ADSNet paper prints, for its tables beside ours. nIoU and Pd in per cent, Fa in 10⁻⁶, time in seconds."""

from __future__ import annotations

from typing import NamedTuple


class Printed(NamedTuple):
    """One row of a table; what it does not have is None."""

    niou: float
    pd: float | None = None
    fa: float | None = None
    seconds: float | None = None


ABLATION_SET = "NUDT-SIRST"
"""Tables 4 to 8 are of this set."""

TABLE2: dict[str, dict[str, Printed]] = {
    "NUDT-SIRST": {
        "tophat": Printed(18.12, 78.99, 848.01),
        "lef": Printed(12.61, 72.01, 2063.13),
        "aadcdd": Printed(14.47, 67.43, 107.49),
        "tllcm": Printed(7.34, 75.45, 1966.72),
        "alcnet": Printed(60.35, 94.92, 27.62),
        "dnanet": Printed(86.17, 97.35, 8.31),
        "rdian": Printed(83.98, 94.39, 14.17),
        "adsnet": Printed(85.94, 98.16, 9.42),
    },
    "IRSTD-1k": {
        "tophat": Printed(10.24, 75.10, 1431.72),
        "lef": Printed(7.17, 83.63, 689.51),
        "aadcdd": Printed(8.49, 66.18, 86.51),
        "tllcm": Printed(6.10, 67.44, 22.35),
        "alcnet": Printed(58.94, 91.94, 33.17),
        "dnanet": Printed(63.13, 92.05, 15.26),
        "rdian": Printed(59.46, 88.43, 27.14),
        "adsnet": Printed(68.79, 93.18, 13.39),
    },
}

TABLE3 = {"alcnet": 0.116, "dnanet": 0.175, "rdian": 0.039, "adsnet": 0.041}
"""Seconds for a 256×256 frame."""


def printed_in_table2(dataset: str, detector: str) -> Printed | None:
    """The paper's row, for a set called as in the paper, whatever the case."""
    named = {name.lower(): rows for name, rows in TABLE2.items()}
    return named.get(dataset.lower(), {}).get(detector)
