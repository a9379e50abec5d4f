"""Whatever the input is, the answer is a diagnostic, never another exception."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyspec.base.diagnostics import Diagnostic, SpecError
from pyspec.lang import load_spec, load_text

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
SPECS = [
    *re.findall(r"^```pspec(?:-prelude)?\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL),
    *("protocol x\n" + d for d in re.findall(r"^```pspec-decl\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)),
]
PIECES = re.findall(r"[A-Za-z_]+|\d+|\"[^\"\n]*\"|\n *|[^\w\s]+| +", "\n".join(SPECS))


def mistakes(text: str) -> tuple[Diagnostic, ...]:
    """The diagnostics for a text (none if it is correct)."""
    try:
        load_text(text)
    except SpecError as wrong:
        assert wrong.diagnostics
        for d in wrong.diagnostics:
            assert re.fullmatch(r"E0\d{3}", d.code)
            assert d.message
            assert 1 <= d.span.line <= text.count("\n") + 2, d
            assert d.span.column >= 1, d
        return wrong.diagnostics
    return ()


def codes(text: str) -> set[str]:
    return {d.code for d in mistakes(text)}


def mutated(text: str, draw: random.Random) -> str:
    """A specification with a few pieces removed, doubled, replaced or moved."""
    parts = re.findall(r"[A-Za-z_]+|\d+|\"[^\"\n]*\"|\n *|[^\w\s]| +", text)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(parts))
        kind = draw.randrange(5)
        if kind == 0:
            del parts[at]
        elif kind == 1:
            parts.insert(at, parts[at])
        elif kind == 2:
            parts[at] = draw.choice(PIECES)
        elif kind == 3:
            parts.insert(at, draw.choice(PIECES))
        else:
            other = draw.randrange(len(parts))
            parts[at], parts[other] = parts[other], parts[at]
    return "".join(parts)


@given(st.sampled_from(SPECS), st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_mutated_specifications(text: str, draw: random.Random) -> None:
    mistakes(mutated(text, draw))


@given(st.lists(st.sampled_from(PIECES), max_size=60))
@settings(max_examples=150, deadline=None)
def test_heaps_of_words(pieces: list[str]) -> None:
    mistakes("protocol x\n" + "".join(pieces))


@given(st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_text(text: str) -> None:
    mistakes(text)


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_any_file(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("bad") / "x.pspec"
    path.write_bytes(data)
    with pytest.raises(SpecError):
        load_spec(path)


DEEP = {
    "brackets": "var x: bool = " + "(" * 20_000 + "true" + ")" * 20_000,
    "open brackets": "var x: bool = " + "([{" * 10_000,
    "not": "invariant x: " + "not " * 10_000 + "true",
    "minus": "var x: int = " + "-" * 10_000 + "1",
    "sum": "var x: int = " + " + ".join(["1"] * 10_000),
    "implies": "invariant x: " + " implies ".join(["true"] * 5_000),
    "if": "var x: int = " + "1 if true else " * 3_000 + "1",
    "quantifiers": "invariant x: " + "all _ in bool: " * 3_000 + "true",
    "options": "var x: bool" + "?" * 5_000 + " = none",
    "types": "var x: " + "set[" * 90 + "bool" + "]" * 90 + " = {}",
    "fields": "var x: bool = a" + ".a" * 5_000,
    "blocks": "var x: bool = true\naction a:\n"
    + "".join(" " * (i + 1) + "if x:\n" for i in range(2_000))
    + " " * 2_001
    + "x = x",
    "elif": "var x: bool = true\naction a:\n    if x: x = x\n" + "    elif x: x = x\n" * 3_000,
    "statements": "var x: bool = true\naction a:\n" + "    when x\n" * 3_000,
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_nesting(name: str) -> None:
    found = codes(f"protocol p\n{DEEP[name]}\n")
    assert found <= {"E0105", "E0110", "E0328", "E0203", "E0301", "E0109"}, found


def test_very_long_names_and_numbers() -> None:
    assert codes("protocol p\nvar x: int = " + "9" * 100_000 + "\n") == {"E0104"}
    assert codes("protocol p\nvar " + "x" * 100_000 + ": int = 0\n") == {"E0117"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "E0114"),
        ("\n\n# nothing\n", "E0114"),
        ("protocol p\n\tvar x: int = 0\n", "E0102"),
        ("protocol p\nvar x: int = 'a\n", "E0110"),
        ('protocol p\n"""never closed\nvar x: int = 0\n', "E0103"),
        ("protocol p\nrecord A(b: B)\nrecord B(a: A)\nvar x: bool = true\n", "E0332"),
        ("protocol p\ntype A = B\ntype B = A\n", "E0332"),
        ("protocol p\ndef f(x: int) -> int: g(x)\ndef g(x: int) -> int: f(x)\n", "E0327"),
        ("protocol p\ndef f(x: int): g(x)\ndef g(x: int): f(x)\n", "E0327"),
        ("protocol p\nvar x: bool = true\nprocedure a():\n    b()\nprocedure b():\n    a()\naction c: a()\n", "E0327"),
        ("protocol p\nconst A: int = B\nconst B: int = A\n", "E0203"),
        ("protocol p\nmodel a from a: symmetry off\n", "E0507"),
        ("protocol p\nmessage M\nnetwork set\naction go(m in network.M): network.M -= {m}\n", "E0414"),
    ],
)
def test_small_mistakes(text: str, code: str) -> None:
    assert code in codes(text)


