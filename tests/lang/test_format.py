"""`pyspec fmt`: idempotent, keeps meaning, keeps comments."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyspec.base.diagnostics import SpecError
from pyspec.base.source import Source
from pyspec.lang.format import format_text
from pyspec.lang.parser import parse

UGLY = '''protocol  x
"""doc
  more"""
sort RM

# top
enum Phase:working,prepared   # phases
var phase : map[ RM,Phase ]={ r : working for r in RM }



action go(r:RM,n:0..3):   # c
  when phase[r]==working and (n>-1 or
       n<3)
  # inner
  if n  ==1 :
      n=n- -1


  phase[ r ] = prepared
invariant c:
    not exists a,b in RM:phase[a]==committed
    and phase[b]==aborted
model ci:   RM = 3        expect 288 states   
'''  # noqa: W291
TIDY = '''protocol x
"""doc
  more"""
sort RM

# top
enum Phase: working, prepared  # phases
var phase: map[RM, Phase] = {r: working for r in RM}


action go(r: RM, n: 0..3):  # c
    when phase[r] == working and (n > -1 or
         n < 3)
    # inner
    if n == 1:
        n = n - -1

    phase[r] = prepared
invariant c:
    not exists a, b in RM: phase[a] == committed
    and phase[b] == aborted
model ci:   RM = 3        expect 288 states
'''


def layout(text: str) -> str:
    return format_text(Source("x.pspec", text))


def test_layout() -> None:
    assert layout(UGLY) == TIDY
    assert layout(TIDY) == TIDY


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "\ufeffprotocol x\r\nsort A\r\n", "protocol x"])
def test_odd_files(text: str) -> None:
    once = layout(text)
    assert layout(once) == once
    assert "\r" not in once
    assert not once.startswith(("\n", "\ufeff"))


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(SpecError):
        layout('protocol x\nvar y = "open\n')


PAGE = Path(__file__).parents[2] / "docs" / "language.md"
EXAMPLES = [UGLY, *re.findall(r"^```pspec\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)]


def disturbed(text: str, draw: random.Random) -> str:
    """The same specification, carelessly typed: other spaces, blank lines, comments, another depth of indentation."""
    depth = draw.randint(1, 6)
    out: list[str] = []
    inside = False
    for line in text.splitlines():
        inside ^= line.count('"""') == 1
        code = line.lstrip(" ")
        if inside or '"' in line or "#" in line:
            out.append(line if depth == 4 else " " * ((len(line) - len(code)) // 4 * depth) + code)
            continue
        spaced = " ".join(part + " " * draw.choice([0, 0, 1, 3]) for part in code.split(" "))
        out.append(" " * ((len(line) - len(code)) // 4 * depth + (len(line) - len(code)) % 4) + spaced)
        if draw.random() < 0.2:
            out[-1] += draw.choice(["   ", " # why", "\n", "\n\n\n\n"])
    return "\n".join(out) + "\n"


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.split()[1])
@given(st.randoms(use_true_random=False))
@settings(max_examples=8, deadline=None)
def test_only_white_space_changes(text: str, draw: random.Random) -> None:
    before = disturbed(text, draw)
    once = layout(before)
    assert layout(once) == once
    assert parse(Source("x", once)) == parse(Source("x", before)) == parse(Source("x", text))
    assert once.count("#") == before.count("#")


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[2].glob("specs/**/*.pspec")), ids=lambda p: p.stem)
def test_the_library_is_laid_out(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert layout(text) == text, "run `make fmt`"
