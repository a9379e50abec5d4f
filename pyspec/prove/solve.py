"""Solving: each obligation goes through a list of attempts until one decides it; independent ones run in parallel."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import z3

from pyspec.base.processes import context, end_with_parent
from pyspec.prove import second
from pyspec.prove.ground import grounded
from pyspec.prove.select import Hypotheses, Selection, flattened

#: Attempts end by work done, in z3's own measure, so that what is proved does not depend on how busy the machine is: so
#: much of it takes about a second.
WORK = 4_000_000
#: By the clock they end only when they take this many times as long.
SLACK = 6
#: All hypotheses.
EVERYTHING = Selection()


@dataclass(frozen=True)
class Attempt:
    """One way to solve: a name for reports, the share of the time limit it gets, the hypotheses it uses, parameters of
    z3; or the way to ask the second solver."""

    name: str
    share: float
    uses: Selection = EVERYTHING
    params: tuple[tuple[str, object], ...] = ()
    second: bool = False
    ground: bool = False  # instances by hand (`pyspec.prove.ground`)


#: The first attempts: with the hypotheses that look most useful, then with all, for a moment.
QUICK = (
    Attempt("closest", 0.02, Selection(1.0, "goal")),
    Attempt("neighbours", 0.02, Selection(0.0, "goal", 4)),
    Attempt("neighbours, folded", 0.02, Selection(0.0, "none", 4)),
    Attempt("all", 0.04),
)
#: At the sizes of a model, where quantifiers are written out: some need no invariant, and are lost among them; all
#: hypotheses decide most of the others, either way, many of them in a moment.
WRITTEN_OUT = (
    Attempt("the step alone", 0.02, Selection(share=0.0)),
    Attempt("closest", 0.04, Selection(1.0, "goal")),
    Attempt("all", 0.08),
)
WRITTEN_OUT_LONG = (Attempt("all", 0.4),)
#: Most obligations need few of the hypotheses, and quantified ones that they do not need can keep z3 busy for ever: so
#: several selections for a moment each.
SELECTIVE = (
    Attempt("instances", 0.03, ground=True),
    Attempt("all, folded", 0.03, Selection(0.0, "none")),
    Attempt("flat, folded", 0.03, Selection(0.0, "none", flat=True)),
    Attempt("more neighbours", 0.02, Selection(0.0, "goal", 8)),
    Attempt("near", 0.03, Selection(0.5, "goal")),
    Attempt("flat near", 0.03, Selection(0.5, "goal", flat=True)),
    Attempt("flat neighbours", 0.02, Selection(0.0, "goal", 5, flat=True)),
    Attempt("near, folded", 0.03, Selection(0.5, "none")),
    Attempt("no promises", 0.03, Selection(0.0, "none", promises=False)),
    *(Attempt(f"few {seed}", 0.02, Selection(1.0, "goal", share=0.4, seed=seed)) for seed in range(1, 4)),
    *(Attempt(f"some {seed}", 0.02, Selection(0.5, "none", share=0.4, seed=seed)) for seed in range(1, 5)),
)
#: Tried last: all hypotheses, without model finding (often decisive outside EPR), by the second solver if there is one,
#: with other seeds.
PATIENT = (
    Attempt("all without mbqi", 0.1, params=(("smt.mbqi", False),)),
    *(Attempt(way, 0.15, second=True) for way in second.WAYS),
    Attempt("all, seed 7", 0.25, params=(("smt.random_seed", 7),)),
    Attempt("all, relevancy 0", 0.25, params=(("smt.relevancy", 0), ("smt.random_seed", 11))),
)


@dataclass(frozen=True)
class Task:
    """An obligation as text, with the labels of its assertions; `near` are those of invariants, lemmas and step
    properties, the ones that stand next to the goal's first; `digests` stand for the assertions in other proofs."""

    name: str
    text: str
    labels: tuple[str, ...]
    seconds: float
    attempts: tuple[Attempt, ...] = QUICK
    near: tuple[str, ...] = ()
    until: float = math.inf  # on the monotonic clock, which all processes share
    digests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a task: "proved", "refuted" (the solver has a model) or "unknown". `core` are the labels of the
    hypotheses that the proof used, `by` the attempt that decided."""

    status: str
    seconds: float
    by: str = ""
    core: tuple[str, ...] = ()
    cached: bool = False


def solve(task: Task) -> Outcome:
    """Tries one attempt after the other."""
    started = time.monotonic()
    if started > task.until:
        return Outcome("unknown", 0.0)
    context = z3.Context()
    given = Hypotheses(task.labels, list(z3.parse_smt2_string(task.text, ctx=context)), task.near)
    for attempt in task.attempts:
        left = task.until - time.monotonic()
        if left <= 0:
            break
        clock = min(left, SLACK * attempt.share * task.seconds)
        if attempt.second:
            status, used = _ask_second(given, attempt, task.text, clock)
        else:
            status, used = _try(given, attempt, task.seconds, clock, context)
        if status != "unknown":
            return Outcome(status, time.monotonic() - started, attempt.name, used)
    return Outcome("unknown", time.monotonic() - started)


def _try(
    given: Hypotheses, attempt: Attempt, seconds: float, clock: float, context: z3.Context
) -> tuple[str, tuple[str, ...]]:
    solver = z3.Solver(ctx=context)
    solver.set("rlimit", max(1, int(WORK * attempt.share * seconds)))
    solver.set("timeout", max(1, int(1000 * clock)))
    solver.set("smt.core.minimize", True)
    for name, value in attempt.params:
        solver.set(name, value)
    numbers = attempt.uses.choose(given)
    formulas = [flattened(one) if attempt.uses.flat else one for one in map(given.formulas.__getitem__, numbers)]
    for number, formula in zip(numbers, grounded(formulas, context) if attempt.ground else formulas, strict=True):
        solver.assert_and_track(formula, f"a{number}")
    found = solver.check()
    if found == z3.unsat:
        used = sorted(int(str(name)[1:]) for name in solver.unsat_core())
        return "proved", tuple(given.labels[number] for number in used)
    whole = attempt.uses.everything and not attempt.ground
    return ("refuted" if found == z3.sat and whole else "unknown"), ()


def _ask_second(given: Hypotheses, attempt: Attempt, text: str, clock: float) -> tuple[str, tuple[str, ...]]:
    head = text[: text.index("(assert ")]
    asserts = [(f"a{number}", given.formulas[number].sexpr()) for number in attempt.uses.choose(given)]
    found, names = second.solve(head, asserts, attempt.name, clock)
    if found == "unsat":
        numbers = sorted(int(name[1:]) for name in names)
        return "proved", tuple(given.labels[number] for number in numbers)
    return ("refuted" if found == "sat" and attempt.uses.everything else "unknown"), ()


def solve_all(
    tasks: Sequence[Task], threads: int, told: Callable[[Task, Outcome], None] | None = None
) -> list[Outcome]:
    """The outcome of every task, in order."""
    outcomes = []
    for task, outcome in zip(tasks, _outcomes(tasks, threads), strict=True):
        if told is not None:
            told(task, outcome)
        outcomes.append(outcome)
    return outcomes


def _outcomes(tasks: Sequence[Task], threads: int) -> Iterator[Outcome]:
    if threads <= 1 or len(tasks) <= 1:
        yield from map(solve, tasks)
        return
    done = 0
    while done < len(tasks):
        try:
            with ProcessPoolExecutor(
                min(threads, len(tasks) - done), mp_context=context(), initializer=end_with_parent
            ) as pool:
                for outcome in pool.map(solve, tasks[done:]):
                    done += 1
                    yield outcome
        except BrokenProcessPool:  # a solver crashed, perhaps with the first task that is open
            outcome = _alone(tasks[done])
            done += 1
            yield outcome


def _alone(task: Task) -> Outcome:
    """A task in a process of its own: if that crashes nothing is known of it."""
    with _pool(1) as pool:
        try:
            return pool.submit(solve, task).result()
        except BrokenProcessPool:
            return Outcome("unknown", 0.0, "crashed")


def _pool(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(processes, mp_context=context(), initializer=end_with_parent)


def solver_version() -> str:
    """The solvers with their versions."""
    return ", ".join(filter(None, (f"z3 {z3.get_version_string()}", second.version())))
