"""Which obligations lie in the decidable fragment: no sort from which terms lead back to it (EPR with many sorts).

A solver that instantiates quantifiers ends if only finitely many terms can come up. The *sort graph* of an obligation
has an arc from A to B if there is a term of sort B for each element of A: a function of A applied to what varies, or
something that exists for each of them. Without a cycle in it the terms are finitely many. Enumerations and truth
values never count, nor do functions of what is fixed, such as the parameters of the action. Integers that
are only compared are a sort like others; any other arithmetic is outside.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import z3

from pyspec.base.diagnostics import Diagnostic
from pyspec.lang import core
from pyspec.prove.faults import without_crashes
from pyspec.prove.logic import Truth
from pyspec.prove.obligations import STEP, Obligation, Obligations
from pyspec.prove.select import DEFINITION, property_of

#: How an arc comes about if not by a function.
EXISTS = "exists"
#: What the names of symbols have that were made up for something that exists.
_FRESH = "~"
#: How the label begins of what says that a sort is totally ordered.
_ORDER = "axiom order of "
#: A variable stands for the sorts on whose elements it depends.
Scope = tuple[frozenset[str], ...]


@dataclass(frozen=True, order=True)
class Arc:
    """For each element of `source` there is a term of `target`: by a function (its symbol), or by `EXISTS`."""

    source: str
    target: str
    by: str


@dataclass(frozen=True, order=True)
class Place:
    """What a formula was made from, and its line (0: none)."""

    text: str
    line: int = 0


@dataclass(frozen=True, order=True)
class Arithmetic:
    """An operation beyond comparing, and the symbols it is about."""

    operation: str
    symbols: tuple[str, ...]


@dataclass
class Found:
    """What one formula adds to the sort graph. `positions`: the ordered sorts whose positions it counts with."""

    arcs: set[Arc] = field(default_factory=set)
    arithmetic: set[Arithmetic] = field(default_factory=set)
    positions: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Judged:
    """One obligation: the cycles of its sort graph, each as its sorts in order, and its arithmetic."""

    name: str
    cycles: tuple[tuple[str, ...], ...]
    arithmetic: tuple[tuple[Arithmetic, Place], ...]

    @property
    def decidable(self) -> bool:
        """Whether it is in the fragment."""
        return not self.cycles and not self.arithmetic


@dataclass(frozen=True)
class Explanation:
    """All obligations of a specification, the arcs of all of them, and what was left out for want of an encoding."""

    obligations: tuple[Judged, ...]
    arcs: tuple[tuple[Arc, Place], ...]
    unsupported: Mapping[str, Diagnostic]

    @property
    def decidable(self) -> bool:
        """Whether every obligation is in the fragment."""
        return all(one.decidable for one in self.obligations)

    def cycles(self) -> Counter[tuple[str, ...]]:
        """In how many obligations each cycle is."""
        return Counter(cycle for one in self.obligations for cycle in one.cycles)

    def arithmetic(self) -> Counter[tuple[Arithmetic, Place]]:
        """In how many obligations each operation is."""
        return Counter(used for one in self.obligations for used in one.arithmetic)

    def along(self, cycle: tuple[str, ...]) -> list[tuple[Arc, Place]]:
        """The arcs of a cycle."""
        steps = set(zip(cycle, (*cycle[1:], cycle[0]), strict=True))
        return [(arc, place) for arc, place in self.arcs if (arc.source, arc.target) in steps]


def explain(spec: core.Spec, flaws: tuple[str, ...] = ()) -> Explanation:
    """The sort graphs of the obligations of a specification, for any size."""
    problem = Obligations(without_crashes(spec), flaws=flaws)
    unsupported = problem.leave_out_unsupported()
    known: dict[tuple[int, bool], tuple[Truth, Found]] = {}  # the formula is kept, so that its number stays its own

    def read(formula: Truth, positive: bool) -> Found:
        if isinstance(formula, bool):
            return Found()
        key = formula.get_id(), positive
        if key not in known:
            known[key] = formula, found_in(formula, positive)
        return known[key][1]

    judged, arcs = [], set()
    for one in problem.all():
        places = _places(spec, one, {name: axiom.text for name, axiom in problem.encoder.u.axioms.items()})
        graph, arithmetic = _together(one, read, places)
        arcs |= graph
        judged.append(Judged(one.name, cycles({arc for arc, _ in graph}), tuple(sorted(arithmetic))))
    return Explanation(tuple(judged), tuple(sorted(arcs)), unsupported)


def _together(
    one: Obligation, read: Callable[[Truth, bool], Found], places: Callable[[str], Place]
) -> tuple[set[tuple[Arc, Place]], set[tuple[Arithmetic, Place]]]:
    """The hypotheses and the negated goal of an obligation. That a sort is totally ordered says nothing about new
    elements where positions are only compared: then it is an order relation to the solver as well."""
    parts = [(label, read(formula, True)) for label, formula in one.hypotheses]
    parts.append(("", read(one.goal, False)))
    counted = {
        f"axiom order of {name}" for label, found in parts if "axiom order" not in label for name in found.positions
    }
    used = [(label, found) for label, found in parts if not label.startswith("axiom order of ") or label in counted]
    arcs = {(arc, places(label)) for label, found in used for arc in found.arcs}
    return arcs, {(what, places(label)) for label, found in used for what in found.arithmetic}


# ------------------------------------------------------------------------------------------------ one formula

_ARITHMETIC = {
    z3.Z3_OP_ADD: "+", z3.Z3_OP_SUB: "-", z3.Z3_OP_UMINUS: "-", z3.Z3_OP_MUL: "*", z3.Z3_OP_IDIV: "div",
    z3.Z3_OP_DIV: "div", z3.Z3_OP_MOD: "mod", z3.Z3_OP_REM: "mod",
}  # fmt: skip
_COMPARED = (z3.Z3_OP_LE, z3.Z3_OP_LT, z3.Z3_OP_GE, z3.Z3_OP_GT, z3.Z3_OP_EQ)


def found_in(formula: Any, positive: bool) -> Found:
    """What a formula that is taken for true (or for false) adds to the sort graph."""
    walk = _Walk()
    walk.visit(formula, positive, ())
    return walk.found


@dataclass
class _Walk:
    """Goes through a formula: `positive` is None where it counts both as true and as false."""

    found: Found = field(default_factory=Found)
    _seen: set[tuple[int, bool | None, Scope]] = field(default_factory=set)
    _free: dict[int, frozenset[int]] = field(default_factory=dict)

    def visit(self, node: Any, positive: bool | None, scope: Scope) -> None:
        """Notes the arcs of a formula or term."""
        key = node.get_id(), positive, scope
        if key in self._seen or z3.is_var(node):
            return
        self._seen.add(key)
        if z3.is_quantifier(node):
            for truth in (True, False) if positive is None else (positive,):
                self._quantifier(node, truth, scope)
        else:
            self._note(node, scope)
            for child, below in _children(node, positive):
                self.visit(child, below, scope)

    def _quantifier(self, node: Any, positive: bool, scope: Scope) -> None:
        on, inner = self._depends(node, scope), []
        for at in range(node.num_vars()):
            sort = node.var_sort(at)
            if _is_finite(sort):
                inner.append(frozenset[str]())
            elif node.is_forall() == positive:
                inner.append(frozenset({sort_name(sort)}))
            else:
                self._arcs(on, sort, EXISTS)
                inner.append(on)
        self.visit(node.body(), positive, (*scope, *inner))

    def _note(self, node: Any, scope: Scope) -> None:
        kind = node.decl().kind()
        if kind == z3.Z3_OP_UNINTERPRETED:
            if not _is_finite(node.sort()):
                varied = (arg.sort() for arg in node.children() if self._depends(arg, scope))
                by = EXISTS if _FRESH in node.decl().name() else node.decl().name()
                self._arcs({sort_name(sort) for sort in varied if not _is_finite(sort)}, node.sort(), by)
            name, _, of = node.decl().name().partition(":")
            if name in ("index", "at") and node.num_args() == 1:
                self.found.positions.add(of)
        elif kind in _ARITHMETIC and not all(map(z3.is_int_value, node.children())):
            names = sorted(_symbols(node))
            declared = [name for name in names if _FRESH not in name]  # a parameter tells less than these
            self.found.arithmetic.add(Arithmetic(_ARITHMETIC[kind], tuple(declared or names)))

    def _arcs(self, on: Iterable[str], sort: Any, by: str) -> None:
        self.found.arcs |= {Arc(source, sort_name(sort), by) for source in on}

    def _depends(self, node: Any, scope: Scope) -> frozenset[str]:
        """The sorts for each of whose elements there is another value of a term."""
        return frozenset[str]().union(*(scope[-1 - at] for at in self._variables(node)))

    def _variables(self, node: Any) -> frozenset[int]:
        """The variables that are free in a term, counted from the innermost."""
        key = node.get_id()
        if key not in self._free:
            self._free[key] = self._free_in(node)
        return self._free[key]

    def _free_in(self, node: Any) -> frozenset[int]:
        if z3.is_var(node):
            return frozenset({z3.get_var_index(node)})
        if z3.is_quantifier(node):
            bound = node.num_vars()
            return frozenset(at - bound for at in self._variables(node.body()) if at >= bound)
        return frozenset[int]().union(*map(self._variables, node.children()))


def _children(node: Any, positive: bool | None) -> list[tuple[Any, bool | None]]:
    """The parts of a formula or term that is no quantifier, and how they count."""
    parts, kind = node.children(), node.decl().kind()
    if kind in (z3.Z3_OP_AND, z3.Z3_OP_OR):
        return [(part, positive) for part in parts]
    opposite = None if positive is None else not positive
    if kind == z3.Z3_OP_NOT:
        return [(parts[0], opposite)]
    if kind == z3.Z3_OP_IMPLIES:
        return [(parts[0], opposite), (parts[1], positive)]
    if kind == z3.Z3_OP_ITE:
        return [(parts[0], None), (parts[1], positive), (parts[2], positive)]
    if kind in _COMPARED and all(map(_is_position, parts)) and parts[0].decl().eq(parts[1].decl()):
        return [(part.arg(0), None) for part in parts]  # as an order relation of the two elements
    return [(part, None) for part in parts]


def _is_position(node: Any) -> bool:
    return bool(z3.is_app(node) and node.num_args() == 1 and node.decl().name().startswith("index:"))


def _is_finite(sort: Any) -> bool:
    return sort.kind() in (z3.Z3_BOOL_SORT, z3.Z3_DATATYPE_SORT)


def sort_name(sort: Any) -> str:
    """A sort as a specification calls it."""
    return "int" if sort.kind() == z3.Z3_INT_SORT else str(sort.name())


def _symbols(node: Any) -> set[str]:
    if not z3.is_app(node):
        return set()
    own = {node.decl().name()} if node.decl().kind() == z3.Z3_OP_UNINTERPRETED else set()
    return own.union(*map(_symbols, node.children()))


# ------------------------------------------------------------------------------------------------------ cycles


def cycles(arcs: Iterable[Arc]) -> tuple[tuple[str, ...], ...]:
    """A shortest cycle through each arc that is on one, from its least sort on."""
    after: dict[str, set[str]] = {}
    for arc in arcs:
        after.setdefault(arc.source, set()).add(arc.target)
    found = {_way(after, target, source) for source, targets in after.items() for target in targets}
    return tuple(sorted({_turned(way) for way in found if way}, key=lambda way: (len(way), way)))


def _way(after: Mapping[str, set[str]], start: str, end: str) -> tuple[str, ...]:
    """A shortest way between two sorts; () if there is none."""
    todo, seen = deque[tuple[str, ...]]([(start,)]), {start}
    while todo:
        way = todo.popleft()
        if way[-1] == end:
            return way
        more = sorted(after.get(way[-1], set()) - seen)
        seen.update(more)
        todo += [(*way, one) for one in more]
    return ()


def _turned(way: tuple[str, ...]) -> tuple[str, ...]:
    first = way.index(min(way))
    return (*way[first:], *way[:first])


# ------------------------------------------------------------------------------------------------------- names


def _places(spec: core.Spec, one: Obligation, axioms: Mapping[str, str]) -> Callable[[str], Place]:
    """What the hypotheses of an obligation were made from, by their labels; "" is its negated goal."""
    props = {prop.name: Place(f"{prop.kind} {prop.name}", prop.span.line) for prop in spec.properties}
    own = Place("the initial state") if one.action is None else _action(spec, one.action)
    goal = props[one.part.prop.name] if one.part else own
    fixed = {STEP: own, "the initial state": own, "what the conjunct names": goal}
    told = "the evaluation of" if one.kind == "defined" else "the negation of"
    fixed[""] = Place(f"{told} {goal.text}", goal.line)
    fixed |= {f"assume {name}": place for name, place in props.items()}
    fixed |= {f"the values of {name}": place for name, place in props.items()}
    fixed |= {f"type of {var.name}": Place(f"the type of {var.name}", var.span.line) for var in spec.vars}
    fixed |= {f"{var.name} at first": Place(f"the first value of {var.name}", var.span.line) for var in spec.vars}
    fixed |= {f"axiom {name}": Place(f"the axiom that {text}") for name, text in axioms.items()}
    functions = {f"{f.name}()": Place(f"def {f.name}", f.span.line) for f in spec.functions}

    def place(label: str) -> Place:
        if label.startswith(DEFINITION):
            return functions[label.removeprefix(DEFINITION).rstrip("'")]
        return fixed[label] if label in fixed else props[property_of(label)]

    return place


def _action(spec: core.Spec, name: str) -> Place:
    plain = name.partition(" #")[0]
    return Place(f"action {plain}", next(a.span.line for a in spec.actions if a.name == plain))


#: The start of a symbol -> what it is in words.
_STARTS = {"index": "index of {}", "at": "the element of {} at an index", "in": "the parts of {}", "any": "some {}"}


def spelled(symbol: str) -> str:
    """A symbol as a specification would say it."""
    name = re.sub(r"~\d+", "", symbol).partition("/")[0].replace("@", "[...]")
    start, colon, rest = name.partition(":")
    if colon and start in _STARTS:
        return _STARTS[start].format(spelled(rest))
    name = rest if start == "granted" else name
    if name.endswith(("#", "*")):
        return f"len({name[:-1]})" if name.endswith("#") else f"the number in {name[:-1]}"
    return name


def declaration(spec: core.Spec, symbol: str) -> core.Var | core.ConstDecl | None:
    """The variable or constant whose values a symbol is about."""
    name = symbol.removeprefix("granted:")
    declared: tuple[core.Var | core.ConstDecl, ...] = (*spec.vars, *spec.consts)
    found = [one for one in declared if re.match(rf"{re.escape(one.name)}(?![\w~:])", name)]
    return max(found, key=lambda one: len(one.name), default=None)
