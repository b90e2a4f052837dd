"""From a frame to a prediction of a rival network, as ``adsnet.predictor`` does for ADSNet."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from adsnet.config import Sparsity
from adsnet.detectors.networks import for_inference, rival_of
from adsnet.errors import FrameError
from adsnet.model_file import ModelCard
from adsnet.normalise import normalise, pad_to_multiple
from adsnet.precision import choose_precision
from adsnet.prediction import Prediction
from adsnet.predictor import is_lack_of_memory
from adsnet.sparse.choose import choose_device

MAX_PIXELS = 2048 * 2048
"""Frames above this are refused: these networks hold many maps at full resolution."""

ENGINE = "torch"
"""What computes: plain convolutions everywhere."""


class RivalPredictor:
    """A rival network with the card of its model.

    Attributes:
        card: the card of the model.
        device, dtype: where and in which type the network computes.
        notes: one sentence for each thing that is not as fast as it could be.
    """

    def __init__(self, network: nn.Module, card: ModelCard, *, device: str = "auto", precision: str = "auto") -> None:
        """Raises EngineError when ``device`` is not there or does not compute in ``precision``."""
        self.card = card
        self.device = choose_device(device)
        self.dtype, note = choose_precision(precision, network, card.normalisation, self.device)
        self.notes = [note] if note else []
        self._stride = rival_of(network).stride
        self._forward = for_inference(network, self.dtype, self.device)
        self._frame: NDArray[Any] | None = None

    def predict(self, pixels: NDArray[Any]) -> Prediction:
        """Predict one frame. ``pixels``: (H, W) native values of any type and scale, finite. Raises FrameError."""
        return self.predict_batch([pixels])[0]

    def set_frame(self, pixels: NDArray[Any]) -> None:
        """Keep a frame for ``predict_again``; nothing of it can be computed ahead."""
        self._frame = pixels

    def predict_again(self, sparsity: Sparsity, engine: str = "auto") -> Prediction:
        """Predict the frame of ``set_frame``: there are no patches to drop, and one engine. Raises FrameError."""
        assert self._frame is not None, "set a frame first"
        return self.predict(self._frame)

    def predict_batch(self, frames: Sequence[NDArray[Any]]) -> list[Prediction]:
        """Predict frames of one shape at once; ``seconds`` of each is its share.

        Raises:
            FrameError: the frames are too large, for the program or for the memory.
        """
        height, width = frames[0].shape
        if height * width > MAX_PIXELS:
            raise FrameError(
                f"a frame of {width}×{height} pixels is too large for {self.card.detector}: at most "
                f"{MAX_PIXELS // 10**6} megapixels; crop it"
            )
        how = self.card.normalisation
        padded = np.stack([pad_to_multiple(normalise(pixels, how), self._stride) for pixels in frames])[:, None]
        started = time.perf_counter()
        try:
            logits = self._forward(torch.from_numpy(padded))
            probability = torch.sigmoid(logits[:, 0, :height, :width].float()).cpu().numpy()
        except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is a RuntimeError
            if not is_lack_of_memory(error):
                raise
            raise FrameError(
                "there is too little memory to predict this frame; close other programs or crop it"
            ) from error
        seconds = (time.perf_counter() - started) / len(frames)
        shape = (int(padded.shape[2]), int(padded.shape[3]))
        names = self.card.detector, self.card.name, ENGINE
        return [Prediction(np.ascontiguousarray(one), (), (), shape, seconds, *names) for one in probability]
