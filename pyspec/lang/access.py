"""Typing of attributes, indexing, calls and constructors."""

from __future__ import annotations

from collections.abc import Callable

from pyspec.base.diagnostics import error
from pyspec.base.source import Span
from pyspec.lang import core as c
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.builtins import BUILTINS
from pyspec.lang.exprs import INFER, Want, check, infer, needs_context, op, role_field, type_as_set
from pyspec.lang.messages import closest
from pyspec.lang.messaging import messages_in_network
from pyspec.lang.names import Env
from pyspec.lang.typeops import INT, article, value_type


def qualified(e: s.Expr, env: Env) -> str | None:
    """`a.b.c` as a dotted name, if it is one that a module alias introduced (`cb.delivered`, `Phase.working`)."""
    if isinstance(e, s.Name):
        return None if e.name in env.locals else e.name
    if isinstance(e, s.Attr):
        inner = qualified(e.item, env)
        return f"{inner}.{e.name}" if inner else None
    return None


def _attr(e: s.Attr, env: Env, want: Want) -> c.Expr:
    dotted = qualified(e, env)
    if dotted is not None:
        found = _dotted(e, dotted, env, want)
        if found is not None:
            return found
    item = infer(e.item, env)
    return _ATTR.get(type(item.type), _no_fields)(item, e, env)


def _dotted(e: s.Attr, dotted: str, env: Env, want: Want) -> c.Expr | None:
    """A name behind a module alias, a qualified enum member or union case, or a pool of messages."""
    head, _, last = dotted.rpartition(".")
    if head == "network":
        return messages_in_network(last, env, e.span)
    kind = env.names.types.get(head)
    if isinstance(kind, t.Enum):
        if last not in kind.members:
            raise error("E0203", f"{kind.name} has no member `{last}`", e.span, closest(last, kind.members))
        return c.Lit(kind, last, span=e.span)
    if isinstance(kind, t.Union):
        return infer(s.Name(last, span=e.span), env, want)
    table = env.names
    tables: tuple[dict[str, object], ...] = (table.vars, table.consts, table.types, table.members, table.messages)  # type: ignore[assignment]
    if any(dotted in known for known in tables):
        return infer(s.Name(dotted, span=e.span), env, want)
    return None


def _record_field(item: c.Expr, e: s.Attr, env: Env) -> c.Expr:
    assert isinstance(item.type, t.Record)
    for name, type_ in item.type.fields:
        if name == e.name:
            return c.Field(value_type(type_), item, name, span=e.span)
    raise _missing_field(item.type, [n for n, _ in item.type.fields], e)


def _missing_field(type_: t.Type, fields: list[str], e: s.Attr) -> Exception:
    return error("E0316", f"{article(type_)} has no field `{e.name}`", e.span, closest(e.name, fields))


def _union_field(item: c.Expr, e: s.Attr, env: Env) -> c.Expr:
    assert isinstance(item.type, t.Union)
    holders = [(k, dict(k.fields)[e.name]) for k in item.type.cases if e.name in dict(k.fields)]
    if not holders:
        raise _missing_field(item.type, [n for k in item.type.cases for n, _ in k.fields], e)
    kinds = {value_type(x) for _, x in holders}
    if len(kinds) > 1:
        raise error(
            "E0317", f"field `{e.name}` has different types in the cases of {item.type.name}", e.span, "use match"
        )
    kind = kinds.pop()
    *others, (last, _) = holders
    found: c.Expr = c.CaseField(kind, item, last.name, e.name, span=e.span)
    for case, _ in others:
        this = c.CaseField(kind, item, case.name, e.name, span=e.span)
        found = c.IfExpr(kind, c.IsCase(t.Bool(), item, case.name, span=e.span), this, found, span=e.span)
    return found


def _node_field(item: c.Expr, e: s.Attr, env: Env) -> c.Expr:
    assert isinstance(item.type, t.Sort)
    fields = env.names.fields_of(item.type.name)
    if e.name in fields:
        return role_field(env, fields[e.name], item, e.span)
    raise _missing_field(item.type, list(fields), e)


def _option_field(item: c.Expr, e: s.Attr, env: Env) -> c.Expr:
    raise error(
        "E0318", f"this may be none, so it has no field `{e.name}`", e.span, f"take its value first: x!.{e.name}"
    )


