"""A graph as DOT text: for people and other programs, and as the request for a layout."""

from __future__ import annotations

from typing import Final

from pyspec.draw.graph import Edge, Graph, Node
from pyspec.draw.sizes import label_size, node_size
from pyspec.draw.theme import colour

_SHAPES: Final = {
    "state": 'shape=box, style="rounded,filled"',
    "action": 'shape=box, style="rounded,filled"',
    "message": 'shape=note, style="filled"',
    "variable": 'shape=cylinder, style="filled"',
    "protocol": 'shape=box, style="filled"',
}


def dot(graph: Graph) -> str:
    """The graph as it may be given to `dot`, in the colours of a light page."""
    caption = "\\n".join(_escaped(line) for line in (graph.title, *graph.notes))
    lines = [
        f"digraph {quoted(graph.name)} {{",
        f'  graph [rankdir={graph.directions[0]}, label="{caption}", labelloc=t, nodesep=0.4, ranksep=0.5];',
        '  graph [fontname="Helvetica", fontsize=13];',
        '  node [fontname="Helvetica", fontsize=12, margin="0.16,0.08"];',
        '  edge [fontname="Helvetica", fontsize=10, arrowsize=0.7];',
        *map(_node, graph.nodes),
    ]
    for node in graph.nodes:
        if node.initial:
            lines.append(f'  "start {_escaped(node.id)}" [shape=point, width=0.12, color="{colour("line")}"];')
            lines.append(f'  "start {_escaped(node.id)}" -> {quoted(node.id)} [color="{colour("line")}"];')
    return "\n".join([*lines, *map(_edge, graph.edges), "}"]) + "\n"


def _node(node: Node) -> str:
    text = "\\n".join(_escaped(line) for line in (*node.title, *node.detail))
    look = f'fillcolor="{colour(node.hue + ".fill")}", color="{colour(node.hue + ".line")}"'
    link = f', URL="{_escaped(node.link)}"' if node.link else ""
    tip = f', tooltip="{_escaped(node.tip)}"' if node.tip else ""
    thick = ", penwidth=2" if node.strong else ""
    return (
        f'  {quoted(node.id)} [label="{text}", {_SHAPES[node.shape]}, {look}, '
        f'fontcolor="{colour(node.hue + ".text")}"{thick}{tip}{link}];'
    )


def _edge(edge: Edge) -> str:
    text = "\\n".join(map(_escaped, edge.label))
    link = f', URL="{_escaped(edge.link)}"' if edge.link else ""
    tip = f', edgetooltip="{_escaped(edge.tip)}", labeltooltip="{_escaped(edge.tip)}"' if edge.tip else ""
    return (
        f"  {quoted(edge.source)} -> {quoted(edge.target)} "
        f'[label="{text}", style={edge.style}, color="{colour(edge.ink)}"{tip}{link}];'
    )


def quoted(text: str) -> str:
    """A DOT identifier."""
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def request(graph: Graph, direction: str) -> str:
    """The graph with the sizes of its nodes and labels and without its texts: Graphviz only places them."""
    lines = [
        "digraph {",
        f"  graph [rankdir={direction}, nodesep=0.35, ranksep=0.45, splines=true];",
        '  node [shape=box, fixedsize=true, label=""];',
        "  edge [arrowsize=0.9];",
    ]
    for number, node in enumerate(graph.nodes):
        w, h = node_size(node)
        lines.append(f"  n{number} [width={w / 72:.4f}, height={h / 72:.4f}];")
        if node.initial:
            lines.append(f"  i{number} [shape=circle, width=0.14, height=0.14];")
            lines.append(f'  i{number} -> n{number} [id="i{number}", weight=4];')
    ids = {node.id: number for number, node in enumerate(graph.nodes)}
    for number, edge in enumerate(graph.edges):
        lines.append(f'  n{ids[edge.source]} -> n{ids[edge.target]} [id="e{number}"{_space(edge)}];')
    return "\n".join([*lines, "}"]) + "\n"


def _space(edge: Edge) -> str:
    if not edge.label:
        return ""
    w, h = label_size(edge.label)
    table = f'BORDER="0" CELLPADDING="0" CELLSPACING="0" FIXEDSIZE="TRUE" WIDTH="{w:.0f}" HEIGHT="{h:.0f}"'
    return f", label=<<TABLE {table}><TR><TD></TD></TR></TABLE>>"
