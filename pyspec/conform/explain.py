"""Why a trace is rejected: the event, the states that had explained what came before it, and for each step that the
event could have been, what is false; then what would help, to tell a wrong value from a lost or misplaced line."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyspec.conform.lines import ABSENT, Line
from pyspec.conform.plan import Check, RulePlan, Slots, WayPlan
from pyspec.conform.rt import State
from pyspec.conform.search import Event, Search
from pyspec.conform.typed import StepForm
from pyspec.conform.values import plain
from pyspec.conform.whatif import what_would_help
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.errors import EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.explain import because
from pyspec.model.rt import elements, stored
from pyspec.model.values import Rec, Value, show, to_json

if TYPE_CHECKING:
    from pyspec.conform.session import Session

MOST_STATES = 3
MOST_CANDIDATES = 5
MOST_ATTEMPTS = 24


@dataclass(frozen=True)
class Miss:
    """A step that the event could have been, and why it is not: the nearest has the least `cost`."""

    step: str
    reasons: tuple[str, ...]
    cost: float


@dataclass(frozen=True)
class Rejection:
    """The first event that no state explains."""

    file: str
    line: int
    event: str
    record: dict[str, Any]
    explained: int
    states: tuple[tuple[tuple[str, str, Value], ...], ...]
    more_states: int
    misses: tuple[Miss, ...]
    diagnosis: tuple[str, ...]
    conclusive: bool = True
    cause: str = "unknown"  # "value", "order", "missing", "extra", "unknown"

    def lines(self) -> list[str]:
        """The rejection for a reader."""
        text = json.dumps({k: v for k, v in self.record.items() if not k.startswith("@")}, ensure_ascii=False)
        shown = text if len(text) < 400 else text[:400] + " ..."
        out = [f"{self.file}:{self.line}: no step of the specification explains the event {self.event}", f"  {shown}"]
        out += [f"the {self.explained:,} events before it are explained; the state then:"] if self.explained else [
            "it is the first event; the initial state:"]  # fmt: skip
        for number, state in enumerate(self.states, 1):
            head = [f"  state {number} of {len(self.states) + self.more_states}"] if len(self.states) > 1 else []
            out += [*head, *(f"    {name} = {value}" for name, value, _ in state)]
        if self.more_states:
            out.append(f"  ... and {self.more_states} more")
        out.append("what it could have been, nearest first:" if self.misses else "nothing that it could have been")
        for miss in self.misses:
            out += [f"  {miss.step}", *(f"    {reason}" for reason in miss.reasons)]
        out += [f"note: {text}" for text in self.diagnosis]
        if not self.conclusive:
            out.append(
                "note: no verdict: not every order, silent step and state was tried; "
                "[silent] most, --tries and --width go further"
            )
        return out

    def to_json(self) -> dict[str, object]:
        """The same for programs."""
        return {
            "file": self.file,
            "line": self.line,
            "event": self.event,
            "record": {k: v for k, v in self.record.items() if not k.startswith("@")},
            "explained": self.explained,
            "states": [{name: to_json(value) for name, _, value in state} for state in self.states],
            "more_states": self.more_states,
            "candidates": [{"step": m.step, "reasons": list(m.reasons), "cost": m.cost} for m in self.misses],
            "diagnosis": list(self.diagnosis),
            "cause": self.cause,
            "conclusive": self.conclusive,
        }


def explain(session: Session, search: Search) -> Rejection:
    """The rejection of the event at which a search failed."""
    of_each = [
        (event, list(_misses(session, search.states, event))) for event in search.failed if event.plan is not None
    ]
    nearest = min(of_each, key=lambda one: min((miss.cost for miss in one[1]), default=9.0))[0]
    search.failed = [nearest, *(event for event in search.failed if event is not nearest)]
    events, misses = search.failed, [miss for event, found in of_each if event is nearest for miss in found]
    best: dict[str, Miss] = {}
    for miss in sorted(misses, key=lambda one: one.cost):
        best.setdefault(miss.step, miss)
    kept = tuple(list(best.values())[:MOST_CANDIDATES])
    cause, diagnosis = what_would_help(session, search, kept)
    gone = _forgotten(session, search)
    unsure = len(search.states) > MOST_STATES or any(_lacks_a_message(why) for miss in misses for why in miss.reasons)
    lacking = gone > 0 and unsure
    if lacking:
        keep = session.text.log.keep
        diagnosis.append(f"{gone:,} older messages have been forgotten ([log] keep = {keep}; keep = 0 keeps all)")
    if session.limits.silent:
        diagnosis.append(_of_silent_steps(session, search.more_silent))
    line = events[0].line
    shown = search.states[:MOST_STATES]
    return Rejection(
        line.file,
        line.number,
        _kind(session, line),
        line.record,
        search.events,
        tuple(_shown(session, state, events[0]) for state in shown),
        len(search.states) - len(shown),
        kept,
        tuple(diagnosis),
        search.conclusive and not lacking,
        cause,
    )


def _of_silent_steps(session: Session, more: bool | None) -> str:
    """Whether the event stays unexplained with more silent steps than the mapping allows."""
    most = session.text.most_silent
    if more is False:
        return "no number of silent steps explains it"
    if more:
        return f"at most {most} silent steps were tried together, and more explain it: set [silent] most higher"
    return f"at most {most} silent steps were tried together, and more may explain it: set [silent] most higher"


def _lacks_a_message(why: str) -> bool:
    """Whether a reason may go away with one more message: none fits, or none is for this node."""
    return "can be received" in why or " cannot be " in why


def _forgotten(session: Session, search: Search) -> int:
    """How many messages of one type are not remembered any more, of the type that lacks most."""
    pools = [session.model.attributes[name] for name in session.model.pools]
    return max((getattr(state, pool).forgotten for state in search.states for pool in pools), default=0)


def _kind(session: Session, line: Line) -> str:
    return str(session.kind_of(line))


LONGEST = 160


def _shown(session: Session, state: State, event: Event) -> tuple[tuple[str, str, Value], ...]:
    """A state for readers: of a pool of many messages, how many there are; of a long text, both ends."""
    types = {var.name: var.type for var in session.model.instance.spec.vars}
    rows: list[tuple[str, str, Value]] = []
    for name, value in session.model.values(state).items():
        if name.startswith("budget."):
            continue
        if name in session.model.pools and len(value) > 6:  # type: ignore[arg-type]
            rows.append((name, f"{len(value)} messages", len(value)))  # type: ignore[arg-type]
            continue
        text = show(value, types[name])
        rows.append((name, text if len(text) <= LONGEST else f"{text[:100]} ... {text[-40:]}", value))
    return tuple(rows)


# --------------------------------------------------------------------------------------------- candidates


def _misses(session: Session, states: list[State], event: Event) -> Iterator[Miss]:
    plan = event.plan
    assert plan is not None
    for way in plan.ways:
        for state in states[:MOST_STATES]:
            yield from _of_way(session, plan, way, state, event.values)


def _of_way(session: Session, plan: RulePlan, way: WayPlan, state: State, values: Slots) -> Iterator[Miss]:
    early = [check for check in way.before if not check.needs_args]
    false = [(check, found) for check, found in asked(early, state, values, ()) if found is not True]
    if false:
        word = way.way.steps[0].action.name if way.way.steps else "no step"
        reasons = [_disagrees("before it", check, found, plan, values) for check, found in false]
        yield Miss(f"{word}: the state before does not fit", tuple(reasons), len(false) + 0.5)
        return
    session.problems.found.clear()
    prepared = way.put(state, values)
    if prepared is None:
        wrong = "; ".join(one.message for one in session.problems.found)
        yield Miss(way.way.posts[0].text, (f"cannot be sent: {wrong}",), 2.0)
        return
    state = prepared
    if not way.way.steps:
        yield from _at_the_end(session, plan, way, state, (), values, "no step")
        return
    yield from _from_step(session, plan, way, 0, state, values, "")


def _from_step(
    session: Session, plan: RulePlan, way: WayPlan, position: int, state: State, values: Slots, before: str
) -> Iterator[Miss]:
    form = way.way.steps[position]
    model = session.model
    last = position + 1 == len(way.way.steps)
    if form.least == 0:
        if last:
            yield from _at_the_end(session, plan, way, state, (), values, f"{before}no {form.action.name}")
        else:
            yield from _from_step(session, plan, way, position + 1, state, values, before)
    found = False
    for args in attempts(session, form, state, values):
        found = True
        name = f"{before}{call_text(form.action, args)}"
        try:
            afters = list(model.run(form.action.name)(state, *args))
        except EvaluationError as wrong:
            yield Miss(name, (f"its evaluation fails: {wrong.message}",), 3.0)
            continue
        if not afters:
            yield _refused(session, form.action, args, state, name)
        elif other := [found for found in asked(way.reads[position], state, values, args) if found[1] is not True]:
            reasons = [_disagrees("the message received:", *found, plan, values) for found in other]
            yield Miss(name, tuple(reasons), 0.5 + len(reasons))
            continue
        for after in afters[:MOST_ATTEMPTS]:
            if last:
                yield from _at_the_end(session, plan, way, after, args, values, name, state)
            else:
                yield from _from_step(session, plan, way, position + 1, after, values, f"{name}, then ")
    if not found:
        yield from _no_arguments(session, form, state, values, before)


def _at_the_end(
    session: Session,
    plan: RulePlan,
    way: WayPlan,
    state: State,
    args: tuple[Value, ...],
    values: Slots,
    name: str,
    start: State | None = None,
) -> Iterator[Miss]:
    """What disagrees after all steps."""
    reasons = []
    late = [check for check in way.before if check.needs_args]
    if start is not None and args and len(way.way.steps) == 1:
        reasons += [
            _disagrees("before it", check, found, plan, values)
            for check, found in asked(late, start, values, args)
            if found is not True
        ]
    plain_checks = [check for check in way.after if not check.about_sent]
    for check, found in asked(plain_checks, state, values, args):
        if found is not True:
            reasons.append(
                _disagrees("after it" if args or way.way.steps else "in the state", check, found, plan, values)
            )
    reasons += _about_sent(plan, way, state, args, values)
    if reasons:
        yield Miss(name, tuple(reasons), float(len(reasons)))


def _about_sent(plan: RulePlan, way: WayPlan, state: Any, args: tuple[Value, ...], values: Slots) -> list[str]:
    about = [check for check in way.after if check.about_sent]
    if not about:
        return []
    best: list[str] | None = None
    for message in state.sent_:
        if message._name == way.way.sent:
            wrong = [
                _disagrees(f"it sends {show(plain(message))}:", check, found, plan, values)
                for check, found in asked(about, state, values, args, message)
                if found is not True
            ]
            best = wrong if best is None or len(wrong) < len(best) else best
    return [f"it sends no {way.way.sent}"] if best is None else best


def asked(
    checks: Iterable[Check], state: State, values: Slots, args: tuple[Value, ...], sent: Value = ABSENT
) -> Iterator[tuple[Check, Value]]:
    """Each condition with True, or with what the specification has instead of the log's value."""
    for check in checks:
        wanted = True if check.slot is None else values[check.slot]
        if wanted is ABSENT:
            continue
        try:
            found = check.asked(state, values, args, sent)
        except EvaluationError as wrong:
            yield check, f"an error ({wrong.message})"
            continue
        if found is not ABSENT:
            yield check, True if found == wanted else _Different(found)


