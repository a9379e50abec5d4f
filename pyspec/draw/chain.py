"""The refinement chain: the protocols of a folder, and which of them refines which."""

from __future__ import annotations

import re
from pathlib import Path

from pyspec.base.diagnostics import SpecError, error
from pyspec.draw.graph import Edge, Graph, Node
from pyspec.draw.metrics import wrap
from pyspec.draw.sizes import DETAIL, LABEL
from pyspec.lang import syntax as s
from pyspec.lang.link import read
from pyspec.lang.parser import parse

ABOUT_WIDTH = 210.0


def refinement_chain(path: str | Path) -> Graph:
    """The chain around a specification, or all chains of a folder. Files that cannot be read or parsed are named in a
    note. Raises SpecError if there is none."""
    start = Path(path)
    folder = start if start.is_dir() else start.parent
    files: dict[str, s.File] = {}
    broken: list[str] = []
    for file in sorted(folder.glob("*.pspec")):
        try:
            files[file.stem] = parse(read(file))
        except SpecError:
            broken.append(file.name)
    links = [(name, d) for name, f in files.items() for d in f.decls if isinstance(d, s.RefinesDecl)]
    pairs = [(name, d.other.rpartition(".")[2]) for name, d in links]
    kept = _around(start.stem, pairs) if not start.is_dir() else {end for pair in pairs for end in pair}
    if not kept:
        raise error(
            "E0808",
            f"nothing in {folder} refines another protocol"
            if start.is_dir()
            else f"{start.name} refines no protocol, and none refines it",
        )
    name = folder.resolve().name if start.is_dir() else start.stem
    nodes = [_node(one, files.get(one), one == start.stem and not start.is_dir()) for one in sorted(kept)]
    edges = [_edge(one, other, d) for (one, d), (_, other) in zip(links, pairs) if one in kept and other in kept]
    notes = (f"Left out, since they cannot be read: {', '.join(broken)}.",) if broken else ()
    return Graph(
        name=f"{name}-refinement",
        title=f"{name}: which protocol refines which",
        about="An arrow leads from a protocol to the more abstract one that it refines.",
        nodes=tuple(nodes),
        edges=tuple(edges),
        kind="chain",
        directions=("TB",),
        notes=notes,
    )


def _around(name: str, pairs: list[tuple[str, str]]) -> set[str]:
    """Everything that a protocol refines, directly or not, and everything that refines it."""
    up, down = {name}, {name}
    for _ in pairs:
        up |= {other for one, other in pairs if one in up}
        down |= {one for one, other in pairs if other in down}
    return up | down if len(up | down) > 1 else set()


def _node(name: str, file: s.File | None, strong: bool) -> Node:
    about = _about(file) if file is not None else "(not in this folder)"
    return Node(
        name, (name,), tuple(wrap(about, DETAIL, ABOUT_WIDTH)), "protocol", "blue" if strong else "grey", strong=strong
    )


def _about(file: s.File) -> str:
    header = next((d for d in file.decls if isinstance(d, s.Header)), None)
    doc = next((d.text for d in file.decls if isinstance(d, s.DocDecl)), None)
    text = (header.doc if header is not None else None) or doc or ""
    return re.split(r"(?<=[.:;])\s|\n", text.strip())[0].rstrip(".:;")


def _edge(name: str, other: str, decl: s.RefinesDecl) -> Edge:
    given = ", ".join(arg.name for arg in decl.mapping)
    return Edge(name, other, tuple(wrap(f"with {given}", LABEL, 150)) if given else ())
