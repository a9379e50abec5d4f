"""A drawing as SVG. Colours are classes, so that one file follows the reader's light or dark setting; the paper is
part of the picture, so that it is legible on any page, also inside <img>."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from pyspec.draw import scene as sc
from pyspec.draw.metrics import FONTS
from pyspec.draw.theme import Theme, colour


def svg(scene: sc.Scene, theme: Theme = "auto") -> str:
    """The text of an SVG file; `theme` "auto" has the colours of light and dark pages."""
    w, h = number(scene.width), number(scene.height)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img"'
        f' font-family="{FONTS}">'
    )
    body = [*_marks(scene.marks)]
    about = [f"<title>{escape(_clean(scene.title))}</title>", f"<desc>{escape(_clean(scene.about))}</desc>"]
    paper = f'<rect class="f-paper" width="{w}" height="{h}" rx="6"/>'
    return "\n".join([head, *about, *_style(body, theme), paper, *body, "</svg>"]) + "\n"


def number(value: float) -> str:
    """A coordinate with at most two decimals."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _clean(text: str) -> str:
    """Text that XML 1.0 can hold."""
    return "".join(c if c in "\t\n\r" or (ord(c) >= 32 and not 0xD800 <= ord(c) <= 0xDFFF) else "?" for c in text)


def _style(body: list[str], theme: Theme) -> list[str]:
    used = sorted({part for line in ["f-paper", *body] for part in _classes(line)})
    plain = "".join(_rule(name, theme == "dark") for name in used)
    rules = f"text{{white-space:pre}}{plain}"
    if theme == "auto":
        rules += f"@media (prefers-color-scheme: dark){{{''.join(_rule(name, True) for name in used)}}}"
    return [f"<style>{rules}</style>"]


def _classes(line: str) -> Iterator[str]:
    for part in line.replace('"', " ").replace("<", " ").split(" "):
        if part[:2] in ("f-", "s-") and part[2:].replace("_", "").isalpha():
            yield part


def _rule(name: str, dark: bool) -> str:
    what = {"f": "fill", "s": "stroke"}[name[0]]
    return f".{name}{{{what}:{colour(name[2:].replace('_', '.'), dark)}}}"


def _paint(fill: str | None, line: str | None) -> str:
    classes = [f"f-{fill.replace('.', '_')}"] if fill else []
    classes += [f"s-{line.replace('.', '_')}"] if line else []
    return f'class="{" ".join(classes)}"' + ("" if fill else ' fill="none"')


def _marks(marks: tuple[sc.Mark, ...]) -> Iterator[str]:
    for mark in marks:
        yield from _WRITE[type(mark)](mark)


def _box(mark: sc.Box) -> Iterator[str]:
    place = f'x="{number(mark.x)}" y="{number(mark.y)}" width="{number(mark.width)}" height="{number(mark.height)}"'
    thick = f' stroke-width="{number(mark.thick)}"' if mark.line else ""
    dash = f' stroke-dasharray="{mark.dash}"' if mark.dash else ""
    round_ = f' rx="{number(mark.radius)}"' if mark.radius else ""
    yield f"<rect {place}{round_} {_paint(mark.fill, mark.line)}{thick}{dash}/>"


def _stroke(mark: sc.Stroke) -> Iterator[str]:
    first, *rest = mark.points
    letter = "C" if mark.curve else "L"
    path = f"M{_xy(first)} {letter}" + " ".join(map(_xy, rest))
    dash = f' stroke-dasharray="{mark.dash}"' if mark.dash else ""
    yield f'<path d="{path}" {_paint(None, mark.line)} stroke-width="{number(mark.thick)}"{dash}/>'
    if mark.arrow is not None:
        corners = " ".join(map(_xy, sc.arrow_head(mark.arrow, mark.points[-1])))
        yield f'<polygon points="{corners}" {_paint(mark.line, None)}/>'


def _xy(point: sc.Point) -> str:
    return f"{number(point[0])},{number(point[1])}"


def _dot(mark: sc.Dot) -> Iterator[str]:
    place = f'cx="{number(mark.x)}" cy="{number(mark.y)}" r="{number(mark.radius)}"'
    yield f"<circle {place} {_paint(mark.fill, mark.line)}/>"


def _text(mark: sc.Text) -> Iterator[str]:
    look = f' font-size="{number(mark.size)}"'
    look += ' font-weight="600"' if mark.bold else ""
    look += ' font-style="italic"' if mark.italic else ""
    look += f' text-anchor="{mark.anchor}"' if mark.anchor != "start" else ""
    place, words = f'x="{number(mark.x)}" y="{number(mark.y)}"', escape(_clean(mark.text))
    rim = ' stroke-width="4" stroke-linejoin="round" paint-order="stroke"' if mark.halo else ""
    yield f"<text {place} {_paint(mark.ink, 'paper' if mark.halo else None)}{look}{rim}>{words}</text>"


def _group(mark: sc.Group) -> Iterator[str]:
    yield f"<a href={quoteattr(_clean(mark.link))}>" if mark.link else "<g>"
    if mark.tip:
        yield f"<title>{escape(_clean(mark.tip))}</title>"
    yield from _marks(mark.marks)
    yield "</a>" if mark.link else "</g>"


_WRITE: Final[dict[type, Callable[[Any], Iterator[str]]]] = {
    sc.Box: _box,
    sc.Stroke: _stroke,
    sc.Dot: _dot,
    sc.Text: _text,
    sc.Group: _group,
}