def _no_fields(item: c.Expr, e: s.Attr, env: Env) -> c.Expr:
    raise error("E0316", f"{article(item.type)} has no fields", e.span)


_ATTR: dict[type, Callable[..., c.Expr]] = {
    t.Record: _record_field,
    t.Union: _union_field,
    t.Sort: _node_field,
    t.Option: _option_field,
}


def _index(e: s.Index, env: Env, want: Want) -> c.Expr:
    if isinstance(e.item, s.Name) and e.item.name in ("map", "set", "seq", "bag"):
        return type_as_set(e, env)
    item = infer(e.item, env)
    key = e.keys[0] if len(e.keys) == 1 else s.TupleDisplay(e.keys, span=e.keys[0].span.to(e.keys[-1].span))
    if isinstance(item.type, t.Map):
        at = check(key, env, value_type(item.type.key), "the key")
        return op("map.at", value_type(item.type.value), e.span, item, at)
    if isinstance(item.type, t.Seq):
        if isinstance(key, s.Unary) and key.op == "-":
            return _from_the_end(item, key, env, e.span)
        return op("seq.at", item.type.item, e.span, item, check(key, env, INT, "the index"))
    if isinstance(item.type, t.Tuple):
        return _component(item, key, e.span)
    raise error("E0319", f"{article(item.type)} has nothing to index", e.span)


def _from_the_end(item: c.Expr, key: s.Unary, env: Env, span: Span) -> c.Expr:
    assert isinstance(item.type, t.Seq)
    if isinstance(key.item, s.Literal) and key.item.value == 1:
        return op("seq.last", item.type.item, span, item)
    return op("seq.at", item.type.item, span, item, _bound(item, key, env, "the index"))


def _bound(item: c.Expr, bound: s.Expr, env: Env, what: str) -> c.Expr:
    """A place in a sequence; what is written with a minus sign counts from the end."""
    if isinstance(bound, s.Unary) and bound.op == "-":
        length = op("seq.len", INT, bound.span, item)
        return op("sub", INT, bound.span, length, check(bound.item, env, INT, what))
    return check(bound, env, INT, what)


def _component(item: c.Expr, key: s.Expr, span: Span) -> c.Expr:
    assert isinstance(item.type, t.Tuple)
    value = key.value if isinstance(key, s.Literal) else None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < len(item.type.items):
        raise error("E0320", f"the parts of this tuple are numbered 0 to {len(item.type.items) - 1}", key.span)
    return c.Proj(item.type.items[value], item, value, span=span)


def _slice(e: s.Slice, env: Env, want: Want) -> c.Expr:
    item = infer(e.item, env)
    if not isinstance(item.type, t.Seq):
        raise error("E0319", f"only a sequence can be sliced, found {article(item.type)}", e.span)
    lo = _bound(item, e.lo, env, "the start") if e.lo is not None else c.Lit(INT, 0, span=e.span)
    hi = _bound(item, e.hi, env, "the end") if e.hi is not None else op("seq.len", INT, e.span, item)
    return op("seq.slice", item.type, e.span, item, lo, hi)


# --------------------------------------------------------------------------------------------------- calls


