"""Message charts say what the trace says: every message that was received is an arrow from where it was sent, every
other one is named where it was sent."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import Counter
from pathlib import Path

import pytest

import pyspec
from pyspec import draw
from pyspec.base.diagnostics import SpecError
from pyspec.draw.chart import Chart
from pyspec.draw.saved import trace_of, traces_in
from pyspec.model.trace import Trace
from pyspec.model.values import Bag, Rec
from tests.draw.specs import LIFT, QUEUE

SPECS = Path(__file__).resolve().parent.parent.parent / "specs"


def chart_of(trace: Trace | None) -> Chart:
    content = draw.message_chart(trace).content
    assert isinstance(content, Chart)
    return content


def found(text: str | Path, prop: str, **options: object) -> Trace:
    model = pyspec.load(text, **options) if isinstance(text, Path) else pyspec.load(text=text, **options)  # type: ignore[arg-type]
    trace = next(p for p in model.check(engine="python", only=(prop,)).properties if p.name == prop).trace
    assert trace is not None
    return trace


def in_network(state: object) -> Counter[str]:
    """What is in the network, by the name and payload of messages; nothing of the charts is used here."""
    content: Counter[str] = Counter()
    for name, value in state.values().items():  # type: ignore[attr-defined]
        if not name.startswith("network."):
            continue
        items = list(value) if isinstance(value, Bag | frozenset) else [x for queue in value.values() for x in queue]
        for item in items:
            assert isinstance(item, Rec)
            fields = [f"{n}={v!r}" for n, v in zip(item._names, item._values) if n not in ("from", "to")]
            content[item._name + (f"({', '.join(fields)})" if fields else "")] += 1
    return content


PICK = """protocol pick
var x: 0..2 in {1, 2}
var y: 0..2 = 0
action go:
    y = x
