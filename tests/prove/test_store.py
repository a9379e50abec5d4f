"""What is known of earlier proofs: a lemma more or less does not undo the proofs that do not use it, and no proof is
known from what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyspec.lang import load_text
from pyspec.prove.engine import Options, prove
from pyspec.prove.result import ObligationResult, ProofResult

SPEC = """protocol p
sort Node
var seen: set[Node] = {}
var many: int = 0
var last: int = 0
action see(n: Node):
    when n not in seen
    seen += {n}
    last = many
    many += 1
action lower:
    when last > 3
    last -= 2
invariant natural: last >= 0
lemma counted: many >= 0
"""
MORE = "lemma behind: last <= many\n"


@pytest.fixture(autouse=True)
def _empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYSPEC_CACHE", str(tmp_path))


def _prove(text: str) -> ProofResult:
    return prove(load_text(text), options=Options(seconds=2, cti_seconds=1, threads=1))


def _obligations(result: ProofResult) -> dict[str, ObligationResult]:
    return {one.name: one for prop in result.properties for one in prop.obligations}


def test_a_lemma_more_or_less_keeps_the_other_proofs() -> None:
    first = _obligations(_prove(SPEC))
    more = _obligations(_prove(SPEC + MORE))
    assert first and not any(one.cached for one in first.values())
    assert all(more[name].cached for name in first)
    assert {name: one.core for name, one in first.items()} == {name: more[name].core for name in first}
    less = _obligations(_prove(SPEC.replace("lemma counted: many >= 0\n", "")))
    assert (less["natural after see"].status, less["natural after lower"].cached) == ("refuted", True)


def test_a_changed_lemma_undoes_the_proofs_that_use_it() -> None:
    _prove(SPEC)
    changed = _obligations(_prove(SPEC.replace("many >= 0", "many >= 0 - 1")))
    assert changed["natural after see"].status != "proved"


def test_a_changed_action_undoes_its_proofs() -> None:
    _prove(SPEC)
    changed = _obligations(_prove(SPEC.replace("last = many", "last = many - 1")))
    assert changed["natural after see"].status != "proved"
    assert changed["natural after lower"].cached
