"""What has to be proved: that the initial states satisfy each conjunct, and that every action keeps it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from pyspec.base.diagnostics import Diagnostic, SpecError
from pyspec.base.source import NOWHERE, Span
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.lang.typeops import BOOL
from pyspec.lang.types import Type
from pyspec.model.instance import check_flaws
from pyspec.model.walk import nodes
from pyspec.prove.constants import INITIALLY
from pyspec.prove.defined import defined, is_total
from pyspec.prove.encode import Encoder, Env
from pyspec.prove.equals import is_congruence
from pyspec.prove.execute import Run, execute
from pyspec.prove.logic import Truth, conj, implies, neg
from pyspec.prove.reading import reads
from pyspec.prove.structure import fits
from pyspec.prove.values import Val
from pyspec.prove.witnesses import witnessed

#: Kinds of properties that induction proves, and that are assumed in the state before a step.
INDUCTIVE = ("invariant", "lemma")
#: A claim that needs no proof.
TRUE = core.Lit(BOOL, True)
#: The label of the hypothesis that an action takes a step.
STEP = "the step"
#: The label of the hypothesis that the step meets no evaluation error, as if it were one more conjunct.
EVALUATION = ""
#: The label of what is known of the things that a conjunct names.
NAMED = "what the conjunct names"
#: Hypotheses, each with its label.
Given = list[tuple[str, Truth]]
#: Kinds of properties about steps, proved from the inductive ones.
STEPS = ("step", "refines")


@dataclass(frozen=True)
class Part:
    """One conjunct of a property: proved on its own. `number` counts from 1, 0 if it is all of the property."""

    prop: core.Property
    number: int
    body: core.Expr

    @property
    def label(self) -> str:
        """`name`, or `name.2` for the second conjunct."""
        return f"{self.prop.name}.{self.number}" if self.number else self.prop.name

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.body.span if self.body.span != NOWHERE else self.prop.span


@dataclass(frozen=True)
class Obligation:
    """A goal that must follow from hypotheses (named), for every state, parameter and size.

    `kind`: "initial" (the initial states satisfy `part`), "step" (`action` keeps it), "implied" (it follows from the
    other conjuncts), "defined" (the action, or the property, evaluates without an error), "law".
    """

    kind: str
    action: str | None
    part: Part | None
    hypotheses: tuple[tuple[str, Truth], ...]
    goal: Truth
    span: Span = NOWHERE

    @property
    def name(self) -> str:
        """Unique within a proof."""
        what = self.part.label if self.part else "evaluation"
        if self.kind == "defined":
            return f"{what} is defined" if self.part else f"{self.action} is defined"
        if self.kind in _WITHOUT_A_STEP:
            return f"{what} {_WITHOUT_A_STEP[self.kind]}"
        return f"{what} initially" if self.action is None else f"{what} after {self.action}"


#: How obligations that are about one state are called.
_WITHOUT_A_STEP = {"implied": "from the others", "follows": "from the lemmas", "law": "for all values"}


def conjuncts(expr: core.Expr) -> list[core.Expr]:
    """A condition as a conjunction, also of what stands below `all`, `implies` and `let`."""
    if isinstance(expr, core.Op) and expr.op == "and":
        return [one for part in expr.args for one in conjuncts(part)]
    if isinstance(expr, core.Quant) and expr.kind == "all":
        return [dataclasses.replace(expr, body=one) for one in conjuncts(expr.body)]
    if isinstance(expr, core.LetExpr):
        return [dataclasses.replace(expr, body=one) for one in conjuncts(expr.body)]
    if isinstance(expr, core.Op) and expr.op == "implies":
        return [dataclasses.replace(expr, args=(expr.args[0], one)) for one in conjuncts(expr.args[1])]
    return [expr]


def parts_of(prop: core.Property) -> list[Part]:
    """The conjuncts of a property."""
    bodies = conjuncts(prop.body)
    return [Part(prop, number if len(bodies) > 1 else 0, body) for number, body in enumerate(bodies, 1)]


class Obligations:
    """Makes the obligations of one specification (any size) or instance (finite)."""

    def __init__(self, spec: core.Spec, *, finite: bool = False, flaws: tuple[str, ...] = ()) -> None:
        check_flaws(spec, flaws)
        self.spec = spec
        self.encoder = Encoder(spec, finite=finite, flaws=flaws)
        self.functions = {function.name: function for function in spec.functions}
        u = self.encoder.u
        self.before: dict[str, Val] = {var.name: u.load(var.type, var.name) for var in spec.vars}
        self.encoder.opaque.first = self.before
        self.parts = self._parts(INDUCTIVE)
        self.step_parts = self._parts(STEPS)
        self.law_parts = self._parts(("law",))
        self._assumed: dict[str, Truth] = {}
        self._written = {node.var for action in spec.actions for node in nodes(action) if isinstance(node, core.Assign)}
        self._places = {prop.name: place for place, prop in enumerate(spec.properties)}

    def _parts(self, kinds: Container[str]) -> list[Part]:
        """The conjuncts of properties of these kinds; that equals are equal needs no proof."""
        several = [part for prop in self.spec.properties if prop.kind in kinds for part in parts_of(prop)]
        return [replace(part, body=TRUE) if self._is_certain(part.body) else part for part in several]

    def _is_certain(self, body: core.Expr) -> bool:
        return is_congruence(body, self.functions) and is_total(self.encoder, body)

    def near(self, obligation: Obligation) -> tuple[str, ...]:
        """The labels of all conjuncts, those that stand next to the obligation's first: its own, those before, those
        after."""
        parts = sorted((*self.parts, *self.step_parts), key=lambda part: self._places[part.prop.name])
        if obligation.part is None:
            return tuple(part.label for part in parts)
        here = self._places[obligation.part.prop.name]

        def distance(part: Part) -> tuple[int, int]:
            place = self._places[part.prop.name]
            return abs(place - here) * (1 if place <= here else 2), place

        return tuple(part.label for part in sorted(parts, key=distance))

    def leave_out_unsupported(self) -> dict[str, Diagnostic]:
        """Leaves out the properties that have no encoding, and says why."""
        found: dict[str, Diagnostic] = {}
        env = Env(self.before, self.before)
        for part in (*self.parts, *self.step_parts, *self.law_parts):
            scope = replace(env, locals=self.law_values(part.prop))
            try:
                with self.encoder.u.collecting():
                    self.encoder.truth(part.body, scope)
            except SpecError as problem:
                found[part.prop.name] = problem.diagnostics[0]
        self.parts = [part for part in self.parts if part.prop.name not in found]
        self.step_parts = [part for part in self.step_parts if part.prop.name not in found]
        self.law_parts = [part for part in self.law_parts if part.prop.name not in found]
        return found

    # -------------------------------------------------------------------------------------------- hypotheses

    def _hypothesis(self, label: str, make: Callable[[], Truth]) -> tuple[str, Truth]:
        """A named hypothesis, with the facts that its encoding brings up; made once."""
        if label not in self._assumed:
            with self.encoder.u.collecting() as facts:
                formula = make()
            self._assumed[label] = conj((*facts, formula))
        return label, self._assumed[label]

    def assumptions(self) -> Given:
        """What the specification assumes of its constants."""
        e = self.encoder
        if not e.finite:
            self._byzantine()
        return [
            self._hypothesis(f"assume {prop.name}", partial(e.truth, prop.body, Env({})))
            for prop in self.spec.properties
            if prop.kind == "assume"
        ]

    def _byzantine(self) -> None:
        """Quorums of more than two thirds, of nodes of which less than a third are Byzantine."""
        for liars in (var for var in self.spec.vars if var.kind == "byzantine"):
            for decl in (const for const in self.spec.consts if const.quorum == "byzantine"):
                assert isinstance(liars.type, ty.Set)
                if self.spec.types.get(decl.quorum_of or "") == liars.type.item:
                    self._meet_in_a_correct_node(decl.name, liars.name)

    def _meet_in_a_correct_node(self, quorums: str, liars: str) -> None:
        system, wrong = self.encoder.const(quorums), self.before[liars]

        def correct(p: Val, q: Val) -> Truth:
            return p.each("exists", lambda x: conj((q.contains(x), neg(wrong.contains(x)))))

        name = f"correct {quorums}"
        text = (
            f"less than a third of the nodes are Byzantine: any two quorums of {quorums} have a correct one in common"
        )
        self.encoder.u.axiom(
            name, text, lambda: system.each("all", lambda p: system.each("all", lambda q: correct(p, q)))
        )

    def types(self) -> Given:
        """That the variables lie within their types before the step, since stores are checked; and that those which no
        action writes are as they were at first."""
        u = self.encoder.u
        found = [
            self._hypothesis(f"type of {var.name}", partial(fits, u, var.type, self.before[var.name]))
            for var in self.spec.vars
        ]
        for var in self.spec.vars:
            if var.name not in self._written and (formula := _as_at_first(var)) and not self._told_by_quorums(var):
                with suppress(SpecError):  # of what has no encoding nothing is assumed
                    found.append(self._hypothesis(f"{var.name} at first", partial(self._truth_before, formula)))
        return found

    def _truth_before(self, formula: core.Expr) -> Truth:
        return self.encoder.truth(formula, Env(self.before))

    def _told_by_quorums(self, var: core.Var) -> bool:
        """For any size, how many nodes are Byzantine is told by the quorums alone."""
        return var.kind == "byzantine" and not self.encoder.finite

    def induction(self, without: frozenset[str] = frozenset()) -> Given:
        """The invariants and lemmas before the step."""
        e, env = self.encoder, Env(self.before)
        parts = [part for part in self.parts if part.label not in without]
        return [self._hypothesis(part.label, partial(e.truth, part.body, env)) for part in parts]

    def _afterwards(self, state: Mapping[str, Val], without: frozenset[str]) -> Given:
        """The invariants and lemmas after a step, but for some."""
        found = []
        for part in self.parts:
            if part.label not in without:
                with self.encoder.u.collecting() as facts:
                    formula = self.encoder.truth(part.body, Env(state))
                found.append((part.label, conj((*facts, formula))))
        return found

    def implied(self, part: Part, without: frozenset[str]) -> Iterator[Obligation]:
        """A conjunct follows from the others (but for some) in the same state."""
        given = [*self.assumptions(), *self.types(), *self.induction(without | {part.label})]
        yield from self._goal("implied", None, part, given, partial(self.encoder.truth, part.body, Env(self.before)))

    def relative(self, action: core.Action, part: Part, without: frozenset[str]) -> Iterator[Obligation]:
        """An action keeps a conjunct if it keeps the others (but for some)."""
        for number, (run, given) in enumerate(self.runs(action)):
            after = self._afterwards(run.state, without | {part.label})
            yield from (one for one in self._of_run(action, number, run, [*given, *after], part.label))

    def _axioms(self, kind: str) -> Given:
        """What is assumed of the symbols that were used so far."""
        axioms = self.encoder.u.axioms.items()
        used = ((name, one) for name, one in axioms if kind == "initial" or not name.startswith(INITIALLY))
        return [(f"axiom {name}", axiom.formula) for name, axiom in used]

    def _obligation(
        self, kind: str, action: str | None, part: Part | None, given: Given, goal: Truth, span: Span
    ) -> Obligation:
        named = [*self.encoder.opaque.definitions(), *self._axioms(kind), *given]
        kept = tuple((label, formula) for label, formula in named if formula is not True)
        return Obligation(kind, action, part, kept, goal, span)

    # -------------------------------------------------------------------------------------------- obligations

    def following(self) -> Iterator[Obligation]:
        """That an invariant follows from all lemmas and the invariants before it: then it needs no induction."""
        e, env = self.encoder, Env(self.before)
        known = [part for part in self.parts if part.prop.kind == "lemma"]
        for part in self.parts:
            if part.prop.kind == "lemma":
                continue
            if known:
                given = [self._hypothesis(one.label, partial(e.truth, one.body, env)) for one in known]
                given = [*self.assumptions(), *self.types(), *given]
                yield from self._goal("follows", None, part, given, partial(e.truth, part.body, env))
            known.append(part)

    def all(self) -> Iterator[Obligation]:
        """Every obligation of the specification."""
        yield from self.initial()
        for action in self.spec.actions:
            yield from self.steps(action)
        yield from self.definitions()
        yield from self.laws()

    def initial(self) -> Iterator[Obligation]:
        """The initial states satisfy every conjunct."""
        if not self.parts and not any(prop.kind == "refines" for prop in self.spec.properties):
            return  # laws alone: whether the initial state has an encoding does not matter
        e = self.encoder
        with e.u.collecting() as facts:
            state, guards = self._initial_state()
            env = Env(state)
            guards += [e.truth(cond, env) for cond in self.spec.init_where]
            begin = [("the initial state", conj((*facts, *guards))), *self.assumptions()]
        if any(formula is False for _, formula in begin):
            return
        for part in self.parts:
            yield from self._goal("initial", None, part, begin, partial(e.truth, part.body, env))
        for prop in self.spec.properties:
            if prop.kind == "refines" and prop.second is not None:
                second = Part(prop, 0, prop.second)
                yield from self._goal("initial", None, second, begin, partial(e.truth, second.body, env))

    def _initial_state(self) -> tuple[dict[str, Val], list[Truth]]:
        e, state, guards = self.encoder, {}, []
        for var in self.spec.vars:
            if var.init is not None:
                state[var.name] = e.value(var.init, Env({}))
            elif self._told_by_quorums(var):
                state[var.name] = self.before[var.name]
            elif var.choices is not None:
                state[var.name], guard = e.value(var.choices, Env({})).pick(f"{var.name} at first")
                guards.append(guard)
        return state, guards

    def _goal(
        self, kind: str, action: str | None, part: Part, given: Given, make: Callable[[], Truth]
    ) -> Iterator[Obligation]:
        with self.encoder.u.collecting() as facts:
            goal = make()
        if goal is True:
            return
        extra = [(NAMED, conj(facts))] if facts else []
        yield self._obligation(kind, action, part, [*given, *extra], goal, part.span)

    def steps(self, action: core.Action, only: str | None = None) -> Iterator[Obligation]:
        """Every run of an action keeps every conjunct, and satisfies every step property; `only`: the one conjunct of
        that label, or the absence of evaluation errors for ""."""
        yield from (obligation for _, obligation in self.steps_with_runs(action, only))

    def steps_with_runs(
        self, action: core.Action, only: str | None = None, runs: Iterable[tuple[Run, Given]] | None = None
    ) -> Iterator[tuple[Run, Obligation]]:
        """The obligations of an action, each with its run (of `runs`, if they are known)."""
        for number, (run, given) in enumerate(self.runs(action) if runs is None else runs):
            yield from ((run, one) for one in self._of_run(action, number, run, given, only))

    def evaluated(self, action: core.Action, part: Part) -> Iterator[Obligation]:
        """That an action keeps a conjunct if it meets no evaluation error."""
        for run, one in self.steps_with_runs(action, part.label):
            checks = conj(implies(check.guard, check.cond) for check in run.checks)
            yield replace(one, hypotheses=(*one.hypotheses, (EVALUATION, checks)))

    def _of_run(
        self, action: core.Action, number: int, run: Run, given: Given, only: str | None
    ) -> Iterator[Obligation]:
        e = self.encoder
        name = _name_of(action, number)
        changed = frozenset(var for var, value in run.state.items() if value is not self.before[var])
        env, steps = Env(run.state), Env(self.before, run.state)
        if only in (None, ""):
            yield from self._safe(name, run, given, action.span)
        if False in run.conds:
            return
        also = self._step_hypotheses(steps) if only is None else []
        for part in self.parts:
            if only in (None, part.label, part.prop.name) and self.reads(part.body) & changed:
                yield from self._goal("step", name, part, [*given, *also], partial(e.truth, part.body, env))
        for part in self.step_parts:
            if only in (None, part.label, part.prop.name):
                known = self._both_sides(run, given) if part.prop.kind == "refines" else given
                yield from self._goal("step", name, part, known, partial(e.truth, part.body, steps))

    def _both_sides(self, run: Run, given: Given) -> Given:
        """The hypotheses of a refinement: nothing rests on it, so it may rest on all that is known of both states."""
        steps = self._step_hypotheses(Env(self.before, run.state))
        return [*given, *self._afterwards(run.state, frozenset()), *steps]

    def witnessed(self, action: core.Action, part: Part) -> Iterator[Obligation]:
        """That the steps of an action refine an abstract action with parameters of this action's own."""
        body = witnessed(part.body, action)
        for number, (run, given) in enumerate(self.runs(action) if body is not None else ()):
            assert body is not None
            name, env = _name_of(action, number), Env(self.before, run.state, run.locals)
            make = partial(self.encoder.truth, body, env)
            yield from self._goal("step", name, part, self._both_sides(run, given), make)

    def kept(self, name: str, run: Run, given: Given, part: Part) -> Iterator[Obligation]:
        """A run keeps one conjunct (nothing, if the run does not write what it reads), or one of a step property holds
        of it."""
        changed = frozenset(var for var, value in run.state.items() if value is not self.before[var])
        of_step = part.prop.kind in STEPS
        env = Env(self.before, run.state) if of_step else Env(run.state)
        if False not in run.conds and (of_step or self.reads(part.body) & changed):
            yield from self._goal("step", name, part, given, partial(self.encoder.truth, part.body, env))

    def _step_hypotheses(self, steps: Env) -> Given:
        """The step properties, which are proved from the state before the step alone, help with the state after it."""
        found = []
        for part in self.step_parts:
            if part.prop.kind == "step":
                with self.encoder.u.collecting() as facts:
                    formula = self.encoder.truth(part.body, steps)
                found.append((part.label, conj((*facts, formula))))
        return found

    def runs(self, action: core.Action) -> Iterator[tuple[Run, Given]]:
        """The runs of an action, with the hypotheses under which it leads somewhere."""
        e = self.encoder
        e.opaque.forget_run()
        with e.u.collecting() as facts:
            found = execute(e, action, self.before)
        for plain in found:
            run = dataclasses.replace(plain, facts=tuple(facts))
            step = (STEP, conj((*facts, *run.conds)))
            yield run, [*self.assumptions(), *self.types(), *self.induction(), step]

    def _safe(self, name: str, run: Run, given: Given, span: Span) -> Iterator[Obligation]:
        """The run meets no evaluation error: also where it is abandoned later, so its conditions are not assumed."""
        if not run.checks:
            return
        goal = conj(implies(check.guard, check.cond) for check in run.checks)
        if goal is not True:
            base = [(label, conj(run.facts) if label == STEP else formula) for label, formula in given]
            yield self._obligation("defined", name, None, base, goal, span)

    def definitions(self) -> Iterator[Obligation]:
        """Invariants, lemmas and step properties have a value in every state that satisfies the invariants."""
        e, env = self.encoder, Env(self.before)
        given = [*self.assumptions(), *self.types(), *self.induction()]
        for part in self.parts:
            if not is_total(e, part.body):
                make = partial(defined, e, part.body, env)
                yield from self._goal("defined", None, part, given, make)

    def laws(self) -> Iterator[Obligation]:
        """Laws hold for all values of their parameters."""
        e = self.encoder
        for part in self.law_parts:
            values = self.law_values(part.prop)
            kinds = dict(part.prop.params)
            within = self._hypothesis(
                f"the values of {part.prop.name}",
                partial(_all_fit, e, [(kinds[name], value) for name, value in values.items()]),
            )
            env = Env({}, None, values)
            yield from self._goal("law", None, part, [*self.assumptions(), within], partial(e.truth, part.body, env))

    def law_values(self, prop: core.Property) -> dict[str, Val]:
        """The parameters of a law as symbols."""
        return {name: self.encoder.u.load(of, f"{prop.name}:{name}") for name, of in prop.params}

    def reads(self, expr: core.Expr) -> frozenset[str]:
        """The variables that an expression reads."""
        return reads(expr, self.functions)


def _as_at_first(var: core.Var) -> core.Expr | None:
    """That a variable has an initial value; None if it may be anything of its type."""
    now = core.StateVar(var.type, var.name)
    if var.init is not None:
        return core.Op(BOOL, "eq", (now, var.init))
    return core.Op(BOOL, "set.in", (now, var.choices)) if var.choices is not None else None


def _name_of(action: core.Action, run: int) -> str:
    return action.name if run == 0 else f"{action.name} #{run + 1}"


def _all_fit(e: Encoder, values: list[tuple[Type, Val]]) -> Truth:
    return conj(fits(e.u, of, value) for of, value in values)


__all__ = ["INDUCTIVE", "Obligation", "Obligations", "Part", "conjuncts", "neg", "parts_of", "reads"]
