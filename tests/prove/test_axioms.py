"""What a proof assumes of quorums is true of real ones: tried for one to seven elements."""

from __future__ import annotations

import itertools

import pytest

from pyspec.lang import load_text
from pyspec.model.instance import instantiate
from pyspec.prove.engine import Options, prove

SPEC = """protocol q
sort Node
quorum Q of Node: {kind}
var x: bool = false
action flip: x = not x
invariant common: all a, b in Q: a & b != {{}}
"""


@pytest.mark.parametrize("size", range(1, 8))
@pytest.mark.parametrize("kind", ["majority", "byzantine"])
def test_quorums_intersect(kind: str, size: int) -> None:
    quorums = instantiate(load_text(SPEC.format(kind=kind)), overrides={"Node": size}).constants["Q"]
    assert isinstance(quorums, frozenset) and quorums
    pairs = list(itertools.product(quorums, repeat=2))
    assert all(a & b for a, b in pairs)
    if kind == "byzantine":  # in more elements than may be faulty
        assert all(len(a & b) > (size - 1) // 3 for a, b in pairs)


@pytest.mark.parametrize("kind", ["majority", "byzantine"])
def test_the_axiom_is_used_and_named(kind: str) -> None:
    result = prove(load_text(SPEC.format(kind=kind)), options=Options(seconds=5, threads=1, use_cache=False))
    assert result.verdict == "proved"
    assert any("have an element in common" in axiom for axiom in result.axioms)