def test_one_run_reports_several_mistakes() -> None:
    text = """protocol p
vra x: int = 0
var y: int = 1 +
role R:
    field: 0..3 = 0
    acton a: pass
    on Missing(x): pass
action b:
    when z == 1
    y = true
action c:
    y = nowhere
invariant i: (y
"""
    assert len(mistakes(text)) >= 4
    types = """protocol p
var y: int = true
action b: y = none
action c: y = nowhere
invariant i: y
"""
    assert [d.span.line for d in mistakes(types)] == [2, 3, 4, 5]


def test_line_ends_of_other_systems(tmp_path: Path) -> None:
    path = tmp_path / "x.pspec"
    path.write_bytes(b"\xef\xbb\xbfprotocol p\r\nvar x: 0..3 = 0\r\naction a:\r\n    when x < 3\r\n    x += 1\r\n")
    assert load_spec(path).name == "p"


def test_modules_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a.pspec").write_text("protocol a\nimport b\n")
    (tmp_path / "b.pspec").write_text("module b\nimport c\n")
    (tmp_path / "c.pspec").write_text("module c\nimport b\n")
    with pytest.raises(SpecError) as caught:
        load_spec(tmp_path / "a.pspec")
    assert [d.code for d in caught.value.diagnostics] == ["E0005"]


@pytest.mark.parametrize(
    ("module", "use", "code"),
    [
        ("module m(T)\nvar x: T? = none\n", "import m\n", "E0116"),
        ("module m(T)\nvar x: T? = none\n", "import m(T = bool, U = bool)\n", "E0116"),
        ("module m\nvar x: Missing? = none\n", "import m as n\n", "E0203"),
        ("protocol m\n", "import m\n", "E0115"),
        ("module m\nvra x\n", "import m\n", "E0107"),
        ("", "import m\n", "E0115"),
        ("module m\n", "import n\n", "E0004"),
    ],
)
def test_wrong_imports(tmp_path: Path, module: str, use: str, code: str) -> None:
    (tmp_path / "m.pspec").write_text(module)
    (tmp_path / "p.pspec").write_text("protocol p\n" + use)
    with pytest.raises(SpecError) as caught:
        load_spec(tmp_path / "p.pspec")
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_what_is_no_file(tmp_path: Path) -> None:
    for path, code in ((tmp_path, "E0002"), (tmp_path / "none.pspec", "E0001")):
        with pytest.raises(SpecError) as caught:
            load_spec(path)
        assert [d.code for d in caught.value.diagnostics] == [code]
