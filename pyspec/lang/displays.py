"""Typing of displays and comprehensions: sets, sequences, maps, tuples. Its entries join `INFER`."""

from __future__ import annotations

from pyspec.base.diagnostics import SpecError, error
from pyspec.base.source import Span
from pyspec.lang import core as c
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.binders import Bound, bind, bind_all, with_lets
from pyspec.lang.exprs import INFER, NeedsContext, Want, boolean, check, coerce, infer, needs_context, op
from pyspec.lang.names import Env
from pyspec.lang.typeops import INT, article, join, same, value_type


def _tuple(e: s.TupleDisplay, env: Env, want: Want) -> c.Expr:
    wants = want.items if isinstance(want, t.Tuple) and len(want.items) == len(e.items) else (None,) * len(e.items)
    items = tuple(check(i, env, w) if w is not None else infer(i, env) for i, w in zip(e.items, wants, strict=True))
    return c.TupleExpr(t.Tuple(tuple(i.type for i in items)), items, span=e.span)


def items_of(items: tuple[s.Expr, ...], env: Env, want: Want) -> tuple[tuple[c.Expr, ...], t.Type]:
    """Type the elements of a display, and find the type that holds them all."""
    if want is not None:
        return tuple(check(i, env, want) for i in items), want
    both: t.Type | None = None
    late: list[s.Expr] = []
    for item in items:
        try:
            found = infer(item, env, both).type
        except NeedsContext:
            late.append(item)
            continue
        joined = found if both is None else join(both, found)
        if joined is None and both is not None:
            raise error("E0304", f"{article(both)} and {article(found)} are put together", item.span)
        both = joined
    if both is None:
        infer(late[0], env)
        raise AssertionError
    if any(isinstance(x, s.Literal) and x.value is None for x in late) and not isinstance(both, t.Option):
        both = t.Option(both)
    return tuple(check(i, env, both) for i in items), both


def _set(e: s.SetDisplay, env: Env, want: Want) -> c.Expr:
    if isinstance(want, t.Bag):
        items = tuple(check(i, env, want.item) for i in e.items)
        return c.BagLit(t.Bag(value_type(want.item)), items, span=e.span)
    item = want.item if isinstance(want, t.Set) else None
    if not e.items:
        if item is None:
            raise needs_context("{}", e.span, "declare the type of what it is stored in")
        return c.SetLit(t.Set(value_type(item)), (), span=e.span)
    items, both = _advised(e.items, env, item)
    return c.SetLit(t.Set(value_type(both)), items, span=e.span)


def _advised(items: tuple[s.Expr, ...], env: Env, item: Want) -> tuple[tuple[c.Expr, ...], t.Type]:
    """Elements of a display: as advised if they fit, else as they are."""
    if item is None:
        return items_of(items, env, None)
    try:
        return items_of(items, env, item)
    except SpecError as wrong:
        try:
            return items_of(items, env, None)
        except SpecError:
            raise wrong from None


def _seq(e: s.SeqDisplay, env: Env, want: Want) -> c.Expr:
    item = want.item if isinstance(want, t.Seq) else None
    if not e.items:
        if item is None:
            raise needs_context("[]", e.span, "declare the type of what it is stored in")
        return c.SeqLit(t.Seq(value_type(item)), (), span=e.span)
    items, both = _advised(e.items, env, item)
    return c.SeqLit(t.Seq(value_type(both)), items, span=e.span)


def _map(e: s.MapDisplay, env: Env, want: Want) -> c.Expr:
    wanted = want if isinstance(want, t.Map) else None
    keys, key = items_of(tuple(k for k, _ in e.items), env, wanted.key if wanted else None)
    values, value = items_of(tuple(v for _, v in e.items), env, wanted.value if wanted else None)
    return c.MapLit(wanted or t.Map(key, value), tuple(zip(keys, values, strict=True)), span=e.span)


def _comprehension(e: s.Comprehension, env: Env, want: Want) -> c.Expr:
    if e.kind == "map":
        return _map_comprehension(e, env, want)
    if e.kind == "seq":
        return _seq_comprehension(e, env, want)
    if e.kind == "gen":
        raise error("E0313", "`x for x in S` needs brackets here: {...} or [...]", e.span)
    inner = env.child()
    bound = bind_all(e.binders, inner)
    lets = [let for _, _, some in bound for let in some]
    cond = with_lets(lets, boolean(e.cond, inner)) if e.cond is not None else None
    body = infer(e.body, inner, want.item if isinstance(want, t.Set) else None)
    if isinstance(want, t.Set) and isinstance(want.item, t.Option) and same(want.item.item, body.type):
        body = coerce(body, want.item, e.span)
    body = with_lets(lets, body)
    gens = _tuple_lets(bound)
    return c.SetComp(t.Set(body.type), gens, cond, body, span=e.span)


