"""Bodies of `def`s and properties: a block of let, if, match and return read as one expression."""

from __future__ import annotations

from pyspec.base.diagnostics import Diagnostic, error
from pyspec.base.source import Span
from pyspec.lang import core as c
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.binders import bind, with_lets
from pyspec.lang.exprs import Want, boolean, check, coerce, infer
from pyspec.lang.ghosts import walk
from pyspec.lang.names import Env, FunctionSig, Names
from pyspec.lang.patterns import match_pattern
from pyspec.lang.typeops import BOOL, article, join, value_type


def suite_doc(body: s.Suite) -> tuple[str | None, s.Suite]:
    """Split a leading docstring from a block."""
    if body and isinstance(body[0], s.Doc):
        return body[0].text, body[1:]
    return None, body


def block_value(body: s.Suite, env: Env, want: Want, span: Span) -> c.Expr:
    """The value of a block.

    Raises SpecError when a path has none.
    """
    if not body:
        raise error("E0326", "this ends without a value", span, "every path ends with an expression")
    first, rest = body[0], body[1:]
    if isinstance(first, s.LetStmt):
        value = infer(first.value, env)
        name, lets = bind(first.name, value.type, env)
        inner = with_lets(lets, block_value(rest, env, want, first.span))
        return c.LetExpr(inner.type, name, value, inner, span=first.span)
    if isinstance(first, s.IfStmt):
        return _if_value(first, rest, env, want)
    if isinstance(first, s.MatchStmt):
        return _match_value(first, rest, env, want)
    if isinstance(first, s.Doc):
        return block_value(rest, env, want, span)
    assert isinstance(first, s.ReturnStmt)
    if rest:
        raise error("E0326", "nothing after this is reached", rest[0].span)
    return check(first.value, env, want) if want is not None else infer(first.value, env)


def _if_value(stmt: s.IfStmt, rest: s.Suite, env: Env, want: Want) -> c.Expr:
    other = stmt.other or rest
    if stmt.other and rest:
        raise error("E0326", "nothing after this is reached", rest[0].span)
    found = block_value(other, env.child(), want, stmt.span)
    for cond, body in reversed(stmt.branches):
        test = boolean(cond, env)
        found = _choice(test, block_value(body, env.child(), want or found.type, stmt.span), found, stmt.span)
    return found


def _choice(test: c.Expr, then: c.Expr, other: c.Expr, span: Span) -> c.Expr:
    both = join(then.type, other.type)
    if both is None:
        raise error("E0304", f"the two branches are {article(then.type)} and {article(other.type)}", span)
    return c.IfExpr(both, test, coerce(then, both, span), coerce(other, both, span), span=span)


def _match_value(stmt: s.MatchStmt, rest: s.Suite, env: Env, want: Want) -> c.Expr:
    if rest:
        raise error("E0326", "nothing after this is reached", rest[0].span)
    item = infer(stmt.item, env)
    matched = match_pattern(item, stmt, env)
    found: c.Expr | None = None
    for (test, lets, inner), (_, body) in zip(reversed(matched), reversed(stmt.cases), strict=True):
        value = block_value(body, inner, want or (found.type if found else None), stmt.span)
        for name, part in reversed(lets):
            value = c.LetExpr(value.type, name, part, value, span=stmt.span)
        found = value if found is None else _choice(test, value, found, stmt.span)
    assert found is not None
    return found


def function_env(sig: FunctionSig, names: Names) -> Env:
    """The scope of a function's body: its parameters, and the node if it belongs to a role."""
    env = Env(names)
    if sig.role is not None:
        env.role = names.roles[sig.role]
    for name, type_ in sig.params:
        local = env.bind(s.Name(name, span=sig.decl.span), value_type(type_))
        if sig.role is not None and env.self_expr is None:
            env.self_expr = local
    return env


def function_body(sig: FunctionSig, names: Names) -> c.Expr:
    """Type the body of a function against its declared result, if it has one."""
    env = function_env(sig, names)
    _, body = suite_doc(sig.decl.body)
    return block_value(body, env, value_type(sig.result) if sig.result is not None else None, sig.decl.span)


_RUNNING = "being inferred"


def result_of(sig: FunctionSig, names: Names, span: Span) -> None:
    """Find the result type of a function that does not declare it, when a call needs it first."""
    if sig.name in names.inferring:
        raise error("E0327", f"`{sig.decl.name}` calls itself; functions are not recursive", span, "use fold")
    names.inferring.add(sig.name)
    try:
        sig.result = function_body(sig, names).type
    finally:
        names.inferring.discard(sig.name)


def recursive(functions: tuple[c.Function, ...]) -> list[Diagnostic]:
    """A mistake for each function that calls itself, directly or through others."""
    calls = {f.name: [n for n in walk(f.body) if isinstance(n, c.Call)] for f in functions}
    reached = {name: {n.name for n in nodes} for name, nodes in calls.items()}
    changed = True
    while changed:
        changed = False
        for found in reached.values():
            more = set().union(*(reached.get(name, set()) for name in found)) - found
            found |= more
            changed |= bool(more)
    out = []
    for f in functions:
        if f.name in reached[f.name]:
            back = next(n for n in calls[f.name] if n.name == f.name or f.name in reached.get(n.name, ()))
            through = "" if back.name == f.name else f" through `{back.name}`"
            message = f"`{f.name}` calls itself{through}; functions are not recursive"
            out.append(Diagnostic("E0327", message, back.span, "use fold"))
    return out


def property_body(body: s.Suite, env: Env, span: Span) -> tuple[str | None, c.Expr]:
    """The docstring and the condition of a property."""
    doc, rest = suite_doc(body)
    return doc, block_value(rest, env, BOOL, span)


__all__ = ["block_value", "function_body", "property_body", "recursive", "result_of", "suite_doc", "t"]
