"""The engines agree on random specifications: counts, verdicts, lengths of shortest traces, evaluation errors.

`PYSPEC_RANDOM_SPECS` says how many (140 by default, many more at night) and `PYSPEC_RANDOM_FROM` where to start.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pyspec.base.diagnostics import SpecError
from pyspec.check.graph import LIVENESS
from pyspec.check.search import check
from pyspec.lang import load_spec
from pyspec.model.errors import EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.instance import Instance, instantiate
from pyspec.model.machine import Machine
from pyspec.model.result import CheckResult
from pyspec.model.state import State
from pyspec.native import engine
from tests.random_specs import random_spec, write_spec

COUNT = int(os.environ.get("PYSPEC_RANDOM_SPECS", "140"))
FIRST = int(os.environ.get("PYSPEC_RANDOM_FROM", "0"))
CHUNK = 10
MOST_STATES = 2000
chunks = pytest.mark.parametrize("first", range(FIRST, FIRST + COUNT, CHUNK))


WORDS = """
    either: any_ for_ match_ if_ elif_ let_ when_ assert_ send_ reply_ on_Note fold_ choose_ sum( count(
    flatten( all_ exists_ implies default( with( is_Circle network_fifo network_set network_bag crashes limit_
    view_ step_ reachable_ terminal_ deadlock_free init_where update( majority( prefix( index( next( prev( bag(
    tail( append( import_part left.value left.holds( left.put( ghost_var refines_base liveness_ leads_to
    always_eventually eventually_always lemma_ map[Color,_Color] seq[Color,_2] limit_ view_ Quorum stable_
    def_fun fair_ min( max( len( abs( only( first( last( ! ' .. // % += -=
"""


def instances(first: int) -> list[tuple[int, Instance]]:
    """The random specifications of one chunk that the front end accepts: nearly all."""
    found = []
    for seed in range(first, min(first + CHUNK, FIRST + COUNT)):
        try:
            with tempfile.TemporaryDirectory() as folder:
                found.append((seed, instantiate(load_spec(write_spec(seed, Path(folder))))))
        except SpecError:
            continue
    assert len(found) >= min(CHUNK, FIRST + COUNT - first) - 2
    return found


def summary(result: CheckResult) -> dict[str, object]:
    """What two engines have to agree on."""
    properties = {
        p.name: (p.verdict, len(p.trace) if p.trace is not None and p.kind not in LIVENESS else None)
        for p in result.properties
        if p.verdict != "unknown"
    }
    return {
        "verdict": result.verdict,
        "counts": (result.distinct, result.generated, result.depth, result.limited),
        "properties": properties,
        "fired": {action.name: action.fired for action in result.actions},
        "error": result.error.code if result.error else None,
        "error length": len(result.error_trace) if result.error_trace is not None else None,
    }


@pytest.mark.skipif(not engine.available(), reason="there is no C compiler")
@chunks
def test_native_and_interpreter_agree(first: int) -> None:
    for seed, instance in instances(first):
        slow = check(instance, symmetry=False, max_states=MOST_STATES)
        if slow.stopped_by is None:
            fast = engine.check(instance, symmetry=False)
            assert summary(fast) == summary(slow), f"seed {seed}"


@chunks
def test_symmetry_changes_no_verdict(first: int) -> None:
    for seed, instance in instances(first):
        if instance.symmetric:
            full = check(instance, symmetry=False, max_states=MOST_STATES)
            reduced = check(instance, max_states=MOST_STATES)
            if full.stopped_by is None:
                assert summary(reduced)["properties"] == summary(full)["properties"], f"seed {seed}"
                assert reduced.depth == full.depth and reduced.distinct <= full.distinct, f"seed {seed}"


@chunks
def test_the_evaluator_and_the_generated_python_agree(first: int) -> None:
    for seed, instance in instances(first):
        machine = Machine(instance)
        functions = {function.name: function for function in instance.spec.functions}
        for state in walk(machine, random.Random(seed)):
            for prop in instance.spec.properties:
                if prop.kind in ("invariant", "reachable", "terminal"):
                    direct = outcome(evaluate, prop.body, Scope(state.values(), None, functions))
                    generated = outcome(machine.holds, prop.name, state)
                    assert direct == generated, f"seed {seed}, {prop.name} in {state!r}"


def walk(machine: Machine, rng: random.Random) -> list[State]:
    """Some states along one random walk."""
    states: list[State] = []
    try:
        choices = machine.initial()
        while choices and len(states) < 8:
            states.append(rng.choice(choices))
            choices = [after for _, _, after in machine.successors(states[-1])]
    except EvaluationError:
        pass  # the walk ends here
    return states


def outcome(work: Callable[..., object], *arguments: object) -> object:
    """A value, or the kind and place of an evaluation error."""
    try:
        return work(*arguments)
    except EvaluationError as problem:
        return (problem.kind, problem.span)


def test_the_same_seed_gives_the_same_specification() -> None:
    assert random_spec(5) == random_spec(5) != random_spec(6)


def test_random_specifications_use_every_construct() -> None:
    text = "\n".join(random_spec(seed) for seed in range(400))
    words = [word.replace("_", " ") for word in WORDS.split()]
    assert [word for word in words if word not in text] == []
