"""Words for what the parser did not expect, and suggestions for misspelled names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from lark.lexer import Token as LarkToken

from pyspec.base.diagnostics import Diagnostic
from pyspec.base.source import Span
from pyspec.lang import habits
from pyspec.lang.lexer import HARD, SOFT

_SHOWN = {
    "NAME": "a name",
    "INT": "a number",
    "STRING": "a string",
    "_NL": "the end of the line",
    "_INDENT": "an indented block",
}


def closest(name: str, known: Iterable[str]) -> str | None:
    """A hint that names the nearest known word, or None."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean `{found[0]}`?" if found else None


def unexpected(tokens: list[LarkToken], at: int, token: LarkToken, accepts: set[str], file: str) -> Diagnostic:
    """The diagnostic for a token, the one at a place of these, that cannot stand where it stands."""
    span = Span(file, token.line or 0, token.column or 0, token.end_line or 0, token.end_column or 0)
    text = str(token)
    if token.type == "_INDENT":
        return Diagnostic("E0106", "an indented block where none can be", span, "does the line above lack its colon?")
    if "_INDENT" in accepts and len(accepts) == 1:
        return Diagnostic("E0106", "an indented block must follow", span, "indent the lines that belong to it")
    if token.type in ("_NL", "_DEDENT", "$END"):
        return Diagnostic("E0109", f"something is missing here{_wanted(accepts)}", span)
    hint = habits.hint([str(one) for one in tokens], at)
    if text == "=" and not hint and accepts & {"__ANON_1", "AND", "OR"}:
        return Diagnostic("E0111", "`=` assigns; it cannot stand in an expression", span, "compare with ==")
    if text in HARD | SOFT and "NAME" in accepts:
        why = f"`{text}` is a word of the language and cannot be a name"
        return Diagnostic("E0108", why, span, hint or "choose another name")
    hint = hint or _goes_on(tokens, at, accepts)
    return Diagnostic("E0110", f"`{text}` cannot stand here{_wanted(accepts)}", span, hint)


def _goes_on(tokens: list[LarkToken], at: int, accepts: set[str]) -> str | None:
    """A hint where a deeper line was taken for the rest of the line above it."""
    if "_NL" not in accepts or not at or tokens[at].line == tokens[at - 1].line:
        return None
    return "a deeper line goes on with the one above; a body of several lines begins below its colon"


def _wanted(accepts: set[str]) -> str:
    """A short list of what could stand here, if it is short."""
    names = [_SHOWN.get(a) or f"`{_SYMBOLS.get(a, a.lower())}`" for a in sorted(accepts) if not a.startswith("__")]
    names = [n for n in names if n != "`_dedent`"]
    return f"; expected {' or '.join(names)}" if 0 < len(names) <= 4 else ""


_SYMBOLS = {
    "COLON": ":", "EQUAL": "=", "RPAR": ")", "LPAR": "(", "RSQB": "]", "RBRACE": "}", "COMMA": ",", "DOT": ".",
    "MINUS": "-", "PLUS": "+", "LSQB": "[", "LBRACE": "{", "STAR": "*", "VBAR": "|", "AMPERSAND": "&",
}  # fmt: skip
