"""A graph with its layout as a drawing: title, legend, nodes, edges, notes."""

from __future__ import annotations

from typing import Final

from pyspec.draw import scene as sc
from pyspec.draw.graph import Edge, Graph, Node
from pyspec.draw.layout import Layout, Route
from pyspec.draw.metrics import width, wrap
from pyspec.draw.sizes import DETAIL, DETAIL_LINE, LABEL, LABEL_LINE, TITLE, TITLE_LINE, node_size

MARGIN: Final = 20.0
HEAD: Final = 15.0  # font sizes of the title, and of legend and notes
SMALL: Final = 11.5
NARROWEST: Final = 420.0
_RADIUS: Final = {"state": 12.0, "action": 7.0, "message": 2.0, "variable": 2.0, "protocol": 5.0}


def compose(graph: Graph, layout: Layout) -> sc.Scene:
    """The drawing of a graph."""
    inner = max(layout.width, NARROWEST, width(graph.title, HEAD, True) if len(graph.title) < 60 else 0)
    marks: list[sc.Mark] = []
    top = head(graph.title, graph.legend, inner, marks)
    left = MARGIN + (inner - layout.width) / 2
    marks += [_edge(edge, route, left, top) for edge, route in zip(graph.edges, layout.edges)]
    for number, (place, route) in layout.starts.items():
        marks.append(sc.Dot(place[0] + left, place[1] + top, 5, "line"))
        marks += _line(route, left, top, "line", "")
        assert graph.nodes[number].initial
    marks += [_node(node, x + left, y + top) for node, (x, y) in zip(graph.nodes, layout.nodes)]
    marks += [
        mark
        for edge, route in zip(graph.edges, layout.edges)
        if route.label
        for mark in [_label(edge, route, left, top)]
    ]
    bottom = foot(graph.notes, inner, top + layout.height + 14, marks)
    return sc.Scene(inner + 2 * MARGIN, bottom + MARGIN - 6, graph.title, graph.about, tuple(marks))


def head(title: str, legend: tuple[tuple[str, str], ...], inner: float, marks: list[sc.Mark]) -> float:
    """Draws title and legend; returns where the picture begins."""
    y = MARGIN + 4
    for line in wrap(title, HEAD, inner, bold=True):
        marks.append(sc.Text(MARGIN, y + 8, line, HEAD, "text", bold=True))
        y += 20
    x = MARGIN
    for name, hue in legend:
        needed = width(name, SMALL) + 36
        if x + needed > MARGIN + inner and x > MARGIN:
            x, y = MARGIN, y + 18
        marks.append(sc.Box(x, y + 1, 12, 12, f"{hue}.fill", f"{hue}.line", 3))
        marks.append(sc.Text(x + 18, y + 11, name, SMALL, "muted"))
        x += needed
    return y + (30 if legend else 14)


def foot(notes: tuple[str, ...], inner: float, y: float, marks: list[sc.Mark]) -> float:
    """Draws the notes; returns where they end."""
    for note in notes:
        for line in wrap(note, SMALL, inner):
            y += 16
            marks.append(sc.Text(MARGIN, y, line, SMALL, "muted"))
        y += 4
    return y


def _node(node: Node, x: float, y: float) -> sc.Mark:
    w, h = node_size(node)
    left, top = x - w / 2, y - h / 2
    thick = 2.4 if node.strong else 1.3
    marks: list[sc.Mark] = [
        sc.Box(left, top, w, h, f"{node.hue}.fill", f"{node.hue}.line", _RADIUS[node.shape], thick),
        *_ornament(node, left, top, w, h),
    ]
    baseline = y - (len(node.title) * TITLE_LINE + len(node.detail) * DETAIL_LINE) / 2
    for line in node.title:
        baseline += TITLE_LINE
        marks.append(sc.Text(x, baseline - 4.5, line, TITLE, f"{node.hue}.text", bold=True, anchor="middle"))
    for line in node.detail:
        baseline += DETAIL_LINE
        marks.append(sc.Text(x, baseline - 3.5, line, DETAIL, f"{node.hue}.text", anchor="middle"))
    return sc.Group(tuple(marks), node.tip, node.link) if node.tip or node.link else sc.Group(tuple(marks))


def _ornament(node: Node, left: float, top: float, w: float, h: float) -> list[sc.Mark]:
    """What tells a message (a folded corner) and a variable (a double line) from other nodes."""
    line = f"{node.hue}.line"
    if node.shape == "message":
        fold = ((left + w - 10, top), (left + w - 10, top + 10), (left + w, top + 10))
        return [sc.Stroke(fold, line, thick=1.0)]
    if node.shape == "variable":
        return [sc.Stroke(((left + 5, top), (left + 5, top + h)), line, thick=1.0)]
    return []


def _edge(edge: Edge, route: Route, left: float, top: float) -> sc.Mark:
    dash = {"solid": "", "dashed": "6 4", "dotted": "2 3"}[edge.style]
    return sc.Group(tuple(_line(route, left, top, edge.ink, dash)), edge.tip, edge.link)


def _line(route: Route, left: float, top: float, ink: str, dash: str) -> list[sc.Mark]:
    points = tuple((x + left, y + top) for x, y in route.points)
    return [sc.Stroke(points, ink, curve=True, arrow=(route.tip[0] + left, route.tip[1] + top), dash=dash)]


def _label(edge: Edge, route: Route, left: float, top: float) -> sc.Mark:
    assert route.label is not None
    x, y = route.label[0] + left, route.label[1] + top
    first = y - len(edge.label) * LABEL_LINE / 2 + LABEL_LINE - 4
    ink = "text" if edge.ink == "line" else edge.ink
    texts = tuple(
        sc.Text(x, first + number * LABEL_LINE, line, LABEL, ink, anchor="middle", halo=True)
        for number, line in enumerate(edge.label)
    )
    return sc.Group(texts, edge.tip, edge.link)
