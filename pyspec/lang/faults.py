"""Faults as actions: crash and restart, loss, duplication, disconnection. A model grants them by budgets.

A budget `NAME` is a constant `budget.NAME` (-1: the model does not give it) and a variable of the same name that holds
what is left. Crashes and disconnections need a budget; losses and duplications are unlimited without one.
"""

from __future__ import annotations

from pyspec.base.diagnostics import error
from pyspec.base.source import Span
from pyspec.lang import core as c
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.lower import Lowered, op
from pyspec.lang.messages import closest
from pyspec.lang.names import Message, Role
from pyspec.lang.typeops import BOOL, INT, value_type


def _int(value: int, span: Span) -> c.Expr:
    return c.Lit(INT, value, span=span)


def _given(budget: str, span: Span) -> c.Expr:
    return op("ge", BOOL, span, c.Const(INT, budget, span=span), _int(0, span))


def budget(name: str, out: Lowered, span: Span) -> str:
    """Declare the constant and the variable of a budget once."""
    full = f"budget.{name}"
    if full not in out.names.consts:
        out.names.consts[full] = c.ConstDecl(full, INT, _int(-1, span), span=span)
        kind = t.Range(0, op("max2", INT, span, c.Const(INT, full, span=span), _int(0, span)))
        out.vars.append(c.Var(full, kind, kind.hi if isinstance(kind.hi, c.Expr) else None, kind="budget", span=span))
    return full


def _spend(full: str, span: Span) -> c.Block:
    left = c.StateVar(INT, full, span=span)
    return (
        c.When(op("gt", BOOL, span, left, _int(0, span)), span=span),
        c.Assign(full, (), op("sub", INT, span, left, _int(1, span)), span=span),
    )


def required(name: str, role: str | None, out: Lowered, span: Span) -> c.Block:
    """Spend from the role's own budget if the model gives one, else from the common one; without any, never."""
    common = budget(name, out, span)
    if role is None:
        return (c.When(_given(common, span), span=span), *_spend(common, span))
    own = budget(f"{role}.{name}", out, span)
    either = op("or", BOOL, span, _given(own, span), _given(common, span))
    return (c.When(either, span=span), c.If(_given(own, span), _spend(own, span), _spend(common, span), span=span))


def optional(name: str, out: Lowered, span: Span) -> c.Block:
    """Spend from a budget if the model gives one."""
    full = budget(name, out, span)
    return (c.If(_given(full, span), _spend(full, span), (), span=span),)


def _lost(role: Role, node: c.Expr, out: Lowered, span: Span) -> list[c.Stmt]:
    """Volatile fields go back to their initial values (which may name the node as the role does), and stable ones
    `unless` a flaw is off."""
    stmts: list[c.Stmt] = []
    fields = [d for d in role.decl.items if isinstance(d, s.VarDecl)]
    losable = {role.fields[n.name]: d.unless for d in fields for n in d.names}
    for var in out.vars:
        if var.role != role.name or var.kind != "field" or not isinstance(var.init, c.MapComp):
            continue
        unless = losable[var.name]
        if var.stable and not unless:
            continue
        assert isinstance(var.type, t.Map)
        reset = c.Assign(var.name, (c.IndexStep(node),), var.init.body, span=span)
        stmts.append(c.If(_switch(unless, out), (reset,), (), span=span) if unless else reset)
    return stmts


def _switch(unless: tuple[s.Name, ...], out: Lowered) -> c.Expr:
    """Whether one of the flaws is on by which a stable field is lost."""
    for name in unless:
        if name.name not in out.names.flaws:
            message = f"`{name.name}` is not a flaw; `unless` names the flaws by which a stable field is lost"
            raise error("E0203", message, name.span, closest(name.name, out.names.flaws))
    switches = tuple(c.Const(BOOL, name.name, span=name.span) for name in unless)
    return switches[0] if len(switches) == 1 else c.Op(BOOL, "or", switches, span=unless[0].span)


def _cut(role: Role, node: c.Expr, out: Lowered, span: Span) -> list[c.Stmt]:
    """A crash closes the fifo channels of the node, in both directions."""
    stmts: list[c.Stmt] = []
    for var in out.vars:
        if var.kind != "channel":
            continue
        assert isinstance(var.type, t.Map) and isinstance(var.type.key, t.Tuple)
        a, b = var.type.key.items
        touched = [op("eq", BOOL, span, c.Proj(x, c.Local(var.type.key, "ends", span=span), i, span=span), node)
                   for i, x in enumerate((a, b)) if x == role.sort]  # fmt: skip
        if not touched:
            continue
        cond = touched[0] if len(touched) == 1 else c.Op(BOOL, "or", tuple(touched), span=span)
        key = c.Local(var.type.key, "ends", span=span)
        empty = c.SeqLit(value_type(var.type.value), (), span=span)
        held = op(
            "map.at", value_type(var.type.value), span, c.StateVar(value_type(var.type), var.name, span=span), key
        )
        body = c.IfExpr(empty.type, cond, empty, held, span=span)
        stmts.append(c.Assign(var.name, (), c.MapComp(var.type, "ends", body, span=span), span=span))
    return stmts


