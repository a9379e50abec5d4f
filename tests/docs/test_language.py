"""Every example of docs/language.md loads.

A block marked `pspec` is a whole specification. Fragments are put into the specification at the start of the chapter
"The examples": `pspec-decl` holds declarations of its own (a header is added), `pspec-item` goes into the role
`Server`, `pspec-stmt` is the body of an action of that role, `pspec-expr` holds an expression a line.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from pyspec.base.diagnostics import SpecError
from pyspec.check.search import check
from pyspec.lang import load_text
from pyspec.lang.builtins import BUILTINS
from pyspec.lang.lexer import HARD
from pyspec.lang.lints import lint
from pyspec.model.instance import instantiate

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "language.md"
BLOCK = re.compile(r"^```(pspec[a-z-]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, int, str]]:
    """(kind, line, text) of every block."""
    text = PAGE.read_text(encoding="utf-8")
    return [(m[1], text.count("\n", 0, m.start()) + 2, m[2]) for m in BLOCK.finditer(text)]


def prelude() -> str:
    """The specification that fragments are put into."""
    return next(text for kind, _, text in blocks() if kind == "pspec-prelude")


def wrapped(kind: str, text: str) -> str:
    """A block as a whole specification."""
    if kind in ("pspec", "pspec-prelude"):
        return text
    if kind == "pspec-decl":
        return "protocol example\n" + text
    if kind == "pspec-item":
        return prelude() + textwrap.indent(text, "    ")
    if kind == "pspec-stmt":
        return prelude() + "    action example:\n" + textwrap.indent(text, "        ")
    assert kind == "pspec-expr", kind
    lines = [line.partition("#")[0].rstrip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    return prelude() + "".join(f"    def example_{i}():\n        {line}\n" for i, line in enumerate(lines))


@pytest.mark.parametrize(("kind", "line", "text"), blocks(), ids=lambda x: str(x) if isinstance(x, int) else "")
def test_example_loads(kind: str, line: int, text: str) -> None:
    whole = wrapped(kind, text)
    try:
        load_text(whole)
    except SpecError as wrong:
        numbered = "\n".join(f"{i + 1:3} {row}" for i, row in enumerate(whole.splitlines()))
        pytest.fail(f"docs/language.md:{line}: {wrong}\n{numbered}")


def test_every_builtin_is_described() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in BUILTINS if f"`{name}(" not in text] == []


def test_every_reserved_word_is_listed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    listed = re.search(r"<!-- reserved -->\n```text\n(.*?)```", text, re.DOTALL)
    assert listed is not None
    assert sorted(listed[1].split()) == sorted(HARD)


@pytest.mark.parametrize("text", [t for kind, _, t in blocks() if kind == "pspec"], ids=lambda t: t.split()[1])
def test_whole_examples_are_right(text: str) -> None:
    spec = load_text(text)
    assert lint(spec) == []
    result = check(instantiate(spec, "ci"))
    expected = {e.name for e in spec.models[0].expects if e.kind == "violated"}
    assert {p.name for p in result.properties if p.verdict == "violated"} == expected
    counts = [e.number for e in spec.models[0].expects if e.kind == "states"]
    assert counts in ([], [result.distinct])
