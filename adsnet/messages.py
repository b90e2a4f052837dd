"""Typed messages between the window and its worker processes, and their framing on a byte stream.

A frame on the wire is ``b"ADSN"``, two little-endian uint32 (bytes of JSON, bytes of arrays), the JSON and the
raw arrays (C order, each at a multiple of eight bytes). Arrays keep their dtype and shape, lists come back as tuples,
keys of dictionaries as text, and the arrays that come back are read-only. Torch-free.

A training ends in exactly one of ``JobDone``, ``JobStopped`` or ``JobFailed``; loading a model, predicting and
examining end in ``ModelLoaded``, ``Predicted`` and ``Examined``, or in ``JobFailed``.
"""

from __future__ import annotations

import dataclasses
import json
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adsnet.config import ForcedPatch, Sparsity
from adsnet.errors import ConfigError
from adsnet.prediction import Attention, Decision, FeatureMap, Features, Prediction, StageCost

MAGIC = b"ADSN"
MAX_HEADER = 16 * 2**20
MAX_PAYLOAD = 2**31
_HEAD = struct.Struct("<4sII")
_ALIGNMENT = 8


class ProtocolError(Exception):
    """The byte stream is not one of ours; the reader must give the process up."""


# ---- requests: window → worker ------------------------------------------------------------------------------


@dataclass(frozen=True)
class LoadModel:
    """Load a model file (or the name of a shipped model) and answer with ``ModelLoaded``."""

    job: int
    path: str
    device: str = "auto"


@dataclass(frozen=True)
class Predict:
    """Predict one frame and answer with ``Predicted``.

    Attributes:
        generation: echoed in the answer, so that stale answers can be dropped.
        frame: key of the frame. When it is the key of the last request, ``pixels`` may be None: the worker still
            has them, and what does not depend on ``sparsity`` is not computed again.
        pixels: (H, W) uint8, uint16 or float32, native values.
    """

    job: int
    generation: int
    frame: str
    pixels: NDArray[Any] | None
    sparsity: Sparsity
    engine: str = "auto"


@dataclass(frozen=True)
class Examine:
    """Look at the features of one frame and answer with ``Examined``; ``frame`` and ``pixels`` as in ``Predict``."""

    job: int
    frame: str
    pixels: NDArray[Any] | None = None


@dataclass(frozen=True)
class StartTraining:
    """Run ``adsnet.training.run``; the fields are the arguments of ``adsnet train``."""

    job: int
    data: tuple[str, ...]
    out: str
    init: str | None
    config: dict[str, Any]
    resume: bool = False
    name: str = ""


@dataclass(frozen=True)
class StopTraining:
    """Finish the step, save and end with ``JobStopped``."""

    job: int


@dataclass(frozen=True)
class Shutdown:
    """End the process. The end of the input stream means the same."""


# ---- events: worker → window --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ready:
    """The worker runs and can take requests."""

    pid: int
    torch: str
    device: str


@dataclass(frozen=True)
class ModelLoaded:
    """The model is in use.

    Attributes:
        card: the header of the model file: config, metrics and so on.
        stamp: size and time of the file before it was read, as ``stamp_of`` gives them.
        computes: device and number type, for instance "cpu float32": what ``auto`` became on this machine.
    """

    job: int
    name: str
    path: str
    card: dict[str, Any]
    stamp: tuple[int, int] | None = None
    computes: str = ""


@dataclass(frozen=True)
class Predicted:
    """The answer to ``Predict``."""

    job: int
    generation: int
    frame: str
    prediction: Prediction


@dataclass(frozen=True)
class Examined:
    """The answer to ``Examine``."""

    job: int
    frame: str
    features: Features


@dataclass(frozen=True)
class TrainProgress:
    """One training step is done. ``losses`` has the terms by name, "total" among them."""

    job: int
    iteration: int
    iterations: int
    losses: dict[str, float]
    seconds_left: float


@dataclass(frozen=True)
class Evaluated:
    """Scores of a model on the held-out frames.

    Attributes:
        which: ``current`` (the model that training started from) or ``candidate``.
        metrics: keys as in ``adsnet evaluate``.
        frames: per held-out frame {"frame": stem, "targets", "found", "false", "iou"}.
    """

    job: int
    which: str
    metrics: dict[str, Any]
    frames: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class JobDone:
    """The job ended well. For training ``result`` holds "model" (path of the candidate)."""

    job: int
    result: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class JobStopped:
    """The job ended because it was asked to. ``result`` as in ``JobDone`` where there is something to show."""

    job: int
    result: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class JobFailed:
    """The job ended with an error. ``text`` is one sentence for the user, ``details`` a traceback or empty."""

    job: int
    text: str
    details: str = ""


Message = (
    LoadModel | Predict | Examine | StartTraining | StopTraining | Shutdown
    | Ready | ModelLoaded | Predicted | Examined | TrainProgress | Evaluated | JobDone | JobStopped | JobFailed
)  # fmt: skip

_TYPES: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        *Message.__args__,
        Sparsity,
        ForcedPatch,
        Prediction,
        Decision,
        Attention,
        StageCost,
        Features,
        FeatureMap,
    )
}
_DTYPES = {"|b1", "|u1", "<u2", "<i4", "<i8", "<f4", "<f8"}


