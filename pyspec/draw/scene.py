"""A drawing as boxes, lines and texts with places in pixels: what SVG and PNG are written from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle with round corners; `fill` and `line` are inks of `pyspec.draw.theme`."""

    x: float
    y: float
    width: float
    height: float
    fill: str | None
    line: str | None
    radius: float = 0.0
    thick: float = 1.2
    dash: str = ""


@dataclass(frozen=True)
class Stroke:
    """A line. `curve`: the points are a start and then Bezier triples; `arrow`: the tip that the line ends before."""

    points: tuple[Point, ...]
    line: str
    curve: bool = False
    arrow: Point | None = None
    thick: float = 1.3
    dash: str = ""


@dataclass(frozen=True)
class Dot:
    """A filled disc, or a ring."""

    x: float
    y: float
    radius: float
    fill: str | None
    line: str | None = None


@dataclass(frozen=True)
class Text:
    """One line of text; `y` is its baseline. `halo`: a rim in the colour of the paper, for text upon lines."""

    x: float
    y: float
    text: str
    size: float
    ink: str = "text"
    bold: bool = False
    italic: bool = False
    anchor: Literal["start", "middle", "end"] = "start"
    halo: bool = False


@dataclass(frozen=True)
class Group:
    """Marks that belong together: with a text that shows on hovering, and perhaps a link."""

    marks: tuple[Mark, ...]
    tip: str = ""
    link: str = ""


Mark = Box | Stroke | Dot | Text | Group


@dataclass(frozen=True)
class Scene:
    """A whole drawing; later marks lie upon earlier ones."""

    width: float
    height: float
    title: str
    about: str
    marks: tuple[Mark, ...] = field(default=())


def arrow_head(tip: Point, tail: Point, length: float = 9.0, half: float = 3.6) -> tuple[Point, Point, Point]:
    """The triangle of an arrow that points from `tail` to `tip`."""
    dx, dy = tip[0] - tail[0], tip[1] - tail[1]
    size = (dx * dx + dy * dy) ** 0.5 or 1.0
    ux, uy = dx / size, dy / size
    base = (tip[0] - ux * length, tip[1] - uy * length)
    return tip, (base[0] - uy * half, base[1] + ux * half), (base[0] + uy * half, base[1] - ux * half)
