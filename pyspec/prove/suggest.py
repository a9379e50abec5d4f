"""The search for lemmas: an inductive strengthening from the vocabulary of the specification.

Round by round: counterexamples to induction of a finite instance; for each the smallest sets of literals that it
satisfies and no reachable state does (`separate`, over rows of a sample of reachable states); the candidate that
excludes most counterexamples becomes a lemma, unless the explicit search of the explored model finds a state that
violates it: then that state joins the sample. A lemma whose own counterexample nothing separates was overfitted, and
goes. When no counterexample is left, the prover has the word, for any size; what it refutes at larger sizes goes on in
their instance.

The idea is that of ICE learning and of IC3-like generalisation over a grammar of atoms (compare Schultz, Dardik and
Tripakis, Plain and Simple Inductive Invariant Inference for Distributed Protocols in TLA+, FMCAD 2022).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.lang.unparse import expr_text
from pyspec.model.instance import Instance
from pyspec.model.machine import Machine
from pyspec.model.result import CheckResult
from pyspec.model.values import Value
from pyspec.model.walk import expressions
from pyspec.prove import engine, rows
from pyspec.prove.cti import Cti, every_cti
from pyspec.prove.obligations import INDUCTIVE, Obligations
from pyspec.prove.result import ProofResult
from pyspec.prove.separate import price, separators
from pyspec.prove.sizes import Sizes, instance, larger, singles, starting
from pyspec.prove.vocabulary import BOOL, MOST_VARIABLES, Template, domain, op, templates

Explore = Callable[[Instance], CheckResult]
Told = Callable[[str], None]

#: Counterexamples of one round, states sampled for rows, and seconds to sample them.
MOST_CTIS, MOST_STATES, SAMPLE_SECONDS = 8, 400, 6.0
#: The search begins with templates of so many variables; more are added when nothing separates what is left.
FIRST_VARIABLES = 3
#: Candidates of a round that are put to the explicit search together.
MOST_CANDIDATES = 12
#: How many more are taken for each counterexample: what the proof can do without is left out in the end.
MORE_CANDIDATES = 2


@dataclass(frozen=True)
class Options:
    """The budget of a search in seconds, and what the prover may use."""

    seconds: float = 120.0
    proof: engine.Options = field(default_factory=engine.Options)


@dataclass(frozen=True)
class Suggestions:
    """Lemmas to add, and how far they lead: `status` is "inductive" (proved for any size), "partial" (counterexamples
    are left, or time ran out) or "nothing" (no lemma was found). `left` are counterexamples that nothing separates."""

    status: str
    lemmas: tuple[core.Property, ...]
    proof: ProofResult | None
    left: tuple[Cti, ...]
    rounds: int
    seconds: float
    reason: str = ""


@dataclass(frozen=True)
class _Candidate:
    """Literals of a template: the bits that matter and their values."""

    template: int
    bits: int
    values: int

    def excludes(self, row: int) -> bool:
        """Whether a row satisfies all literals."""
        return row & self.bits == self.values


def suggest(spec: core.Spec, explore: Explore, options: Options | None = None, told: Told | None = None) -> Suggestions:
    """Lemmas that make the invariants of a specification inductive, or as many as were found within the budget."""
    return _Search(spec, explore, options or Options(), told or (lambda line: None)).run()


class _Search:
    """One search."""

    def __init__(self, spec: core.Spec, explore: Explore, options: Options, told: Told) -> None:
        self.spec, self.explore, self.options, self.told = spec, explore, options, told
        self.began = time.monotonic()
        self.until = self.began + options.seconds
        self.templates: list[Template] = []
        self.extended = spec
        self.sampled: dict[Sizes, list[dict[str, Value]]] = {}
        self.variables = -1
        self.lemmas: dict[_Candidate, core.Property] = {}
        self.banned: set[_Candidate] = set()
        self.known: list[set[int]] = []
        self.evaluators: dict[Sizes, rows.Atoms] = {}
        self.names = 0
        self.rounds = 0
        self.proof: ProofResult | None = None

    def run(self) -> Suggestions:
        """Rounds until nothing is left, nothing helps, or time is up."""
        sizes = starting(self.spec, ())
        if sizes is None:
            return self._end("nothing", (), "the specification has no instance to sample states from")
        for some in (sizes, *singles(sizes, self.spec), *larger(sizes, self.spec)[:1]):
            self._sample(some)
        while self.variables < FIRST_VARIABLES:
            self._widen()
        while time.monotonic() < self.until:
            self.rounds += 1
            found = self._counterexamples(sizes)
            if not found:
                status, sizes = self._prove(sizes)
                if status is not None:
                    return self._end(*status)
                continue
            left = self._round(found)
            if left and not self._widen():
                return self._end("partial" if self.lemmas else "nothing", left, "no predicate separates them")
        return self._end("partial" if self.lemmas else "nothing", (), "time is up")

    def _end(self, status: str, left: Sequence[Cti], reason: str) -> Suggestions:
        seconds = time.monotonic() - self.began
        return Suggestions(status, tuple(self.lemmas.values()), self.proof, tuple(left), self.rounds, seconds, reason)

    # --------------------------------------------------------------------------------------------- sampling

    def _evaluator(self, sizes: Sizes) -> rows.Atoms | None:
        if sizes not in self.evaluators:
            made = rows.made(self.extended, sizes)
            if made is None:
                return None
            self.evaluators[sizes] = rows.Atoms(Machine(made), self.templates)
        return self.evaluators[sizes]

    def _sample(self, sizes: Sizes) -> None:
        """Takes a sample of the reachable states of an instance."""
        made = rows.made(self.spec, sizes)
        if made is None:
            return
        reached = rows.reach(made, SAMPLE_SECONDS, 10 * MOST_STATES)
        states = list(reached.states)
        random.Random(0).shuffle(states)
        self.sampled[sizes] = [state.values() for state in states[:MOST_STATES]]
        self.told(f"{len(self.sampled[sizes])} of {len(states)} states sampled at {sizes.text()}")

    def _widen(self) -> bool:
        """Goes on to templates with one variable more; whether there are any."""
        self.variables += 1
        if self.variables > MOST_VARIABLES:
            return False
        first = len(self.templates)
        self.templates += encodable(self.spec, list(templates(self.spec, self.variables)))
        self.known += [set() for _ in self.templates[first:]]
        self.extended = rows.with_atoms(self.spec, self.templates)
        self.evaluators.clear()
        self.told(f"{len(self.templates) - first} templates with {self.variables} variables")
        share = min(self.options.seconds / 12, 2 * SAMPLE_SECONDS)
        for sizes, states in self.sampled.items():
            atoms, until = self._evaluator(sizes), time.monotonic() + share
            if atoms is None:
                continue
            for values in states:
                self._learn(atoms, values, range(first, len(self.templates)))
                if time.monotonic() > min(until, self.until):
                    break
        return True

    def _learn(self, atoms: rows.Atoms, values: dict[str, Value], numbers: Iterable[int]) -> None:
        state = atoms.machine.state(values)
        for number in numbers:
            self.known[number].update(atoms.rows(number, state))

    # ----------------------------------------------------------------------------------------------- rounds

    def _with_lemmas(self, spec: core.Spec) -> core.Spec:
        return replace(spec, properties=(*spec.properties, *self.lemmas.values()))

    def _counterexamples(self, sizes: Sizes) -> list[Cti]:
        made = instance(self._with_lemmas(self.spec), sizes, ())
        if made is None:
            return []
        found = []
        for cti in every_cti(made, sizes, self.until):
            found.append(cti)
            if len(found) >= MOST_CTIS:
                break
        return found

    def _round(self, found: Sequence[Cti]) -> list[Cti]:
        """Adds lemmas against the counterexamples, or drops one; those that stay if nothing can be done."""
        table = [self._rows_of(cti) for cti in found]
        offers = [self._offers(row) for row in table]
        blamed = [cti for cti, offer in zip(found, offers, strict=True) if not offer]
        dropped = list(dict.fromkeys(c for cti in blamed if (c := self._lemma_of(cti)) is not None))
        for candidate in dropped:
            self._drop(candidate, "nothing separates its counterexample")
        if blamed and not dropped and len(blamed) == len(found):
            return blamed
        chosen = self._choose(offers, table)
        if chosen:
            self._admit(chosen)
        return []

    def _rows_of(self, cti: Cti) -> list[set[int]]:
        """The rows of the first state of a counterexample, for each template."""
        atoms, first = self._evaluator(cti.sizes), cti.trace.steps[0].state
        if atoms is None or first is None:
            return [set() for _ in self.templates]
        state = atoms.machine.state(first.values())
        return [set(atoms.rows(number, state)) for number in range(len(self.templates))]

    def _offers(self, table: Sequence[set[int]]) -> dict[_Candidate, int]:
        """Candidates against one counterexample, with their costs."""
        found: dict[_Candidate, int] = {}
        for number, template in enumerate(self.templates):
            fresh = table[number] - self.known[number]
            for row in fresh:
                for cost, bits in separators(row, self.known[number], template.cost):
                    candidate = _Candidate(number, bits, row & bits)
                    if candidate not in self.banned and candidate not in self.lemmas:
                        found[candidate] = cost + 4 * len(template.variables)
        least = sorted(found.items(), key=lambda item: (item[1], item[0].template, item[0].bits))[:200]
        return dict(least)

    def _choose(
        self, offers: Sequence[dict[_Candidate, int]], table: Sequence[list[set[int]]]
    ) -> list[tuple[_Candidate, core.Property]]:
        """Candidates that together exclude every counterexample, each the best against those that are left."""
        costs = {candidate: cost for offer in offers for candidate, cost in offer.items()}
        kills = {
            candidate: {at for at, found in enumerate(table) if any(map(candidate.excludes, found[candidate.template]))}
            for candidate in costs
        }
        left = {at for at, offer in enumerate(offers) if offer}
        chosen: list[tuple[_Candidate, core.Property]] = []
        while left and len(chosen) < MOST_CANDIDATES:
            best = min(kills, key=lambda c: (-len(kills[c] & left), costs[c], c.template, c.bits, c.values))
            if not kills[best] & left:
                break
            left -= kills[best]
            chosen.append((best, self._lemma(best)))
        for offer in offers:
            more = [candidate for candidate in offer if candidate not in dict(chosen)]
            chosen += [(candidate, self._lemma(candidate)) for candidate in more[:MORE_CANDIDATES]]
        return chosen[: 2 * MOST_CANDIDATES]

    def _admit(self, chosen: Sequence[tuple[_Candidate, core.Property]]) -> None:
        """Candidates that the explicit search does not refute become lemmas; a refuted one teaches a state."""
        refuted = self._refuted([prop for _, prop in chosen])
        for candidate, prop in chosen:
            if prop.name in refuted:
                self.banned.add(candidate)
            else:
                self.lemmas[candidate] = prop
                self.told(f"{prop.name}: {expr_text(prop.body)}")

    def _refuted(self, props: Sequence[core.Property]) -> set[str]:
        """The candidates that some reachable state of the explored model violates."""
        sizes = starting(self.spec, ())
        assert sizes is not None
        invariants = tuple(replace(prop, kind="invariant") for prop in props)
        plain = replace(self.spec, properties=invariants, refines=())
        made = instance(plain, sizes, ())
        if made is None:
            return set()
        atoms = self._evaluator(sizes)
        refuted = set()
        for result in self.explore(made).properties:
            if result.verdict == "violated" and result.trace is not None:
                refuted.add(result.name)
                last = result.trace.steps[-1].state
                if atoms is not None and last is not None:
                    self.sampled[sizes].insert(0, last.values())
                    self._learn(atoms, last.values(), range(len(self.templates)))
        return refuted

    def _drop(self, candidate: _Candidate, why: str) -> None:
        prop = self.lemmas.pop(candidate)
        self.banned.add(candidate)
        self.told(f"dropped {prop.name}: {why}")

    def _lemma_of(self, cti: Cti) -> _Candidate | None:
        """The suggested lemma that a counterexample violates."""
        return next((c for c, prop in self.lemmas.items() if prop.name == cti.target.prop), None)

    # ------------------------------------------------------------------------------------------------ proof

    def _prove(self, sizes: Sizes) -> tuple[tuple[str, Sequence[Cti], str] | None, Sizes]:
        """What the prover says of any size: the end, or the sizes to go on at."""
        self.proof = engine.prove(self._with_lemmas(self.spec), (), self.options.proof)
        unproved = [p for p in self.proof.properties if p.fate != "proved" and p.kind in INDUCTIVE]
        if not unproved:
            self._minimise(self.proof)
            return ("inductive", (), ""), sizes
        hard = {p.name for p in unproved if p.fate == "undecided"}
        ctis = [prop.cti for prop in unproved if prop.cti is not None]
        suspects = [candidate for candidate, prop in self.lemmas.items() if prop.name in hard]
        if suspects and not ctis:
            for candidate in suspects:
                self._drop(candidate, "the prover does not decide it for any size")
            return None, sizes
        if ctis and ctis[0].sizes != sizes:
            left = self._round(ctis)
            return (("partial", left, "no predicate separates them") if left else None), sizes
        names = ", ".join(prop.name for prop in unproved)
        return ("partial", ctis, f"the prover does not decide {names} for any size"), sizes

    def _minimise(self, proof: ProofResult) -> None:
        """Leaves out what no proof uses, and then one lemma after the other that the proof can do without."""
        for candidate, prop in list(self.lemmas.items()):
            if prop.name in proof.unused:
                del self.lemmas[candidate]
        by_cost = sorted(self.lemmas, key=lambda c: price(c.bits, self.templates[c.template].cost), reverse=True)
        for candidate in by_cost:
            if time.monotonic() > self.until:
                return
            prop = self.lemmas.pop(candidate)
            without = engine.prove(self._with_lemmas(self.spec), (), replace(self.options.proof, cti_seconds=0.0))
            if without.verdict == "proved":
                self.proof = without
            else:
                self.lemmas[candidate] = prop

    # ------------------------------------------------------------------------------------------------ lemmas

    def _lemma(self, candidate: _Candidate) -> core.Property:
        template = self.templates[candidate.template]
        taken = {prop.name for prop in self.spec.properties}
        self.names += 1
        while f"lemma_{self.names}" in taken:
            self.names += 1
        return core.Property("lemma", f"lemma_{self.names}", lemma_body(template, candidate.bits, candidate.values))


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


def quantified(variables: Sequence[tuple[str, ty.Type]], body: core.Expr) -> core.Expr:
    """The claim for all values of the variables that it speaks of."""
    used = {node.name for node in expressions(body) if isinstance(node, core.Local)}
    for name, kind in reversed(variables):
        if name in used:
            body = core.Quant(BOOL, "all", name, domain(kind), body)
    return body


def lemma_body(template: Template, bits: int, values: int) -> core.Expr:
    """That the literals never hold together: what is true implies one of what is false."""
    chosen = [(atom, bool(values >> at & 1)) for at, atom in enumerate(template.atoms) if bits >> at & 1]
    true = [atom for atom, truth in chosen if truth]
    false = [atom for atom, truth in chosen if not truth]
    if not true:
        body = _all("or", false)
    elif not false:
        body = op("not", _all("and", true))
    else:
        body = op("implies", _all("and", true), _all("or", false))
    return quantified(template.variables, body)


def _all(name: str, items: Sequence[core.Expr]) -> core.Expr:
    return items[0] if len(items) == 1 else op(name, *items)


__all__ = ["Options", "Suggestions", "lemma_body", "suggest"]
