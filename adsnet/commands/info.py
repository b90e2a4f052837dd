"""``adsnet info``: what a model file holds. Torch-free."""

from __future__ import annotations

import argparse
import json

from adsnet.model_file import card_to_json, read_model, resolve_model

BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


def execute(options: argparse.Namespace) -> int:
    """Print the card of a model file after checking that the file is whole."""
    path = resolve_model(options.model)
    arrays, card = read_model(path)
    values = {
        "file": str(path),
        "bytes": path.stat().st_size,
        "parameters": sum(a.size for name, a in arrays.items() if not name.endswith(BUFFERS)),
        **card_to_json(card),
    }
    if options.json:
        print(json.dumps(values, indent=1))
        return 0
    for key, value in values.items():
        shown = value if not isinstance(value, dict) else json.dumps(value, indent=1).replace("\n", "\n" + " " * 14)
        print(f"{key:>12}  {shown}")
    return 0
