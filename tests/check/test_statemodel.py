"""The state model as a user of Python meets it."""

import pytest

import pyspec
from pyspec.base.diagnostics import SpecError
from pyspec.check.statemodel import NotEnabled, StateModel
from pyspec.model.replay import EngineDisagreement

TWO_PHASE = "specs/two_phase_commit.pspec"

ELECTION = """
protocol election
message Vote(term: 0..2) from Server to Server
network bag
role Server as self:
    stable term: 0..2 = 0
    votes: set[Server] = {}
    action ask:
        when term < 2
        term += 1
        send Vote(term) to others
    on Vote(t) from voter:
        when t == term
        votes += {voter}
    action reset:
        either:
            term = 0
        or:
            votes = {}
invariant few: all s in Server: len(s.votes) < 2
model ci:
    Server = 2
"""


@pytest.fixture(scope="module")
def two_phase() -> StateModel:
    return pyspec.load(TWO_PHASE, model="ci")


def test_states_are_typed_hashable_and_readable(two_phase: StateModel) -> None:
    (state,) = two_phase.initial()
    assert str(state.decision) == "undecided" and state.ready == frozenset()
    assert {state: 1}[two_phase.initial()[0]] == 1
    assert "phase={RM1: working, RM2: working, RM3: working}" in repr(state)
    assert "<table>" in state._repr_html_()
    with pytest.raises(AttributeError):
        state.decision = None  # type: ignore[misc]


def test_enabled_and_step(two_phase: StateModel) -> None:
    (state,) = two_phase.initial()
    choices = two_phase.enabled(state)
    assert [repr(one) for one in choices][:2] == ["prepare(r=RM1)", "prepare(r=RM2)"]
    after = two_phase.step(state, "prepare", r="RM2")
    assert after == two_phase.step(state, choices[1]) == dict(two_phase.successors(state))[choices[1]]
    assert str(after.phase[two_phase.values("RM")[1]]) == "prepared"
    with pytest.raises(NotEnabled, match=r"prepare\(r=RM2\) is not enabled"):
        two_phase.step(after, "prepare", r="RM2")
    with pytest.raises(KeyError, match="did you mean prepare"):
        two_phase.step(state, "prepar", r="RM1")
    with pytest.raises(TypeError, match=r"prepare takes \(r\)"):
        two_phase.step(state, "prepare")


def test_roles_are_grouped_and_self_is_an_argument() -> None:
    model = pyspec.load(text=ELECTION)
    (state,) = model.initial()
    one, two = model.values("Server")
    after = model.step(state, "ask", self=one)
    assert after.Server[one].term == 1 and after.Server[two].term == 0
    assert len(after.network.Vote) == 1
    with pytest.raises(AttributeError, match="has no trm"):
        _ = after.Server[one].trm
    assert len(model.steps(after, "reset", self=one)) == 2
    with pytest.raises(ValueError, match="2 outcomes"):
        model.step(after, "reset", self=one)


def test_holds_and_explain(two_phase: StateModel) -> None:
    rm = two_phase.values("RM")
    phase = two_phase.values("Phase")
    (state,) = two_phase.initial()
    bad = state.but(phase=state.phase.put(rm[0], phase[2]).put(rm[1], phase[3]))
    assert two_phase.holds("consistent", state) and not two_phase.holds("consistent", bad)
    assert "with a = RM1, b = RM2" in two_phase.explain("consistent", bad)
    with pytest.raises(KeyError, match="did you mean consistent"):
        two_phase.holds("consistnt", state)


def test_follow_and_replay(two_phase: StateModel) -> None:
    trace = two_phase.follow([("prepare", {"r": "RM1"}), "decide_abort", ("learn_abort", {"r": "RM1"})])
    assert [step.action for step in trace.steps] == [None, "prepare", "decide_abort", "learn_abort"]
    assert two_phase.replay(trace.states()) == trace
    with pytest.raises(EngineDisagreement):
        two_phase.replay([trace.states()[0], trace.states()[2]])


def test_engines_agree_and_simulation_is_repeatable(two_phase: StateModel) -> None:
    slow = two_phase.check(engine="python", symmetry=False)
    fast = two_phase.check(symmetry=False)
    assert (slow.distinct, slow.generated, slow.depth) == (fast.distinct, fast.generated, fast.depth) == (288, 1146, 10)
    first, second = two_phase.simulate(runs=20, depth=15, seed=7), two_phase.simulate(runs=20, depth=15, seed=7)
    assert (first.distinct, first.generated) == (second.distinct, second.generated)
    assert {p.name: p.verdict for p in first.properties}["consistent"] == "unknown"


def test_simulation_finds_a_flaw() -> None:
    flawed = pyspec.load(TWO_PHASE, flaws="commits_early", RM=3)
    result = flawed.simulate(runs=200, depth=10, seed=1)
    (consistent,) = (p for p in result.properties if p.name == "consistent")
    assert result.verdict == "violated" and consistent.trace is not None
    assert not flawed.holds("consistent", consistent.trace.states()[-1])


def test_load_reports_what_is_wrong() -> None:
    with pytest.raises(SpecError, match="no model"):
        pyspec.load(TWO_PHASE, model="huge")
    with pytest.raises(TypeError):
        pyspec.load()


def test_a_result_shows_itself(two_phase: StateModel) -> None:
    result = two_phase.check(engine="python", symmetry=False)
    assert repr(result) == "<two_phase_commit, model ci: holds, 288 distinct states>"
    assert str(result).startswith("two_phase_commit, model ci: holds; 288 states, 1,146 generated, depth 10\n")
    assert "  invariant consistent  holds (exhaustive)" in str(result)
    broken = pyspec.load(TWO_PHASE, model="ci", flaws="commits_early").check(engine="python", symmetry=False)
    assert "Counterexample to decision_is_justified\n  0  initial state" in str(broken)
    assert "-&gt; commit" in broken._repr_html_()


def test_an_argument_that_is_no_value(two_phase: StateModel) -> None:
    with pytest.raises(ValueError, match=r"prepare\(r=RM9\): no value of RM"):
        two_phase.step(two_phase.initial()[0], "prepare", r="RM9")


def test_errors_without_a_place_say_what_to_do() -> None:
    with pytest.raises(SpecError) as caught:
        pyspec.load(TWO_PHASE, model="none_such")
    message = "E0709 two_phase_commit has no model none_such (models of two_phase_commit: ci, six, deep)"
    assert str(caught.value) == message
