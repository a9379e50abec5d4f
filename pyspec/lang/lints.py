"""Warnings W07xx: what is probably forgotten in a specification that is otherwise correct."""

from __future__ import annotations

from collections.abc import Iterator

from pyspec.base.diagnostics import Diagnostic
from pyspec.base.source import Span
from pyspec.lang import core as c
from pyspec.lang import types as t
from pyspec.lang.ghosts import children, function_reads, walk

_STATED = ("invariant", "step", "reachable", "eventually", "always_eventually", "eventually_always", "leads_to")


def _warn(code: str, message: str, span: Span, hint: str | None = None) -> Diagnostic:
    return Diagnostic(code, message, span, hint, "warning")


def lint(spec: c.Spec) -> list[Diagnostic]:
    """Everything suspicious, in the order of the text. Parts that come from imported files are left alone."""
    found = [*_unread(spec), *_messages(spec), *_unused(spec), *_constant(spec), *_idle(spec)]
    main = spec.files[0] if spec.files else ""
    here = [d for d in found if d.span.file == main]
    return sorted(dict.fromkeys(here), key=lambda d: (d.span.line, d.span.column, d.code))


# ------------------------------------------------------------------------------------------------- variables


def _everything(spec: c.Spec) -> Iterator[object]:
    """Every body of a specification."""
    for a in spec.actions:
        yield from (p.domain for p in a.params)
        yield a.body
    yield from (f.body for f in spec.functions)
    for p in spec.properties:
        yield from (x for x in (p.body, p.second) if x is not None)
    yield from spec.init_where
    for m in spec.models:
        yield from (x for one in m.settings for x in (one.value, one.upper) if x is not None)
    for f in spec.flaws:
        yield from (x for one in f.overrides for x in (one.value, one.upper) if x is not None)
    yield from (x for r in spec.refines for _, x in r.mapping)


def _reads(spec: c.Spec) -> set[str]:
    """Variables whose value matters: for a guard, for a property, or for another variable."""
    return {name for root in _everything(spec) for name in _matters(root)}


def _matters(node: object) -> Iterator[str]:
    if isinstance(node, c.Assign):
        inside = {n.name for n in walk(node.value) if isinstance(n, c.StateVar)}
        for step in node.path:
            inside |= {n.name for n in walk(step) if isinstance(n, c.StateVar)}
        yield from inside - {node.var}
    elif isinstance(node, c.StateVar):
        yield node.name
    else:
        for child in children(node):
            yield from _matters(child)


def _unread(spec: c.Spec) -> Iterator[Diagnostic]:
    read = _reads(spec)
    for var in spec.vars:
        if var.kind in ("var", "field") and var.name not in read:
            short = var.name.rpartition(".")[2]
            yield _warn("W0701", f"nothing reads `{short}`", var.span, "no guard, property or other variable needs it")


# -------------------------------------------------------------------------------------------------- messages


def _messages(spec: c.Spec) -> Iterator[Diagnostic]:
    actions = [a for a in spec.actions if a.kind != "fault"]
    sent, taken = _sent(actions), {a.message for a in actions if a.kind == "handler"}
    read = _reads(spec)
    for m in spec.messages:
        name = m.type.name
        if name not in sent:
            yield _warn("W0702", f"message {name} is never sent", m.span)
        elif name not in taken and (m.network == "fifo" or m.var not in read):
            yield _warn(
                "W0703", f"nobody receives message {name}", m.span, f"write `on {name}`, or look at network.{name}"
            )


def _sent(actions: list[c.Action]) -> set[str]:
    """Messages that some action makes and puts into a network."""
    found: set[str] = set()
    for node in (n for a in actions for n in walk(a.body)):
        if isinstance(node, c.Assign) and node.var.startswith("network."):
            for part in walk(node.value):
                if isinstance(part, c.RecordExpr) and isinstance(part.type, t.Record):
                    found.add(part.type.name)
                if isinstance(part, c.CaseExpr):
                    found.add(part.case)
    return found


# -------------------------------------------------------------------------------------------- unused names


