"""Messages come back as they were, and a damaged stream is one error."""

from __future__ import annotations

import dataclasses
import json
import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from numpy.typing import NDArray

from adsnet.config import ForcedPatch, Sparsity
from adsnet.messages import (
    MAX_HEADER,
    Decoder,
    Evaluated,
    Examine,
    Examined,
    JobDone,
    JobFailed,
    JobStopped,
    LoadModel,
    Message,
    ModelLoaded,
    Predict,
    Predicted,
    ProtocolError,
    Ready,
    Shutdown,
    StartTraining,
    StopTraining,
    TrainProgress,
    decode,
    encode,
)
from adsnet.prediction import Attention, Decision, FeatureMap, Features, Prediction, StageCost


def same(a: object, b: object) -> bool:
    """Equality that looks into arrays, their type and shape, and takes NaN for equal to itself."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if dataclasses.is_dataclass(a) and not isinstance(a, type):
        fields = dataclasses.fields(a)
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    return type(a) is type(b) and a == b


text = st.text(max_size=12)
whole = st.integers(-(2**40), 2**40)
shapes = arrays_of.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)
native = st.sampled_from([np.bool_, np.uint8, np.uint16, np.int32, np.int64, np.float32, np.float64])
any_array = native.flatmap(lambda kind: arrays_of.arrays(kind, shapes))
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | whole | st.floats() | text,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
tables = st.dictionaries(text | st.sampled_from(["$type", "$array", "$float", "$dict"]), json_values, max_size=3)
frame_records = st.lists(tables, max_size=3).map(tuple)
forced = st.builds(ForcedPatch, st.sampled_from([3, 2]), st.integers(0, 99), st.integers(0, 99), st.booleans())
sparsities = st.builds(
    Sparsity,
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.lists(forced, max_size=2).map(tuple),
)
costs = st.builds(StageCost, text, st.floats(0, 9), st.floats(0, 9), st.floats(0, 9))


def float_maps(*sides: int) -> st.SearchStrategy[NDArray[np.float32]]:
    return arrays_of.arrays(np.float32, sides, elements=st.floats(0, 1, width=32))


decisions = st.builds(
    Decision,
    st.sampled_from([4, 3]),
    st.sampled_from([3, 2]),
    float_maps(2, 3),
    arrays_of.arrays(np.bool_, (2, 3)),
    float_maps(4, 5),
    float_maps(0, 0),
    arrays_of.arrays(np.int32, 3),
    arrays_of.arrays(np.int32, 4),
)
predictions = st.builds(
    Prediction,
    float_maps(3, 7),
    st.lists(decisions, max_size=2).map(tuple),
    st.lists(st.builds(Attention, st.integers(2, 4), float_maps(3), float_maps(1, 2)), max_size=2).map(tuple),
    st.tuples(whole, whole),
    st.floats(0, 100),
    text,
    text,
    text,
    st.lists(costs, max_size=2).map(tuple),
)
feature_maps = st.builds(FeatureMap, text, float_maps(1, 2), float_maps(3))
features = st.builds(Features, st.lists(feature_maps, max_size=2).map(tuple), st.tuples(whole, whole))
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(LoadModel, whole, text, text),
    st.builds(Predict, whole, whole, text, st.none() | any_array, sparsities, text),
    st.builds(
        StartTraining, whole, st.lists(text, max_size=2).map(tuple), text, st.none() | text, tables, st.booleans(), text
    ),
    st.builds(StopTraining, whole),
    st.just(Shutdown()),
    st.builds(Ready, whole, text, text),
    st.builds(ModelLoaded, whole, text, text, tables),
    st.builds(Predicted, whole, whole, text, predictions),
    st.builds(Examine, whole, text, st.none() | any_array),
    st.builds(Examined, whole, text, features),
    st.builds(TrainProgress, whole, whole, whole, st.dictionaries(text, st.floats(), max_size=3), st.floats()),
    st.builds(Evaluated, whole, text, tables, frame_records),
    st.builds(JobDone, whole, tables),
    st.builds(JobStopped, whole, tables),
    st.builds(JobFailed, whole, text, text),
)


@given(st.lists(messages, max_size=4), st.data())
def test_messages_come_back_whatever_the_borders_of_the_chunks(sent: list[Message], data: st.DataObject) -> None:
    stream, decoder, received = b"".join(map(encode, sent)), Decoder(), list[Message]()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        received += decoder.feed(stream[start:end])
    assert len(received) == len(sent)
    for a, b in zip(sent, received, strict=True):
        assert same(a, b), (a, b)


@given(messages, st.binary(min_size=1, max_size=20))
@settings(max_examples=50)
def test_one_message_is_read_where_it_lies(message: Message, more: bytes) -> None:
    data = encode(message)
    assert same(decode(data), message)
    for wrong in (data + more, data[: -len(more)], more):
        with pytest.raises(ProtocolError):
            decode(wrong)


def test_single_bytes_are_chunks_too() -> None:
    decoder, received = Decoder(), list[Message]()
    for byte in encode(JobFailed(7, "é, 日本", "trace")) + encode(Shutdown()):
        received += decoder.feed(bytes([byte]))
    assert received == [JobFailed(7, "é, 日本", "trace"), Shutdown()]


@given(predictions)
@settings(max_examples=30)
def test_arrays_are_read_only_and_aligned(prediction: Prediction) -> None:
    (message,) = Decoder().feed(encode(Predicted(1, 1, "f", prediction)))
    assert isinstance(message, Predicted)
    got = message.prediction
    arrays = [
        got.probability,
        *(a for d in got.decisions for a in vars(d).values()),
        *(a.spatial for a in got.attentions),
    ]
    for array in arrays:
        if isinstance(array, np.ndarray) and array.size:
            assert array.flags.aligned and array.flags.c_contiguous and not array.flags.writeable
            assert array.ctypes.data % array.itemsize == 0


@pytest.mark.parametrize(
    "pixels",
    [
        np.arange(12, dtype=">u2").reshape(3, 4),
        np.arange(24, dtype=np.uint16).reshape(4, 6)[::2, ::3],
        np.asfortranarray(np.arange(12, dtype=np.float32).reshape(3, 4)),
        np.zeros((0, 5), np.uint8),
    ],
    ids=["big endian", "strided", "column order", "empty"],
)
def test_arrays_of_any_layout_arrive_in_native_row_order(pixels: NDArray[Any]) -> None:
    (message,) = Decoder().feed(encode(Predict(1, 2, "f", pixels, Sparsity())))
    assert isinstance(message, Predict) and message.pixels is not None
    assert np.array_equal(message.pixels, pixels) and message.pixels.shape == pixels.shape
    assert message.pixels.dtype == pixels.dtype.newbyteorder("=") and message.pixels.flags.c_contiguous


def test_numpy_numbers_become_plain_ones() -> None:
    (message,) = Decoder().feed(encode(JobDone(1, {"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True)})))
    assert isinstance(message, JobDone)
    assert same(message.result, {"a": 0.5, "b": 3, "c": True})


@pytest.mark.parametrize("kind", [np.float16, np.complex64, np.uint32, "<U3", object])
def test_arrays_that_cannot_travel_are_refused_by_the_sender(kind: Any) -> None:
    with pytest.raises(TypeError, match="messages carry no arrays of type"):
        encode(Predict(1, 1, "f", np.zeros((2, 2), kind), Sparsity()))


def test_bytes_are_added_even_if_nobody_iterates() -> None:
    decoder, stream = Decoder(), encode(Shutdown())
    decoder.feed(stream[:9])
    assert list(decoder.feed(stream[9:])) == [Shutdown()]


def wire(header: object, payload: bytes = b"") -> bytes:
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<4sII", b"ADSN", len(data), len(payload)) + data + payload


def message_of(kind: str, **fields: object) -> dict[str, object]:
    return {"$type": kind, "fields": fields}


SPARSE = message_of("Sparsity", drop=[0.25, 0.5], threshold=None)


def predict_with(array: object) -> dict[str, object]:
    return message_of("Predict", job=1, generation=1, frame="f", pixels={"$array": array}, sparsity=SPARSE)


DAMAGED: dict[str, bytes] = {
    "another protocol": b"HTTP/1.1 200 OK\r\n",
    "printed text": b"Loading weights...\n",
    "huge header": struct.pack("<4sII", b"ADSN", MAX_HEADER + 1, 0),
    "huge payload": struct.pack("<4sII", b"ADSN", 2, 2**31 + 1),
    "no json": wire(b"{"),
    "no utf-8": wire(b'"\xff"'),
    "deep": wire(b"[" * 100_000 + b"]" * 100_000),
    "no message": wire([1, 2]),
    "not a message type": wire(SPARSE),
    "unknown type": wire(message_of("Exec", text="rm")),
    "type that is no name": wire({"$type": ["LoadModel"], "fields": {}}),
    "fields that are none": wire({"$type": "LoadModel", "fields": [1]}),
    "fields missing": wire({"$type": "Shutdown"}),
    "unknown field": wire(message_of("Shutdown", now=True)),
    "missing field": wire(message_of("LoadModel", job=1)),
    "dropped fraction out of range": wire(
        message_of("Predict", job=1, generation=1, frame="f", pixels=None, sparsity=message_of("Sparsity", drop=[2, 0]))
    ),
    "dropped fraction of text": wire(message_of("JobDone", job=1, result=message_of("Sparsity", drop=["a", "b"]))),
    "array of objects": wire(predict_with(["|O", [1], 0]), b"12345678"),
    "array of complex numbers": wire(predict_with(["<c8", [1], 0]), b"12345678"),
    "array beyond the payload": wire(predict_with(["|u1", [9], 0]), b"12345678"),
    "array before the payload": wire(predict_with(["|u1", [1], -1]), b"12345678"),
    "array at no place": wire(predict_with(["|u1", [1], None]), b"12345678"),
    "negative side": wire(predict_with(["|u1", [-1, -1], 0]), b"12345678"),
    "sides that are no numbers": wire(predict_with(["|u1", ["a"], 0]), b"12345678"),
    "sides with fractions": wire(predict_with(["|u1", [1.5], 0]), b"12345678"),
    "endless sides": wire(predict_with(["|u1", [2**40, 2**40], 0]), b"12345678"),
    "sides beyond any number": wire(predict_with(["|u1", [10**400], 0]), b"12345678"),
    "too few parts": wire(predict_with(["|u1", [1]]), b"12345678"),
    "no parts": wire(predict_with(7), b"12345678"),
    "a float that is none": wire(message_of("JobDone", job=1, result={"$float": "much"})),
    "a table that is none": wire(message_of("JobDone", job=1, result={"$dict": [1]})),
    "a number of a million digits": wire(b"1" * 1_000_000),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_stream_is_a_protocol_error(case: str) -> None:
    with pytest.raises(ProtocolError):
        list(Decoder().feed(DAMAGED[case]))


def test_what_came_before_the_damage_is_delivered() -> None:
    received: list[Message] = []
    with pytest.raises(ProtocolError):
        for message in Decoder().feed(encode(StopTraining(3)) + b"garbage that is long enough"):
            received.append(message)
    assert received == [StopTraining(3)]


@given(messages, st.data())
@settings(max_examples=200)
def test_flipped_bytes_never_end_in_another_error(message: Message, data: st.DataObject) -> None:
    stream = bytearray(encode(message))
    places: Sequence[int] = data.draw(st.lists(st.integers(0, len(stream) - 1), min_size=1, max_size=3))
    for place in places:
        stream[place] ^= data.draw(st.integers(1, 255))
    try:
        received = list(Decoder().feed(bytes(stream)))
    except ProtocolError:
        return
    assert all(isinstance(m, Message) for m in received)