@dataclass(frozen=True)
class _Different:
    value: Value


def _disagrees(when: str, check: Check, found: Value, plan: RulePlan, values: Slots) -> str:
    of = check.condition.function.result
    value = show(plain(found.value), of) if isinstance(found, _Different) else str(found)
    if check.slot is None:
        return f"{when} {check.condition.text} is false"
    path = plan.readings[check.slot].path
    said = show(plain(values[check.slot]), of)
    source = f" ({path})" if isinstance(path, str) and not path.startswith("=") else ""
    return f"{when} {check.condition.text} is {value}, the log says {said}{source}"


# ---------------------------------------------------------------------------------------------- arguments


def attempts(session: Session, form: StepForm, state: State, values: Slots) -> Iterator[tuple[Value, ...]]:
    """Arguments that a step may have been taken with: given by the event, or from their sets; not too many."""
    yield from itertools.islice(_choices(session, form, state, values, ()), MOST_ATTEMPTS)


def _choices(
    session: Session, form: StepForm, state: State, values: Slots, so_far: tuple[Value, ...]
) -> Iterator[tuple[Value, ...]]:
    action, model = session.model.action(form.action.name), session.model
    at = len(so_far)
    if at == len(action.params):
        yield so_far
        return
    binding = form.bindings.get(action.params[at].name)
    if binding is not None and binding.whole is not None and values[binding.whole] is not ABSENT:
        member = model.space[model.names.of("member", f"{action.name} {at}")]
        options: Iterable[Value] = [values[binding.whole]] if member(state, *so_far, values[binding.whole]) else []
    else:
        try:
            options = model.domain(action.name, at)(state, *so_far)
        except EvaluationError:
            options = []
        if binding is not None and binding.fields:
            known = [(field, values[slot]) for field, slot in binding.fields if values[slot] is not ABSENT]
            options = (one for one in options if all(one[field] == value for field, value in known))  # type: ignore[index]
    for option in options:
        yield from _choices(session, form, state, values, (*so_far, option))


