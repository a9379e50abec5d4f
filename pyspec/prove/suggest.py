"""The search for lemmas: an inductive strengthening from the vocabulary of the specification.

Round by round: counterexamples to induction of a finite instance (`induct`); for each the smallest sets of literals
that its first state satisfies and no known state does (`candidates`); those that exclude most counterexamples become
lemmas. A first state that nothing excludes is as good as reachable to this vocabulary, and so is its successor: the
successor's rows become known, and the lemmas that it violates go. So the lemmas only have to be true of what is known,
which only grows. When no counterexample is left the lemmas that the induction uses are put to the prover, for any size;
while it does not prove them, counterexamples are looked for in larger instances as well.

The ideas are those of ICE learning (Garg, Loeding, Madhusudan and Neider, CAV 2014: implication counterexamples) over a
grammar of atoms, with minimal separators as in Schultz, Dardik and Tripakis, Plain and Simple Inductive Invariant
Inference for Distributed Protocols in TLA+, FMCAD 2022.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from pyspec.lang import core
from pyspec.lang.unparse import expr_text
from pyspec.model.instance import Instance
from pyspec.model.result import CheckResult
from pyspec.prove import engine
from pyspec.prove.candidates import Candidate, Knowledge, Table
from pyspec.prove.cti import Cti
from pyspec.prove.faults import without_crashes
from pyspec.prove.induct import Induction, after, before
from pyspec.prove.result import ProofResult
from pyspec.prove.sizes import Sizes, instance, larger, singles, starting
from pyspec.prove.vocabulary import Depth, has_hints

#: Searches the states of an instance for so many seconds.
Explore = Callable[[Instance, float], CheckResult]
Told = Callable[[str], None]

#: Counterexamples of one round, and lemmas that it adds at most.
MOST_CTIS, MOST_CANDIDATES = 10, 12
#: How many more are taken for each counterexample: what the proof can do without is left out in the end.
MORE_CANDIDATES = 1
#: The share of its time that an obligation gets while larger instances are left to look for counterexamples in.
EASY = 0.2
#: The share of the budget, and the most seconds, in which lemmas of a partial result are held against the explored
#: model, and the share for a sample of one instance.
LAST_SHARE, LAST_SECONDS, SAMPLE_SHARE = 0.1, 20.0, 0.03
#: Stages of the search: templates of so many variables and what they speak of (hints: if there are any); the next
#: begins when nothing separates what is left.
STAGES = ((3, Depth.HINTS), (4, Depth.HINTS), (4, Depth.SOME), (3, Depth.ALL), (4, Depth.ALL))


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


def suggest(spec: core.Spec, explore: Explore, options: Options | None = None, told: Told | None = None) -> Suggestions:
    """Lemmas that make the invariants of a specification inductive, or as many as were found within the budget."""
    return _Search(without_crashes(spec), explore, options or Options(), told or (lambda line: None)).run()


class _Search:
    """One search."""

    def __init__(self, spec: core.Spec, explore: Explore, options: Options, told: Told) -> None:
        self.spec, self.explore, self.options, self.told = spec, explore, options, told
        self.began = time.monotonic()
        self.until = self.began + options.seconds - min(LAST_SECONDS, LAST_SHARE * options.seconds)
        self.knowledge = Knowledge(spec, self.until, told)
        self.inductions: list[Induction] = []
        self.larger: list[Sizes] = []
        self.lemmas: dict[Candidate, core.Property] = {}
        self.steps: list[core.Property] = []
        self.met: set[object] = set()
        self.names = self.rounds = 0
        self.proof: ProofResult | None = None

    def run(self) -> Suggestions:
        """Rounds until nothing is left, nothing helps, or time is up."""
        first, sizes = starting(self.spec, (), 2), starting(self.spec, ())
        if first is None or sizes is None or not self._induce(first):
            return self._end("nothing", (), "the specification has no instance to sample states from")
        self.larger = [one for one in (sizes, *larger(sizes, self.spec, ())) if one != first]
        for some in dict.fromkeys((first, *singles(first, self.spec), *self.larger[:2])):
            self.knowledge.sample(some, SAMPLE_SHARE * self.options.seconds)
        stages = [stage for stage in STAGES if has_hints(self.spec) or stage[1] is Depth.ALL]
        self._widen(*stages.pop(0))
        found: list[Cti] = []
        while time.monotonic() < self.until:
            self.rounds += 1
            found = self._counterexamples()
            left: Sequence[Cti] = ()
            if found:
                left = self._round(found)
            elif time.monotonic() < self.until and (end := self._prove()) is not None:
                return self._end(*end)
            if left and not stages:
                return self._end("partial", left, "no predicate separates them")
            if left:
                self.told(f"nothing excludes {before(left[0])!r}, from which {left[0].target.prop} is violated")
                self._widen(*stages.pop(0))
        return self._end("partial", found[:1], f"time is up; {self._reached(found)}")

    def _reached(self, found: Sequence[Cti]) -> str:
        """How far the search came."""
        if found:
            return f"there are counterexamples at {found[0].sizes.text()}"
        if self.proof is None or not self.inductions:
            return "counterexamples were not looked for to the end"
        sizes = self.inductions[-1].sizes.text()
        open_ = [prop.name for prop in self.proof.properties if prop.fate != "proved"]
        return f"no counterexample is left at {sizes}; for any size the prover leaves open: {', '.join(open_)}"

    def _induce(self, sizes: Sizes) -> bool:
        """Looks for counterexamples at these sizes, too; whether there is such an instance."""
        made = instance(self.spec, sizes, ())
        if made is not None:
            self.inductions.append(Induction(self.spec, made, sizes))
            for candidate, prop in self.lemmas.items():
                self.inductions[-1].add(self.knowledge.claim(candidate, prop.name))
        return made is not None

    def _widen(self, variables: int, depth: Depth) -> None:
        self.knowledge.widen(variables, depth)
        self.met = {self.knowledge.same(candidate) for candidate in self.lemmas}

    def _end(self, status: str, left: Sequence[Cti], reason: str) -> Suggestions:
        if status == "partial":
            self._leave_out_false()
            status = "partial" if self.lemmas else "nothing"
        seconds = time.monotonic() - self.began
        return Suggestions(
            status, (*self.steps, *self.lemmas.values()), self.proof, tuple(left), self.rounds, seconds, reason
        )

    def _leave_out_false(self) -> None:
        """Leaves out the lemmas that some reachable state of the explored model violates."""
        claims = tuple(replace(prop, kind="invariant") for prop in self.lemmas.values())
        made = instance(replace(self.spec, properties=claims, refines=()), self.inductions[0].sizes, ())
        left = self.began + self.options.seconds - time.monotonic()
        if made is not None and claims and left > 0:
            false = {result.name for result in self.explore(made, left).properties if result.verdict == "violated"}
            self.lemmas = {candidate: prop for candidate, prop in self.lemmas.items() if prop.name not in false}

    # ----------------------------------------------------------------------------------------------- rounds

    def _counterexamples(self) -> list[Cti]:
        found: list[Cti] = []
        for induction in self.inductions:
            for cti in induction.counterexamples(tuple(self.lemmas.values()), self.until):
                found.append(cti)
                if len(found) >= MOST_CTIS:
                    break
            if found:
                break
        return found

    def _round(self, found: Sequence[Cti]) -> list[Cti]:
        """Adds lemmas against the counterexamples, or learns from those that nothing excludes; counterexamples to the
        invariants themselves that nothing excludes."""
        tables = [self.knowledge.table(cti.sizes, before(cti)) for cti in found]
        offers = [self.knowledge.offers(cti.sizes, before(cti), self._is_new) for cti in found]
        stuck = [cti for cti, offer in zip(found, offers, strict=True) if not offer]
        mine = {prop.name for prop in self.lemmas.values()}
        left = [cti for cti in stuck if cti.target.prop not in mine]
        if not left:
            for cti in stuck:
                self._teach(cti)
            offers = [{c: cost for c, cost in offer.items() if self._holds(c)} for offer in offers]
            for candidate in self._choose(offers, tables):
                self._admit(candidate)
        return left

    def _is_new(self, candidate: Candidate) -> bool:
        return candidate not in self.lemmas and self.knowledge.same(candidate) not in self.met

    def _holds(self, candidate: Candidate) -> bool:
        return not any(map(candidate.excludes, self.knowledge.known[candidate.template].rows))

    def _teach(self, cti: Cti) -> None:
        state = after(cti)
        fresh = self.knowledge.teach(self.knowledge.table(cti.sizes, state)) if state is not None else []
        for candidate, prop in list(self.lemmas.items()):
            if prop.name == cti.target.prop or (fresh and candidate.excludes_any(fresh)):
                del self.lemmas[candidate]
                self.told(f"dropped {prop.name}: nothing excludes its counterexample")

    def _choose(self, offers: Sequence[dict[Candidate, int]], tables: Sequence[Table]) -> list[Candidate]:
        """Candidates that together exclude every counterexample, each the best against those that are left."""
        costs = {candidate: cost for offer in offers for candidate, cost in offer.items()}
        kills = {c: {at for at, table in enumerate(tables) if c.excludes_any(table)} for c in costs}
        left = {at for at, offer in enumerate(offers) if offer}
        chosen: list[Candidate] = []
        while left and len(chosen) < MOST_CANDIDATES:
            best = min(kills, key=lambda c: (-len(kills[c] & left), costs[c], c.template, c.bits, c.values))
            left -= kills[best]
            chosen.append(best)
        for offer in offers:
            chosen += [candidate for candidate in offer if candidate not in chosen][:MORE_CANDIDATES]
        return chosen

    def _admit(self, candidate: Candidate) -> None:
        if self._is_new(candidate):
            self.met.add(self.knowledge.same(candidate))
            claim = self.knowledge.claim(candidate, self._name())
            prop = self.lemmas[candidate] = claim.prop
            self.told(f"{prop.name}: {expr_text(prop.body)}")
            for induction in self.inductions:
                induction.add(claim)

    def _name(self) -> str:
        taken = {prop.name for prop in self.spec.properties}
        self.names += 1
        while f"lemma_{self.names}" in taken:
            self.names += 1
        return f"lemma_{self.names}"

    # ------------------------------------------------------------------------------------------------ proof

    def _prove(self) -> tuple[str, Sequence[Cti], str] | None:
        """What the prover says of any size: the end, or None to go on, with larger instances or fewer lemmas. It gets
        little time as long as there are larger instances, in which a counterexample may be found."""
        fewest, unproved = self._fewest(self._needed()), list[str]()
        everything = [*self.steady, *self.lemmas.values()]
        easy = [(fewest, EASY), (everything, EASY)]
        hard = [([*self.steady, *fewest], 1.0), (everything, 1.0)]
        self.told(f"no counterexample is left; {len(fewest)} lemmas are put to the prover, then all {len(self.lemmas)}")
        for given, share in easy if self.larger else [*easy, *hard]:
            kept, unproved = self._provable(given, share)
            if not unproved:
                self._keep(self._without_unused(kept))
                return "inductive", (), ""
        self.told(f"not proved for any size: {', '.join(unproved)}")
        while self.larger:
            if self._induce(self.larger.pop(0)):
                return None
        suspects = [candidate for candidate, prop in self.lemmas.items() if prop.name in unproved]
        for candidate in suspects:
            prop = self.lemmas.pop(candidate)
            self.told(f"dropped {prop.name}: the prover does not decide it for any size")
        if suspects:
            return None
        return "partial", (), f"the prover does not decide {', '.join(unproved)} for any size"

    @cached_property
    def steady(self) -> list[core.Property]:
        """Step properties that may help the prover."""
        found = self.knowledge.steady()
        for prop in found:
            self.told(f"{prop.name}: {expr_text(prop.body)}")
        return found

    def _keep(self, kept: Sequence[core.Property]) -> None:
        names = {prop.name for prop in kept}
        self.lemmas = {candidate: prop for candidate, prop in self.lemmas.items() if prop.name in names}
        self.steps = [prop for prop in kept if prop.kind == "step"]

    def _provable(self, given: Sequence[core.Property], share: float) -> tuple[list[core.Property], list[str]]:
        """The lemmas and step properties that the prover proves once those are left out that it does not, as long as
        the invariants do not suffer; and what is unproved then."""
        kept = list(given)
        while True:
            unproved = self._unproved(kept, share)
            left = [prop for prop in kept if prop.name not in unproved]
            fewer = [prop for prop in kept if prop.kind != "step" or prop in left]
            suffers = len(left) + len(unproved) != len(kept)
            if not unproved or time.monotonic() > self.until or (suffers and len(fewer) == len(kept)):
                return kept, unproved
            kept = fewer if suffers else left

    def _without_unused(self, given: list[core.Property]) -> list[core.Property]:
        """Leaves out what the prover can do without, step properties and the costliest lemmas first, while there is
        time."""
        proof, by_name = self.proof, {prop.name: candidate for candidate, prop in self.lemmas.items()}
        needed = {prop.name for prop in given if prop.kind == "lemma" and self._is_needed(prop, given)}
        for prop in sorted(given, key=lambda prop: -self._price(prop, by_name)):
            fewer = [other for other in given if other is not prop]
            if prop.name not in needed and time.monotonic() < self.until and not self._unproved(fewer):
                given, proof = fewer, self.proof
        self.proof = proof
        return given

    def _is_needed(self, prop: core.Property, given: Sequence[core.Property]) -> bool:
        """Whether the smallest instance has a counterexample without a lemma."""
        rest = [other for other in given if other.kind == "lemma" and other is not prop]
        return not self.inductions[0].inductive(rest, self.until)

    def _price(self, prop: core.Property, by_name: Mapping[str, Candidate]) -> float:
        return self.knowledge.cost(by_name[prop.name]) if prop.name in by_name else math.inf

    def _needed(self) -> list[core.Property]:
        """The lemmas that the induction uses in some instance."""
        lemmas = list(self.lemmas.values())
        used = {prop.name for one in self.inductions for prop in one.needed(lemmas)}
        return [prop for prop in lemmas if prop.name in used]

    def _fewest(self, lemmas: list[core.Property]) -> list[core.Property]:
        """Leaves out one lemma after the other, the costliest first, as long as the rest is inductive in the instances:
        what is left then is needed, at these sizes already."""
        by_name = {prop.name: candidate for candidate, prop in self.lemmas.items()}
        for prop in sorted(lemmas, key=lambda prop: -self.knowledge.cost(by_name[prop.name])):
            fewer = [other for other in lemmas if other is not prop]
            if all(one.inductive(fewer, self.until) for one in self.inductions):
                lemmas = fewer
        return lemmas

    def _unproved(self, given: Sequence[core.Property], share: float = 1.0) -> list[str]:
        """The properties, and what of this is given, that the prover does not prove for any size in the time left, with
        a share of the usual time for each obligation. Refinement and laws are not asked for."""
        asked = [prop for prop in self.spec.properties if prop.kind not in ("refines", "law")]
        whole = replace(self.spec, properties=(*asked, *given))
        left, proof = max(0.0, self.until - time.monotonic()), self.options.proof
        limits = replace(
            proof, cti_seconds=0.0, seconds=share * proof.seconds, max_seconds=min(proof.max_seconds, left)
        )
        self.proof = engine.prove(whole, (), limits)
        open_ = [prop for prop in self.proof.properties if prop.fate != "proved"]
        return [prop.name for prop in open_ if prop.kind != "step" or prop.fate != "unsupported"]


__all__ = ["Options", "Suggestions", "suggest"]
