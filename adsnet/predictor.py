"""From a frame to a prediction: the only thing that the worker and the command line use to run the network."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from adsnet.config import Sparsity
from adsnet.errors import FrameError
from adsnet.model.acs import patch_grid
from adsnet.model.network import STRIDE, ADSNet, Encoded, Output
from adsnet.model.weights import load_network
from adsnet.model_file import ModelCard, resolve_model
from adsnet.normalise import normalise, pad_to_multiple
from adsnet.prediction import Attention, Decision, Prediction
from adsnet.sparse.choose import choose_device, choose_engine

MAX_PIXELS = 4096 * 4096
"""Frames above this are refused: the network takes about 0.45 KB a pixel, here 7.5 GB."""


class Predictor:
    """Keeps what does not depend on the dropped fractions of the last frame, so that sliders cost little."""

    def __init__(self, network: ADSNet, card: ModelCard, *, device: str = "auto") -> None:
        """Raises EngineError when ``device`` is not there."""
        self.card = card
        self.device = choose_device(device)
        self._network = network.eval().to(self.device)
        self._shape = (0, 0)
        self._encoded: Encoded | None = None
        self._encode_seconds = 0.0

    @classmethod
    def from_file(cls, model: str | Path | None, *, device: str = "auto") -> Predictor:
        """Load a model file, a shipped model by name, or the default. Raises ModelFileError, EngineError."""
        network, card = load_network(resolve_model(model))
        return cls(network, card, device=device)

    def predict(self, pixels: NDArray[Any], sparsity: Sparsity, engine: str = "auto") -> Prediction:
        """Predict one frame. ``pixels``: (H, W) native values of any type and scale, finite.

        Raises:
            FrameError: the frame is too large.
            EngineError: as ``choose_engine``.
        """
        self.set_frame(pixels)
        return self.predict_again(sparsity, engine)

    def set_frame(self, pixels: NDArray[Any]) -> None:
        """Compute and keep everything above the first decision. Raises FrameError for one that is too large."""
        height, width = pixels.shape
        if height * width > MAX_PIXELS:
            raise FrameError(
                f"a frame of {width}×{height} pixels is too large to predict: at most "
                f"{MAX_PIXELS // 10**6} megapixels; crop it"
            )
        start = time.perf_counter()
        frame = pad_to_multiple(normalise(pixels, self.card.normalisation), STRIDE)
        with torch.inference_mode():
            self._encoded = self._network.encode(torch.from_numpy(frame)[None, None].to(self.device))
        self._shape = (height, width)
        self._encode_seconds = time.perf_counter() - start

    def predict_again(self, sparsity: Sparsity, engine: str = "auto") -> Prediction:
        """Run the cascade below stage 4 on the frame of ``set_frame``. Raises EngineError."""
        assert self._encoded is not None, "set_frame comes first"
        chosen = choose_engine(engine, self.device)
        start = time.perf_counter()
        with torch.inference_mode():
            output = self._network.decode(self._encoded, sparsity, chosen)
            probability = torch.sigmoid(output.logits[0, 0, : self._shape[0], : self._shape[1]]).cpu().numpy()
        seconds = self._encode_seconds + time.perf_counter() - start
        return self._prediction(np.ascontiguousarray(probability), output, seconds, chosen.name)

    def _prediction(self, probability: NDArray[np.float32], output: Output, seconds: float, engine: str) -> Prediction:
        assert self._encoded is not None
        padded = (self._encoded.frame.shape[2], self._encoded.frame.shape[3])
        return Prediction(
            probability=probability,
            decisions=tuple(self._decision(output, stage, padded) for stage in (4, 3)),
            attentions=tuple(
                Attention(stage, _array(maps.channel, (0,)), _array(maps.spatial, (0, 0)))
                for stage, maps in sorted(output.attentions.items(), reverse=True)
            ),
            padded_shape=padded,
            seconds=seconds,
            detector="adsnet",
            model=self.card.name,
            engine=engine,
        )

    def _decision(self, output: Output, stage: int, padded: tuple[int, int]) -> Decision:
        heads = output.stages[stage]
        rows, columns = patch_grid(self.card.model.patches, *padded)
        score = None if heads.iou_logits is None else torch.sigmoid(heads.iou_logits)
        return Decision(
            decided_at=stage,
            applies_to=stage - 1,
            keep_probability=_array(torch.sigmoid(heads.keep_logit), (0, 0)),
            kept=_array(heads.keep, (0, 0)) > 0.5,
            class_probability=_array(torch.sigmoid(heads.class_logits), (0, 0)),
            iou_score=_array(score, (0, 0)),
            row_edges=_edges(rows, padded[0], self._shape[0]),
            column_edges=_edges(columns, padded[1], self._shape[1]),
        )


def _edges(patches: int, padded: int, size: int) -> NDArray[np.int32]:
    """First pixel of every patch and the end, clipped to the frame; the inverse of ``acs.spread`` at stride 1."""
    first = -(-np.arange(patches + 1) * padded // patches)
    return np.minimum(first, size).astype(np.int32)


def _array(tensor: torch.Tensor | None, empty: tuple[int, ...]) -> NDArray[np.float32]:
    """The first frame of a batch without axes of length one in front or behind: (C,) or (h, w)."""
    if tensor is None:
        return np.zeros(empty, np.float32)
    values = tensor[0].float().cpu().numpy()
    return np.ascontiguousarray(values[:, 0, 0] if len(empty) == 1 else values[0])
