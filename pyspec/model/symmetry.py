"""Which sorts may be permuted, and what a permutation does to a value.

A sort is symmetric when it is unordered, no constant tells its elements apart, and nothing depends on the order in
which they are visited. Where that is not obvious the sort is left alone, and a note says why.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.values import Atom, Bag, Map, Rec, Value
from pyspec.model.walk import bodies, locals_in, nodes, parts, sorts_in

Permutation = Mapping[Atom, Atom]


def symmetric_sorts(
    spec: core.Spec, sorts: Mapping[str, ty.Sort], extra: tuple[core.Expr, ...]
) -> tuple[tuple[str, ...], list[str]]:
    """The sorts of an instance that may be permuted, and for each other unordered sort the reason why not.

    `extra` holds the expressions of the model (limits, view).
    """
    good, notes = [], []
    everything = [*bodies(spec), *extra]
    for name, sort in sorts.items():
        if sort.ordered or len(sort.elements or ()) < 2:
            continue
        reason = _reason(everything, sort)
        if reason is None:
            good.append(name)
        else:
            notes.append(f"sort {name} is not reduced by symmetry: {reason}")
    return tuple(good), notes


def _reason(everything: list[object], sort: ty.Sort) -> str | None:
    for root in everything:
        for node in nodes(root):
            found = _named(node, sort) or _order(node, sort.name)
            if found is not None:
                return found
    return None


def _named(node: object, sort: ty.Sort) -> str | None:
    if not isinstance(node, core.Lit) or sort.name not in _sorts_of(node.value):
        return None
    atoms = [Atom(sort.name, at, name) for at, name in enumerate(sort.elements or ())]
    swap = dict(zip(atoms, [atoms[1], atoms[0], *atoms[2:]], strict=True))
    turn = dict(zip(atoms, [*atoms[1:], atoms[0]], strict=True))  # the two together generate all permutations
    if permute(node.value, swap) == node.value == permute(node.value, turn):
        return None
    return f"a constant at {node.span} tells its elements apart"


def _sorts_of(value: Value) -> set[str]:
    if isinstance(value, Atom):
        return {value.type}
    if isinstance(value, Rec):
        return set().union(*map(_sorts_of, value._values))
    if isinstance(value, Map):
        return set().union(*map(_sorts_of, value), *map(_sorts_of, value.values()))
    return set().union(*map(_sorts_of, value)) if isinstance(value, tuple | frozenset | Bag) else set()


def _over(domain: core.Expr, name: str) -> bool:
    """Whether the order in which this domain is visited depends on the positions of the sort's elements."""
    return isinstance(domain.type, ty.Set) and name in sorts_in(domain.type.item)


def _order(node: object, name: str) -> str | None:
    if isinstance(node, core.Choose) and _over(node.domain, name):
        return f"`choose` at {node.span} depends on the order of its elements"
    if isinstance(node, core.Fold) and _over(node.domain, name) and not _commutes(node):
        return f"`fold` at {node.span} may depend on the order of its elements"
    if isinstance(node, core.For) and _over(node.domain, name) and not independent(node):
        return f"`for` at {node.span} may depend on the order of its elements"
    return None


# ------------------------------------------------------------------------------- obviously order-independent

#: Operators that are associative and commutative (errors aside: which overflow is met first does not change the
#: verdict).
_COMMUTATIVE = {"add", "mul", "and", "or", "set.union", "set.inter", "bag.add", "min2", "max2"}


def _commutes(fold: core.Fold) -> bool:
    body = fold.body
    if isinstance(body, core.IfExpr) and fold.acc not in locals_in(body.cond):
        plain = [branch for branch in (body.then, body.other) if not _is_local(branch, fold.acc)]
        return len(plain) == 1 and _accumulates(plain[0], fold.acc)
    return _accumulates(body, fold.acc)


def _accumulates(body: core.Expr, acc: str) -> bool:
    if not isinstance(body, core.Op) or body.op not in _COMMUTATIVE:
        return False
    mine = [part for part in body.args if acc in locals_in(part)]
    return len(mine) == 1 and _is_local(mine[0], acc)


def _is_local(expr: core.Expr, name: str) -> bool:
    return isinstance(expr, core.Local) and expr.name == name


