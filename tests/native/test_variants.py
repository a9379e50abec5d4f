"""Instances compiled as one: the search of each variant is that of the instance alone."""

import pytest

from pyspec.check.mutants import mutants
from pyspec.lang import load_text
from pyspec.model.instance import Instance, instantiate
from pyspec.model.result import CheckResult
from pyspec.model.variants import alike, combine
from pyspec.native import engine

SPEC = """protocol p
const MOST: int = 3
role Node as self:
    stable vote: Node? = none
    seen: set[Node] = {}
    rank: 0..MOST = 0
    action pick(n: Node):
        when vote == none and n != self
        vote = n
    action see(n: Node):
        when n not in seen
        any m in Node where m == n
        seen += {m}
        if majority(seen): vote = self
    action climb:
        when low(self) and rank < MOST
        rank += 1
def low(n: Node) -> bool: len(n.seen) < 2
quorum Q of Node: majority
invariant few: all n in Node: low(n) or n.rank < MOST or n.vote != none
reachable all_seen: exists Q1 in Q: all n in Node: Q1 <= n.seen
liveness climbed: eventually exists n in Node: n.rank == MOST or n.vote != none
model ci:
    Node = 3, MOST = 1
    crashes <= 1
"""


def instances() -> list[Instance]:
    return [instantiate(m.spec) for m in mutants(load_text(SPEC))]


def said(result: CheckResult) -> object:
    properties = [(p.name, p.verdict, p.trace and len(p.trace.steps)) for p in result.properties]
    return result.verdict, result.distinct, result.generated, result.actions, properties


def test_each_variant_is_searched_like_the_instance_alone() -> None:
    every = instances()
    made = [one for one in every if alike(one, every[0])]
    assert len(every) - 1 == len(made) > 12, "all but the quorums one node smaller, which are a constant"
    compiled = engine.compile_variants(made, draft=True)
    assert compiled is not None
    alone = [said(engine.check(one, threads=1, draft=True)) for one in made]
    assert [said(engine.check(one, threads=1, shared=(compiled, i))) for i, one in enumerate(made)] == alone
    assert len({str(one) for one in alone}) > 6


def test_what_differs_in_more_than_bodies_is_not_combined() -> None:
    other = instantiate(load_text(SPEC), overrides={"MOST": 2})
    assert combine([instances()[0], other]) is None
    assert engine.compile_variants([instances()[0], other]) is None


@pytest.mark.parametrize("number", [0, 1])
def test_one_variant_alone_stays_as_it_is(number: int) -> None:
    one = instances()[number]
    assert combine([one]) == one
