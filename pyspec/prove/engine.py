"""`prove`: from a specification to verdicts.

Every obligation gets a quick attempt; a conjunct that is not kept by an action may follow from the others; what is left
is looked for in small instances, and only what has no counterexample there gets all the time it may have.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, replace

from pyspec.base.diagnostics import Diagnostic
from pyspec.base.source import NOWHERE
from pyspec.lang import core
from pyspec.model.instance import Instance, describe_constants
from pyspec.prove import store
from pyspec.prove.coverage import not_covered
from pyspec.prove.cti import Cti, Place, Places, Target, at_place, find, first_of
from pyspec.prove.faults import never_crash, without_crashes
from pyspec.prove.nearby import Nearby
from pyspec.prove.obligations import INDUCTIVE, STEPS, Obligation, Obligations, Part
from pyspec.prove.rests import is_part, property_name, resting, used_properties
from pyspec.prove.result import Fate, ObligationResult, ProofResult, PropertyProof, Verdict
from pyspec.prove.sizes import Sizes, starting
from pyspec.prove.sizes import instance as instance_of
from pyspec.prove.smtlib import Writer
from pyspec.prove.solve import (
    PATIENT,
    QUICK,
    SELECTIVE,
    WRITTEN_OUT,
    WRITTEN_OUT_LONG,
    Attempt,
    Outcome,
    Task,
    solve_all,
    solver_version,
)

#: The search for a counterexample that a flaw should have goes on for so many times the time of another.
FLAWED = 6
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Options:
    """Limits of a proof: seconds for each obligation, each search for a counterexample, all of it; processes."""

    seconds: float = 20.0
    cti_seconds: float = 10.0
    max_seconds: float = 600.0
    threads: int | None = None
    use_cache: bool = True
    first_only: bool = False  # whether one counterexample to induction will do, and ends the proof

    @property
    def processes(self) -> int:
        """How many obligations are solved at once."""
        return self.threads or len(os.sched_getaffinity(0))


def prove(
    spec: core.Spec, flaws: tuple[str, ...] = (), options: Options | None = None, progress: Progress | None = None
) -> ProofResult:
    """Proves the invariants, lemmas and step properties of a specification for any size."""
    result = _Proof(without_crashes(spec), flaws, options or Options(), None, progress).run()
    never = never_crash(spec)
    said = (f"nothing is said of crashes of {', '.join(never)}: there are none",) if never else ()
    return replace(result, axioms=(*said, *result.axioms))


def prove_instance(instance: Instance, options: Options | None = None, progress: Progress | None = None) -> ProofResult:
    """Proves that the invariants and lemmas of an instance are inductive at its sizes."""
    return _Proof(instance.spec, instance.flaws, options or Options(), instance, progress).run()


def untried(
    spec: core.Spec, setting: str, flaws: tuple[str, ...], cti: Cti | None = None, seconds: float = 0.0
) -> ProofResult:
    """The result without a proof: something is known to be false, or not inductive, and nothing may rest on it."""

    def of(prop: core.Property) -> PropertyProof:
        if cti is not None and cti.target.prop == prop.name:
            return PropertyProof(prop.name, prop.kind, "refuted", cti=cti, span=prop.span)
        return PropertyProof(prop.name, prop.kind, "untried", span=prop.span)

    properties = tuple(of(prop) for prop in spec.properties if prop.kind in (*INDUCTIVE, *STEPS, "law"))
    return ProofResult(spec.name, setting, "refuted", properties, (), solver_version(), seconds, 0.0, flaws=flaws)


@dataclass
class _Item:
    """An obligation and what is known of it."""

    obligation: Obligation
    result: ObligationResult

    @property
    def open(self) -> bool:
        return self.result.status != "proved"


class _Proof:
    """One run."""

    def __init__(
        self,
        spec: core.Spec,
        flaws: tuple[str, ...],
        options: Options,
        instance: Instance | None,
        progress: Progress | None,
    ) -> None:
        self.spec, self.flaws, self.options, self.instance, self.progress = spec, flaws, options, instance, progress
        self.problem = Obligations(spec, finite=instance is not None, flaws=flaws)
        self.writer = Writer(self.problem.encoder.u)
        self.items: list[_Item] = []
        self.ctis: dict[str, Cti] = {}
        self.until = time.monotonic() + self.options.max_seconds
        self.complete = True  # whether all obligations were made
        self.quick: tuple[Attempt, ...] = QUICK if instance is None else WRITTEN_OUT
        self.ways: tuple[Attempt, ...] = (*QUICK, *SELECTIVE[:5]) if instance is None else WRITTEN_OUT
        self.place: Place | None = None
        self.nearby: Nearby | None = None
        self.places: Places = {}

    def run(self) -> ProofResult:
        """The whole of it."""
        started = time.monotonic()
        unsupported = self.problem.leave_out_unsupported()
        if self.flaws and (found := self._first()) is not None:
            return untried(self.spec, self.setting, self.flaws, found, time.monotonic() - started)
        tasks = list(self._tasks())
        built = time.monotonic() - started
        self.items = self._following(self.ways[: len(QUICK) + 1], self._unknown(tasks))
        follow = {item.result.part for item in self.items}
        self.items += self._solved([(one, task) for one, task in tasks if not self._follows(one, follow)])
        self._follow_after_all()
        self._refine()
        if self.instance is None:
            self._refute(glance=True)
        if not self._enough():
            self._decide()
        properties = self._properties(unsupported)
        return self._result(properties, time.monotonic() - started, built)

    def _decide(self) -> None:
        """What is open and has no counterexample that is quickly found."""
        self._if_evaluated()
        if self.instance is not None:
            self._look_nearby()
        self._again(SELECTIVE if self.instance is None else WRITTEN_OUT_LONG)
        self._derive()
        self._refute()
        self._look_nearby()
        if self.instance is not None or not self.ctis:  # else the argument is to be changed first
            self._again(PATIENT)
            self._derive()

    def _enough(self) -> bool:
        return self.options.first_only and bool(self.ctis)

    @property
    def setting(self) -> str:
        """What the proof is for: any size, or the sizes of an instance."""
        return "any size" if self.instance is None else describe_constants(self.instance)

    def _first(self) -> Cti | None:
        """A counterexample to induction, looked for before anything is tried to be proved: a flaw should have one."""
        parts = (*self.problem.parts, *(part for part in self.problem.step_parts if part.prop.kind == "step"))
        actions = [action.name for action in self.spec.actions]
        targets = [Target(None, part.label, part.prop.name, "initial") for part in self.problem.parts]
        targets += [Target(name, part.label, part.prop.name, "step") for part in parts for name in actions]
        until = min(time.monotonic() + FLAWED * self.options.cti_seconds, self.until)
        if self.instance is None:
            return first_of(self.spec, targets, self.flaws, until, self.places)
        found = (self._found(target, until, glance=True) for target in targets if time.monotonic() < until)
        return next(filter(None, found), None)

    def _result(self, properties: list[PropertyProof], seconds: float, built: float) -> ProofResult:
        used = used_properties(properties)
        lemmas = [prop.name for prop in self.spec.properties if prop.kind == "lemma"]
        labels = {label for item in self.items for label in item.result.core}
        axioms = self.problem.encoder.u.axioms.items()
        assumed = [f"assumption {p.name}" for p in self.spec.properties if f"assume {p.name}" in labels]
        verdict = self._verdict(properties)
        complete = verdict in ("proved", "inductive")  # else nobody knows what the missing proofs need
        return ProofResult(
            self.spec.name,
            self.setting,
            verdict,
            tuple(properties),
            (*(axiom.text for name, axiom in axioms if f"axiom {name}" in labels), *assumed),
            solver_version(),
            seconds,
            built,
            tuple(name for name in lemmas if name not in used) if complete else (),
            tuple(name for name in lemmas if name in used),
            self.flaws,
            not_covered(self.spec),
            time.monotonic() > self.until,
        )

    # ------------------------------------------------------------------------------------------------ solving

    def _tasks(self) -> Iterator[tuple[Obligation, Task]]:
        """All obligations; fewer if half of the time that is left is spent on making them."""
        latest = time.monotonic() + self._left() / 2
        for one in self.problem.all():
            if time.monotonic() > latest:
                self.complete = False
                return
            yield one, self._task(one, self.quick)

    def _unknown(self, tasks: list[tuple[Obligation, Task]]) -> set[str]:
        """The conjuncts that are not known to be inductive from an earlier run: only these need follow from others."""
        proved = {task.name for _, task in tasks if (known := self._known(task)) and known.status == "proved"}
        return {one.part.label for one, task in tasks if one.part is not None and task.name not in proved}

    def _known(self, task: Task) -> Outcome | None:
        return store.load(task) if self.options.use_cache else None

    def _left(self) -> float:
        return max(0.0, self.until - time.monotonic())

    def _task(self, one: Obligation, attempts: tuple[Attempt, ...], until: float = math.inf) -> Task:
        text, labels = self.writer.text(one)
        latest = min(until, self.until)
        near, digests = self.problem.near(one), self.writer.digests(one)
        return Task(one.name, text, labels, self.options.seconds, attempts, near, latest, digests)

    def _solved(self, tasks: list[tuple[Obligation, Task]]) -> list[_Item]:
        """Solves obligations, those that are not known from an earlier run."""
        known = [self._known(task) for _, task in tasks]
        todo = [task for (_, task), old in zip(tasks, known, strict=True) if old is None]
        done = len(tasks) - len(todo)

        def told(task: Task, outcome: Outcome) -> None:
            nonlocal done
            done += 1
            store.store(task, outcome)
            if self.progress is not None:
                self.progress(done, len(tasks), task.name)

        fresh = iter(solve_all(todo, self.options.processes, told))
        outcomes = [old if old is not None else next(fresh) for old in known]
        return [_Item(one, _result(one, outcome)) for (one, _), outcome in zip(tasks, outcomes, strict=True)]

    def _derive(self) -> None:
        """A conjunct that some action does not keep by itself may follow from the others, before or after the step.

        Only conjuncts that are kept by themselves, or were derived before, are used: no two follow from each other.
        """
        self._if_evaluated()
        parts = {part.label: part for part in (*self.problem.parts, *self.problem.step_parts)}
        for part in self.problem.parts:
            failing = self._failing()  # one after the other: what has been derived helps with the next
            if any(map(self._derivable, self._of(part.label))):
                self._implied(part, failing)
        failing = self._failing()
        relative = list(filter(self._derivable, self.items))
        found = [(item, one) for item in relative for one in self._relative(item, parts, failing)]
        for (item, _), solved in zip(
            found, self._solved([(o, self._task(o, self.quick)) for _, o in found]), strict=True
        ):
            if not solved.open:
                self._settle([item], solved)

    def _derivable(self, item: _Item) -> bool:
        """Whether it is worth trying: what has a counterexample follows from nothing."""
        late = time.monotonic() > self.until
        return item.open and item.result.kind == "step" and item.result.prop not in self.ctis and not late

    def _if_evaluated(self) -> None:
        """What the solver has a counterexample to that may be no step, since it meets an evaluation error."""
        parts = {part.label: part for part in (*self.problem.parts, *self.problem.step_parts)}
        several = [
            i for i in self.items if i.result.status == "refuted" and self._derivable(i) and i.result.part in parts
        ]
        found = [(item, self._evaluated(item, parts[item.result.part])) for item in several]
        tasks = [(one, self._task(one, self.quick)) for _, one in found]
        for (item, _), solved in zip(found, self._solved(tasks), strict=True):
            if not solved.open:
                self._settle([item], solved)

    def _evaluated(self, item: _Item, part: Part) -> Obligation:
        several = self.problem.evaluated(self._action_of(item), part)
        return next(one for one in several if one.name == item.result.name)

    def _refine(self) -> None:
        """Refinements that were not shown, with witnesses."""
        parts = {part.label: part for part in self.problem.step_parts if part.prop.kind == "refines"}
        left = [item for item in self.items if item.open and item.result.kind == "step" and item.result.part in parts]
        found = [(item, self._witnessed(item, parts[item.result.part])) for item in left]
        tasks = [(one, self._task(one, (*QUICK, *SELECTIVE))) for _, several in found for one in several]
        solved = iter(self._solved(tasks))
        for item, several in found:
            for _ in several:
                by = next(solved)
                if not by.open:
                    item.result = replace(by.result, by="witnesses")

    def _witnessed(self, item: _Item, part: Part) -> list[Obligation]:
        action = self._action_of(item)
        return [one for one in self.problem.witnessed(action, part) if one.name == item.result.name]

    def _action_of(self, item: _Item) -> core.Action:
        return next(a for a in self.spec.actions if a.name == Target.of(item.obligation).action)

    def _implied(self, part: Part, failing: frozenset[str]) -> None:
        for item in self._solved([(one, self._task(one, self.ways)) for one in self.problem.implied(part, failing)]):
            if not item.open:
                self._settle([i for i in self._of(part.label) if i.open and i.result.kind == "step"], item)

    def _relative(self, item: _Item, parts: dict[str, Part], failing: frozenset[str]) -> list[Obligation]:
        several = self.problem.relative(self._action_of(item), parts[item.result.part], failing)
        return [one for one in several if one.name == item.result.name]

    def _settle(self, items: list[_Item], by: _Item) -> None:
        for item in items:
            item.result = replace(
                by.result, name=item.result.name, kind=item.result.kind, action=item.result.action, by="the others"
            )

    def _failing(self) -> frozenset[str]:
        """The conjuncts that are not shown, and those that rest on one of them in the same state or step: nothing is
        derived from these, so that nothing rests on itself. What was assumed only before the step does no harm."""
        failing = {item.result.part for item in self.items if item.open and item.result.part}
        steps = {part.label for part in self.problem.step_parts}
        rests = [(item.result.part, self._beside(item.result, steps)) for item in self.items if item.result.part]
        while more := {part for part, beside in rests if part not in failing and failing & beside}:
            failing |= more
        return frozenset(failing)

    def _beside(self, result: ObligationResult, steps: set[str]) -> set[str]:
        """What a proof used that is about the same state or step: all, or only the step properties."""
        used = set(result.core)
        return used if result.kind in ("follows", "implied") or result.by == "the others" else used & steps

    def _of(self, label: str) -> list[_Item]:
        return [item for item in self.items if item.result.part == label]

    def _again(self, attempts: tuple[Attempt, ...]) -> None:
        """Tries what is open, and has no counterexample, in other ways."""
        left = [item for item in self.items if item.open and item.result.prop not in self.ctis]
        unknown = [item for item in left if item.result.status == "unknown"]
        solved = self._solved([(item.obligation, self._task(item.obligation, attempts)) for item in unknown])
        for item, again in zip(unknown, solved, strict=True):
            item.result = again.result

    def _following(self, attempts: tuple[Attempt, ...], only: Container[str]) -> list[_Item]:
        """The conjuncts of invariants that follow from the lemmas, and from the invariants before them; in a quarter of
        the time, since what does not follow can still be proved by induction."""
        until = time.monotonic() + self._left() / 4
        several = (one for one in self.problem.following() if one.part and one.part.label in only)
        tasks = [(one, self._task(one, attempts, until)) for one in several]
        return [item for item in self._solved(tasks) if not item.open]

    def _follow_after_all(self) -> None:
        """What induction has left open, in more ways than at first."""
        left = {item.result.part for item in self.items if item.open and item.result.kind == "step"}
        if self.instance is None and left:
            found = self._following(self.ways[len(QUICK) + 1 :], left)
            follow = {item.result.part for item in found}
            self.items = [*found, *(item for item in self.items if not self._follows(item.obligation, follow))]

    def _follows(self, one: Obligation, follow: set[str]) -> bool:
        return one.part is not None and one.kind != "defined" and one.part.label in follow

    # ----------------------------------------------------------------------------------------- counterexamples

    def _refute(self, glance: bool = False) -> None:
        """Looks for a counterexample to induction for each property with open obligations; at a `glance`: only in the
        instances that come first, which takes little where there is none."""
        for name in dict.fromkeys(item.result.prop for item in self.items if item.open):
            if self._enough():
                return
            failed = [item for item in self.items if item.open and item.result.prop == name]
            if name not in self.ctis and (found := self._counterexample(failed, glance)) is not None:
                self.ctis[name] = found

    def _look_nearby(self) -> None:
        """Looks for counterexamples among states of an instance that differ a little from those of runs."""
        left = [item.result for item in self.items if item.open and item.result.prop not in self.ctis]
        names = {one.prop for one in left if one.kind == "step"}
        if self.instance is not None:  # else an integer may leave the range that only the instance gives it
            names |= {one.prop for one in left if not one.prop}
        if names and self.nearby is None:
            self.nearby = self._near()
        if names and self.nearby is not None:
            self.ctis |= self.nearby.find(names, min(time.monotonic() + self.options.cti_seconds, self.until))

    def _near(self) -> Nearby | None:
        if self.instance is not None:
            return Nearby(self.instance)
        sizes = starting(self.spec, self.flaws)
        made = None if sizes is None else instance_of(self.spec, sizes, self.flaws)
        return None if made is None or sizes is None else Nearby(made, sizes)

    def _counterexample(self, failed: list[_Item], glance: bool) -> Cti | None:
        """A counterexample for the first of the failed obligations that has one in a small instance."""
        failed = sorted(failed, key=lambda item: item.result.status != "refuted")
        until = min(time.monotonic() + self.options.cti_seconds, self.until)
        for target in dict.fromkeys(Target.of(item.obligation) for item in failed):
            if time.monotonic() > until:
                break
            if (found := self._found(target, until, glance)) is not None:
                return found
        return None

    def _found(self, target: Target, until: float, glance: bool) -> Cti | None:
        if self.instance is None:
            return find(self.spec, target, self.flaws, until, self.places, glance)
        if self.place is None:
            self.place = Place(self.instance)
        return at_place(self.place, target, Sizes(()), until)

    # ------------------------------------------------------------------------------------------------- fates

    def _properties(self, unsupported: dict[str, Diagnostic]) -> list[PropertyProof]:
        shown: list[core.Property | None] = [p for p in self.spec.properties if p.kind in (*INDUCTIVE, *STEPS, "law")]
        if any(not item.result.prop for item in self.items):
            shown.append(None)
        sound = resting(item.result for item in self.items)
        return [self._property(prop, sound, unsupported.get(prop.name if prop else "")) for prop in shown]

    def _property(self, prop: core.Property | None, sound: set[str], problem: Diagnostic | None) -> PropertyProof:
        key = prop.name if prop is not None else ""
        results = tuple(item.result for item in self.items if item.result.prop == key)
        if not results and self.complete and problem is None:
            results = (_folded(prop),)
        weak = {label for one in results for label in one.core if is_part(label) and label not in sound}
        rest = sorted(label for label in weak if property_name(label) != key or not key)
        cti = self.ctis.get(key)
        fate: Fate = "proved"
        if problem is not None:
            fate = "unsupported"
        elif any(one.status != "proved" for one in results):
            fate = "undecided" if cti is None else "refuted"
        elif not self.complete:
            fate = "undecided"
        elif weak:
            fate = "depends"
        return PropertyProof(
            key or "evaluation",
            prop.kind if prop is not None else "defined",
            fate,
            results,
            cti if fate == "refuted" else None,
            fate == "undecided" and any(one.status == "refuted" for one in results),
            tuple(label or "evaluation" for label in rest) if fate == "depends" else (),
            problem,
            prop.span if prop is not None else NOWHERE,
        )

    def _verdict(self, properties: Iterable[PropertyProof]) -> Verdict:
        fates = {prop.fate for prop in properties}
        if "refuted" in fates:
            return "refuted"
        if "undecided" in fates or "depends" in fates:
            return "undecided"
        if "unsupported" in fates:
            return "unsupported"
        return "proved" if self.instance is None else "inductive"


def _folded(prop: core.Property | None) -> ObligationResult:
    """Of a property of which nothing was left to solve: true as it is written, or of what no action changes."""
    assert prop is not None, "evaluation is shown only if it has obligations"
    return ObligationResult(f"{prop.name}, folded", "folded", None, "", prop.name, "proved", 0.0, "folding")


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


__all__ = ["Options", "Progress", "prove", "prove_instance", "untried"]
