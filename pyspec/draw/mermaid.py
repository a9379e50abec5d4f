"""Pictures as Mermaid text, which many hosts of documentation draw themselves."""

from __future__ import annotations

from typing import Final

from pyspec.draw.chart import Chart, Row
from pyspec.draw.graph import Graph
from pyspec.draw.theme import colour

_SHAPES: Final = {
    "state": ('("', '")'),
    "action": ('("', '")'),
    "message": ('>"', '"]'),
    "variable": ('[("', '")]'),
    "protocol": ('["', '"]'),
}
_ARROWS: Final = {"solid": "-->", "dashed": "-.->", "dotted": "-.->"}


def graph_mermaid(graph: Graph) -> str:
    """A flow chart."""
    ids = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    lines = [f"---\ntitle: {_quoted(graph.title)}\n---", f"flowchart {graph.directions[0]}"]
    for node in graph.nodes:
        left, right = _SHAPES[node.shape]
        text = "<br/>".join(map(text_of, (*node.title, *node.detail)))
        lines.append(f"    {ids[node.id]}{left}{text}{right}:::{node.hue}")
        if node.initial:
            lines.append(f"    i{ids[node.id]}(( )) --> {ids[node.id]}")
    for edge in graph.edges:
        label = f'|"{"<br/>".join(map(text_of, edge.label))}"|' if edge.label else ""
        lines.append(f"    {ids[edge.source]} {_ARROWS[edge.style]}{label} {ids[edge.target]}")
    for hue in sorted({node.hue for node in graph.nodes}):
        fill, line, text = (colour(f"{hue}.{part}") for part in ("fill", "line", "text"))
        lines.append(f"    classDef {hue} fill:{fill},stroke:{line},color:{text}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def text_of(text: str) -> str:
    """Text within quotes."""
    signs = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "\n": " "}
    return "".join(signs.get(sign, sign) for sign in text)


def chart_mermaid(chart: Chart) -> str:
    """A sequence diagram; messages are drawn where they are received."""
    ids = {lane.name: f"L{number}" for number, lane in enumerate(chart.lanes)}
    lines = [f"---\ntitle: {_quoted(chart.title)}\n---", "sequenceDiagram"]
    lines += [f"    participant {ids[lane.name]} as {_plain(lane.name)}" for lane in chart.lanes]
    for row in chart.rows:
        if chart.loop_start is not None and row.number == chart.loop_start + 1:
            lines.append("    loop for ever")
        lines += (f"    {line}" for line in _row_lines(row, ids))
    if chart.loop_start is not None and chart.rows and chart.rows[-1].number > chart.loop_start:
        lines.append("    end")
    if chart.verdict and ids:
        ends = list(ids.values())
        over = ends[0] if len(ends) == 1 else f"{ends[0]},{ends[-1]}"
        lines.append(f"    Note over {over}: {'<br/>'.join(map(_plain, chart.verdict))}")
    return "\n".join(lines) + "\n"


def _row_lines(row: Row, ids: dict[str, str]) -> list[str]:
    signs = {"received": "->>", "read": "-->>", "lost": "-x"}
    lines = [f"{ids[a.source]}{signs[a.kind]}{ids[a.target]}: {_plain(a.text)}" for a in row.arrows]
    changed: dict[str, list[str]] = {row.lane: [f"{row.number}. {row.text}"]}
    for text in row.unreceived:
        changed[row.lane].append(f"sends {text}")
    if row.kind == "failed":
        changed[row.lane].append("and here its evaluation fails")
    for lane, text in row.changes:
        changed.setdefault(lane, []).append(text)
    return lines + [f"Note over {ids[lane]}: {'<br/>'.join(map(_plain, texts))}" for lane, texts in changed.items()]


def _plain(text: str) -> str:
    """Text outside quotes: nothing in it may end the statement."""
    signs = {"#": "#35;", ";": "#59;", "<": "#lt;", ">": "#gt;", "\n": " "}
    return "".join(signs.get(sign, sign) for sign in text.strip())
