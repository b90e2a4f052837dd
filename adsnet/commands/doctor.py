"""``adsnet doctor``: what a bug report needs."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import torch

from adsnet.errors import AdsnetError
from adsnet.model_file import DEFAULT_MODEL, read_model, resolve_model
from adsnet.sparse.choose import cuda_works, has_fast_bf16, self_test
from adsnet.storage.folders import cache_folder, config_folder, data_folder, log_folder

PACKAGES = (
    "adsnet-studio", "torch", "spconv", "spconv-cu120", "numpy", "scipy", "opencv-python-headless", "opencv-python",
    "pillow", "tifffile", "av", "safetensors", "PySide6-Essentials", "pyqtgraph",
)  # fmt: skip


def execute(options: argparse.Namespace) -> int:
    """Print everything; 2 when the default model or every engine is unusable."""
    lines = [("python", sys.version.split()[0]), ("system", platform.platform())]
    lines += [(name, _version(name)) for name in PACKAGES]
    lines += [("qt platform", _qt_platform())]
    lines += [("threads", f"{torch.get_num_threads()} of {os.cpu_count()}")]
    lines += [("bf16", "in hardware" if has_fast_bf16(torch.device("cpu")) else "not in hardware")]
    lines += [("gpu", torch.cuda.get_device_name(0) if cuda_works() else "none that torch can use")]
    tests = [self_test(name) for name in ("dense", "gather", "spconv")]
    lines += [(f"engine {t.engine}", ("ok: " if t.passed else "not used: ") + t.text) for t in tests]
    lines += [(f"folder {n}", _writable(p)) for n, p in _folders().items()]
    model, sound = _default_model()
    lines += [("default model", model)]
    for key, value in lines:
        print(f"{key:>24}  {value}")
    return 0 if sound and tests[0].passed and tests[1].passed else 2


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _qt_platform() -> str:
    for variable in ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY", "DISPLAY"):
        if os.environ.get(variable):
            return f"{variable}={os.environ[variable]}"
    return "no display" if sys.platform.startswith("linux") else "native"


def _folders() -> dict[str, Path]:
    return {
        "settings": config_folder(),
        "data": data_folder(),
        "cache": cache_folder(),
        "logs": log_folder(),
        "temporary": Path(tempfile.gettempdir()),
    }


def _writable(folder: Path) -> str:
    """Whether a file can be made in the folder or the nearest parent that exists, and the free space."""
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return f"{folder}: writable, {shutil.disk_usage(folder).free / 1e9:.1f} GB free"
    except OSError as error:
        return f"{folder}: not writable ({error.strerror})"


def _default_model() -> tuple[str, bool]:
    try:
        _, card = read_model(resolve_model(DEFAULT_MODEL))
    except AdsnetError as error:
        return str(error), False
    return f"{card.name}: whole", True
