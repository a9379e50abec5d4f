"""Where the parts of a graph go. Graphviz decides: the wheel `graphviz-pure` if it is installed (the same answer on
every machine), else the program `dot`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import graphviz

from pyspec.base.diagnostics import error
from pyspec.draw.dot import request
from pyspec.draw.graph import Graph
from pyspec.draw.scene import Point

INSTALL = "install the program (apt-get install graphviz), or `pip install 'pyspec[diagrams]'` for a wheel"
#: A layout that takes longer is of no use to a reader.
SECONDS = 60


class NoGraphviz(Exception):
    """There is neither the wheel nor the program on this machine."""


@dataclass(frozen=True)
class Route:
    """The Bezier points of an edge, the tip of its arrow, the middle of its label."""

    points: tuple[Point, ...]
    tip: Point
    label: Point | None


@dataclass(frozen=True)
class Layout:
    """Places in pixels, y down; nodes by their middle. `starts`: the marks of initial nodes, by number of node."""

    width: float
    height: float
    nodes: tuple[Point, ...]
    edges: tuple[Route, ...]
    starts: dict[int, tuple[Point, Route]]


def graphviz_program() -> str:
    """The wheel's program, or `dot`. Raises NoGraphviz."""
    found = _wheel() or shutil.which("dot")
    if found is None:
        raise NoGraphviz("there is no Graphviz on this machine")
    return found


@cache
def _wheel() -> str | None:
    beside = Path(sysconfig.get_path("scripts")) / "graphviz-pure"
    return str(beside) if beside.is_file() else shutil.which("graphviz-pure")


def run(source: str, form: str, engine: str = "dot") -> bytes:
    """What Graphviz makes of a DOT text; `neato` leaves everything where the text places it. Raises NoGraphviz, and
    SpecError if it fails."""
    program = graphviz_program()
    fixed = 2 if engine == "neato" else None
    try:
        if Path(program).name == "dot":
            made: bytes = graphviz.pipe(engine, form, source.encode(), neato_no_op=fixed, quiet=True)
            return made
        command = [program, f"-K{engine}", *([f"-n{fixed}"] if fixed else []), f"-T{form}"]
        return subprocess.run(command, input=source.encode(), capture_output=True, check=True, timeout=SECONDS).stdout
    except (subprocess.SubprocessError, graphviz.CalledProcessError) as problem:
        said = getattr(problem, "stderr", b"") or b""
        text = said if isinstance(said, str) else said.decode(errors="replace")
        last = text.strip().splitlines()[-1:] or [str(problem)]
        raise error("E0807", f"Graphviz could not draw this: {last[0]}") from None


def lay_out(graph: Graph, page: float = 860.0) -> Layout:
    """The layout that fits a page best, among the directions that the graph allows."""
    found = [_read(graph, json.loads(run(request(graph, way), "json0"))) for way in graph.directions]
    return min(found, key=lambda one: (max(0.0, one.width - page), one.width * one.height))


def _read(graph: Graph, made: dict[str, Any]) -> Layout:
    _, _, width, height = (float(part) for part in made["bb"].split(","))
    names = {one["_gvid"]: one for one in made.get("objects", ())}

    def point(text: str) -> Point:
        x, y = text.split(",")
        return float(x), height - float(y)

    places = {one["name"]: point(one["pos"]) for one in names.values()}
    routes = {one["id"]: _route(one, point) for one in made.get("edges", ())}
    nodes = tuple(places[f"n{number}"] for number in range(len(graph.nodes)))
    edges = tuple(routes[f"e{number}"] for number in range(len(graph.edges)))
    starts = {n: (places[f"i{n}"], routes[f"i{n}"]) for n, node in enumerate(graph.nodes) if node.initial}
    return Layout(width, height, nodes, edges, starts)


def _route(made: dict[str, Any], point: Any) -> Route:
    tip: Point | None = None
    points: list[Point] = []
    for part in made["pos"].split():
        if part.startswith("e,"):
            tip = point(part[2:])
        elif not part.startswith("s,"):
            points.append(point(part))
    return Route(tuple(points), tip or points[-1], point(made["lp"]) if "lp" in made else None)
