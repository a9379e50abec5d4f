"""What a proof says nothing of, so that nobody takes it for more than it is."""

from __future__ import annotations

from collections.abc import Iterator

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.walk import type_parts

#: Kinds of properties that are about whole behaviours, or about what cannot happen next.
SEARCHED = ("deadlock_free", "eventually", "always_eventually", "eventually_always", "leads_to")


def not_covered(spec: core.Spec) -> tuple[str, ...]:
    """What is left to the search of a model, and what is idealised, in words."""
    return tuple(_lines(spec))


def _lines(spec: core.Spec) -> Iterator[str]:
    searched = [prop.name for prop in spec.properties if prop.kind in SEARCHED]
    if searched:
        yield f"{', '.join(searched)}; `pyspec check` searches a model"
    if not spec.actions:
        return
    capped = [var.name for var in spec.vars if any(map(_capped, _types(var.type)))]
    if capped:
        yield f"steps that exceed the capacity of {', '.join(capped)} are not looked at"
    if any(isinstance(of, ty.Int) for var in spec.vars for of in _types(var.type)):
        yield "integers have no bounds here: they do not overflow"


def _types(of: ty.Type) -> Iterator[ty.Type]:
    """A type and those that it is made of."""
    yield of
    for part in type_parts(of):
        yield from _types(part)


def _capped(of: ty.Type) -> bool:
    return isinstance(of, ty.Seq | ty.Set | ty.Bag) and of.capacity is not None
