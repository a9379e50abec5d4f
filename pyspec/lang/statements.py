"""Typing of statements: syntax -> core blocks. One entry of `LOWER` for each node class."""

from __future__ import annotations

from collections.abc import Callable

from pyspec.base.diagnostics import error
from pyspec.lang import core as c
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.binders import bind, bind_all, with_lets
from pyspec.lang.channels import disconnect
from pyspec.lang.exprs import boolean, check, coerce, combine, element_type, infer
from pyspec.lang.messages import closest
from pyspec.lang.messaging import send
from pyspec.lang.names import Env
from pyspec.lang.patterns import match_pattern
from pyspec.lang.typeops import article, value_type


def block(stmts: s.Suite, env: Env) -> c.Block:
    """Type a block; what it binds is visible to its end."""
    out: list[c.Stmt] = []
    for stmt in stmts:
        out += LOWER[type(stmt)](stmt, env)
    return tuple(out)


def _when(stmt: s.WhenStmt, env: Env) -> list[c.Stmt]:
    return [c.When(boolean(stmt.cond, env, "`when`"), span=stmt.span)]


def _let(stmt: s.LetStmt, env: Env) -> list[c.Stmt]:
    value = infer(stmt.value, env)
    name, lets = bind(stmt.name, value.type, env)
    return [c.Let(n, x, span=stmt.span) for n, x in ((name, value), *lets)]


def _any(stmt: s.AnyStmt, env: Env) -> list[c.Stmt]:
    bound = bind_all(stmt.binders, env)
    cond = boolean(stmt.where, env) if stmt.where is not None else None
    out: list[c.Stmt] = []
    for i, (name, over, lets) in enumerate(bound):
        last = i + 1 == len(bound)
        test = with_lets(lets, cond) if last and cond is not None else None
        out.append(c.Any(name, over, test, span=stmt.span))
        out += [c.Let(n, x, span=stmt.span) for n, x in lets]
    return out


def _assert(stmt: s.AssertStmt, env: Env) -> list[c.Stmt]:
    return [c.Assert(boolean(stmt.cond, env, "`assert`"), stmt.message, span=stmt.span)]


def _if(stmt: s.IfStmt, env: Env) -> list[c.Stmt]:
    other = block(stmt.other, env.child())
    for cond, body in reversed(stmt.branches):
        other = (c.If(boolean(cond, env, "`if`"), block(body, env.child()), other, span=stmt.span),)
    return list(other)


def _either(stmt: s.EitherStmt, env: Env) -> list[c.Stmt]:
    return [c.Either(tuple(block(b, env.child()) for b in stmt.branches), span=stmt.span)]


def _for(stmt: s.ForStmt, env: Env) -> list[c.Stmt]:
    inner = env.child()
    over = infer(stmt.binder.domain, env)
    if isinstance(over.type, t.Bag):
        over = c.Op(t.Set(over.type.item), "bag.support", (over,), span=stmt.span)
    item = element_type(over, stmt.binder.span)
    if len(stmt.binder.targets) != 1:
        raise error("E0309", "`for` goes over one variable", stmt.span)
    name, lets = bind(stmt.binder.targets[0], item, inner)
    parts = tuple(c.Let(n, x, span=stmt.span) for n, x in lets)
    return [c.For(name, over, (*parts, *block(stmt.body, inner)), span=stmt.span)]


def _match(stmt: s.MatchStmt, env: Env) -> list[c.Stmt]:
    item = infer(stmt.item, env)
    out: list[c.Stmt] = []
    if not isinstance(item, (c.Local, c.StateVar)):
        name = env.fresh("matched")
        out.append(c.Let(name, item, span=stmt.span))
        item = c.Local(item.type, name, span=stmt.item.span)
    other: c.Block = ()
    for (test, lets, inner), (_, body) in reversed(list(zip(match_pattern(item, stmt, env), stmt.cases, strict=True))):
        binds = tuple(c.Let(n, x, span=stmt.span) for n, x in lets)
        other = (c.If(test, (*binds, *block(body, inner)), other, span=stmt.span),)
    return [*out, *other]


