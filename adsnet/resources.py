"""Where the shipped files are: beside the package in a checkout and in an installed copy."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from adsnet.errors import AdsnetError


def _roots() -> list[Path]:
    # The folder beside this package comes first: it is right for a checkout and for an installed copy, while the
    # import system may find a foreign package of the same common name earlier on the path.
    roots = [Path(__file__).resolve().parent.parent / "resources"]
    spec = importlib.util.find_spec("resources")
    if spec is not None and spec.submodule_search_locations is not None:
        roots += [Path(location) for location in spec.submodule_search_locations]
    return roots


def path_of(name: str) -> Path:
    """The shipped file or folder ``name``, for instance ``"sample"`` or ``"models/adsnet-default.safetensors"``.

    Raises:
        AdsnetError: the installation lacks it.
    """
    for root in _roots():
        path = root / name
        if path.exists():
            return path
    raise AdsnetError(f"The shipped file {name} is missing from this installation: install the program again.")
