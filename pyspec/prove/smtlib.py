"""Obligations as SMT-LIB text: what solvers read, in this process or another, and what the cache is keyed by."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pyspec.prove.logic import Truth, neg
from pyspec.prove.obligations import Obligation
from pyspec.prove.universe import Universe

#: The label of the negated goal.
GOAL = "the goal is false"
_TOKEN = re.compile(r"\|[^|]*\||[^\s()]+")


@dataclass
class Writer:
    """Writes formulas of one universe; what several obligations share is written once."""

    universe: Universe
    _texts: dict[int, tuple[Truth, str, frozenset[str]]] = field(default_factory=dict)
    _digests: dict[int, str] = field(default_factory=dict)
    _declared: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    _known: int = -1

    def text(self, obligation: Obligation) -> tuple[str, tuple[str, ...]]:
        """The obligation as a script that is unsatisfiable iff it holds, and the labels of its assertions in order."""
        labels: list[str] = []
        asserts: list[str] = []
        used: set[str] = set()
        for label, formula in _assertions(obligation):
            body, names = self._formula(formula)
            asserts.append(f"(assert {body})")
            labels.append(label)
            used |= names
        head = self._declarations(used)
        return "\n".join([*head, *asserts, ""]), tuple(labels)

    def digests(self, obligation: Obligation) -> tuple[str, ...]:
        """Each assertion, with the declarations of what it names, as a digest: what a proof from it depends on."""
        return tuple(self._digest(formula) for _, formula in _assertions(obligation))

    def _digest(self, formula: Truth) -> str:
        body, names = self._formula(formula)
        if isinstance(formula, bool):
            return digest(body)
        key = formula.get_id()
        if key not in self._digests:
            self._digests[key] = digest("\n".join([*self._declarations(set(names)), body]))
        return self._digests[key]

    def _formula(self, formula: Truth) -> tuple[str, frozenset[str]]:
        if isinstance(formula, bool):
            return str(formula).lower(), frozenset()
        key = formula.get_id()
        if key not in self._texts:
            body = formula.sexpr()
            self._texts[key] = (formula, body, frozenset(_TOKEN.findall(body)))
        return self._texts[key][1:]

    def _declarations(self, used: set[str]) -> list[str]:
        self._update()
        functions = [name for name in self._declared if name in used]
        mentioned = used.union(*(self._declared[name][1] for name in functions)) if functions else used
        sorts = [text for text, names in self._sorts() if names & mentioned]
        return [*sorts, *(self._declared[name][0] for name in functions)]

    def _update(self) -> None:
        """Notes symbols declared since."""
        if self._known != len(self.universe.names):
            for declared in list(self.universe.names.values())[max(self._known, 0) :]:
                body = declared.sexpr()  # type: ignore[attr-defined]
                tokens = _TOKEN.findall(body)
                self._declared[tokens[1]] = (body, frozenset(tokens[2:]))
            self._known = len(self.universe.names)

    def _sorts(self) -> list[tuple[str, frozenset[str]]]:
        return [_sort(sort) for sort in self.universe.sorts.values()]


def _assertions(obligation: Obligation) -> Iterator[tuple[str, Truth]]:
    """What is asserted, with its label: the hypotheses and, last, that the goal is false."""
    yield from obligation.hypotheses
    yield GOAL, neg(obligation.goal)


def _sort(sort: Any) -> tuple[str, frozenset[str]]:
    import z3

    name = sort.sexpr()
    if sort.kind() != z3.Z3_DATATYPE_SORT:
        return f"(declare-sort {name} 0)", frozenset({name})
    members = [sort.constructor(at)().sexpr() for at in range(sort.num_constructors())]
    cases = " ".join(f"({member})" for member in members)
    return f"(declare-datatypes (({name} 0)) (({cases})))", frozenset({name, *members})


def digest(text: str) -> str:
    """The key of an obligation in the cache."""
    return hashlib.sha256(text.encode()).hexdigest()
