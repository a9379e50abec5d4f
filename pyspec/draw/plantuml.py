"""Pictures as PlantUML text."""

from __future__ import annotations

from typing import Final

from pyspec.draw.chart import Chart
from pyspec.draw.graph import Graph
from pyspec.draw.theme import colour

_KINDS: Final = {
    "state": "state",
    "action": "rectangle",
    "message": "file",
    "variable": "database",
    "protocol": "rectangle",
}


def graph_plantuml(graph: Graph) -> str:
    """A state diagram, or a diagram of rectangles for maps and chains."""
    ids = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    states = graph.kind in ("machine", "graph")
    way = "left to right direction" if graph.directions[0] == "LR" else "top to bottom direction"
    lines = ["@startuml", f"title {_text(graph.title)}", *(["hide empty description"] if states else []), way]
    for node in graph.nodes:
        text = "\\n".join(map(_text, (*node.title, *node.detail)))
        lines.append(f'{_KINDS[node.shape]} "{text}" as {ids[node.id]} {colour(node.hue + ".fill")}')
        if node.initial and states:
            lines.append(f"[*] --> {ids[node.id]}")
    for edge in graph.edges:
        arrow = {"solid": "-->", "dashed": "-[dashed]->", "dotted": "-[dotted]->"}[edge.style]
        label = " : " + "\\n".join(map(_text, edge.label)) if edge.label else ""
        lines.append(f"{ids[edge.source]} {arrow} {ids[edge.target]}{label}")
    return "\n".join([*lines, "@enduml"]) + "\n"


def chart_plantuml(chart: Chart) -> str:
    """A sequence diagram; messages are drawn where they are received."""
    ids = {lane.name: f"L{number}" for number, lane in enumerate(chart.lanes)}
    lines = ["@startuml", f"title {_text(chart.title)}", "hide footbox"]
    lines += [
        f'participant "{_text(lane.name)}" as {ids[lane.name]} {colour(lane.hue + ".fill")}' for lane in chart.lanes
    ]
    looping = False
    for row in chart.rows:
        if chart.loop_start is not None and row.number == chart.loop_start + 1:
            lines.append("loop for ever")
            looping = True
        for arrow in row.arrows:
            sign = {"received": "->", "read": "-->", "lost": "->x"}[arrow.kind]
            lines.append(f"{ids[arrow.source]} {sign} {ids[arrow.target]} : {_text(arrow.text)}")
        notes = {row.lane: [f"{row.number}. {row.text}", *(f"sends {text}" for text in row.unreceived)]}
        notes[row.lane] += ["and here its evaluation fails"] if row.kind == "failed" else []
        for lane, text in row.changes:
            notes.setdefault(lane, []).append(text)
        lines += [f"rnote over {ids[lane]} : " + "\\n".join(map(_text, texts)) for lane, texts in notes.items()]
    lines += ["end"] if looping else []
    if chart.verdict and ids:
        ends = list(ids.values())
        over = ends[0] if len(ends) == 1 else f"{ends[0]}, {ends[-1]}"
        lines.append(f"note over {over} : " + "\\n".join(map(_text, chart.verdict)))
    return "\n".join([*lines, "@enduml"]) + "\n"


def _text(text: str) -> str:
    """Text in which PlantUML finds no command: quotes, backslashes and marks of style become code points."""
    signs = {'"': "<U+0022>", "\\": "<U+005C>", "<": "<U+003C>", "~": "<U+007E>", "\n": " "}
    plain = "".join(signs.get(sign, sign) for sign in text.strip())
    for mark in ("**", "//", "__", "--"):
        plain = plain.replace(mark, f"<U+{ord(mark[0]):04X}>" * 2)
    return plain
