"""``adsnet predict``: masks and targets of any number of frames."""

from __future__ import annotations

import argparse
import os
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from tqdm import tqdm

from adsnet.cli import print_error, raw_of, sparsity_of
from adsnet.commands.models import Source, load_source
from adsnet.data import datasets
from adsnet.data.datasets import is_dataset, label_folders, open_dataset
from adsnet.data.frames import FrameRef, list_frames, list_stills, read_frame
from adsnet.data.labels import write_mask
from adsnet.data.raw import RAW_SUFFIXES, RawLayout
from adsnet.data.still import STILL_SUFFIXES
from adsnet.errors import AdsnetError, ConfigError, FrameError
from adsnet.model.network import STRIDE
from adsnet.prediction import Prediction
from adsnet.processes import Processes, connected
from adsnet.storage.atomic import write_json
from adsnet.storage.files import shown
from adsnet.targets import find_targets

FORMAT = "adsnet-predictions-1"

MAX_AHEAD, AHEAD_BYTES = 16, 64 << 20
"""Frames, and bytes of frames as large as the last one, that are decoded before they are needed."""

BATCH_PIXELS = 1 << 19
"""Pixels that are predicted at once, where several frames of one shape follow each other."""


def execute(options: argparse.Namespace) -> int:
    """Predict every frame; a bad one is reported, the others are done, and the status is 2 at the end."""
    with connected() as processes:
        return _execute(options, processes)


def _execute(options: argparse.Namespace, processes: Processes) -> int:
    sparsity_of(options)  # a bad option is told before bad files are
    raw = raw_of(options)
    status = 0
    refs: list[FrameRef] = []
    labels: set[Path] = set()
    for path in options.paths:
        try:
            refs += frames_of(path, raw)
            labels |= label_folders(path)
        except AdsnetError as error:
            status = 2
            if processes.first:
                print_error(str(error))
    _require_distinct(refs)
    if not refs:
        return status
    _require_no_labels(options.out, labels)
    source = load_source(options)
    mine = refs[processes.rank :: processes.count]
    records = processes.all(_predict_all(mine, source, options.out, shows=processes.first))
    frames = [record for record in records if record is not None]
    if processes.first:
        made = {"format": FORMAT, "model": source.model, **source.about(), "frames": frames}
        write_json(options.out / "predictions.json", made)
    return status if len(frames) == len(refs) else 2


def _predict_all(refs: list[FrameRef], source: Source, out: Path, *, shows: bool) -> list[dict[str, Any] | None]:
    """Write the masks; an entry of predictions.json for each frame, None for one that failed."""
    records: dict[str, dict[str, Any]] = {}
    hidden = None if shows else True
    with tqdm(total=len(refs), unit="frame", disable=hidden) as bar, closing(_read_ahead(refs)) as frames:
        for batch in _batches(frames):
            bar.update(len(batch))
            readable = [(ref, pixels) for ref, pixels in batch if not isinstance(pixels, FrameError)]
            for _, pixels in batch:
                if isinstance(pixels, FrameError):
                    print_error(str(pixels))
            try:
                predictions = _predict(readable, source)
            except FrameError as error:
                print_error(str(error))
                continue
            for (ref, _), prediction in zip(readable, predictions, strict=True):
                write_mask(out / "masks" / f"{ref.stem}.png", prediction.mask)
                records[ref.stem] = record_of(ref, prediction)
    return [records.get(ref.stem) for ref in refs]


Read = tuple[FrameRef, NDArray[Any] | FrameError]
"""A frame and its pixels, or why they cannot be read."""


