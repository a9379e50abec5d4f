"""Maps: who sends what to whom, as the text of the actions says it."""

from __future__ import annotations

from pathlib import Path

from pyspec.draw.graph import Graph
from pyspec.draw.protocol_map import protocol_map
from pyspec.lang import load_spec, load_text
from tests.draw.specs import LIFT, QUEUE

SPECS = Path(__file__).resolve().parent.parent.parent / "specs"


def edges(graph: Graph) -> set[tuple[str, str]]:
    short = {node.id: node.title[0] for node in graph.nodes}
    return {(short[edge.source], short[edge.target]) for edge in graph.edges}


def test_raft() -> None:
    assert edges(protocol_map(load_spec(SPECS / "raft.pspec"))) == {
        ("timeout", "RequestVote"),
        ("RequestVote", "on RequestVote"),
        ("on RequestVote", "Vote"),
        ("Vote", "on Vote"),
        ("append_entries", "Append"),
        ("heartbeat", "Append"),
        ("Append", "on Append"),
        ("on Append", "Reply"),
        ("Reply", "on Reply"),
    }


def test_looking_for_a_message_is_dashed() -> None:
    graph = protocol_map(load_spec(SPECS / "two_phase_commit.pspec"))
    dashed = {(edge.source, edge.target) for edge in graph.edges if edge.style == "dashed"}
    assert dashed == {("message Commit", "action learn_commit"), ("message Abort", "action learn_abort")}
    assert ("Prepared", "on Prepared") in edges(graph) and ("decide_abort", "Abort") in edges(graph)
    assert graph.legend == (("RM", "blue"), ("outside any role", "grey"))


def test_fifo_and_bag() -> None:
    graph = protocol_map(load_text(QUEUE))
    assert edges(graph) == {("give", "Job"), ("Job", "on Job"), ("finish", "Ack"), ("Ack", "on Ack")}
    hues = {node.title[0]: node.hue for node in graph.nodes}
    assert (hues["give"], hues["finish"], hues["Ack"]) == ("blue", "orange", "grey")
    assert "bag, lossy" in next(node for node in graph.nodes if node.title == ("Ack",)).detail


def test_without_messages_what_is_shared_is_drawn() -> None:
    graph = protocol_map(load_text(LIFT))
    solid = {(e.source.split()[1], e.target.split()[1]) for e in graph.edges if e.style == "solid"}
    assert {("open_door", "door"), ("open_door", "calls"), ("move", "floor"), ("move", "motion")} <= solid
    assert ("call", "floor") not in solid
    assert ("var floor", "action call") in {(e.source, e.target) for e in graph.edges if e.style == "dashed"}


def test_roles_have_one_colour_in_all_pictures() -> None:
    from pyspec import draw, load

    model = load(text=QUEUE, Item=1)
    (machine,) = draw.state_machines(model, look=False)
    assert isinstance(machine.content, Graph)
    assert {node.hue for node in machine.content.nodes} <= {"orange", "grey"}
    chart = draw.message_chart(model.check(engine="python", only=("all_acked",)).properties[0].trace).content
    assert isinstance(chart, draw.Chart)
    assert [(lane.name, lane.hue) for lane in chart.lanes] == [("Broker1", "blue"), ("Consumer1", "orange")]
