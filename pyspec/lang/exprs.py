"""Typing of expressions: syntax -> core. One entry of `INFER` for each node class.

`infer` finds the type from the parts (`want` is advice for `{}`, `none`, ambiguous enum members); `check` demands one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspec.base.diagnostics import SpecError, error
from pyspec.base.source import Span
from pyspec.lang import core as c
from pyspec.lang import options
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.names import Env, Message
from pyspec.lang.typeops import BOOL, INT, article, join, ordered, same, show, value_type

Want = t.Type | None


class NeedsContext(SpecError):
    """The type of an expression cannot be told from the expression alone."""


def needs_context(what: str, span: Span, hint: str) -> NeedsContext:
    """The error for `{}` and the like where nothing says what they are."""
    return NeedsContext(error("E0302", f"the type of {what} cannot be told here", span, hint).diagnostics)


def infer(e: s.Expr, env: Env, want: Want = None) -> c.Expr:
    """Type an expression.

    Raises SpecError when it has none.
    """
    return INFER[type(e)](e, env, want)


def check(e: s.Expr, env: Env, want: t.Type, what: str = "") -> c.Expr:
    """Type an expression that must have type `want`; a T where a T? is wanted is lifted."""
    return coerce(infer(e, env, want), want, e.span, what)


def coerce(x: c.Expr, want: t.Type, span: Span, what: str = "") -> c.Expr:
    """The expression as `want`: itself, or lifted to an option."""
    if same(x.type, want):
        return x
    if isinstance(want, t.Option) and same(x.type, want.item):
        return c.Op(t.Option(x.type), "some", (x,), span=span)
    hint = None
    if isinstance(x.type, t.Option) and same(x.type.item, want):
        hint = "take the value with `!` where it cannot be none, or give a default with default(x, value)"
    place = f" for {what}" if what else ""
    raise error("E0301", f"expected {article(want)}{place}, found {article(x.type)}", span, hint)


def boolean(e: s.Expr, env: Env, what: str = "a condition") -> c.Expr:
    """A condition."""
    return check(e, env, BOOL, what)


def op(name: str, type_: t.Type, span: Span, *args: c.Expr) -> c.Expr:
    """A core operator applied to arguments."""
    return c.Op(type_, name, args, span=span)


def element_type(x: c.Expr, span: Span) -> t.Type:
    """The type of the elements of a set, bag or sequence."""
    if isinstance(x.type, (t.Set, t.Bag, t.Seq)):
        return x.type.item
    hint = None
    if isinstance(x.type, t.Map):
        hint = "a map is total: go over its key type"
    raise error("E0303", f"expected a set, found {article(x.type)}", span, hint)


def domain(e: s.Expr, env: Env) -> c.Expr:
    """A set to go over; a bag gives its distinct elements, a sequence the set of its items."""
    x = infer(e, env)
    element_type(x, e.span)
    if isinstance(x.type, t.Bag):
        return op("bag.support", t.Set(x.type.item), e.span, x)
    if isinstance(x.type, t.Seq):
        return op("seq.set", t.Set(x.type.item), e.span, x)
    return x


# ------------------------------------------------------------------------------------------- names, literals


def _name(e: s.Name, env: Env, want: Want) -> c.Expr:
    name, table = e.name, env.names
    if name in env.locals:
        return env.locals[name][1]
    if env.role and name in env.role.fields:
        return role_field(env, env.role.fields[name], self_of(env, e.span), e.span)
    if name in table.vars:
        return state_var(env, name, e.span)
    if name in table.consts:
        return c.Const(value_type(table.consts[name].type), name, span=e.span)
    if name in table.flaws:
        return c.Const(BOOL, name, span=e.span)
    if name in table.members:
        return _member(name, table.members[name], e.span, want)
    if name in table.elements:
        return c.Lit(table.elements[name], name, span=e.span)
    if name in table.messages:
        return _bare_message(table.messages[name], e.span)
    if name in table.cases:
        return _bare_case(table.cases[name], name, e.span)
    if name in table.types:
        return c.Domain(t.Set(value_type(table.types[name])), table.types[name], span=e.span)
    if name == "others":
        return _others(env, e.span)
    if name == "bool":
        return c.Domain(t.Set(BOOL), BOOL, span=e.span)
    return _unknown_name(e, env)


def _unknown_name(e: s.Name, env: Env) -> c.Expr:
    if e.name == "network":
        raise error(
            "E0205", "`network` is read one message type at a time", e.span, "write network.Name or `M(...) in network`"
        )
    fields = {f for r in env.names.roles.values() for f in r.fields}
    if e.name in fields and env.role is None:
        raise error("E0206", f"`{e.name}` is a field of a role", e.span, f"write node.{e.name}")
    raise env.names.unknown(e.name, e.span, (*env.locals, *(env.role.fields if env.role else ())))


def state_var(env: Env, name: str, span: Span) -> c.Expr:
    """The current value of a variable, unless the context must be constant."""
    if env.constant:
        raise error("E0207", f"`{name}` is a state variable; {env.why_constant} must be constant", span)
    return c.StateVar(value_type(env.names.vars[name].type), name, span=span)


def role_field(env: Env, var: str, node: c.Expr, span: Span) -> c.Expr:
    """A field of a node: an entry of the field's map."""
    holder = state_var(env, var, span)
    assert isinstance(holder.type, t.Map)
    return op("map.at", value_type(holder.type.value), span, holder, node)


