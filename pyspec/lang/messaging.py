"""Messages and networks in terms of state: pools (sets, bags) by message type, and fifo channels by pair of nodes.

A Byzantine node is not modelled as a sequence of steps. In a `set` network every message that it could sign counts as
sent: reading the pool gives the sent messages and all well-typed ones from a Byzantine sender.
"""

from __future__ import annotations

from pyspec.base.diagnostics import error
from pyspec.base.source import Span
from pyspec.lang import core as c
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.messages import closest
from pyspec.lang.names import Env, Message
from pyspec.lang.typeops import BOOL, article, value_type


def _op(name: str, type_: t.Type, span: Span, *args: c.Expr) -> c.Expr:
    return c.Op(type_, name, args, span=span)


def find_message(name: str, env: Env, span: Span) -> Message:
    """The message of this name.

    Raises SpecError with a suggestion.
    """
    if name not in env.names.messages:
        raise error("E0402", f"unknown message `{name}`", span, closest(name, env.names.messages))
    return env.names.messages[name]


def pool(message: Message, env: Env, span: Span) -> c.Expr:
    """The variable that holds the messages of one type."""
    if message.network == "fifo":
        raise error("E0403", f"{message.record.name} travels in fifo channels, which cannot be read as a set", span)
    if env.constant:
        raise error("E0207", f"the network is part of the state; {env.why_constant} must be constant", span)
    return c.StateVar(value_type(env.names.vars[message.var].type), message.var, span=span)


def byzantine_of(message: Message, env: Env) -> str | None:
    """The variable with the Byzantine nodes that could send this message, if there are any."""
    sender = message.decl.sender
    if sender is None:
        return None
    for role in env.names.roles.values():
        if role.sort.name == sender.name and role.decl.byzantine:
            return f"{role.name}.byzantine"
    return None


def in_network(x: c.Expr, env: Env, span: Span) -> c.Expr:
    """`M(...) in network`."""
    if not (isinstance(x.type, t.Record) and x.type.message):
        raise error("E0404", f"only a message is in the network; this is {article(x.type)}", span)
    message = env.names.messages[x.type.name]
    holder = pool(message, env, span)
    found = _op("set.in" if message.network == "set" else "bag.in", BOOL, span, x, holder)
    byzantine = byzantine_of(message, env)
    if byzantine is None:
        return found
    sender = c.Field(dict(x.type.fields)["from"], x, "from", span=span)
    faulty = c.StateVar(t.Set(sender.type), byzantine, span=span)
    return _op("or", BOOL, span, found, _op("set.in", BOOL, span, sender, faulty))


def messages_in_network(name: str, env: Env, span: Span) -> c.Expr:
    """`network.M`: the set of M messages that can be received."""
    message = find_message(name, env, span)
    holder = pool(message, env, span)
    if message.network == "bag":
        return _op("bag.support", t.Set(message.record), span, holder)
    byzantine = byzantine_of(message, env)
    if byzantine is None:
        return holder
    return _op("set.union", t.Set(message.record), span, holder, _forged(message, byzantine, env, span))


def _forged(message: Message, byzantine: str, env: Env, span: Span) -> c.Expr:
    """Every well-typed message of this type whose sender is Byzantine."""
    gens: list[c.Gen] = []
    fields: list[c.Expr] = []
    for name, type_ in message.record.fields:
        local = env.fresh(f"forged_{name}")
        faulty = c.StateVar(t.Set(type_), byzantine, span=span)
        everything = c.Domain(t.Set(value_type(type_)), type_, span=span)
        gens.append(c.Gen(local, faulty if name == "from" else everything))
        fields.append(c.Local(value_type(type_), local, span=span))
    body = c.RecordExpr(message.record, tuple(fields), span=span)
    return c.SetComp(t.Set(message.record), tuple(gens), None, body, span=span)


# ------------------------------------------------------------------------------------------------- sending


def send(stmt: s.SendStmt, env: Env) -> list[c.Stmt]:
    """`send M(...) to D`, `reply M(...)`."""
    call = stmt.message
    name = call.func if isinstance(call, s.CallExpr) else call
    if not isinstance(name, s.Name):
        raise error("E0405", "a message is sent: `send Name(...)`", stmt.span)
    message = find_message(name.name, env, name.span)
    values = _payload(message, call, env)
    sender = _sender(message, stmt, env)
    receiver = _receiver(message, stmt, env)
    return _post(message, values, sender, receiver, env, stmt.span)


def _payload(message: Message, call: s.Expr, env: Env) -> tuple[c.Expr, ...]:
    from pyspec.lang.access import arguments

    given = call if isinstance(call, s.CallExpr) else s.CallExpr(call, (), (), span=call.span)
    return arguments(message.record.name, message.payload, given, env)


