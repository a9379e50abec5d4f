"""The vocabulary of a specification: the predicates that candidate lemmas are built from.

A *template* is a list of quantified variables and the *atoms* that can be said of them: an entry of a map has a value,
a message was sent, two numbers are in order, a hint of the specification holds, a majority is such and such.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.walk import expressions, nodes, rewritten

BOOL = ty.Bool()
#: How many parameters a predicate may have.
MOST_PARAMETERS = 3
#: How many atoms of one template are kept; hints come first.
MOST_ATOMS = 110
#: In how many ways one message's fields are filled with variables.
MOST_FILLINGS = 12
Variables = tuple[tuple[str, ty.Type], ...]


@dataclass(frozen=True)
class Template:
    """Quantified variables and the atoms over them; `cost[i]` orders atoms by how much they ask of a reader."""

    variables: Variables
    atoms: tuple[core.Expr, ...]
    cost: tuple[int, ...]

    @property
    def label(self) -> str:
        """`a, b: Server`."""
        return ", ".join(f"{name}: {getattr(kind, 'name', 'int')}" for name, kind in self.variables) or "no variable"


def op(name: str, *args: core.Expr, of: ty.Type = BOOL) -> core.Op:
    """An operator applied to arguments; boolean unless said otherwise."""
    return core.Op(of, name, args)


def domain(of: ty.Type) -> core.Domain:
    """All values of a type as a set."""
    return core.Domain(ty.Set(of), of)


def kind_of(of: ty.Type) -> str:
    """What may be compared with what: one name for all integers, and the name of a sort or an enum."""
    if isinstance(of, ty.Int | ty.Range):
        return "int"
    return getattr(of, "name", repr(of))


def substituted(expr: core.Expr, given: Mapping[str, core.Expr]) -> core.Expr:
    """The expression with other expressions in the place of locals; `given` holds no bound name."""
    return rewritten(expr, lambda part: given.get(part.name, part) if isinstance(part, core.Local) else None)


def quantified(variables: Sequence[tuple[str, ty.Type]], body: core.Expr) -> core.Expr:
    """The claim for all values of the variables that it speaks of."""
    used = {node.name for node in expressions(body) if isinstance(node, core.Local)}
    for name, kind in reversed(variables):
        if name in used:
            body = core.Quant(BOOL, "all", name, domain(kind), body)
    return body


# ------------------------------------------------------------------------------------------------ templates


def has_hints(spec: core.Spec) -> bool:
    """Whether a specification names predicates to build lemmas from."""
    return any(prop.kind == "hint" for prop in spec.properties)


class Depth(enum.Enum):
    """Which atoms: hints as they stand and comparisons of variables; also hints about something that exists; all."""

    HINTS = "hints"
    SOME = "hints, also of something that exists"
    ALL = "all"


def templates(spec: core.Spec, count: int, depth: Depth = Depth.ALL) -> Iterator[Template]:
    """Every template of a specification with so many variables."""
    types = _quantified(spec)
    for chosen in itertools.combinations_with_replacement(range(len(types)), count):
        kinds = [types[one] for one in chosen]
        if any(chosen.count(one) > _most(types[one], count, depth) for one in chosen):
            continue
        variables = _named(spec, kinds)
        found = _Atoms(spec, variables, depth).all()
        if found and _all_used(variables, [atom for atom, _ in found]):
            yield Template(variables, tuple(atom for atom, _ in found), tuple(cost for _, cost in found))


def _most(of: ty.Type, count: int, depth: Depth) -> int:
    """How many variables of one type a template has: many make many rows."""
    return 3 if isinstance(of, ty.Sort) and (depth is not Depth.ALL or count <= 3) else 2


def _quantified(spec: core.Spec) -> list[ty.Type]:
    """The types that lemmas quantify over: sorts, and named ranges that key a map or fill a field."""
    found: dict[str, ty.Type] = {}
    for name in spec.sorts:
        found[name] = spec.types[name]
    for var in spec.vars:
        for part in _parts(var.type):
            if isinstance(part, ty.Range) and not isinstance(part.hi, int):
                found.setdefault("int", part)
    for prop in spec.properties:
        if prop.kind == "hint":
            for _, kind in prop.params:
                if isinstance(kind, ty.Enum | ty.Sort | ty.Range):
                    found.setdefault(kind_of(kind), kind)
    return list(found.values())


def _parts(of: ty.Type) -> Iterator[ty.Type]:
    """The types of keys, of elements and of messages' fields within a type."""
    if isinstance(of, ty.Map):
        yield from of.key.items if isinstance(of.key, ty.Tuple) else (of.key,)
        yield from _parts(of.value)
    elif isinstance(of, ty.Set | ty.Bag) and isinstance(of.item, ty.Record):
        yield from (kind for _, kind in of.item.fields)
    elif isinstance(of, ty.Set | ty.Bag | ty.Option):
        yield of.item


