"""The table of files that are met in practice: what each is read as, or with which words it is refused.

Every file is made when the test runs. Expected values are computed here from what went in, never by the code that is
tested: the rule of each kind stands beside it.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from adsnet.data.pixels import MAX_PIXELS
from tests.adsnet.data.making import encoded, moving_square, png_declaring, ramp, tiff, tiff_declaring, write_video

Array = NDArray[Any]


class Opens(NamedTuple):
    """A file that is read: the exact pixels of each frame; ``near``: largest difference for lossy coding."""

    frames: list[Array]
    near: int = 0


class Refused(NamedTuple):
    """A file that is not read: a regular expression for the sentence."""

    words: str


class Case(NamedTuple):
    """``make(folder)`` writes the file and returns its path."""

    name: str
    make: Callable[[Path], Path]
    expected: Opens | Refused


GREY = ramp(24, 32)
DEEP = ramp(24, 32, np.uint16, 65535)
TWELVE = ramp(24, 32, np.uint16, 4095)
SIGNED = (ramp(24, 32, np.float64, 40000) - 20000).astype(np.int16)
FLOATS = ramp(24, 32, np.float64, 90) - 30.5
BROKEN = FLOATS.copy()
BROKEN[3, 4], BROKEN[5, 6], BROKEN[7, 8] = np.nan, np.inf, -np.inf
WHOLE = FLOATS.astype(np.float32)
WHOLE[3, 4], WHOLE[5, 6], WHOLE[7, 8] = FLOATS.min(), FLOATS.max(), FLOATS.min()
COLOUR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)
LUMA = np.rint(COLOUR.astype(np.float64) @ [0.299, 0.587, 0.114]).astype(np.uint8)
EQUAL = np.dstack([GREY] * 3)
ALPHA = GREY[::-1, ::-1]
STACK = np.stack([TWELVE + i for i in range(5)])


def png(values: Array, colour: int, bits: int, *, interlaced: bool = False, palette: bytes = b"") -> bytes:
    """A PNG of every form that the format has, also those that no library here writes.

    Args:
        values: (H, W) or (H, W, C), one sample each.
        colour: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha.
        bits: of a sample.
        interlaced: in the seven passes of Adam7.
        palette: bytes of the palette.
    """

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    def rows(part: Array) -> bytes:
        if part.size == 0:
            return b""
        samples = part.reshape(len(part), -1)
        if bits == 16:
            packed = samples.astype(">u2").view(np.uint8).reshape(len(part), -1)
        else:
            single = np.unpackbits(samples.astype(np.uint8)[..., None], axis=-1)[..., 8 - bits :]
            packed = np.packbits(single.reshape(len(part), -1), axis=-1)
        return b"".join(b"\0" + row.tobytes() for row in packed)

    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    parts = [values[y::dy, x::dx] for y, x, dy, dx in passes] if interlaced else [values]
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, colour, 0, 0, int(interlaced))
    table = chunk(b"PLTE", palette) if palette else b""
    body = chunk(b"IDAT", zlib.compress(b"".join(map(rows, parts))))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + table + body + chunk(b"IEND", b"")


def packed_tiff(values: Array) -> bytes:
    """A TIFF of 12-bit samples, two of them in three bytes."""
    height, width = values.shape
    pairs = values.reshape(-1, 2).astype(np.uint32)
    joined = pairs[:, 0] << 12 | pairs[:, 1]
    data = np.stack([joined >> 16, joined >> 8 & 255, joined & 255], axis=-1).astype(np.uint8).tobytes()
    tags = [(256, width), (257, height), (258, 12), (259, 1), (262, 1), (273, 200), (277, 1), (278, height)]
    tags.append((279, len(data)))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    return head.ljust(200, b"\0") + data


def npy(values: Array) -> bytes:
    """The bytes of a ``.npy`` file."""
    stream = BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def moving(kind: str, **options: Any) -> bytes:
    """An animation of three pictures."""
    stream = BytesIO()
    pictures = [Image.fromarray(GREY // 2 + 40 * i) for i in range(3)]
    pictures[0].save(stream, format=kind, save_all=True, append_images=pictures[1:], **options)
    return stream.getvalue()


def turned() -> bytes:
    """A grey JPEG that asks to be turned by a quarter."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(GREY, "JPEG", quality=100, exif=exif)


