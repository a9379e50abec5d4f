"""What rests on what: which conjuncts are inductive together, and which properties the proofs use."""

from __future__ import annotations

from collections.abc import Iterable

from pyspec.prove.result import ObligationResult, PropertyProof


def is_part(label: str) -> bool:
    """Whether a hypothesis is an invariant or lemma (the labels of others are several words)."""
    return " " not in label


def resting(results: Iterable[ObligationResult]) -> set[str]:
    """The conjuncts that are inductive: all their obligations are proved, from conjuncts of which the same is true."""
    everything = list(results)
    rests: dict[str, set[str]] = {}
    broken: set[str] = set()
    for result in everything:
        rests.setdefault(result.part, set()).update(filter(is_part, result.core))
        if result.status != "proved":
            broken.add(result.part)
    labels = {label for result in everything for label in result.core if is_part(label)} | set(rests)
    while True:
        more = {label for label in labels - broken if rests.get(label, set()) & broken}
        if not more:
            return labels - broken
        broken |= more


def used_properties(properties: Iterable[PropertyProof]) -> set[str]:
    """The properties that the proofs of invariants and step properties rest on, directly or through lemmas."""
    known = list(properties)
    cores = {prop.name: set(map(property_name, _rests_on(prop))) for prop in known}
    used: set[str] = set()
    todo = [prop.name for prop in known if prop.kind != "lemma"]
    while todo:
        for name in cores.get(todo.pop(), set()) - used:
            used.add(name)
            todo.append(name)
    return used


def _rests_on(prop: PropertyProof) -> set[str]:
    return {label for one in prop.obligations for label in one.core if is_part(label)}


def property_name(label: str) -> str:
    """The property of a conjunct."""
    head, dot, number = label.rpartition(".")
    return head if dot and number.isdigit() else label
