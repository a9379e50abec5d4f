"""Second pass: bodies are typed and the sugar of roles, handlers and networks becomes core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pyspec.base.diagnostics import Diagnostic, SpecError, error
from pyspec.base.source import Span
from pyspec.lang import core as c
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.declare import constant_env, param_types, resolve_type
from pyspec.lang.exprs import boolean, check, domain, element_type
from pyspec.lang.functions import function_body, property_body, suite_doc
from pyspec.lang.messaging import channel_at, find_message, messages_in_network, pool
from pyspec.lang.names import Env, Names, Role
from pyspec.lang.patterns import Lets, bind_fields, bind_pattern, conjunction
from pyspec.lang.statements import block
from pyspec.lang.typeops import BOOL, INT, value_type


@dataclass
class Lowered:
    """What the second pass collects."""

    names: Names
    found: list[Diagnostic] = field(default_factory=list)
    vars: list[c.Var] = field(default_factory=list)
    actions: list[c.Action] = field(default_factory=list)
    functions: list[c.Function] = field(default_factory=list)
    properties: list[c.Property] = field(default_factory=list)
    init_where: list[c.Expr] = field(default_factory=list)
    refines: list[c.Refines] = field(default_factory=list)

    def attempt(self, run: Callable[[], None]) -> None:
        """Run one step; keep its mistakes and go on."""
        try:
            run()
        except SpecError as wrong:
            self.found.extend(d for d in wrong.diagnostics if d not in self.found)


def op(name: str, type_: t.Type, span: Span, *args: c.Expr) -> c.Expr:
    """A core operator applied to arguments."""
    return c.Op(type_, name, args, span=span)


# ------------------------------------------------------------------------------------------------ variables


def _initial(d: s.VarDecl, kind: t.Type, env: Env) -> tuple[c.Expr | None, c.Expr | None]:
    """The initial value, or the set it is picked from."""
    if d.init is not None:
        return check(d.init, env, _stored(kind), "the initial value"), None
    if d.choices is not None:
        choices = domain(d.choices, env)
        if element_type(choices, d.span) != value_type(kind):
            check(d.choices, env, t.Set(value_type(kind)), "the initial values")
        return None, choices
    raise error(
        "E0208", f"`{d.names[0].name}` has no initial value", d.span, "write `= value`, or `in SET` for any of several"
    )


def _stored(kind: t.Type) -> t.Type:
    """What to advise for a value stored in a place of this type: map keys keep their ranges."""
    return kind if isinstance(kind, t.Map) else value_type(kind)


def lower_var(d: s.VarDecl, out: Lowered) -> None:
    """`var`: one state variable for each name."""
    env = constant_env(out.names, "an initial value")
    for name in d.names:
        declared = out.names.vars[name.name]
        init, choices = _initial(d, declared.type, env)
        out.vars.append(_with_init(declared, init, choices))


def _with_init(var: c.Var, init: c.Expr | None, choices: c.Expr | None) -> c.Var:
    return c.Var(
        var.name, var.type, init, choices, var.kind, var.role, var.stable, var.ghost, var.doc, span=var.span
    )  # fmt: skip


def lower_field(d: s.VarDecl, role: Role, out: Lowered) -> None:
    """A field of a role is a map from its nodes; its initial value may use the node."""
    env = constant_env(out.names, "an initial value")
    env.role = role
    env.self_expr = env.bind(s.Name(role.decl.self_name, span=d.span), role.sort)
    for name in d.names:
        var = out.names.vars[role.fields[name.name]]
        assert isinstance(var.type, t.Map)
        value, choices = _initial(d, var.type.value, env)
        init = c.MapComp(var.type, role.decl.self_name, value, span=d.span) if value is not None else None
        out.vars.append(_with_init(var, init, _map_choices(var.type, role, choices, d.span) if choices else None))


def _map_choices(kind: t.Map, role: Role, choices: c.Expr, span: Span) -> c.Expr:
    """All maps whose values are among the choices of each node."""
    whole = c.Local(kind, "initial", span=span)
    node = c.Local(role.sort, role.decl.self_name, span=span)
    chosen = op("set.in", BOOL, span, op("map.at", value_type(kind.value), span, whole, node), choices)
    everyone = c.Domain(t.Set(role.sort), role.sort, span=span)
    cond = c.Quant(BOOL, "all", role.decl.self_name, everyone, chosen, span=span)
    maps = c.Domain(t.Set(kind), kind, span=span)
    return c.SetComp(t.Set(kind), (c.Gen("initial", maps),), cond, whole, span=span)


# -------------------------------------------------------------------------------------------------- actions


def lower_params(decls: tuple[s.ParamDecl, ...], env: Env) -> tuple[tuple[c.Param, ...], list[c.Stmt]]:
    """Parameters of an action: all values of a type, or the elements of a set."""
    params: list[c.Param] = []
    guards: list[c.Stmt] = []
    waiting: list[s.Name] = []
    for d in decls:
        waiting += d.names
        if d.domain is not None:
            over = domain(d.domain, env)
            params += [_param(n, element_type(over, d.span), over, env) for n in waiting]
            if d.where is not None:
                guards.append(c.When(boolean(d.where, env), span=d.span))
        elif d.type is not None:
            kind = resolve_type(d.type, env.names)
            over = c.Domain(t.Set(value_type(kind)), kind, span=d.span)
            params += [_param(n, value_type(kind), over, env) for n in waiting]
        else:
            continue
        waiting = []
    if waiting:
        raise error(
            "E0331", f"parameter `{waiting[0].name}` has no type", waiting[0].span, "write name: T, or name in SET"
        )
    return tuple(params), guards


def _param(name: s.Name, kind: t.Type, over: c.Expr, env: Env) -> c.Param:
    env.bind(name, kind)
    return c.Param(name.name, kind, over)


def role_env(role: Role | None, names: Names) -> tuple[Env, tuple[c.Param, ...]]:
    """The scope of an action, and the node as its first parameter if it belongs to a role."""
    env = Env(names)
    if role is None:
        return env, ()
    env.role = role
    span = role.decl.span
    env.self_expr = env.bind(s.Name(role.decl.self_name, span=span), role.sort)
    everyone = c.Domain(t.Set(role.sort), role.sort, span=span)
    return env, (c.Param(role.decl.self_name, role.sort, everyone),)


def node_guards(role: Role | None, env: Env, span: Span) -> list[c.Stmt]:
    """A node acts only while it is up, and never by these rules while it is Byzantine."""
    if role is None or env.self_expr is None:
        return []
    out: list[c.Stmt] = []
    if role.separate_restart:
        up = c.StateVar(t.Map(role.sort, BOOL), f"{role.name}.up", span=span)
        out.append(c.When(op("map.at", BOOL, span, up, env.self_expr), span=span))
    if role.decl.byzantine:
        faulty = c.StateVar(t.Set(role.sort), f"{role.name}.byzantine", span=span)
        honest = op("not", BOOL, span, op("set.in", BOOL, span, env.self_expr, faulty))
        out.append(c.When(honest, span=span))
    return out


def lower_action(d: s.ActionDecl, role: Role | None, out: Lowered) -> None:
    """`action`."""
    env, first = role_env(role, out.names)
    doc, body = suite_doc(d.body)
    params, guards = lower_params(d.params, env)
    stmts = (*node_guards(role, env, d.span), *guards, *block(body, env))
    name = _unique(d.name, role, out, d.span)
    out.actions.append(
        c.Action(name, first + params, stmts, "action", role.name if role else None, None, d.fair, doc, span=d.span)
    )


def _unique(name: str, role: Role | None, out: Lowered, span: Span, numbered: bool = False) -> str:
    """The name of an action; with the role in front when two roles have the same."""
    taken = {a.name for a in out.actions}
    if name not in taken:
        return name
    if role is not None and f"{role.name}.{name}" not in taken:
        return f"{role.name}.{name}"
    if numbered:
        number = 2
        while f"{name}_{number}" in taken:
            number += 1
        return f"{name}_{number}"
    raise error("E0201", f"action `{name}` is declared twice", span)


def lower_handler(d: s.HandlerDecl, role: Role | None, out: Lowered) -> None:
    """`on M(...)`: an action with the message as a parameter."""
    env = Env(out.names)
    env.role = role
    message = find_message(d.message.name, env, d.message.span)
    if message.network == "fifo":
        params, stmts = _fifo_handler(d, role, env)
    else:
        params, stmts = _pool_handler(d, role, env)
    doc, body = suite_doc(d.body)
    stmts += block(body, env)
    name = _unique(f"on_{d.message.name}", role, out, d.span, numbered=True)
    made = c.Action(
        name, params, tuple(stmts), "handler", role.name if role else None, d.message.name, d.fair, doc, span=d.span
    )
    out.actions.append(made)


def _bind_self(role: Role, value: c.Expr | None, env: Env, span: Span) -> None:
    """The node of a role: a parameter of its own, or the receiver of the message."""
    local = env.bind(s.Name(role.decl.self_name, span=span), role.sort)
    env.self_expr = local
    assert value is None or value.type == role.sort


def _pool_handler(d: s.HandlerDecl, role: Role | None, env: Env) -> tuple[tuple[c.Param, ...], list[c.Stmt]]:
    message = env.names.messages[d.message.name]
    record, span = message.record, d.span
    env.role = None
    over = messages_in_network(record.name, env, d.message.span)
    env.role = role
    alias = d.alias or env.fresh("msg")
    msg = env.bind(s.Name(alias, span=span), record)
    params: list[c.Param] = []
    stmts: list[c.Stmt] = []
    if role is not None:
        _check_receiver(message.decl.to, role, d, env)
        _bind_self(role, None, env, span)
        if message.decl.to is not None:
            stmts.append(c.Let(role.decl.self_name, c.Field(role.sort, msg, "to", span=span), span=span))
        else:
            params.append(c.Param(role.decl.self_name, role.sort, c.Domain(t.Set(role.sort), role.sort, span=span)))
    params.append(c.Param(alias, record, over))
    stmts += node_guards(role, env, span)
    values = tuple((n, c.Field(value_type(k), msg, n, span=span)) for n, k in record.fields)
    stmts += _bind_message(d, message.payload, dict(values), env)
    if message.network == "bag":
        held = pool(message, env, span)
        taken = op("bag.diff", held.type, span, held, c.BagLit(t.Bag(record), (msg,), span=span))
        stmts.append(c.Assign(message.var, (), taken, span=span))
    return tuple(params), stmts


def _check_receiver(to: s.Name | None, role: Role, d: s.HandlerDecl, env: Env) -> None:
    if to is not None and env.names.types[to.name] != role.sort:
        raise error("E0419", f"{d.message.name} goes to a {to.name}, not to a {role.name}", d.span)


def _bind_message(
    d: s.HandlerDecl, payload: tuple[tuple[str, t.Type], ...], values: dict[str, c.Expr], env: Env
) -> list[c.Stmt]:
    """Bind the patterns of a handler to the fields of its message."""
    conds: list[c.Expr] = []
    lets: Lets = []
    if d.patterns is not None:
        fields = tuple((n, values[n]) for n, _ in payload)
        conds, lets = bind_fields(d, d.message.name, fields, env)
    for which, pattern in (("from", d.sender), ("to", d.to)):
        if pattern is None:
            continue
        if which not in values:
            raise error(
                "E0406", f"{d.message.name} does not say where it is {which}", pattern.span, f"declare `{which} Role`"
            )
        more, named = bind_pattern(pattern, values[which], env)
        conds += more
        lets += named
    env.sender = values.get("from")
    out: list[c.Stmt] = [c.Let(n, x, span=d.span) for n, x in lets]
    if conds:
        out.insert(0, c.When(conjunction(conds, d.span), span=d.span))
    return out


def _fifo_handler(d: s.HandlerDecl, role: Role | None, env: Env) -> tuple[tuple[c.Param, ...], list[c.Stmt]]:
    """The message at the head of the channel between two nodes."""
    message, span = env.names.messages[d.message.name], d.span
    assert message.channel is not None
    ends = dict(message.record.fields)
    if role is not None:
        _check_receiver(message.decl.to, role, d, env)
        _bind_self(role, None, env, span)
        to: c.Expr = env.self_expr or env.bind(s.Name("_"), role.sort)
        to_name = role.decl.self_name
    else:
        to_name = env.fresh("receiver")
        to = c.Local(ends["to"], to_name, span=span)
    from_name = env.fresh("sender")
    sender = c.Local(ends["from"], from_name, span=span)
    params = tuple(
        c.Param(n, x.type, c.Domain(t.Set(x.type), x.type, span=span)) for n, x in ((to_name, to), (from_name, sender))
    )
    stmts = node_guards(role, env, span)
    queue, key = channel_at(message, sender, to, span)
    length = op("seq.len", INT, span, queue)
    stmts.append(c.When(op("gt", BOOL, span, length, c.Lit(INT, 0, span=span)), span=span))
    head = env.fresh("head")
    stmts.append(c.Let(head, op("seq.first", message.channel, span, queue), span=span))
    msg = c.Local(message.channel, head, span=span)
    stmts.append(c.When(c.IsCase(BOOL, msg, d.message.name, span=span), span=span))
    rest = op("seq.slice", queue.type, span, queue, c.Lit(INT, 1, span=span), length)
    stmts.append(c.Assign(message.var, (c.IndexStep(key),), rest, span=span))
    values: dict[str, c.Expr] = {
        n: c.CaseField(value_type(k), msg, d.message.name, n, span=span) for n, k in message.payload
    }
    values |= {"from": sender, "to": to}
    if d.alias:
        whole = c.RecordExpr(message.record, tuple(values[n] for n, _ in message.record.fields), span=span)
        env.bind(s.Name(d.alias, span=span), message.record)
        stmts.append(c.Let(d.alias, whole, span=span))
    return params, stmts + _bind_message(d, message.payload, values, env)


# ---------------------------------------------------------------------------------- functions and properties


def lower_function(name: str, out: Lowered) -> None:
    """`def`."""
    sig = out.names.functions[name]
    body = function_body(sig, out.names)
    result = sig.result or body.type
    sig.result = result
    doc, _ = suite_doc(sig.decl.body)
    out.functions.append(c.Function(name, sig.params, result, body, doc, span=sig.decl.span))


def lower_property(d: s.PropertyDecl, out: Lowered) -> None:
    """invariant, step, reachable, terminal, lemma, assume, law, hint."""
    if any(p.name == d.name for p in out.properties):
        raise error("E0201", f"property `{d.name}` is declared twice", d.span)
    env = Env(out.names, step=d.kind == "step")
    if d.kind == "assume":
        env = constant_env(out.names, "an assumption")
    params = _bound_params(d.params, env)
    if d.kind == "law":
        env.constant, env.why_constant = True, "a law"
    doc, body = property_body(d.body, env, d.span)
    out.properties.append(c.Property(d.kind, d.name, body, None, params, doc, span=d.span))


def _bound_params(decls: tuple[s.ParamDecl, ...], env: Env) -> tuple[tuple[str, t.Type], ...]:
    """Parameters of a property, which it is said of for all values."""
    params = param_types(decls, env.names)
    for name, kind in params:
        env.bind(s.Name(name, span=decls[0].span), value_type(kind))
    return params


def lower_liveness(d: s.LivenessDecl, out: Lowered) -> None:
    """`liveness`."""
    if any(p.name == d.name for p in out.properties):
        raise error("E0201", f"property `{d.name}` is declared twice", d.span)
    env = Env(out.names)
    params = _bound_params(d.params, env)
    second = boolean(d.second, env) if d.second is not None else None
    out.properties.append(c.Property(d.shape, d.name, boolean(d.body, env), second, params, d.doc, span=d.span))


def lower_deadlock(d: s.DeadlockDecl, out: Lowered) -> None:
    """`deadlock free`."""
    out.properties.append(c.Property("deadlock_free", "deadlock_free", c.Lit(BOOL, True, span=d.span), span=d.span))


def lower_init(d: s.InitDecl, out: Lowered) -> None:
    """`init where`."""
    out.init_where.append(boolean(d.where, Env(out.names)))
