"""What traces did not exercise: actions never taken, pairs of actions never in a row, conditions never true or false.

Every step of an accepted explanation is run once more by the interpreter. Whether a `when` is ever false is seen by
trying all actions, with a few arguments, in some of the states that the traces pass.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyspec.base.diagnostics import SpecError
from pyspec.check.mutants import mutants
from pyspec.check.search import check
from pyspec.conform.explain import Interpreter
from pyspec.conform.plan import Slots, WayPlan
from pyspec.conform.rt import State
from pyspec.conform.search import Search
from pyspec.conform.values import plain
from pyspec.lang import core
from pyspec.lang.unparse import expr_text
from pyspec.model.errors import EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.instance import instantiate
from pyspec.model.rt import elements
from pyspec.model.walk import nodes

if TYPE_CHECKING:
    from pyspec.conform.session import Session

#: At every so many events, all actions are tried.
SAMPLE = 20
ARGUMENTS = 3
#: So many steps of an action are looked into one by one, of the rest every twentieth.
OFTEN = 100

Site = tuple[str, int, str]  # action, line, text of the condition


@dataclass
class Coverage:
    """What one or several traces of a specification have exercised."""

    taken: Counter[str] = field(default_factory=Counter)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    outcomes: dict[Site, set[bool]] = field(default_factory=dict)
    actions: tuple[str, ...] = ()
    last: str | None = None
    events: int = 0

    def begin(self, session: Session) -> None:
        """A new trace."""
        spec = session.model.instance.spec
        self.actions = tuple(action.name for action in spec.actions)
        self.last = None
        for action in spec.actions:
            for node in nodes(action):
                if isinstance(node, core.When | core.If):
                    self.outcomes.setdefault(_site(action, node.cond), set())

    def note(self, session: Session, search: Search) -> None:
        """The event that was just explained."""
        self.events += 1
        if not search.history:
            return
        moment = search.history[-1]
        if moment.event.plan is not None:
            accepted = set(search.states)
            for way in moment.event.plan.ways:
                for state in moment.states[:2]:
                    steps = next(_chains(way, 0, state, moment.event.values, accepted), [])
                    for before, action, args in steps:
                        self._step(session, before, action, args)
        if self.events % SAMPLE == 1:
            self._try_all(session, search.states[0])

    def _step(self, session: Session, state: State, action: core.Action, args: tuple[Any, ...]) -> None:
        self.taken[action.name] += 1
        if self.last is not None:
            self.pairs.add((self.last, action.name))
        self.last = action.name
        if self.taken[action.name] > OFTEN and self.taken[action.name] % SAMPLE:
            return
        self._run(session, state, action, args)

    def _try_all(self, session: Session, state: State) -> None:
        from pyspec.conform.steps import every_argument

        for action in session.model.instance.spec.actions:
            for args in itertools.islice(every_argument(session.model, action, state, ()), ARGUMENTS):
                self._run(session, state, action, args, only_false=True)

    def _run(
        self, session: Session, state: State, action: core.Action, args: tuple[Any, ...], only_false: bool = False
    ) -> None:
        functions = {function.name: function for function in session.model.instance.spec.functions}
        params = {param.name: plain(value) for param, value in zip(action.params, args, strict=True)}
        scope = Scope(session.model.values(state), None, functions, params)
        try:
            for cond, outcome in _decisions(action.body, scope, Interpreter(functions)):
                if not (only_false and outcome):
                    self.outcomes.setdefault(_site(action, cond), set()).add(outcome)
        except EvaluationError:
            return

    def unmissed(self, spec: core.Spec, max_seconds: float = 10.0) -> list[tuple[str, int, str]]:
        """Guards that no trace saw false, and without which no property fails either: (action, line, what was dropped).
        The search of each changed specification has its share of the time; what it does not find in it counts."""
        sites = {(action, line) for (action, line, _), outcome in self.one_sided() if not outcome}
        changed = [m for m in mutants(spec) if "dropped" in m.what and (m.owner, m.span.line) in sites]
        found = []
        for mutant in changed:
            try:
                result = check(instantiate(mutant.spec), max_seconds=max_seconds / len(changed))
            except SpecError:
                continue
            violated = any(prop.verdict == "violated" for prop in result.properties) or result.error is not None
            if not violated:
                found.append((mutant.owner, mutant.span.line, mutant.what))
        return found

    # ------------------------------------------------------------------------------------------------ report

    def never_taken(self) -> list[str]:
        """The actions that no trace took."""
        return [name for name in self.actions if not self.taken[name]]

    def one_sided(self) -> list[tuple[Site, bool]]:
        """Conditions in actions that were taken, and the outcome that was never seen."""
        return [
            (site, outcome)
            for site, seen in self.outcomes.items()
            if self.taken[site[0]]
            for outcome in (True, False)
            if outcome not in seen
        ]

    def never_in_a_row(self) -> list[tuple[str, str]]:
        """Pairs of actions that were taken, but never one right after the other."""
        names = [name for name in self.actions if self.taken[name]]
        return [pair for pair in itertools.product(names, names) if pair not in self.pairs]

    def lines(self) -> list[str]:
        """For readers."""
        taken = ", ".join(f"{name} {count:,}" for name, count in self.taken.most_common())
        out = [f"steps: {taken or 'none'}"]
        out += [f"never taken: {', '.join(never)}"] if (never := self.never_taken()) else []
        for (action, line, text), outcome in self.one_sided():
            out.append(f"never {'true' if outcome else 'false'}: {text} ({action}, line {line})")
        count = len([name for name in self.actions if self.taken[name]]) ** 2
        return [*out, f"one right after the other: {len(self.pairs):,} of {count:,} pairs of these actions"]

    def to_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "taken": dict(self.taken),
            "never_taken": self.never_taken(),
            "one_sided": [
                {"action": action, "line": line, "condition": text, "never": outcome}
                for (action, line, text), outcome in self.one_sided()
            ],
            "never_in_a_row": [list(pair) for pair in self.never_in_a_row()],
        }


def _site(action: core.Action, cond: core.Expr) -> Site:
    return (action.name, cond.span.line, expr_text(cond))


Taken = list[tuple[State, core.Action, tuple[Any, ...]]]


def _chains(way: WayPlan, position: int, state: State, values: Slots, accepted: set[State]) -> Iterator[Taken]:
    """The steps of a way that lead to an accepted state."""
    start = way.put(state, values) if position == 0 else state
    if start is None:
        return
    if position == len(way.way.steps):
        if start in accepted:
            yield []
        return
    form = way.way.steps[position]
    if form.least == 0:
        yield from _chains(way, position + 1, start, values, accepted)
    action = way.model.action(form.action.name)
    for after, args in itertools.islice(way.solve[position](start, values), 50):
        for rest in _chains(way, position + 1, after, values, accepted):
            yield [(start, action, args), *rest]


def _decisions(block: core.Block, scope: Scope, run: Interpreter) -> Iterator[tuple[core.Expr, bool]]:
    """Every condition that the runs of a block come to, with its outcome."""
    for at, statement in enumerate(block):
        rest = block[at + 1 :]
        if isinstance(statement, core.When | core.If):
            outcome = evaluate(statement.cond, scope) is True
            yield statement.cond, outcome
            if isinstance(statement, core.If):
                yield from _decisions((*(statement.then if outcome else statement.other), *rest), scope, run)
                return
            if not outcome:
                return
        elif isinstance(statement, core.Let):
            scope = run.bound(scope, {statement.name: evaluate(statement.value, scope)})
        elif isinstance(statement, core.Assign):
            scope = run.assigned(statement, scope)
        elif isinstance(statement, core.Either):
            for branch in statement.branches:
                yield from _decisions((*branch, *rest), scope, run)
            return
        elif isinstance(statement, core.Any):
            for item in elements(evaluate(statement.domain, scope)):  # type: ignore[arg-type]
                inner = run.bound(scope, {statement.var: item})
                if statement.cond is None or evaluate(statement.cond, inner) is True:
                    yield from _decisions(rest, inner, run)
            return
