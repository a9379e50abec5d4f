"""What an action does to one enum variable of one node, without running it: for each value before, which values may be
there afterwards. Everything else in the state is unknown; the answer never leaves a possible value out.

The node is a *subject*: a local name by which the action reaches it (`self`, a parameter, the variable of a loop). A
value of `None` stands for anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.walk import nodes

Values = frozenset[object] | None
ANY: Final = None


class Subject:
    """Stands for the node whose variable is followed."""


SUBJECT: Final = Subject()
_ONLY_SUBJECT: Final = frozenset({SUBJECT})
TRUE: Final = frozenset({True})
FALSE: Final = frozenset({False})


@dataclass(frozen=True)
class Now:
    """One run so far: the value of the variable, whether it was assigned, whether anything else was, what is known of
    local names (a frozen set of pairs, so that equal runs are one)."""

    value: object
    assigned: bool = False
    other: bool = False
    known: frozenset[tuple[str, Values]] = frozenset()

    def named(self, name: str, values: Values) -> Now:
        """This run with a local name bound."""
        rest = frozenset(pair for pair in self.known if pair[0] != name)
        return replace(self, known=rest if values is ANY else rest | {(name, values)})


@dataclass(frozen=True)
class Look:
    """What is followed: the variable, its members, and what constants and functions mean."""

    var: str
    members: tuple[str, ...]
    scalar: bool
    functions: Mapping[str, core.Function] = field(default_factory=dict)
    consts: Mapping[str, object] = field(default_factory=dict)
    sort: str | None = None  # of the subject
    domains: frozenset[core.Expr] = frozenset()  # sets that the subject is in


#: More runs than this are not told apart: the answer is then "anything".
MOST: Final = 400


class TooMany(Exception):
    """The runs of an action are too many to follow one by one."""


def outcomes(action: core.Action, subject: str | None, look: Look, before: object) -> set[Now]:
    """How the runs of an action may end for a node whose variable has the value `before`. Raises TooMany."""
    start = Now(before)
    params = {param.name: param.domain for param in action.params}
    if subject is not None and subject in params:
        start = start.named(subject, _ONLY_SUBJECT)
    binders = [node for node in nodes(action) if isinstance(node, core.For | core.Any) and node.var == subject]
    known = {node.domain for node in binders if isinstance(node.domain, core.Local)} | _sets_with(action, subject)
    return _block(action.body, {start}, replace(look, domains=frozenset(known)), subject)


def _sets_with(action: core.Action, subject: str | None) -> set[core.Expr]:
    """The sets (local names) that the subject is in whenever the action takes place, by its guards."""
    todo: list[core.Expr] = [one.cond for one in action.body if isinstance(one, core.When)]
    found: set[core.Expr] = set()
    while todo:
        cond = todo.pop()
        if isinstance(cond, core.Op) and cond.op == "and":
            todo += cond.args
        elif isinstance(cond, core.Op) and cond.op == "set.in" and isinstance(cond.args[1], core.Local):
            item = cond.args[0]
            found |= {cond.args[1]} if isinstance(item, core.Local) and item.name == subject else set()
    return found


# ----------------------------------------------------------------------------------------------- statements


def _block(block: core.Block, runs: set[Now], look: Look, subject: str | None) -> set[Now]:
    for statement in block:
        runs = {after for run in runs for after in _STATEMENTS[type(statement)](statement, run, look, subject)}
        if len(runs) > MOST:
            raise TooMany
    return runs


def _when(of: core.When, run: Now, look: Look, subject: str | None) -> set[Now]:
    return set() if evaluate(of.cond, run, look) == FALSE else {run}


def _let(of: core.Let, run: Now, look: Look, subject: str | None) -> set[Now]:
    values = evaluate(of.value, run, look)
    if values is ANY and of.name == subject:
        values = _ONLY_SUBJECT
    return {run.named(of.name, values)}


def _assign(of: core.Assign, run: Now, look: Look, subject: str | None) -> set[Now]:
    if of.var != look.var:
        return {replace(run, other=True)}
    if look.scalar or not of.path:
        values = evaluate(of.value, run, look) if look.scalar else _entry(of.value, run, look)
        return _become(run, values, look)
    first = of.path[0]
    assert isinstance(first, core.IndexStep)
    values = evaluate(of.value, run, look)
    if evaluate(first.key, run, look) == _ONLY_SUBJECT:
        return _become(run, values, look)
    return _become(run, values, look) | {replace(run, other=True)}  # perhaps the same node, perhaps another


def _become(run: Now, values: Values, look: Look) -> set[Now]:
    return {replace(run, value=value, assigned=True) for value in (look.members if values is ANY else values)}


def _entry(of: core.Expr, run: Now, look: Look) -> Values:
    """The subject's entry in a map."""
    if isinstance(of, core.MapComp):
        return evaluate(of.body, run.named(of.var, _ONLY_SUBJECT), look)
    if isinstance(of, core.StateVar) and of.name == look.var:
        return frozenset({run.value})
    if isinstance(of, core.Op) and of.op == "map.update":
        new, old = evaluate(of.args[2], run, look), _entry(of.args[0], run, look)
        if evaluate(of.args[1], run, look) == _ONLY_SUBJECT:
            return new
        return ANY if new is ANY or old is ANY else new | old
    if isinstance(of, core.IfExpr):
        return _either_value(of, run, look, _entry)
    return ANY