def call_text(action: core.Action, args: tuple[Value, ...]) -> str:
    """`on_Vote(msg=Vote(...))`."""
    pairs = [f"{p.name}={show(plain(a), p.type)}" for p, a in zip(action.params, args, strict=True) if p.shown]
    return f"{action.name}({', '.join(pairs)})"


def _no_arguments(session: Session, form: StepForm, state: State, values: Slots, before: str) -> Iterator[Miss]:
    """No argument fits: for a message, the nearest one that there is."""
    for param in session.model.action(form.action.name).params:
        binding = form.bindings.get(param.name)
        if binding is None:
            continue
        if binding.whole is not None and values[binding.whole] is not ABSENT:
            said = show(plain(values[binding.whole]), param.type)
            yield Miss(f"{before}{form.action.name}", (f"{param.name} cannot be {said} here",), 2.0)
            return
        if isinstance(param.type, ty.Record) and binding.fields:
            yield _no_message(session, form, param, state, values, before)
            return
    yield Miss(f"{before}{form.action.name}", ("there is nothing that it could be taken with",), 4.0)


def _no_message(session: Session, form: StepForm, param: core.Param, state: State, values: Slots, before: str) -> Miss:
    binding = form.bindings[param.name]
    known = {field: values[slot] for field, slot in binding.fields if values[slot] is not ABSENT}
    assert isinstance(param.type, ty.Record)
    types = dict(param.type.fields)
    asks = ", ".join(f"{field}={show(plain(value), types[field])}" for field, value in known.items())
    position = [p.name for p in form.action.params].index(param.name)
    there: list[Rec] = []
    if position == 0 or len(form.action.params) == 2:
        first = [values[b.whole] for b in [form.bindings.get(form.action.params[0].name)] if b and b.whole is not None]
        given = tuple(first[:position])
        if len(given) == position:
            there = [m for m in session.model.domain(form.action.name, position)(state, *given) if isinstance(m, Rec)]
    reasons = [f"no {param.type.name}({asks}) can be received"]
    wrong = {m: [field for field, value in known.items() if m[field] != value] for m in there[-2000:]}
    nearest = sorted(wrong, key=lambda m: len(wrong[m]))[:2]
    reasons += [
        f"the nearest one: {show(plain(m), param.type)}, which differs in {', '.join(wrong[m])}" for m in nearest
    ]
    least = min((len(fields) for fields in wrong.values()), default=3)
    return Miss(f"{before}{form.action.name}", tuple(reasons), 1.0 + least)