def _named(spec: core.Spec, kinds: Sequence[ty.Type]) -> Variables:
    """A name for each variable: the initial of its type, numbered where there are two; never a name in use."""
    used = {name for prop in spec.properties if prop.kind == "hint" for name in _bound(prop.body)}
    used |= {name for prop in spec.properties for name, _ in prop.params}
    used |= {name for function in spec.functions for name, _ in function.params}
    used |= {var.name for var in spec.vars} | {function.name for function in spec.functions}
    used |= {decl.name for decl in spec.consts} | {flaw.name for flaw in spec.flaws} | {*spec.types}
    used |= {member for kind in spec.types.values() if isinstance(kind, ty.Enum) for member in kind.members}
    found: list[tuple[str, ty.Type]] = []
    for kind in kinds:
        first = getattr(kind, "name", "k")[0].lower()
        for letters in (first, f"{first}2", f"{first}3", f"{first}_1", f"{first}_2", f"{first}_3"):
            if letters not in used:
                used.add(letters)
                found.append((letters, kind))
                break
    return tuple(found)


def _bound(expr: core.Expr) -> Iterator[str]:
    """The names that an expression binds or uses."""
    for node in nodes(expr):
        for field in ("var", "name", "acc"):
            if isinstance(name := getattr(node, field, None), str):
                yield name


def _names(expr: core.Expr) -> Iterator[core.Local]:
    return (node for node in expressions(expr) if isinstance(node, core.Local))


def _all_used(variables: Variables, atoms: Sequence[core.Expr]) -> bool:
    seen = {node.name for atom in atoms for node in _names(atom)}
    return all(name in seen for name, _ in variables)


# --------------------------------------------------------------------------------------------------- atoms


