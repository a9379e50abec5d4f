"""Expressions and types that stand outside a specification and speak of it: in a mapping, at a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pyspec.base.diagnostics import SpecError, error
from pyspec.base.source import Source, Span
from pyspec.lang import core as c
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.declare import resolve_type
from pyspec.lang.elaborate import elaborated
from pyspec.lang.exprs import check, infer
from pyspec.lang.lexer import lex
from pyspec.lang.link import link, read
from pyspec.lang.names import Env, Names
from pyspec.lang.parser import parse, parse_expression


@dataclass(frozen=True)
class Vocabulary:
    """A specification, and what its names stand for."""

    spec: c.Spec
    names: Names

    def role_of(self, action: str) -> str | None:
        """The role whose nodes take an action, if it is one of a role."""
        return next((one.role for one in self.spec.actions if one.name == action), None)

    def self_name(self, role: str) -> str:
        """What the bodies of a role call their node."""
        return self.names.roles[role].decl.self_name


def load_vocabulary(path: str | Path) -> Vocabulary:
    """Read and type the specification in a file, and keep its names.

    Raises SpecError with every mistake that was found.
    """
    try:
        return Vocabulary(*elaborated(link(read(Path(path)))))
    except RecursionError:
        raise error("E0105", "something here is nested too deep", Span(str(path), 1, 1, 1, 1)) from None


def phrase(
    text: str,
    at: Span,
    known: Vocabulary,
    scope: Mapping[str, t.Type],
    role: str | None = None,
    want: t.Type | None = None,
) -> c.Expr:
    """An expression over the state, with these local names; within a role, over the fields of the node `self` as well.
    With `want`, one of that type.

    `at` is the place of the text, for messages. Raises SpecError when it is no expression, or has no type.
    """
    lexed = lex(_placed(text, at))
    if lexed.diagnostics:
        raise SpecError(lexed.diagnostics)
    if len(lexed.lines) != 1:
        raise error("E0110", "one expression is wanted here", at)
    tree = parse_expression(lexed.lines, at.file)
    env = Env(known.names)
    for name, kind in scope.items():
        env.locals[name] = (kind, c.Local(kind, name))
    if role is not None:
        own = known.self_name(role)
        node = c.Local(known.names.roles[role].sort, own)
        env.role, env.self_expr = known.names.roles[role], node
        env.locals[own] = env.locals["self"] = (node.type, node)
    return infer(tree, env) if want is None else check(tree, env, want)


def type_phrase(text: str, at: Span, known: Vocabulary) -> t.Type:
    """A type, by the names of the specification.

    Raises SpecError when it is none.
    """
    try:
        (alias,) = parse(Source(at.file, f"type Asked = {text}")).decls
        assert isinstance(alias, s.AliasDecl) and alias.type is not None
        return resolve_type(alias.type, known.names)
    except SpecError as wrong:
        raise error("E0329", f"`{text}` is not a type: {wrong.diagnostics[0].message}", at) from None


def _placed(text: str, at: Span) -> Source:
    """The text at its line and column, so that messages point there."""
    return Source(at.file, "\n" * max(0, at.line - 1) + " " * max(0, at.column - 1) + text)


__all__ = ["Vocabulary", "load_vocabulary", "phrase", "type_phrase"]
