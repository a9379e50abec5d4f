"""The emitter covers the core: its tables have an entry for each operator, expression and statement."""

from pyspec.lang import core
from pyspec.lang.ops import OPS
from pyspec.native.emit_expr import EXPRESSIONS
from pyspec.native.emit_ops import OPERATORS
from pyspec.native.emit_stmt import STATEMENTS


def subclasses(base: type) -> set[type]:
    """The classes of the core below a base class."""
    return {kind for kind in vars(core).values() if isinstance(kind, type) and issubclass(kind, base)} - {base}


def test_every_operator_can_be_emitted() -> None:
    assert set(OPERATORS) == set(OPS)


def test_every_expression_can_be_emitted() -> None:
    assert set(EXPRESSIONS) == subclasses(core.Expr)


def test_every_statement_can_be_emitted() -> None:
    assert set(STATEMENTS) == subclasses(core.Stmt)
