"""Expressions of the core as symbolic values: one table from node class to a small function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.bounds import Names, item_type, narrowed
from pyspec.model.domains import cardinality, values_of
from pyspec.prove import constants
from pyspec.prove.logic import Term, Truth, add, conj, disj, implies, ite, same
from pyspec.prove.opaque import Opaque
from pyspec.prove.structure import (
    choice,
    each_key,
    equal,
    fits,
    lift,
    literal_bag,
    literal_seq,
    literal_set,
    lookup,
    within,
)
from pyspec.prove.universe import Universe
from pyspec.prove.unsupported import too_large, unsupported
from pyspec.prove.values import MapVal, Opt, Row, SeqVal, SetVal, Val

#: The most elements of a type that a count, a fold or a choice goes through one by one.
ENUMERABLE = 256


@dataclass(frozen=True, slots=True)
class Env:
    """What names mean: local names (`types`: what is known of them), state variables now and in the next state."""

    state: Mapping[str, Val]
    next: Mapping[str, Val] | None = None
    locals: Mapping[str, Val] = field(default_factory=dict)
    types: Names = field(default_factory=dict)

    def bind(self, name: str, value: Val, of: ty.Type | None = None) -> Env:
        """This environment with one more local name, of a type that is narrower than it says or not known to be."""
        types = {known: one for known, one in {**self.types, name: of}.items() if one is not None}
        return replace(self, locals={**self.locals, name: value}, types=types)


class Encoder:
    """A specification (for any size), or an instance of one (finite), as symbolic values."""

    def __init__(self, spec: core.Spec, *, finite: bool, flaws: tuple[str, ...] = ()) -> None:
        self.spec, self.finite, self.flaws = spec, finite, flaws
        self.u = Universe(finite)
        self.u.number = self.number
        self.functions = {function.name: function for function in spec.functions}
        self.consts: dict[str, Val] = {}
        self.total: dict[int, tuple[bool, core.Expr]] = {}  # by id: whether nothing in it can fail; it stays alive
        self.opaque = Opaque(self)

    def number(self, bound: core.Expr | int) -> Term:
        """A bound or capacity of a type."""
        return bound if isinstance(bound, int) else self.value(bound, Env({}))

    def const(self, name: str) -> Val:
        """A constant, a flaw switch, or a quorum system."""
        if name not in self.consts:
            self.consts[name] = constants.constant(self, name)
        return self.consts[name]

    def value(self, expr: core.Expr, env: Env) -> Val:
        """The value of an expression."""
        return EXPRESSIONS[type(expr)](self, expr, env)

    def truth(self, expr: core.Expr, env: Env) -> Truth:
        """The value of a condition."""
        return self.value(expr, env)

    def elements(self, domain: core.Expr, env: Env, what: str) -> list[Val]:
        """All values that may be in a collection, in order (finite setting)."""
        if not self.finite:
            raise unsupported(what, domain.span, _HINTS.get(what, "state it with quantifiers, or prove it for a model"))
        of = item_type(domain, env.types)
        if cardinality(of) > ENUMERABLE:
            raise too_large(what, domain.span, "state it with quantifiers")
        return [lift(self.u, of, value) for value in values_of(of)]

    def longest(self, expr: core.Expr, value: SeqVal, what: str) -> int:
        """The greatest length that a sequence may have (finite setting, or if it is known)."""
        if value.most is None:
            raise (too_large if self.finite else unsupported)(what, expr.span, _HINTS.get(what, _HINTS["a fold"]))
        return value.most


_HINTS = {
    "a filtered sequence": "keep the sequence in a variable, or use a set",
    "the size of a set": "compare it with a small number (`len(S) <= 1`), use `majority(S)` or a quorum system, "
    "or count in a ghost variable",
    "a fold": "keep the result in a variable or a ghost variable, or use quantifiers",
    "a sum": "keep it in a ghost variable",
    "a `for` loop over a sequence": "write one assignment with a comprehension, or one step for each item",
}


# ------------------------------------------------------------------------------------------- leaves and binders


def _lit(e: Encoder, expr: core.Lit, env: Env) -> Val:
    of = expr.type
    if isinstance(expr.value, bool | int) and isinstance(of, ty.Bool | ty.Int | ty.Range):
        return expr.value
    return lift(e.u, of, expr.value)


def _prime(e: Encoder, expr: core.Prime, env: Env) -> Val:
    assert env.next is not None, "a primed value outside a step property"
    return e.value(expr.item, replace(env, state=env.next, next=None))


def _if(e: Encoder, expr: core.IfExpr, env: Env) -> Val:
    cond = e.truth(expr.cond, env)
    if isinstance(cond, bool):
        return e.value(expr.then if cond else expr.other, env)
    return choice(e.u, cond, e.value(expr.then, env), e.value(expr.other, env))


def _let(e: Encoder, expr: core.LetExpr, env: Env) -> Val:
    return e.value(expr.body, env.bind(expr.name, e.value(expr.value, env), narrowed(expr.value, env.types)))


def _quant(e: Encoder, expr: core.Quant, env: Env) -> Truth:
    domain, of = e.value(expr.domain, env), item_type(expr.domain, env.types)
    return _each(e, domain, expr.kind, lambda x: e.truth(expr.body, env.bind(expr.var, x, of)))


def _set_comp(e: Encoder, expr: core.SetComp, env: Env) -> SetVal:
    assert isinstance(expr.type, ty.Set)
    item = expr.type.item
    variables = {gen.var for gen in expr.gens}

    def walk(kind: str, known: Mapping[str, Val], at: int, scope: Env, last: Callable[[Env], Truth]) -> Truth:
        if at == len(expr.gens):
            cond = True if expr.cond is None else e.truth(expr.cond, scope)
            return e.u.guarded(kind, cond, lambda: last(scope))
        gen = expr.gens[at]
        domain, of = e.value(gen.domain, scope), item_type(gen.domain, scope.types)
        if gen.var in known:
            inner = scope.bind(gen.var, known[gen.var], of)
            guard = _member(e, domain, known[gen.var])
            return e.u.guarded(kind, guard, lambda: walk(kind, known, at + 1, inner, last))
        return _each(e, domain, kind, lambda x: walk(kind, known, at + 1, scope.bind(gen.var, x, of), last))

    def contains(x: Val) -> Truth:
        known = _inverted(expr.body, x, variables) or {}
        exact = _is_pattern(expr.body, variables)
        return walk("exists", known, 0, env, lambda s: True if exact else equal(e.u, e.value(expr.body, s), x))

    def each(kind: str, body: Callable[[Val], Truth]) -> Truth:
        return walk(kind, {}, 0, env, lambda scope: body(e.value(expr.body, scope)))

    return SetVal(item, contains, each, _comp_picker(e, expr, env))


def _comp_picker(e: Encoder, expr: core.SetComp, env: Env) -> Callable[[str], tuple[Val, Truth]]:
    def pick(hint: str) -> tuple[Val, Truth]:
        scope, guards = env, []
        for gen in expr.gens:
            domain = e.value(gen.domain, scope)
            assert isinstance(domain, SetVal)
            one = isinstance(expr.body, core.Local) and expr.body.name == gen.var
            x, guard = domain.pick(hint if one else gen.var)
            guards.append(guard)
            scope = scope.bind(gen.var, x, item_type(gen.domain, scope.types))
        if expr.cond is not None:
            guards.append(e.truth(expr.cond, scope))
        return e.value(expr.body, scope), conj(guards)

    return pick


def _each(e: Encoder, domain: Val, kind: str, body: Callable[[Val], Truth]) -> Truth:
    if isinstance(domain, SeqVal):
        return within(e.u, kind, domain, lambda i: body(domain.at(i)))
    truth: Truth = domain.each(kind, body)
    return truth


def _member(e: Encoder, domain: Val, x: Val) -> Truth:
    if isinstance(domain, SeqVal):
        return within(e.u, "exists", domain, lambda i: equal(e.u, domain.at(i), x))
    truth: Truth = domain.contains(x)
    return truth


def _inverted(body: core.Expr, x: Val, variables: set[str]) -> dict[str, Val] | None:
    """What the variables of a comprehension are if its body equals x, as far as the body shows it."""
    if isinstance(body, core.Local) and body.name in variables:
        return {body.name: x}
    found: dict[str, Val] = {}
    for part, item in zip(_fields(body), getattr(x, "items", ()), strict=False):
        found = {**(_inverted(part, item, variables) or {}), **found}
    return found


def _fields(body: core.Expr) -> tuple[core.Expr, ...]:
    if isinstance(body, core.TupleExpr):
        return body.items
    return body.fields if isinstance(body, core.RecordExpr) else ()


def _is_pattern(body: core.Expr, variables: set[str]) -> bool:
    """Whether a body is just its variables, each once: then nothing is left to compare."""
    if isinstance(body, core.Local):
        return body.name in variables
    parts = _fields(body)
    names = [part.name for part in parts if isinstance(part, core.Local) and part.name in variables]
    return bool(parts) and len(names) == len(parts) == len(set(names))


def _seq_comp(e: Encoder, expr: core.SeqComp, env: Env) -> SeqVal:
    assert isinstance(expr.type, ty.Seq)
    source, of = e.value(expr.gen.domain, env), item_type(expr.gen.domain, env.types)
    if (cond := expr.cond) is not None:
        source = _filtered(e, expr, source, lambda x: e.truth(cond, env.bind(expr.gen.var, x, of)))
    at = lambda i: e.value(expr.body, env.bind(expr.gen.var, source.at(i), of))  # noqa: E731
    return SeqVal(expr.type.item, source.length, at, most=source.most)


def _filtered(e: Encoder, expr: core.SeqComp, source: SeqVal, test: Callable[[Val], Truth]) -> SeqVal:
    """The items that satisfy a test (finite setting): each at the place that those kept before it leave."""
    longest = e.longest(expr.gen.domain, source, "a filtered sequence")
    kept = [conj((at < source.length, test(source.at(at)))) for at in range(longest)]
    before: list[Term] = [0]
    for one in kept:
        before.append(add(before[-1], ite(one, 1, 0)))

    def at(place: Term) -> Val:
        found = e.u.junk(source.item)
        for number in reversed(range(longest)):
            found = choice(e.u, conj((kept[number], same(before[number], place))), source.at(number), found)
        return found

    return SeqVal(source.item, before[-1], at, most=longest)


def _map_comp(e: Encoder, expr: core.MapComp, env: Env) -> MapVal:
    assert isinstance(expr.type, ty.Map)
    key_type = expr.type.key
    return MapVal(key_type, lambda key: e.value(expr.body, env.bind(expr.var, key, key_type)))


def _choose(e: Encoder, expr: core.Choose, env: Env) -> Val:
    domain, of = e.value(expr.domain, env), item_type(expr.domain, env.types)

    def test(x: Val) -> Truth:
        return True if expr.cond is None else e.truth(expr.cond, env.bind(expr.var, x, of))

    return choose(e, expr.domain, env, domain, test)


def choose(
    e: Encoder, collection: core.Expr, env: Env, domain: SetVal, test: Callable[[Val], Truth], greatest: bool = False
) -> Val:
    """The first (or last) element of a set that satisfies a test. For any size, in a type without an order: some
    element, which admits more than the language does."""
    item = domain.item
    ordered = isinstance(item, ty.Int | ty.Range | ty.Enum) or (isinstance(item, ty.Sort) and item.ordered)
    if e.finite and not ordered:
        return _first(e, collection, env, domain, test)
    x = e.u.element(item, "chosen")
    found = domain.each("exists", test)

    def before(y: Val) -> Truth:
        first = e.u.until(item, y, x) if greatest else e.u.until(item, x, y)
        return implies(test(y), first)

    is_one = conj((domain.contains(x), test(x), domain.each("all", before) if ordered else True))
    e.u.fact(implies(found, is_one))
    return x


def _first(e: Encoder, collection: core.Expr, env: Env, domain: SetVal, test: Callable[[Val], Truth]) -> Val:
    found: Val = None
    for value in reversed(e.elements(collection, env, "a choice")):
        this = conj((domain.contains(value), test(value)))
        found = value if found is None else choice(e.u, this, value, found)
    return found


def _fold(e: Encoder, expr: core.Fold, env: Env) -> Val:
    acc, domain = e.value(expr.init, env), e.value(expr.domain, env)
    of = item_type(expr.domain, env.types)

    def step(x: Val, old: Val) -> Val:
        return e.value(expr.body, env.bind(expr.acc, old).bind(expr.var, x, of))

    if isinstance(domain, SeqVal):
        for at in range(e.longest(expr.domain, domain, "a fold over a sequence")):
            acc = choice(e.u, at < domain.length, step(domain.at(at), acc), acc)
        return acc
    for x in e.elements(expr.domain, env, "a fold"):
        acc = choice(e.u, domain.contains(x), step(x, acc), acc)
    return acc


def _call(e: Encoder, expr: core.Call, env: Env) -> Val:
    function = e.functions[expr.name]
    inner = called(e, function, expr.args, env)
    if e.opaque.hides(function):
        return e.opaque.call(function, tuple(inner.locals.values()), env)
    return e.value(function.body, inner)


def called(e: Encoder, function: core.Function, args: tuple[core.Expr, ...], env: Env) -> Env:
    """What names mean inside a function that is called with these arguments."""
    given = list(zip(function.params, args, strict=True))
    values = {name: e.value(part, env) for (name, _), part in given}
    return replace(env, locals=values, types={name: narrowed(part, env.types) for (name, _), part in given})


def _domain(e: Encoder, expr: core.Domain, env: Env) -> SetVal:
    return whole(e, expr.of)


def whole(e: Encoder, of: ty.Type) -> SetVal:
    """The set of all values of a type."""

    def contains(x: Val) -> Truth:
        return fits(e.u, of, x)

    def each(kind: str, body: Callable[[Val], Truth]) -> Truth:
        return each_key(e.u, kind, of, body)

    return SetVal(of, contains, each, e.u.picker(of, contains))


# ---------------------------------------------------------------------------------------------- structures


def position(of: ty.Type, name: str) -> int:
    """The position of a field of a record."""
    assert isinstance(of, ty.Record)
    return [field for field, _ in of.fields].index(name)


def with_item(row: Row, at: int, value: Val) -> Row:
    """A row with one item replaced."""
    return Row((*row.items[:at], value, *row.items[at + 1 :]))


def _record(e: Encoder, expr: core.RecordExpr, env: Env) -> Row:
    assert isinstance(expr.type, ty.Record)
    return Row(tuple(e.value(part, env) for part in expr.fields))


def _case(e: Encoder, expr: core.CaseExpr, env: Env) -> Val:
    assert isinstance(expr.type, ty.Union)
    at = _case_number(expr.type, expr.case)
    return e.u._sum(expr.type, at, Row(tuple(e.value(part, env) for part in expr.fields)))


def _case_number(of: ty.Type, name: str) -> int:
    assert isinstance(of, ty.Union)
    return [case.name for case in of.cases].index(name)


def _case_field(e: Encoder, expr: core.CaseField, env: Env) -> Val:
    of = expr.item.type
    assert isinstance(of, ty.Union)
    at = _case_number(of, expr.case)
    return e.value(expr.item, env).cases[at].items[position(of.cases[at], expr.name)]


def _with(e: Encoder, expr: core.With, env: Env) -> Row:
    row = e.value(expr.item, env)
    return with_item(row, position(expr.item.type, expr.name), e.value(expr.value, env))


def _all(e: Encoder, items: tuple[core.Expr, ...], env: Env) -> tuple[Val, ...]:
    return tuple(e.value(item, env) for item in items)


def _op(e: Encoder, expr: core.Op, env: Env) -> Val:
    from pyspec.prove.operators import LAZY, SIZES, STRICT, sized

    if expr.op in SIZES and (found := sized(e, expr, env)) is not None:
        return found
    if expr.op in LAZY:
        return LAZY[expr.op](e, expr, env)
    return STRICT[expr.op](e, expr, *_all(e, expr.args, env))


EXPRESSIONS: dict[type, Callable[..., Val]] = {
    core.Lit: _lit,
    core.Const: lambda e, expr, env: e.const(expr.name),
    core.StateVar: lambda e, expr, env: env.state[expr.name],
    core.Local: lambda e, expr, env: env.locals[expr.name],
    core.Prime: _prime,
    core.Op: _op,
    core.IfExpr: _if,
    core.LetExpr: _let,
    core.Quant: _quant,
    core.SetComp: _set_comp,
    core.SeqComp: _seq_comp,
    core.MapComp: _map_comp,
    core.Choose: _choose,
    core.Fold: _fold,
    core.Domain: _domain,
    core.RecordExpr: _record,
    core.CaseExpr: _case,
    core.IsCase: lambda e, expr, env: e.value(expr.item, env).tags[_case_number(expr.item.type, expr.case)],
    core.CaseField: _case_field,
    core.Field: lambda e, expr, env: e.value(expr.item, env).items[position(expr.item.type, expr.name)],
    core.With: _with,
    core.TupleExpr: lambda e, expr, env: Row(_all(e, expr.items, env)),
    core.Proj: lambda e, expr, env: e.value(expr.item, env).items[expr.index],
    core.SetLit: lambda e, expr, env: literal_set(e.u, expr.type.item, _all(e, expr.items, env)),
    core.BagLit: lambda e, expr, env: literal_bag(e.u, expr.type.item, _all(e, expr.items, env)),
    core.SeqLit: lambda e, expr, env: literal_seq(e.u, expr.type.item, _all(e, expr.items, env)),
    core.MapLit: lambda e, expr, env: lookup(
        e.u, expr.type.key, tuple((e.value(k, env), e.value(v, env)) for k, v in expr.items)
    ),
    core.Call: _call,
}

__all__ = ["ENUMERABLE", "Encoder", "Env", "Opt", "choose", "disj", "ite", "position", "whole", "with_item"]
