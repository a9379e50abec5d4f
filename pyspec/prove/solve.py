"""Solving: each obligation goes through a list of attempts until one decides it; independent ones run in parallel."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import z3


@dataclass(frozen=True)
class Attempt:
    """One way to solve: a name for reports, the share of the time limit it gets, parameters of z3."""

    name: str
    share: float
    params: tuple[tuple[str, object], ...] = ()


#: The first attempt: z3 as it is, for a moment.
QUICK = (Attempt("z3", 0.1),)
#: Tried in turn after that: without model finding (often decisive outside EPR), with other seeds.
PATIENT = (
    Attempt("z3 without mbqi", 0.2, (("smt.mbqi", False),)),
    Attempt("z3 seed 7", 0.4, (("smt.random_seed", 7),)),
    Attempt("z3 relevancy 0", 0.4, (("smt.relevancy", 0), ("smt.random_seed", 11))),
)


@dataclass(frozen=True)
class Task:
    """An obligation as text, with the labels of its assertions."""

    name: str
    text: str
    labels: tuple[str, ...]
    seconds: float
    attempts: tuple[Attempt, ...] = QUICK


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
    for attempt in task.attempts:
        status, used = _try(task, attempt)
        if status != "unknown":
            return Outcome(status, time.monotonic() - started, attempt.name, used)
    return Outcome("unknown", time.monotonic() - started)


def _try(task: Task, attempt: Attempt) -> tuple[str, tuple[str, ...]]:
    context = z3.Context()
    solver = z3.Solver(ctx=context)
    solver.set("timeout", max(1, int(1000 * attempt.share * task.seconds)))
    solver.set("smt.core.minimize", True)
    for name, value in attempt.params:
        solver.set(name, value)
    for number, formula in enumerate(z3.parse_smt2_string(task.text, ctx=context)):
        solver.assert_and_track(formula, f"a{number}")
    found = solver.check()
    if found == z3.unsat:
        numbers = sorted(int(str(name)[1:]) for name in solver.unsat_core())
        return "proved", tuple(task.labels[number] for number in numbers)
    return ("refuted" if found == z3.sat else "unknown"), ()


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
    with ProcessPoolExecutor(min(threads, len(tasks)), mp_context=_context()) as pool:
        yield from pool.map(solve, tasks)


def _context() -> multiprocessing.context.BaseContext:
    methods: Iterable[str] = multiprocessing.get_all_start_methods()
    return multiprocessing.get_context("fork" if "fork" in methods else "spawn")


def solver_version() -> str:
    """The solver with its version."""
    return f"z3 {z3.get_version_string()}"