class _Atoms:
    """Makes the atoms over given variables."""

    def __init__(self, spec: core.Spec, variables: Variables, depth: Depth) -> None:
        self.spec, self.depth, self.hinted = spec, depth, has_hints(spec)
        self.locals = [core.Local(kind, name) for name, kind in variables]
        self.numbers: list[core.Expr] = []
        self.majorities = any(
            isinstance(node, core.Op) and node.op == "set.majority"
            for action in spec.actions
            for node in expressions(action)
        )

    def all(self) -> list[tuple[core.Expr, int]]:
        """Atoms with their costs, each once, hints first; where there are hints, quorums are left to them."""
        found: dict[core.Expr, int] = {}
        for atom, cost in itertools.chain(self._hints(), self._plain(), () if self.hinted else self._quorums()):
            found.setdefault(atom, cost)
        return list(itertools.islice(found.items(), MOST_ATOMS))

    def _of_kind(self, of: ty.Type) -> list[core.Expr]:
        return [local for local in self.locals if kind_of(local.type) == kind_of(of)]

    # ----------------------------------------------------------------------------------------------- hints

    def _hints(self) -> Iterator[tuple[core.Expr, int]]:
        """The hints of the specification, and its own predicates, about the variables; what has no variable to speak of
        may be anything (`exists`)."""
        for params, cost, body in predicates(self.spec):
            choices = [[*self._of_kind(kind), None] for _, kind in params]
            for values in itertools.product(*choices):
                holes = [param for param, value in zip(params, values, strict=True) if value is None]
                given = {name: value for (name, _), value in zip(params, values, strict=True) if value is not None}
                if holes and (self.depth is Depth.HINTS or len(holes) > 1 or not given):
                    continue
                twice = len(given) - len(set(given.values()))
                atom = body(given)
                for name, kind in holes:
                    atom = core.Quant(BOOL, "exists", name, domain(kind), atom)
                yield atom, cost + len(holes) + twice

    # ----------------------------------------------------------------------------------------------- state

    def _plain(self) -> Iterator[tuple[core.Expr, int]]:
        terms = [*self.locals, *(term for base in self._bases() for term in self._terms(base))]
        self.numbers = [term for term in terms if isinstance(term.type, ty.Int | ty.Range)]
        for term in terms:
            yield from ((atom, 3 if _of_everything(atom) else 1) for atom in self.say(term))
        yield from ((atom, 1) for atom in self._comparisons(terms))

    def _bases(self) -> list[core.Expr]:
        """What atoms speak of: the variables of the state, and constants that are relations. Not maps: what they lead
        to can be followed for ever."""
        if self.depth is not Depth.ALL:
            return []
        found: list[core.Expr] = [core.StateVar(v.type, v.name) for v in self.spec.vars if v.kind != "budget"]
        shown = (ty.Bool, ty.Set)
        consts = (decl for decl in self.spec.consts if isinstance(decl.type, shown) and decl.quorum is None)
        return [*found, *(core.Const(decl.type, decl.name) for decl in consts)]

    def say(self, term: core.Expr) -> Iterator[core.Expr]:
        """The atoms about one term."""
        return _SAY.get(type(term.type), _nothing)(self, term)

    def _terms(self, base: core.Expr) -> Iterator[core.Expr]:
        """What can be reached from a variable with the template's variables as keys."""
        if isinstance(base.type, ty.Map):
            for key in self._keys(base.type.key):
                yield from self._terms(op("map.at", base, key, of=base.type.value))
        elif isinstance(base.type, ty.Record) and not base.type.message:
            for name, kind in base.type.fields:
                yield from self._terms(core.Field(kind, base, name))
        elif isinstance(base.type, ty.Seq):
            yield op("seq.len", base, of=ty.Int())
        else:
            yield base

    def _keys(self, of: ty.Type) -> Iterator[core.Expr]:
        if isinstance(of, ty.Tuple):
            for items in itertools.product(*(list(self._keys(item)) for item in of.items)):
                yield core.TupleExpr(of, items)
        elif isinstance(of, ty.Enum):
            yield from (core.Lit(of, member) for member in of.members)
        else:
            yield from self._of_kind(of)

    def _comparisons(self, terms: Sequence[core.Expr]) -> Iterator[core.Expr]:
        for a, b in itertools.combinations(terms, 2):
            if isinstance(a.type, ty.Int | ty.Range) and isinstance(b.type, ty.Int | ty.Range):
                yield from (op("lt", a, b), op("lt", b, a))
            elif isinstance(a.type, ty.Sort) and a.type == b.type:
                yield op("eq", a, b)
                if a.type.ordered:
                    yield from (op("lt", a, b), op("lt", b, a))

    def of_enum(self, term: core.Expr) -> Iterator[core.Expr]:
        """That it is this member."""
        assert isinstance(term.type, ty.Enum)
        yield from (op("eq", term, core.Lit(term.type, member)) for member in term.type.members)

    def of_option(self, term: core.Expr) -> Iterator[core.Expr]:
        """That there is none, that it is one of the variables, or what is said of what is there."""
        assert isinstance(term.type, ty.Option)
        item = term.type.item
        nothing = core.Lit(term.type, None)
        yield op("eq", term, nothing)
        for local in self._of_kind(item):
            yield op("eq", term, op("some", local, of=term.type))
        there = op("unwrap", term, of=item)
        for atom in self._inside(there):
            yield op("and", op("ne", term, nothing), atom)

    def _inside(self, term: core.Expr) -> Iterator[core.Expr]:
        """What is said of a value that is there: an order of numbers, the fields of a record."""
        if isinstance(term.type, ty.Int | ty.Range):
            for other in self.numbers:
                yield from (op("lt", term, other), op("lt", other, term))
        elif isinstance(term.type, ty.Record):
            for name, kind in term.type.fields:
                field = core.Field(kind, term, name)
                yield from self._inside(field)
                if isinstance(kind, ty.Sort):
                    yield from (op("eq", field, local) for local in self._of_kind(kind))
                elif isinstance(kind, ty.Bool | ty.Enum):
                    yield from self.say(field)

    def of_bag(self, term: core.Expr) -> Iterator[core.Expr]:
        """That something is in it, or more than once; a message that was sent, how many there are."""
        assert isinstance(term.type, ty.Bag)
        item, one = term.type.item, core.Lit(ty.Int(), 1)
        for value in self._records(item) if isinstance(item, ty.Record) else self._of_kind(item):
            yield op("bag.in", value, term)
            yield op("lt", one, op("bag.count", term, value, of=ty.Int()))
        if isinstance(item, ty.Record):
            yield from self._some_messages(op("bag.support", term, of=ty.Set(item)), item)
        yield op("ne", term, core.BagLit(term.type, ()))
        yield op("lt", one, op("bag.size", term, of=ty.Int()))

    def _some_messages(self, pool: core.Expr, item: ty.Record) -> Iterator[core.Expr]:
        """That there is a message with variables in some of its fields."""
        choices = [[*self._keys(kind), None] if _simple(kind) else [None] for _, kind in item.fields]
        for values in itertools.islice(itertools.product(*choices), MOST_FILLINGS):
            if not self.hinted and any(values) and None in values:
                yield _some_message(pool, item, values)

    def _records(self, item: ty.Record) -> Iterator[core.Expr]:
        """Records with variables or enum members in every field."""
        choices = [list(self._keys(kind)) if _simple(kind) else [] for _, kind in item.fields]
        yield from (core.RecordExpr(item, values) for values in itertools.product(*choices))

    def of_set(self, term: core.Expr) -> Iterator[core.Expr]:
        """That a variable is in it, that it is empty, everything, a majority; that a message was sent."""
        assert isinstance(term.type, ty.Set)
        item = term.type.item
        if isinstance(item, ty.Record):
            yield from self._messages(term, item)
            return
        yield from (op("set.in", value, term) for value in self._keys(item))
        yield op("eq", term, core.SetLit(term.type, ()))
        if isinstance(item, ty.Sort):
            yield op("eq", term, domain(item))
            if self.majorities:
                yield op("set.majority", term)

    def _messages(self, pool: core.Expr, item: ty.Record) -> Iterator[core.Expr]:
        """That a message was sent with variables (or enum members) in some fields and anything in the others."""
        choices = [[*self._keys(kind), None] if _simple(kind) else [None] for _, kind in item.fields]
        for values in itertools.islice(itertools.product(*choices), MOST_FILLINGS):
            if item.fields and all(value is None for value in values):
                yield op("ne", pool, core.SetLit(pool.type, ()))
            elif all(value is not None for value in values):
                yield op("set.in", core.RecordExpr(item, tuple(v for v in values if v is not None)), pool)
            elif not self.hinted:
                yield _some_message(pool, item, values)

    # --------------------------------------------------------------------------------------------- quorums

    def _quorums(self) -> Iterator[tuple[core.Expr, int]]:
        """That most members of a sort satisfy an atom about one of them and the template's variables."""
        sorts = {kind.name: kind for kind in self.spec.types.values() if isinstance(kind, ty.Sort)}
        if self.majorities:
            for sort in sorts.values():
                member = core.Local(sort, f"each_{sort.name.lower()}")
                for atom in self._about(member):
                    gens = (core.Gen(member.name, domain(sort)),)
                    yield op("set.majority", core.SetComp(ty.Set(sort), gens, atom, member)), 3
        for decl in self.spec.consts:
            if decl.quorum is not None and decl.quorum_of in sorts:
                sort = sorts[decl.quorum_of]
                member, quorum = core.Local(sort, f"each_{sort.name.lower()}"), core.Local(ty.Set(sort), "quorum_1")
                for atom in self._about(member):
                    body = core.Quant(BOOL, "all", member.name, quorum, atom)
                    yield core.Quant(BOOL, "exists", quorum.name, core.Const(decl.type, decl.name), body), 3

    def _about(self, member: core.Local) -> Iterator[core.Expr]:
        """Atoms that speak of a bound member, and their negations."""
        inner = _Atoms(self.spec, (), self.depth)
        inner.locals, inner.majorities = [*self.locals, member], False
        for atom, _ in itertools.chain(inner._hints(), inner._plain()):
            names = {node.name for node in _names(atom)}
            if member.name in names and names != {member.name} | {local.name for local in self.locals} ^ names:
                yield atom
                yield op("not", atom)