# ------------------------------------------------------------------------------------------------- guards


def _refused(session: Session, action: core.Action, args: tuple[Value, ...], state: State, name: str) -> Miss:
    """Why an action has no run: its deepest guard that is false, with the values on both sides."""
    spec_action = session.model.action(action.name)
    params = {p.name: plain(a) for p, a in zip(spec_action.params, args, strict=True)}
    functions = {function.name: function for function in session.model.instance.spec.functions}
    scope = Scope(session.model.values(state), None, functions, params)
    deepest = max(Interpreter(functions).failures(spec_action.body, scope), key=lambda f: f[0], default=None)
    if deepest is None:
        return Miss(name, ("it is not enabled",), 3.0)
    _, cond, where = deepest
    place = f"line {cond.span.line}: " if cond.span.line else ""
    try:
        lines = because(cond, where)
    except EvaluationError as wrong:
        lines = [f"its evaluation fails: {wrong.message}"]
    return Miss(name, (f"{place}its guard is false: {lines[0]}", *lines[1:]), 1.5)


class Interpreter:
    """Runs the body of an action on plain values and collects the guards that end its runs."""

    def __init__(self, functions: dict[str, core.Function]) -> None:
        self.functions = functions

    def failures(self, block: core.Block, scope: Scope, depth: int = 0) -> Iterator[tuple[int, core.Expr, Scope]]:
        """(how many statements in, the condition, what it was evaluated in) of every run that is abandoned."""
        for at, statement in enumerate(block):
            rest = block[at + 1 :]
            if isinstance(statement, core.When):
                if evaluate(statement.cond, scope) is not True:
                    yield depth + at, statement.cond, scope
                    return
            elif isinstance(statement, core.Let):
                scope = self.bound(scope, {statement.name: evaluate(statement.value, scope)})
            elif isinstance(statement, core.Assign):
                scope = self.assigned(statement, scope)
            elif isinstance(statement, core.If):
                branch = statement.then if evaluate(statement.cond, scope) is True else statement.other
                yield from self.failures((*branch, *rest), scope, depth + at)
                return
            elif isinstance(statement, core.Either):
                for one in statement.branches:
                    yield from self.failures((*one, *rest), scope, depth + at)
                return
            elif isinstance(statement, core.Any):
                yield from self._any(statement, rest, scope, depth + at)
                return
            elif isinstance(statement, core.For):
                items = elements(evaluate(statement.domain, scope))  # type: ignore[arg-type]
                unrolled = tuple(
                    one
                    for item in items
                    for one in (core.Let(statement.var, core.Lit(ty.Int(), item)), *statement.body)
                )
                yield from self.failures((*unrolled, *rest), scope, depth + at)
                return

    def _any(
        self, statement: core.Any, rest: core.Block, scope: Scope, depth: int
    ) -> Iterator[tuple[int, core.Expr, Scope]]:
        for item in elements(evaluate(statement.domain, scope)):  # type: ignore[arg-type]
            inner = self.bound(scope, {statement.var: item})
            if statement.cond is not None and evaluate(statement.cond, inner) is not True:
                yield depth, statement.cond, inner
            else:
                yield from self.failures(rest, inner, depth + 1)

    def bound(self, scope: Scope, more: dict[str, Value]) -> Scope:
        """The scope with more local names."""
        return Scope(scope.state, scope.next, self.functions, {**scope.locals, **more})

    def assigned(self, statement: core.Assign, scope: Scope) -> Scope:
        """The scope after an assignment."""
        path = tuple(
            step.name if isinstance(step, core.FieldStep) else evaluate(step.key, scope) for step in statement.path
        )
        value = evaluate(statement.value, scope)
        state = {**scope.state, statement.var: stored(scope.state[statement.var], path, value)}
        return Scope(state, scope.next, self.functions, dict(scope.locals))
