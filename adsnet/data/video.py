"""Reading the frames of video files by index.

The index is made from the packets of the file, never from the frame count in its header, and its end is checked by
decoding. Open files are kept with their decoder, so that stepping forward costs one decoded frame, and the frames
decoded on the way are kept for a while, so that stepping back costs none.
"""

from __future__ import annotations

import bisect
import itertools
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.container import InputContainer

from adsnet.data.pixels import MAX_PIXELS, Pixels, check_size, one_channel
from adsnet.data.still import DECODER_ERRORS, Kind
from adsnet.errors import FrameError
from adsnet.storage.files import open_regular, reason, shown

_VIDEO_ERRORS = (*DECODER_ERRORS, av.error.FFmpegError)
_CACHE_BYTES = 64 * 2**20
_MAX_OPEN = 2
# Formats whose first plane is the luma at full resolution, one value after another.
_PLANAR_LUMA = ("gray", "yuv4", "yuvj4", "yuva4", "nv1", "nv2")


def _damaged(path: Path) -> FrameError:
    return FrameError(f"{shown(path)} is damaged or cut short and cannot be decoded as video: copy it again.")


def _pixels(path: Path, frame: av.VideoFrame) -> Pixels:
    check_size(path, height=frame.height, width=frame.width)
    if frame.format.is_rgb or frame.format.has_palette:
        deep = not frame.format.has_palette and frame.format.components[0].bits > 8
        return one_channel(path, frame.to_ndarray(format="rgb48le" if deep else "rgb24"))
    bits = frame.format.components[0].bits
    if not frame.format.name.startswith(_PLANAR_LUMA) or bits > 16:
        frame = frame.reformat(format="gray" if bits <= 8 else "gray16le")
        bits = frame.format.components[0].bits
    order = ">" if frame.format.is_big_endian else "<"
    dtype = np.dtype(np.uint8) if bits <= 8 else np.dtype(f"{order}u2")
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), dtype=dtype).reshape(-1, plane.line_size // dtype.itemsize)
    return one_channel(path, rows[: frame.height, : frame.width].copy())


class _Reader:
    """One open video: its index, its decoder and the frames decoded last."""

    def __init__(self, path: Path, kind: Kind) -> None:
        self._path = path
        self._kind = kind
        self._cache: OrderedDict[int, Pixels] = OrderedDict()
        self._position = -1
        self._container: InputContainer | None = None
        self._file: BinaryIO | None = None
        try:
            self._start()
            self._make_index()
        except _VIDEO_ERRORS as error:
            self.close()
            raise _damaged(path) from error
        except FrameError:
            self.close()
            raise
        if self.count == 0:
            self.close()
            raise FrameError(f"{shown(path)} holds no frame that can be decoded: copy or record it again.")

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None
        if self._file is not None:  # the container leaves it open
            self._file.close()
            self._file = None

    def _start(self) -> None:
        """Open the file and put the decoder before the first frame."""
        self.close()
        # An open file rather than a name, and a fixed format: so nothing in the file can lead to other files.
        self._file = open_regular(self._path)
        container = av.open(self._file, mode="r", format=self._kind)
        self._container = container
        if not container.streams.video:
            raise FrameError(f"{shown(self._path)} holds no pictures, only other streams: open a video.")
        self._stream = container.streams.video[0]
        context = self._stream.codec_context
        if context is None:
            raise FrameError(f"{shown(self._path)} uses a video codec that is not read here: convert it to H.264.")
        context.options = {"max_pixels": str(MAX_PIXELS)}
        check_size(self._path, height=context.height, width=context.width)
        self._decoded = self._decode()
        self._position = -1

    def _decode(self) -> Iterator[av.VideoFrame]:
        assert self._container is not None
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, *_VIDEO_ERRORS):
                return  # a truncated file ends here
            try:
                frames = packet.decode()
            except _VIDEO_ERRORS:
                continue  # one damaged packet; the decoder goes on with the next
            yield from (frame for frame in frames if isinstance(frame, av.VideoFrame))

    def _make_index(self) -> None:
        assert self._container is not None
        shown_at: list[int | None] = []
        keys: list[int] = []
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, *_VIDEO_ERRORS):
                break
            if packet.size and not packet.is_discard:
                shown_at.append(packet.pts)
                if packet.is_keyframe and packet.pts is not None:
                    keys.append(packet.pts)
        times = sorted({t for t in shown_at if t is not None and (not keys or t >= keys[0])})
        self._keys = sorted(keys)
        # Times that are missing or not distinct (some AVI files) cannot address frames: then frames are counted.
        self._times: list[int] = times if keys and None not in shown_at and len(set(shown_at)) == len(shown_at) else []
        if self._times:
            tail = self._decoded_times_from(self._keys[-1])
            self._times = [t for t in self._times if t < self._keys[-1] or t in tail]
            if not tail:
                self._times = []
        self._start()
        self.count = len(self._times) if self._times else sum(1 for _ in self._decoded)
        if not self._times:
            self._start()

    def _decoded_times_from(self, key: int) -> set[int]:
        self._seek(key)
        return {frame.pts for frame in self._decoded if frame.pts is not None}

    def _seek(self, time: int) -> None:
        assert self._container is not None
        self._container.seek(time, stream=self._stream, backward=True)
        self._decoded = self._decode()
        self._position = -1

    def _keep(self, index: int, frame: av.VideoFrame) -> Pixels:
        pixels = _pixels(self._path, frame)
        self._cache[index] = pixels
        self._cache.move_to_end(index)
        while len(self._cache) > 1 and sum(p.nbytes for p in self._cache.values()) > _CACHE_BYTES:
            self._cache.popitem(last=False)
        return pixels

    def read(self, index: int) -> Pixels:
        if not 0 <= index < self.count:
            raise FrameError(f"{shown(self._path)} has {self.count} readable frames and no frame {index}: reload it.")
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index].copy()
        try:
            found = self._read_timed(index) if self._times else self._read_counted(index)
        except _VIDEO_ERRORS as error:
            raise _damaged(self._path) from error
        if found is None:
            raise FrameError(f"Frame {index} of {shown(self._path)} is damaged and cannot be decoded: skip it.")
        return found.copy()

    def _read_counted(self, index: int) -> Pixels | None:
        if self._position >= index:
            self._start()
        for frame in self._decoded:
            self._position += 1
            pixels = self._keep(self._position, frame)
            if self._position == index:
                return pixels
        return None

    def _read_timed(self, index: int) -> Pixels | None:
        target = self._times[index]
        before = bisect.bisect_right(self._keys, target)
        nearest_key = bisect.bisect_left(self._times, self._keys[max(before - 1, 0)])
        if nearest_key <= self._position < index:
            return self._advance(index)
        # Some demuxers land behind the key frame asked for: then try the ones before it, at last the beginning.
        for key in [*reversed(self._keys[max(before - 3, 0) : before]), None]:
            if key is None:
                self._start()
            else:
                self._seek(key)
            first = next(self._decoded, None)
            if first is not None and first.pts is not None and first.pts <= target:
                self._decoded = itertools.chain([first], self._decoded)
                return self._advance(index)
        self._start()
        return self._advance(index)

    def _advance(self, index: int) -> Pixels | None:
        """Decode on to ``index``; None when the decoder passes it, which then stands behind it."""
        for frame in self._decoded:
            if frame.pts is None:
                continue
            position = bisect.bisect_left(self._times, frame.pts)
            if position == len(self._times) or self._times[position] != frame.pts:
                continue
            self._position = position
            pixels = self._keep(position, frame)
            if position == index:
                return pixels
            if position > index:
                return None
        self._position = len(self._times)
        return None


