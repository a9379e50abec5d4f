"""Rules made runnable: for each way to explain an event one generated function that goes from a state and the event's
values to the states after it. Parameters that the event gives are not searched for; the rest range over their sets.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pyspec.base.diagnostics import SpecError, error
from pyspec.conform.decode import Naming, Undecodable, decoder
from pyspec.conform.lines import ABSENT, Get, Line, Record, getter, tester
from pyspec.conform.machine import FastModel
from pyspec.conform.places import aliases
from pyspec.conform.rt import State
from pyspec.conform.typed import Condition, Post, Put, StepForm, TypedRule, Way
from pyspec.conform.values import Pool
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.domains import describe
from pyspec.model.errors import EvaluationError
from pyspec.model.layout import quoted
from pyspec.model.values import Rec, Value, show

Slots = list[Value]


@dataclass(frozen=True)
class Reading:
    """How a rule reads its values from a record."""

    path: Any
    get: Get
    decode: Callable[[Any], Value]
    of: ty.Type

    def read(self, line: Line) -> Value:
        """The value in a line. Raises SpecError at one that is no value of the type."""
        raw = self.get(line.record)
        try:
            return self.decode(raw)
        except Undecodable as wrong:
            message = f"{self.path} = {raw!r} is no value of {describe(wrong.of)}"
            raise error("E0827", message, line.span, wrong.hint or None) from None


@dataclass
class Problems:
    """What went wrong in steps that were tried last: a range or capacity that was left."""

    found: deque[EvaluationError]


class RulePlan:
    """A rule, runnable."""

    def __init__(self, typed: TypedRule, model: FastModel, naming: Naming, problems: Problems) -> None:
        self.typed = typed
        self.model = model
        instance = model.instance
        self.readings = [
            Reading(slot.path, getter(slot.path), decoder(concrete(slot.type, instance.spec.types), naming), slot.type)
            for slot in typed.slots
        ]
        self._constants = [slot.constant for slot in typed.slots]
        self._fixed: list[Value] | None = None
        self._read: Callable[[Record], Slots] = reader_of(self.readings, model, f"rule {typed.rule.number}")
        self.when, self.unless = tester(typed.rule.when), tester(typed.rule.unless)
        self.where = None if typed.where is None else Check(typed.where, typed, None, model)
        self.ways = [WayPlan(way, typed, number, model, problems) for number, way in enumerate(typed.ways)]
        self.matched = 0
        self.present = [0] * len(typed.slots)

    def applies(self, record: Record) -> bool:
        """Whether the conditions on the fields hold; `where` is asked in `fits`."""
        if self.when is not None and not self.when(record):
            return False
        return self.unless is None or not self.unless(record)

    def values(self, line: Line) -> Slots:
        """The values of the slots in a line."""
        try:
            return self._read(line.record)
        except Undecodable:
            return [reading.read(line) for reading in self.readings]

    def fits(self, values: Slots) -> bool:
        """Whether `where` holds (a field that is absent makes it false)."""
        return self.where is None or self.where.asked(None, values, ()) is True

    def after(self, state: State, values: Slots) -> Iterator[State]:
        """The states after the event, one way or another; some may come several times."""
        for way in self.ways:
            yield from way.run(state, values)


def reader_of(readings: list[Reading], model: FastModel, name: str) -> Callable[[Record], Slots]:
    """One function that reads all values of a rule: parts of the record that several paths share are looked up once."""
    space: dict[str, Any] = {"ABSENT": ABSENT, "EMPTY": {}}
    lines, found = ["def read(record):"], list[str]()
    parents: dict[str, str] = {}
    for at, reading in enumerate(readings):
        space[f"decode{at}"], space[f"get{at}"] = reading.decode, reading.get
        path = reading.path if isinstance(reading.path, str) else ""
        simple = re.fullmatch(r"([\w@]+)(?:\.(\w+))?\??", path)
        if simple is None or (simple[2] or simple[1]).lstrip("-").isdigit():
            found.append(f"decode{at}(get{at}(record))")
            continue
        whole = "record"
        if simple[2] is not None:
            whole = parents.setdefault(simple[1], f"part{len(parents)}")
            if f"    {whole} = record.get({quoted(simple[1])}, EMPTY)" not in lines:
                lines += [f"    {whole} = record.get({quoted(simple[1])}, EMPTY)"]
                lines += [f"    if type({whole}) is not dict: return careful(record)"]
        lines.append(f"    x{at} = {whole}.get({quoted(simple[2] or simple[1])}, ABSENT)")
        plain = isinstance(reading.of, ty.Int | ty.Range)
        found.append(f"x{at} if type(x{at}) is int else decode{at}(x{at})" if plain else f"decode{at}(x{at})")
    lines.append(f"    return [{', '.join(found)}]")
    space["careful"] = lambda record: [reading.decode(reading.get(record)) for reading in readings]
    model.load("\n".join(lines) + "\n", f"<reader of {name}>", space)
    read: Callable[[Record], Slots] = space["read"]
    return read


def concrete(of: ty.Type, types: dict[str, ty.Type]) -> ty.Type:
    """A type whose sorts have their elements; bounds do not matter for reading."""
    if isinstance(of, ty.Sort | ty.Enum | ty.Record | ty.Union) and of.name in types:
        return types[of.name]
    if isinstance(of, ty.Range):
        return ty.Int()
    if isinstance(of, ty.Option):
        return ty.Option(concrete(of.item, types))
    if isinstance(of, ty.Set | ty.Bag | ty.Seq):
        return type(of)(concrete(of.item, types))
    if isinstance(of, ty.Map):
        return ty.Map(concrete(of.key, types), concrete(of.value, types))
    if isinstance(of, ty.Tuple):
        return ty.Tuple(tuple(concrete(part, types) for part in of.items))
    return of


# --------------------------------------------------------------------------------------------- conditions


class Check:
    """One condition, ready to be asked: `asked` gives its value, ABSENT when a field it needs is not there."""

    def __init__(self, condition: Condition, typed: TypedRule, form: StepForm | None, model: FastModel) -> None:
        self.condition = condition
        self.slot = condition.slot
        self._function = model.function(condition.function.name)
        self._stateful = condition.function.name in _stateful(model)
        self.sources = [_source(name, typed, form) for name in condition.locals]
        self.needs_args = any(kind in ("param", "field") for kind, _, _ in self.sources)
        self.about_sent = any(kind == "sent" for kind, _, _ in self.sources)

    def locals(self, values: Slots, args: tuple[Value, ...], sent: Value = ABSENT) -> list[Value]:
        """The values of the local names."""
        return [_TAKE[kind](one, two, values, args, sent) for kind, one, two in self.sources]

    def asked(self, state: State | None, values: Slots, args: tuple[Value, ...], sent: Value = ABSENT) -> Value:
        """The value of the expression."""
        found = self.locals(values, args, sent)
        if any(value is ABSENT for value in found):
            return ABSENT
        return self._function(state, *found) if self._stateful else self._function(*found)

    def text(self, state: str, args: str, sent: str) -> str:
        """The same as a Python expression; and what must be there before it is asked."""
        given = [_WRITE[kind](one, two, args, sent) for kind, one, two in self.sources]
        first = [state] if self._stateful else []
        return f"{self.python}({', '.join([*first, *given])})"

    @property
    def python(self) -> str:
        """The name of the function."""
        return self._function.__name__

    def needed(self) -> list[str]:
        """The slots that must be there, as Python expressions."""
        own = [f"v[{self.slot}]"] if self.slot is not None else []
        return [*own, *(f"v[{one}]" for kind, one, _ in self.sources if kind == "slot")]


def _stateful(model: FastModel) -> frozenset[str]:
    from pyspec.model.generate import stateful

    return stateful(model.instance.spec)


Source = tuple[str, int, int]


def _source(name: str, typed: TypedRule, form: StepForm | None) -> Source:
    """Where the value of a local name comes from: a slot, a parameter, or a field of one."""
    if name == "sent":
        return ("sent", 0, 0)
    if name in typed.names:
        return ("slot", typed.names[name], 0)
    assert form is not None
    params = [param.name for param in form.action.params]
    if name in params:
        return ("param", params.index(name), 0)
    param, field, _ = aliases(form.action)[name]
    of = form.action.params[params.index(param)].type
    assert isinstance(of, ty.Record)
    return ("field", params.index(param), [one for one, _ in of.fields].index(field))


_TAKE: dict[str, Callable[..., Value]] = {
    "slot": lambda one, two, values, args, sent: values[one],
    "param": lambda one, two, values, args, sent: args[one] if args else ABSENT,
    "field": lambda one, two, values, args, sent: args[one]._values[two] if args else ABSENT,
    "sent": lambda one, two, values, args, sent: sent,
}
_WRITE: dict[str, Callable[..., str]] = {
    "slot": lambda one, two, args, sent: f"v[{one}]",
    "param": lambda one, two, args, sent: f"{args}[{one}]",
    "field": lambda one, two, args, sent: f"{args}[{one}]._values[{two}]",
    "sent": lambda one, two, args, sent: sent,
}


def tests(checks: Iterable[Check], state: str, args: str, sent: str, refuse: str) -> list[str]:
    """Python statements that do `refuse` when a condition is false, or has no value."""
    lines = list[str]()
    for check in checks:
        asked = check.text(state, args, sent)
        false = f"not {asked}" if check.slot is None else f"{asked} != v[{check.slot}]"
        guards = [f"{need} is not ABSENT" for need in check.needed()]
        lines.append(f"    if {' and '.join([*guards, false])}: {refuse}")
    return ["try:", *lines, f"except EvaluationError: {refuse}"] if lines else []


# --------------------------------------------------------------------------------------------------- ways


class WayPlan:
    """One way, as a generated function `run(state, values)`."""

    def __init__(self, way: Way, typed: TypedRule, number: int, model: FastModel, problems: Problems) -> None:
        self.way, self.model = way, model
        first, last = way.steps[:1], way.steps[-1:]
        self.before = [Check(c, typed, _once(first), model) for c in way.before]
        self.after = [Check(c, typed, _once(last), model) for c in way.after]
        self.reads = [[Check(c, typed, form, model) for c in form.reads] for form in way.steps]
        self.name = f"way_{typed.rule.number}_{number}"
        writer = _WayWriter(self, model, typed)
        self.source = writer.write()
        space = {**model.space, "ABSENT": ABSENT, "candidates": candidates, "problems": problems.found}
        space |= {"EvaluationError": EvaluationError, **writer.used}
        model.load(self.source, f"<{self.name}>", space)
        self.run: Callable[[State, Slots], Iterator[State]] = space[self.name]
        self.put: Callable[[State, Slots], State | None] = space[f"{self.name}_put"]
        self.solve: list[Callable[[State, Slots], Iterator[tuple[State, tuple[Value, ...]]]]] = [
            space[f"{self.name}_step_{position}"] for position in range(len(way.steps))
        ]


def _once(forms: tuple[StepForm, ...]) -> StepForm | None:
    return forms[0] if forms and forms[0].least == forms[0].most == 1 else None


class _WayWriter:
    """Writes the functions of a way: one for each step, `step(state, v)` -> (state after, arguments), and the whole."""

    def __init__(self, plan: WayPlan, model: FastModel, typed: TypedRule) -> None:
        self.plan, self.model, self.way, self.typed = plan, model, plan.way, typed
        self.used: dict[str, object] = {}

    def write(self) -> str:
        """The source."""
        lines: list[str] = []
        for position, form in enumerate(self.way.steps):
            lines += self._step(position, form)
        fresh = "    if state.sent_: state = state.unsent()"
        lines += [f"def {self.plan.name}_put(state, v):", fresh]
        lines += [f"    {line}" for put in self.way.puts for line in self._put(put)]
        lines += [f"    {line}" for post in self.way.posts for line in self._post(post)]
        lines += ["    return state", f"def {self.plan.name}(state, v):"]
        early = [check for check in self.plan.before if not check.needs_args]
        lines += [f"    {line}" for line in tests(early, "state", "()", "None", "return")]
        if self.way.puts or self.way.posts:
            lines += [f"    state = {self.plan.name}_put(state, v)", "    if state is None: return"]
        else:
            lines.append(fresh)
        lines += self._chain(0, "state", 1)
        return "\n".join(lines) + "\n"

    def _put(self, put: Put) -> list[str]:
        """What the log decides is put into a copy of the state."""
        slots = [self._place(name) for name in put.locals]
        given = [] if put.slot is None else [f"v[{put.slot}]"]
        needed = " and ".join(f"{slot} is not ABSENT" for slot in (*slots, *given)) or "True"
        function = self.model.function(put.function.name).__name__
        first = ["state"] if put.function.name in _stateful(self.model) else []
        attribute = self.model.names.attribute(put.var)
        return [
            f"if {needed}:",
            "    try:",
            f"        value = {function}({', '.join([*first, *slots, *given])})",
            "    except EvaluationError as wrong:",
            "        problems.append(wrong)",
            "        return None",
            "    state = state.copy()",
            f"    state.{attribute} = value",
        ]

    def _post(self, post: Post) -> list[str]:
        """What the log shows to be sent is added to the network; no state if the message cannot be made."""
        slots = [self._place(name) for name in post.locals]
        needed = " and ".join(f"{slot} is not ABSENT" for slot in slots) or "True"
        function = self.model.function(post.function.name).__name__
        first = ["state"] if post.function.name in _stateful(self.model) else []
        attribute = self.model.names.attribute(post.pool)
        return [
            f"if {needed}:",
            "    try:",
            f"        message = {function}({', '.join([*first, *slots])})",
            "    except EvaluationError as wrong:",
            "        problems.append(wrong)",
            "        return None",
            "    sent = (*state.sent_, message)",
            "    state = state.copy()",
            "    state.sent_ = sent",
            f"    state.{attribute} = state.{attribute}.plus((message,))",
        ]

    def _place(self, name: str) -> str:
        """Where the event gives the value of a local name."""
        if name in self.typed.names:
            return f"v[{self.typed.names[name]}]"
        binding = next(form.bindings[name] for form in self.way.steps if name in form.bindings)
        return f"v[{binding.whole}]"

    def _chain(self, position: int, state: str, indent: int) -> list[str]:
        """From a step on to the end: nested loops; a repeated step is a loop over its own results."""
        pad = "    " * indent
        if position == len(self.way.steps):
            return self._finish(state, "a" if position else "()", indent)
        form = self.way.steps[position]
        after = f"s{position}"
        name = f"{self.plan.name}_step_{position}"
        if form.least == form.most == 1:
            lines = [f"{pad}for {after}, a in {name}({state}, v):"]
            return lines + self._chain(position + 1, after, indent + 1)
        self.used["repeated"] = repeated
        lines = [f"{pad}for {after}, a in repeated({name}, {state}, v, {form.least}, {form.most}):"]
        return lines + self._chain(position + 1, after, indent + 1)

    def _finish(self, state: str, args: str, indent: int) -> list[str]:
        pad = "    " * indent
        plain = [check for check in self.plan.after if not check.about_sent]
        about = [check for check in self.plan.after if check.about_sent]
        word = "continue" if self.way.steps else "return"
        lines = [f"{pad}{line}" for line in tests(plain, state, args, "None", word)]
        if about:
            lines += [f"{pad}for m in {state}.sent_:"]
            lines += [f"{pad}    if m._name != {quoted(self.way.sent or '')}: continue"]
            lines += [f"{pad}    {line}" for line in tests(about, state, args, "m", "continue")]
            lines += [f"{pad}    yield {state}", f"{pad}    break"]
            return lines
        return [*lines, f"{pad}yield {state}"]

    def _step(self, position: int, form: StepForm) -> list[str]:
        action = self.model.action(form.action.name)
        lines = [f"def {self.plan.name}_step_{position}(state, v):"]
        indent = 1
        args: list[str] = []
        for at, param in enumerate(action.params):
            pad = "    " * indent
            found, tests_ = self._parameter(action, (position, at), param, form, args)
            lines += [f"{pad}for p{at} in {found}:"]
            lines += [f"{pad}    {line}" for line in tests_]
            args.append(f"p{at}")
            indent += 1
        pad = "    " * indent
        run = self.model.names.of("action", action.name)
        given = "".join(f"{arg}, " for arg in args)
        late = [check for check in self.plan.before if check.needs_args] if position == 0 else []
        if late:  # before the step is taken: most of the messages that could be received do not pass
            refuse = "continue" if args else "return"
            lines += [f"{pad}{line}" for line in tests(late, "state", f"({given})", "None", refuse)]
        lines += [
            f"{pad}try:",
            f"{pad}    for after in {run}(state, {given}):",
            *(
                f"{pad}        {line}"
                for line in tests(self.plan.reads[position], "state", f"({given})", "None", "break")
            ),
            f"{pad}        yield after, ({given})",
            f"{pad}except EvaluationError as wrong:",
            f"{pad}    problems.append(wrong)",
        ]
        return lines

    def _parameter(
        self, action: core.Action, place: tuple[int, int], param: core.Param, form: StepForm, earlier: list[str]
    ) -> tuple[str, list[str]]:
        """What a parameter ranges over, given the event's values, and tests of each value."""
        position, at = place
        given = ", ".join(["state", *earlier])
        domain = f"{self.model.names.of('domain', f'{action.name} {at}')}({given})"
        member = f"{self.model.names.of('member', f'{action.name} {at}')}({given}, p{at})"
        binding = form.bindings.get(param.name)
        if binding is None:
            return domain, []
        pool = self.model.pools.get(param.domain.name) if isinstance(param.domain, core.StateVar) else None
        support = isinstance(param.domain, core.Op) and param.domain.op == "bag.support"
        if support and isinstance(param.domain, core.Op) and isinstance(param.domain.args[0], core.StateVar):
            pool = self.model.pools.get(param.domain.args[0].name)
        if binding.whole is not None:
            slot = f"v[{binding.whole}]"
            over = f"(({slot},) if {slot} is not ABSENT else {domain})"
            return over, [f"if {slot} is not ABSENT and not {member}: continue"]
        assert isinstance(param.type, ty.Record)
        names = [name for name, _ in param.type.fields]
        pairs = tuple(
            (names.index(field), slot) for field, slot in sorted(binding.fields, key=lambda f: names.index(f[0]))
        )
        if pool is not None:
            attribute = self.model.names.attribute(pool.name)
            form_name = f"form_{self.plan.name}_{position}_{at}_{param.name}"
            self.used[form_name] = (param.type.name, tuple(names), pairs)
            return f"candidates(state.{attribute}, {form_name}, v)", []
        refuse = [
            f"if v[{slot}] is not ABSENT and p{at}._values[{place}] != v[{slot}]: continue" for place, slot in pairs
        ]
        return domain, refuse