def _call(stmt: s.CallStmt, env: Env) -> list[c.Stmt]:
    call = stmt.call
    name = call.func.name if isinstance(call, s.CallExpr) and isinstance(call.func, s.Name) else None
    if isinstance(call, s.CallExpr) and isinstance(call.func, s.Attr):
        name = _dotted(call.func)
    if name is None or not isinstance(call, s.CallExpr):
        raise error(
            "E0413", "this is a value, not a statement", stmt.span, "assign it, or write `when` or `assert` before it"
        )
    found = _procedure(name, env)
    if found is None:
        known = [*env.names.procedures, *(env.role.procedures if env.role else ())]
        raise error("E0203", f"unknown procedure `{name}`", call.func.span, closest(name, known))
    return _inline(found, call, env)


def _dotted(e: s.Expr) -> str | None:
    if isinstance(e, s.Name):
        return e.name
    if isinstance(e, s.Attr):
        inner = _dotted(e.item)
        return f"{inner}.{e.name}" if inner else None
    return None


def _procedure(name: str, env: Env) -> s.ProcedureDecl | None:
    if env.role and name in env.role.procedures:
        return env.role.procedures[name]
    return env.names.procedures.get(name)


def _inline(decl: s.ProcedureDecl, call: s.CallExpr, env: Env) -> list[c.Stmt]:
    """The body of a procedure with its parameters bound to the arguments."""
    from pyspec.lang.access import arguments
    from pyspec.lang.declare import param_types

    if decl.name in env.inlining:
        raise error("E0327", f"procedure `{decl.name}` calls itself", call.span)
    params = param_types(decl.params, env.names)
    values = arguments(decl.name, params, call, env)
    inner = Env(env.names, {}, env.role, env.self_expr, env.sender, inlining=env.inlining | {decl.name})
    inner.used = env.used | set(env.locals)
    inner.renaming = True
    if env.role is not None and decl.name not in env.role.procedures:
        inner.role, inner.self_expr = None, None
    elif env.role is not None and env.self_expr is not None:
        inner.locals[env.role.decl.self_name] = (env.role.sort, env.self_expr)
    out: list[c.Stmt] = []
    for (name, type_), value in zip(params, values, strict=True):
        fresh = inner.fresh(name)
        inner.locals[name] = (value_type(type_), c.Local(value_type(type_), fresh, span=call.span))
        out.append(c.Let(fresh, value, span=call.span))
    out += block(decl.body, inner)
    env.used |= inner.used
    return out


def _send(stmt: s.SendStmt, env: Env) -> list[c.Stmt]:
    return send(stmt, env)


def _nothing(stmt: s.Stmt, env: Env) -> list[c.Stmt]:
    return []


def _return(stmt: s.ReturnStmt, env: Env) -> list[c.Stmt]:
    raise error("E0413", "an action returns nothing", stmt.span)


# ---------------------------------------------------------------------------------------------- assignment


def _assign(stmt: s.AssignStmt, env: Env) -> list[c.Stmt]:
    var, path, kind = place(stmt.target, env)
    if stmt.op == "=":
        value = check(stmt.value, env, value_type(kind), "the value")
        return [c.Assign(var, path, value, span=stmt.span)]
    old = infer(stmt.target, env)
    value = combine(stmt.op[0], old, infer(stmt.value, env, _advice(old.type)), stmt.span)
    return [c.Assign(var, path, coerce(value, value_type(kind), stmt.span), span=stmt.span)]


def _advice(kind: t.Type) -> t.Type | None:
    return kind if isinstance(kind, (t.Set, t.Bag, t.Seq)) else None


def place(e: s.Expr, env: Env) -> tuple[str, tuple[c.IndexStep | c.FieldStep, ...], t.Type]:
    """The variable, the path and the type of what stands left of an assignment."""
    if isinstance(e, s.Name):
        return _root(e, e.name, env)
    if isinstance(e, s.Attr):
        return _attr_place(e, env)
    if isinstance(e, s.Index):
        return _index_place(e, env)
    if isinstance(e, s.PrimeExpr):
        raise error("E0414", "assign to the variable itself, without a prime", e.span)
    raise error("E0414", "this cannot be assigned to", e.span)


