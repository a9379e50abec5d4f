"""Text -> syntax tree. Declarations are parsed one by one, so one run reports every mistake."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path

from lark import Lark
from lark.exceptions import UnexpectedInput, UnexpectedToken, VisitError
from lark.lexer import PatternStr
from lark.lexer import Token as LarkToken

from pyspec.base.diagnostics import Diagnostic, SpecError
from pyspec.base.source import Source, Span
from pyspec.lang import syntax
from pyspec.lang.build import Builder
from pyspec.lang.lexer import SOFT, Line, Token, lex
from pyspec.lang.messages import unexpected

_START = ("decl", "role_item", "stmt", "model_line", "expr")
_TERMINALS = {"name": "NAME", "int": "INT", "string": "STRING"}


def _cache_file() -> str | bool:
    """Where the parser's tables are kept; they are rebuilt when the grammar changes."""
    from pyspec import __version__
    from pyspec.base.cache import cache_dir

    try:
        folder = cache_dir()
        with tempfile.TemporaryFile(dir=folder):
            return str(folder / f"grammar-{__version__}.lark")
    except OSError:
        return False


@lru_cache(maxsize=1)
def _lark() -> Lark:
    text = (Path(__file__).parent / "grammar.lark").read_text()
    options = {"parser": "lalr", "lexer": "basic", "start": list(_START), "maybe_placeholders": True}
    return Lark(text, propagate_positions=True, cache=_cache_file(), **options)


@lru_cache(maxsize=1)
def _literals() -> dict[str, str]:
    """Operator or keyword -> name of its terminal."""
    return {t.pattern.value: t.name for t in _lark().terminals if isinstance(t.pattern, PatternStr)}


def _lark_token(kind: str, text: str, span: Span) -> LarkToken:
    return LarkToken(kind, text, line=span.line, column=span.column, end_line=span.end_line, end_column=span.end_column)


def parse_expression(lines: list[Line], file: str) -> syntax.Expr:
    """Parse one expression that stands alone.

    Raises SpecError.
    """
    found = _parse(lines, "expr", file)
    assert isinstance(found, syntax.Expr)
    return found


def _after(span: Span) -> Span:
    return Span(span.file, span.end_line, span.end_column, span.end_line, span.end_column)


def _stream(lines: list[Line]) -> list[LarkToken]:
    """Tokens of a chunk, with _NL, _INDENT and _DEDENT between them."""
    out: list[LarkToken] = []
    literals = _literals()
    stack = [lines[0].indent]
    for number, line in enumerate(lines):
        for token in line.tokens:
            kind = _TERMINALS.get(token.kind) or literals.get(token.kind) or "NAME"
            out.append(_lark_token(kind, token.text, token.span))
        end = _after(line.tokens[-1].span)
        out.append(_lark_token("_NL", "", end))
        following = lines[number + 1].indent if number + 1 < len(lines) else stack[0]
        if following > stack[-1]:
            stack.append(following)
            out.append(_lark_token("_INDENT", "", end))
        while following < stack[-1]:
            stack.pop()
            out.append(_lark_token("_DEDENT", "", end))
            if following > stack[-1]:
                place = lines[number + 1].tokens[0].span
                raise SpecError([Diagnostic("E0106", "this indentation matches no block that is open", place)])
    return out


def _parse(lines: list[Line], start: str, file: str) -> object:
    """Feed one chunk to the LALR parser."""
    tokens = _stream(lines)
    if start == "expr":  # stands alone: no line ends here
        tokens = [token for token in tokens if token.type != "_NL"]
    parser = _lark().parse_interactive(None, start)
    fed = 0
    try:
        for token in tokens:
            parser.feed_token(token)
            fed += 1
        last = tokens[-1]
        tree = parser.feed_eof(last)  # type: ignore[no-untyped-call]
    except UnexpectedToken as wrong:
        accepts = set(wrong.accepts or wrong.expected)
        raise SpecError([unexpected(tokens, min(fed, len(tokens) - 1), wrong.token, accepts, file)]) from None
    except UnexpectedInput:
        raise SpecError([Diagnostic("E0110", "this cannot be read", lines[0].tokens[0].span)]) from None
    try:
        return Builder(file).transform(tree)
    except VisitError as inner:
        if isinstance(inner.orig_exc, SpecError):
            raise inner.orig_exc from None
        raise inner.orig_exc from None


def _chunks(lines: list[Line]) -> list[list[Line]]:
    """Top-level declarations: a line at the left margin and the deeper ones after it."""
    out: list[list[Line]] = []
    for line in lines:
        if line.indent == 0 or not out:
            out.append([line])
        else:
            out[-1].append(line)
    return out


def _retry(chunk: list[Line], file: str, first: SpecError) -> list[Diagnostic]:
    """A chunk is wrong: look at the items of a role or model one by one, to report each mistake."""
    found = list(first.diagnostics)
    kind = chunk[0].tokens[0].kind
    start = {"role": "role_item", "byzantine": "role_item", "model": "model_line", "action": "stmt", "on": "stmt"}.get(
        kind
    )
    if start is None or len(chunk) < 2:
        return found
    inner = chunk[1].indent
    items: list[list[Line]] = []
    for line in chunk[1:]:
        if line.indent <= inner or not items:
            items.append([line])
        else:
            items[-1].append(line)
    several: list[Diagnostic] = []
    for item in items:
        try:
            _parse(item, start, file)
        except SpecError as wrong:
            several.extend(wrong.diagnostics)
    return several or found


def parse(source: Source) -> syntax.File:
    """Parse one file.

    Raises SpecError with a diagnostic for each declaration (or item of a role) that cannot be read.
    """
    lexed = lex(source)
    found = list(lexed.diagnostics)
    decls: list[syntax.Decl] = []
    if any(d.code == "E0105" for d in found):
        raise SpecError(found)
    for chunk in _chunks(lexed.lines):
        try:
            decls.append(_declaration(chunk, source.file))
        except SpecError as wrong:
            found.extend(_retry(chunk, source.file, wrong))
        except RecursionError:
            found.append(Diagnostic("E0105", "this is nested too deep", chunk[0].tokens[0].span))
    if found:
        raise SpecError(found[:50])
    return syntax.File(source.file, tuple(decls))


def _declaration(chunk: list[Line], file: str) -> syntax.Decl:
    first = chunk[0].tokens[0]
    if chunk[0].indent > 0:
        raise SpecError([Diagnostic("E0106", "a declaration starts at the left margin", first.span)])
    if first.kind in ("name", "int") or (first.kind != "string" and first.kind not in SOFT):
        raise SpecError([_not_a_declaration(first)])
    result = _parse(chunk, "decl", file)
    assert isinstance(result, syntax.Decl)
    return result


def _not_a_declaration(token: Token) -> Diagnostic:
    from pyspec.lang import habits
    from pyspec.lang.messages import closest

    hint = habits.WORDS.get(token.text) or closest(token.text, sorted(SOFT))
    return Diagnostic("E0107", f"`{token.text}` does not start a declaration", token.span, hint)