def bmp(values: Array, mode: str) -> bytes:
    """A BMP in one of Pillow's modes."""
    return encoded(values, "BMP", mode)


def file(name: str, data: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def video(name: str, values: Array, *, codec: str, pix_fmt: str, keep: float = 1.0) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        write_video(folder / name, values, codec=codec, pix_fmt=pix_fmt)
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(len(data) * keep)])
        return folder / name

    return make


def lying_frame_count(folder: Path) -> Path:
    """An AVI whose header promises a thousand frames."""
    write_video(folder / "lies.avi", moving_square(8), codec="ffv1", pix_fmt="gray")
    data = bytearray((folder / "lies.avi").read_bytes())
    at = data.index(b"avih") + 8
    data[at + 16 : at + 20] = struct.pack("<I", 1000)
    stream = data.index(b"strh") + 8
    data[stream + 32 : stream + 36] = struct.pack("<I", 1000)
    (folder / "lies.avi").write_bytes(bytes(data))
    return folder / "lies.avi"


def folder_of(name: str, *files: tuple[str, bytes]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).mkdir()
        for inner, data in files:
            (folder / name / inner).write_bytes(data)
        return folder / name

    return make


def circle(folder: Path) -> Path:
    (folder / "a.png").symlink_to(folder / "b.png")
    (folder / "b.png").symlink_to(folder / "a.png")
    return folder / "a.png"


def link(folder: Path) -> Path:
    (folder / "real.png").write_bytes(encoded(GREY))
    (folder / "link.png").symlink_to(folder / "real.png")
    return folder / "link.png"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.png")
    return folder / "pipe.png"


def locked(folder: Path) -> Path:
    (folder / "locked.png").write_bytes(encoded(GREY))
    (folder / "locked.png").chmod(0)
    return folder / "locked.png"


def npz() -> bytes:
    stream = BytesIO()
    np.savez(stream, frames=TWELVE)
    return stream.getvalue()


def archive() -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as inside:
        inside.writestr("a.png", encoded(GREY))
    return stream.getvalue()


def fortran_stack() -> bytes:
    return npy(np.asfortranarray(STACK))


def huge_npy() -> bytes:
    head = str({"descr": "<u2", "fortran_order": False, "shape": (100_000, 100_000)}).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head


def still(name: str, data: bytes, values: Array, near: int = 0) -> Case:
    return Case(name, file(f"{name.replace(' ', '_')}.png", data), Opens([values], near))


def page(name: str, values: Array, **options: Any) -> Case:
    return Case(name, file(f"{name.replace(' ', '_')}.tif", tiff(values, **options)), Opens([values]))


def refused(name: str, file_name: str, data: bytes, words: str) -> Case:
    return Case(name, file(file_name, data), Refused(words))


