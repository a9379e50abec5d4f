"""Mechanical mutants: one change each, at the right line; each kind of change is made."""

from pyspec.check.mutants import mutants
from pyspec.check.search import check
from pyspec.lang import load_text
from pyspec.model.instance import instantiate

SPEC = """protocol p
role Node as self:
    stable vote: Node? = none
    seen: set[Node] = {}
    action pick(n: Node):
        when vote == none and n != self
        vote = n
    action see(n: Node):
        when n not in seen
        any m in Node where m == n
        seen += {m}
        if majority(seen): vote = self
quorum Q of Node: majority
reachable all_seen: exists Q1 in Q: all n in Node: Q1 <= n.seen
model ci:
    Node = 3
    crashes <= 1
"""


def made() -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for m in mutants(load_text(SPEC)):
        found.setdefault(m.what, []).append(m.span.line)
    return found


def test_every_kind_of_change_at_its_line() -> None:
    assert made() == {
        "one condition of the guard dropped": [6, 6],
        "`==` became `!=`": [6, 10],
        "`!=` became `==`": [6],
        "assignment to Node.vote removed": [7, 12],
        "guard dropped": [9],
        "condition of the choice dropped": [10],
        "assignment to Node.seen removed": [11],
        "condition of `if` always true": [12],
        "condition of `if` always false": [12],
        "majority weakened to half": [12],
        "stable Node.vote made volatile": [3],
        "quorums one node smaller": [13],
    }


def test_every_mutant_still_runs_and_most_behave_differently() -> None:
    plain = check(instantiate(load_text(SPEC)), symmetry=False)
    counts = [check(instantiate(m.spec), symmetry=False).distinct for m in mutants(load_text(SPEC))]
    assert all(counts) and sum(n != plain.distinct for n in counts) >= 8