def independent(loop: core.For) -> bool:
    """Whether the iterations of a loop obviously commute: each writes its own cells, or adds to a set or bag."""
    written = {node.var for node in nodes(loop) if isinstance(node, core.Assign)}
    if any(isinstance(node, core.Call) for node in nodes(loop)) and written:
        return False  # a function may read what the loop writes
    return _one_pair(loop, written) and all(_own(statement, loop.var, written) for statement in loop.body)


def _one_pair(loop: core.For, written: set[str]) -> bool:
    """Whether cells that are named by a pair of nodes, as channels are, are named by one and the same pair throughout:
    the cell (me, you) of one iteration could be the cell (you, me) of another."""
    steps = (node.key for node in nodes(loop) if isinstance(node, core.IndexStep))
    reads = (cell[1] for node in nodes(loop) if (cell := _cell(node)) is not None and cell[0] in written)
    pairs = [key for key in (*steps, *reads) if isinstance(key, core.TupleExpr)]
    return all(pair == pairs[0] for pair in pairs)


def _own_key(key: core.Expr, var: str) -> bool:
    """Whether each iteration has its own cell under this key."""
    return _is_local(key, var) or (isinstance(key, core.TupleExpr) and any(_is_local(item, var) for item in key.items))


def _own(statement: core.Stmt, var: str, written: set[str]) -> bool:
    if isinstance(statement, core.Assign):
        return _own_assign(statement, var, written)
    if isinstance(statement, core.If):
        inner = all(_own(part, var, written) for part in (*statement.then, *statement.other))
        return inner and _reads_own(statement.cond, var, written)
    if isinstance(statement, core.Let | core.When | core.Assert):
        return all(_reads_own(part, var, written) for part in parts(statement) if isinstance(part, core.Expr))
    return False


def _own_assign(statement: core.Assign, var: str, written: set[str]) -> bool:
    cell = bool(statement.path) and isinstance(statement.path[0], core.IndexStep)
    if cell and isinstance(statement.path[0], core.IndexStep) and _own_key(statement.path[0].key, var):
        keys = (step.key for step in statement.path if isinstance(step, core.IndexStep))
        return all(_reads_own(part, var, written) for part in (*keys, statement.value))
    value = statement.value
    if statement.path or not isinstance(value, core.Op) or value.op not in ("set.union", "bag.add"):
        return False
    mine, rest = value.args[0], value.args[1:]
    grows = isinstance(mine, core.StateVar) and mine.name == statement.var
    return grows and all(_reads_own(part, var, written) for part in rest)


def _reads_own(expr: core.Expr, var: str, written: set[str]) -> bool:
    """Whether an expression reads the written variables only in the cell of this iteration."""
    cell = _cell(expr)
    if cell is not None and _own_key(cell[1], var):
        return True
    if isinstance(expr, core.StateVar):
        return expr.name not in written
    below = (part for part in parts(expr))
    return all(_reads_own(part, var, written) for part in _direct(below))


def _cell(expr: object) -> tuple[str, core.Expr] | None:
    """The variable and the key of one cell of a map that is a state variable."""
    if isinstance(expr, core.Op) and expr.op == "map.at" and isinstance(expr.args[0], core.StateVar):
        return expr.args[0].name, expr.args[1]
    return None


def _direct(found: Iterator[object]) -> Iterator[core.Expr]:
    for part in found:
        if isinstance(part, core.Expr):
            yield part
        else:
            yield from _direct(parts(part))


# ------------------------------------------------------------------------------------------- permutations


def permutations(sort: ty.Sort) -> list[Permutation]:
    """All permutations of a sort, the identity first."""
    atoms = [Atom(sort.name, at, name) for at, name in enumerate(sort.elements or ())]
    return [dict(zip(atoms, row, strict=True)) for row in itertools.permutations(atoms)]


def permute(value: Value, by: Permutation) -> Value:
    """A value with atoms exchanged."""
    return _PERMUTE[type(value)](value, by)


_PERMUTE: dict[type, Callable[..., Value]] = {
    type(None): lambda value, by: None,
    bool: lambda value, by: value,
    int: lambda value, by: value,
    Atom: lambda value, by: by.get(value, value),
    Rec: lambda value, by: Rec(value._name, value._names, (permute(part, by) for part in value._values), value._index),
    tuple: lambda value, by: tuple(permute(item, by) for item in value),
    frozenset: lambda value, by: frozenset(permute(item, by) for item in value),
    Bag: lambda value, by: Bag({permute(item, by): count for item, count in value.counts()}),
    Map: lambda value, by: Map((permute(key, by), permute(item, by)) for key, item in value.items()),
}