def _read_ahead(refs: list[FrameRef]) -> Generator[Read, None, None]:
    """Decode in a thread while the network computes; frames come in their order."""

    def read(ref: FrameRef) -> Read:
        try:
            return ref, read_frame(ref).pixels
        except FrameError as error:
            return ref, error

    pool = ThreadPoolExecutor(1)
    waiting: deque[Future[Read]] = deque()
    ahead = MAX_AHEAD
    try:
        for ref in refs:
            waiting.append(pool.submit(read, ref))
            if len(waiting) > ahead:
                frame = waiting.popleft().result()
                ahead = min(MAX_AHEAD, max(1, AHEAD_BYTES // _bytes_of(frame)))
                yield frame
        while waiting:
            yield waiting.popleft().result()
    finally:  # an error or Ctrl+C does not wait for frames that nobody will look at
        pool.shutdown(wait=False, cancel_futures=True)


def _bytes_of(frame: Read) -> int:
    return 1 if isinstance(frame[1], FrameError) else max(1, int(frame[1].nbytes))


def _batches(frames: Iterator[Read]) -> Iterator[list[Read]]:
    """Runs of frames of one shape, up to ``BATCH_PIXELS`` together; one that cannot be read is alone."""
    batch: list[Read] = []
    for entry in frames:
        if batch and not _fits(batch, entry[1]):
            yield batch
            batch = []
        batch.append(entry)
    if batch:
        yield batch


def _fits(batch: list[Read], pixels: NDArray[Any] | FrameError) -> bool:
    first = batch[0][1]
    if isinstance(first, FrameError) or isinstance(pixels, FrameError) or first.shape != pixels.shape:
        return False
    height, width = pixels.shape
    padded = (height + -height % STRIDE) * (width + -width % STRIDE)
    return bool((len(batch) + 1) * padded <= BATCH_PIXELS)


def _predict(frames: list[tuple[FrameRef, NDArray[Any]]], source: Source) -> list[Prediction]:
    if not frames:
        return []
    try:
        return source.predict([pixels for _, pixels in frames])
    except FrameError as error:  # the predictor does not know the files, and too large is each of them
        raise FrameError(f"{', '.join(shown(ref.path) for ref, _ in frames)}: {error}") from error


def frames_of(path: Path, raw: RawLayout | None = None) -> Sequence[FrameRef]:
    """The frames of an image, folder, video, data set or, with ``raw``, raw file. Raises FrameError, DatasetError."""
    if is_dataset(path):
        return datasets.frames_of(open_dataset(path, raw=raw).samples)
    return list_frames(path, raw=raw)


def record_of(ref: FrameRef, prediction: Prediction) -> dict[str, Any]:
    """One entry of ``frames`` in predictions.json; x, y in pixels, bbox as x, y, width, height."""
    height, width = prediction.probability.shape
    targets = find_targets(prediction.mask, probability=prediction.probability)
    return {
        "frame": ref.stem.encode("utf-8", "backslashreplace").decode("utf-8"),
        "width": width,
        "height": height,
        "seconds": prediction.seconds,
        "kept": prediction.kept,
        "targets": [{"x": t.x, "y": t.y, "area": t.area, "score": t.score, "bbox": list(t.bbox)} for t in targets],
    }


def _require_no_labels(out: Path, labels: set[Path]) -> None:
    """Masks must not be written over labels: of the frames that are predicted, or of others that lie in ``out``.

    Args:
        out: where they are written.
        labels: folders of the labels of what is predicted.

    Raises:
        ConfigError: they would be.
    """
    masks = os.path.realpath(out / "masks")
    suffixes = STILL_SUFFIXES + RAW_SUFFIXES
    holds_frames = os.path.isdir(out) and (os.path.isdir(out / "images") or len(list_stills(out, suffixes)) > 0)
    if holds_frames or masks in map(os.path.realpath, labels):
        raise ConfigError(f"--out {shown(out)}: {shown(masks)} is for labels of the frames there; give another folder")


def _require_distinct(refs: list[FrameRef]) -> None:
    seen: dict[str, FrameRef] = {}
    for ref in refs:
        other = seen.setdefault(ref.stem, ref)
        if other is not ref:
            raise FrameError(f"{other.path} and {ref.path} would write the same mask; predict them apart")