reachable two: y == 2
model m: symmetry off
"""


def crashing() -> Trace:
    """Work is given out, done, its acknowledgement lost; then the worker crashes and comes back."""
    model = pyspec.load(text=QUEUE, Item=1)
    states = [model.initial()[0]]
    for name in ("give", "on_Job", "finish", "lose_Ack", "crash", "restart"):
        states.append(next(s for choice, s in model.successors(states[-1]) if choice.action.endswith(name)))
    return model.replay(states)


TRACES = {
    "raft election": lambda: found(SPECS / "raft.pspec", "election_safety", flaws="votes_twice", TERMS=1),
    "fifo and bag": lambda: found(QUEUE, "all_acked"),
    "crash, loss": crashing,
    "no roles": lambda: found(SPECS / "two_phase_commit.pspec", "everyone_commits", RM=2),
}


@pytest.mark.parametrize("name", ["raft election", "fifo and bag", "crash, loss", "no roles"])
def test_messages_of_a_chart_are_those_of_the_trace(name: str) -> None:
    trace = TRACES[name]()
    chart = chart_of(trace)
    states = trace.states()
    assert trace.instance is not None
    consuming = any(info.network != "set" for info in trace.instance.spec.messages)
    for row in chart.rows:
        before, after = (in_network(states[row.number + n]) for n in (-1, 0))
        gone = Counter(arrow.text for arrow in row.arrows if arrow.kind in ("received", "lost"))
        assert not consuming or before - after == gone, row
        assert all(before[arrow.text] for arrow in row.arrows), "what arrives was in the network"
        for text in row.unreceived:
            assert (after - before)[text.split(" to ")[0]], "what is said to be sent was sent"
    sent = sum(((in_network(b) - in_network(a)) for a, b in itertools.pairwise(states)), Counter())
    arrived = Counter({(arrow.text, arrow.sent_in): 1 for row in chart.rows for arrow in row.arrows})
    unreceived = sum(len(row.unreceived) for row in chart.rows)
    assert sum(sent.values()) == len(arrived) + unreceived, (
        "every message is drawn once: as an arrow, or where it is sent"
    )


def test_the_election() -> None:
    chart = chart_of(TRACES["raft election"]())
    assert [lane.name for lane in chart.lanes] == ["Server1", "Server2", "Server3"]
    votes = [(a.source, a.target) for row in chart.rows for a in row.arrows if a.text == "Vote(term=1)"]
    assert len(votes) == 2 and len({target for _, target in votes}) == 2
    assert chart.verdict[0] == "election_safety is false:"
    changed = [text for row in chart.rows for lane, text in row.changes if text.startswith("mode")]
    assert changed.count("mode: candidate → leader") == 2


def test_reads_of_the_network_are_arrows() -> None:
    chart = chart_of(TRACES["no roles"]())
    reads = [(a.text, a.source, a.target) for row in chart.rows for a in row.arrows if a.kind == "read"]
    assert reads == [("Commit", "global", "RM1"), ("Commit", "global", "RM2")]


def test_paxos_reads_the_promises_of_its_quorum() -> None:
    chart = chart_of(found(SPECS / "paxos.pspec", "value_chosen"))
    (row,) = [row for row in chart.rows if row.text.startswith("phase2a")]
    assert [arrow.kind for arrow in row.arrows] == ["read", "read"]
    assert len({arrow.source for arrow in row.arrows}) == 2
    assert all(arrow.text.startswith("Promise(bal=0") for arrow in row.arrows)


def test_loss_and_crash_are_marked() -> None:
    chart = chart_of(crashing())
    assert [row.kind for row in chart.rows] == ["action", "handler", "action", "fault", "crash", "restart"]
    (lost,) = [arrow for row in chart.rows for arrow in row.arrows if arrow.kind == "lost"]
    assert (lost.source, lost.target, lost.sent_in) == ("Consumer1", "Broker1", 3)


def test_a_run_from_elsewhere_shows_its_first_state() -> None:
    """Counterexamples to induction do not begin in an initial state."""
    trace = TRACES["raft election"]()
    chart = chart_of(dataclasses.replace(trace, steps=trace.steps[3:]))
    first = chart.rows[0]
    assert (first.number, first.kind) == (0, "start")
    assert ("Server1", "mode = candidate") in first.changes
    assert ("Server1", "has sent RequestVote(term=1, last=0, last_term=0)") in first.changes
    assert any(arrow.sent_in == 0 for row in chart.rows for arrow in row.arrows)


def test_a_choice_of_initial_states_is_shown() -> None:
    chart = chart_of(found(PICK, "two"))
    assert chart.rows[0].changes == (("global", "x = 2"),)


@pytest.mark.parametrize("name", ["raft election", "fifo and bag", "crash, loss", "no roles"])
def test_a_saved_trace_is_the_same_trace(name: str) -> None:
    trace = TRACES[name]()
    assert trace.instance is not None
    again = trace_of(json.loads(json.dumps(trace.to_json())), trace.instance)
    assert [step.args for step in again.steps] == [step.args for step in trace.steps]
    assert [state.values() for state in again.states()] == [state.values() for state in trace.states()]
    assert (again.loop_start, again.failing) == (trace.loop_start, trace.failing)
    assert draw.message_chart(again).svg() == draw.message_chart(trace).svg()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t["steps"][1].update(action="jump"), "an action jump"),
        (lambda t: t["steps"][1]["state"].pop("floor"), "what floor is"),
        (lambda t: t["steps"][1]["state"].update(floor="high"), '"high" is no 0..2'),
        (lambda t: t["steps"][1]["state"].update(motion="sideways"), '"sideways" is no Motion'),
        (lambda t: t["steps"][1].update(args={}), "what f is"),
        (lambda t: t.update(steps=[]), "no trace"),
        (lambda t: t.update(steps=[1, 2]), "does not fit"),
    ],
)
def test_a_saved_trace_that_does_not_fit(change: object, says: str) -> None:
    trace = found(LIFT, "second_floor")
    made = json.loads(json.dumps(trace.to_json()))
    change(made)  # type: ignore[operator]
    assert trace.instance is not None
    with pytest.raises(SpecError) as wrong:
        trace_of(made, trace.instance)
    assert wrong.value.diagnostics[0].code == "E0804" and says in str(wrong.value)


def test_traces_of_reports() -> None:
    trace = {"steps": [{}]}
    rows = [{"name": "a", "verdict": "holds", "trace": trace}, {"name": "b", "verdict": "violated", "trace": trace}]
    report = {"model": "ci", "constants": "RM = 3, MAX = 2", "flaws": ["f"], "properties": rows}
    first, second = traces_in(report, "file")
    assert (first.name, second.name, first.model, first.flaws) == ("b", "a", "ci", ("f",))
    assert first.sizes == (("RM", "3"), ("MAX", "2"))
    assert [one.name for one in traces_in({"results": [report, report]}, "file")] == ["b", "a"] * 2
    assert [one.name for one in traces_in({**trace, "failing": {"property": "p"}}, "file")] == ["p"]
    (flaw,) = traces_in({"flaws": [{"name": "f", "model": "m", "violates": ["p"], "trace": trace}]}, "file")
    assert (flaw.name, flaw.model, flaw.flaws) == ("f", "m", ("f",))
    for nothing in ({"properties": []}, {"results": 3}, {}):
        with pytest.raises(SpecError):
            traces_in(nothing, "file")


def test_a_lasso_and_a_failed_step_are_drawn() -> None:
    trace = TRACES["no roles"]()
    looped = draw.message_chart(dataclasses.replace(trace, loop_start=2))
    assert "for ever" in looped.svg() and "loop for ever" in looped.mermaid() and "loop for ever" in looped.plantuml()
    failed = draw.message_chart(trace.followed_by("decide_abort", ()))
    assert "its evaluation fails" in failed.svg()


def test_a_violation_at_the_start_shows_the_whole_state() -> None:
    trace = found(PICK.replace("reachable two: y == 2", "invariant two: y == 2"), "two")
    assert len(trace) == 0
    chart = chart_of(trace)
    assert chart.rows[0].changes == (("global", "x = 1"), ("global", "y = 0"))
    assert chart.verdict[0] == "two is false:"


def test_ghosts_that_the_property_does_not_read_are_left_out() -> None:
    text = """protocol ghosts
var x: 0..3 = 0
ghost var seen: set[0..3] = {}
ghost var last: 0..3 = 0
action go:
    when x < 3
    x += 1
    seen += {x}
    last = x
invariant few: len(seen) < 2
model m: symmetry off
"""
    chart = chart_of(found(text, "few"))
    assert [said for _, said in chart.rows[-1].changes] == ["x: 1 → 2", "seen: {1} → {1, 2}"]
    assert "Changes of ghost variables are left out: last." in chart.notes