class _Slot:
    """A video that is kept open. Each has a lock of its own: a long one is indexed while another one is played."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reader: _Reader | None = None
        self.dropped = False

    def drop(self) -> None:
        """Close the video: at once, or when whoever reads it is done."""
        self.dropped = True
        if self.lock.acquire(blocking=False):
            try:
                self.close()
            finally:
                self.lock.release()

    def close(self) -> None:
        if self.reader is not None:
            self.reader.close()
            self.reader = None


_Key = tuple[str, int, int, int]
_lock = threading.Lock()
"""Of the table of open videos; nothing is read under it."""
_open: OrderedDict[_Key, _Slot] = OrderedDict()


def _slot(path: Path) -> _Slot:
    try:
        stat = os.stat(path)
    except (OSError, ValueError) as error:
        raise FrameError(f"Cannot open {shown(path)}: {reason(error)}; check the path.") from error
    key = (os.fspath(path), stat.st_ino, stat.st_size, stat.st_mtime_ns)
    with _lock:
        if key not in _open:
            for stale in [k for k in _open if k[0] == key[0]]:
                _open.pop(stale).drop()
            while len(_open) >= _MAX_OPEN:
                _open.popitem(last=False)[1].drop()
            _open[key] = _Slot()
        _open.move_to_end(key)
        return _open[key]


@contextmanager
def _reading(path: Path, kind: Kind) -> Iterator[_Reader]:
    """The video, for one thread at a time."""
    slot = _slot(path)
    with slot.lock:
        try:
            if slot.reader is None:
                slot.reader = _Reader(path, kind)
            yield slot.reader
        finally:
            if slot.dropped:
                slot.close()


def frame_count(path: Path, *, kind: Kind) -> int:
    """Number of frames of a video that decode: packets counted, the last group of pictures decoded.

    Raises:
        FrameError: not a video that can be decoded.
    """
    with _reading(path, kind) as reader:
        return reader.count


def read_video_frame(path: Path, index: int, *, kind: Kind) -> Pixels:
    """(H, W) stored luma (or grey of RGB video) of frame ``index`` in order of display. Safe from any thread.

    Raises:
        FrameError: no such frame, or it cannot be decoded.
    """
    with _reading(path, kind) as reader:
        return reader.read(index)


def close_videos() -> None:
    """Close the videos that are kept open; they open again when read."""
    with _lock:
        while _open:
            _open.popitem()[1].drop()