def _if(of: core.If, run: Now, look: Look, subject: str | None) -> set[Now]:
    cond = evaluate(of.cond, run, look)
    out = set() if cond == FALSE else _block(of.then, {run}, look, subject)
    return out if cond == TRUE else out | _block(of.other, {run}, look, subject)


def _any(of: core.Any, run: Now, look: Look, subject: str | None) -> set[Now]:
    if of.var != subject:
        return {run.named(of.var, ANY)}
    mine = run.named(of.var, _ONLY_SUBJECT)
    impossible = of.cond is not None and evaluate(of.cond, mine, look) == FALSE
    return set() if impossible else {mine}


def _either(of: core.Either, run: Now, look: Look, subject: str | None) -> set[Now]:
    return {after for branch in of.branches for after in _block(branch, {run}, look, subject)}


def _for(of: core.For, run: Now, look: Look, subject: str | None) -> set[Now]:
    """The rounds of other nodes do not touch the subject if the loop goes over nodes; else any number of rounds, until
    nothing new appears."""
    if of.var == subject:
        return {end.named(of.var, ANY) for end in _block(of.body, {run.named(of.var, _ONLY_SUBJECT)}, look, subject)}
    met: set[Now] = set()
    todo = {run}
    while todo:
        met |= todo
        ends = _block(of.body, {one.named(of.var, ANY) for one in todo}, look, subject)
        todo = {end.named(of.var, ANY) for end in ends} - met
        if len(met) > MOST:
            raise TooMany
    return met


def _nothing(of: core.Stmt, run: Now, look: Look, subject: str | None) -> set[Now]:
    return {run}


_STATEMENTS: Final[dict[type, Callable[[Any, Now, Look, str | None], set[Now]]]] = {
    core.When: _when,
    core.Let: _let,
    core.Assign: _assign,
    core.If: _if,
    core.Any: _any,
    core.Either: _either,
    core.For: _for,
    core.Assert: _nothing,
}


# ---------------------------------------------------------------------------------------------- expressions


def evaluate(of: core.Expr, run: Now, look: Look) -> Values:
    """The values that an expression may have; ANY where nothing is known."""
    found = _EXPRS.get(type(of))
    return ANY if found is None else found(of, run, look)


def _local(of: core.Local, run: Now, look: Look) -> Values:
    return next((values for name, values in run.known if name == of.name), ANY)


def _const(of: core.Const, run: Now, look: Look) -> Values:
    return frozenset({look.consts[of.name]}) if of.name in look.consts else ANY


def _lit(of: core.Lit, run: Now, look: Look) -> Values:
    return frozenset({str(of.value)}) if isinstance(of.type, ty.Enum) else frozenset({of.value})


def _state(of: core.StateVar, run: Now, look: Look) -> Values:
    return frozenset({run.value}) if look.scalar and of.name == look.var else ANY


def _op(of: core.Op, run: Now, look: Look) -> Values:
    if of.op == "map.at":
        whole, key = of.args
        read = isinstance(whole, core.StateVar) and whole.name == look.var
        return frozenset({run.value}) if read and evaluate(key, run, look) == _ONLY_SUBJECT else ANY
    return _OPS[of.op](of, run, look) if of.op in _OPS else ANY


