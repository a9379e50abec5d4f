"""A drawing as DOT text in which everything has its place: so that Graphviz can make a PNG of any picture, and so that
a message chart has a form in DOT. To be drawn by `neato -n2`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count, pairwise
from typing import Any, Final

from pyspec.draw import scene as sc
from pyspec.draw.metrics import width
from pyspec.draw.theme import colour


class Pinned:
    """Writes one drawing."""

    def __init__(self, scene: sc.Scene, dark: bool = False) -> None:
        self.scene, self.dark = scene, dark
        self._numbers = count()

    def text(self) -> str:
        """The DOT text."""
        paper = colour("paper", self.dark)
        corners = ("0,0", f"{_number(self.scene.width)},{_number(self.scene.height)}")
        frame = [
            f'  c{n} [shape=point, style=invis, width=0.01, height=0.01, pos="{at}"];' for n, at in enumerate(corners)
        ]
        head = [
            "graph {",
            "  // draw with: neato -n2",
            f'  graph [bgcolor="{paper}", pad=0, dpi=144, outputorder=edgesfirst, notranslate=true, splines=true];',
            '  node [fixedsize=true, margin=0, label="", fontname="Helvetica"];',
        ]
        return "\n".join([*head, *frame, *self._marks(self.scene.marks), "}"]) + "\n"

    def _marks(self, marks: tuple[sc.Mark, ...]) -> Iterator[str]:
        for mark in marks:
            yield from self._WRITE[type(mark)](self, mark)

    def _ink(self, ink: str | None) -> str:
        return colour(ink, self.dark) if ink else "none"

    def _at(self, x: float, y: float) -> str:
        return f"{_number(x)},{_number(self.scene.height - y)}"

    def _name(self) -> str:
        return f"m{next(self._numbers)}"

    def _box(self, mark: sc.Box) -> Iterator[str]:
        place = self._at(mark.x + mark.width / 2, mark.y + mark.height / 2)
        style = ("rounded," if mark.radius else "") + ("dashed," if mark.dash else "") + "filled"
        yield (
            f'  {self._name()} [shape=box, style="{style}", pos="{place}", width={mark.width / 72:.4f},'
            f' height={mark.height / 72:.4f}, fillcolor="{self._ink(mark.fill)}", color="{self._ink(mark.line)}",'
            f" penwidth={_number(mark.thick)}];"
        )

    def _dot(self, mark: sc.Dot) -> Iterator[str]:
        size = f"{mark.radius / 36:.4f}"
        look = f'style=filled, fillcolor="{self._ink(mark.fill)}", color="{self._ink(mark.line or mark.fill)}"'
        place = self._at(mark.x, mark.y)
        yield f'  {self._name()} [shape=circle, {look}, pos="{place}", width={size}, height={size}];'

    def _text(self, mark: sc.Text) -> Iterator[str]:
        room = width(mark.text, mark.size, mark.bold) + 2
        shift = {"start": room / 2, "middle": 0.0, "end": -room / 2}[mark.anchor]
        side = {"start": "l", "middle": "n", "end": "r"}[mark.anchor]
        place = self._at(mark.x + shift, mark.y - mark.size * 0.35)
        words = mark.text.replace("\\", "\\\\").replace('"', '\\"') + f"\\{side}"
        face = "Helvetica" + ("-Bold" if mark.bold else "-Oblique" if mark.italic else "")
        yield (
            f'  {self._name()} [shape=plaintext, pos="{place}", width={room / 72:.4f}, height={mark.size / 60:.4f},'
            f' label="{words}", fontname="{face}", fontsize={_number(mark.size)}, fontcolor="{self._ink(mark.ink)}"];'
        )

    def _stroke(self, mark: sc.Stroke) -> Iterator[str]:
        points = mark.points if mark.curve else _straight(mark.points)
        ends = [self._name(), self._name()]
        for name, (x, y) in zip(ends, (points[0], points[-1])):
            yield f'  {name} [shape=point, style=invis, width=0.01, height=0.01, pos="{self._at(x, y)}"];'
        tip = f"e,{self._at(*mark.arrow)} " if mark.arrow is not None else ""
        path = " ".join(self._at(x, y) for x, y in points)
        style = "dashed" if mark.dash else "solid"
        yield (
            f'  {ends[0]} -- {ends[1]} [pos="{tip}{path}", style={style}, color="{self._ink(mark.line)}",'
            f" penwidth={_number(mark.thick)}, dir={'forward' if tip else 'none'}, arrowsize=0.8];"
        )

    def _group(self, mark: sc.Group) -> Iterator[str]:
        yield from self._marks(mark.marks)

    _WRITE: Final[dict[type, Callable[[Any, Any], Iterator[str]]]] = {
        sc.Box: _box,
        sc.Stroke: _stroke,
        sc.Dot: _dot,
        sc.Text: _text,
        sc.Group: _group,
    }


def pinned(scene: sc.Scene, dark: bool = False) -> str:
    """The DOT text of a drawing."""
    return Pinned(scene, dark).text()


def _straight(points: tuple[sc.Point, ...]) -> tuple[sc.Point, ...]:
    """A line with corners as Bezier curves."""
    found = [points[0]]
    for (x, y), (u, v) in pairwise(points):
        found += [(x + (u - x) / 3, y + (v - y) / 3), (u - (u - x) / 3, v - (v - y) / 3), (u, v)]
    return tuple(found)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"
