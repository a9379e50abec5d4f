"""Which hypotheses an attempt uses. An argument from fewer hypotheses is an argument all the same; that some of them do
not suffice says nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import z3

#: How the label of what a function means begins (see `pyspec.prove.opaque`).
DEFINITION = "definition "


@dataclass(frozen=True)
class Hypotheses:
    """The hypotheses of one obligation and, last, its negated goal; `near` are the labels of invariants and lemmas, the
    ones that stand closest to the goal's in the file first."""

    labels: Sequence[str]
    formulas: Sequence[Any]
    near: Sequence[str] = ()

    @cached_property
    def named(self) -> list[frozenset[str]]:
        """What each of them speaks of."""
        return [frozenset(_symbols(formula)) for formula in self.formulas]

    @cached_property
    def goal(self) -> frozenset[str]:
        """What the goal speaks of, also inside the functions that it names."""
        meanings: Mapping[str, frozenset[str]] = {
            label.removeprefix(DEFINITION).rstrip("'"): names
            for label, names in zip(self.labels, self.named, strict=True)
            if label.startswith(DEFINITION)
        }
        return self.named[-1].union(*(meanings.get(name, frozenset()) for name in self.named[-1]))


@dataclass(frozen=True)
class Selection:
    """Some hypotheses: `closeness` is how much of what an invariant or lemma speaks of the goal must speak of (0: take
    it anyway); `neighbours` (0: all) how many, by their place in the file; `share` how many of those, by `seed`;
    `meanings` of the functions that stay names: of "all", of those that the "goal" names, of "none"; `promises`: also
    what says that something exists. With `flat`, nested quantifiers become one."""

    closeness: float = 0.0
    meanings: str = "all"
    neighbours: int = 0
    share: float = 1.0
    seed: int = 0
    promises: bool = True
    flat: bool = False

    @property
    def everything(self) -> bool:
        """Whether nothing is left out: then a model of the hypotheses is a counterexample."""
        return self == Selection(flat=self.flat)

    def choose(self, given: Hypotheses) -> list[int]:
        """The positions of the hypotheses that are used, and of the goal."""
        if self.everything:
            return list(range(len(given.labels)))
        toss = random.Random(str(self.seed))
        first = list(dict.fromkeys(map(property_of, given.near)))[: self.neighbours or None]
        near = {label for label in given.near if property_of(label) in first}
        return [
            at
            for at, label in enumerate(given.labels)
            if (self._takes(given, at, toss) and label in near if is_optional(label) else self._means(given, label))
        ]

    def _takes(self, given: Hypotheses, at: int, toss: random.Random) -> bool:
        lucky = toss.random() < self.share
        names = given.named[at]
        close = not self.closeness or len(names & given.goal) >= self.closeness * len(names)
        return lucky and close and (self.promises or not promises(given.formulas[at], True))

    def _means(self, given: Hypotheses, label: str) -> bool:
        if not label.startswith(DEFINITION) or self.meanings == "all":
            return True
        return self.meanings == "goal" and label.removeprefix(DEFINITION).rstrip("'") in given.named[-1]


def property_of(label: str) -> str:
    """The name of the property of which a label is a conjunct."""
    name, dot, number = label.rpartition(".")
    return name if dot and number.isdigit() else label


def is_optional(label: str) -> bool:
    """Whether a hypothesis is an invariant, a lemma, a step property: what there are many of. Others have two words."""
    return " " not in label


def _symbols(formula: Any) -> Iterator[str]:
    todo, seen = [formula], set()
    while todo:
        node = todo.pop()
        if node.get_id() in seen:
            continue
        seen.add(node.get_id())
        if z3.is_app(node) and node.decl().kind() == z3.Z3_OP_UNINTERPRETED:
            yield node.decl().name().rstrip("'")
        todo += node.children()


def promises(formula: Any, positive: bool) -> bool:
    """Whether a formula, taken for true (or for false), says that something exists."""
    if z3.is_quantifier(formula):
        return formula.is_exists() == positive or promises(formula.body(), positive)
    if z3.is_not(formula):
        return promises(formula.arg(0), not positive)
    if z3.is_implies(formula):
        return promises(formula.arg(0), not positive) or promises(formula.arg(1), positive)
    if z3.is_app(formula) and formula.decl().kind() in (z3.Z3_OP_AND, z3.Z3_OP_OR, z3.Z3_OP_ITE):
        return any(promises(child, positive) for child in formula.children())
    return False


def flattened(formula: Any) -> Any:
    """A formula in which the `all` it begins with, also behind conditions, are one: that gives other patterns."""
    variables, guards, rest = _stripped(formula)
    if not variables:
        return formula
    return z3.ForAll(variables, z3.Implies(z3.And(guards), rest) if guards else rest)


def _stripped(formula: Any) -> tuple[list[Any], list[Any], Any]:
    if z3.is_quantifier(formula) and formula.is_forall() and not formula.num_patterns():
        # variables are named by their depth (`pyspec.prove.universe`), so that none is captured
        variables = [z3.Const(formula.var_name(at), formula.var_sort(at)) for at in range(formula.num_vars())]
        more, guards, rest = _stripped(z3.substitute_vars(formula.body(), *reversed(variables)))
        return [*variables, *more], guards, rest
    if z3.is_implies(formula):
        more, guards, rest = _stripped(formula.arg(1))
        return more, [formula.arg(0), *guards], rest
    return [], [], formula
