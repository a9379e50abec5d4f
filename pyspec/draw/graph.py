"""A graph to be drawn: nodes with lines of text, labelled edges. State machines, state graphs, maps and chains are
all of this kind; how it is laid out is decided later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = Literal["state", "action", "message", "variable", "protocol"]
Style = Literal["solid", "dashed", "dotted"]


@dataclass(frozen=True)
class Node:
    """`title` is drawn large, `detail` small below it; `hue` is a name in `theme.HUES`; `tip` shows on hovering."""

    id: str
    title: tuple[str, ...]
    detail: tuple[str, ...] = ()
    shape: Shape = "state"
    hue: str = "grey"
    initial: bool = False
    strong: bool = False
    tip: str = ""
    link: str = ""


@dataclass(frozen=True)
class Edge:
    """From one node to another; each line of `label` is a line of text."""

    source: str
    target: str
    label: tuple[str, ...] = ()
    style: Style = "solid"
    ink: str = "line"
    tip: str = ""
    link: str = ""


@dataclass(frozen=True)
class Graph:
    """`directions`: the ways it may be laid out, the best fit for a page is taken. `legend`: what each hue means.
    `notes` are sentences for the reader, drawn below."""

    name: str
    title: str
    about: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    kind: Literal["machine", "graph", "map", "chain"]
    directions: tuple[Literal["TB", "LR"], ...] = ("TB", "LR")
    legend: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