def _root(e: s.Expr, name: str, env: Env) -> tuple[str, tuple[c.IndexStep | c.FieldStep, ...], t.Type]:
    if name in env.locals:
        raise error(
            "E0414",
            f"`{name}` is not a state variable; a local name keeps its value",
            e.span,
            "name the new value with let",
        )
    if env.role and name in env.role.fields:
        var = env.names.vars[env.role.fields[name]]
        assert env.self_expr is not None and isinstance(var.type, t.Map)
        return var.name, (c.IndexStep(env.self_expr),), var.type.value
    if name in env.names.vars and env.names.vars[name].kind in ("var", "field"):
        return name, (), env.names.vars[name].type
    if name in env.names.places or name in env.names.members:
        raise error("E0414", f"`{name}` is not a state variable", e.span)
    if name in env.names.vars and name.startswith("network."):
        hint = (
            f"`send` adds a message; a handler, `on {name.removeprefix('network.')}(...):`, takes the one it receives"
        )
        raise error("E0414", f"`{name}` cannot be assigned to", e.span, hint)
    fields = tuple(env.role.fields) if env.role else ()
    raise env.names.unknown(name, e.span, fields, "variable")


def _attr_place(e: s.Attr, env: Env) -> tuple[str, tuple[c.IndexStep | c.FieldStep, ...], t.Type]:
    dotted = _dotted(e)
    if dotted is not None and dotted in env.names.vars:
        return _root(e, dotted, env)
    node = _node_place(e, env)
    if node is not None:
        return node
    var, path, kind = place(e.item, env)
    if not isinstance(kind, t.Record):
        raise error("E0414", f"{article(kind)} has no field to assign", e.span)
    fields = dict(kind.fields)
    if e.name not in fields:
        raise error("E0316", f"{article(kind)} has no field `{e.name}`", e.span, closest(e.name, fields))
    return var, (*path, c.FieldStep(e.name)), fields[e.name]


def _node_place(e: s.Attr, env: Env) -> tuple[str, tuple[c.IndexStep | c.FieldStep, ...], t.Type] | None:
    """`node.field` where node is an expression of a role's sort."""
    fields = {f for r in env.names.roles.values() for f in r.fields}
    if e.name not in fields:
        return None
    item = infer(e.item, env)
    if not isinstance(item.type, t.Sort) or e.name not in env.names.fields_of(item.type.name):
        return None
    var = env.names.vars[env.names.fields_of(item.type.name)[e.name]]
    assert isinstance(var.type, t.Map)
    return var.name, (c.IndexStep(item),), var.type.value


def _index_place(e: s.Index, env: Env) -> tuple[str, tuple[c.IndexStep | c.FieldStep, ...], t.Type]:
    var, path, kind = place(e.item, env)
    key = e.keys[0] if len(e.keys) == 1 else s.TupleDisplay(e.keys, span=e.span)
    if isinstance(kind, t.Map):
        return var, (*path, c.IndexStep(check(key, env, value_type(kind.key), "the key"))), kind.value
    if isinstance(kind, t.Seq):
        return var, (*path, c.IndexStep(check(key, env, t.Int(), "the index"))), kind.item
    raise error("E0319", f"{article(kind)} has nothing to index", e.span)


LOWER: dict[type, Callable[..., list[c.Stmt]]] = {
    s.Doc: _nothing,
    s.PassStmt: _nothing,
    s.WhenStmt: _when,
    s.LetStmt: _let,
    s.AnyStmt: _any,
    s.AssertStmt: _assert,
    s.IfStmt: _if,
    s.EitherStmt: _either,
    s.ForStmt: _for,
    s.MatchStmt: _match,
    s.CallStmt: _call,
    s.SendStmt: _send,
    s.DisconnectStmt: disconnect,
    s.ReturnStmt: _return,
    s.AssignStmt: _assign,
}
