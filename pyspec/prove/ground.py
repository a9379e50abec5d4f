"""Instances by hand: integers, and what is no member of a set, only at the terms that a problem names.

A map from nodes to numbers, and a lemma that says of each number that there is a quorum, make a solver go from nodes to
numbers to quorums to nodes for ever. What a proof needs are the numbers at hand: those of the goal, the parameters of
the action, constants. With these in the place of variables, quantifiers over sets and their members alone are left.
Instances follow from what they are instances of, so an argument from them is an argument all the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import z3

#: A formula with more instances than this stays as it is.
MOST_INSTANCES = 400
Clause = tuple[list[Any], Any]


def grounded(formulas: Sequence[Any], context: z3.Context) -> list[Any]:
    """The formulas in the same order, each as the conjunction of its instances."""
    normal = [_skolemized(formula, context) for formula in formulas]
    instances = _Instances(list(filter(_is_named, _nodes(normal))), _sets_and_members(normal))
    nothing = z3.BoolVal(True, ctx=context)  # of a formula about a sort of which no term is at hand
    return [z3.And([nothing, *instances.of(formula)]) for formula in normal]


def _skolemized(formula: Any, context: z3.Context) -> Any:
    """In negation normal form, with what exists named: this keeps what is satisfiable satisfiable."""
    goal = z3.Goal(ctx=context)
    goal.add(formula)
    return z3.Tactic("snf", ctx=context)(goal).as_expr()


def _nodes(formulas: Sequence[Any]) -> Iterator[Any]:
    """Every node, each once."""
    todo, seen = list(formulas), set()
    while todo:
        node = todo.pop()
        if node.get_id() not in seen:
            seen.add(node.get_id())
            yield node
            todo += node.children()


def _sets_and_members(formulas: Sequence[Any]) -> set[str]:
    """The sorts of sets and of their members (the symbol of membership is called "in:" and the sort of the set)."""
    applied = (node.decl() for node in _nodes(formulas) if z3.is_app(node))
    members = (symbol for symbol in applied if symbol.name().startswith("in:"))
    return {symbol.domain(at).name() for symbol in members for at in range(symbol.arity())}


def _is_named(node: Any) -> bool:
    """Whether it is a number, a constant, what a symbol says of constants, or a sum of such."""
    if not z3.is_app(node) or node.decl().kind() not in _TERMS or z3.is_bool(node):
        return False
    return all(z3.is_app(child) and not child.children() for child in node.children())


_TERMS = (z3.Z3_OP_UNINTERPRETED, z3.Z3_OP_ANUM, z3.Z3_OP_ADD, z3.Z3_OP_SUB)
_INSTANTIATED = (z3.Z3_INT_SORT, z3.Z3_UNINTERPRETED_SORT)


class _Instances:
    """Instances at these terms, but for variables of some sorts."""

    def __init__(self, terms: Sequence[Any], kept: set[str]) -> None:
        self.terms, self.kept = terms, kept
        self.numbers = itertools.count()

    def of(self, formula: Any) -> list[Any]:
        """The instances of one formula; itself if there are too many."""
        made = self._several(formula)
        if len(made) > MOST_INSTANCES:
            return [formula]
        return [z3.ForAll(variables, body) if variables else body for variables, body in made]

    def _several(self, formula: Any) -> list[Clause]:
        """The clauses of a formula, up to one more than are of use."""
        return list(itertools.islice(self._clauses(formula), MOST_INSTANCES + 1))

    def _clauses(self, formula: Any) -> Iterator[Clause]:
        """Variables that are left, and what holds for all their values."""
        if z3.is_quantifier(formula) and formula.is_forall():
            yield from self._values(formula)
        elif z3.is_and(formula):
            for part in formula.children():
                yield from self._clauses(part)
        elif z3.is_or(formula) and any(map(z3.is_quantifier, _nodes([formula]))):
            for parts in itertools.product(*map(self._several, formula.children())):
                yield [one for variables, _ in parts for one in variables], z3.Or([body for _, body in parts])
        else:
            yield [], formula

    def _values(self, formula: Any) -> Iterator[Clause]:
        kinds = [formula.var_sort(at) for at in range(formula.num_vars())]
        variables = [z3.Const(f"instance {next(self.numbers)}", kind) for kind in kinds]
        body = z3.substitute_vars(formula.body(), *reversed(variables))
        left = [one for one in variables if self._stays(one.sort())]
        choices = [
            [(one, term) for term in self.terms if term.sort() == one.sort()]
            for one in variables
            if not self._stays(one.sort())
        ]
        for row in itertools.product(*choices):
            for more, clause in self._clauses(z3.substitute(body, *row) if row else body):
                yield [*left, *more], clause

    def _stays(self, sort: Any) -> bool:
        return sort.kind() not in _INSTANTIATED or sort.name() in self.kept


__all__ = ["grounded"]
