"""`prove`: from a specification to verdicts.

Obligations are made and solved in parallel; what was not proved is looked into: is there a counterexample to induction
in a small instance, and what rests on what.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pyspec.base.diagnostics import Diagnostic, SpecError
from pyspec.base.source import NOWHERE
from pyspec.lang import core
from pyspec.model.instance import Instance, describe_constants
from pyspec.prove import store
from pyspec.prove.cti import Cti, Target, find, instance_cti
from pyspec.prove.obligations import INDUCTIVE, STEPS, Obligation, Obligations
from pyspec.prove.result import Fate, ObligationResult, ProofResult, PropertyProof, Verdict
from pyspec.prove.smtlib import Writer
from pyspec.prove.solve import Outcome, Task, solve_all, solver_version

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Options:
    """Limits of a proof: seconds for each obligation and for each search for a counterexample, processes."""

    seconds: float = 20.0
    cti_seconds: float = 20.0
    threads: int | None = None
    use_cache: bool = True

    @property
    def processes(self) -> int:
        """How many obligations are solved at once."""
        return self.threads or len(os.sched_getaffinity(0))


def prove(
    spec: core.Spec,
    flaws: tuple[str, ...] = (),
    options: Options | None = None,
    progress: Progress | None = None,
) -> ProofResult:
    """Proves the invariants, lemmas and step properties of a specification for any size."""
    return _Proof(spec, flaws, options or Options(), None).run(progress)


def prove_instance(instance: Instance, options: Options | None = None, progress: Progress | None = None) -> ProofResult:
    """Proves that the invariants and lemmas of an instance are inductive at its sizes."""
    return _Proof(instance.spec, instance.flaws, options or Options(), instance).run(progress)


class _Proof:
    """One run."""

    def __init__(self, spec: core.Spec, flaws: tuple[str, ...], options: Options, instance: Instance | None) -> None:
        self.spec, self.flaws, self.options, self.instance = spec, flaws, options, instance
        self.until = time.monotonic()

    def run(self, progress: Progress | None) -> ProofResult:
        started = time.monotonic()
        problem = Obligations(self.spec, finite=self.instance is not None, flaws=self.flaws)
        unsupported = problem.leave_out_unsupported()
        obligations = list(problem.all())
        writer = Writer(problem.encoder.u)
        tasks = [Task(one.name, *writer.text(one), self.options.seconds) for one in obligations]
        built = time.monotonic() - started
        outcomes = self._solve(tasks, progress)
        results = [_result(one, outcome) for one, outcome in zip(obligations, outcomes, strict=True)]
        properties = self._properties(obligations, results, unsupported)
        used = _used(properties)
        lemmas = [prop.name for prop in self.spec.properties if prop.kind == "lemma"]
        axioms = problem.encoder.u.axioms
        named = {label.removeprefix("axiom ") for one in results for label in one.core if label.startswith("axiom ")}
        assumed = [f"assume {p.name}" for p in self.spec.properties if p.kind == "assume"]
        core_labels = {label for one in results for label in one.core}
        return ProofResult(
            self.spec.name,
            "any size" if self.instance is None else describe_constants(self.instance),
            self._verdict(properties),
            tuple(properties),
            (
                *(axioms[name].text for name in axioms if name in named),
                *(label for label in assumed if label in core_labels),
            ),
            solver_version(),
            time.monotonic() - started,
            built,
            tuple(name for name in lemmas if name not in used),
            tuple(name for name in lemmas if name in used),
            self.flaws,
        )

    # ------------------------------------------------------------------------------------------------ solving

    def _solve(self, tasks: list[Task], progress: Progress | None) -> list[Outcome]:
        known = {task.name + task.text: store.load(task) for task in tasks} if self.options.use_cache else {}
        todo = [task for task in tasks if known.get(task.name + task.text) is None]
        done = len(tasks) - len(todo)

        def told(task: Task, outcome: Outcome) -> None:
            nonlocal done
            done += 1
            store.store(task, outcome)
            if progress is not None:
                progress(done, len(tasks), task.name)

        fresh = iter(solve_all(todo, self.options.processes, told))
        return [known.get(task.name + task.text) or next(fresh) for task in tasks]

    # ------------------------------------------------------------------------------------------------- fates

    def _properties(
        self, obligations: list[Obligation], results: list[ObligationResult], unsupported: dict[str, Diagnostic]
    ) -> list[PropertyProof]:
        shown = [prop for prop in self.spec.properties if prop.kind in (*INDUCTIVE, *STEPS)]
        sound = _resting(results)
        found = []
        for prop in shown:
            mine = [(o, r) for o, r in zip(obligations, results, strict=True) if r.prop == prop.name]
            problem = unsupported.get(prop.name)
            found.append(self._property(prop.name, prop, mine, sound, problem))
        errors = [(o, r) for o, r in zip(obligations, results, strict=True) if not r.prop]
        if errors:
            found.append(self._property("evaluation", None, errors, sound, None))
        return found

    def _property(
        self,
        name: str,
        prop: core.Property | None,
        mine: list[tuple[Obligation, ObligationResult]],
        sound: set[str],
        problem: Diagnostic | None,
    ) -> PropertyProof:
        kind = prop.kind if prop is not None else "defined"
        span = prop.span if prop is not None else NOWHERE
        results = tuple(result for _, result in mine)
        if problem is not None:
            return PropertyProof(name, kind, "unsupported", results, problem=problem, span=span)
        failed = [(one, result) for one, result in mine if result.status != "proved"]
        if failed:
            cti = self._counterexample(failed)
            spurious = cti is None and any(result.status == "refuted" for _, result in failed)
            fate: Fate = "refuted" if cti is not None else "undecided"
            return PropertyProof(name, kind, fate, results, cti, spurious, span=span)
        needs = sorted({label for result in results for label in result.core if _is_part(label) and label not in sound})
        if needs:
            return PropertyProof(name, kind, "depends", results, needs=tuple(needs), span=span)
        return PropertyProof(name, kind, "proved", results, span=span)

    def _counterexample(self, failed: list[tuple[Obligation, ObligationResult]]) -> Cti | None:
        """A counterexample for the first of the failed obligations that has one in a small instance."""
        refuted_first = sorted(failed, key=lambda pair: pair[1].status != "refuted")
        until = time.monotonic() + self.options.cti_seconds
        for target in dict.fromkeys(Target.of(one) for one, _ in refuted_first):
            seconds = until - time.monotonic()
            if seconds <= 0:
                break
            if self.instance is not None:
                found = instance_cti(self.instance, target, seconds)
            else:
                found = find(self.spec, target, self.flaws, seconds)
            if found is not None:
                return found
        return None

    def _verdict(self, properties: Iterable[PropertyProof]) -> Verdict:
        fates = {prop.fate for prop in properties}
        if "refuted" in fates:
            return "refuted"
        if "undecided" in fates or "depends" in fates:
            return "undecided"
        if "unsupported" in fates:
            return "unsupported"
        return "proved" if self.instance is None else "inductive"


def _is_part(label: str) -> bool:
    """Whether a hypothesis is an invariant or lemma (others have two words)."""
    return " " not in label


def _result(one: Obligation, outcome: Outcome) -> ObligationResult:
    part = one.part
    return ObligationResult(
        one.name,
        one.kind,
        one.action,
        part.label if part else "",
        part.prop.name if part else "",
        outcome.status,
        outcome.seconds,
        outcome.by,
        outcome.core,
        outcome.cached,
    )


def _resting(results: Iterable[ObligationResult]) -> set[str]:
    """The conjuncts that are inductive: all their obligations are proved, from conjuncts of which the same is true."""
    everything = list(results)
    rests: dict[str, set[str]] = {}
    broken: set[str] = set()
    for result in everything:
        rests.setdefault(result.part, set()).update(filter(_is_part, result.core))
        if result.status != "proved":
            broken.add(result.part)
    labels = {label for result in everything for label in result.core if _is_part(label)} | set(rests)
    while True:
        more = {label for label in labels - broken if rests.get(label, set()) & broken}
        if not more:
            return labels - broken
        broken |= more


def _used(properties: Iterable[PropertyProof]) -> set[str]:
    """The properties that the proofs of invariants and step properties rest on, directly or through lemmas."""
    cores = {prop.name: set(map(_name, _rests_on(prop))) for prop in properties}
    used: set[str] = set()
    todo = [prop.name for prop in properties if prop.kind != "lemma"]
    while todo:
        for name in cores.get(todo.pop(), set()) - used:
            used.add(name)
            todo.append(name)
    return used


def _rests_on(prop: PropertyProof) -> set[str]:
    return {label for one in prop.obligations for label in one.core if _is_part(label)}


def _name(label: str) -> str:
    """The property of a conjunct."""
    head, dot, number = label.rpartition(".")
    return head if dot and number.isdigit() else label


__all__ = ["Options", "Progress", "SpecError", "prove", "prove_instance"]
