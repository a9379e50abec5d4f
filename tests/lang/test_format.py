"""`pyspec fmt`: idempotent, keeps meaning, keeps comments."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyspec.base.diagnostics import SpecError
from pyspec.base.source import Source
from pyspec.lang.format import format_text

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


WORDS = [
    "a",
    "b1",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    "==",
    "-",
    "..",
    "'",
    "#",
    "=",
    "1",
    "and",
    "when",
    "action",
    "if",
    "not",
    ".",
    "?",
    '"s"',
]
PIECES = [*WORDS, " ", "  ", "\n", "\n    ", "\n  ", '"""d\ne"""']


@given(st.lists(st.sampled_from(PIECES), max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_keeps_its_tokens_and_is_laid_out_once(pieces: list[str]) -> None:
    try:
        once = layout("".join(pieces))
    except SpecError:
        return
    assert layout(once) == once


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[2].glob("specs/**/*.pspec")), ids=lambda p: p.stem)
def test_the_library_is_laid_out(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert layout(text) == text, "run `make fmt`"
