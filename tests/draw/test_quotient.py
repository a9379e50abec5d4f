"""A quotient has an edge exactly where the interpreter has a step; every edge has a run that takes it."""

from __future__ import annotations

from pathlib import Path

import pytest

import pyspec
from pyspec import draw
from pyspec.base.diagnostics import SpecError
from pyspec.draw import api, quotient
from pyspec.draw.explored import Explored
from pyspec.model.state import State
from pyspec.model.values import Value, show
from tests.draw.specs import LIFT

SPECS = Path(__file__).resolve().parent.parent.parent / "specs"
TWO = str(SPECS / "two_phase_commit.pspec")
Edges = set[tuple[str, str, str]]


def graphing(path: str, by: str | None, **sizes: Value) -> api.Graphing:
    from pyspec.lang.projection import MODEL
    from pyspec.model.instance import instantiate

    spec, name, projection = api.prepare(path, by, None)
    return api.Graphing(instantiate(spec, MODEL if projection else None, sizes), name, projection, 100_000, 100.0)


def edges_of(found: api.Graphing) -> Edges:
    values = [", ".join(map(show, value)) for value in found.quotient.values]
    names = [runner.name for runner in found.explored.machine.runners]
    return {(values[a], values[b], names[n]) for (a, b), actions in found.quotient.edges.items() for n in actions}


def by_hand(path: str, project: dict[str, object], **sizes: Value) -> Edges:
    """The same from the public interface: every state, every successor. `project`: name -> key of a map, or None."""

    def rows(state: State) -> list[str]:
        keys = next((list(state.values()[n]) for n, each in project.items() if each == "each"), [None])  # type: ignore[call-overload]
        return [
            ", ".join(
                show(state.values()[n][key] if each == "each" else state.values()[n]) for n, each in project.items()
            )  # type: ignore[index]
            for key in keys
        ]

    model = pyspec.load(path, **sizes)
    todo, met, found = model.initial(), set(model.initial()), set()
    while todo:
        state = todo.pop()
        for choice, after in model.successors(state):
            found |= {(p, q, choice.action) for p, q in zip(rows(state), rows(after), strict=True)}
            if after not in met:
                met.add(after)
                todo.append(after)
    return found


def test_edges_are_those_of_the_interpreter() -> None:
    for by, project in (("decision, ready", {"decision": None, "ready": None}), ("phase", {"phase": None})):
        assert edges_of(graphing(TWO, by, RM=2)) == by_hand(TWO, project, RM=2)
    of_one = edges_of(graphing(TWO, "r in RM: phase[r], decision"))
    assert of_one == by_hand(TWO, {"phase": "each", "decision": None})


def test_the_native_engine_gives_the_same_quotient(monkeypatch: pytest.MonkeyPatch) -> None:
    by = "r in RM: phase[r], decision, len(network.Prepared) as votes"
    interpreted = graphing(TWO, by)
    monkeypatch.setattr("pyspec.draw.explored.SMALL", 10)
    native = graphing(TWO, by)
    assert isinstance(interpreted.explored.states, list) and not isinstance(native.explored.states, list)
    assert edges_of(native) == edges_of(interpreted)
    assert native.quotient.values == interpreted.quotient.values
    assert native.quotient.states == interpreted.quotient.states
    first, second = (found.picture().content for found in (interpreted, native))
    assert isinstance(first, draw.Graph) and isinstance(second, draw.Graph)
    assert [node.title + node.detail for node in first.nodes] == [node.title + node.detail for node in second.nodes]


def test_a_limit_is_respected_and_said(tmp_path: Path) -> None:
    path = tmp_path / "lift.pspec"
    path.write_text(LIFT + "model low: TOP = 2 limit floor < 2\n")
    spec, name, _ = api.prepare(str(path), None, "low")
    from pyspec.model.instance import instantiate

    found = api.Graphing(instantiate(spec, "low"), name, None, 1000, 10.0)
    assert found.explored.beyond and all(state.floor < 2 for state in found.explored.states)  # type: ignore[operator]
    assert "beyond the limit" in " ".join(found.picture(most=100).content.notes)


def test_witnesses_take_their_edges() -> None:
    found = graphing(TWO, "r in RM: phase[r], decision")
    runs = found.witnesses(stutter=True)
    assert set(runs) == set(found.quotient.edges)
    for (a, b), trace in runs.items():
        before, after = trace.states()[-2:]
        rows = quotient.projected(_pair(found.explored, before, after), member=True)
        assert (found.quotient.values[a], found.quotient.values[b]) in zip(*rows, strict=True)
        again = pyspec.load(TWO).replay(trace.states()).steps[-1]
        assert again.action == trace.steps[-1].action and again.args == trace.steps[-1].args


def _pair(explored: Explored, *states: State) -> Explored:
    return Explored(explored.machine, list(states))


def test_a_projection_may_name_elements(tmp_path: Path) -> None:
    found = graphing(TWO, "phase[RM1] as first, phase[RM2]")
    assert [column.label for column in found.columns] == ["first", "phase[RM2]"]
    assert ("prepared, prepared", "committed, prepared", "learn_commit") in edges_of(found)


@pytest.mark.parametrize(
    ("by", "code", "column", "says"),
    [
        ("", "E0802", 1, "nothing to draw"),
        ("decision,", "E0802", 9, "after the last comma"),
        (",decision", "E0802", 1, "before this comma"),
        ("r in RM:", "E0802", 8, "what is to be shown of r"),
        ("decison", "E0203", 1, "unknown name"),
        ("phase[r]", "E0203", 7, "unknown name `r`"),
        ("r in RN: phase[r]", "E0203", 6, "unknown name `RN`"),
        ("len(decision)", "E0", 5, "expected"),
        ("decision ==", "E0109", 10, ""),
        ("phase[", "E0109", 7, ""),
        ("decision $", "E0101", 10, "unexpected character"),
        ("phase[RM1]'", "E0310", 1, "next state"),
    ],
)
def test_mistakes_in_a_projection_have_a_place(by: str, code: str, column: int, says: str) -> None:
    with pytest.raises(SpecError) as wrong:
        draw.state_graph(TWO, by)
    first = wrong.value.diagnostics[0]
    assert first.code.startswith(code) and says in first.message
    assert (first.span.file, first.span.line) == ("--by", 1)
    assert abs(first.span.column - column) <= 1, first


def test_too_large_is_refused_with_advice() -> None:
    with pytest.raises(SpecError) as wrong:
        draw.state_graph(TWO)
    assert wrong.value.diagnostics[0].code == "E0801" and "--by" in str(wrong.value.diagnostics[0].hint)
    with pytest.raises(api.NotExact):
        draw.state_graph(TWO, "decision", max_states=100)


def test_a_whole_graph_is_every_state(tmp_path: Path) -> None:
    path = tmp_path / "lift.pspec"
    path.write_text(LIFT)
    result = pyspec.load(str(path), TOP=1).check(engine="python")
    picture = draw.state_graph(str(path), TOP=1)
    assert isinstance(picture.content, draw.Graph)
    assert len(picture.content.nodes) == result.distinct


def test_elements_of_sizes_from_the_command_line(tmp_path: Path) -> None:
    """Without a model, or beyond the sizes of one."""
    picture = draw.state_graph(TWO, "phase[RM4]", RM=4)
    assert isinstance(picture.content, draw.Graph)
    assert {node.title for node in picture.content.nodes} == {("working",), ("prepared",), ("committed",), ("aborted",)}
    with pytest.raises(SpecError) as wrong:
        draw.state_graph(TWO, "phase[RM3]", RM=2)
    assert wrong.value.diagnostics[0].code == "E0203"