def self_of(env: Env, span: Span) -> c.Expr:
    """The node that a body of a role speaks of."""
    if env.self_expr is None:
        raise error("E0208", "there is no node here: this stands outside a role", span)
    return env.self_expr


def _others(env: Env, span: Span) -> c.Expr:
    if env.role is None:
        raise error("E0208", "`others` is the other nodes of a role; this stands outside a role", span)
    everyone = c.Domain(t.Set(env.role.sort), env.role.sort, span=span)
    me = c.SetLit(everyone.type, (self_of(env, span),), span=span)
    return op("set.diff", everyone.type, span, everyone, me)


def _member(name: str, enums: list[t.Enum], span: Span, want: Want) -> c.Expr:
    wanted = want.item if isinstance(want, t.Option) else want
    chosen = [x for x in enums if wanted is not None and same(x, wanted)] or enums
    if len(chosen) > 1:
        names = " and ".join(x.name for x in chosen)
        raise needs_context(f"`{name}`, a member of {names},", span, f"write {chosen[0].name}.{name}")
    return c.Lit(chosen[0], name, span=span)


def _bare_message(message: Message, span: Span) -> c.Expr:
    if message.record.fields:
        raise error("E0401", f"message {message.record.name} has fields", span, f"write {message.record.name}(...)")
    return c.RecordExpr(message.record, (), span=span)


def _bare_case(union: t.Union, name: str, span: Span) -> c.Expr:
    if next(k for k in union.cases if k.name == name).fields:
        raise error("E0401", f"case {name} of {union.name} has fields", span, f"write {name}(...)")
    return c.CaseExpr(union, name, (), span=span)


def _literal(e: s.Literal, env: Env, want: Want) -> c.Expr:
    if e.value is None:
        if not isinstance(want, t.Option):
            if want is None:
                raise needs_context("none", e.span, "compare it with, or store it in, something of an option type")
            raise error("E0301", f"expected {article(want)}, found none", e.span, f"only a `{show(want)}?` can be none")
        return c.Lit(want, None, span=e.span)
    return c.Lit(BOOL if isinstance(e.value, bool) else INT, e.value, span=e.span)


# ------------------------------------------------------------------------------------------------ operators


def _unary(e: s.Unary, env: Env, want: Want) -> c.Expr:
    if e.op == "not":
        return op("not", BOOL, e.span, boolean(e.item, env, "`not`"))
    return op("neg", INT, e.span, check(e.item, env, INT, "`-`"))


def _logic(e: s.Logic, env: Env, want: Want) -> c.Expr:
    return c.Op(BOOL, e.op, tuple(boolean(i, env, f"`{e.op}`") for i in e.items), span=e.span)


def pair(left: s.Expr, right: s.Expr, env: Env, want: Want = None) -> tuple[c.Expr, c.Expr]:
    """Type two expressions of which one may need the other as context."""
    try:
        a = infer(left, env, want)
    except NeedsContext:
        b = infer(right, env, want)
        a = infer(left, env, _context(left, b.type))
        return a, b
    return a, infer(right, env, want if want is not None and same(want, a.type) else _context(right, a.type))


def _context(e: s.Expr, other: t.Type) -> t.Type:
    """What to advise for `e` next to something of type `other`."""
    is_none = isinstance(e, s.Literal) and e.value is None
    return t.Option(other) if is_none and not isinstance(other, t.Option) else other


def _joined(a: c.Expr, b: c.Expr, span: Span, what: str) -> tuple[c.Expr, c.Expr, t.Type]:
    both = join(a.type, b.type)
    if both is None:
        raise error("E0304", f"{what} {article(a.type)} and {article(b.type)}", span)
    return coerce(a, both, a.span), coerce(b, both, b.span), both


