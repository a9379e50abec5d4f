"""What a state graph is drawn by: a list of expressions over the state, typed like the `view` of a model.

--by "leader, max({s.term for s in Server}) as term"      one node for each combination of values
--by "s in Server: s.mode, s.term"                        the states of one server, whichever it is
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyspec.base.diagnostics import SpecError, error
from pyspec.base.source import Source, Span
from pyspec.lang import core as c
from pyspec.lang import syntax as s
from pyspec.lang.elaborate import elaborate
from pyspec.lang.lexer import Line, Token, lex
from pyspec.lang.link import link, read
from pyspec.lang.parser import parse_expression

PLACE: Final = "--by"  # the file name in the spans of its mistakes
MODEL: Final = "(by)"  # the model whose view it is
HINT: Final = 'for example --by "x, y", --by "len(queue) as waiting", --by "s in Server: s.mode"'


@dataclass(frozen=True)
class Projection:
    """`labels`: what each expression is called. `member`: the name and the sort of "s in Server:", if that is given."""

    text: str
    labels: tuple[str, ...]
    expressions: tuple[s.Expr, ...]
    member: tuple[s.Name, s.Expr] | None


def parse_projection(text: str) -> Projection:
    """Reads a projection. Raises SpecError."""
    lexed = lex(Source(PLACE, text))
    if lexed.diagnostics:
        raise SpecError(lexed.diagnostics)
    tokens = [token for line in lexed.lines for token in line.tokens]
    if not tokens:
        raise error("E0802", "there is nothing to draw the graph by", Span(PLACE, 1, 1, 1, 1), HINT)
    member, tokens = _member(tokens)
    parts = [_labelled(part) for part in _split(tokens)]
    trees = [parse_expression([Line(0, part)], PLACE) for part, _ in parts]
    labels = [label or text[part[0].span.column - 1 : part[-1].span.end_column - 1] for part, label in parts]
    return Projection(text, tuple(labels), tuple(trees), member)


def _member(tokens: list[Token]) -> tuple[tuple[s.Name, s.Expr] | None, list[Token]]:
    """`s in Server:` at the beginning, and what follows it."""
    kinds = [token.kind for token in tokens[:4]]
    if kinds != ["name", "in", "name", ":"]:
        return None, tokens
    first, _, of, colon = tokens[:4]
    if len(tokens) == 4:
        raise error("E0802", f"what is to be shown of {first.text}?", colon.span, HINT)
    return (s.Name(first.text, span=first.span), s.Name(of.text, span=of.span)), tokens[4:]


def _split(tokens: list[Token]) -> list[list[Token]]:
    """Parts between commas that are in no bracket."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.kind in "([{") - (token.kind in ")]}")
        if token.kind == "," and depth == 0:
            if not parts[-1]:
                raise error("E0802", "there is no expression before this comma", token.span, HINT)
            parts.append([])
        else:
            parts[-1].append(token)
    if not parts[-1]:
        raise error("E0802", "there is no expression after the last comma", tokens[-1].span, HINT)
    return parts


def _labelled(part: list[Token]) -> tuple[list[Token], str | None]:
    """`EXPR as NAME`."""
    if len(part) >= 3 and part[-2].kind == "as" and part[-1].kind == "name":
        return part[:-2], part[-1].text
    return part, None


def load_projected(path: str, projection: Projection, model: str | None, sizes: Mapping[str, int]) -> c.Spec:
    """The specification in a file with one more model, MODEL: like `model`, with these sizes of sorts, and with the
    projection as its view. The view is a tuple, or for "s in Server:" a map to tuples. Raises SpecError."""
    linked = link(read(Path(path)))
    span = projection.expressions[0].span
    value: s.Expr = s.TupleDisplay((*projection.expressions, s.Literal(False, span=span)), span=span)
    if projection.member is not None:
        name, of = projection.member
        binder = s.Binder((name,), of, span=of.span)
        value = s.Comprehension("map", value, (binder,), None, s.Name(name.name, span=name.span), span=span)
    base = s.Name(model, span=span) if model is not None else None
    settings = (*_sizes(linked.decls, model, sizes), s.SettingDecl("view", value=value, span=span))
    extra = s.ModelDecl(MODEL, base, settings, None, span=span)
    return elaborate(dataclasses.replace(linked, decls=(*linked.decls, extra)))


def _sizes(decls: tuple[s.Decl, ...], model: str | None, sizes: Mapping[str, int]) -> tuple[s.SettingDecl, ...]:
    """What a model and those that it comes from say with `=`, so that elements have names. Given sizes win."""
    blocks = {decl.name: decl for decl in decls if isinstance(decl, s.ModelDecl)}
    sorts = {name.name for d in decls if isinstance(d, s.SortDecl) for name in d.names}
    sorts |= {d.name for d in decls if isinstance(d, s.RoleDecl)}
    found = {
        name: s.SettingDecl("=", name, s.Literal(size), span=Span(PLACE, 1, 1, 1, 1))
        for name, size in sizes.items()
        if name in sorts
    }
    seen: set[str] = set()
    while model in blocks and model not in seen:
        seen.add(model)
        for setting in blocks[model].settings:
            if setting.kind == "=":
                found.setdefault(setting.name, setting)
        above = blocks[model].base
        model = above.name if above is not None else None
    return tuple(found.values())
