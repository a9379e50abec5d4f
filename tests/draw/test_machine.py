"""State machines read from the text of the actions: never too few transitions, and those that a reader expects."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyspec.draw.machine import machine, mode_vars, moves
from pyspec.draw.observed import Observed, observe
from pyspec.lang import core, load_spec, load_text
from pyspec.model.instance import instantiate
from tests.draw.specs import LIFT, QUEUE

SPECS = Path(__file__).resolve().parent.parent.parent / "specs"
WITH_ENUMS = [path.stem for path in sorted(SPECS.glob("*.pspec")) if mode_vars(load_spec(path))]


def pairs(spec: core.Spec, name: str, sure: bool | None = None) -> set[tuple[str, str, str]]:
    var = next(var for var in mode_vars(spec) if var.name == name)
    return {move.seen for move in moves(spec, var) if sure is None or move.sure == sure}


@pytest.mark.parametrize("name", WITH_ENUMS)
def test_every_step_that_occurs_is_a_transition(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sound: what the engines do is among what the text was read to allow."""
    monkeypatch.setattr("pyspec.draw.observed.MOST", 10_000)
    spec = load_spec(SPECS / f"{name}.pspec")
    instance = instantiate(spec)
    found = mode_vars(spec)
    met = observe(instance, [var.name for var in found], {var.name: {("", "", "never")} for var in found})
    for var in found:
        seen = {one for one in met.of(var.name) if one[0] != one[1]}
        assert seen, "nothing was observed, so nothing was compared"
        assert seen <= pairs(spec, var.name)


def test_every_flaw_is_sound_as_well() -> None:
    for text in (LIFT, QUEUE):
        spec = load_text(text)
        for flaws in [(), *((flaw.name,) for flaw in spec.flaws)]:
            instance = instantiate(spec, flaws=flaws)
            met = observe(instance, [var.name for var in mode_vars(spec)], {})
            for var in mode_vars(spec):
                allowed = {move.seen for move in moves(spec, var, flaws)}
                assert {one for one in met.of(var.name) if one[0] != one[1]} <= allowed


def test_raft() -> None:
    sure = pairs(load_spec(SPECS / "raft.pspec"), "Server.mode", sure=True)
    assert sure == {
        ("follower", "candidate", "timeout"),
        ("candidate", "candidate", "timeout"),
        ("candidate", "leader", "on_Vote"),
        ("candidate", "follower", "refused"),
        ("candidate", "follower", "crash"),
        ("leader", "follower", "refused"),
        ("leader", "follower", "crash"),
    }


def test_guards_over_the_members_of_a_quorum() -> None:
    """`self in members` and `all m in members: mode[m] == looking` speak of the node itself."""
    allowed = pairs(load_spec(SPECS / "zab.pspec"), "Server.mode")
    assert {one for one in allowed if one[2] == "elect"} == {
        ("looking", "leading", "elect"),
        ("looking", "following", "elect"),
    }


def test_a_doubtful_transition_needs_to_be_seen() -> None:
    spec = load_spec(SPECS / "two_phase_commit.pspec")
    var = next(var for var in mode_vars(spec) if var.name == "phase")
    assert ("working", "committed", "learn_commit") in pairs(spec, "phase", sure=False)

    def drawn(observed: Observed | None) -> dict[tuple[str, str], str]:
        return {(e.source, e.target): e.style for e in machine(spec, var, observed, instantiate(spec)).edges}

    instance = instantiate(spec)
    assert ("working", "committed") not in drawn(observe(instance, ["phase"], {}))
    assert drawn(None)["working", "committed"] == "dashed"
    assert drawn(None)["working", "prepared"] == "solid"


def test_native_and_interpreter_observe_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = instantiate(load_spec(SPECS / "two_phase_commit.pspec"))
    everything = {"phase": {("", "", "never")}}
    interpreted = observe(instance, ["phase"], everything)
    monkeypatch.setattr("pyspec.draw.observed.SMALL", 10)
    native = observe(instance, ["phase"], everything)
    assert native.complete and interpreted.complete
    assert native.met == interpreted.met


def test_members_that_are_never_reached_lead_nowhere() -> None:
    spec = load_text(QUEUE)
    (var,) = mode_vars(spec)
    graph = machine(spec, var, None, instantiate(spec))
    assert [node.hue for node in graph.nodes if node.title == ("retired",)] == ["grey"]
    assert not [edge for edge in graph.edges if edge.source == "retired"]
    assert graph.notes[-1] == "Never reached: retired."