def _call(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    if isinstance(e.func, s.Attr):
        found = _method(e, e.func, env, want)
        if found is not None:
            return found
    name = qualified(e.func, env)
    if name is None:
        raise error("E0321", "this cannot be called", e.func.span)
    return _call_name(name, e, env, want)


def _call_name(name: str, e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    table = env.names
    if env.role and name in env.role.functions:
        assert env.self_expr is not None
        return call_function(env.role.functions[name], e, env, (env.self_expr,))
    if name in table.functions:
        return call_function(name, e, env, ())
    if name in table.messages:
        return message_value(name, e, env)
    kind = table.types.get(name)
    if isinstance(kind, t.Record):
        return c.RecordExpr(kind, arguments(name, kind.fields, e, env), span=e.span)
    short = name.rpartition(".")[2]
    if short in table.cases:
        union = table.cases[short]
        case = next(k for k in union.cases if k.name == short)
        return c.CaseExpr(union, short, arguments(short, case.fields, e, env), span=e.span)
    if name in BUILTINS:
        return BUILTINS[name](e, env, want)
    if name in table.procedures or (env.role and name in env.role.procedures):
        raise error("E0322", f"`{name}` is a procedure: it changes the state, and stands on a line of its own", e.span)
    raise table.unknown(name, e.func.span, tuple(BUILTINS), "function")


def arguments(what: str, fields: tuple[tuple[str, t.Type], ...], e: s.CallExpr, env: Env) -> tuple[c.Expr, ...]:
    """The arguments of a call, in the order of the declared fields or parameters."""
    if len(e.args) > len(fields):
        raise error(
            "E0323",
            f"{what} takes {_count(len(fields))}, {len(e.args) + len(e.named)} given",
            e.span,
            _usage(what, fields),
        )
    given: dict[str, c.Expr] = {}
    for (name, type_), arg in zip(fields, e.args, strict=False):
        given[name] = check(arg, env, value_type(type_), f"{name} of {what}")
    kinds = dict(fields)
    for named in e.named:
        if named.name not in kinds:
            raise error("E0324", f"{what} has no `{named.name}`", named.span, closest(named.name, kinds))
        if named.name in given:
            raise error("E0324", f"`{named.name}` is given twice", named.span)
        given[named.name] = check(named.value, env, value_type(kinds[named.name]), f"{named.name} of {what}")
    missing = [n for n, _ in fields if n not in given]
    if missing:
        raise error("E0323", f"{what} also needs {', '.join(missing)}", e.span, _usage(what, fields))
    return tuple(given[n] for n, _ in fields)


def _count(n: int) -> str:
    return "no arguments" if n == 0 else "1 argument" if n == 1 else f"{n} arguments"


def _usage(what: str, fields: tuple[tuple[str, t.Type], ...]) -> str:
    return f"write {what}({', '.join(n for n, _ in fields)})"


def message_value(name: str, e: s.CallExpr, env: Env) -> c.Expr:
    """A message as a value: all fields, `from` and `to` by name."""
    record = env.names.messages[name].record
    return c.RecordExpr(record, arguments(name, record.fields, e, env), span=e.span)


def call_function(name: str, e: s.CallExpr, env: Env, first: tuple[c.Expr, ...]) -> c.Expr:
    """A call of a `def`; `first` holds the node for a function of a role."""
    sig = env.names.functions[name]
    params = sig.params[len(first) :]
    args = arguments(sig.decl.name, params, e, env)
    if sig.result is None:
        from pyspec.lang.functions import result_of

        result_of(sig, env.names, e.span)
    assert sig.result is not None
    return c.Call(value_type(sig.result), name, (*first, *args), span=e.span)


def _method(e: s.CallExpr, func: s.Attr, env: Env, want: Want) -> c.Expr | None:
    """`x.with(field = v)` and `node.function(...)`."""
    dotted = qualified(func, env)
    if dotted is not None and (
        dotted in env.names.functions or dotted in env.names.messages or dotted in env.names.types
    ):
        return None
    head = qualified(func.item, env)
    if head is not None and isinstance(env.names.types.get(head), t.Union):
        return None
    item = infer(func.item, env)
    if func.name == "with":
        return _with(item, e, env)
    if isinstance(item.type, t.Sort):
        method = env.names.method(item.type.name, func.name)
        if method is not None:
            return call_function(method, e, env, (item,))
    raise error("E0321", f"{article(item.type)} has no function `{func.name}`", func.span)


def _with(item: c.Expr, e: s.CallExpr, env: Env) -> c.Expr:
    if not isinstance(item.type, t.Record):
        raise error("E0316", f"x.with(...) changes fields of a record; this is {article(item.type)}", e.span)
    if e.args or not e.named:
        raise error("E0323", "x.with(...) takes fields by name", e.span, "write x.with(field = value)")
    kinds = dict(item.type.fields)
    for named in e.named:
        if named.name not in kinds:
            raise error("E0324", f"{item.type.name} has no `{named.name}`", named.span, closest(named.name, kinds))
        value = check(named.value, env, value_type(kinds[named.name]), named.name)
        item = c.With(item.type, item, named.name, value, span=e.span)
    return item


def _generator(e: s.Comprehension, env: Env, want: Want) -> c.Expr:
    raise needs_context("this", e.span, "put it in brackets")


INFER[s.Attr] = _attr
INFER[s.Index] = _index
INFER[s.Slice] = _slice
INFER[s.CallExpr] = _call
