"""The symbols of one proof: z3 sorts and functions, bound variables, fresh names, and the facts they come with.

In the any-size setting a sort is uninterpreted; in the finite setting (an instance) it is an enumeration. Values that
contain collections and are themselves elements of one (a message with a sequence, a set of sets) get *idents*: an
uninterpreted sort for each such type, with projections. Every value has an ident in the intended reading; that two
idents with equal projections are the same is not assumed, which only admits more models.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import z3

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.lang.typeops import show
from pyspec.prove import flat
from pyspec.prove.logic import Term, Truth, at_most, conj, disj, implies, ite, less, neg
from pyspec.prove.values import COLLECTIONS, BagVal, MapVal, Opt, Row, SeqVal, SetVal, Shape, Sum, Val, joined, some

#: In the finite setting quantifiers over at most this many values are written out.
WRITTEN_OUT = 16


@dataclass(frozen=True)
class Axiom:
    """Something assumed of the symbols, in words and as a formula."""

    text: str
    formula: Truth


class Universe:
    """Sorts, functions and quantifiers over one z3 context."""

    def __init__(self, finite: bool) -> None:
        self.finite = finite
        self.ctx = z3.Context()
        self.axioms: dict[str, Axiom] = {}
        self.facts: list[Truth] = []
        self.bound: list[Term] = []
        self.number: Callable[[core.Expr | int], Term] = _literal_bound
        self.names: dict[str, object] = {}
        self._sorts: dict[str, Term] = {}
        self._members: dict[str, tuple[Term, ...]] = {}
        self._fresh: Counter[str] = Counter()
        self._shapes: dict[ty.Type, tuple[Shape, ...]] = {}
        self._loaded: dict[object, tuple[Val, tuple[Term, ...]]] = {}

    # ------------------------------------------------------------------------------------------------ sorts

    def sort(self, of: ty.Type) -> Term:
        """The z3 sort of a scalar type; of a collection, the sort of its idents."""
        if isinstance(of, ty.Bool):
            return z3.BoolSort(self.ctx)
        if isinstance(of, ty.Int | ty.Range):
            return z3.IntSort(self.ctx)
        if isinstance(of, ty.Enum):
            return self._enumeration(of.name, of.members)
        if isinstance(of, ty.Sort):
            return self._enumeration(of.name, of.elements or ()) if self.finite else self._declared(of.name)
        return self._declared(kind_name(of))

    def _declared(self, name: str) -> Term:
        if name not in self._sorts:
            self._sorts[name] = z3.DeclareSort(name, self.ctx)
        return self._sorts[name]

    def _enumeration(self, name: str, members: tuple[str, ...]) -> Term:
        if name not in self._sorts:
            made, values = z3.EnumSort(name, [f"{name}.{member}" for member in members], self.ctx)
            self._sorts[name], self._members[name] = made, tuple(values)
        return self._sorts[name]

    @property
    def sorts(self) -> dict[str, Term]:
        """Every sort made so far, by name."""
        return dict(self._sorts)

    def members(self, of: ty.Enum | ty.Sort) -> tuple[Term, ...]:
        """The members of an enumeration, in order."""
        self.sort(of)
        return self._members[of.name]

    def member(self, of: ty.Enum | ty.Sort, name: str) -> Term:
        """One member of an enumeration."""
        names = of.members if isinstance(of, ty.Enum) else of.elements or ()
        return self.members(of)[names.index(name)]

    # -------------------------------------------------------------------------------------------- functions

    def apply(self, name: str, keys: tuple[Term, ...], of: ty.Type) -> Term:
        """A function symbol applied to keys; a constant if there are none."""
        sort = self.sort(of)
        if not keys:
            made = z3.Const(name, sort)
            self.names.setdefault(name, made.decl())
            return made
        terms = [self.term(key) for key in keys]
        declared = self.names.get(name)
        if declared is None:
            declared = self.names[name] = z3.Function(name, *[term.sort() for term in terms], sort)
        return declared(*terms)  # type: ignore[operator]

    def term(self, a: Term) -> Term:
        """A scalar as a z3 term."""
        if isinstance(a, bool):
            return z3.BoolVal(a, self.ctx)
        return z3.IntVal(a, self.ctx) if isinstance(a, int) else a

    def new(self, hint: str) -> str:
        """A name not used before."""
        self._fresh[hint] += 1
        number = self._fresh[hint]
        return f"{hint}~{number}"

    @contextmanager
    def collecting(self) -> Iterator[list[Truth]]:
        """Facts that come up while something is encoded."""
        kept, self.facts = self.facts, []
        try:
            yield self.facts
        finally:
            self.facts = kept

    def fact(self, formula: Truth) -> None:
        """Something true of fresh symbols, for all values of the variables that are bound here."""
        if formula is not True:
            self.facts.append(self.close("all", tuple(self.bound), formula))

    def axiom(self, name: str, text: str, make: Callable[[], Truth]) -> None:
        """Something true of the declared symbols, once."""
        if name not in self.axioms:
            self.axioms[name] = Axiom(text, True)  # first, since making it may ask for it
            kept, self.bound = self.bound, []
            try:
                self.axioms[name] = Axiom(text, make())
            finally:
                self.bound = kept

    # ------------------------------------------------------------------------------------------- quantifiers

    def quantify(self, kind: str, of: ty.Type, body: Callable[[Val], Truth]) -> Truth:
        """`all` or `exists` over everything of a type (of integers: without regard to a range)."""
        join = conj if kind == "all" else disj
        return join(self._shaped(kind, shape, body) for shape in self.shapes(of))

    def _shaped(self, kind: str, shape: Shape, body: Callable[[Val], Truth]) -> Truth:
        choices = [self._values(leaf) for leaf in shape.leaves]
        if math.prod(map(len, choices)) > WRITTEN_OUT:
            choices = [[None] for _ in shape.leaves]
        join = conj if kind == "all" else disj
        return join(self._bind(kind, shape, row, body) for row in itertools.product(*choices))

    def _values(self, leaf: ty.Type) -> list[Term | None]:
        """The values that a variable takes one by one (finite setting); [None] for a bound variable."""
        if not self.finite:
            return [None]
        if isinstance(leaf, ty.Range):
            low, high = self.number(leaf.lo), self.number(leaf.hi)
            return list(range(low, high + 1)) if high - low < WRITTEN_OUT else [None]
        if isinstance(leaf, ty.Enum | ty.Sort):
            return list(self.members(leaf))
        return [False, True] if isinstance(leaf, ty.Bool) else [None]

    def _bind(self, kind: str, shape: Shape, row: tuple[Term | None, ...], body: Callable[[Val], Truth]) -> Truth:
        depth = len(self.bound)
        variables: list[Term] = []
        leaves: list[Term] = []
        for leaf, value in zip(shape.leaves, row, strict=True):
            if value is None:
                value = z3.Const(f"%{depth + len(variables)}", self.sort(leaf))
                variables.append(value)
            leaves.append(value)
        self.bound += variables
        try:
            inner = body(shape.build(tuple(leaves)))
        finally:
            del self.bound[depth:]
        return self.close(kind, tuple(variables), inner)

    def close(self, kind: str, variables: tuple[Term, ...], inner: Truth) -> Truth:
        """A quantifier over variables that are z3 constants in `inner`."""
        if not variables or isinstance(inner, bool):
            return inner
        return (z3.ForAll if kind == "all" else z3.Exists)(list(variables), inner)

    def guarded(self, kind: str, guard: Truth, body: Callable[[], Truth]) -> Truth:
        """A body under a guard, as a quantifier of this kind needs it."""
        if guard is False:
            return kind == "all"
        return implies(guard, body()) if kind == "all" else conj((guard, body()))

    # ------------------------------------------------------------------------------------------------ shapes

    def shapes(self, of: ty.Type) -> tuple[Shape, ...]:
        """The ways to lay out values of a type in scalars."""
        if of not in self._shapes:
            self._shapes[of] = self._make_shapes(of)
        return self._shapes[of]

    def _make_shapes(self, of: ty.Type) -> tuple[Shape, ...]:
        if isinstance(of, ty.Option):
            missing = Opt(False, self.junk(of.item))
            return (Shape("none", (), lambda leaves: missing), *map(some, self.shapes(of.item)))
        if isinstance(of, ty.Record):
            return self.product(tuple(kind for _, kind in of.fields))
        if isinstance(of, ty.Tuple):
            return self.product(of.items)
        if isinstance(of, ty.Union):
            return tuple(
                self._shape_of_case(of, at, case.name, s) for at, case in enumerate(of.cases) for s in self.shapes(case)
            )
        if isinstance(of, COLLECTIONS):
            return flat.layouts(self, of) or (Shape("", (of,), lambda leaves: self.rigid(of, leaves[0])),)
        return (Shape("", (of,), lambda leaves: leaves[0]),)

    def _shape_of_case(self, of: ty.Union, at: int, name: str, fields: Shape) -> Shape:
        return Shape(f"{name}{fields.label}", fields.leaves, lambda leaves: self._sum(of, at, fields.build(leaves)))

    def product(self, parts: tuple[ty.Type, ...]) -> tuple[Shape, ...]:
        """The shapes of a row."""
        return tuple(joined(row) for row in itertools.product(*map(self.shapes, parts)))

    def _sum(self, of: ty.Union, at: int, fields: Val) -> Sum:
        rows = (fields if number == at else self.junk(case) for number, case in enumerate(of.cases))
        return Sum(tuple(number == at for number in range(len(of.cases))), tuple(rows))

    def decide(self, of: ty.Type, value: Val) -> flat.Decisions:
        """For each shape that a value may have: the condition, the number of the shape, the scalars."""
        if isinstance(of, ty.Option):
            none = [(neg(value.defined), 0, ())] if value.defined is not True else []
            inner = self.decide(of.item, value.value) if value.defined is not False else []
            return [*none, *((conj((value.defined, guard)), 1 + at, leaves) for guard, at, leaves in inner)]
        if isinstance(of, ty.Record):
            return self.decide_row(tuple(kind for _, kind in of.fields), value.items)
        if isinstance(of, ty.Tuple):
            return self.decide_row(of.items, value.items)
        if isinstance(of, ty.Union):
            found, start = [], 0
            for case, tag, row in zip(of.cases, value.tags, value.cases, strict=True):
                if tag is not False:
                    found += [(conj((tag, guard)), start + at, leaves) for guard, at, leaves in self.decide(case, row)]
                start += len(self.shapes(case))
            return found
        if isinstance(of, COLLECTIONS):
            named = self.shapes(of)[0].leaves == (of,)
            return [(True, 0, (self.ident(of, value),))] if named else flat.decide(self, of, value)
        return [(True, 0, (value,))]

    def decide_row(self, kinds: tuple[ty.Type, ...], items: tuple[Val, ...]) -> flat.Decisions:
        """The same for a row."""
        found: flat.Decisions = [(True, 0, ())]
        for kind, item in zip(kinds, items, strict=True):
            width, parts = len(self.shapes(kind)), self.decide(kind, item)
            found = [
                (conj((guard, also)), number * width + at, (*leaves, *more))
                for guard, number, leaves in found
                for also, at, more in parts
            ]
        return found

    def by_shape(self, of: ty.Type, value: Val, make: Callable[[str, tuple[Term, ...]], Val]) -> Val:
        """What `make(label, scalars)` gives for the shape that the value has."""
        from pyspec.prove.structure import choice

        shapes = self.shapes(of)
        found = self.decide(of, value)
        result = None
        for guard, at, leaves in reversed(found):
            made = make(f"/{shapes[at].label}" if len(shapes) > 1 else "", leaves)
            result = made if result is None else choice(self, guard, made, result)
        return result

    # ------------------------------------------------------------------------------------------------ values

    def load(self, of: ty.Type, name: str, keys: tuple[Term, ...] = ()) -> Val:
        """The value of a type that a family of function symbols called `name` has at `keys`: the same object for the
        same keys."""
        place = (name, of, tuple(key if isinstance(key, int) else key.get_id() for key in keys))
        if place not in self._loaded:
            self._loaded[place] = (self._load(of, name, keys), keys)
        return self._loaded[place][0]

    def _load(self, of: ty.Type, name: str, keys: tuple[Term, ...]) -> Val:

        def more(kind: ty.Type, start: str) -> Callable[[str, tuple[Term, ...]], Val]:
            return lambda label, leaves: self.load(kind, start + label, (*keys, *leaves))

        if isinstance(of, ty.Option):
            return Opt(self.apply(f"{name}?", keys, ty.Bool()), self.load(of.item, f"{name}!", keys))
        if isinstance(of, ty.Record):
            return Row(tuple(self.load(kind, f"{name}.{field}", keys) for field, kind in of.fields))
        if isinstance(of, ty.Tuple):
            return Row(tuple(self.load(kind, f"{name}.{at}", keys) for at, kind in enumerate(of.items)))
        if isinstance(of, ty.Union):
            return self._load_union(of, name, keys)
        if isinstance(of, ty.Map):
            return MapVal(of.key, lambda key: self.by_shape(of.key, key, more(of.value, name)))
        if isinstance(of, ty.Set):
            return self.predicate(of.item, self._typed(of.item, more(ty.Bool(), name), False))
        if isinstance(of, ty.Seq):
            length = self.apply(f"{name}#", keys, ty.Int())
            most = of.capacity if self.finite and isinstance(of.capacity, int) else None
            return SeqVal(of.item, length, lambda at: self.load(of.item, f"{name}@", (*keys, at)), most=most)
        if isinstance(of, ty.Bag):
            return BagVal(of.item, self._typed(of.item, more(ty.Int(), f"{name}*"), 0))
        return self.apply(name, keys, of)

    def _typed(
        self, of: ty.Type, make: Callable[[str, tuple[Term, ...]], Term], outside: Term
    ) -> Callable[[Val], Term]:
        """A function of the elements of a collection. In the finite setting quantifiers go over the values of the type
        only, so integers outside its ranges must not be elements; for any size the type of the variable says so."""
        from pyspec.prove.structure import fits, plain

        if not self.finite or plain(of):
            return lambda item: self.by_shape(of, item, make)
        return lambda item: ite(fits(self, of, item), self.by_shape(of, item, make), outside)

    def _load_union(self, of: ty.Union, name: str, keys: tuple[Term, ...]) -> Sum:
        cases = ty.Enum(f"case of {of.name}", tuple(case.name for case in of.cases))
        tag = self.apply(f"{name}^", keys, cases)
        tags = tuple(tag == member for member in self.members(cases))
        return Sum(tags, tuple(self.load(case, f"{name}^{case.name}", keys) for case in of.cases))

    def predicate(self, item: ty.Type, contains: Callable[[Val], Truth]) -> SetVal:
        """The set of all values of a type that satisfy a condition."""

        def each(kind: str, body: Callable[[Val], Truth]) -> Truth:
            return self.quantify(kind, item, lambda x: self.guarded(kind, contains(x), lambda: body(x)))

        return SetVal(item, contains, each, self.picker(item, contains))

    def picker(self, item: ty.Type, contains: Callable[[Val], Truth]) -> Callable[[str], tuple[Val, Truth]]:
        """An arbitrary element, as fresh symbols."""

        def pick(hint: str) -> tuple[Val, Truth]:
            value = self.element(item, hint)
            return value, contains(value)

        return pick

    def element(self, of: ty.Type, hint: str) -> Val:
        """A fresh value of a type: it may depend on the variables that are bound here."""
        return self._element(of, self.new(hint))

    def _element(self, of: ty.Type, name: str) -> Val:
        if isinstance(of, ty.Option):
            return Opt(self._skolem(ty.Bool(), f"{name}?"), self._element(of.item, f"{name}!"))
        if isinstance(of, ty.Record):
            return Row(tuple(self._element(kind, f"{name}.{field}") for field, kind in of.fields))
        if isinstance(of, ty.Tuple):
            return Row(tuple(self._element(kind, f"{name}.{at}") for at, kind in enumerate(of.items)))
        if isinstance(of, ty.Union):
            return self._load_union(of, name, tuple(self.bound))
        if isinstance(of, COLLECTIONS):
            return self.rigid(of, self._skolem(of, name))
        return self._skolem(of, name)

    def _skolem(self, of: ty.Type, name: str) -> Term:
        return self.apply(name, tuple(self.bound), of)

    def rigid(self, of: ty.Type, ident: Term) -> Val:
        """The collection that an ident stands for."""
        name = kind_name(of)
        value = replace(self.load(of, f"in:{name}", (ident,)), ident=ident)
        if isinstance(value, SeqVal) and not self.finite:
            self.axiom(f"length of {name}", f"a {name} has a length of at least 0", lambda: self._lengths(of, name))
        return value

    def _lengths(self, of: ty.Type, name: str) -> Truth:
        ident = z3.Const("%0", self.sort(of))
        return z3.ForAll([ident], self.load(of, f"in:{name}", (ident,)).length >= 0)

    def ident(self, of: ty.Type, value: Val) -> Term:
        """The ident of a collection: every value has one."""
        if value.ident is not None:
            return value.ident
        from pyspec.prove.structure import equal

        name = self._skolem(of, self.new(f"the {kind_name(of)}"))
        self.fact(equal(self, self.rigid(of, name), value))
        return name

    def junk(self, of: ty.Type) -> Val:
        """Some value, where it does not matter which."""
        if isinstance(of, ty.Bool):
            return False
        if isinstance(of, ty.Int | ty.Range):
            return 0
        if isinstance(of, ty.Enum) or (isinstance(of, ty.Sort) and self.finite):
            return self.members(of)[0]
        if isinstance(of, ty.Option):
            return Opt(False, self.junk(of.item))
        return self.load(of, f"any:{kind_name(of)}")

    # ------------------------------------------------------------------------------------------------ order

    def index(self, of: ty.Type, a: Term) -> Term:
        """The position of an enum member or of an element of an ordered sort, from 0."""
        if isinstance(of, ty.Sort) and not self.finite:
            self.axiom(f"order of {of.name}", f"{of.name} is totally ordered", lambda: self._order(of))
            return self.apply(f"index:{of.name}", (a,), ty.Int())
        assert isinstance(of, ty.Enum | ty.Sort)
        members = self.members(of)
        for at, member in enumerate(members):
            if member.eq(a):
                return at
        found: Term = len(members) - 1
        for at in reversed(range(len(members) - 1)):
            found = ite(a == members[at], at, found)
        return found

    def size(self, of: ty.Sort) -> Term:
        """How many elements an ordered sort has."""
        return len(of.elements or ()) if self.finite else self.apply(f"size:{of.name}", (), ty.Int())

    def nth(self, of: ty.Enum | ty.Sort, at: Term) -> Term:
        """The member at a position (arbitrary if there is none)."""
        if isinstance(of, ty.Sort) and not self.finite:
            return self.apply(f"at:{of.name}", (at,), of)
        members = self.members(of)
        if isinstance(at, int):
            return members[min(max(at, 0), len(members) - 1)]
        found = members[-1]
        for position in reversed(range(len(members) - 1)):
            found = ite(at == position, members[position], found)
        return found

    def _order(self, of: ty.Sort) -> Truth:
        a, b, i = z3.Const("%0", self.sort(of)), z3.Const("%1", self.sort(of)), z3.Const("%2", z3.IntSort(self.ctx))
        size, back = self.size(of), self.nth(of, i)

        def place(x: Term) -> Term:
            return self.apply(f"index:{of.name}", (x,), ty.Int())

        return conj((
            z3.ForAll([a, b], z3.Implies(place(a) == place(b), a == b)),
            z3.ForAll([a], z3.And(place(a) >= 0, place(a) < size)),
            z3.ForAll([i], z3.Implies(z3.And(i >= 0, i < size), place(back) == i)),
        ))  # fmt: skip

    def before(self, of: ty.Type, a: Val, b: Val) -> Truth:
        """a < b in an ordered type."""
        if isinstance(of, ty.Option):
            both = conj((a.defined, b.defined, self.before(of.item, a.value, b.value)))
            return disj((conj((neg(a.defined), b.defined)), both))
        if isinstance(of, ty.Enum | ty.Sort):
            return less(self.index(of, a), self.index(of, b))
        return less(a, b)

    def until(self, of: ty.Type, a: Val, b: Val) -> Truth:
        """a <= b in an ordered type."""
        if isinstance(of, ty.Option):
            return disj((neg(a.defined), conj((b.defined, self.until(of.item, a.value, b.value)))))
        if isinstance(of, ty.Enum | ty.Sort):
            return at_most(self.index(of, a), self.index(of, b))
        return at_most(a, b)


def kind_name(of: ty.Type) -> str:
    """A name for a type that does not depend on ranges and capacities."""
    if isinstance(of, ty.Range):
        return "int"
    if isinstance(of, ty.Set | ty.Seq | ty.Bag):
        return f"{type(of).__name__.lower()}[{kind_name(of.item)}]"
    if isinstance(of, ty.Map):
        return f"map[{kind_name(of.key)},{kind_name(of.value)}]"
    if isinstance(of, ty.Option):
        return f"{kind_name(of.item)}?"
    if isinstance(of, ty.Tuple):
        return f"({','.join(map(kind_name, of.items))})"
    return show(of)


def _literal_bound(bound: core.Expr | int) -> Term:
    assert isinstance(bound, int)
    return bound