def _not(of: core.Op, run: Now, look: Look) -> Values:
    inner = evaluate(of.args[0], run, look)
    return ANY if inner is ANY else frozenset(not value for value in inner)


def _and(of: core.Op, run: Now, look: Look) -> Values:
    parts = [evaluate(part, run, look) for part in of.args]
    return FALSE if FALSE in parts else TRUE if all(part == TRUE for part in parts) else ANY


def _or(of: core.Op, run: Now, look: Look) -> Values:
    parts = [evaluate(part, run, look) for part in of.args]
    return TRUE if TRUE in parts else FALSE if all(part == FALSE for part in parts) else ANY


def _implies(of: core.Op, run: Now, look: Look) -> Values:
    left, right = (evaluate(part, run, look) for part in of.args)
    return TRUE if left == FALSE or right == TRUE else right if left == TRUE else ANY


def _equal(of: core.Op, run: Now, look: Look) -> Values:
    left, right = (evaluate(part, run, look) for part in of.args)
    if left is ANY or right is ANY or SUBJECT in left | right:
        return ANY
    if not left & right:
        return FALSE
    return TRUE if len(left) == len(right) == 1 else ANY


def _differ(of: core.Op, run: Now, look: Look) -> Values:
    same = _equal(of, run, look)
    return ANY if same is ANY else frozenset(not value for value in same)


def _member(of: core.Op, run: Now, look: Look) -> Values:
    item, holder = evaluate(of.args[0], run, look), of.args[1]
    if item is ANY or SUBJECT in item or not isinstance(holder, core.SetLit):
        return ANY
    members = [evaluate(one, run, look) for one in holder.items]
    if all(one is not ANY and not one & item for one in members):
        return FALSE
    return TRUE if len(item) == 1 and item in members else ANY


_OPS: Final[dict[str, Callable[[core.Op, Now, Look], Values]]] = {
    "not": _not,
    "and": _and,
    "or": _or,
    "implies": _implies,
    "eq": _equal,
    "ne": _differ,
    "set.in": _member,
    "some": lambda of, run, look: evaluate(of.args[0], run, look),
    "unwrap": lambda of, run, look: evaluate(of.args[0], run, look),
}


def _if_expr(of: core.IfExpr, run: Now, look: Look) -> Values:
    return _either_value(of, run, look, evaluate)


def _either_value(of: core.IfExpr, run: Now, look: Look, read: Callable[[core.Expr, Now, Look], Values]) -> Values:
    cond = evaluate(of.cond, run, look)
    then = frozenset() if cond == FALSE else read(of.then, run, look)
    other = frozenset() if cond == TRUE else read(of.other, run, look)
    return ANY if then is ANY or other is ANY else then | other


def _let_expr(of: core.LetExpr, run: Now, look: Look) -> Values:
    return evaluate(of.body, run.named(of.name, evaluate(of.value, run, look)), look)


def _quant(of: core.Quant, run: Now, look: Look) -> Values:
    """What is said of all or some of a set that the subject is in."""
    domain = of.domain
    whole = isinstance(domain, core.Domain) and isinstance(domain.of, ty.Sort) and domain.of.name == look.sort
    if look.scalar or not (whole or domain in look.domains):
        return ANY
    mine = evaluate(of.body, run.named(of.var, _ONLY_SUBJECT), look)
    return FALSE if of.kind == "all" and mine == FALSE else TRUE if of.kind == "exists" and mine == TRUE else ANY


def _call(of: core.Call, run: Now, look: Look) -> Values:
    function = look.functions.get(of.name)
    if function is None:
        return ANY
    args = [evaluate(arg, run, look) for arg in of.args]
    inside = replace(run, known=frozenset())
    for (name, _), values in zip(function.params, args):
        inside = inside.named(name, values)
    return evaluate(function.body, inside, look)


_EXPRS: Final[dict[type, Callable[[Any, Now, Look], Values]]] = {
    core.Lit: _lit,
    core.Const: _const,
    core.Local: _local,
    core.StateVar: _state,
    core.Op: _op,
    core.IfExpr: _if_expr,
    core.LetExpr: _let_expr,
    core.Quant: _quant,
    core.Call: _call,
}