def _tuple_lets(bound: Bound) -> tuple[c.Gen, ...]:
    """Generators; a later domain that uses parts of an earlier tuple target gets them as lets."""
    gens: list[c.Gen] = []
    lets: list[tuple[str, c.Expr]] = []
    for name, over, some in bound:
        gens.append(c.Gen(name, with_lets(lets, over)))
        lets += some
    return tuple(gens)


def _map_comprehension(e: s.Comprehension, env: Env, want: Want) -> c.Expr:
    inner = env.child()
    bound = bind_all(e.binders, inner)
    targets = [x for binder in e.binders for x in binder.targets]
    body = infer(e.body, inner, want.value if isinstance(want, t.Map) else None)
    if isinstance(want, t.Map):
        body = coerce(body, want.value, e.body.span)
    value = want.value if isinstance(want, t.Map) else body.type
    if len(bound) == 1 and targets[0] == (e.key.items if isinstance(e.key, s.TupleDisplay) else e.key):
        name, over, lets = bound[0]
        return c.MapComp(t.Map(_key_type(over, want), value), name, with_lets(lets, body), span=e.span)
    if isinstance(e.key, s.TupleDisplay) and e.key.items == tuple(targets):
        return _pairs_map(bound, body, value, env, want, e.span)
    raise error("E0314", "a map is written {k: value for k in K}", e.span)


def _pairs_map(bound: Bound, body: c.Expr, value: t.Type, env: Env, want: Want, span: Span) -> c.Expr:
    """`{(a, b): value for a in A, b in B}`: the key is one tuple, and the variables are its parts."""
    wanted = want.key.items if isinstance(want, t.Map) and isinstance(want.key, t.Tuple) else ()
    parts = [
        _key_type(over, t.Map(wanted[i], value) if i < len(wanted) else None) for i, (_, over, _) in enumerate(bound)
    ]
    key = t.Tuple(tuple(parts))
    whole = env.fresh("_".join(name for name, _, _ in bound))
    local = c.Local(value_type(key), whole, span=span)
    lets: list[tuple[str, c.Expr]] = [
        (name, c.Proj(value_type(part), local, i, span=span))
        for i, ((name, _, _), part) in enumerate(zip(bound, parts, strict=True))
    ]
    return c.MapComp(t.Map(key, value), whole, with_lets(lets, body), span=span)


def _key_type(over: c.Expr, want: Want) -> t.Type:
    """The key type of a map comprehension: all values of one type."""
    if isinstance(over, c.Domain):
        return over.of
    if isinstance(over, c.Op) and over.op == "range":
        found = t.Range(over.args[0], over.args[1])
        return want.key if isinstance(want, t.Map) and isinstance(want.key, t.Range) and want.key == found else found
    raise error("E0314", "a map is total: its keys are all values of a type", over.span, "write {k: value for k in K}")


def _seq_comprehension(e: s.Comprehension, env: Env, want: Want) -> c.Expr:
    (binder,) = e.binders
    over = infer(binder.domain, env)
    if isinstance(over, c.Op) and over.op == "range":
        over = op("range.seq", t.Seq(INT), over.span, *over.args)
    if not isinstance(over.type, t.Seq):
        raise error(
            "E0315", f"[... for x in S] goes over a sequence or a range, found {article(over.type)}", binder.span
        )
    inner = env.child()
    if len(binder.targets) != 1:
        raise error("E0309", "a sequence comprehension has one variable", e.span)
    name, lets = bind(binder.targets[0], over.type.item, inner)
    cond = with_lets(lets, boolean(e.cond, inner)) if e.cond is not None else None
    body = with_lets(lets, infer(e.body, inner, want.item if isinstance(want, t.Seq) else None))
    return c.SeqComp(t.Seq(body.type), c.Gen(name, over), cond, body, span=e.span)


INFER[s.TupleDisplay] = _tuple
INFER[s.SetDisplay] = _set
INFER[s.SeqDisplay] = _seq
INFER[s.MapDisplay] = _map
INFER[s.Comprehension] = _comprehension
