"""Counts of the native search against published ones."""

from pathlib import Path

import pytest

from pyspec.lang import load_spec
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
    result = engine.check(instance, threads=1, symmetry=False)
    broken = next(p for p in result.properties if p.name == "consistent")
    assert result.verdict == broken.verdict == "violated"
    assert broken.trace is not None
    assert len(broken.trace.steps) == 4
