"""A trace as a story: who does what in each step, what changes, and why the property is false at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.lang.unparse import expr_text
from pyspec.model.errors import EvaluationError
from pyspec.model.evaluate import Scope
from pyspec.model.explain import because, explain
from pyspec.model.instance import Instance
from pyspec.model.state import State
from pyspec.model.trace import Failing, Step, Trace
from pyspec.model.values import Atom, Bag, Map, Rec, Value, ordered, show

LONG = 60  # characters of an old and a new value side by side


def trace_text(trace: Trace) -> str:
    """Numbered steps; the initial state in full, then only what changes."""
    width = len(str(len(trace.steps)))
    margin = " " * (width + 6)
    lines: list[str] = []
    before: State | None = None
    for number, step in enumerate(trace.steps):
        lines.append(f"  {number:>{width}}  {label(trace, step)}")
        if step.state is None:
            lines.append(f"{margin}... and here evaluation fails")
        else:
            news = (
                initial(step.state, trace.instance) if before is None else changes(before, step.state, trace.instance)
            )
            lines += [margin + line for line in news or ["(nothing changes)"]]
        before = step.state or before
    if trace.loop_start is not None:
        lines.append(f"  and from here again as after step {trace.loop_start}, for ever")
    return "\n".join([*lines, *_because(trace)])


def _because(trace: Trace) -> list[str]:
    found = explanation(trace)
    if not found or trace.failing is None:
        return []
    return ["", f"  {trace.failing.name} is false:", *(f"    {line}" for line in found)]


def explanation(trace: Trace) -> list[str]:
    """Why the failing property is false at the end of a trace."""
    if trace.failing is None or trace.instance is None:
        return []
    name = trace.failing.name
    prop = next((one for one in trace.instance.spec.properties if one.name == name), None)
    if prop is None:
        return []
    if prop.kind == "deadlock_free":
        return ["no action can take a step here, and the state is not a terminal one"]
    if prop.kind == "law":
        return _for_values(prop, trace.failing, trace.instance)
    if prop.kind in LIVENESS:
        return _for_ever(prop, trace.failing)
    return explain(prop, trace.states(), trace.instance)


LIVENESS = {
    "eventually": "this never becomes true: {}",
    "always_eventually": "this is never true again: {}",
    "eventually_always": "this is false again and again: {}",
    "leads_to": "{} was true, and after it this never is: {}",
}


def _for_values(prop: core.Property, failing: Failing, instance: Instance) -> list[str]:
    """The values for which a law is false, and why."""
    functions = {function.name: function for function in instance.spec.functions}
    values = [f"    {name} = {show(value, kind)}" for (name, value), (_, kind) in zip(failing.params, prop.params)]
    try:
        why = because(prop.body, Scope({}, None, functions, dict(failing.params)))
    except EvaluationError as problem:
        why = [f"its evaluation fails: {problem.message}"]
    return ["with", *values, *why]


def _for_ever(prop: core.Property, failing: Failing) -> list[str]:
    """What a lasso violates, in words."""
    said_of = f"with {', '.join(f'{n} = {show(v)}' for n, v in failing.params)}: " if failing.params else ""
    parts = [prop.body] + ([prop.second] if prop.second is not None else [])
    return [said_of + LIVENESS[prop.kind].format(*(expr_text(part) for part in parts))]


# ----------------------------------------------------------------------------------------------- labels


def label(trace: Trace, step: Step) -> str:
    """Who does what: `Server2 receives Vote(term=1) from Server1`, `Server1.timeout`, `prepare(RM1)`."""
    if step.action is None:
        return trace.start
    action = trace.instance.action(step.action) if trace.instance is not None else None
    if action is None:
        return repr(step)
    shown = [(p.name, value) for p, (_, value) in zip(action.params, step.args, strict=False) if p.shown]
    return _LABELS.get(action.kind, _of_action)(action, shown)


Shown = list[tuple[str, Value]]


def _of_action(action: core.Action, shown: Shown) -> str:
    rest = [(name, value) for name, value in shown if name != "self"]
    inner = f"({', '.join(show(value) if len(rest) == 1 else f'{name}={show(value)}' for name, value in rest)})"
    me = next((value for name, value in shown if name == "self"), None)
    name = action.name if me is None else f"{show(me)}.{action.name}"
    return name + (inner if rest else "")


def message_of(shown: Shown) -> Rec | None:
    """The message among the arguments of a handler or fault."""
    return next((value for _, value in shown if isinstance(value, Rec)), None)


def bare(message: Rec) -> str:
    """A message without its sender and receiver."""
    pairs = zip(message._names, message._values, strict=True)
    inner = ", ".join(f"{name}={show(value)}" for name, value in pairs if name not in ("from", "to"))
    return message._name + (f"({inner})" if inner else "")


def _of_handler(action: core.Action, shown: Shown) -> str:
    message = message_of(shown)
    if message is None:
        return _of_action(action, shown)
    fields = dict(zip(message._names, message._values, strict=True))
    me = next((value for name, value in shown if name == "self"), fields.get("to"))
    sender = f" from {show(fields['from'])}" if "from" in fields else ""
    rest = [f"{name}={show(value)}" for name, value in shown if name != "self" and value is not message]
    extra = f" ({', '.join(rest)})" if rest else ""
    if me is None:
        return f"{bare(message)} is received{sender}{extra}"
    return f"{show(me)} receives {bare(message)}{sender}{extra}"


_VERBS = {"lose": "is lost", "duplicate": "is duplicated"}


def _of_fault(action: core.Action, shown: Shown) -> str:
    verb = action.name.split("_")[0]
    message = message_of(shown)
    if message is not None and verb in _VERBS:
        fields = dict(zip(message._names, message._values, strict=True))
        way = "".join(f" {word} {show(fields[word])}" for word in ("from", "to") if word in fields)
        return f"{bare(message)}{way} {_VERBS[verb]}"
    if verb in ("crash", "restart") and shown:
        return f"{show(shown[0][1])} {verb}{'es' if verb == 'crash' else 's'}"
    return _of_action(action, shown)


_LABELS: dict[str, Callable[[core.Action, Shown], str]] = {
    "action": _of_action,
    "handler": _of_handler,
    "fault": _of_fault,
}


# ---------------------------------------------------------------------------------------------- changes


def initial(state: State, instance: Instance | None) -> list[str]:
    """Every variable of the first state; a map with one value for all keys is said so."""
    lines = []
    for name, value in state.values().items():
        kind = state.TYPES.get(name)
        if isinstance(value, Map) and len(value) > 1 and len(set(value.values())) == 1 and isinstance(kind, ty.Map):
            text = f"{show(next(iter(value.values())), kind.value)} for all"
        else:
            text = show(value, kind)
        lines.append(f"{name} = {text}")
    return lines


def changes(before: State, after: State, instance: Instance | None) -> list[str]:
    """What a step changes, one line for each place."""
    old, new = before.values(), after.values()
    kinds = {var.name: var.kind for var in instance.spec.vars} if instance is not None else {}
    lines: list[str] = []
    for name in old:
        if old[name] != new[name]:
            lines += _change(name, old[name], new[name], after.TYPES.get(name), kinds.get(name, "var"))
    return lines


def _change(path: str, old: Value, new: Value, of: ty.Type | None, kind: str) -> Iterator[str]:
    if isinstance(old, Map) and isinstance(new, Map):
        inner = of.value if isinstance(of, ty.Map) else None
        for key in new:
            if old[key] != new[key]:
                yield from _change(_at(path, key, kind), old[key], new[key], inner, "var")
        return
    if isinstance(old, Rec) and isinstance(new, Rec) and old._name == new._name and isinstance(of, ty.Record):
        for (name, field), was, now in zip(of.fields, old._values, new._values, strict=True):
            if was != now:
                yield from _change(f"{path}.{name}", was, now, field, "var")
        return
    text = f"{path}: {show(old, of)} -> {show(new, of)}"
    few = kind not in ("pool", "channel") and len(text) - len(path) <= LONG
    yield from [text] if few else _difference(path, old, new, of, text)


def _at(path: str, key: Value, kind: str) -> str:
    if kind == "field" and isinstance(key, Atom):
        return f"{show(key)}.{path.split('.', 1)[-1]}"
    return f"{path}[{show(key)}]"


def _difference(path: str, old: Value, new: Value, of: ty.Type | None, otherwise: str) -> list[str]:
    item = of.item if isinstance(of, ty.Set | ty.Bag | ty.Seq) else None
    if isinstance(old, frozenset) and isinstance(new, frozenset):
        gone, come = ordered(old - new), ordered(new - old)
    elif isinstance(old, Bag) and isinstance(new, Bag):
        gone, come = tuple(old - new), tuple(new - old)
    elif isinstance(old, tuple) and isinstance(new, tuple) and isinstance(of, ty.Seq) and new[: len(old)] == old:
        return [f"{path} += [{', '.join(show(one, item) for one in new[len(old) :])}]"]
    else:
        return [otherwise]
    lines = [f"{path} -= {', '.join(show(one, item) for one in gone)}"] if gone else []
    return lines + ([f"{path} += {', '.join(show(one, item) for one in come)}"] if come else [])
