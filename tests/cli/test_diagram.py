"""`pyspec diagram` from the command line: what it writes, what it says, what it does about mistakes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pyspec.cli.main import guarded
from tests.draw.specs import LIFT, QUEUE

SPECS = Path(__file__).resolve().parent.parent.parent / "specs"
TWO = str(SPECS / "two_phase_commit.pspec")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "lift.pspec").write_text(LIFT)
    (tmp_path / "queue.pspec").write_text(QUEUE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {
        "lift.pspec",
        "queue.pspec",
    }


def diagram(*arguments: str) -> int:
    return guarded(["diagram", *arguments])


def test_without_options(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diagram("lift.pspec") == 0
    files = {"lift-machine-motion.svg", "lift-machine-door.svg", "lift-map.svg"}
    assert written(here) == files
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()} == files


def test_all(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diagram("lift.pspec", "--all", "out", "-f", "svg", "-f", "dot", "-f", "mermaid", "-f", "plantuml") == 0
    names = {"machine-motion", "machine-door", "map", "flaw-moves_open", "reach-second_floor"}
    assert written(here) == {f"out/lift-{n}{s}" for n in names for s in (".svg", ".dot", ".mmd", ".puml")}
    said = capsys.readouterr().out
    assert "state graph of lift is left out" in said and "between is never reached" in said


def test_the_same_twice_byte_for_byte(here: Path) -> None:
    for folder in ("one", "two"):
        assert diagram("queue.pspec", "--all", folder, "-f", "svg", "-f", "dot") == 0
    first, second = ({p.name: p.read_bytes() for p in (here / f).iterdir()} for f in ("one", "two"))
    assert first == second and len(first) >= 6


def test_suffix_and_standard_output(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diagram("lift.pspec", "--map", "-o", "x/map.dot") == 0
    assert (here / "x" / "map.dot").read_text().startswith('digraph "lift-map" {')
    capsys.readouterr()
    assert diagram("lift.pspec", "--map", "-o", "-", "-f", "mermaid") == 0
    assert capsys.readouterr().out.startswith("---\ntitle:")
    assert diagram("lift.pspec", "--map", "-o", "map.png") == 0
    assert (here / "map.png").read_bytes().startswith(b"\x89PNG")


def test_charts(here: Path) -> None:
    assert diagram("lift.pspec", "--flaw", "moves_open") == 0
    assert diagram("lift.pspec", "--reach", "second_floor") == 0
    assert diagram("lift.pspec", "--property", "doors_closed", "--flaw", "moves_open", "-f", "plantuml") == 0
    assert written(here) == {
        "lift-flaw-moves_open.svg",
        "lift-reach-second_floor.svg",
        "lift-violates-doors_closed.puml",
    }


def test_a_trace_saved_by_check(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(["check", "lift.pspec", "--flaw", "moves_open", "-c", "TOP=3", "--json"]) == 1
    (here / "saved.json").write_text(capsys.readouterr().out)
    assert diagram("lift.pspec", "--trace", "saved.json", "-o", "chart.svg") == 0
    assert "doors_closed is false" in (here / "chart.svg").read_text()


def test_witnesses_are_linked(here: Path) -> None:
    assert diagram("lift.pspec", "--by", "motion, door", "--witness", "runs", "-o", "out") == 0
    root = ET.parse(here / "out" / "lift-states.svg").getroot()
    links = {a.get("href") for a in root.iter("{http://www.w3.org/2000/svg}a")}
    assert links and all((here / "out" / str(link)).is_file() for link in links)
    tips = [t.text or "" for t in root.iter("{http://www.w3.org/2000/svg}title")]
    assert any("A shortest run that takes this edge:\n1. " in tip for tip in tips)


def test_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diagram("lift.pspec", "--map", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["protocol"] == "lift" and [f["file"] for f in made["files"]] == ["lift-map.svg"]


def test_a_projection_with_a_mistake_shows_the_place(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diagram("lift.pspec", "--by", "floor, motoin") == 2
    said = capsys.readouterr().err
    assert "--by:1:8: error E0203" in said and "floor, motoin\n" in said and "^^^^^^" in said
    assert "did you mean `motion`?" in said


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--reach", "third_floor"], 2, "no reachable goal third_floor"),
        (["--reach", "between"], 2, "between is never reached in model ci"),
        (["--property", "doors_closed"], 2, "doors_closed is not violated in model ci"),
        (["--property", "door_closed"], 2, "did you mean doors_closed?"),
        (["--flaw", "moves"], 2, "no flaw moves"),
        (["--trace", "nothing.json"], 2, "nothing.json"),
        (["--trace", "lift.pspec"], 2, "this is not JSON"),
        (["--graph"], 2, "too many to read"),
        (["--graph", "-c", "TOP=4", "--max-states", "50"], 3, "would not be exact"),
        (["--chain"], 2, "lift.pspec refines no protocol"),
        (["-m", "other"], 2, "no model other"),
        (["-o", "picture.svg"], 2, "3 pictures do not fit into one file"),
        (["--map", "-o", "-", "-f", "png"], 2, "one text form"),
        (["--all", "out", "--map"], 2, "--all draws every picture"),
        (["--witness", "out"], 2, "--witness goes with"),
        (["--map", "-o", "x.svg", "-f", "dot"], 2, "leave -f out"),
        (["--map", "-o", "lift.pspec/sub"], 2, "lift.pspec"),
        (["--by", "floor + true"], 2, "E03"),
        (["--by", "[0, 1][floor]"], 2, "E06"),
    ],
)
def test_mistakes(arguments: list[str], code: int, says: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is told in a sentence, with the right exit code, and nothing is left behind."""
    assert diagram("lift.pspec", *arguments) == code
    said = capsys.readouterr().err
    assert says in said and "Traceback" not in said
    assert written(here) == set()


