"""`for` over a symbolic set: all iterations at once, where they do not touch each other's cells.

Every variable that the body writes is either a map of which an iteration reads and writes only the cells whose key
names its element, or a set to which iterations only add. Then the order does not matter, and the state after the loop
is given by running the body for one element: for the element in a key, or for some element of the set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.bounds import item_type
from pyspec.model.walk import nodes
from pyspec.prove.encode import Encoder
from pyspec.prove.logic import Truth, conj, disj, implies
from pyspec.prove.reading import reads
from pyspec.prove.structure import choice, literal_set
from pyspec.prove.unsupported import unsupported
from pyspec.prove.values import MapVal, SeqVal, SetVal, Val

if TYPE_CHECKING:
    from pyspec.prove.execute import Run

Block = Callable[..., list["Run"]]
#: How iterations write a variable: the position of the element in the key, "key" if it is the key, or "added".
Writes = Mapping[str, int | str]
#: The local name for the condition that an iteration takes place.
HERE = "(here)"
HINT = "write one assignment with a comprehension (`m = {k: ... for k in K}`), or one step for each element"


def loop(e: Encoder, s: core.For, run: Run, block: Block) -> list[Run]:
    """The runs of a loop."""
    domain = e.value(s.domain, run.env)
    if not isinstance(domain, SeqVal) and domain.items is not None and len(domain.items) <= 1:
        return (
            block(e, s.body, run.bind(s.var, domain.items[0], item_type(s.domain, run.types)))
            if domain.items
            else [run]
        )
    if isinstance(domain, SeqVal):
        longest = e.longest(s.domain, domain, "a `for` loop over a sequence")
        return _one_by_one(e, s, run, [(domain.at(at), at < domain.length) for at in range(longest)], block)
    if e.finite:
        values = e.elements(s.domain, run.env, "a `for` loop")
        return _one_by_one(e, s, run, [(value, domain.contains(value)) for value in values], block)
    return [_at_once(e, s, run, domain, _writes(e, s), block)]


def _one_by_one(e: Encoder, s: core.For, run: Run, items: list[tuple[Val, Truth]], block: Block) -> list[Run]:
    """The body for each value in order, under the condition that there is one."""
    of, runs = item_type(s.domain, run.types), [run]
    step = core.If(core.Local(ty.Bool(), HERE), s.body, (), span=s.span)
    for value, here in items:
        starts = [before.bind(s.var, value, of).bind(HERE, here, ty.Bool()) for before in runs]
        runs = [after for start in starts for after in block(e, (step,), start)]
    return [replace(after, locals=run.locals, types=run.types) for after in runs]


# ---------------------------------------------------------------------------------------------------- all at once


def _at_once(e: Encoder, s: core.For, run: Run, domain: SetVal, writes: Writes, block: Block) -> Run:
    blank = {name: literal_set(e.u, run.state[name].item, ()) for name, how in writes.items() if how == "added"}

    def iteration(x: Val) -> Run:
        runs = block(
            e,
            s.body,
            replace(run, state={**run.state, **blank}, checks=()).bind(s.var, x, item_type(s.domain, run.types)),
        )
        assert len(runs) == 1, "bodies that split were refused"
        return runs[0]

    state = dict(run.state)
    for name, how in writes.items():
        after = partial(_value_after, iteration, name)
        made = _added(e, run.state[name], domain, after) if how == "added" else None
        state[name] = made or _cells(e, run.state[name], domain, how, after)

    def safe(x: Val) -> Truth:
        return conj(implies(check.guard, check.cond) for check in iteration(x).checks)

    return replace(run.check(domain.each("all", safe), "an iteration", s.span), state=state)


def _value_after(iteration: Callable[[Val], Run], name: str, x: Val) -> Val:
    return iteration(x).state[name]


def _cells(e: Encoder, old: MapVal, domain: SetVal, at: int | str, after: Callable[[Val], MapVal]) -> MapVal:
    def cell(key: Val) -> Val:
        x = key.items[at] if isinstance(at, int) else key
        return choice(e.u, domain.contains(x), after(x).at(key), old.at(key))

    return MapVal(old.key, cell)


def _added(e: Encoder, old: SetVal, domain: SetVal, more: Callable[[Val], SetVal]) -> SetVal:
    def contains(y: Val) -> Truth:
        return disj((old.contains(y), domain.each("exists", lambda x: more(x).contains(y))))

    def each(kind: str, body: Callable[[Val], Truth]) -> Truth:
        added = domain.each(kind, lambda x: more(x).each(kind, body))
        return (conj if kind == "all" else disj)((old.each(kind, body), added))

    return SetVal(old.item, contains, each, e.u.picker(old.item, contains))


# ---------------------------------------------------------------------------------------------------- what is written


def _writes(e: Encoder, s: core.For) -> Writes:
    """How the body writes each variable; an error if iterations may depend on each other."""
    found: dict[str, int | str] = {}
    allowed: set[int] = set()
    assigned = [node for statement in s.body for node in nodes(statement) if isinstance(node, core.Assign)]
    for node in (node for statement in s.body for node in nodes(statement)):
        if isinstance(node, core.When | core.Any | core.Either | core.For | core.Assert):
            raise unsupported(f"`{type(node).__name__.lower()}` in a `for` loop", node.span, HINT)
    for node in assigned:
        how = _how(s.var, node, allowed)
        if how is None or found.setdefault(node.var, how) != how:
            raise unsupported(f"a `for` loop whose iterations share {node.var}", node.span, HINT)
    _reads_its_own(e, s, found, allowed)
    return found


def _how(var: str, node: core.Assign, allowed: set[int]) -> int | str | None:
    if node.path and isinstance(node.path[0], core.IndexStep):
        return _place(var, node.path[0].key)
    value = node.value
    if not node.path and isinstance(value, core.Op) and value.op == "set.union":
        first = value.args[0]
        if isinstance(first, core.StateVar) and first.name == node.var:
            allowed.add(id(first))
            return "added"
    return None


def _place(var: str, key: core.Expr) -> int | str | None:
    """Where a key names the element; None if it does not."""
    if isinstance(key, core.Local) and key.name == var:
        return "key"
    if isinstance(key, core.TupleExpr):
        for at, part in enumerate(key.items):
            if isinstance(part, core.Local) and part.name == var:
                return at
    return None


def _reads_its_own(e: Encoder, s: core.For, written: Writes, allowed: set[int]) -> None:
    """Refuses a body that reads a written variable elsewhere than in its own cells."""
    for node in (node for statement in s.body for node in nodes(statement)):
        if isinstance(node, core.Op) and node.op == "map.at" and isinstance(node.args[0], core.StateVar):
            how = written.get(node.args[0].name)
            if how not in (None, "added") and _place(s.var, node.args[1]) == how:
                allowed.add(id(node.args[0]))
    for node in (node for statement in s.body for node in nodes(statement)):
        if isinstance(node, core.StateVar) and node.name in written and id(node) not in allowed:
            raise unsupported(f"a `for` loop whose iterations read all of {node.name}", node.span, HINT)
        if isinstance(node, core.Call) and reads(e.functions[node.name].body, e.functions) & set(written):
            raise unsupported(f"a call of {node.name} in a `for` loop that writes what it reads", node.span, HINT)
