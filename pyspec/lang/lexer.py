"""Text -> logical lines of tokens.

A line goes on as long as brackets are open, while the following lines are indented deeper (unless the line opens a
block: it starts with a word of `OPENERS` and ends with a colon), and over lines that start with `and`, `or`, `implies`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pyspec.base.diagnostics import Diagnostic
from pyspec.base.source import Source, Span
from pyspec.lang.habits import CHARACTERS

#: Words with a meaning wherever they stand.
HARD = frozenset(
    """and or not in implies all exists choose fold if else elif is where from to as of true false none let any for
    with""".split()  # noqa: SIM905
)
#: Words with a meaning at the start of a line (and after the words in FOLLOW); elsewhere they are ordinary names.
SOFT = frozenset(
    """protocol module import sort ordered enum record union type const quorum message network var ghost init def role
    action on invariant step reachable terminal deadlock liveness lemma assume law flaw model refines fair strongly
    stable volatile restart byzantine expect limit view capacity symmetry when either send reply assert pass match case
    return procedure hint disconnect""".split()  # noqa: SIM905
)
FOLLOW = {
    "ordered": {"sort"},
    "strongly": {"fair"},
    "fair": {"action", "on"},
    "byzantine": {"role"},
    "ghost": {"var"},
    "init": {"where"},
}
#: Soft words that also count anywhere in a line that starts with one of these.
WITHIN = {
    "model": {"expect", "limit", "view", "capacity", "symmetry"},
    "liveness": {"eventually", "always", "leads"},
    "flaw": {"violates"},
    "message": {"via"},
    "role": {"unless"},
    "byzantine": {"unless"},
}
#: First words of lines that open a block when the line ends with a colon.
OPENERS = frozenset(
    """role action on if elif else for either or invariant step reachable terminal lemma assume law def model init
    liveness fair strongly byzantine match case procedure ghost record union enum""".split()  # noqa: SIM905
)
OPERATORS = ("..", "==", "!=", "<=", ">=", "+=", "-=", "|=", "&=", "//", "->", *"()[]{}:,.=<>+-*/%|&'?!@;^~$`\\")
MAX_NESTING = 100
MAX_NAME = 100
MAX_INT = 2**63 - 1

#: One token, blank or comment.
TOKEN = re.compile(
    r"""(?P<blank>[ ]+)|(?P<comment>\#[^\n]*)|(?P<string>\"\"\"(?s:.*?)\"\"\"|"(?:[^"\\\n]|\\.)*")
    |(?P<open>"[^\n]*)    |(?P<int>[0-9][0-9_]*)|(?P<name>[A-Za-z_][A-Za-z_0-9]*)|(?P<nl>\n)
    |(?P<op>\.\.|==|!=|<=|>=|\+=|-=|\|=|&=|//|->|[()\[\]{}:,.=<>+\-*/%|&'?!])|(?P<bad>.)""",
    re.X,
)


@dataclass(frozen=True, slots=True)
class Token:
    """`kind`: "name", "int", "string", or the operator or keyword itself."""

    kind: str
    text: str
    span: Span


@dataclass(slots=True)
class Line:
    """One logical line: its indentation and its tokens."""

    indent: int
    tokens: list[Token]
    opens: bool = False


@dataclass
class Lexed:
    """All logical lines of a file, and what was wrong with its characters."""

    source: Source
    lines: list[Line]
    diagnostics: list[Diagnostic] = field(default_factory=list)


def _raw(source: Source, found: list[Diagnostic]) -> list[list[Token]]:
    """Tokens of each physical line (a string may hold line ends)."""
    lines: list[list[Token]] = [[]]
    number, start = 1, 0
    text = source.text
    for match in TOKEN.finditer(text):
        kind, value = match.lastgroup or "bad", match.group()
        column = match.start() - start + 1
        last, end_column = number, column + len(value)
        if kind == "string" and "\n" in value:
            last = number + value.count("\n")
            end_column = len(value) - value.rfind("\n")
        span = Span(source.file, number, column, last, end_column)
        if kind == "nl":
            lines.append([])
            number, start = number + 1, match.end()
        elif kind == "bad":
            found.append(_bad(value, span))
        elif kind == "open":
            hint = 'close it with " on the same line, or use """'
            found.append(Diagnostic("E0103", "this string is not closed", span, hint))
            lines[-1].append(Token("string", '""', span))
        elif kind not in ("blank", "comment"):
            lines[-1].append(_token(kind, value, span, found))
            if last != number:
                start = match.start() + value.rfind("\n") + 1
                number = last
    return lines


def _bad(value: str, span: Span) -> Diagnostic:
    if value == "\t":
        return Diagnostic("E0102", "a tab; indent with spaces", span)
    shown = value if value.isprintable() else repr(value)[1:-1]
    return Diagnostic("E0101", f"unexpected character {shown}", span, CHARACTERS.get(value))


def _token(kind: str, value: str, span: Span, found: list[Diagnostic]) -> Token:
    if kind == "int" and (len(value) > 40 or int(value.replace("_", "")) > MAX_INT):
        found.append(Diagnostic("E0104", "this number is too large: integers have 64 bits", span))
        value = "0"
    if kind == "name" and len(value) > MAX_NAME:
        found.append(Diagnostic("E0117", f"this name is longer than {MAX_NAME} characters", span))
        value = value[:MAX_NAME]
    return Token(value if kind == "op" else kind, value, span)


def _mark(tokens: list[Token], within: set[str]) -> list[Token]:
    """Turn names into keywords where they are keywords; `within`: the words of the block around this line."""
    out: list[Token] = []
    for i, token in enumerate(tokens):
        if token.kind == "name" and not (out and out[-1].kind == "."):
            before = out[-1].kind if out else ""
            soft = token.text in SOFT and (
                i == 0 or token.text in FOLLOW.get(before, ()) or before == ":" == out[-1].text
            )
            if soft and before == ":" and token.text not in STATEMENT_WORDS:
                soft = False
            soft = soft or token.text in within or (token.text == "free" and before == "deadlock")
            following = tokens[i + 1] if i + 1 < len(tokens) else None
            if token.text in HARD or (soft and not _used_as_name(token, following, first=i == 0)):
                token = Token(token.text, token.text, token.span)
        out.append(token)
    return out


def _used_as_name(token: Token, following: Token | None, first: bool) -> bool:
    """Whether what comes after a soft word shows that it is an ordinary name (`view = 3`, `step[n] += 1`)."""
    if following is None:
        return not first and token.text not in ("free", "pass")
    if following.kind == ":":
        return token.text not in ("either", "init")
    if following.kind == "[":
        return token.span.end_column == following.span.column
    return following.kind in _AFTER_A_NAME


_AFTER_A_NAME = frozenset([*OPERATORS, "and", "or", "implies", "in"]) - frozenset("([{-:")

#: Soft words that may follow a colon on the same line (`if x: send M`, `model m: limit P`).
STATEMENT_WORDS = frozenset(["when", "send", "reply", "disconnect", "assert", "pass", "return", "either", "match"])


def lex(source: Source) -> Lexed:
    """Split a file into logical lines. Never fails: what is wrong is in `diagnostics`."""
    found: list[Diagnostic] = []
    result: list[Line] = []
    depth = 0
    deepest: Token | None = None
    for raw in _raw(source, found):
        if not raw:
            continue
        tokens = raw
        indent = raw[0].span.column - 1
        if result and (depth > 0 or _continues(result[-1], indent, raw)):
            result[-1].tokens.extend(tokens)
        else:
            depth = 0
            result.append(Line(indent, list(tokens)))
        for token in tokens:
            depth = max(0, depth + (token.kind in "([{") - (token.kind in ")]}"))
            if depth > MAX_NESTING and deepest is None:
                deepest = token
        result[-1].opens = _opens(result[-1])
    if deepest is not None:
        found.append(Diagnostic("E0105", f"brackets are nested more than {MAX_NESTING} deep", deepest.span))
    within: set[str] = set()
    for line in result:
        if line.indent == 0:
            within = WITHIN.get(line.tokens[0].text, set())
        line.tokens = _mark(line.tokens, within)
    return Lexed(source, result, found)


def _opens(line: Line) -> bool:
    return line.tokens[-1].kind == ":" and line.tokens[0].text in OPENERS


def _continues(line: Line, indent: int, raw: list[Token]) -> bool:
    """Whether a physical line belongs to the logical line before it."""
    word = raw[0].text if raw[0].kind == "name" else ""
    operator = word in ("and", "implies") or (word == "or" and not (len(raw) > 1 and raw[1].kind == ":"))
    if operator and line.indent <= indent and not line.opens:
        return True
    return indent > line.indent and not line.opens
