"""Every picture of a few specifications, in every form: well formed, the same twice, no text outside its box."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyspec import draw, load
from pyspec.draw import scene as sc
from pyspec.draw.metrics import width

SPECS = Path(__file__).resolve().parent.parent.parent / "specs"
NAMES = ("raft", "two_phase_commit", "paxos", "galera", "redis_lock", "zab")


def static(name: str) -> list[draw.Picture]:
    model = load(SPECS / f"{name}.pspec")
    return [*draw.state_machines(model, look=False), draw.protocol_map(model)]


def charts() -> Iterator[draw.Picture]:
    model = load(SPECS / "two_phase_commit.pspec", flaws="commits_early")
    yield draw.message_chart(model.check(engine="python", only=("consistent",)).properties[0].trace)
    raft = load(SPECS / "raft.pspec", TERMS=1)
    yield draw.message_chart(raft.check(engine="python", only=("entry_committed",)).properties[0].trace)


@pytest.fixture(scope="module")
def pictures() -> list[draw.Picture]:
    found = [picture for name in NAMES for picture in static(name)]
    found += [draw.state_graph(SPECS / "two_phase_commit.pspec", "r in RM: phase[r], decision")]
    return [*found, draw.refinement_chain(SPECS), *charts()]


def test_svg_is_xml_and_the_same_twice(pictures: list[draw.Picture]) -> None:
    for picture in pictures:
        text = picture.svg()
        root = ET.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert picture.svg() == text
        assert "Graphviz" not in text


def test_dot_is_read_by_graphviz(pictures: list[draw.Picture]) -> None:
    from pyspec.draw.layout import run

    for picture in pictures:
        engine = "dot" if picture.needs_layout else "neato"
        assert run(picture.dot(), "canon", engine)


@pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not on this machine")
def test_the_program_and_the_wheel_read_the_same_dot(pictures: list[draw.Picture]) -> None:
    done = subprocess.run(["dot", "-Tcanon"], input=pictures[0].dot(), capture_output=True, text=True, check=True)
    assert "follower" in done.stdout


def test_png(pictures: list[draw.Picture]) -> None:
    for picture in (pictures[0], pictures[-1]):
        content = picture.png()
        assert content.startswith(b"\x89PNG")
        wide = int.from_bytes(content[16:20], "big")
        assert abs(wide - 2 * picture.scene().width) < 8, "two dots for each pixel, nothing cut off"


def flat(marks: tuple[sc.Mark, ...]) -> Iterator[sc.Mark]:
    for mark in marks:
        yield from flat(mark.marks) if isinstance(mark, sc.Group) else (mark,)


def sides(text: sc.Text) -> tuple[float, float]:
    long = width(text.text, text.size, text.bold)
    left = text.x - {"start": 0.0, "middle": long / 2, "end": long}[text.anchor]
    return left, left + long


def test_no_text_is_clipped(pictures: list[draw.Picture]) -> None:
    """Every text lies within the picture, and one that begins in a box ends in it."""
    for picture in pictures:
        scene = picture.scene()
        marks = list(flat(scene.marks))
        boxes = [mark for mark in marks if isinstance(mark, sc.Box)]
        for text in (mark for mark in marks if isinstance(mark, sc.Text)):
            left, right = sides(text)
            assert left >= 0 and right <= scene.width and 0 < text.y <= scene.height, (picture.name, text)
            for box in boxes:
                inside = box.y < text.y < box.y + box.height and box.x < (left + right) / 2 < box.x + box.width
                if inside and not text.halo:
                    assert box.x <= left and right <= box.x + box.width + 0.01, (picture.name, text)


def test_light_and_dark(pictures: list[draw.Picture]) -> None:
    both, light, dark = (pictures[0].svg(theme) for theme in ("auto", "light", "dark"))
    assert "prefers-color-scheme" in both and "prefers-color-scheme" not in light + dark
    fill = re.compile(r"\.f-paper\{fill:(#\w+)\}")
    assert fill.findall(both) == [*fill.findall(light), *fill.findall(dark)]


def test_text_forms(pictures: list[draw.Picture]) -> None:
    for picture in pictures:
        head, plant = picture.mermaid(), picture.plantuml()
        assert re.match(r'---\ntitle: ".*"\n---\n(flowchart (TB|LR)|sequenceDiagram)\n', head)
        assert plant.startswith("@startuml\n") and plant.endswith("@enduml\n")
