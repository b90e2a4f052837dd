"""Pictures of lines, boxes, words and images that are written as SVG and as PNG."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]

SCALE, FINER = 2, 2
"""Pixels of the PNG for a unit of the picture, and how much finer it is drawn before it is averaged down."""

INK = "#222222"


@dataclass(frozen=True)
class _Line:
    points: tuple[Point, ...]
    colour: str
    width: float
    dash: float


@dataclass(frozen=True)
class _Box:
    corner: Point
    size: Point
    colour: str


@dataclass(frozen=True)
class _Words:
    place: Point
    text: str
    size: float
    anchor: Anchor
    colour: str


@dataclass(frozen=True, eq=False)
class _Image:
    corner: Point
    size: Point
    pixels: NDArray[np.uint8]


class Picture:
    """Drawn from back to front in units of a pixel at 100 %; x to the right, y down."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._parts: list[_Line | _Box | _Words | _Image] = [_Box((0, 0), (width, height), "#ffffff")]

    def line(self, points: Sequence[Point], colour: str = INK, *, width: float = 1.0, dash: float = 0.0) -> None:
        """A line through the points; ``dash``: length of its dashes and gaps, 0 for none."""
        self._parts.append(_Line(tuple(points), colour, width, dash))

    def frame(
        self, x: float, y: float, width: float, height: float, colour: str, *, line: float = 1.0, dash: float = 0.0
    ) -> None:
        """The outline of a box."""
        corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
        self.line(corners, colour, width=line, dash=dash)

    def words(
        self, x: float, y: float, text: str, *, size: float = 12, anchor: Anchor = "start", colour: str = INK
    ) -> None:
        """One line of text; y is its baseline."""
        self._parts.append(_Words((x, y), text, size, anchor, colour))

    def image(self, x: float, y: float, width: float, height: float, pixels: NDArray[np.uint8]) -> None:
        """(H, W) grey or (H, W, 3) RGB values; pixels stay square when they are enlarged."""
        self._parts.append(_Image((x, y), (width, height), pixels))

    def svg(self) -> bytes:
        """The picture as SVG; images are part of it."""
        size = f'viewBox="0 0 {self.width:g} {self.height:g}" width="{self.width:g}" height="{self.height:g}"'
        body = "\n".join(map(_svg, self._parts))
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">\n{body}\n</svg>\n'.encode()

    def png(self) -> bytes:
        """The picture as PNG."""
        fine = SCALE * FINER
        image = Image.new("RGB", (math.ceil(self.width * fine), math.ceil(self.height * fine)))
        draw = ImageDraw.Draw(image)
        for part in self._parts:
            _paint(image, draw, part, fine)
        stream = io.BytesIO()
        image.reduce(FINER).save(stream, format="PNG")
        return stream.getvalue()


def _svg(part: _Line | _Box | _Words | _Image) -> str:
    if isinstance(part, _Line):
        points = " ".join(f"{x:.2f},{y:.2f}" for x, y in part.points)
        dash = f' stroke-dasharray="{part.dash:g}"' if part.dash else ""
        style = f'fill="none" stroke="{part.colour}" stroke-width="{part.width:g}" stroke-linejoin="round"'
        return f'<polyline points="{points}" {style}{dash}/>'
    if isinstance(part, _Words):
        place = f'x="{part.place[0]:.2f}" y="{part.place[1]:.2f}"'
        style = f'font-size="{part.size:g}" text-anchor="{part.anchor}" fill="{part.colour}"'
        return f"<text {place} {style}>{escape(part.text)}</text>"
    place = f'x="{part.corner[0]:.2f}" y="{part.corner[1]:.2f}" width="{part.size[0]:.2f}" height="{part.size[1]:.2f}"'
    if isinstance(part, _Box):
        return f'<rect {place} fill="{part.colour}"/>'
    stream = io.BytesIO()
    Image.fromarray(part.pixels).save(stream, format="PNG")
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    style = 'preserveAspectRatio="none" style="image-rendering:pixelated"'
    return f'<image {place} {style} href="data:image/png;base64,{data}"/>'


def _paint(image: Image.Image, draw: ImageDraw.ImageDraw, part: _Line | _Box | _Words | _Image, fine: int) -> None:
    if isinstance(part, _Line):
        width = max(1, round(part.width * fine))
        for points in _dashes(part.points, part.dash) if part.dash else [part.points]:
            draw.line([(x * fine, y * fine) for x, y in points], fill=part.colour, width=width, joint="curve")
    elif isinstance(part, _Box):
        x, y = (round(v * fine) for v in part.corner)
        draw.rectangle((x, y, x + round(part.size[0] * fine), y + round(part.size[1] * fine)), fill=part.colour)
    elif isinstance(part, _Words):
        font: Any = ImageFont.load_default(part.size * fine)
        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[part.anchor]
        place = part.place[0] * fine, part.place[1] * fine
        draw.text(place, part.text, fill=part.colour, font=font, anchor=anchor)
    else:
        size = round(part.size[0] * fine), round(part.size[1] * fine)
        pasted = Image.fromarray(part.pixels).convert("RGB").resize(size, Image.Resampling.NEAREST)
        image.paste(pasted, (round(part.corner[0] * fine), round(part.corner[1] * fine)))


def _dashes(points: Sequence[Point], length: float) -> list[list[Point]]:
    """The drawn parts of a dashed line."""
    parts: list[list[Point]] = [[points[0]]]
    drawn, left = True, length
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        whole = math.hypot(x1 - x0, y1 - y0)
        done = 0.0
        while whole - done > left:
            done += left
            place = (x0 + (x1 - x0) * done / whole, y0 + (y1 - y0) * done / whole)
            if drawn:
                parts[-1].append(place)
            else:
                parts.append([place])
            drawn, left = not drawn, length
        left -= whole - done
        if drawn:
            parts[-1].append((x1, y1))
    return [part for part in parts if len(part) > 1]
