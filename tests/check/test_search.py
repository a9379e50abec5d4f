"""The reference search: published counts, shortest traces, limits, goals, deadlocks, errors, budgets, symmetry."""

import dataclasses

import pytest

from pyspec.base.diagnostics import SpecError
from pyspec.check.search import check
from pyspec.lang import core, load_text
from pyspec.model.instance import Instance, instantiate
from pyspec.model.result import CheckResult, PropertyResult
from tests.model.two_phase import two_phase


def instance(text: str, **overrides: object) -> Instance:
    return instantiate(load_text("protocol p\n" + text), overrides=overrides)


def found(result: CheckResult, name: str) -> PropertyResult:
    return next(one for one in result.properties if one.name == name)


COUNTER = """
var x: 0..9 = 0
action up:
    when x < 5
    x += 1
"""


def test_two_phase_commit_has_the_published_counts() -> None:
    result = check(instantiate(two_phase(3)), symmetry=False)
    assert (result.distinct, result.generated, result.depth) == (288, 1146, 10)
    assert result.verdict == "holds" and not result.warnings
    fired = {one.name: one.fired for one in result.actions}
    assert sum(fired.values()) + 1 == result.generated


def test_symmetry_gives_fewer_states_and_the_same_verdicts() -> None:
    full = check(instantiate(two_phase(4)), symmetry=False)
    reduced = check(instantiate(two_phase(4)))
    assert reduced.symmetry == ("RM",) and reduced.distinct < full.distinct
    assert [p.verdict for p in reduced.properties] == [p.verdict for p in full.properties]
    assert reduced.depth == full.depth


def test_a_violation_ends_the_search_with_its_level_and_a_shortest_trace() -> None:
    result = check(instantiate(two_phase(3), flaws=("commits_early",)), symmetry=False)
    trace = found(result, "consistent").trace
    assert result.verdict == "violated" and trace is not None and len(trace) == 3
    assert result.depth == 3
    assert found(result, "everyone_commits").verdict == "incomplete"
    text = trace.text()
    assert "decision: undecided -> commit" in text and "consistent is false" in text
    assert "phase[RM1] == aborted is true" in text


def test_keep_going_decides_every_property() -> None:
    result = check(instantiate(two_phase(3), flaws=("commits_early",)), symmetry=False, keep_going=True)
    assert [p.verdict for p in result.properties] == ["violated", "holds"]


def test_a_goal_that_is_never_reached_is_a_violation() -> None:
    result = check(instance(COUNTER + "reachable six: x == 6\nreachable five: x == 5\n"))
    assert found(result, "six").verdict == "violated" and found(result, "six").trace is None
    assert found(result, "five").verdict == "holds"
    assert len(found(result, "five").trace or ()) == 5
    assert result.verdict == "violated"


def test_states_beyond_a_limit_are_checked_but_neither_counted_nor_expanded() -> None:
    limited = instance(COUNTER + "invariant small: x < 9\nmodel ci:\n    limit x < 3\n")
    result = check(limited)
    assert (result.distinct, result.generated, result.limited) == (3, 4, True)
    assert found(result, "small").evidence == "exhaustive within limit"
    result = check(instance(COUNTER + "invariant small: x < 3\nmodel ci:\n    limit x < 3\n"))
    assert found(result, "small").verdict == "violated"


def test_deadlock_unless_terminal() -> None:
    result = check(instance(COUNTER + "deadlock free\n"))
    dead = found(result, "deadlock_free")
    assert dead.verdict == "violated" and len(dead.trace or ()) == 5
    assert check(instance(COUNTER + "deadlock free\nterminal done: x == 5\n")).verdict == "holds"


def test_a_step_property_names_the_step() -> None:
    result = check(instance(COUNTER + "step slow: x' <= 3\n"))
    trace = found(result, "slow").trace
    assert trace is not None and len(trace) == 4
    assert "x' <= 3 is false" in trace.text() and "x' = 4" in trace.text()


def test_an_evaluation_error_is_reported_with_its_place_and_the_run_to_it() -> None:
    spec = instance("var x: 0..3 = 0\naction up:\n    x += 1\n")
    result = check(spec)
    assert result.verdict == "violated" and result.error is not None and result.error_trace is not None
    assert result.error.code == "E0601" and result.error.span.line == 4
    assert [step.action for step in result.error_trace.steps] == [None, "up", "up", "up", "up"]
    assert "here evaluation fails" in result.error_trace.text()


def test_an_error_in_a_property_has_the_place_of_the_expression() -> None:
    result = check(instance(COUNTER + "invariant odd: 6 // (3 - x) > 0\n"))
    assert result.error is not None and result.error.code == "E0603"
    assert (result.error.span.line, result.error.span.column) == (7, 16)


def test_budgets_end_a_search_as_incomplete() -> None:
    result = check(instantiate(two_phase(3)), symmetry=False, max_states=50)
    assert (result.verdict, result.stopped_by, result.distinct) == ("incomplete", "states", 50)
    assert found(result, "consistent").verdict == "incomplete"


def test_a_vacuous_implication_is_a_warning() -> None:
    result = check(instance(COUNTER + "invariant v: x > 7 implies x < 2\ninvariant w: x > 3 implies x < 6\n"))
    assert [one.code for one in result.warnings] == ["W0801"]
    assert "invariant v" in result.warnings[0].message


def test_actions_that_never_fire_have_no_count() -> None:
    result = check(instance(COUNTER + "action never:\n    when x == 7\n    x = 0\n"))
    assert {one.name: one.fired for one in result.actions} == {"up": 5, "never": 0}


def test_only_the_asked_properties_are_checked_and_the_search_stops_when_they_are_decided() -> None:
    spec = instantiate(two_phase(3), flaws=("commits_early",))
    result = check(spec, symmetry=False, only=("everyone_commits",))
    assert [p.name for p in result.properties] == ["everyone_commits"]
    assert result.verdict == "holds"


def test_a_view_identifies_states() -> None:
    text = "var x: 0..3 = 0\nvar n: 0..3 = 0\naction up:\n    x = (x + 1) % 4\n    n = (n + 1) % 3\n"
    text += "model ci:\n    view x\n"
    assert check(instance(text)).distinct == 4


def test_without_fairness_nothing_has_to_happen() -> None:
    spec = dataclasses.replace(
        two_phase(2), properties=(core.Property("eventually", "live", two_phase().properties[1].body),)
    )
    result = check(instantiate(spec))
    assert found(result, "live").verdict == "violated" and result.verdict == "violated"


def test_without_an_initial_state_nothing_holds() -> None:
    result = check(instance("var x: 0..3 in 0..3\ninit where x > 3\ninvariant small: x < 3\n"))
    assert result.error is not None and result.error.code == "E0715" and result.error.span.line == 3
    assert result.verdict == "violated" and found(result, "small").verdict == "incomplete"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("var x: int = 0\naction up(y: int):\n    x = y\n", "E0714"),
        (
            "sort S\nquorum Q of S\nvar x: set[S] = {}\naction a:\n    any q in Q\n    x = q\nmodel ci: S = 40\n",
            "E0713",
        ),
        (COUNTER + "invariant deep: " + "not " * 200 + "x > 0\n", "E0712"),
        (COUNTER + "action a:\n" + "".join(f"    any a{n} in 0..0\n" for n in range(150)) + "    x = 0\n", "E0712"),
    ],
)
def test_what_cannot_be_made_concrete_is_a_diagnostic(text: str, code: str) -> None:
    with pytest.raises(SpecError) as caught:
        check(instance(text))
    assert [one.code for one in caught.value.diagnostics] == [code]