def test_a_specification_without_a_model(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (SPECS / "two_phase_commit.pspec").read_text()
    (here / "two.pspec").write_text(text[: text.index("refines transaction_commit")])
    assert diagram("two.pspec") == 0
    assert "two_phase_commit-machine-phase.svg" in capsys.readouterr().out
    assert "Dashed" in (here / "two_phase_commit-machine-phase.svg").read_text()
    assert diagram("two.pspec", "--graph") == 2
    assert "E0701" in capsys.readouterr().err


def test_a_folder_is_drawn_as_a_chain(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diagram(str(SPECS), "-o", "chain.svg") == 0
    assert "voting" in (here / "chain.svg").read_text()
    assert diagram(str(SPECS), "--map") == 2
    assert "is a folder" in capsys.readouterr().err


def test_without_graphviz(here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphs are written as Mermaid, and it is said so; charts need no Graphviz; what cannot be had is an error."""
    monkeypatch.setattr("pyspec.draw.layout._wheel", lambda: None)
    monkeypatch.setattr("pyspec.draw.layout.shutil.which", lambda name: None)
    assert diagram("lift.pspec", "--map", "--reach", "second_floor") == 0
    assert written(here) == {"lift-map.mmd", "lift-reach-second_floor.svg"}
    said = capsys.readouterr().out
    assert "written as Mermaid text" in said and "apt-get install graphviz" in said
    assert diagram("lift.pspec", "--map", "-o", "map.svg") == 2
    assert "E0805" in capsys.readouterr().err
    assert diagram("lift.pspec", "--reach", "second_floor", "-f", "png", "-o", "out") == 2
    assert written(here) == {"lift-map.mmd", "lift-reach-second_floor.svg"}


def test_the_program_dot_serves_as_well(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    if shutil.which("dot") is None:
        pytest.skip("the program dot is not on this machine")
    monkeypatch.setattr("pyspec.draw.layout._wheel", lambda: None)
    assert diagram("lift.pspec", "--map", "-f", "svg", "-f", "png") == 0
    ET.parse(here / "lift-map.svg")
    assert (here / "lift-map.png").read_bytes().startswith(b"\x89PNG")
