"""Instances by hand: they prove what solvers search for ever for, and nothing that does not hold."""

from __future__ import annotations

import random

import pytest
import z3

from pyspec.lang import load_text
from pyspec.prove.ground import grounded
from pyspec.prove.obligations import Obligations
from pyspec.prove.smtlib import Writer
from pyspec.prove.solve import Attempt, Task, solve

#: The argument of voting in ballots: from nodes to numbers (`joined`), to quorums (`choosable`), to nodes.
CHOICE = """protocol choice
const LAST: int = 2
sort Node, Value
quorum Quorum of Node: majority
var votes: set[(Node, 0..LAST, Value)] = {}
var joined: map[Node, 0..LAST] = {n: 0 for n in Node}
def voted_in(n: Node, b: 0..LAST) -> bool: exists v in Value: (n, b, v) in votes
def chosen(b: 0..LAST, v: Value) -> bool: exists Q in Quorum: all n in Q: (n, b, v) in votes
def choosable(b: 0..LAST, v: Value) -> bool:
    exists Q in Quorum: all n in Q: (n, b, v) in votes or (joined[n] > b and not voted_in(n, b))
action vote(n: Node, v: Value):
    votes |= {(n, 0, v)}
lemma unique: all n, m in Node, b in 0..LAST, v, w in Value: (n, b, v) in votes and (m, b, w) in votes implies v == w
lemma safe: all n in Node, b, c in 0..LAST, v in Value: (n, c, v) in votes and b < c implies choosable(b, v)
invariant agreement: all b, c in 0..LAST, v, w in Value: chosen(b, v) and chosen(c, w) implies v == w
model ci: Node = 3, Value = 2
"""


def task(text: str, attempt: Attempt) -> Task:
    """The first obligation that an invariant follows from the lemmas."""
    problem = Obligations(load_text(text))
    problem.leave_out_unsupported()
    one = next(problem.following())
    script, labels = Writer(problem.encoder.u).text(one)
    return Task(one.name, script, labels, 20.0, (attempt,))


def test_instances_prove_agreement_from_the_lemmas_and_not_from_fewer() -> None:
    instances = Attempt("instances", 0.1, ground=True)
    outcome = solve(task(CHOICE, instances))
    assert outcome.status == "proved"
    assert {"unique", "safe"} <= set(outcome.core)
    lines = CHOICE.splitlines()
    for name in ("unique", "safe"):
        fewer = [line for line in lines if not line.startswith(f"lemma {name}")]
        assert solve(task("\n".join(fewer) + "\n", instances)).status == "unknown"


@pytest.mark.parametrize("seed", range(40))
def test_instances_of_what_has_a_model_have_a_model(seed: int) -> None:
    """Random claims about numbers, things and sets of nodes: where z3 has a model, the instances are not refuted."""
    chance, context = random.Random(seed), z3.Context()
    node, thing = z3.DeclareSort("Node", context), z3.DeclareSort("Thing", context)
    whole = z3.IntSort(context)
    member = z3.Function("in:Node", thing, node, z3.BoolSort(context))
    number, near = z3.Function("number", node, whole), z3.Function("near", whole, thing, z3.BoolSort(context))

    def claim(depth: int, bound: dict[z3.SortRef, list[z3.ExprRef]]) -> z3.BoolRef:
        kind = chance.randrange(5) if depth else 4
        if kind < 2:
            sort = chance.choice([node, thing, whole])
            variable = z3.Const(f"x{depth}{chance.randrange(10**6)}", sort)
            body = claim(depth - 1, {**bound, sort: [*bound[sort], variable]})
            return z3.ForAll([variable], body) if kind else z3.Exists([variable], body)
        if kind == 2:
            return z3.Not(claim(depth - 1, bound))
        if kind == 3:
            return z3.Or(claim(depth - 1, bound), claim(depth - 1, bound))
        numbers = [*bound[whole], *map(number, bound[node])]
        atoms = [
            member(chance.choice(bound[thing]), chance.choice(bound[node])),
            near(chance.choice(numbers), chance.choice(bound[thing])),
            chance.choice(numbers) < chance.choice(numbers) + 1,
        ]
        return chance.choice(atoms)

    constants = {sort: [z3.Const(f"c{sort}", sort)] for sort in (node, thing, whole)}
    claims = [claim(4, constants) for _ in range(4)]
    plain, made = z3.Solver(ctx=context), z3.Solver(ctx=context)
    plain.add(claims)
    made.add(grounded(claims, context))
    for solver in (plain, made):
        solver.set("rlimit", 2_000_000)
    if plain.check() == z3.sat:
        assert made.check() != z3.unsat


def test_random_claims_are_refuted_by_instances_now_and_then() -> None:
    context = z3.Context()
    x, f = z3.Int("x", context), z3.Function("f", z3.IntSort(context), z3.BoolSort(context))
    five = z3.IntVal(5, context)
    solver = z3.Solver(ctx=context)
    solver.add(grounded([z3.ForAll([x], f(x)), z3.Not(f(five))], context))
    assert solver.check() == z3.unsat


def test_a_formula_without_instances_says_nothing() -> None:
    context = z3.Context()
    thing = z3.DeclareSort("Thing", context)
    x, f = z3.Const("x", thing), z3.Function("f", thing, z3.BoolSort(context))
    solver = z3.Solver(ctx=context)
    (made,) = grounded([z3.ForAll([x], f(x))], context)
    solver.assert_and_track(made, "a0")
    assert solver.check() == z3.sat
