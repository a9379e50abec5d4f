"""Laws of functions, tested on the values of a model: all combinations where they are few, else a seeded sample."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.domains import cardinality, values_of
from pyspec.model.errors import EvaluationError
from pyspec.model.instance import Instance
from pyspec.model.machine import Machine
from pyspec.model.result import PropertyResult
from pyspec.model.sampling import draw
from pyspec.model.trace import Failing, Trace
from pyspec.model.values import Value

ALL, SAMPLE = 4000, 1000
Row = tuple[Value, ...]


def wanted(instance: Instance, only: tuple[str, ...] | None) -> list[core.Property]:
    """The laws that were asked for."""
    return [p for p in instance.spec.properties if p.kind == "law" and (only is None or p.name in only)]


def decide(instance: Instance, only: tuple[str, ...] | None, machine: Machine | None = None) -> list[PropertyResult]:
    """The verdict of each law, with the first values for which it is false."""
    laws = wanted(instance, only)
    if not laws:
        return []
    model = machine or Machine(instance)
    return [_decide(law, model) for law in laws]


def _decide(law: core.Property, machine: Machine) -> PropertyResult:
    types = [kind for _, kind in law.params]
    counts = [cardinality(kind) for kind in types]
    total = 0 if 0 in counts else math.prod(counts)
    for row in _rows(types, total):
        if not _holds(law, row, machine):
            said_of = tuple(zip((name for name, _ in law.params), row, strict=True))
            trace = Trace((), failing=Failing(law.name, said_of), instance=machine.instance)
            return PropertyResult(law.name, law.kind, "violated", "counterexample", trace, law.span)
    evidence = "exhaustive" if total <= ALL else f"sampled: {SAMPLE:,} of {_about(total)} cases"
    return PropertyResult(law.name, law.kind, "holds", evidence, None, law.span)


def _holds(law: core.Property, row: Row, machine: Machine) -> bool:
    """An evaluation error makes a law false: it has no value for these parameters."""
    try:
        return machine.law(law.name, row)
    except EvaluationError:
        return False


def _rows(types: list[ty.Type], total: float) -> Iterable[Row]:
    if total <= ALL:
        return itertools.product(*map(values_of, types))
    chance = random.Random(0)
    return (tuple(draw(of, chance) for of in types) for _ in range(SAMPLE))


def _about(total: float) -> str:
    """A number of cases, in digits where they can be read."""
    return f"{total:,}" if total < 1e9 else "over a billion"