def encode(message: Message) -> bytes:
    """The message as bytes for the stream.

    Raises:
        TypeError: an array has a type that the stream does not carry, or a value has no JSON form.
    """
    return b"".join(encoded_parts(message))


def encoded_parts(message: Message) -> list[bytes | memoryview]:
    """What ``encode`` puts together, without a copy of the arrays. Raises TypeError."""
    arrays: list[NDArray[Any]] = []
    header = json.dumps(_pack(message, arrays), allow_nan=False).encode("utf-8")
    header = header.ljust(_padded(_HEAD.size + len(header)) - _HEAD.size)  # so that arrays can stay where they arrive
    payload: list[bytes | memoryview] = []
    for array in arrays:
        payload += [array.reshape(-1).view(np.uint8).data, bytes(-array.nbytes % _ALIGNMENT)]
    return [_HEAD.pack(MAGIC, len(header), sum(map(len, payload))), header, *payload]


def decode(data: bytes) -> Message:
    """The one message that ``data`` is, from first to last byte; its arrays are views of ``data``.

    Raises:
        ProtocolError: it is something else.
    """
    if len(data) < _HEAD.size:
        raise ProtocolError("a message is cut short")
    magic, header_size, payload_size = _HEAD.unpack_from(data)
    payload = _HEAD.size + header_size
    if magic != MAGIC or len(data) != payload + payload_size:
        raise ProtocolError("these bytes are not a message")
    return _decode(data[_HEAD.size : payload], memoryview(data)[payload:])


class Decoder:
    """Turns chunks of a byte stream into messages, whatever the chunk borders."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """Add bytes, and iterate over every message that is now complete.

        What is not iterated over stays for the next call.

        Raises:
            ProtocolError: while iterating: the stream does not follow the format; nothing after it can be trusted.
        """
        self._buffer += chunk
        return self._complete()

    def _complete(self) -> Iterator[Message]:
        while len(self._buffer) >= _HEAD.size:
            magic, header_size, payload_size = _HEAD.unpack_from(self._buffer)
            if magic != MAGIC or header_size > MAX_HEADER or payload_size > MAX_PAYLOAD:
                raise ProtocolError("the stream of the worker is damaged")
            end = _HEAD.size + header_size + payload_size
            if len(self._buffer) < end:
                return
            header = bytes(self._buffer[_HEAD.size : _HEAD.size + header_size])
            payload = bytes(self._buffer[_HEAD.size + header_size : end])
            del self._buffer[:end]
            yield _decode(header, payload)


def _padded(size: int) -> int:
    return size + -size % _ALIGNMENT


def _decode(header: bytes, payload: bytes | memoryview) -> Message:
    try:
        message = _unpack(json.loads(header), memoryview(payload))
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, ConfigError) as error:
        raise ProtocolError(f"a message of the worker cannot be read: {error}") from error
    if not isinstance(message, Message):
        raise ProtocolError(f"a {type(message).__name__} is not a message")
    return message


def _pack(value: Any, arrays: list[NDArray[Any]]) -> Any:
    """JSON types for ``value``; arrays are moved to ``arrays`` and replaced by their place in the payload."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _pack(getattr(value, f.name), arrays) for f in dataclasses.fields(value)}
        return {"$type": type(value).__name__, "fields": fields}
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False)
        if array.dtype.str not in _DTYPES:
            raise TypeError(f"messages carry no arrays of type {value.dtype}")
        offset = sum(_padded(a.nbytes) for a in arrays)
        arrays.append(array)
        return {"$array": [array.dtype.str, list(value.shape), offset]}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": str(value)}
    if isinstance(value, np.generic):
        return _pack(value.item(), arrays)
    if isinstance(value, dict):
        packed = {str(key): _pack(entry, arrays) for key, entry in value.items()}
        # A user's key, the name of a data set for instance, must not be taken for one of our marks.
        return {"$dict": list(packed.items())} if any(key.startswith("$") for key in packed) else packed
    if isinstance(value, list | tuple):
        return [_pack(entry, arrays) for entry in value]
    return value


def _unpack(value: Any, payload: memoryview) -> Any:
    """Inverse of ``_pack``; lists come back as tuples."""
    if isinstance(value, list):
        return tuple(_unpack(entry, payload) for entry in value)
    if not isinstance(value, dict):
        return value
    if "$type" in value:
        fields = {name: _unpack(entry, payload) for name, entry in value["fields"].items()}
        return _TYPES[value["$type"]](**fields)
    if "$dict" in value:
        return {str(key): _unpack(entry, payload) for key, entry in value["$dict"]}
    if "$array" in value:
        dtype, shape, offset = value["$array"]
        if dtype not in _DTYPES or any(side < 0 for side in shape):
            raise ProtocolError(f"an array of type {dtype} is not expected")
        count = math.prod(shape)
        return (
            np.frombuffer(payload, dtype=dtype, count=count, offset=offset).reshape(shape)
            if count
            else np.zeros(shape, dtype)
        )
    if "$float" in value:
        return float(value["$float"])
    return {key: _unpack(entry, payload) for key, entry in value.items()}
