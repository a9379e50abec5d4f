"""What every kind of symbolic value has: equality, choice between two, and the conditions of its type."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pyspec.lang import types as ty
from pyspec.lang.typeops import value_type
from pyspec.model.domains import cardinality, values_of
from pyspec.model.values import Atom, Bag, Map, Rec, Value
from pyspec.prove.logic import Term, Truth, add, conj, disj, implies, ite, neg, same
from pyspec.prove.values import BagVal, MapVal, Opt, Row, SeqVal, SetVal, Sum, Val

if TYPE_CHECKING:
    from pyspec.prove.universe import Universe


#: Sets and bags of types with at most this many values are counted against their capacity.
COUNTED = 256

# ---------------------------------------------------------------------------------------------- equality


def equal(u: Universe, a: Val, b: Val) -> Truth:
    """Whether two values of one type are equal."""
    if a is b:
        return True
    if getattr(a, "ident", None) is not None and getattr(b, "ident", None) is not None:
        return same(a.ident, b.ident)
    return _EQUAL.get(type(a), _scalars)(u, a, b)


def _scalars(u: Universe, a: Term, b: Term) -> Truth:
    return same(a, b)


def _options(u: Universe, a: Opt, b: Opt) -> Truth:
    if a.defined is False or b.defined is False:
        return conj((neg(a.defined), neg(b.defined)))
    inner = equal(u, a.value, b.value)
    if a.defined is True or b.defined is True:
        return conj((a.defined, b.defined, inner))
    return conj((same(a.defined, b.defined), implies(a.defined, inner)))


def _rows(u: Universe, a: Row, b: Row) -> Truth:
    return conj(equal(u, x, y) for x, y in zip(a.items, b.items, strict=True))


def _sums(u: Universe, a: Sum, b: Sum) -> Truth:
    parts = zip(a.tags, b.tags, a.cases, b.cases, strict=True)
    return disj(conj((s, t, True if s is False or t is False else equal(u, x, y))) for s, t, x, y in parts)


def common(a: SetVal | MapVal, b: SetVal | MapVal) -> tuple[Val, ...] | None:
    """The places where two collections may differ at most, if they were made from one by point-wise changes."""
    return (*a.touched, *b.touched) if (a.root or a) is (b.root or b) else None


def _sets(u: Universe, a: SetVal, b: SetVal) -> Truth:
    places = common(a, b)
    if places is not None:
        return conj(same(a.contains(x), b.contains(x)) for x in places)
    return conj((a.each("all", b.contains), b.each("all", a.contains)))


def _maps(u: Universe, a: MapVal, b: MapVal) -> Truth:
    places = common(a, b)
    if places is not None:
        return conj(equal(u, a.at(key), b.at(key)) for key in places)
    return each_key(u, "all", a.key, lambda key: equal(u, a.at(key), b.at(key)))


def _seqs(u: Universe, a: SeqVal, b: SeqVal) -> Truth:
    same_items = within(u, "all", a if b.most is None else b, lambda at: equal(u, a.at(at), b.at(at)))
    return conj((same(a.length, b.length), same_items))


def _bags(u: Universe, a: BagVal, b: BagVal) -> Truth:
    return u.quantify("all", a.item, lambda x: same(a.count(x), b.count(x)))


_EQUAL: dict[type, Callable[..., Truth]] = {
    Opt: _options,
    Row: _rows,
    Sum: _sums,
    SetVal: _sets,
    MapVal: _maps,
    SeqVal: _seqs,
    BagVal: _bags,
}


def each_key(u: Universe, kind: str, of: ty.Type, body: Callable[[Val], Truth]) -> Truth:
    """A quantifier over all values of a finite type: integers within their range."""
    return u.quantify(kind, of, lambda x: u.guarded(kind, fits(u, of, x), lambda: body(x)))


def within(u: Universe, kind: str, a: SeqVal, body: Callable[[Term], Truth]) -> Truth:
    """A quantifier over the positions of a sequence."""
    length, join = a.length, conj if kind == "all" else disj
    if isinstance(length, int) and length <= 4:
        return join(body(at) for at in range(length))
    if u.finite and a.most is not None:
        return join(u.guarded(kind, at < length, partial(body, at)) for at in range(a.most))
    return u.quantify(kind, ty.Int(), lambda i: u.guarded(kind, conj((i >= 0, i < length)), lambda: body(i)))


# ------------------------------------------------------------------------------------------------ choice


def choice(u: Universe, cond: Truth, a: Val, b: Val) -> Val:
    """a if the condition is true, else b."""
    if isinstance(cond, bool):
        return a if cond else b
    return a if a is b else _CHOICE.get(type(a), _choose_scalar)(u, cond, a, b)


def _choose_scalar(u: Universe, cond: Truth, a: Term, b: Term) -> Term:
    return ite(cond, a, b)


def _choose_option(u: Universe, cond: Truth, a: Opt, b: Opt) -> Opt:
    if a.defined is False:
        return Opt(ite(cond, False, b.defined), b.value)
    if b.defined is False:
        return Opt(ite(cond, a.defined, False), a.value)
    return Opt(ite(cond, a.defined, b.defined), choice(u, cond, a.value, b.value))


def _choose_row(u: Universe, cond: Truth, a: Row, b: Row) -> Row:
    return Row(tuple(choice(u, cond, x, y) for x, y in zip(a.items, b.items, strict=True)))


def _choose_sum(u: Universe, cond: Truth, a: Sum, b: Sum) -> Sum:
    tags = tuple(ite(cond, s, t) for s, t in zip(a.tags, b.tags, strict=True))
    return Sum(tags, tuple(choice(u, cond, x, y) for x, y in zip(a.cases, b.cases, strict=True)))


def _choose_set(u: Universe, cond: Truth, a: SetVal, b: SetVal) -> SetVal:
    def contains(x: Val) -> Truth:
        return ite(cond, a.contains(x), b.contains(x))

    item = joined_item(a, b)

    def each(kind: str, body: Callable[[Val], Truth]) -> Truth:
        if u.finite:  # one body instead of two: choices nest
            return u.quantify(kind, item, lambda x: u.guarded(kind, contains(x), lambda: body(x)))
        return ite(cond, a.each(kind, body), b.each(kind, body))

    places = common(a, b)
    root, touched = (None, ()) if places is None else (a.root or a, places)
    return SetVal(item, contains, each, u.picker(item, contains), root=root, touched=touched)


def joined_item(a: SetVal, b: SetVal) -> ty.Type:
    """The type of the elements of either of two sets."""
    return a.item if a.item == b.item else value_type(a.item)


def _choose_map(u: Universe, cond: Truth, a: MapVal, b: MapVal) -> MapVal:
    places = common(a, b)
    root, touched = (None, ()) if places is None else (a.root or a, places)
    return MapVal(a.key, lambda key: choice(u, cond, a.at(key), b.at(key)), root=root, touched=touched)


def _choose_seq(u: Universe, cond: Truth, a: SeqVal, b: SeqVal) -> SeqVal:
    most = None if a.most is None or b.most is None else max(a.most, b.most)
    return SeqVal(a.item, ite(cond, a.length, b.length), lambda at: choice(u, cond, a.at(at), b.at(at)), most=most)


def _choose_bag(u: Universe, cond: Truth, a: BagVal, b: BagVal) -> BagVal:
    return BagVal(a.item, lambda x: ite(cond, a.count(x), b.count(x)))


_CHOICE: dict[type, Callable[..., Val]] = {
    Opt: _choose_option,
    Row: _choose_row,
    Sum: _choose_sum,
    SetVal: _choose_set,
    MapVal: _choose_map,
    SeqVal: _choose_seq,
    BagVal: _choose_bag,
}


# ----------------------------------------------------------------------------------------- conditions of types


def fits(u: Universe, of: ty.Type, value: Val) -> Truth:
    """Whether a value lies in the ranges of its type, and its lengths and counts are not negative."""
    return _FITS.get(type(of), _anything)(u, of, value)


def _anything(u: Universe, of: ty.Type, value: Val) -> Truth:
    return True


def _fits_range(u: Universe, of: ty.Range, value: Term) -> Truth:
    return conj((u.number(of.lo) <= value, value <= u.number(of.hi)))


def _fits_set(u: Universe, of: ty.Set, value: SetVal) -> Truth:
    inside = True if plain(of.item) else value.each("all", lambda x: fits(u, of.item, x))
    return conj((inside, _room(u, of, lambda x: ite(value.contains(x), 1, 0))))


def _room(u: Universe, of: ty.Set | ty.Bag, count: Callable[[Val], Term]) -> Truth:
    """That a set or bag has at most as many elements as its capacity allows: in the finite setting, where they can be
    counted."""
    if not u.finite or of.capacity is None or cardinality(of.item) > COUNTED:
        return True
    total: Term = 0
    for value in values_of(of.item):
        total = add(total, count(lift(u, of.item, value)))
    return total <= u.number(of.capacity)


def _fits_seq(u: Universe, of: ty.Seq, value: SeqVal) -> Truth:
    items = True if plain(of.item) else within(u, "all", value, lambda at: fits(u, of.item, value.at(at)))
    room = True if of.capacity is None else value.length <= u.number(of.capacity)
    return conj((value.length >= 0, room, items))


def _fits_bag(u: Universe, of: ty.Bag, value: BagVal) -> Truth:
    def counted(x: Val) -> Truth:
        return conj((value.count(x) >= 0, implies(value.count(x) > 0, fits(u, of.item, x))))

    return conj((u.quantify("all", of.item, counted), _room(u, of, value.count)))


def _fits_map(u: Universe, of: ty.Map, value: MapVal) -> Truth:
    return True if plain(of.value) else each_key(u, "all", of.key, lambda key: fits(u, of.value, value.at(key)))


def _fits_sum(u: Universe, of: ty.Union, value: Sum) -> Truth:
    parts = zip(of.cases, value.tags, value.cases, strict=True)
    return conj(implies(tag, fits(u, case, row)) for case, tag, row in parts)


_FITS: dict[type, Callable[..., Truth]] = {
    ty.Range: _fits_range,
    ty.Option: lambda u, of, value: implies(value.defined, fits(u, of.item, value.value)),
    ty.Record: lambda u, of, value: conj(fits(u, k, x) for (_, k), x in zip(of.fields, value.items, strict=True)),
    ty.Tuple: lambda u, of, value: conj(fits(u, k, x) for k, x in zip(of.items, value.items, strict=True)),
    ty.Union: _fits_sum,
    ty.Set: _fits_set,
    ty.Seq: _fits_seq,
    ty.Bag: _fits_bag,
    ty.Map: _fits_map,
}


def uncapped(of: ty.Type) -> ty.Type:
    """A type without the capacities of its collections."""
    if isinstance(of, ty.Seq | ty.Set | ty.Bag):
        return type(of)(uncapped(of.item))
    if isinstance(of, ty.Option):
        return ty.Option(uncapped(of.item))
    return ty.Map(of.key, uncapped(of.value)) if isinstance(of, ty.Map) else of


def plain(of: ty.Type) -> bool:
    """Whether every value of the sorts that stand for a type is a value of it: nothing to ask."""
    if isinstance(of, ty.Range | ty.Seq | ty.Bag):
        return False
    if isinstance(of, ty.Option | ty.Set):
        return plain(of.item) and (isinstance(of, ty.Option) or of.capacity is None)
    if isinstance(of, ty.Map):
        return plain(of.value)
    if isinstance(of, ty.Record):
        return all(plain(kind) for _, kind in of.fields)
    return (
        all(map(plain, of.cases if isinstance(of, ty.Union) else of.items))
        if isinstance(of, ty.Union | ty.Tuple)
        else True
    )


# ---------------------------------------------------------------------------------------------- known values


def literal_set(u: Universe, item: ty.Type, items: tuple[Val, ...]) -> SetVal:
    """The set of the values listed."""

    def contains(x: Val) -> Truth:
        return disj(equal(u, x, y) for y in items)

    def each(kind: str, body: Callable[[Val], Truth]) -> Truth:
        return (conj if kind == "all" else disj)(body(x) for x in items)

    def pick(hint: str) -> tuple[Val, Truth]:
        return (items[0], True) if len(items) == 1 else u.picker(item, contains)(hint)

    return SetVal(item, contains, each, pick, items=items)


def put(u: Universe, old: MapVal, key: Val, value: Val) -> MapVal:
    """A map with the value at one key replaced."""

    def at(asked: Val) -> Val:
        return choice(u, equal(u, asked, key), value, old.at(asked))

    return MapVal(old.key, at, root=old.root or old, touched=(*old.touched, key))


def literal_seq(u: Universe, item: ty.Type, items: tuple[Val, ...]) -> SeqVal:
    """The sequence of the values listed."""

    def at(position: Term) -> Val:
        if isinstance(position, int):
            return items[position] if 0 <= position < len(items) else u.junk(item)
        found = items[-1] if items else u.junk(item)
        for number in reversed(range(len(items) - 1)):
            found = choice(u, position == number, items[number], found)
        return found

    return SeqVal(item, len(items), at, most=len(items))


def literal_bag(u: Universe, item: ty.Type, items: tuple[Val, ...]) -> BagVal:
    """The multiset of the values listed."""

    def count(x: Val) -> Term:
        total: Term = 0
        for y in items:
            total = add(total, ite(equal(u, x, y), 1, 0))
        return total

    return BagVal(item, count)


def lookup(u: Universe, key: ty.Type, pairs: tuple[tuple[Val, Val], ...]) -> MapVal:
    """The map with these entries, one for every key."""

    def at(asked: Val) -> Val:
        found = pairs[-1][1]
        for other, value in reversed(pairs[:-1]):
            found = choice(u, equal(u, asked, other), value, found)
        return found

    return MapVal(key, at)


def lift(u: Universe, of: ty.Type, value: Value) -> Val:
    """A known value of the language as a symbolic one."""
    return _LIFT.get(type(of), _lift_plain)(u, of, value)


def _lift_plain(u: Universe, of: ty.Type, value: Value) -> Val:
    return value


def _lift_member(u: Universe, of: ty.Enum | ty.Sort, value: Value) -> Val:
    return u.member(of, value.name if isinstance(value, Atom) else str(value))


def _lift_option(u: Universe, of: ty.Option, value: Value) -> Opt:
    return Opt(False, u.junk(of.item)) if value is None else Opt(True, lift(u, of.item, value))


def _lift_record(u: Universe, of: ty.Record, value: Value) -> Row:
    assert isinstance(value, Rec)
    return Row(tuple(lift(u, kind, part) for (_, kind), part in zip(of.fields, value._values, strict=True)))


def _lift_union(u: Universe, of: ty.Union, value: Value) -> Sum:
    assert isinstance(value, Rec)
    at = [case.name for case in of.cases].index(value._name)
    return u._sum(of, at, _lift_record(u, of.cases[at], value))


def _lift_many(make: Callable[..., Val]) -> Callable[..., Val]:
    def lifted(u: Universe, of: ty.Set | ty.Seq | ty.Bag, value: Value) -> Val:
        assert isinstance(value, frozenset | tuple | Bag)
        from pyspec.model.values import ordered

        items = ordered(value) if isinstance(value, frozenset) else tuple(value)
        return make(u, of.item, tuple(lift(u, of.item, part) for part in items))

    return lifted


def _lift_map(u: Universe, of: ty.Map, value: Value) -> MapVal:
    assert isinstance(value, Map)
    return lookup(u, of.key, tuple((lift(u, of.key, k), lift(u, of.value, v)) for k, v in value.items()))


_LIFT: dict[type, Callable[..., Val]] = {
    ty.Enum: _lift_member,
    ty.Sort: _lift_member,
    ty.Option: _lift_option,
    ty.Record: _lift_record,
    ty.Union: _lift_union,
    ty.Tuple: lambda u, of, value: Row(tuple(lift(u, k, x) for k, x in zip(of.items, value, strict=True))),
    ty.Set: _lift_many(literal_set),
    ty.Seq: _lift_many(literal_seq),
    ty.Bag: _lift_many(literal_bag),
    ty.Map: _lift_map,
}
