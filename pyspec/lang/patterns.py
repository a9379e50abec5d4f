"""Patterns of `match` and of message handlers."""

from __future__ import annotations

from pyspec.base.diagnostics import error
from pyspec.base.source import Span
from pyspec.lang import core as c
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.exprs import op
from pyspec.lang.messages import closest
from pyspec.lang.names import Env
from pyspec.lang.typeops import BOOL, article, same, value_type

Lets = list[tuple[str, c.Expr]]


def bind_pattern(pattern: s.Pattern, value: c.Expr, env: Env) -> tuple[list[c.Expr], Lets]:
    """Hold a pattern against a value: conditions that must be true, and names to bind."""
    if pattern.literal is not None:
        return [_literal(pattern, pattern.literal, value)], []
    if pattern.name is not None:
        return _name(pattern, pattern.name, value, env)
    return _case(pattern, value, env)


def _literal(pattern: s.Pattern, literal: s.Literal, value: c.Expr) -> c.Expr:
    kind = value.type
    if literal.value is None:
        ok = isinstance(kind, t.Option)
    else:
        inner = kind.item if isinstance(kind, t.Option) else kind
        ok = isinstance(inner, t.Bool) if isinstance(literal.value, bool) else same(inner, t.Int())
    if not ok:
        raise error("E0409", f"this never equals {article(kind)}", pattern.span)
    lit: c.Expr = c.Lit(kind, literal.value, span=pattern.span)
    return op("eq", BOOL, pattern.span, value, lit)


def _name(pattern: s.Pattern, name: str, value: c.Expr, env: Env) -> tuple[list[c.Expr], Lets]:
    if name == "_":
        return [], []
    kind = value.type
    inner = kind.item if isinstance(kind, t.Option) else kind
    if isinstance(inner, t.Enum) and name in inner.members:
        lit: c.Expr = c.Lit(inner, name, span=pattern.span)
        if isinstance(kind, t.Option):
            lit = op("some", kind, pattern.span, lit)
        return [op("eq", BOOL, pattern.span, value, lit)], []
    if isinstance(inner, t.Union) and any(k.name == name for k in inner.cases):
        return _case(s.Pattern(case=name, items=(), span=pattern.span), value, env)
    local = env.bind(s.Name(name, span=pattern.span), kind)
    return [], [(local.name, value)]


def _case(pattern: s.Pattern, value: c.Expr, env: Env) -> tuple[list[c.Expr], Lets]:
    kind = value.type
    name = pattern.case or ""
    if isinstance(kind, t.Record) and kind.name == name:
        parts = [c.Field(value_type(x), value, f, span=pattern.span) for f, x in kind.fields]
        conds, lets = bind_fields(pattern, name, tuple(zip([f for f, _ in kind.fields], parts, strict=True)), env)
        return conds, lets
    if not isinstance(kind, t.Union):
        raise error("E0409", f"{article(kind)} has no cases", pattern.span)
    case = next((k for k in kind.cases if k.name == name), None)
    if case is None:
        raise error(
            "E0307", f"{kind.name} has no case `{name}`", pattern.span, closest(name, [k.name for k in kind.cases])
        )
    fields = tuple((f, c.CaseField(value_type(x), value, name, f, span=pattern.span)) for f, x in case.fields)
    conds, lets = bind_fields(pattern, name, fields, env) if pattern.items else ([], [])
    return [c.IsCase(BOOL, value, name, span=pattern.span), *conds], lets


def bind_fields(
    pattern: s.Node, what: str, fields: tuple[tuple[str, c.Expr], ...], env: Env
) -> tuple[list[c.Expr], Lets]:
    """Patterns for the fields of a message, record or case: by position (all of them) or by name (some)."""
    items = getattr(pattern, "items", None) or getattr(pattern, "patterns", None) or ()
    plain = [i for i in items if isinstance(i, s.Pattern)]
    if plain and len(plain) + len([i for i in items if isinstance(i, s.NamedPattern)]) != len(fields):
        names = ", ".join(n for n, _ in fields)
        hint = (
            f"write {what}({names}), or name the ones you need: {what}({fields[0][0]} = x)"
            if fields
            else f"write {what}"
        )
        raise error("E0410", f"{what} has {len(fields)} fields, {len(items)} given", pattern.span, hint)
    conds: list[c.Expr] = []
    lets: Lets = []
    known = dict(fields)
    for position, item in enumerate(items):
        if isinstance(item, s.NamedPattern):
            if item.field not in known:
                raise error("E0324", f"{what} has no `{item.field}`", item.span, closest(item.field, known))
            more = bind_pattern(item.pattern, known[item.field], env)
        else:
            more = bind_pattern(item, fields[position][1], env)
        conds += more[0]
        lets += more[1]
    return conds, lets


def conjunction(conds: list[c.Expr], span: Span) -> c.Expr:
    """All of them; true if there are none."""
    if not conds:
        return c.Lit(BOOL, True, span=span)
    return conds[0] if len(conds) == 1 else c.Op(BOOL, "and", tuple(conds), span=span)


def match_pattern(item: c.Expr, stmt: s.MatchStmt, env: Env) -> list[tuple[c.Expr, Lets, Env]]:
    """For each case of a `match`: when it applies, what it binds, and its scope.

    Raises SpecError when a case is missing or can never be reached.
    """
    out: list[tuple[c.Expr, Lets, Env]] = []
    covered: set[str] = set()
    complete = False
    for pattern, _ in stmt.cases:
        if complete:
            raise error("E0411", "an earlier case already matches everything", pattern.span)
        inner = env.child()
        value = item
        if isinstance(item.type, t.Option) and "none" in covered:
            value = op("unwrap", item.type.item, pattern.span, item)
        conds, lets = bind_pattern(pattern, value, inner)
        out.append((conjunction(conds, pattern.span), lets, inner))
        complete = not conds
        if len(conds) == 1:
            covered.add(_covers(pattern))
    needed = _needed(item.type)
    if not complete and (needed is None or needed - covered):
        missing = ", ".join(sorted(needed - covered)) if needed else "any other value"
        raise error("E0412", f"this match has no case for {missing}", stmt.span, "add it, or end with `case _:`")
    return out


def _covers(pattern: s.Pattern) -> str:
    if pattern.literal is not None and pattern.literal.value is None:
        return "none"
    if pattern.literal is not None:
        return str(pattern.literal.value).lower()
    return pattern.case or pattern.name or ""


def _needed(kind: t.Type) -> set[str] | None:
    if isinstance(kind, t.Union):
        return {k.name for k in kind.cases}
    if isinstance(kind, t.Enum):
        return set(kind.members)
    return {"true", "false"} if isinstance(kind, t.Bool) else None
