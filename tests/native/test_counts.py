"""Counts of the native search against published ones."""

from pathlib import Path

import pytest

from pyspec.lang import load_spec, load_text
from pyspec.model.instance import instantiate
from pyspec.native import engine

SPECS = Path(__file__).parents[2] / "specs"


@pytest.mark.parametrize(
    ("managers", "distinct", "generated"),
    [(3, 288, 1146), (6, 50_816, 402_306), (7, 296_448, 2_744_706)],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_two_phase_commit_counts_as_tlc(managers: int, distinct: int, generated: int, threads: int) -> None:
    instance = instantiate(load_spec(SPECS / "two_phase_commit.pspec"), "ci", {"RM": managers})
    result = engine.check(instance, threads=threads, symmetry=False)
    assert (result.distinct, result.generated, result.verdict) == (distinct, generated, "holds")
    assert result.collision_probability == 0
    assert sum(a.fired for a in result.actions) == generated - 1


def test_a_flaw_is_caught_with_a_shortest_trace() -> None:
    instance = instantiate(load_spec(SPECS / "two_phase_commit.pspec"), "ci", {}, ("commits_early",))
    result = engine.check(instance, threads=1, symmetry=False, only=("consistent",))
    broken = next(p for p in result.properties if p.name == "consistent")
    assert result.verdict == broken.verdict == "violated"
    assert broken.trace is not None
    assert len(broken.trace.steps) == 4


@pytest.mark.parametrize(
    ("spec", "distinct", "generated"),
    [("voting", 6752, 26_905), ("paxos", 3921, 23_563)],
)
def test_voting_and_paxos_count_as_tlc(spec: str, distinct: int, generated: int) -> None:
    result = engine.check(instantiate(load_spec(SPECS / f"{spec}.pspec"), "ci"), symmetry=False)
    assert (result.distinct, result.generated) == (distinct, generated)


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.pspec")), ids=lambda path: path.stem)
def test_symmetry_changes_no_verdict(path: Path) -> None:
    instance = instantiate(load_spec(path), "ci")
    full, reduced = (engine.check(instance, symmetry=on, max_states=300_000) for on in (False, True))
    if full.stopped_by is None:
        assert reduced.distinct <= full.distinct
        assert [(p.name, p.verdict) for p in reduced.properties] == [(p.name, p.verdict) for p in full.properties]
        assert reduced.depth == full.depth


MAPS = """protocol maps
sort A
var x: map[A, 0..2] in map[A, 0..2]
var y: map[bool, A?] = {b: none for b in bool}
action grow(n: map[A, 0..2]):
    when all a in A: n[a] >= x[a]
    x = n
action pick:
    any z in map[bool, A?] where z[false] != none
    y = z
invariant at_most: all a in A: x[a] <= 2
reachable both: all a in A: x[a] == 2 and y[true] != none
model ci: A = 2
"""


def test_all_maps_of_a_type_are_tried() -> None:
    """9 maps x, and 7 maps y: the first, and 2 * 3 whose first value is not none."""
    result = engine.check(instantiate(load_text(MAPS), "ci"), symmetry=False)
    assert (result.distinct, result.generated, result.verdict) == (63, 639, "holds")
