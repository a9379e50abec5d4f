"""Questions about a specification in its own language: an expression, typed as if it stood in the file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from pyspec.base.diagnostics import Diagnostic, SpecError, error
from pyspec.base.source import Source, Span
from pyspec.lang import core
from pyspec.lang.elaborate import elaborate
from pyspec.lang.link import link
from pyspec.lang.parser import parse

FILE = "<expression>"
ASKED = "asked__"  # the name of the declaration that holds the question
_INDENT = "    "


def with_value(source: Source, text: str, names: Mapping[str, str]) -> core.Spec:
    """The specification with a function `asked__` that returns an expression. `names` are further names the expression
    may use, each with its type; they are the parameters of the function.

    Raises SpecError whose columns count in the expression.
    """
    head = f"def {ASKED}({', '.join(f'{name}: {of}' for name, of in names.items())}):"
    return _with(source, head, text)


def with_goal(source: Source, text: str) -> core.Spec:
    """The specification with a goal `asked__`: some reachable state satisfies the expression.

    Raises SpecError whose columns count in the expression.
    """
    return _with(source, f"reachable {ASKED}:", text)


def _with(source: Source, head: str, text: str) -> core.Spec:
    text = text.strip()
    if not text or "\n" in text or text.startswith("#"):
        raise error("E0101", "an expression on one line is expected here", Span(FILE, 1, 1, 1, 2))
    try:
        extra = parse(Source(FILE, f"{head}\n{_INDENT}{text}\n"))
        linked = link(source)
        return elaborate(dataclasses.replace(linked, decls=(*linked.decls, *extra.decls)))
    except SpecError as wrong:
        raise SpecError([_moved(found) for found in wrong.diagnostics]) from None


def _moved(found: Diagnostic) -> Diagnostic:
    """A diagnostic about the question with columns that count in the question's own text."""
    if found.span.file != FILE:
        return found
    by = len(_INDENT)
    first, last = max(1, found.span.column - by), max(2, found.span.end_column - by)
    return dataclasses.replace(found, span=Span(FILE, 1, first, 1, last), hint=found.hint)