def predicates(spec: core.Spec) -> Iterator[tuple[Variables, int, Callable[[Mapping[str, core.Expr]], core.Expr]]]:
    """Hints and the specification's own boolean functions: parameters, cost, and the predicate for what is given;
    parameters that are not given stay as they are."""
    for prop in spec.properties:
        if prop.kind == "hint":
            yield prop.params, 1, partial(substituted, prop.body)
    for function in spec.functions:
        simple = all(_simple(kind) for _, kind in function.params)
        if isinstance(function.result, ty.Bool) and simple and len(function.params) <= MOST_PARAMETERS:
            yield function.params, 2, partial(_called, function)


def _of_everything(atom: core.Expr) -> bool:
    """Whether an atom says that a set holds a whole sort: true too often where sorts are small."""
    return isinstance(atom, core.Op) and any(isinstance(arg, core.Domain) for arg in atom.args)


def _called(function: core.Function, given: Mapping[str, core.Expr]) -> core.Expr:
    """A call; a parameter that is not given stands for a variable of its name that is bound around it."""
    args = tuple(given.get(name, core.Local(kind, name)) for name, kind in function.params)
    return core.Call(BOOL, function.name, args)


def _simple(of: ty.Type) -> bool:
    return isinstance(of, ty.Sort | ty.Enum | ty.Int | ty.Range)


def _some_message(pool: core.Expr, item: ty.Record, values: Sequence[core.Expr | None]) -> core.Expr:
    message = core.Local(item, "some_message")
    known = [
        op("eq", core.Field(kind, message, name), value)
        for (name, kind), value in zip(item.fields, values, strict=True)
        if value is not None
    ]
    return core.Quant(BOOL, "exists", message.name, pool, known[0] if len(known) == 1 else op("and", *known))


def _nothing(atoms: _Atoms, term: core.Expr) -> Iterator[core.Expr]:
    return iter(())


_SAY: dict[type, Callable[[_Atoms, core.Expr], Iterator[core.Expr]]] = {
    ty.Bool: lambda atoms, term: iter((term,)),
    ty.Enum: _Atoms.of_enum,
    ty.Option: _Atoms.of_option,
    ty.Set: _Atoms.of_set,
    ty.Bag: _Atoms.of_bag,
}