_ARITHMETIC = {"+": "add", "-": "sub", "*": "mul", "//": "div", "%": "mod"}
#: operator -> type class -> core operator
_COLLECTION: dict[str, dict[type, str]] = {
    "+": {t.Set: "set.union", t.Bag: "bag.add", t.Seq: "seq.concat"},
    "|": {t.Set: "set.union"},
    "&": {t.Set: "set.inter"},
    "-": {t.Set: "set.diff", t.Bag: "bag.diff"},
}


def _binary(e: s.Binary, env: Env, want: Want) -> c.Expr:
    if e.op == "implies":
        return op("implies", BOOL, e.span, boolean(e.left, env, "`implies`"), boolean(e.right, env, "`implies`"))
    if e.op == "..":
        return op("range", t.Set(INT), e.span, check(e.left, env, INT, "`..`"), check(e.right, env, INT, "`..`"))
    return combine(e.op, *pair(e.left, e.right, env, want), e.span)


def combine(symbol: str, a: c.Expr, b: c.Expr, span: Span) -> c.Expr:
    """`a symbol b` for + - * // % | &."""
    if same(a.type, INT) and same(b.type, INT) and symbol in _ARITHMETIC:
        return op(_ARITHMETIC[symbol], INT, span, a, b)
    table = _COLLECTION.get(symbol, {})
    if isinstance(a.type, t.Bag) and isinstance(b.type, t.Set) and isinstance(b, c.SetLit):
        b = c.BagLit(t.Bag(b.type.item), b.items, span=b.span)
    if type(a.type) in table and join(a.type, b.type) is not None:
        return op(table[type(a.type)], a.type, span, a, b)
    if type(a.type) in table and type(a.type) is type(b.type):
        both = join(a.type.item, b.type.item)  # type: ignore[attr-defined]
        if both is not None:
            kind: Any = type(a.type)
            return op(table[kind], kind(both), span, lift_items(a, both), lift_items(b, both))
    hint = None
    if isinstance(a.type, (t.Set, t.Bag, t.Seq)) and same(a.type.item, b.type):
        brackets = "[x]" if isinstance(a.type, t.Seq) else "{x}"
        hint = f"one element is written {brackets}"
    raise error("E0304", f"`{symbol}` does not go with {article(a.type)} and {article(b.type)}", span, hint)


def lift_items(x: c.Expr, item: t.Type) -> c.Expr:
    """A display of T where a collection of T? is wanted."""
    if isinstance(x, (c.SetLit, c.BagLit, c.SeqLit)):
        kind: Any = type(x.type)
        return type(x)(kind(item), tuple(coerce(i, item, i.span) for i in x.items), span=x.span)
    return coerce(x, type(x.type)(item), x.span)  # type: ignore[call-arg]


def _compare(e: s.Compare, env: Env, want: Want) -> c.Expr:
    parts = [
        _COMPARE[o](o, a, b, env, a.span.to(b.span)) for o, a, b in zip(e.ops, e.items[:-1], e.items[1:], strict=True)
    ]
    return parts[0] if len(parts) == 1 else c.Op(BOOL, "and", tuple(parts), span=e.span)


def _equal(o: str, left: s.Expr, right: s.Expr, env: Env, span: Span) -> c.Expr:
    a, b = pair(left, right, env)
    a, b, _ = _joined(a, b, span, "cannot compare")
    return op("eq" if o == "==" else "ne", BOOL, span, a, b)


_ORDER = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


def _order(o: str, left: s.Expr, right: s.Expr, env: Env, span: Span) -> c.Expr:
    a, b = pair(left, right, env)
    if isinstance(a.type, t.Set) and isinstance(b.type, t.Set):
        a, b, _ = _joined(a, b, span, "cannot compare")
        small, large = (a, b) if o in ("<", "<=") else (b, a)
        subset = op("set.subset", BOOL, span, small, large)
        return subset if o in ("<=", ">=") else op("and", BOOL, span, subset, op("ne", BOOL, span, a, b))
    if isinstance(a.type, t.Option) or isinstance(b.type, t.Option):
        a, b, _ = _joined(a, b, span, "cannot compare")
        return options.order(o, a, b, span)
    if not same(a.type, b.type):
        raise error("E0304", f"cannot compare {article(a.type)} and {article(b.type)}", span)
    if not ordered(a.type):
        hint = f"declare `ordered sort {a.type.name}`" if isinstance(a.type, t.Sort) else None
        if isinstance(a.type, t.Seq) and isinstance(b.type, t.Seq):
            hint = "whether one begins the other is prefix(a, b)"
        raise error("E0305", f"values of type {show(a.type)} have no order", span, hint)
    return op(_ORDER[o], BOOL, span, a, b)


