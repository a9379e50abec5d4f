"""What operators share: arguments, equality."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspec.base.source import NOWHERE, Span
from pyspec.lang import core
from pyspec.native import domains as d
from pyspec.native.convert import (
    convert,
)
from pyspec.native.emit import Em, V, emit

Emit = Callable[[Em, Any], V]


def args_of(em: Em, e: core.Op) -> list[V]:
    """All arguments, left to right."""
    return [em.named(emit(em, a)) for a in e.args]


def equal(em: Em, a: V, b: V, span: Span = NOWHERE) -> str:
    """C condition: two values of one type are equal."""
    dom = d.join(a.dom, b.dom)
    if isinstance(dom, d.DInt):
        return f"({a.text} == {b.text})"
    x, y = convert(em, a, dom, span), convert(em, b, dom, span)
    if dom.rep == "struct":
        return f"({em.types.function('cmp', dom)}(&{x.text}, &{y.text}) == 0)"
    return f"({x.text} == {y.text})"
