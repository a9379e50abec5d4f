"""What makes an obligation undecidable is found, and shown by its name and line; what does not is not blamed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import z3
from click.testing import CliRunner

from pyspec.cli.main import cli
from pyspec.lang import load_text
from pyspec.prove.fragment import EXISTS, Arc, Arithmetic, Explanation, cycles, explain, found_in, spelled

HEAD = "protocol p\nsort Node\nordered sort Round\n"
ENDING = "\nmodel ci: Node = 2 Round = 2\n"


def explained(body: str) -> Explanation:
    return explain(load_text(HEAD + body + ENDING))


def told(tmp_path: Path, body: str, *options: str) -> str:
    path = tmp_path / "p.pspec"
    path.write_text(HEAD + body + ENDING)
    done = CliRunner().invoke(cli, ["prove", str(path), "--explain", *options], standalone_mode=False)
    assert done.exception is None and done.return_value == 0, done.output
    return done.stdout


LOCK = """var holder: set[Node] = {}
var since: map[Node, Round] = {n: first(Round) for n in Node}
action acquire(n: Node, r: Round):
    when all m in Node: m not in holder and since[m] < r
    holder = holder | {n}
    since[n] = r
invariant exclusive: all n, m in Node: n in holder and m in holder implies n == m
invariant ordered: all n, m in Node: since[n] < since[m] implies n != m"""
AFTER = """var after: map[Node, Node] in map[Node, Node]
var marked: set[Node] = {}
action mark(n: Node):
    marked = marked | {n}
