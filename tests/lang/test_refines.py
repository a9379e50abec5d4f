"""Refinement between protocols, in both engines: one that holds, a flaw that breaks it, a wrong initial state."""

from pathlib import Path

import pytest

from pyspec.base.diagnostics import SpecError
from pyspec.check.search import check
from pyspec.lang import load_spec
from pyspec.model.instance import instantiate
from pyspec.model.result import CheckResult, PropertyResult
from pyspec.native import engine

ABSTRACT = """protocol counter
type Count = 0..4
const Step: int = 1
var count: Count = 0
action tick:
    when count < 4
    count += Step
"""

CONCRETE = """protocol two_halves
sort Half
var done: map[Half, 0..2] = {{h: {start} for h in Half}}
flaw jumps violates refines_counter
action work(h: Half):
    when done[h] < 2
    done[h] += 2 if jumps else 1
refines counter with count = sum(done[h] for h in Half), Step = 1
model ci: Half = 2
"""


def run(tmp_path: Path, concrete: str, *flaws: str, native: bool = True) -> CheckResult:
    (tmp_path / "counter.pspec").write_text(ABSTRACT)
    (tmp_path / "two_halves.pspec").write_text(concrete)
    instance = instantiate(load_spec(tmp_path / "two_halves.pspec"), None, {}, flaws)
    return engine.check(instance, symmetry=False) if native else check(instance, symmetry=False)


def the(result: CheckResult) -> PropertyResult:
    return next(p for p in result.properties if p.name == "refines_counter")


@pytest.mark.parametrize("native", [True, False])
def test_holds(tmp_path: Path, native: bool) -> None:
    result = run(tmp_path, CONCRETE.format(start=0), native=native)
    assert (the(result).verdict, result.distinct) == ("holds", 9)


@pytest.mark.parametrize("native", [True, False])
def test_a_step_of_two_is_no_abstract_step(tmp_path: Path, native: bool) -> None:
    result = run(tmp_path, CONCRETE.format(start=0), "jumps", native=native)
    trace = the(result).trace
    assert the(result).verdict == "violated" and trace is not None and len(trace) == 1


def test_the_story_names_the_nearest_action(tmp_path: Path) -> None:
    result = run(tmp_path, CONCRETE.format(start=0), "jumps", native=False)
    trace = the(result).trace
    assert trace is not None
    story = "\n".join(trace.explanation())
    assert "count: 0 -> 2" in story and "nearest action of counter: tick" in story


@pytest.mark.parametrize("native", [True, False])
def test_the_initial_state_must_fit(tmp_path: Path, native: bool) -> None:
    result = run(tmp_path, CONCRETE.format(start=1), native=native)
    trace = the(result).trace
    assert the(result).verdict == "violated" and trace is not None and len(trace) == 0


def test_an_unmapped_variable_is_an_error(tmp_path: Path) -> None:
    text = CONCRETE.format(start=0).replace("count = sum(done[h] for h in Half), ", "")
    with pytest.raises(SpecError) as caught:
        run(tmp_path, text)
    assert [d.code for d in caught.value.diagnostics] == ["E0422"]


@pytest.mark.parametrize("native", [True, False])
def test_a_mapping_without_a_value_at_the_start_is_an_error_of_the_specification(tmp_path: Path, native: bool) -> None:
    concrete = CONCRETE.format(start=0).replace("sum(", "(choose n in 1..4 where n > 4) + sum(")
    error = run(tmp_path, concrete, native=native).error
    assert error is not None
    assert error.code == "E0607"
