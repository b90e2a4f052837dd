"""``adsnet reproduce``: the paper's tables and figures, trained at a chosen budget."""

from __future__ import annotations

import argparse
import dataclasses
import sys

from tqdm import tqdm

from adsnet.cli import INTERRUPTED, print_error
from adsnet.commands.compare import Bar
from adsnet.commands.train import stopped_by_interrupt, train_config
from adsnet.comparison.reproduce import NotScored, Plan, Stopped, reproduce


def execute(options: argparse.Namespace) -> int:
    """Train, score, write and print; 2 when a frame could not be scored.

    Ctrl+C finishes the step and saves, and the same command goes on later.
    """
    config = train_config(options.config)
    if options.iterations is not None:
        config = dataclasses.replace(config, iterations=options.iterations)
    tables, figures = (tuple(sorted(set(wanted))) for wanted in (options.table, options.figure))
    plan = Plan(tables, figures, tuple(options.data), options.out, config, options.rows)
    status = 0
    with stopped_by_interrupt() as stop, Bar() as bar:
        for part in reproduce(plan, bar.show, stop.is_set, lambda text: tqdm.write(text, file=sys.stderr)):
            if isinstance(part, Stopped):
                tqdm.write("stopped; the same command goes on", file=sys.stderr)
                return INTERRUPTED
            if isinstance(part, NotScored):
                print_error(part.problem)
                status = 2
            else:
                tqdm.write(part)
    print(f"written to {options.out}")
    return status