MessageForm = tuple[str, tuple[str, ...], tuple[tuple[int, int], ...]]


def candidates(pool: Pool, form: MessageForm, values: Slots) -> Iterable[Value]:
    """The messages in a pool that have the values of an event in the given fields, the newest first."""
    name, names, pairs = form
    known = [(at, values[slot]) for at, slot in pairs if values[slot] is not ABSENT]
    if len(known) == len(names):
        message = Rec(name, names, [value for _, value in known])
        return (message,) if message in pool else ()
    positions = tuple([at for at, _ in known])
    return pool.having(positions, tuple([value for _, value in known]))


def repeated(
    step: Callable[[State, Slots], Iterator[tuple[State, tuple[Value, ...]]]],
    state: State,
    values: Slots,
    least: int,
    most: int,
) -> Iterator[tuple[State, tuple[Value, ...]]]:
    """The states after so many steps of one kind, fewest first; each state once."""
    frontier, seen = [state], {state}
    if least == 0:
        yield state, ()
    for count in range(1, most + 1):
        found: list[State] = []
        for one in frontier:
            for after, args in step(one, values):
                if after not in seen:
                    seen.add(after)
                    found.append(after)
                    if count >= least:
                        yield after, args
        if not found:
            return
        frontier = found


__all__ = ["Check", "Problems", "RulePlan", "SpecError", "WayPlan", "candidates", "repeated", "show", "tests"]