def _in(o: str, left: s.Expr, right: s.Expr, env: Env, span: Span) -> c.Expr:
    if isinstance(right, s.Name) and right.name == "network":
        from pyspec.lang.messaging import in_network

        found = in_network(infer(left, env), env, span)
    else:
        found = _membership(left, right, env, span)
    return found if o == "in" else op("not", BOOL, span, found)


def _membership(left: s.Expr, right: s.Expr, env: Env, span: Span) -> c.Expr:
    try:
        holder = infer(right, env)
        item = element_type(holder, right.span)
        x = infer(left, env, _context(left, item))
    except NeedsContext:
        x = infer(left, env)
        holder = infer(right, env, t.Set(x.type))
        item = element_type(holder, right.span)
    both = join(x.type, item)
    if both is None:
        raise error("E0304", f"{article(x.type)} is never in {article(holder.type)}", span)
    if not same(item, both):
        holder = lift_items(holder, both)
    kind = {t.Set: "set.in", t.Bag: "bag.in", t.Seq: "seq.in"}[type(holder.type)]
    return op(kind, BOOL, span, coerce(x, both, left.span), holder)


def _is(o: str, left: s.Expr, right: s.Expr, env: Env, span: Span) -> c.Expr:
    x = infer(left, env)
    if not isinstance(x.type, t.Union):
        raise error(
            "E0306", f"`is` asks for the case of a union; this is {article(x.type)}", left.span, "compare with =="
        )
    name = right.name if isinstance(right, (s.Name, s.Attr)) else ""
    if not any(k.name == name for k in x.type.cases):
        cases = ", ".join(k.name for k in x.type.cases)
        raise error("E0307", f"{x.type.name} has no such case", right.span, f"its cases are {cases}")
    found = c.IsCase(BOOL, x, name, span=span)
    return found if o == "is" else op("not", BOOL, span, found)


_COMPARE: dict[str, Callable[..., c.Expr]] = {
    "==": _equal, "!=": _equal, "<": _order, "<=": _order, ">": _order, ">=": _order, "in": _in, "not in": _in,
    "is": _is,
    "is not": _is,
}  # fmt: skip


def _ternary(e: s.Ternary, env: Env, want: Want) -> c.Expr:
    cond = boolean(e.cond, env)
    a, b = pair(e.then, e.other, env, want)
    a, b, both = _joined(a, b, e.span, "the two branches are")
    return c.IfExpr(both, cond, a, b, span=e.span)


def _prime(e: s.PrimeExpr, env: Env, want: Want) -> c.Expr:
    if not env.step:
        raise error("E0310", "a prime stands for the next state; it belongs in a `step` property", e.span)
    inner = env.child()
    inner.step = False
    x = infer(e.item, inner, want)
    return c.Prime(x.type, x, span=e.span)


def _unwrap(e: s.Unwrap, env: Env, want: Want) -> c.Expr:
    x = infer(e.item, env)
    if not isinstance(x.type, t.Option):
        raise error("E0311", f"`!` takes the value of an option; this is {article(x.type)}", e.span, "drop the `!`")
    return op("unwrap", x.type.item, e.span, x)


def _option_type(e: s.OptionType, env: Env, want: Want) -> c.Expr:
    item, container = e.item, ("map", "set", "seq", "bag")
    named = isinstance(item, s.Name) and (item.name in env.names.types or item.name == "bool")
    range_ = isinstance(item, s.Binary) and item.op == ".."
    built = isinstance(item, s.Index) and isinstance(item.item, s.Name) and item.item.name in container
    if named or range_ or built or isinstance(item, s.TupleDisplay):
        return type_as_set(e, env)
    raise error("E0312", "`?` makes an option type of a type; this is none", e.span)


def type_as_set(e: s.Expr, env: Env) -> c.Expr:
    """A type used as the set of all its values: `map[Node, bool]`, `Node?`."""
    from pyspec.lang.declare import resolve_type

    kind = resolve_type(e, env.names)
    if isinstance(kind, (t.Seq, t.Bag)) and kind.capacity is None:
        hint = f"write {show(kind)[:-1]}, 3] for those with up to 3 items"
        raise error("E0335", f"the values of {show(kind)} are without end", e.span, hint)
    return c.Domain(t.Set(value_type(kind)), kind, span=e.span)


INFER: dict[type, Callable[..., c.Expr]] = {
    s.Name: _name,
    s.Literal: _literal,
    s.Unary: _unary,
    s.Binary: _binary,
    s.Logic: _logic,
    s.Compare: _compare,
    s.Ternary: _ternary,
    s.PrimeExpr: _prime,
    s.OptionType: _option_type,
    s.Unwrap: _unwrap,
}