def _types_in(spec: c.Spec) -> Iterator[t.Type]:
    yield from spec.types.values()
    yield from (v.type for v in spec.vars)
    yield from (d.type for d in spec.consts)
    yield from (k for f in spec.functions for k in (f.result, *(x for _, x in f.params)))
    yield from (k for p in spec.properties for _, k in p.params)
    for root in [*_everything(spec), *(x for v in spec.vars for x in (v.init, v.choices) if x is not None)]:
        for node in walk(root):
            if isinstance(node, c.Domain):
                yield node.of


def _exprs_of(kind: t.Type) -> Iterator[object]:
    """Constant expressions inside a type: bounds and capacities."""
    if isinstance(kind, t.Range):
        yield from (kind.lo, kind.hi)
    for part in _parts(kind):
        yield from _exprs_of(part)
    if isinstance(kind, (t.Set, t.Bag, t.Seq)):
        yield kind.capacity


def _parts(kind: t.Type) -> tuple[t.Type, ...]:
    if isinstance(kind, (t.Option, t.Set, t.Bag, t.Seq)):
        return (kind.item,)
    if isinstance(kind, t.Tuple):
        return kind.items
    if isinstance(kind, t.Map):
        return (kind.key, kind.value)
    if isinstance(kind, t.Record):
        return tuple(k for _, k in kind.fields)
    return kind.cases if isinstance(kind, t.Union) else ()


def _used_names(spec: c.Spec) -> tuple[set[str], set[str]]:
    """(constants and flaws, functions) that something uses."""
    roots: list[object] = list(_everything(spec))
    roots += [x for v in spec.vars for x in (v.init, v.choices) if x is not None]
    roots += [d.default for d in spec.consts if d.default is not None]
    roots += [x for kind in _types_in(spec) for x in _exprs_of(kind)]
    nodes = [n for root in roots for n in walk(root)]
    consts = {n.name for n in nodes if isinstance(n, c.Const)}
    return consts, {n.name for n in nodes if isinstance(n, c.Call)}


def _unused(spec: c.Spec) -> Iterator[Diagnostic]:
    consts, calls = _used_names(spec)
    for d in spec.consts:
        if not d.name.startswith("budget.") and d.name not in consts:
            yield _warn("W0704", f"nothing uses constant `{d.name}`", d.span)
    for flaw in spec.flaws:
        if flaw.name not in consts:
            yield _warn("W0704", f"flaw `{flaw.name}` changes nothing: no action asks for it", flaw.span)
    for f in spec.functions:
        if f.name not in calls:
            yield _warn("W0704", f"nothing calls function `{f.name.rpartition('.')[2]}`", f.span)
        used = {n.name for n in walk(f.body) if isinstance(n, c.Local)}
        for name, _ in _own_parameters(f, spec):
            if name not in used and not name.startswith("_"):
                yield _warn("W0704", f"function `{f.name}` does not use its parameter `{name}`", f.span)


def _own_parameters(f: c.Function, spec: c.Spec) -> tuple[tuple[str, t.Type], ...]:
    """The parameters without the node of a role."""
    role = f.name.rpartition(".")[0]
    return f.params[1:] if any(r.name == role for r in spec.roles) else f.params


# ----------------------------------------------------------------------------------------------- properties


def _reading_functions(spec: c.Spec) -> set[str]:
    return {name for name, read in function_reads(spec).items() if read}


def _constant(spec: c.Spec) -> Iterator[Diagnostic]:
    reading = _reading_functions(spec)
    for p in spec.properties:
        if p.kind not in _STATED:
            continue
        nodes = [n for x in (p.body, p.second) if x is not None for n in walk(x)]
        reads = any(isinstance(n, c.StateVar) or (isinstance(n, c.Call) and n.name in reading) for n in nodes)
        if not reads:
            yield _warn("W0705", f"{p.kind.replace('_', ' ')} `{p.name}` says nothing about the state", p.span)


def _idle(spec: c.Spec) -> Iterator[Diagnostic]:
    for a in spec.actions:
        stores = any(isinstance(n, (c.Assign, c.Assert)) for n in walk(a.body))
        if a.kind == "action" and not stores:
            yield _warn("W0706", f"action `{a.name}` changes nothing", a.span)