def _sender(message: Message, stmt: s.SendStmt, env: Env) -> c.Expr | None:
    declared = message.decl.sender
    if declared is None:
        if stmt.sender is not None:
            raise error("E0406", f"{message.record.name} has no sender", stmt.span, "declare `from Role`")
        return None
    if stmt.sender is not None:
        from pyspec.lang.exprs import check

        return check(stmt.sender, env, _sort(message, "from"), "the sender")
    if env.self_expr is None or env.self_expr.type != _sort(message, "from"):
        raise error(
            "E0406", f"{message.record.name} is sent by a {declared.name}; here is none", stmt.span, "add `from NODE`"
        )
    return env.self_expr


def _sort(message: Message, which: str) -> t.Type:
    return dict(message.record.fields)[which]


def _receiver(message: Message, stmt: s.SendStmt, env: Env) -> c.Expr | None:
    from pyspec.lang.exprs import infer

    declared = message.decl.to
    if stmt.reply:
        if env.sender is None:
            raise error("E0407", "`reply` answers the sender of the message being handled; here is none", stmt.span)
        if declared is None:
            return None
        wanted = _sort(message, "to")
        if env.sender.type != wanted:
            raise error("E0407", f"{message.record.name} goes to a {declared.name}, not back to the sender", stmt.span)
        return env.sender
    if declared is None:
        if stmt.to is not None:
            raise error("E0408", f"{message.record.name} has no receiver", stmt.to.span, "declare `to Role`")
        return None
    if stmt.to is None:
        raise error(
            "E0408", f"{message.record.name} is sent to a {declared.name}", stmt.span, "add `to NODE` or `to SET`"
        )
    to = infer(stmt.to, env)
    item = to.type.item if isinstance(to.type, t.Set) else to.type
    if item != _sort(message, "to"):
        raise error("E0408", f"expected a {declared.name} or a set of them, found {article(to.type)}", stmt.to.span)
    return to


def _post(
    message: Message, values: tuple[c.Expr, ...], sender: c.Expr | None, to: c.Expr | None, env: Env, span: Span
) -> list[c.Stmt]:
    """Put one message, or one for each receiver, where it belongs."""
    many = to is not None and isinstance(to.type, t.Set)
    if not many:
        return [_store(message, values, sender, to, span)]
    assert to is not None and isinstance(to.type, t.Set)
    name = env.fresh("receiver")
    each = c.Local(to.type.item, name, span=span)
    if message.network == "set":
        body = _record(message, values, sender, each, span)
        new = c.SetComp(t.Set(message.record), (c.Gen(name, to),), None, body, span=span)
        return [_grow(message, "set.union", new, span)]
    return [c.For(name, to, (_store(message, values, sender, each, span),), span=span)]


def _record(
    message: Message, values: tuple[c.Expr, ...], sender: c.Expr | None, to: c.Expr | None, span: Span
) -> c.Expr:
    ends = tuple(x for x in (sender, to) if x is not None)
    return c.RecordExpr(message.record, values + ends, span=span)


def _grow(message: Message, with_: str, new: c.Expr, span: Span) -> c.Stmt:
    held = c.StateVar(new.type, message.var, span=span)
    return c.Assign(message.var, (), _op(with_, new.type, span, held, new), span=span)


def _store(
    message: Message, values: tuple[c.Expr, ...], sender: c.Expr | None, to: c.Expr | None, span: Span
) -> c.Stmt:
    if message.network == "fifo":
        return _enqueue(message, values, sender, to, span)
    new = _record(message, values, sender, to, span)
    if message.network == "set":
        return _grow(message, "set.union", c.SetLit(t.Set(message.record), (new,), span=span), span)
    return _grow(message, "bag.add", c.BagLit(t.Bag(message.record), (new,), span=span), span)


def channel_at(message: Message, sender: c.Expr, to: c.Expr, span: Span) -> tuple[c.Expr, c.Expr]:
    """The queue from one node to another, and its key."""
    assert message.channel is not None
    key = c.TupleExpr(t.Tuple((sender.type, to.type)), (sender, to), span=span)
    queue = t.Seq(message.channel)
    holder = c.StateVar(t.Map(key.type, queue), message.var, span=span)
    return _op("map.at", queue, span, holder, key), key


def _enqueue(
    message: Message, values: tuple[c.Expr, ...], sender: c.Expr | None, to: c.Expr | None, span: Span
) -> c.Stmt:
    assert sender is not None and to is not None and message.channel is not None
    queue, key = channel_at(message, sender, to, span)
    new = c.CaseExpr(message.channel, message.record.name, values, span=span)
    grown = _op("seq.concat", queue.type, span, queue, c.SeqLit(queue.type, (new,), span=span))
    return c.Assign(message.var, (c.IndexStep(key),), grown, span=span)
