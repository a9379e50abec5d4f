"""Instances: sizes, constants, capacities and budgets made concrete, symmetric sorts, and what is wrong with a
model."""

import dataclasses

import pytest

from pyspec.base.diagnostics import SpecError
from pyspec.lang import core, load_text
from pyspec.lang import types as ty
from pyspec.model.instance import Instance, instantiate
from pyspec.model.values import Atom, show
from pyspec.model.walk import bodies, expressions
from tests.model.two_phase import RM, lit, op, two_phase

INT = ty.Int()


def with_const(decl: core.ConstDecl, *settings: core.Setting, managers: int = 3) -> core.Spec:
    spec = two_phase(managers)
    model = dataclasses.replace(spec.models[0], settings=(*spec.models[0].settings, *settings))
    return dataclasses.replace(spec, consts=(decl,), models=(model,))


def var_type(instance: Instance, name: str) -> ty.Type:
    return instance.var(name).type


def codes(caught: pytest.ExceptionInfo[SpecError]) -> list[str]:
    return [one.code for one in caught.value.diagnostics]


def test_sorts_get_elements_and_flaw_switches_disappear() -> None:
    instance = instantiate(two_phase())
    assert instance.model.name == "ci"
    assert instance.sort("RM").elements == ("RM1", "RM2", "RM3")
    assert instance.symmetric == ("RM",)
    assert not any(isinstance(e, core.Const) for root in bodies(instance.spec) for e in expressions(root))
    guard = instance.action("decide_commit").body[1]
    assert isinstance(guard, core.When) and isinstance(guard.cond, core.Op) and guard.cond.op == "eq"


def test_a_flaw_that_is_on_simplifies_its_guard_away() -> None:
    spec = two_phase()
    assert len(instantiate(spec, flaws=("commits_early",)).action("decide_commit").body) == 3 + 1
    with pytest.raises(SpecError) as caught:
        instantiate(spec, flaws=("commits_earl",))
    assert caught.value.diagnostics[0].hint == "did you mean commits_early?"


def test_elements_by_name_and_overrides() -> None:
    assert instantiate(two_phase(), "named").sort("RM").elements == ("ann", "bob")
    assert instantiate(two_phase(), overrides={"RM": 5}).sort("RM").elements[-1] == "RM5"  # type: ignore[index]
    assert instantiate(two_phase(), overrides={"RM": "4"}).sort("RM").elements[-1] == "RM4"  # type: ignore[index]
    assert instantiate(two_phase(), overrides={"RM": "x,y"}).sort("RM").elements == ("x", "y")


def test_a_missing_size_names_the_sort_and_how_to_give_it() -> None:
    spec = dataclasses.replace(two_phase(), models=())
    with pytest.raises(SpecError) as caught:
        instantiate(spec)
    assert codes(caught) == ["E0701"]
    assert "-c RM=3" in str(caught.value.diagnostics[0].hint)
    assert instantiate(spec, overrides={"RM": 2}).sort("RM").elements == ("RM1", "RM2")


def test_constants_may_use_constants_and_a_circle_is_an_error() -> None:
    half = core.ConstDecl("Half", INT, op("div", core.Const(INT, "All"), lit(INT, 2), type=INT))
    all_ = core.ConstDecl("All", INT, lit(INT, 9))
    spec = dataclasses.replace(two_phase(), consts=(half, all_))
    assert instantiate(spec).constants == {"Half": 4, "All": 9}
    spec = dataclasses.replace(two_phase(), consts=(half, dataclasses.replace(all_, default=core.Const(INT, "Half"))))
    with pytest.raises(SpecError, match="by one another: const Half -> const All -> const Half"):
        instantiate(spec)


def test_a_constant_outside_its_type_and_a_division_by_zero_are_errors() -> None:
    decl = core.ConstDecl("N", ty.Range(0, 3), lit(INT, 4))
    with pytest.raises(SpecError, match=r"N = 4 is not a value of 0\.\.3"):
        instantiate(dataclasses.replace(two_phase(), consts=(decl,)))
    decl = core.ConstDecl("N", INT, op("div", lit(INT, 1), lit(INT, 0), type=INT))
    with pytest.raises(SpecError) as caught:
        instantiate(dataclasses.replace(two_phase(), consts=(decl,)))
    assert codes(caught) == ["E0603"]


@pytest.mark.parametrize(("kind", "managers", "count", "size"), [("majority", 5, 10, 3), ("byzantine", 4, 4, 3)])
def test_quorum_systems_are_listed(kind: str, managers: int, count: int, size: int) -> None:
    decl = core.ConstDecl("Q", ty.Set(ty.Set(RM)), None, quorum_of="RM", quorum=kind)
    spec = with_const(decl, managers=managers)
    instance = instantiate(spec)
    quorums = instance.constants["Q"]
    assert isinstance(quorums, frozenset)
    assert len(quorums) == count and all(len(quorum) == size for quorum in quorums)  # type: ignore[arg-type]
    assert instance.symmetric == ("RM",)


