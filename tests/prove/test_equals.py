"""Equals for equals: claims that only say that are taken as true, no other ones."""

from __future__ import annotations

import pytest

from pyspec.lang import load_text
from pyspec.model.instance import instantiate
from pyspec.prove.engine import Options, prove, prove_instance
from pyspec.prove.equals import is_congruence

TEXT = """protocol equals
sort S
var a: map[S, set[S]] = {{s: {{}} for s in S}}
var n: map[S, 0..3] = {{s: 0 for s in S}}
def size(s: S) -> int: sum(n[x] for x in a[s])
def beside(s, t: S) -> int: sum(n[x] for x in a[s] if x != t)
def any_with(t: S) -> bool: exists x in S: holds(x, t)
def holds(x, t: S) -> bool: exists y in a[t]: n[y] == n[x]
def share(s: S) -> int: 6 // n[s]
action add(s, t: S):
    a[s] += {{t}}
action more(s: S):
    when n[s] < 3
    n[s] += 1
invariant claim: {claim}
model ci: S = 2
"""
CERTAIN = (
    "all s, t in S: a[s] == a[t] implies size(s) == size(t)",
    "all s, t in S: n[s] == 1 and a[s] == a[t] implies size(t) == size(s)",
    "all s, t in S: n[s] == 1 implies (a[s] == a[t] implies size(t) == size(s))",
    "all s, t in S: a[s] == a[t] implies beside(s, t) == beside(t, t)",
    "all s, t in S: a[s] == a[t] implies any_with(s) == any_with(t)",
)
NOT_CERTAIN = (
    "all s, t in S: n[s] == n[t] implies size(s) == size(t)",
    "all s, t in S: a[s] == a[t] or size(s) == size(t)",
    "all s, t in S: a[s] == a[t] implies size(s) == n[t]",
    "all s, t in S: a[s] == a[t] implies beside(s, t) == beside(t, s)",
    "all y, t in S: a[y] == a[t] implies holds(y, t) == holds(t, y)",
    "all s, t in S: a[s] != a[t] implies size(s) == size(t)",
    "exists s, t in S: a[s] == a[t] implies size(s) == size(t)",
)


def certain(claim: str) -> bool:
    spec = load_text(TEXT.format(claim=claim))
    return is_congruence(spec.properties[0].body, {function.name: function for function in spec.functions})


@pytest.mark.parametrize("claim", CERTAIN)
def test_equals_are_equal(claim: str) -> None:
    assert certain(claim)
    instance = instantiate(load_text(TEXT.format(claim=claim)))
    assert prove_instance(instance, Options(use_cache=False)).verdict == "inductive"


@pytest.mark.parametrize("claim", NOT_CERTAIN)
def test_what_says_more_is_not_taken_as_true(claim: str) -> None:
    assert not certain(claim)


def test_a_claim_that_may_have_no_value_is_not_taken_as_true() -> None:
    spec = load_text(TEXT.format(claim="all s, t in S: n[s] == n[t] implies share(s) == share(t)"))
    assert prove(spec, options=Options(use_cache=False)).verdict == "refuted"
