"""`refines OTHER with ...`, second half: what a step of this protocol must be, seen through the mapping.

Every explored step must be a stutter (no abstract variable changes) or a step that some abstract action allows;
every initial state must be an initial state of the abstract protocol (Abadi and Lamport, The existence of refinement
mappings, TCS 82(2), 1991). Both become one property of kind "refines": `body` is a step predicate, `second` a
predicate on initial states. An abstract action becomes a predicate by symbolic execution of its body.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from pyspec.base.diagnostics import error
from pyspec.base.source import NOWHERE, Span
from pyspec.lang import core as c
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.abstract import Abstract
from pyspec.lang.exprs import check
from pyspec.lang.ghosts import walk
from pyspec.lang.lower import Lowered, op
from pyspec.lang.messages import closest
from pyspec.lang.names import Env
from pyspec.lang.typeops import BOOL, show, value_type

_BINDERS = {c.Quant: "var", c.MapComp: "var", c.Choose: "var", c.LetExpr: "name", c.Gen: "var"}


class _Rewrite:
    """Abstract expressions with the variables replaced, functions unfolded, and local names prefixed."""

    def __init__(self, alias: str, functions: Mapping[str, c.Function]) -> None:
        self.alias = alias
        self.functions = functions

    def local(self, name: str) -> str:
        return f"{self.alias}_{name}"

    def expr(self, e: c.Expr, state: Mapping[str, c.Expr]) -> c.Expr:
        found = self._walk(e, state)
        assert isinstance(found, c.Expr)
        return found

    def _walk(self, node: object, state: Mapping[str, c.Expr]) -> object:
        if isinstance(node, tuple):
            return tuple(self._walk(x, state) for x in node)
        if isinstance(node, c.StateVar):
            return state[node.name]
        if isinstance(node, c.Local):
            return dataclasses.replace(node, name=self.local(node.name))
        if isinstance(node, c.Call):
            return self._unfold(node, state)
        if not isinstance(node, (c.Expr, c.Gen)):
            return node
        fields = {
            f.name: self._walk(getattr(node, f.name), state) for f in dataclasses.fields(node) if f.name != "type"
        }
        for kind, name in _BINDERS.items():
            if isinstance(node, kind):
                fields[name] = self.local(getattr(node, name))
        if isinstance(node, c.Fold):
            fields |= {"acc": self.local(node.acc), "var": self.local(node.var)}
        return dataclasses.replace(node, **fields)  # type: ignore[arg-type]

    def _unfold(self, call: c.Call, state: Mapping[str, c.Expr]) -> c.Expr:
        function = self.functions[call.name]
        args = [self.expr(a, state) for a in call.args]
        body = self.expr(function.body, state)
        for (name, _), value in reversed(list(zip(function.params, args, strict=True))):
            body = c.LetExpr(body.type, self.local(name), value, body, span=call.span)
        return body


class _Steps:
    """Abstract actions as predicates over the abstract variables before (`old`) and after (`new`)."""

    def __init__(self, rewrite: _Rewrite, old: dict[str, c.Expr], new: dict[str, c.Expr]) -> None:
        self.rewrite, self.old, self.new = rewrite, old, new

    def action(self, action: c.Action) -> c.Expr:
        found = self._block(action.body, dict(self.old))
        for p in reversed(action.params):
            domain = self.rewrite.expr(p.domain, self.old)
            found = c.Quant(BOOL, "exists", self.rewrite.local(p.name), domain, found, span=action.span)
        return found

    def _block(self, stmts: c.Block, state: dict[str, c.Expr]) -> c.Expr:
        if not stmts:
            return self._arrived(state)
        first, rest = stmts[0], stmts[1:]
        if isinstance(first, c.When):
            return conj((self.rewrite.expr(first.cond, state), self._block(rest, state)), first.span)
        if isinstance(first, c.Let):
            value = self.rewrite.expr(first.value, state)
            return c.LetExpr(BOOL, self.rewrite.local(first.name), value, self._block(rest, state), span=first.span)
        if isinstance(first, c.Any):
            return self._any(first, rest, state)
        if isinstance(first, c.Either):
            return c.Op(BOOL, "or", tuple(self._block(b + rest, dict(state)) for b in first.branches), span=first.span)
        if isinstance(first, c.If):
            cond = self.rewrite.expr(first.cond, state)
            then, other = (self._block(b + rest, dict(state)) for b in (first.then, first.other))
            return c.IfExpr(BOOL, cond, then, other, span=first.span)
        if isinstance(first, c.Assign):
            return self._block(rest, state | {first.var: self._assigned(first, state)})
        if isinstance(first, c.Assert):
            return self._block(rest, state)
        raise error("E0421", "a loop in an action of a refined protocol", first.span, "write it as one assignment")

    def _any(self, stmt: c.Any, rest: c.Block, state: dict[str, c.Expr]) -> c.Expr:
        body = self._block(rest, state)
        if stmt.cond is not None:
            body = conj((self.rewrite.expr(stmt.cond, state), body), stmt.span)
        domain = self.rewrite.expr(stmt.domain, state)
        return c.Quant(BOOL, "exists", self.rewrite.local(stmt.var), domain, body, span=stmt.span)

    def _assigned(self, stmt: c.Assign, state: dict[str, c.Expr]) -> c.Expr:
        value = self.rewrite.expr(stmt.value, state)
        return self._put(state[stmt.var], stmt.path, value, state, stmt.span)

    def _put(
        self,
        whole: c.Expr,
        path: tuple[c.IndexStep | c.FieldStep, ...],
        value: c.Expr,
        state: dict[str, c.Expr],
        span: Span,
    ) -> c.Expr:
        """`whole` with the cell at `path` replaced."""
        if not path:
            return value
        first, rest = path[0], path[1:]
        if isinstance(first, c.FieldStep):
            assert isinstance(whole.type, t.Record)
            kind = value_type(dict(whole.type.fields)[first.name])
            inner = self._put(c.Field(kind, whole, first.name, span=span), rest, value, state, span)
            return c.With(whole.type, whole, first.name, inner, span=span)
        key = self.rewrite.expr(first.key, state)
        if isinstance(whole.type, t.Map):
            cell = op("map.at", value_type(whole.type.value), span, whole, key)
            return op("map.update", whole.type, span, whole, key, self._put(cell, rest, value, state, span))
        assert isinstance(whole.type, t.Seq)
        cell = op("seq.at", whole.type.item, span, whole, key)
        return op("seq.update", whole.type, span, whole, key, self._put(cell, rest, value, state, span))

    def _arrived(self, state: dict[str, c.Expr]) -> c.Expr:
        return conj(tuple(op("eq", BOOL, v.span, self.new[n], v) for n, v in state.items()), NOWHERE)


def conj(parts: tuple[c.Expr, ...], span: Span) -> c.Expr:
    """All of them, flat."""
    flat: list[c.Expr] = []
    for p in parts:
        flat += p.args if isinstance(p, c.Op) and p.op == "and" else (p,)
    flat = [p for p in flat if not (isinstance(p, c.Lit) and p.value is True)]
    if not flat:
        return c.Lit(BOOL, True, span=span)
    return flat[0] if len(flat) == 1 else c.Op(BOOL, "and", tuple(flat), span=span)


def _full(alias: str, name: str) -> str:
    return f"network.{alias}.{name.removeprefix('network.')}" if name.startswith("network.") else f"{alias}.{name}"


def _mapping(a: Abstract, below: Lowered, out: Lowered) -> dict[str, c.Expr]:
    """For every abstract variable its value in terms of this protocol."""
    found: dict[str, c.Expr] = {}
    known = {v.name: v for v in below.vars if v.kind != "budget"}
    short = {name.removeprefix(f"{a.alias}.").replace(f"network.{a.alias}.", "network."): name for name in known}
    wrong = [m for m in a.mapping.values() if m.name not in short]
    if wrong:
        message = f"protocol {a.alias} has no variable `{wrong[0].name}`"
        raise error("E0422", message, wrong[0].span, closest(wrong[0].name, short))
    for name, full in short.items():
        kind = known[full].type
        if name in a.mapping:
            given = a.mapping[name]
            want = kind if isinstance(kind, t.Map) else value_type(kind)
            found[full] = _mapped(given, Env(below.names), want, a, out)
        else:
            found[full] = _by_name(a, name, full, kind, out)
    return found


def _mapped(given: s.NamedArg, env: Env, want: t.Type, a: Abstract, out: Lowered) -> c.Expr:
    """What the mapping says; it speaks of this protocol's variables, and may name the abstract one's types."""
    found = check(given.value, env, want, f"{a.alias}'s {given.name}")
    for node in walk(found):
        if isinstance(node, c.StateVar) and node.name not in out.names.vars:
            raise error(
                "E0422",
                f"`{node.name}` belongs to the abstract protocol",
                node.span,
                "map it from this protocol's state",
            )
    return found


def _by_name(a: Abstract, name: str, full: str, kind: t.Type, out: Lowered) -> c.Expr:
    same = next((v for v in out.vars if v.name == name), None)
    if same is None:
        message = f"refines {a.alias}: nothing says what its `{name}` is"
        raise error("E0422", message, a.decl.span, f"add {name} = an expression of type {show(kind)}")
    return c.StateVar(value_type(same.type), same.name, span=a.decl.span)


def refinement(a: Abstract, below: Lowered, out: Lowered) -> tuple[c.Property, c.Refines]:
    """The property that this protocol refines another one."""
    span = a.decl.span
    mapping = _mapping(a, below, out)
    rewrite = _Rewrite(a.alias, {f.name: f for f in below.functions})
    before = {n: c.Local(m.type, f"{_plain(n)}_before", span=span) for n, m in mapping.items()}
    after = {n: c.Local(m.type, f"{_plain(n)}_after", span=span) for n, m in mapping.items()}
    steps = _Steps(rewrite, dict(before), dict(after))
    allowed = tuple((x.name.removeprefix(f"{a.alias}."), steps.action(x)) for x in below.actions if x.kind != "fault")
    still = conj(tuple(op("eq", BOOL, span, before[n], after[n]) for n in mapping), span)
    body: c.Expr = c.Op(BOOL, "or", (still, *(p for _, p in allowed)), span=span)
    for n, m in reversed(mapping.items()):
        body = c.LetExpr(BOOL, after[n].name, c.Prime(m.type, m, span=span), body, span=span)
    for n, m in reversed(mapping.items()):
        body = c.LetExpr(BOOL, before[n].name, m, body, span=span)
    start = _initial(below, rewrite, mapping, span)
    prop = c.Property("refines", f"refines_{a.alias}", body, start, span=span)
    return prop, c.Refines(a.alias, tuple(mapping.items()), allowed, span=span)


def _plain(name: str) -> str:
    return name.replace(".", "_")


def _initial(below: Lowered, rewrite: _Rewrite, mapping: dict[str, c.Expr], span: Span) -> c.Expr:
    """Whether the state is an initial state of the abstract protocol."""
    parts: list[c.Expr] = []
    for var in below.vars:
        if var.name not in mapping:
            continue
        if var.init is not None:
            parts.append(op("eq", BOOL, span, mapping[var.name], rewrite.expr(var.init, mapping)))
        if var.choices is not None:
            parts.append(op("set.in", BOOL, span, mapping[var.name], rewrite.expr(var.choices, mapping)))
    parts += [rewrite.expr(w, mapping) for w in below.init_where]
    return conj(tuple(parts), span)