_TABLE = np.stack([np.arange(256)[::-1] * 257] * 3).astype(np.uint16)
_PALETTE = bytes(v for i in range(256) for v in (i, 255 - i, i // 2))
_LOOKED_UP = np.rint(GREY * 0.299 + (255 - GREY.astype(float)) * 0.587 + (GREY // 2) * 0.114).astype(np.uint8)
_INK = np.zeros((24, 32, 4), np.uint8)
_INK[..., 3] = GREY
_BITS = GREY > 100
_BLACK_WHITE = _BITS.astype(np.uint8) * 255
_DAMAGED = "damaged or cut short"

CASES: tuple[Case, ...] = (
    # ---- PNG: grey keeps its values; 1, 2 and 4 bits are spread over 0..255; alpha is ignored; colour becomes grey
    still("png 8", encoded(GREY), GREY),
    still("png 16", encoded(DEEP), DEEP),
    still("png 12 in 16", encoded(TWELVE), TWELVE),
    still("png 1 bit", png(_BITS, 0, 1), _BLACK_WHITE),
    still("png 2 bits", png(GREY // 64, 0, 2), GREY // 64 * 85),
    still("png 4 bits", png(GREY // 16, 0, 4), GREY // 16 * 17),
    still("png grey and alpha", encoded(np.dstack([GREY, ALPHA])), GREY),
    still("png grey and alpha 16", png(np.dstack([DEEP, DEEP[::-1]]), 4, 16), DEEP),
    still("png colour", encoded(COLOUR), LUMA),
    still("png colour and alpha", encoded(np.dstack([COLOUR, ALPHA])), LUMA),
    still("png equal channels", encoded(EQUAL), GREY),
    still("png colour 16 of equal channels", png(np.dstack([DEEP] * 3), 2, 16), DEEP),
    still("png colour and alpha 16", png(np.dstack([DEEP] * 3 + [DEEP[::-1]]), 6, 16), DEEP),
    still("png palette", png(GREY, 3, 8, palette=_PALETTE), _LOOKED_UP),
    still("png interlaced", png(GREY, 0, 8, interlaced=True), GREY),
    still("png interlaced 16", png(DEEP, 0, 16, interlaced=True), DEEP),
    still("png of one pixel", encoded(np.array([[7]], np.uint8)), np.array([[7]], np.uint8)),
    still("png of one row", encoded(DEEP[:1]), DEEP[:1]),
    still("png animated shows its first picture", moving("PNG"), GREY // 2),
    refused("png of no width", "none.png", png_declaring(0, 10), _DAMAGED),
    refused("png cut short", "cut.png", encoded(GREY)[:-40], _DAMAGED),
    refused("png of a header only", "head.png", png_declaring(64, 64)[:33], _DAMAGED),
    refused("png huge", "huge.png", png_declaring(100_000, 100_000), str(MAX_PIXELS)),
    # ---- BMP and JPEG: an orientation tag does not turn the pixels, labels would no longer lie on them
    still("bmp 8", bmp(GREY, "L"), GREY),
    still("bmp 1 bit", bmp(_BITS, "1"), _BLACK_WHITE),
    still("bmp colour", bmp(COLOUR, "RGB"), LUMA),
    still("bmp colour and alpha", bmp(np.dstack([EQUAL, ALPHA]), "RGBA"), GREY),
    refused("bmp cut short", "cut.bmp", encoded(GREY, "BMP")[:-100], _DAMAGED),
    still("jpeg grey with orientation", turned(), GREY, near=3),
    still("jpeg progressive", encoded(GREY, "JPEG", quality=100, progressive=True), GREY, near=3),
    still("jpeg colour", encoded(EQUAL, "JPEG", quality=100), GREY, near=3),
    still("jpeg cmyk", encoded(EQUAL, "JPEG", mode="CMYK", quality=100), GREY, near=3),
    refused("jpeg cut short", "cut.jpg", encoded(ramp(64, 64), "JPEG")[:400], _DAMAGED),
    # ---- TIFF: uint8 and uint16 keep their values, every other type becomes float32
    page("tiff 8", GREY),
    page("tiff 16", DEEP),
    page("tiff 12 in 16", TWELVE),
    Case("tiff 12 bits packed", file("packed.tif", packed_tiff(TWELVE)), Opens([TWELVE])),
    page("tiff big endian", DEEP, byteorder=">"),
    page("tiff tiled", DEEP, tile=(16, 16)),
    page("tiff tiled deflate", DEEP, tile=(16, 16), compression="zlib", predictor=True),
    page("tiff lzw", DEEP, compression="lzw"),
    page("tiff lzw predictor", DEEP, compression="lzw", predictor=True),
    page("tiff packbits", GREY, compression="packbits"),
    page("tiff zstd", DEEP, compression="zstd"),
    page("tiff strips", DEEP, rowsperstrip=5),
    page("bigtiff", DEEP, bigtiff=True),
    Case(
        "tiff jpeg",
        file("jpeg.tif", tiff(GREY, compression="jpeg", compressionargs={"level": 100})),
        Opens([GREY], near=3),
    ),
    Case(
        "tiff int8", file("i8.tif", tiff((SIGNED // 256).astype(np.int8))), Opens([(SIGNED // 256).astype(np.float32)])
    ),
    Case("tiff int16 negative", file("i16.tif", tiff(SIGNED)), Opens([SIGNED.astype(np.float32)])),
    Case("tiff uint32", file("u32.tif", tiff(DEEP.astype(np.uint32) * 256)), Opens([DEEP.astype(np.float32) * 256])),
    Case("tiff int32", file("i32.tif", tiff(SIGNED.astype(np.int32) * 16)), Opens([SIGNED.astype(np.float32) * 16])),
    Case(
        "tiff float16 with nan and inf",
        file("f16.tif", tiff((BROKEN * 2).round().astype(np.float16))),
        Opens([(WHOLE.astype(np.float64) * 2).round().astype(np.float32)]),
    ),
    Case("tiff float32 with nan and inf", file("f32.tif", tiff(BROKEN.astype(np.float32))), Opens([WHOLE])),
    Case("tiff float64 with nan and inf", file("f64.tif", tiff(BROKEN)), Opens([WHOLE])),
    Case(
        "tiff of nothing but nan",
        file("nan.tif", tiff(np.full((4, 6), np.nan, np.float32))),
        Opens([np.zeros((4, 6), np.float32)]),
    ),
    Case("tiff 1 bit", file("bits.tif", tiff(_BITS, photometric="minisblack")), Opens([_BLACK_WHITE])),
    Case("tiff white is zero", file("white.tif", tiff(DEEP, photometric="miniswhite")), Opens([65535 - DEEP])),
    Case(
        "tiff 1 bit white is zero",
        file("fax.tif", tiff(_BITS, photometric="miniswhite")),
        Opens([255 - _BLACK_WHITE]),
    ),
    Case("tiff palette", file("pal.tif", tiff(GREY, photometric="palette", colormap=_TABLE)), Opens([255 - GREY])),
    Case("tiff colour", file("rgb.tif", tiff(COLOUR, photometric="rgb")), Opens([LUMA])),
    Case(
        "tiff colour by plane",
        file("planes.tif", tiff(np.moveaxis(COLOUR, -1, 0), photometric="rgb", planarconfig="separate")),
        Opens([LUMA]),
    ),
    Case(
        "tiff colour and alpha",
        file("rgba.tif", tiff(np.dstack([COLOUR, ALPHA]), photometric="rgb", extrasamples=["unassalpha"])),
        Opens([LUMA]),
    ),
    Case("tiff cmyk", file("cmyk.tif", tiff(_INK, photometric="separated")), Opens([255 - GREY])),
    Case("tiff pages", file("pages.tif", tiff(STACK, photometric="minisblack")), Opens(list(STACK))),
    Case(
        "tiff pages big endian deflate",
        file("pages_be.tif", tiff(STACK, photometric="minisblack", byteorder=">", compression="zlib")),
        Opens(list(STACK)),
    ),
    Case("tiff pages of ImageJ", file("imagej.tif", tiff(STACK, imagej=True)), Opens(list(STACK))),
    refused("tiff cut short", "cut.tif", tiff(DEEP)[:-100], _DAMAGED),
    refused("tiff huge", "huge.tif", tiff_declaring(100_000, 100_000), "100000×100000"),
    refused("tiff complex", "complex.tif", tiff(np.zeros((4, 4), np.complex64)), "complex64"),
    refused(
        "tiff of seven channels",
        "seven.tif",
        tiff(np.zeros((4, 4, 7), np.uint8), photometric="minisblack", planarconfig="contig"),
        "channels",
    ),
    # ---- NumPy: rows × columns, frames × rows × columns; a last axis of 1 to 4 is one of channels
    Case("npy", file("one.npy", npy(TWELVE)), Opens([TWELVE])),
    Case("npy big endian", file("big.npy", npy(TWELVE.astype(">u2"))), Opens([TWELVE])),
    Case("npy fortran order", file("fortran.npy", npy(np.asfortranarray(TWELVE))), Opens([TWELVE])),
    Case("npy float64", file("f8.npy", npy(BROKEN)), Opens([WHOLE])),
    Case("npy stack", file("stack.npy", npy(STACK)), Opens(list(STACK))),
    Case("npy stack of one", file("single.npy", npy(STACK[:1])), Opens(list(STACK[:1]))),
    Case("npy channels", file("rgb.npy", npy(COLOUR)), Opens([LUMA])),
    refused("npy stack in fortran order", "order.npy", fortran_stack(), "Fortran"),
    refused("npy of text", "text.npy", npy(np.array(["a", "b"])), "no numbers"),
    refused("npy of five axes", "five.npy", npy(np.zeros((2, 2, 2, 8, 8))), "axes"),
    refused("npy cut short", "cut.npy", npy(TWELVE)[:-2], _DAMAGED),
    refused("npy huge", "huge.npy", huge_npy(), str(MAX_PIXELS)),
    refused("npz", "frames.npz", npz(), "ZIP or .npz"),
    # ---- video: the stored luma; what decodes counts, not what the header says
    Case(
        "video lossless",
        video("grey.avi", moving_square(8), codec="ffv1", pix_fmt="gray"),
        Opens(list(moving_square(8))),
    ),
    Case("video 16 bit", video("deep.mkv", STACK, codec="ffv1", pix_fmt="gray16le"), Opens(list(STACK))),
    Case("video with a header that lies", lying_frame_count, Opens(list(moving_square(8)))),
    refused("video of nothing", "clip.mp4", b"\0\0\0\x18ftypisom" + bytes(12), _DAMAGED),
    # ---- folders
    Case(
        "folder in natural order",
        folder_of("run", ("f10.png", encoded(GREY)), ("f2.tif", tiff(TWELVE)), ("f1.npy", npy(DEEP))),
        Opens([DEEP, TWELVE, GREY]),
    ),
    Case("folder with the name of an image", folder_of("a.png", ("b.png", encoded(GREY))), Opens([GREY])),
    Case("folder without images", folder_of("empty.tif", ("notes.txt", b"x")), Refused("holds no PNG")),
    Case("folder with raw files only", folder_of("raws", ("a.raw", bytes(99))), Refused("raw")),
    # ---- names, links, rights
    Case("wrong suffix", file("tiff.png", tiff(TWELVE)), Opens([TWELVE])),
    Case("video suffix on an image", file("still.mp4", encoded(GREY)), Opens([GREY])),
    Case("no suffix", file("frame", encoded(DEEP)), Opens([DEEP])),
    Case("name with a new line", file("two\nlines.png", encoded(GREY)), Opens([GREY])),
    Case("name in other scripts", file("雲 Œ \u202e#%.png", encoded(GREY)), Opens([GREY])),
    Case("name of 240 characters", file("n" * 236 + ".png", encoded(GREY)), Opens([GREY])),
    Case("link", link, Opens([GREY])),
    Case("links in a circle", circle, Refused("circle")),
    Case("pipe", pipe, Refused("pipe or device")),
    Case("file without read permission", locked, Refused("access is denied")),
    Case("missing", lambda folder: folder / "missing.png", Refused("not there")),
    # ---- what is no frame
    refused("no bytes", "empty.png", b"", "empty"),
    refused("text with the name of an image", "text.png", b"hello, world\n", "no image or video"),
    refused("a web page", "page.jpg", b"<!DOCTYPE html><html>", "no image or video"),
    refused("values without a header", "clip.raw", bytes(640 * 512 * 2), "raw values"),
    refused("gif animated", "a.gif", moving("GIF"), "a GIF file"),
    refused("webp animated", "a.webp", moving("WEBP"), "a WebP file"),
    refused("webp", "b.webp", encoded(GREY, "WEBP", lossless=True), "a WebP file"),
    refused("zip", "a.zip", archive(), "ZIP"),
    refused("fits", "a.fits", b"SIMPLE  =                    T".ljust(2880), "a FITS file"),
    refused("matlab", "a.mat", b"MATLAB 5.0 MAT-file".ljust(128) + bytes(64), "a MATLAB file"),
    refused("hdf5", "a.h5", b"\x89HDF\r\n\x1a\n" + bytes(512), "a HDF5 file"),
    refused("flir sequence", "a.seq", b"FFF\0" + bytes(512), "a FLIR sequence"),
)
