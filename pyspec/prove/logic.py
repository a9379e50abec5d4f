"""Formulas that fold: connectives and arithmetic over z3 terms and plain Python `bool` and `int`.

What is known while the terms are built never reaches the solver, so a protocol without its flaws has no trace of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import z3

#: A truth value: known, or a z3 term of sort Bool. (z3 has no types of its own.)
Truth = Any
#: A z3 term of any sort, or a Python bool or int.
Term = Any


def conj(parts: Iterable[Truth]) -> Truth:
    """The conjunction."""
    kept = []
    for part in parts:
        if part is False:
            return False
        if part is not True:
            kept.append(part)
    if not kept:
        return True
    return kept[0] if len(kept) == 1 else z3.And(kept)


def disj(parts: Iterable[Truth]) -> Truth:
    """The disjunction."""
    kept = []
    for part in parts:
        if part is True:
            return True
        if part is not False:
            kept.append(part)
    if not kept:
        return False
    return kept[0] if len(kept) == 1 else z3.Or(kept)


def neg(a: Truth) -> Truth:
    """The negation."""
    if isinstance(a, bool):
        return not a
    return a.arg(0) if z3.is_not(a) else z3.Not(a)


def implies(a: Truth, b: Truth) -> Truth:
    """The implication."""
    if a is False or b is True:
        return True
    if a is True:
        return b
    return neg(a) if b is False else z3.Implies(a, b)


def ite(cond: Truth, a: Term, b: Term) -> Term:
    """The conditional of two scalars."""
    if isinstance(cond, bool):
        return a if cond else b
    if a is b or (_plain(a) and _plain(b) and type(a) is type(b) and a == b):
        return a
    if isinstance(a, bool) or isinstance(b, bool):
        return _truth_ite(cond, a, b)
    if not _plain(a) and not _plain(b) and a.eq(b):
        return a
    return z3.If(cond, a, b)


def _truth_ite(cond: Truth, a: Truth, b: Truth) -> Truth:
    if a is True:
        return disj((cond, b))
    if a is False:
        return conj((neg(cond), b))
    return disj((neg(cond), a)) if b is True else conj((cond, a))


def _plain(a: Term) -> bool:
    return isinstance(a, int)


def same(a: Term, b: Term) -> Truth:
    """Equality of two scalars."""
    if _plain(a) and _plain(b):
        return a == b
    if isinstance(a, bool):
        return b if a else neg(b)
    if isinstance(b, bool):
        return a if b else neg(a)
    if _plain(a) or _plain(b):
        return a == b
    if a.eq(b):
        return True
    return False if _member(a) and _member(b) else a == b


def _member(a: Term) -> bool:
    """Whether a term is a member of an enumeration: two different ones are never equal."""
    return bool(z3.is_app(a) and a.num_args() == 0 and a.decl().kind() == z3.Z3_OP_DT_CONSTRUCTOR)


def less(a: Term, b: Term) -> Truth:
    """a < b, of integers."""
    return a < b


def at_most(a: Term, b: Term) -> Truth:
    """a <= b, of integers."""
    return a <= b


def add(a: Term, b: Term) -> Term:
    """The sum."""
    if _plain(b) and b == 0:
        return a
    return b if _plain(a) and a == 0 else a + b


def sub(a: Term, b: Term) -> Term:
    """The difference."""
    return a if _plain(b) and b == 0 else a - b


def both(a: Truth, b: Truth) -> Truth:
    """a and b are the same truth value."""
    return same(a, b)


__all__ = [
    "Term", "Truth", "add", "at_most", "both", "conj", "disj", "implies", "ite", "less", "neg", "same", "sub",
]  # fmt: skip
