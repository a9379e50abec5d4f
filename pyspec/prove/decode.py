"""From a z3 model of a finite problem back to values of the language."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import z3

from pyspec.lang import types as ty
from pyspec.model.domains import cardinality, values_of
from pyspec.model.values import Atom, Bag, Map, Rec, Value
from pyspec.prove.logic import Term
from pyspec.prove.structure import lift
from pyspec.prove.universe import Universe
from pyspec.prove.values import BagVal, MapVal, Opt, Row, SeqVal, SetVal, Sum, Val, is_flat

#: Candidates for the elements of one set that are tried one by one.
CANDIDATES = 20_000


class TooLarge(Exception):
    """A set whose elements cannot be listed."""


class Decoder:
    """Reads values out of one z3 model."""

    def __init__(self, u: Universe, model: Any) -> None:
        self.u, self.model = u, model

    def scalar(self, a: Term) -> Term:
        """The value of a term."""
        return a if isinstance(a, bool | int) else self.model.eval(a, model_completion=True)

    def truth(self, a: Term) -> bool:
        """The value of a condition."""
        return a if isinstance(a, bool) else z3.is_true(self.scalar(a))

    def value(self, of: ty.Type, a: Val) -> Value:
        """A value of a concrete type."""
        return _DECODE[type(of)](self, of, a)

    def number(self, a: Term) -> int:
        """The value of an integer term."""
        found = self.scalar(a)
        return found if isinstance(found, int) else int(found.as_long())

    def candidates(self, of: ty.Type) -> Iterable[tuple[Value, Val]]:
        """Everything that may be an element of a set: all values of a small flat type; of others those made of what
        the model names."""
        if is_flat(of) and cardinality(of) <= CANDIDATES:
            return [(value, lift(self.u, of, value)) for value in values_of(of)]
        return [(self.value(of, symbolic), symbolic) for symbolic in self._symbolic(of)]

    def _symbolic(self, of: ty.Type) -> list[Val]:
        found: list[Val] = []
        for shape in self.u.shapes(of):
            choices = [self._leaves(leaf) for leaf in shape.leaves]
            rows = list(itertools.islice(itertools.product(*choices), CANDIDATES + 1))
            if len(found) + len(rows) > CANDIDATES:
                raise TooLarge
            found += [shape.build(row) for row in rows]
        return found

    def _leaves(self, of: ty.Type) -> list[Term]:
        if isinstance(of, ty.Set | ty.Map | ty.Seq | ty.Bag):
            return self._idents(self.u.sort(of))
        if cardinality(of) > CANDIDATES:
            raise TooLarge
        return [lift(self.u, of, value) for value in values_of(of)]

    def _idents(self, sort: Any) -> list[Term]:
        """The idents that a model names; where it names none, a predicate says the same of all: then one stands for
        them."""
        named = self.model.get_universe(sort) if sort in self.model.sorts() else None
        return list(named) if named else [self.model.eval(z3.Const("some ident", sort), model_completion=True)]


def _member(d: Decoder, of: ty.Enum | ty.Sort, a: Term) -> Atom:
    names = of.members if isinstance(of, ty.Enum) else of.elements or ()
    found = d.scalar(a)
    at = next(at for at, member in enumerate(d.u.members(of)) if member.eq(found))
    return Atom(of.name, at, names[at])


def _option(d: Decoder, of: ty.Option, a: Opt) -> Value:
    return d.value(of.item, a.value) if d.truth(a.defined) else None


def _record(d: Decoder, of: ty.Record, a: Row, index: int = 0) -> Rec:
    names = tuple(name for name, _ in of.fields)
    return Rec(of.name, names, [d.value(kind, x) for (_, kind), x in zip(of.fields, a.items, strict=True)], index)


def _union(d: Decoder, of: ty.Union, a: Sum) -> Rec:
    at = next(at for at, tag in enumerate(a.tags) if d.truth(tag))
    return _record(d, of.cases[at], a.cases[at], at)


def _set(d: Decoder, of: ty.Set, a: SetVal) -> Value:
    return frozenset(value for value, symbolic in d.candidates(of.item) if d.truth(a.contains(symbolic)))


def _bag(d: Decoder, of: ty.Bag, a: BagVal) -> Value:
    return Bag({value: d.number(a.count(symbolic)) for value, symbolic in d.candidates(of.item)})


def _seq(d: Decoder, of: ty.Seq, a: SeqVal) -> Value:
    length = d.number(a.length)
    if length > 1000:
        raise TooLarge
    return tuple(d.value(of.item, a.at(at)) for at in range(length))


def _map(d: Decoder, of: ty.Map, a: MapVal) -> Value:
    return Map((key, d.value(of.value, a.at(lift(d.u, of.key, key)))) for key in values_of(of.key))


_DECODE: dict[type, Callable[..., Value]] = {
    ty.Bool: lambda d, of, a: d.truth(a),
    ty.Int: lambda d, of, a: d.number(a),
    ty.Range: lambda d, of, a: d.number(a),
    ty.Enum: _member,
    ty.Sort: _member,
    ty.Option: _option,
    ty.Record: _record,
    ty.Union: _union,
    ty.Tuple: lambda d, of, a: tuple(d.value(k, x) for k, x in zip(of.items, a.items, strict=True)),
    ty.Set: _set,
    ty.Bag: _bag,
    ty.Seq: _seq,
    ty.Map: _map,
}
