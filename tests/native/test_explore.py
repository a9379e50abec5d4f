"""The state graph that the native search hands out."""

from pathlib import Path

from pyspec.lang import load_spec
from pyspec.model.instance import instantiate
from pyspec.model.machine import Machine
from pyspec.native.explore import explore

SPEC = Path(__file__).parents[2] / "specs" / "two_phase_commit.pspec"


def test_the_graph_is_that_of_the_interpreter() -> None:
    instance = instantiate(load_spec(SPEC), "ci")
    machine = Machine(instance)
    with explore(instance) as graph:
        nodes = list(graph.states())
        assert graph.complete
        assert graph.distinct == len(nodes) == len({node.words for node in nodes}) == 288
        known = {node.words for node in nodes}
        for node in nodes:
            state = machine.state(graph.values(node.words))
            expected = sorted((runner.name, repr(after)) for runner, _, after in machine.successors(state))
            edges = graph.edges(node.words)
            assert {edge.words for edge in edges} <= known
            found = sorted((edge.action, repr(machine.state(graph.values(edge.words)))) for edge in edges)
            assert found == expected


def test_parents_come_first_and_lead_to_their_children() -> None:
    with explore(instantiate(load_spec(SPEC), "ci", {"RM": 4}), threads=2) as graph:
        seen: dict[int, tuple[int, ...]] = {}
        for node in graph.states():
            assert node.parent is None or node.words in {edge.words for edge in graph.edges(seen[node.parent])}
            seen[node.at] = node.words
        assert sum(1 for node in graph.states() if node.parent is None) == 1


def test_symmetry_leaves_one_state_of_each_orbit() -> None:
    with explore(instantiate(load_spec(SPEC), "ci", {"RM": 6}), symmetry=True) as graph:
        assert graph.distinct == len(list(graph.states())) == 553


def test_a_large_graph_spans_memory_and_disk() -> None:
    with explore(instantiate(load_spec(SPEC), "ci", {"RM": 7})) as graph:
        assert sum(1 for _ in graph.states()) == graph.distinct == 296_448
