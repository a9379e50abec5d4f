"""Every table that dispatches on the core has exactly the core's keys."""

import inspect

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.lang.ops import OPS
from pyspec.model import domains, pyexpr, pytypes
from pyspec.model.concrete import _TYPES as CONCRETE
from pyspec.model.evaluate import EXPRESSIONS, LAZY, STRICT
from pyspec.model.pyaction import STATEMENTS


def classes(base: type) -> set[type]:
    return {one for _, one in inspect.getmembers(core, inspect.isclass) if issubclass(one, base) and one is not base}


def types() -> set[type]:
    return {
        one for _, one in inspect.getmembers(ty, inspect.isclass) if issubclass(one, ty.Type) and one is not ty.Type
    }


def test_every_operator_is_evaluated_and_written() -> None:
    assert set(LAZY) | set(STRICT) == set(OPS)
    assert not set(LAZY) & set(STRICT)
    assert set(pyexpr.OPERATORS) == set(OPS)


def test_every_expression_is_evaluated_and_written() -> None:
    assert set(EXPRESSIONS) == classes(core.Expr)
    assert set(pyexpr.EXPRESSIONS) == classes(core.Expr)


def test_every_statement_is_written() -> None:
    assert set(STATEMENTS) == classes(core.Stmt)


def test_every_type_is_counted_listed_checked_and_written() -> None:
    assert set(CONCRETE) == types()
    for table in (
        domains._CARDINALITY,
        domains._NEEDS,
        domains._FITS,
        domains._MEMBER,
        domains._DESCRIBE,
        pytypes._TEXT,
    ):
        assert set(table) == types()
    assert set(domains._VALUES) == types() - {ty.Int}
