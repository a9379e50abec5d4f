"""Saved traces: JSON as `pyspec check --json` and `Trace.to_json` write it, read back as traces."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pyspec.base.diagnostics import error
from pyspec.base.source import Span
from pyspec.lang import types as ty
from pyspec.lang.unparse import type_text
from pyspec.model.instance import Instance
from pyspec.model.machine import Machine
from pyspec.model.state import State
from pyspec.model.trace import Failing, Step, Trace
from pyspec.model.values import Atom, Bag, Map, Rec, Value

Json = dict[str, Any]


class Misfit(Exception):
    """A value that is not of the type that the specification gives it."""


def read_json(path: str) -> Json:
    """The object in a file. Raises SpecError."""
    try:
        made = json.loads(Path(path).read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as wrong:
        reason = wrong.msg if isinstance(wrong, json.JSONDecodeError) else "it is not text"
        line = wrong.lineno if isinstance(wrong, json.JSONDecodeError) else 1
        raise error("E0804", f"this is not JSON: {reason}", Span(path, line, 1, line, 1)) from None
    except OSError as wrong:
        raise error("E0002", f"cannot read {path}: {wrong.strerror or wrong}", Span(path)) from None
    if not isinstance(made, dict):
        raise _no_trace(path)
    return made


def _no_trace(path: str) -> Exception:
    hint = "it should be an object with `steps`, or the output of `pyspec check --json`"
    return error("E0804", "there is no trace in this file", Span(path), hint)


@dataclass(frozen=True)
class Saved:
    """A trace as it is in a file: what it shows, its JSON, and what the file says about the instance."""

    name: str
    trace: Json
    sizes: tuple[tuple[str, str], ...] = ()
    model: str | None = None
    flaws: tuple[str, ...] = ()


def traces_in(made: Json, path: str) -> list[Saved]:
    """The traces of a file, what is violated first: a bare trace, or those of a report of `check`, `flaws` or `prove`.
    Raises SpecError if there is none."""
    if isinstance(made.get("steps"), list):
        failing = made.get("failing")
        return [Saved(str(failing.get("property")) if isinstance(failing, dict) else "trace", made)]
    reports = made["results"] if isinstance(made.get("results"), list) else [made]
    found = [one for report in reports if isinstance(report, dict) for one in _of_report(report)]
    if not found:
        raise _no_trace(path)
    return found


def _of_report(report: Json) -> list[Saved]:
    rows = [("the evaluation error", {"trace": report.get("error_trace")}), (str(report.get("property")), report)]
    inner = [row for key in ("properties", "flaws") for row in _list(report.get(key)) if isinstance(row, dict)]
    inner.sort(key=lambda row: row.get("verdict") == "holds")
    rows += [(str(row.get("name")), row) for row in inner]
    return [_saved(name, row, report) for name, row in rows if isinstance(row.get("trace"), dict)]


def _list(made: object) -> list[Any]:
    return made if isinstance(made, list) else []


def _saved(name: str, row: Json, report: Json) -> Saved:
    model = row.get("model") or report.get("model")
    flaws = [flaw for flaw in _list(report.get("flaws")) if isinstance(flaw, str)]
    flaws += [name] if "violates" in row else []
    said = str(row.get("sizes") or report.get("constants") or "")
    sizes = tuple(re.findall(r"(\w+) = (-?\d+)(?=,|$)", said))
    return Saved(name, row["trace"], sizes, model if isinstance(model, str) else None, tuple(flaws))


def trace_of(made: Json, instance: Instance, path: str = "the trace") -> Trace:
    """A saved trace as a trace of an instance. Raises SpecError if it does not fit the specification."""
    machine = Machine(instance)
    try:
        steps = [_step(one, machine, number) for number, one in enumerate(made["steps"])]
        loop = made.get("loop_start")
        failing = made.get("failing")
        name = failing.get("property") if isinstance(failing, dict) else None
    except (Misfit, KeyError, TypeError, AttributeError) as wrong:
        what = (
            str(wrong)
            if isinstance(wrong, Misfit)
            else f"it has no {wrong}"
            if isinstance(wrong, KeyError)
            else "its form"
        )
        hint = "is it of another specification, or of another model or size? Give -m, -c and --flaw as for the check"
        raise error("E0804", f"this trace does not fit {instance.spec.name}: {what}", Span(path), hint) from None
    if not steps or steps[0].state is None:
        raise _no_trace(path)
    failed = Failing(name) if name in {prop.name for prop in instance.spec.properties} else None
    start = made["steps"][0].get("label")
    found = Trace(tuple(steps), loop if isinstance(loop, int) else None, failed, instance)
    return replace(found, start=start) if isinstance(start, str) else found


def _step(made: Json, machine: Machine, number: int) -> Step:
    name = made.get("action")
    actions = {action.name: action for action in machine.instance.spec.actions}
    if name is not None and name not in actions:
        raise Misfit(f"step {number} is of an action {name}, which there is not in this model")
    if name is None and number:
        raise Misfit(f"step {number} has no action")
    types = {param.name: param.type for param in actions[name].params} if name is not None else {}
    given: Json = made.get("args") or {}
    args = []
    for param, kind in types.items():
        if param not in given:
            raise Misfit(f"step {number} does not say what {param} is")
        args.append((param, value_of(given[param], kind, f"step {number}, {param}")))
    state = made.get("state")
    return Step(name, tuple(args), None if state is None else _state(state, machine, number))


def _state(made: Json, machine: Machine, number: int) -> State:
    values: dict[str, Value] = {}
    for var in machine.instance.spec.vars:
        if var.name not in made:
            raise Misfit(f"step {number} does not say what {var.name} is")
        values[var.name] = value_of(made[var.name], var.type, f"step {number}, {var.name}")
    return machine.state(values)


# ------------------------------------------------------------------------------------------------- values


def value_of(made: object, kind: ty.Type, where: str) -> Value:
    """The value of a type that `to_json` wrote. Raises Misfit."""
    try:
        return _READ[type(kind)](made, kind, where)
    except (KeyError, ValueError, TypeError, IndexError):
        raise Misfit(f"{where}: {json.dumps(made)[:60]} is no {type_text(kind)}") from None


def _atom(made: object, kind: ty.Enum | ty.Sort, where: str) -> Value:
    names = kind.members if isinstance(kind, ty.Enum) else kind.elements or ()
    return Atom(kind.name, names.index(str(made)), str(made))


def _plain(of: type) -> Callable[[Any, ty.Type, str], Value]:
    def read(made: object, kind: ty.Type, where: str) -> Value:
        if type(made) is not of:
            raise ValueError
        return made

    return read


def _record(made: Json, kind: ty.Record, where: str, index: int = 0) -> Value:
    values = [value_of(made[name], of, f"{where}.{name}") for name, of in kind.fields]
    return Rec(kind.name, tuple(name for name, _ in kind.fields), values, index)


def _union(made: Json, kind: ty.Union, where: str) -> Value:
    index = [case.name for case in kind.cases].index(made["_"])
    return _record(made, kind.cases[index], where, index)


def _items(made: object, kind: Any, where: str) -> list[Value]:
    if not isinstance(made, list):
        raise ValueError
    return [value_of(item, kind.item, where) for item in made]


def _tuple(made: object, kind: ty.Tuple, where: str) -> Value:
    if not isinstance(made, list):
        raise ValueError
    return tuple(value_of(item, of, where) for item, of in zip(made, kind.items, strict=True))


def _map(made: object, kind: ty.Map, where: str) -> Value:
    pairs = list(made.items()) if isinstance(made, Mapping) else [(pair[0], pair[1]) for pair in _rows(made)]
    return Map({_key(key, kind.key, where): value_of(value, kind.value, f"{where}[{key}]") for key, value in pairs})


def _rows(made: object) -> list[list[Any]]:
    if not isinstance(made, list):
        raise ValueError
    return made


def _key(made: object, kind: ty.Type, where: str) -> Value:
    """A key of a JSON object is text, whatever it stands for."""
    if isinstance(made, str) and isinstance(kind, ty.Int | ty.Range):
        return int(made)
    if isinstance(made, str) and isinstance(kind, ty.Bool):
        return {"true": True, "false": False}[made]
    if made == "none" and isinstance(kind, ty.Option):
        return None
    return _key(made, kind.item, where) if isinstance(kind, ty.Option) else value_of(made, kind, where)


_READ: Final[dict[type, Callable[[Any, Any, str], Value]]] = {
    ty.Bool: _plain(bool),
    ty.Int: _plain(int),
    ty.Range: _plain(int),
    ty.Enum: _atom,
    ty.Sort: _atom,
    ty.Record: _record,
    ty.Union: _union,
    ty.Option: lambda made, kind, where: None if made is None else value_of(made, kind.item, where),
    ty.Tuple: _tuple,
    ty.Set: lambda made, kind, where: frozenset(_items(made, kind, where)),
    ty.Bag: lambda made, kind, where: Bag(_items(made, kind, where)),
    ty.Seq: lambda made, kind, where: tuple(_items(made, kind, where)),
    ty.Map: _map,
}
