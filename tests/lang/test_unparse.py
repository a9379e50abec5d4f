"""The core as text."""

from __future__ import annotations

import inspect

from pyspec.lang import core, load_text, unparse
from pyspec.lang import types as ty
from pyspec.lang.ops import OPS


def subclasses(base: type, module: object) -> set[type]:
    return {c for _, c in inspect.getmembers(module, inspect.isclass) if issubclass(c, base) and c is not base}


def test_every_node_has_a_notation() -> None:
    assert subclasses(core.Expr, core) == set(unparse._EXPRS)
    assert subclasses(core.Stmt, core) == set(unparse._STATEMENTS)
    assert subclasses(ty.Type, ty) == set(unparse._TYPES)


def test_notations_are_of_known_operators() -> None:
    tables = [*unparse.INFIX, *unparse.CALLS, *unparse._SPECIAL]
    assert len(tables) == len(set(tables))
    assert set(tables) <= set(OPS)


SPEC = """protocol p
sort RM
var n: 0..9 = 0
action go(r: RM):
    when not (n > 3 or n + 1 == 2 and n != 7)
    n = (n + 1) * 2 - (3 - n)
invariant low: n < 9 implies (n < 8 implies n < 7)
model ci: RM = 2
"""


def test_brackets_are_where_they_have_to_be() -> None:
    lines = list(unparse.spec_lines(load_text(SPEC)))
    assert "    when not (n > 3 or n + 1 == 2 and n != 7)" in lines
    assert "    n = (n + 1) * 2 - (3 - n)" in lines
    assert "    n < 9 implies (n < 8 implies n < 7)" in lines
