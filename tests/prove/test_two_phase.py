"""Two-phase commit for any number of participants: proved with lemmas, not without, and never with a known mistake."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pyspec.lang import core, load_text
from pyspec.prove.cti import Target, find
from pyspec.prove.engine import Options, prove
from pyspec.prove.result import ProofResult

SPECS = Path(__file__).resolve().parents[2] / "specs"
HEAD = """protocol two_phase
sort RM
enum Phase: working, prepared, committed, aborted
enum Decision: undecided, commit, abort
message Prepared(rm: RM)
message Commit
message Abort
network set
var phase: map[RM, Phase] = {r: working for r in RM}
var decision: Decision = undecided
flaw commits_early violates consistent "Commits before everybody is prepared."
flaw breaks_promise violates consistent "Aborts after it has promised not to."
action prepare(r: RM):
    when phase[r] == working
    phase[r] = prepared
    send Prepared(r)
action abort_alone(r: RM):
    when phase[r] == working or (breaks_promise and phase[r] == prepared)
    phase[r] = aborted
action learn_commit(r: RM):
    when Commit in network
    phase[r] = committed
action learn_abort(r: RM):
    when Abort in network
    phase[r] = aborted
action decide_commit:
    when decision == undecided
    when commits_early or all r in RM: Prepared(r) in network
    decision = commit
    send Commit
action decide_abort:
    when decision == undecided
    decision = abort
    send Abort
invariant consistent: not exists a, b in RM: phase[a] == committed and phase[b] == aborted
model ci: RM = 3
"""
LEMMAS = {
    "word": "(Commit in network implies decision == commit) and (Abort in network implies decision == abort)",
    "votes": "decision == commit implies all r in RM: Prepared(r) in network",
    "committed": "all r in RM: phase[r] == committed implies decision == commit",
    "promise": "all r in RM: Prepared(r) in network and phase[r] == aborted implies decision == abort",
    "silent": "all r in RM: phase[r] == working implies Prepared(r) not in network",
}
QUICK = Options(seconds=4, cti_seconds=8, threads=1, use_cache=False)


def spec(lemmas: dict[str, str], more: str = "") -> core.Spec:
    lines = [f"lemma {name}: {body}\n" for name, body in lemmas.items()]
    return load_text(HEAD + "".join(lines) + more)


def fates(result: ProofResult) -> dict[str, str]:
    return {prop.name: prop.fate for prop in result.properties}


def test_proved_for_any_size_with_lemmas() -> None:
    result = prove(spec(LEMMAS), options=QUICK)
    assert result.verdict == "proved"
    assert set(fates(result).values()) == {"proved"}
    assert result.unused == ()


@pytest.mark.parametrize("dropped", LEMMAS)
def test_every_lemma_is_needed(dropped: str) -> None:
    result = prove(spec({name: body for name, body in LEMMAS.items() if name != dropped}), options=QUICK)
    assert result.verdict == "refuted"
    cti = next(prop.cti for prop in result.properties if prop.cti is not None)
    assert len(cti.trace.steps) == 2


def test_a_lemma_that_is_not_needed_is_named() -> None:
    result = prove(spec(LEMMAS, "lemma idle: decision == commit implies decision != abort\n"), options=QUICK)
    assert (result.verdict, result.unused) == ("proved", ("idle",))


@pytest.mark.parametrize("flaw", ["commits_early", "breaks_promise"])
def test_flaws_have_counterexamples(flaw: str) -> None:
    result = prove(spec(LEMMAS), (flaw,), QUICK)
    assert result.verdict == "refuted"


def test_a_counterexample_is_smallest_and_plain() -> None:
    found = find(spec({}), Target("learn_abort", "consistent", "consistent", "step"), (), time.monotonic() + 10)
    assert found is not None and found.sizes.text() == "RM = 2"
    text = found.trace.text()
    assert "a state that satisfies every invariant" in text and "learn_abort" in text
    assert "consistent is false" in text


def test_a_property_that_rests_on_an_unproved_one_is_not_proved() -> None:
    text = "protocol p\nvar x, y: 0..5 = 0\naction up:\n    when x < 5\n    x += 1\naction copy: y = x\n"
    text += "invariant low: x <= 2\ninvariant same: y <= 2\n"
    found = fates(prove(load_text(text), options=QUICK))
    assert (found["low"], found["same"]) == ("refuted", "depends")


def test_counterexamples_are_looked_for_with_the_other_value_of_a_boolean_constant() -> None:
    text = (
        "protocol switch\nsort Node\nconst LOOSE: bool = false\nvar n: 0..3 = 0\n"
        "action up(p: Node):\n    when n < 2 or (LOOSE and n < 3)\n    n += 1\n"
        "invariant low: n <= 2\nmodel ci: Node = 1\n"
    )
    target = Target("up", "low", "low", "step")
    found = find(load_text(text), target, (), time.monotonic() + 30)
    assert found is not None and found.sizes.text() == "Node = 1, LOOSE = true"