def crashes(role: Role, out: Lowered) -> None:
    """`crash`: volatile state is lost. The node goes on at once, or after `restart` (`restart later`)."""
    span = role.decl.span
    node = c.Local(role.sort, role.decl.self_name, span=span)
    lost = _lost(role, node, out, span)
    if not lost and not role.separate_restart:
        return
    everyone = c.Domain(t.Set(role.sort), role.sort, span=span)
    params = (c.Param(role.decl.self_name, role.sort, everyone),)
    guards: tuple[c.Stmt, ...] = ()
    up: tuple[c.Stmt, ...] = ()
    if role.decl.byzantine:
        faulty = c.StateVar(t.Set(role.sort), f"{role.name}.byzantine", span=span)
        guards = (c.When(op("not", BOOL, span, op("set.in", BOOL, span, node, faulty)), span=span),)
    if role.separate_restart:
        holder = c.StateVar(t.Map(role.sort, BOOL), f"{role.name}.up", span=span)
        alive = op("map.at", BOOL, span, holder, node)
        guards = (*guards, c.When(alive, span=span))
        up = (c.Assign(f"{role.name}.up", (c.IndexStep(node),), c.Lit(BOOL, False, span=span), span=span),)
        down = c.When(op("not", BOOL, span, alive), span=span)
        back = c.Assign(f"{role.name}.up", (c.IndexStep(node),), c.Lit(BOOL, True, span=span), span=span)
        out.actions.append(_fault("restart", params, (down, back), role, out, span))
    body = (*required("crashes", role.name, out, span), *guards, *lost, *_cut(role, node, out, span), *up)
    out.actions.append(_fault("crash", params, body, role, out, span))


def _fault(
    name: str, params: tuple[c.Param, ...], body: c.Block, role: Role | None, out: Lowered, span: Span
) -> c.Action:
    if role is not None and any(a.name == name for a in out.actions):
        name = f"{role.name}.{name}"
    return c.Action(name, params, body, "fault", role.name if role else None, span=span)


def _pool_fault(kind: str, message: Message, out: Lowered) -> None:
    """`lose` or `duplicate` one message of a bag."""
    span, record = message.decl.span, message.record
    held = c.StateVar(t.Bag(record), message.var, span=span)
    msg = c.Local(record, "msg", span=span)
    one = c.BagLit(t.Bag(record), (msg,), span=span)
    params = (c.Param("msg", record, op("bag.support", t.Set(record), span, held)),)
    word, budget_name = ("bag.diff", "losses") if kind == "lose" else ("bag.add", "duplications")
    body: list[c.Stmt] = list(optional(budget_name, out, span))
    if kind == "duplicate":
        unlimited = op("not", BOOL, span, _given("budget.duplications", span))
        single = op("eq", BOOL, span, op("bag.count", INT, span, held, msg), _int(1, span))
        body.append(c.When(op("implies", BOOL, span, unlimited, single), span=span))
    body.append(c.Assign(message.var, (), op(word, t.Bag(record), span, held, one), span=span))
    action = c.Action(f"{kind}_{record.name}", params, tuple(body), "fault", None, record.name, span=span)
    out.actions.append(action)


def _channel_faults(var: c.Var, lossy: bool, out: Lowered, span: Span) -> None:
    """`lose` the message at the head of a channel; `disconnect` two nodes, which empties both directions."""
    assert isinstance(var.type, t.Map) and isinstance(var.type.key, t.Tuple)
    a, b = var.type.key.items
    params = tuple(c.Param(n, k, c.Domain(t.Set(k), k, span=span)) for n, k in (("sender", a), ("receiver", b)))
    ends = tuple(c.Local(p.type, p.name, span=span) for p in params)
    key = c.TupleExpr(var.type.key, ends, span=span)
    queue_type = value_type(var.type.value)
    holder = c.StateVar(value_type(var.type), var.name, span=span)
    queue = op("map.at", queue_type, span, holder, key)
    some = c.When(op("gt", BOOL, span, op("seq.len", INT, span, queue), _int(0, span)), span=span)
    short = var.name.removeprefix("network.")
    if lossy:
        rest = op("seq.slice", queue_type, span, queue, _int(1, span), op("seq.len", INT, span, queue))
        body = (*optional("losses", out, span), some, c.Assign(var.name, (c.IndexStep(key),), rest, span=span))
        out.actions.append(c.Action(f"lose_{short}", params, body, "fault", span=span))
    empty = c.SeqLit(queue_type, (), span=span)
    cut: list[c.Stmt] = [c.Assign(var.name, (c.IndexStep(key),), empty, span=span)]
    back = next(
        (v for v in out.vars if v.kind == "channel" and isinstance(v.type, t.Map) and v.type.key == t.Tuple((b, a))),
        None,
    )
    if back is not None:
        other = c.TupleExpr(t.Tuple((b, a)), (ends[1], ends[0]), span=span)
        assert isinstance(back.type, t.Map)
        cut.append(
            c.Assign(back.name, (c.IndexStep(other),), c.SeqLit(value_type(back.type.value), (), span=span), span=span)
        )
    apart: tuple[c.Stmt, ...] = ()
    if a == b:
        apart = (c.When(op("ne", BOOL, span, *ends), span=span),)
    body = (*required("disconnects", None, out, span), *apart, *cut)
    name = "disconnect" if not any(x.name == "disconnect" for x in out.actions) else f"disconnect_{short}"
    out.actions.append(c.Action(name, params, body, "fault", span=span))


