"""One picture in whatever form it is wanted."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyspec.base.diagnostics import error
from pyspec.draw import lanes, layout, mermaid, plantuml
from pyspec.draw import svg as svg_text
from pyspec.draw.chart import Chart
from pyspec.draw.compose import compose
from pyspec.draw.dot import dot
from pyspec.draw.graph import Graph
from pyspec.draw.pinned import pinned
from pyspec.draw.scene import Scene
from pyspec.draw.theme import Theme

#: form -> the suffix of its files
FORMS: Final = {"svg": ".svg", "png": ".png", "dot": ".dot", "mermaid": ".mmd", "plantuml": ".puml"}


@dataclass(frozen=True)
class Picture:
    """A state machine, state graph, map or chain (a Graph), or a message chart (a Chart)."""

    name: str
    content: Graph | Chart

    @property
    def title(self) -> str:
        """What is drawn, in a line."""
        return self.content.title

    @property
    def needs_layout(self) -> bool:
        """Whether Graphviz has to place its parts, before it can be an SVG."""
        return isinstance(self.content, Graph)

    def scene(self) -> Scene:
        """The drawing. Raises NoGraphviz for a graph where there is none."""
        if isinstance(self.content, Graph):
            return compose(self.content, layout.lay_out(self.content))
        return lanes.draw(self.content)

    def svg(self, theme: Theme = "auto") -> str:
        """The text of an SVG file. Raises NoGraphviz."""
        return svg_text.svg(self.scene(), theme)

    def png(self, theme: Theme = "light") -> bytes:
        """A PNG file, two dots for each pixel. Raises NoGraphviz."""
        return layout.run(pinned(self.scene(), theme == "dark"), "png", "neato")

    def dot(self) -> str:
        """DOT text; of a message chart with every place fixed, for `neato -n2`."""
        return dot(self.content) if isinstance(self.content, Graph) else pinned(self.scene())

    def mermaid(self) -> str:
        """Mermaid text."""
        if isinstance(self.content, Graph):
            return mermaid.graph_mermaid(self.content)
        return mermaid.chart_mermaid(self.content)

    def plantuml(self) -> str:
        """PlantUML text."""
        if isinstance(self.content, Graph):
            return plantuml.graph_plantuml(self.content)
        return plantuml.chart_plantuml(self.content)

    def bytes(self, form: str, theme: Theme = "auto") -> bytes:
        """The picture in a form of FORMS. Raises NoGraphviz."""
        if form == "png":
            return self.png(theme)
        if form == "svg":
            return self.svg(theme).encode()
        return {"dot": self.dot, "mermaid": self.mermaid, "plantuml": self.plantuml}[form]().encode()

    def save(self, path: str | Path, theme: Theme = "auto") -> Path:
        """Writes the picture in the form that the suffix of the path names. Raises SpecError for another one."""
        target = Path(path)
        form = form_of(target)
        if form is None:
            raise error(
                "E0806", f"{target.name} does not say its form", hint=f"a suffix of {', '.join(FORMS.values())}"
            )
        write_whole(target, self.bytes(form, theme))
        return target

    def _repr_svg_(self) -> str:
        return self.svg()


def form_of(path: Path) -> str | None:
    """The form that the suffix of a file names."""
    return next((form for form, suffix in FORMS.items() if path.suffix == suffix), None)


def write_whole(target: Path, content: bytes) -> None:
    """Writes a file in one step: what is interrupted leaves the old one, or none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, part = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as wrong:
        wrong.filename = str(target)
        raise
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
        Path(part).chmod(0o644)
        os.replace(part, target)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