def test_a_named_element_breaks_symmetry() -> None:
    decl = core.ConstDecl("first", RM, None)
    spec = with_const(decl, core.Setting("const", "first", lit(RM, Atom("RM", 0, "RM1"))))
    spec = dataclasses.replace(
        spec, properties=(core.Property("invariant", "q", core.SetLit(ty.Set(RM), (core.Const(RM, "first"),))),)
    )
    instance = instantiate(spec)
    assert instance.symmetric == () and "tells its elements apart" in instance.notes[0]
    assert show(instance.constants["first"]) == "RM1"


def test_capacities_by_name_and_by_default() -> None:
    log = core.Var(
        "log", ty.Map(RM, ty.Seq(ty.Int())), core.MapComp(ty.Map(RM, ty.Seq(INT)), "r", core.SeqLit(ty.Seq(INT), ()))
    )
    spec = two_phase()
    spec = dataclasses.replace(spec, vars=(*spec.vars, log))

    def log_type(*settings: core.Setting) -> object:
        model = dataclasses.replace(spec.models[0], settings=(*spec.models[0].settings, *settings))
        return var_type(instantiate(spec, model), "log").value  # type: ignore[attr-defined]

    assert log_type() == ty.Seq(ty.Range(-(2**31), 2**31 - 1), 8)
    assert log_type(core.Setting("int", value=lit(INT, 0), upper=lit(INT, 9))) == ty.Seq(ty.Range(0, 9), 8)
    assert log_type(core.Setting("capacity", "log", lit(INT, 3))).capacity == 3  # type: ignore[attr-defined]
    assert log_type(core.Setting("capacity", "seq", lit(INT, 2))).capacity == 2  # type: ignore[attr-defined]
    assert var_type(instantiate(spec), "network.Prepared").capacity is None  # type: ignore[attr-defined]
    small = instantiate(spec, overrides={"capacity network": 2})
    assert var_type(small, "network.Prepared").capacity == 2  # type: ignore[attr-defined]
    with pytest.raises(SpecError, match="no variable lgo"):
        log_type(core.Setting("capacity", "lgo", lit(INT, 3)))


def test_budgets_fold_and_assumptions_are_checked() -> None:
    budget = core.ConstDecl("budget.crashes", INT, lit(INT, -1))
    assert instantiate(with_const(budget)).constants["budget.crashes"] == -1
    assert (
        instantiate(with_const(budget, core.Setting("budget", "crashes", lit(INT, 2)))).constants["budget.crashes"] == 2
    )
    assert instantiate(with_const(budget), overrides={"crashes": "1"}).constants["budget.crashes"] == 1
    assume = core.Property("assume", "enough", op("gt", core.Const(INT, "budget.crashes"), lit(INT, 0)))
    with pytest.raises(SpecError) as caught:
        instantiate(dataclasses.replace(with_const(budget), properties=(assume,)))
    assert codes(caught) == ["E0711"]


@pytest.mark.parametrize("text", ["three", "a b", "0", "-1", "65", "1_0x", "{}", "a,a", "99999999999999999999"])
def test_a_size_that_is_none_is_an_error(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        instantiate(two_phase(), overrides={"RM": text})
    assert codes(caught)[0] in ("E0703", "E0705")


def test_faults_that_the_model_does_not_grant_are_left_out() -> None:
    text = "protocol p\nrole Node as self:\n    x: 0..1 = 0\n    action up: x = 1\nmodel ci:\n    Node = 2\n"
    off, on = instantiate(load_text(text)), instantiate(load_text(text + "    crashes <= 1\n"))
    assert [action.name for action in off.spec.actions] == ["up"]
    assert [var.name for var in off.spec.vars] == ["Node.x"]
    assert [action.name for action in on.spec.actions] == ["up", "crash"]
    assert [var.name for var in on.spec.vars] == ["Node.x", "budget.crashes"]


def test_elements_by_name_in_a_limit() -> None:
    """A model may speak of the elements of its sorts; one that is not there is a mistake with a place."""
    text = """protocol named
sort RM
var phase: map[RM, 0..2] = {r: 0 for r in RM}
action go(r: RM):
    when phase[r] < 2
    phase[r] += 1
invariant low: all r in RM: phase[r] <= 2
model m: RM = 2 limit phase[RM2] < 1
"""
    import pyspec

    result = pyspec.load(text=text).check(engine="python")
    assert (result.verdict, result.distinct) == ("holds", 3)
    with pytest.raises(SpecError) as wrong:
        pyspec.load(text=text, RM=1)
    assert (wrong.value.diagnostics[0].code, wrong.value.diagnostics[0].span.line) == ("E0708", 8)


def test_an_action_that_a_constant_switches_off_is_left_out() -> None:
    text = "protocol p\nconst BEATS: bool = false\nvar x: 0..1 = 0\naction up: x = 1\naction beat:\n"
    text += "    when BEATS and x == 1\n    x = 0\nmodel ci:\n    int in 0..1\n"
    off, on = instantiate(load_text(text)), instantiate(load_text(text), overrides={"BEATS": "true"})
    assert [action.name for action in off.spec.actions] == ["up"]
    assert [action.name for action in on.spec.actions] == ["up", "beat"]