def network_faults(out: Lowered) -> None:
    """Loss and duplication for every network that declares them, disconnection for fifo channels."""
    lossy: dict[str, bool] = {}
    for message in out.names.messages.values():
        if message.network == "bag":
            if message.lossy:
                _pool_fault("lose", message, out)
            if message.duplicating:
                _pool_fault("duplicate", message, out)
        if message.network == "fifo":
            lossy[message.var] = lossy.get(message.var, False) or message.lossy
    for var in [v for v in out.vars if v.kind == "channel"]:
        _channel_faults(var, lossy.get(var.name, False), out, var.span)


def pools(out: Lowered) -> None:
    """Variables for the messages in flight: one pool for each message type, one channel map for each pair of roles."""
    channels: dict[tuple[t.Type, t.Type], list[Message]] = {}
    for message in out.names.messages.values():
        span, record = message.decl.span, message.record
        if message.network == "fifo":
            ends = dict(record.fields)
            channels.setdefault((ends["from"], ends["to"]), []).append(message)
            continue
        message.var = f"network.{record.name}"
        kind: t.Type = t.Set(record) if message.network == "set" else t.Bag(record)
        empty: c.Expr = c.SetLit(kind, (), span=span) if message.network == "set" else c.BagLit(kind, (), span=span)
        _pool_var(c.Var(message.var, kind, empty, kind="pool", span=span), out)
    for (a, b), members in channels.items():
        assert isinstance(a, t.Sort) and isinstance(b, t.Sort)
        name = f"network.{a.name}.{b.name}"
        cases = tuple(t.Record(m.record.name, m.payload) for m in members)
        union = t.Union(f"{a.name}To{b.name}", cases)
        span = members[0].decl.span
        whole = t.Map(t.Tuple((a, b)), t.Seq(union))
        start = c.MapComp(whole, "ends", c.SeqLit(t.Seq(union), (), span=span), span=span)
        _pool_var(c.Var(name, whole, start, kind="channel", span=span), out)
        for m in members:
            m.channel, m.var = union, name


def _pool_var(var: c.Var, out: Lowered) -> None:
    out.names.vars[var.name] = var
    out.vars.append(var)


def role_vars(role: Role, out: Lowered) -> None:
    """`up` and the Byzantine nodes of a role."""
    span = role.decl.span
    if role.separate_restart:
        var = out.names.vars[f"{role.name}.up"]
        start = c.MapComp(var.type, role.decl.self_name, c.Lit(BOOL, True, span=span), span=span)
        out.vars.append(c.Var(var.name, var.type, start, kind="up", role=role.name, span=span))
    if role.decl.byzantine:
        out.vars.append(_byzantine_var(role, out, span))


def _byzantine_var(role: Role, out: Lowered, span: Span) -> c.Var:
    """Any set of nodes of the size that the model gives; without a size, none."""
    full = f"budget.{role.name}.byzantine"
    common = "budget.byzantine"
    for name in (full, common):
        out.names.consts.setdefault(name, c.ConstDecl(name, INT, _int(-1, span), span=span))
    wanted = c.IfExpr(
        INT, _given(full, span), c.Const(INT, full, span=span), c.Const(INT, common, span=span), span=span
    )
    wanted_size = op("max2", INT, span, wanted, _int(0, span))
    kind = t.Set(role.sort)
    chosen = c.Local(kind, "chosen", span=span)
    everyone = c.Domain(kind, role.sort, span=span)
    subsets = op("set.subsets", t.Set(kind), span, everyone)
    cond = op("eq", BOOL, span, op("set.size", INT, span, chosen), wanted_size)
    choices = c.SetComp(t.Set(kind), (c.Gen("chosen", subsets),), cond, chosen, span=span)
    return c.Var(f"{role.name}.byzantine", kind, None, choices, kind="byzantine", role=role.name, span=span)
