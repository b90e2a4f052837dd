"""Between a network in memory and a model file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from adsnet.detectors.networks import RIVALS
from adsnet.errors import ModelFileError
from adsnet.model.network import ADSNet
from adsnet.model_file import ModelCard, read_card, read_model, require_detector, write_model


def load_network(path: Path) -> tuple[ADSNet, ModelCard]:
    """The ADSNet of a model file, in evaluation mode, float32 on the CPU.

    Raises:
        ModelFileError: as ``load_any``, or the file holds another network.
    """
    require_detector(path, read_card(path), "adsnet")
    network, card = load_any(path)
    return cast(ADSNet, network), card


def load_any(path: Path) -> tuple[nn.Module, ModelCard]:
    """The network of a model file, of whichever detector its card names, in evaluation mode, float32 on the CPU.

    Raises:
        ModelFileError: as ``read_model``, or the weights do not fit the configuration.
    """
    arrays, card = read_model(path)
    network = ADSNet(card.model) if card.detector == "adsnet" else RIVALS[card.detector].make()
    expected = network.state_dict()
    if arrays.keys() != expected.keys() or any(arrays[n].shape != tuple(expected[n].shape) for n in expected):
        wrong = sorted(arrays.keys() ^ expected.keys()) or [
            n for n in expected if arrays[n].shape != tuple(expected[n].shape)
        ]
        raise ModelFileError(f"{path}: the weights do not fit its configuration (first: '{wrong[0]}'); get it again")
    network.load_state_dict({n: torch.from_numpy(a.copy()).to(expected[n].dtype) for n, a in arrays.items()})
    return network.eval(), card


def save_network(path: Path, network: nn.Module, card: ModelCard) -> None:
    """Write the network with convolution kernels as float16 (a relative rounding of 5e-4) and all else as it is.

    A kernel with values beyond the range of float16 stays as it is.

    Raises:
        ModelFileError, StorageError: as ``write_model``; what was on disk before is unchanged.
    """
    write_model(path, {name: _stored(tensor) for name, tensor in network.state_dict().items()}, card)


def _stored(tensor: torch.Tensor) -> NDArray[Any]:
    array = tensor.detach().cpu().numpy()
    fits = tensor.dim() == 4 and bool(np.abs(array).max() <= np.finfo(np.float16).max)
    return array.astype(np.float16) if fits else array