"""
FIXED = "invariant fixed: all n in Node: n in marked implies after[n] == n"


def test_a_lock_is_in_the_fragment(tmp_path: Path) -> None:
    found = explained(LOCK)
    assert found.decidable
    assert {one.name for one in found.obligations} >= {"exclusive after acquire", "ordered after acquire"}
    assert {(arc.source, arc.target) for arc, _ in found.arcs} == {("Node", "Round")}
    assert "in the decidable fragment: finitely many" in told(tmp_path, LOCK)


def test_a_map_from_a_sort_to_itself_is_named(tmp_path: Path) -> None:
    text = told(tmp_path, AFTER + FIXED)
    assert "cycle Node -> Node: in " in text
    assert "  Node -> Node  after (line 4), in invariant fixed (line 8)" in text
    assert "exists" not in text
    assert "hint: a set of pairs (a relation) in the place of `after`" in text
    assert "outside the decidable fragment" in text


def test_all_exists_is_named(tmp_path: Path) -> None:
    body = AFTER.partition("\n")[2] + "lemma partners: all n in Node: exists m in Node: n in marked implies m != n"
    text = told(tmp_path, body)
    assert "  Node -> Node  all Node ... exists Node, in lemma partners (line 7)" in text
    assert "`all` alone" in text


def test_a_map_of_a_parameter_makes_no_arc() -> None:
    step = "action follow(n: Node):\n    when n in marked\n    marked = marked | {after[after[n]]}\n"
    few = "invariant few: all n, m in Node: n in marked and m in marked implies n == m"
    assert explained(AFTER + step + few).decidable


def test_exists_all_counts_only_in_what_is_to_be_shown() -> None:
    found = explained(AFTER + "invariant one: exists m in Node: all n in Node: n in marked implies m == n")
    assert [place.text for arc, place in found.arcs if arc.by == EXISTS] == ["the negation of invariant one"]
    by_name = {one.name: one for one in found.obligations}
    assert by_name["one after mark"].cycles == (("Node",),)


def test_a_guard_and_a_definition_count() -> None:
    guard = (
        "action all_have(n: Node):\n    when all a in Node: exists b in Node: pair(a, b)\n    marked = marked | {n}\n"
    )
    relation = "var pairs: set[(Node, Node)] = {}\ndef pair(a: Node, b: Node): (a, b) in pairs\n"
    total = "def total(a: Node): exists b in Node: (a, b) in pairs\n"
    plain = "invariant fine: all n in Node: n in marked implies n in marked or pair(n, n)"
    places = {place.text for _, place in explained(AFTER + relation + guard + plain).arcs}
    assert places == {"action all_have"}
    places = {place.text for _, place in explained(AFTER + relation + total + plain + " or total(n)").arcs}
    assert places == {"def total"}


def test_positions_of_an_ordered_sort_are_arithmetic() -> None:
    step = "\naction later(n: Node):\n    when since[n] != last(Round)\n    since[n] = next(since[n])\n"
    found = explained(LOCK + step)
    by_name = {one.name: one for one in found.obligations}
    assert not by_name["ordered after later"].decidable
    assert ("Round", "int") in by_name["ordered after later"].cycles
    assert by_name["ordered after acquire"].decidable


def test_integers_may_be_compared_but_not_added(tmp_path: Path) -> None:
    counter = "var top: 0..9 = 0\naction up(k in 0..9):\n    when k > top\n    top = {}\ninvariant small: top <= 9"
    assert explained(counter.format("k")).decidable
    text = told(tmp_path, counter.format("min(top + 1, 9)"))
    assert "integers are used for more than their order: in " in text
    assert re.search(r"`\+` on top, in (the evaluation of )?action up \(line 5\)", text)


def test_json_has_it_all(tmp_path: Path) -> None:
    report = json.loads(told(tmp_path, AFTER + FIXED, "--json"))
    assert report["fragment"] == "outside EPR"
    (cycle,) = report["cycles"]
    assert cycle["sorts"] == ["Node"]
    assert cycle["obligations"] == sum(one["cycles"] == [["Node"]] for one in report["obligations"]) > 0
    assert {(arc["function"], arc["variable"], arc["declared"]) for arc in cycle["arcs"]} == {("after", "after", 4)}
    assert {(arc["where"], arc["line"]) for arc in report["arcs"]} >= {("invariant fixed", 8)}


@pytest.mark.parametrize("more", [["--suggest"], ["-m", "ci"], ["-c", "Node=2"]])
def test_what_does_not_go_together(tmp_path: Path, more: list[str]) -> None:
    path = tmp_path / "p.pspec"
    path.write_text(HEAD + LOCK + ENDING)
    done = CliRunner().invoke(cli, ["prove", str(path), "--explain", *more])
    assert done.exit_code == 2


def test_a_mistake_in_the_specification_is_a_diagnostic(tmp_path: Path) -> None:
    path = tmp_path / "p.pspec"
    path.write_text("protocol p\nvar x: Nowhere = 0\n")
    done = CliRunner().invoke(cli, ["prove", str(path), "--explain"], standalone_mode=False)
    assert done.return_value == 2
    assert "Nowhere" in done.output


@pytest.mark.parametrize("how", ["--explain", "--no-search"])
def test_a_flaw_that_is_not_declared_is_a_mistake(tmp_path: Path, how: str) -> None:
    path = tmp_path / "p.pspec"
    path.write_text(HEAD + LOCK + ENDING)
    done = CliRunner().invoke(cli, ["prove", str(path), how, "--flaw", "nope"], standalone_mode=False)
    assert done.return_value == 2
    assert "has no flaw nope" in done.output


# --------------------------------------------------------------------------------------------------- formulas


def test_polarity_of_connectives() -> None:
    a, b = z3.DeclareSort("A"), z3.DeclareSort("B")
    x, y, related = z3.Const("x", a), z3.Const("y", b), z3.Function("r", a, b, z3.BoolSort())
    has_some = z3.ForAll([x], z3.Exists([y], related(x, y)))
    some_for_all = z3.Exists([y], z3.ForAll([x], related(x, y)))
    p = z3.Bool("p")
    forward, back = {Arc("A", "B", EXISTS)}, {Arc("B", "A", EXISTS)}
    assert found_in(has_some, True).arcs == forward
    assert found_in(has_some, False).arcs == set()
    assert found_in(some_for_all, False).arcs == back
    assert found_in(z3.Implies(some_for_all, p), True).arcs == back
    assert found_in(z3.Or(z3.Not(has_some), p), False).arcs == forward
    assert found_in(has_some == p, True).arcs == found_in(has_some == p, False).arcs == forward
    assert found_in(z3.If(some_for_all, p, has_some), True).arcs == forward | back


def test_what_exists_depends_only_on_what_it_speaks_of() -> None:
    a, b, c = (z3.DeclareSort(name) for name in "ABC")
    x, y, z = z3.Const("x", a), z3.Const("y", b), z3.Const("z", c)
    q, f = z3.Function("q", b, c, z3.BoolSort()), z3.Function("f", c, a)
    nested = z3.ForAll([x, y], z3.Exists([z], z3.And(q(y, z), z3.Exists([x], f(z) == x))))
    arcs = found_in(nested, True).arcs
    assert Arc("B", "C", EXISTS) in arcs
    assert Arc("A", "C", EXISTS) not in arcs
    assert Arc("C", "A", "f") in arcs
    assert Arc("B", "A", EXISTS) in arcs  # by way of z


def test_finite_sorts_and_fixed_terms_make_no_arcs() -> None:
    a, (color, (red, _)) = z3.DeclareSort("A"), z3.EnumSort("Color", ["red", "blue"])
    x, c, f, paint = z3.Const("x", a), z3.Const("c", a), z3.Function("f", a, a), z3.Function("paint", a, color)
    k, pick = z3.Const("k", color), z3.Function("pick", color, a)
    assert found_in(z3.ForAll([x], z3.And(paint(x) == red, f(f(c)) == x)), True).arcs == set()
    assert found_in(z3.ForAll([k], z3.Exists([x], pick(k) == x)), True).arcs == set()
    assert found_in(z3.ForAll([x], f(x) != c), True).arcs == {Arc("A", "A", "f")}


def test_arithmetic_beyond_comparing() -> None:
    i, j = z3.Ints("i j")
    assert found_in(z3.ForAll([i], z3.Implies(i < j, i != 7)), True).arithmetic == set()
    assert found_in(z3.ForAll([i], i + 1 < j * 2), True).arithmetic == {Arithmetic("+", ()), Arithmetic("*", ("j",))}


def test_cycles() -> None:
    arcs = [Arc("B", "C", "f"), Arc("C", "B", "g"), Arc("C", "A", "h"), Arc("A", "B", "k"), Arc("A", "D", "m")]
    assert cycles(arcs) == (("B", "C"), ("A", "B", "C"))
    assert cycles(arcs[:1]) == ()
    assert cycles([*arcs[4:], Arc("D", "D", "n")]) == (("D",),)


def test_symbols_in_words() -> None:
    assert spelled("log@.term") == "log[...].term"
    assert spelled("log#") == "len(log)"
    assert spelled("index:Round") == "index of Round"
    assert spelled("granted:crashes") == "crashes"
    assert spelled("network*/some") == "the number in network"


def test_nothing_to_prove_is_not_called_a_proof(tmp_path: Path) -> None:
    path = tmp_path / "s.pspec"
    path.write_text("protocol s\nvar x: int = 0\naction a: x = 1\n")
    done = CliRunner().invoke(cli, ["prove", str(path), "--no-search"])
    assert "nothing to prove: there is no invariant" in done.output
    assert "PROVED" not in done.output
