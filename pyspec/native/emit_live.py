"""What liveness needs of generated code: which step a fair action takes, and the formulas of each property."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pyspec.check.graph import LIVENESS
from pyspec.lang import core
from pyspec.lang import types as t
from pyspec.model.domains import cardinality
from pyspec.native.ctypes_table import stream_bits
from pyspec.native.emit import Em, V, truth
from pyspec.native.emit_bind import copy_of, over

MOST_FORMULAS = 4096


@dataclass(frozen=True)
class Lively:
    """A liveness property and where its formulas begin: one for each combination of its parameters."""

    prop: core.Property
    first: int
    count: int


def lively(spec: core.Spec) -> tuple[Lively, ...]:
    """The liveness properties of an instance; empty when generated code would need too many formulas."""
    found, at = [], 0
    for prop in spec.properties:
        if prop.kind in LIVENESS:
            count = int(min(math.prod(cardinality(kind) for _, kind in prop.params), MOST_FORMULAS + 1))
            found.append(Lively(prop, at, count))
            at += count
    return tuple(found) if at <= MOST_FORMULAS else ()


def label(em: Em, params: list[V]) -> None:
    """While the graph is built: a number for the arguments of a fair action."""
    words = sum(stream_bits(value.dom) for value in params) // 64 + 2
    em.line("if (UNLIKELY(cx->live != NULL)) {")
    em.line(f"U words[{words}] = {{0}}; Put stream = {{words, 0}}, *p UNUSED = &stream;")
    for value in params:
        em.line(em.types.put(value.dom, em.cell(value)))
    em.line(f"cx->label = 1; for (int i = 0; i < {words}; i++) cx->label = stir(cx->label, words[i]);")
    em.line("}")


def formulas(em: Em, found: tuple[Lively, ...]) -> list[str]:
    """The body of model_live: every formula in a state, in the order of the combinations of the parameters."""
    with em.body("s") as lines:
        for one in found:
            em.line(f"{{ /* {one.prop.name} */")
            em.line(f"unsigned at = {one.first};")
            _combinations(em, one.prop, 0)
            em.line("}")
    return lines


def _combinations(em: Em, prop: core.Property, position: int) -> None:
    if position == len(prop.params):
        em.line(f"first[at] = ({truth(em, prop.body)}) != 0;")
        if prop.second is not None:
            em.line(f"second[at] = ({truth(em, prop.second)}) != 0;")
        em.line("at++;")
        return
    name, kind = prop.params[position]
    with over(em, core.Domain(t.Set(kind), kind)) as item, em.bound(name, copy_of(em, item)):
        _combinations(em, prop, position + 1)
