"""Candidates for lemmas: sets of literals that no known state satisfies for any values of their variables.

What is known are the rows of states that were sampled and of states that no lemma of the vocabulary can exclude
(`rows`, `separate`). The latter are *taught*: they count until there are more templates.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.machine import Machine
from pyspec.model.state import State
from pyspec.model.values import Value
from pyspec.prove import rows
from pyspec.prove.induct import Claim
from pyspec.prove.obligations import Obligations
from pyspec.prove.separate import MOST_LITERALS, Known, price
from pyspec.prove.sizes import Sizes
from pyspec.prove.steady import steady
from pyspec.prove.vocabulary import Depth, Template, kind_of, op, quantified, templates

#: States sampled in one instance, and seconds for that and for evaluating their atoms.
MOST_STATES, SAMPLE_SECONDS = 2_500, 3.0
#: All rows are separated by up to so many literals; by more only so many rows of each template.
FEW_LITERALS, MOST_ROWS = 3, 10
#: The cheapest candidates that are looked at for one counterexample.
MOST_OFFERS = 200
Table = list[set[int]]


@dataclass(frozen=True)
class Candidate:
    """Literals of a template: the bits that matter and their values."""

    template: int
    bits: int
    values: int

    def excludes(self, row: int) -> bool:
        """Whether a row satisfies all literals."""
        return row & self.bits == self.values

    def excludes_any(self, table: Table) -> bool:
        """Whether some row of a state satisfies all literals."""
        return any(map(self.excludes, table[self.template]))


class Knowledge:
    """The vocabulary as far as it is used, and which rows of its templates are known."""

    def __init__(self, spec: core.Spec, until: float, told: Callable[[str], None]) -> None:
        self.spec, self.until, self.told = spec, until, told
        self.templates: list[Template] = []
        self.known: list[Known] = []
        self.plan = rows.Plan(())
        self.seconds = SAMPLE_SECONDS
        self._samples: dict[Sizes, list[dict[str, Value]]] = {}
        self._evaluators: dict[Sizes, rows.Atoms | None] = {}

    def sample(self, sizes: Sizes, seconds: float) -> None:
        """Takes a sample of the reachable states of an instance, which takes so many seconds at most."""
        made = rows.made(self.spec, sizes)
        self.seconds = min(seconds, SAMPLE_SECONDS)
        if made is not None:
            states = list(rows.reach(made, self.seconds, 4 * MOST_STATES).states)
            random.Random(0).shuffle(states)
            self._samples[sizes] = [state.values() for state in states[:MOST_STATES]]
            self.told(f"{len(self._samples[sizes])} of {len(states)} states sampled at {sizes.text()}")

    def steady(self) -> list[core.Property]:
        """Step properties that sampled steps do not violate: predicates that stay."""
        return steady(self.spec, self._samples)

    def widen(self, variables: int, depth: Depth) -> None:
        """Goes on to templates of up to so many variables, and learns the sampled states anew."""
        more = [one for count in range(variables + 1) for one in templates(self.spec, count, depth)]
        known = {template.atoms for template in self.templates}
        self.templates += [one for one in encodable(self.spec, more) if one.atoms not in known]
        self.plan = rows.Plan(self.templates)
        self.known = [Known(len(template.atoms)) for template in self.templates]
        self._evaluators.clear()
        self.told(f"{len(self.templates)} templates with up to {variables} variables: {depth.value}")
        for sizes, states in self._samples.items():
            until = min(self.until, time.monotonic() + self.seconds)
            for values in states:
                self._learn_sample(sizes, values)
                if time.monotonic() > until:
                    break

    def _learn_sample(self, sizes: Sizes, values: dict[str, Value]) -> None:
        atoms = self._evaluator(sizes)
        if atoms is not None:
            for known, fresh in zip(self.known, atoms.table(atoms.machine.state(values), fresh=True), strict=True):
                known.add(fresh)

    def _evaluator(self, sizes: Sizes) -> rows.Atoms | None:
        if sizes not in self._evaluators:
            made = rows.made(self.plan.extended(self.spec), sizes)
            self._evaluators[sizes] = None if made is None else rows.Atoms(Machine(made), self.plan)
        return self._evaluators[sizes]

    def table(self, sizes: Sizes, state: State, *, orderly: bool = False) -> Table:
        """The rows of a state, for each template; `orderly`: one of those that differ by an exchange of variables."""
        atoms = self._evaluator(sizes)
        if atoms is None:
            return [set() for _ in self.templates]
        return atoms.table(atoms.machine.state(state.values()), orderly=orderly)

    def teach(self, table: Table) -> Table:
        """Makes the rows of a state known; those that were not."""
        return [set(known.add(found)) for known, found in zip(self.known, table, strict=True)]

    # -------------------------------------------------------------------------------------------- candidates

    def offers(self, sizes: Sizes, state: State, wanted: Callable[[Candidate], bool]) -> dict[Candidate, int]:
        """Candidates with fewest literals that exclude a state, with their costs."""
        rows_here = self.table(sizes, state, orderly=True)
        fresh = [sorted(found - self.known[at].rows.keys()) for at, found in enumerate(rows_here)]
        for several in fresh:
            random.Random(0).shuffle(several)
        for most in range(1, MOST_LITERALS + 1):
            some = fresh if most <= FEW_LITERALS else [several[:MOST_ROWS] for several in fresh]
            if found := self._offers(some, most, wanted):
                return found
        return {}

    def _offers(
        self, fresh: Sequence[Sequence[int]], most: int, wanted: Callable[[Candidate], bool]
    ) -> dict[Candidate, int]:
        found: dict[Candidate, int] = {}
        for at, several in enumerate(fresh):
            if time.monotonic() > self.until:
                return {}
            for candidate in self._separators(at, several, most):
                if candidate not in found and wanted(candidate):
                    found[candidate] = self.cost(candidate)
        least = sorted(found.items(), key=lambda item: (item[1], item[0].template, item[0].bits, item[0].values))
        return dict(least[:MOST_OFFERS])

    def _separators(self, at: int, several: Sequence[int], most: int) -> Iterator[Candidate]:
        return (Candidate(at, bits, row & bits) for row in several for bits in self.known[at].separators(row, most))

    def cost(self, candidate: Candidate) -> int:
        """How much a candidate asks of a reader."""
        used = {at for place, _ in self._places(candidate) for at in place.places}
        return price(candidate.bits, self.templates[candidate.template].cost) + 4 * len(used)

    def literals(self, candidate: Candidate) -> list[tuple[core.Expr, bool]]:
        """The atoms of a candidate with their truth."""
        atoms = enumerate(self.templates[candidate.template].atoms)
        return [(atom, bool(candidate.values >> at & 1)) for at, atom in atoms if candidate.bits >> at & 1]

    def claim(self, candidate: Candidate, name: str) -> Claim:
        """The lemma of a candidate."""
        variables = self.templates[candidate.template].variables
        prop = core.Property("lemma", name, lemma_body(variables, self.literals(candidate)))
        shared = tuple((self.plan.atom(place), place.places, truth) for place, truth in self._places(candidate))
        return Claim(prop, tuple(kind for _, kind in variables), shared)

    def _places(self, candidate: Candidate) -> list[tuple[rows.Place, bool]]:
        """The literals of a candidate as shared atoms with their truth."""
        placed = enumerate(self.plan.placed[candidate.template])
        return [(place, bool(candidate.values >> at & 1)) for at, place in placed if candidate.bits >> at & 1]

    def same(self, candidate: Candidate) -> object:
        """What candidates that differ by the names of their variables have in common."""
        literals = self._places(candidate)
        kinds = [kind for _, kind in self.templates[candidate.template].variables]
        return min(tuple(sorted((place.named(names), truth) for place, truth in literals)) for names in _namings(kinds))


def _namings(kinds: Sequence[ty.Type]) -> Iterator[list[str]]:
    """Every way to call variables by their types and the numbers from 0 among those of their type."""
    for order in itertools.permutations(range(len(kinds))):
        if all(kinds[at] == kinds[place] for at, place in enumerate(order)):
            yield [f"{kind_of(kinds[at])} {kinds[:place].count(kinds[at])}" for at, place in enumerate(order)]


def encodable(spec: core.Spec, found: Sequence[Template]) -> list[Template]:
    """The templates without atoms that the prover has no encoding for at any size."""
    atoms = {
        f"atom {number} {at}": (template, atom)
        for number, template in enumerate(found)
        for at, atom in enumerate(template.atoms)
    }
    claims = tuple(core.Property("lemma", name, quantified(t.variables, atom)) for name, (t, atom) in atoms.items())
    without = Obligations(replace(spec, properties=claims)).leave_out_unsupported()
    kept = []
    for number, template in enumerate(found):
        good = [at for at in range(len(template.atoms)) if f"atom {number} {at}" not in without]
        chosen = tuple(template.atoms[at] for at in good)
        if chosen:
            kept.append(replace(template, atoms=chosen, cost=tuple(template.cost[at] for at in good)))
    return kept


def lemma_body(variables: Sequence[tuple[str, ty.Type]], literals: Sequence[tuple[core.Expr, bool]]) -> core.Expr:
    """That literals never hold together: what is true implies one of what is false."""
    true = [atom for atom, truth in literals if truth]
    false = [atom for atom, truth in literals if not truth]
    if not true:
        body = _all("or", false)
    elif not false:
        body = op("not", _all("and", true))
    else:
        body = op("implies", _all("and", true), _all("or", false))
    return quantified(variables, body)


def _all(name: str, items: Sequence[core.Expr]) -> core.Expr:
    return items[0] if len(items) == 1 else op(name, *items)


__all__ = ["Candidate", "Knowledge", "Table", "lemma_body"]
