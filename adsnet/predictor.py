"""From a frame to a prediction: the only thing that the worker and the command line use to run the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from adsnet.config import Sparsity
from adsnet.errors import FrameError
from adsnet.model.acs import patch_grid
from adsnet.model.fused import fused
from adsnet.model.laps import Laps
from adsnet.model.network import STRIDE, ADSNet, Encoded, Output, Third
from adsnet.model.strips import StripPixels
from adsnet.model.weights import load_network
from adsnet.model.work import computed_shares, stage_work, work_per_pixel
from adsnet.model_file import ModelCard, resolve_model
from adsnet.normalise import normalise, pad_to_multiple
from adsnet.precision import choose_precision
from adsnet.prediction import Attention, Decision, FeatureMap, Features, Prediction, StageCost
from adsnet.sparse.choose import choose_device, choose_engine
from adsnet.sparse.contract import Engine

T = TypeVar("T")

MAX_PIXELS = 4096 * 4096
"""Frames above this are refused."""

LEAST_STRIP = 1 << 16
"""Pixels of a strip below which less memory would not help."""


class Predictor:
    """Keeps what a slider does not touch: all above the first decision of the last frame, and its stage 3.

    Attributes:
        card: the card of the model.
        device, dtype: where and in which type the network computes; both can fall back when memory is short.
        notes: one sentence for each thing that is not as asked for or as fast as it could be.
    """

    def __init__(self, network: ADSNet, card: ModelCard, *, device: str = "auto", precision: str = "auto") -> None:
        """Raises EngineError when ``device`` is not there or does not compute in ``precision``."""
        self.card = card
        self.notes: list[str] = []
        self.original = network
        self._strips = StripPixels()
        self._frames: tuple[NDArray[Any], ...] = ()
        self._encoded: Encoded | None = None
        self._third: tuple[str, Third] | None = None
        self._encode_seconds: dict[str, float] = {}
        self._third_seconds: dict[str, float] = {}
        wanted = choose_device(device)
        try:
            self._use(wanted, precision)
        except torch.OutOfMemoryError:
            self._use_cpu(wanted)

    @classmethod
    def from_file(cls, model: str | Path | None, *, device: str = "auto", precision: str = "auto") -> Predictor:
        """Load a model file, a shipped model by name, or the default. Raises ModelFileError, EngineError."""
        network, card = load_network(resolve_model(model))
        return cls(network, card, device=device, precision=precision)

    def predict(self, pixels: NDArray[Any], sparsity: Sparsity, engine: str = "auto") -> Prediction:
        """Predict one frame. ``pixels``: (H, W) native values of any type and scale, finite.

        Raises:
            FrameError: the frame is too large.
            EngineError: as ``choose_engine``.
        """
        return self.predict_batch([pixels], sparsity, engine)[0]

    def predict_batch(
        self, frames: Sequence[NDArray[Any]], sparsity: Sparsity, engine: str = "auto"
    ) -> list[Prediction]:
        """Predict frames of one shape at once; ``seconds`` of each is its share. Raises as ``predict``."""
        self._set_frames(frames)
        return self._decode(sparsity, engine)

    def set_frame(self, pixels: NDArray[Any]) -> None:
        """Compute and keep everything above the first decision. Raises FrameError for one that is too large."""
        self._set_frames([pixels])

    def predict_again(self, sparsity: Sparsity, engine: str = "auto") -> Prediction:
        """Run the cascade below stage 4 on the frame of ``set_frame``. Raises EngineError."""
        return self._decode(sparsity, engine)[0]

    def examine(self) -> Features:
        """The features of the frame of ``set_frame``. Raises FrameError when the memory does not do."""
        assert self._frames, "set_frame comes first"
        return self._in_memory(self._examine)

    def _examine(self) -> Features:
        if self._encoded is None:  # the network was moved
            self._encode()
        assert self._encoded is not None
        with torch.inference_mode():
            maps = self._network.examine(self._encoded, pixels=self._strips)
            strengths = []
            for name, feature in maps.items():
                energy = feature[:1].float().square()
                over_channels, over_places = energy.mean(1).sqrt(), energy.mean((2, 3))[:, :, None, None].sqrt()
                strengths.append(
                    FeatureMap(name, _array(over_channels[:, None], 0, (0, 0)), _array(over_places, 0, (0,)))
                )
        height, width = self._encoded.frame.shape[2:]
        return Features(tuple(strengths), (height, width))

    def _use(self, device: torch.device, precision: str) -> None:
        dtype, note = choose_precision(precision, self.original, self.card.normalisation, device)
        self._network = fused(self.original, dtype).to(device)
        self._per_pixel = work_per_pixel(self._network)
        self.device, self.dtype = device, dtype
        self.notes += [note] if note else []

    def _use_cpu(self, instead_of: torch.device) -> None:
        """Whatever type was asked for: not every one of a GPU is there."""
        self.notes.append(f"the memory of the {instead_of.type} device is too small; the CPU is used")
        self._use(torch.device("cpu"), "auto")

    def _set_frames(self, frames: Sequence[NDArray[Any]]) -> None:
        height, width = frames[0].shape
        if (height + -height % STRIDE) * (width + -width % STRIDE) > MAX_PIXELS:
            raise FrameError(
                f"a frame of {width}×{height} pixels is too large to predict: at most "
                f"{MAX_PIXELS // 10**6} megapixels; crop it"
            )
        self._encoded, self._third, self._strips = None, None, StripPixels()
        self._frames = tuple(frames)
        self._in_memory(self._encode)

    def _encode(self) -> None:
        how = self.card.normalisation
        padded = np.stack([pad_to_multiple(normalise(pixels, how), STRIDE) for pixels in self._frames])[:, None]
        batch = torch.from_numpy(padded)
        if self.device.type == "cuda":
            batch = batch.pin_memory()
        with torch.inference_mode():
            batch = batch.to(self.device, non_blocking=True).to(self.dtype)
            lap = Laps(self.device)
            self._encoded = self._network.encode(batch, pixels=self._strips, lap=lap)
        self._encode_seconds = lap.seconds

    def _decode(self, sparsity: Sparsity, engine: str) -> list[Prediction]:
        assert self._frames, "set_frame comes first"
        choose_engine(engine, self.device, self.dtype)  # an engine that cannot be used is no lack of memory
        return self._in_memory(lambda: self._decode_once(sparsity, engine))

    def _decode_once(self, sparsity: Sparsity, engine: str) -> list[Prediction]:
        if self._encoded is None:  # the network was moved
            self._encode()
        assert self._encoded is not None
        chosen = choose_engine(engine, self.device, self.dtype)
        known = self._third[1] if self._third is not None and self._third[0] == engine else None
        with torch.inference_mode():
            lap = Laps(self.device)
            third = self._network.decode_third(self._encoded, sparsity, chosen, known=known, lap=lap)
            if known is None or third.a3 is not known.a3:
                self._third_seconds = dict(lap.seconds)
            output = self._network.decode_rest(self._encoded, third, sparsity, chosen, pixels=self._strips, lap=lap)
            height, width = self._frames[0].shape
            probability = torch.sigmoid(output.logits[:, 0, :height, :width].float()).cpu().numpy()
        self._third = engine, third
        seconds = {**self._encode_seconds, **self._third_seconds, **lap.seconds}
        stages = self._costs(output, chosen, seconds)
        return [
            self._prediction(np.ascontiguousarray(one), output, index, stages, chosen.name)
            for index, one in enumerate(probability)
        ]

    def _costs(self, output: Output, engine: Engine, seconds: dict[str, float]) -> tuple[StageCost, ...]:
        """Of one frame of the batch. What was kept from an earlier pass counts as if it had been computed now."""
        assert self._encoded is not None
        height, width = self._encoded.frame.shape[2:]
        work = stage_work(self._per_pixel, height, width, computed_shares(height, width, output.stages, engine))
        frames = len(self._frames)
        return tuple(StageCost(name, seconds[name] / frames, *work[name]) for name in work)

    def _in_memory(self, compute: Callable[[], T]) -> T:
        """``compute``, again in smaller strips and then on the CPU while the memory of the device does not do.

        Raises:
            FrameError: the memory of the CPU does not do either.
        """
        while True:
            try:
                return compute()
            except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is a RuntimeError
                if not is_lack_of_memory(error):
                    raise
            # The traceback holds the tensors: the next try must come after it.
            self._third = None
            self._make_room()

    def _make_room(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if self._strips.head >= 2 * LEAST_STRIP:
            self._strips = self._strips.halved()
        elif self.device.type != "cpu":
            self._encoded = None
            self._strips = StripPixels()
            self._use_cpu(self.device)
        else:
            raise FrameError("there is too little memory to predict this frame; close other programs or crop it")

    def _prediction(
        self, probability: NDArray[np.float32], output: Output, index: int, stages: tuple[StageCost, ...], engine: str
    ) -> Prediction:
        assert self._encoded is not None
        padded = (self._encoded.frame.shape[2], self._encoded.frame.shape[3])
        return Prediction(
            probability=probability,
            decisions=tuple(self._decision(output, index, stage, padded) for stage in (4, 3)),
            attentions=tuple(
                Attention(stage, _array(maps.channel, index, (0,)), _array(maps.spatial, index, (0, 0)))
                for stage, maps in sorted(output.attentions.items(), reverse=True)
            ),
            padded_shape=padded,
            seconds=sum(stage.seconds for stage in stages),
            detector="adsnet",
            model=self.card.name,
            engine=engine,
            stages=stages,
        )

    def _decision(self, output: Output, index: int, stage: int, padded: tuple[int, int]) -> Decision:
        heads = output.stages[stage]
        rows, columns = patch_grid(self.card.model.patches, *padded)
        score = None if heads.iou_logits is None else torch.sigmoid(heads.iou_logits)
        height, width = self._frames[0].shape
        return Decision(
            decided_at=stage,
            applies_to=stage - 1,
            keep_probability=_array(torch.sigmoid(heads.keep_logit), index, (0, 0)),
            kept=_array(heads.keep, index, (0, 0)) > 0.5,
            class_probability=_array(torch.sigmoid(heads.class_logits), index, (0, 0)),
            iou_score=_array(score, index, (0, 0)),
            row_edges=_edges(rows, padded[0], height),
            column_edges=_edges(columns, padded[1], width),
        )


def is_lack_of_memory(error: Exception) -> bool:
    """Of a GPU, of numpy, or of torch on the CPU, which raises a plain RuntimeError."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _edges(patches: int, padded: int, size: int) -> NDArray[np.int32]:
    """First pixel of every patch and the end, clipped to the frame; the inverse of ``patches.spread`` at stride 1."""
    first = -(-np.arange(patches + 1) * padded // patches)
    return np.minimum(first, size).astype(np.int32)


def _array(tensor: torch.Tensor | None, index: int, empty: tuple[int, ...]) -> NDArray[np.float32]:
    """One frame of a batch without axes of length one in front or behind: (C,) or (h, w)."""
    if tensor is None:
        return np.zeros(empty, np.float32)
    values = tensor[index].float().cpu().numpy()
    return np.ascontiguousarray(values[:, 0, 0] if len(empty) == 1 else values[0])
