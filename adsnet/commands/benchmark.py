"""``adsnet benchmark``: speed and work of the networks and engines on this machine."""

from __future__ import annotations

import argparse
import sys

from tqdm import tqdm

from adsnet.benchmark import DETECTORS, DROPS, run
from adsnet.benchmark_report import chart, table
from adsnet.config import ENGINES
from adsnet.predictor import Predictor
from adsnet.storage.atomic import write_bytes, write_json

SIZES = (256, 512, 1024)
RIVAL_SIZES = (256,)


def execute(options: argparse.Namespace) -> int:
    """Print the table; write what was asked for."""
    predictor = Predictor.from_file(options.model, device=options.device)
    result = run(
        predictor,
        sizes=options.sizes or SIZES,
        rival_sizes=options.sizes or RIVAL_SIZES,
        detectors=options.detectors or DETECTORS,
        engines=options.engines or ENGINES,
        drops=[tuple(options.drop)] if options.drop else DROPS,
        progress=(lambda text: tqdm.write(text, file=sys.stderr)) if options.verbose else lambda text: None,
    )
    text = table(result)
    print(text)
    if options.json:
        write_json(options.json, result)
    if options.markdown:
        write_bytes(options.markdown, text.encode("utf-8"))
    if options.chart:
        write_bytes(options.chart, chart(result).encode("utf-8"))
    return 0
