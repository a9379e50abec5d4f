"""What people write who have read the reference once: it works, or the message says what to write instead."""

from __future__ import annotations

import pytest

from pyspec.base.diagnostics import Diagnostic, SpecError
from pyspec.lang import load_text
from pyspec.model.instance import instantiate
from pyspec.model.result import CheckResult
from pyspec.native import engine


def check(text: str, **options: object) -> CheckResult:
    result = engine.check(instantiate(load_text(f"protocol p\n{text}")), **options)  # type: ignore[arg-type]
    assert result.engine == "native"
    return result


def mistakes(text: str) -> list[Diagnostic]:
    with pytest.raises(SpecError) as caught:
        load_text(f"protocol p\n{text}")
    return list(caught.value.diagnostics)


@pytest.mark.parametrize(
    ("expression", "value"),
    [("s[-1]", "3"), ("s[-2]", "2"), ("s[:-1]", "[1, 2]"), ("s[-2:]", "[2, 3]"), ("s[1:-1]", "[2]"), ("s[:-3]", "[]")],
)
def test_places_counted_from_the_end(expression: str, value: str) -> None:
    text = f"var s: seq[0..3, 3] = [1, 2, 3]\ninvariant same: {expression} == {value}\naction stay: s = s\n"
    assert check(text).verdict == "holds"


@pytest.mark.parametrize("members", ["a, b, c", "\n    a\n    b\n    c", "\n    a, b,\n    c,", " a,\n    b, c"])
def test_members_of_an_enum_on_several_lines(members: str) -> None:
    assert check(f"enum E:{members}\nvar x: E = a\naction go: x = next(x)\nmodel ci\n").distinct == 3


@pytest.mark.parametrize(
    "choices",
    [
        "{p in P where p.a < p.b}",
        "{P(a, b) for a in 1..100, b in 1..100 if a < b}",
        "{P(b, a) for a in T, b in T if a > b}",
    ],
)
def test_large_sets_of_initial_values(choices: str) -> None:
    """Ten thousand pairs, of which a condition selects half: more than a temporary set holds."""
    result = check(f"type T = 1..100\nrecord P(a: T, b: T)\nvar x: P in {choices}\n")
    assert result.distinct == 4950


def test_a_place_before_the_beginning_is_an_error() -> None:
    result = check("var s: seq[0..3, 3] = [1, 2, 3]\ninvariant same: s[-4] == 1\naction stay: s = s\n")
    assert result.error is not None
    assert result.error.code == "E0604"


def test_a_model_without_settings() -> None:
    assert check("var x: bool = false\nmodel ci\n").model == "ci"


def test_deadlock_can_be_expected_by_its_name() -> None:
    (expect,) = load_text("protocol p\ndeadlock free\nmodel ci:\n    expect violated deadlock\n").models[0].expects
    assert expect.name == "deadlock_free"
    (found,) = mistakes("model ci: expect violated deadlock\n")
    assert (found.code, found.hint) == ("E0509", "declare `deadlock free`")


def test_an_expected_violation_must_name_a_property() -> None:
    (found,) = mistakes("var x: bool = false\ninvariant low: not x\nmodel ci: expect violated lo\n")
    assert (found.code, found.hint) == ("E0509", "did you mean `low`?")


def test_a_role_of_a_sort_is_a_name_for_the_sort() -> None:
    text = """
message Ping from Asker to Answerer
network set
role Asker of Node:
    action ask(to_whom: Answerer): send Ping to to_whom
role Answerer of Node:
    asked: bool = false
    on Ping: asked = true
sort Node
reachable all_asked: all n in Answerer: n.asked
model ci: Node = 2
"""
    assert check(text).verdict == "holds"


@pytest.mark.parametrize(
    "of", ["map[Color, Color]", "seq[Color, 2]", "set[Color, 2]", "Deep", "(0..2)?", "(bool, Color)?"]
)
def test_all_values_of_a_type(of: str) -> None:
    """Also of types whose values have no dense numbers."""
    text = f"enum Color: red, green, blue\ntype Deep = (Color, seq[bool, 1])?\nvar a: {of} in {of}\n"
    text += f"action set_it(b: {of}): a = b\n"
    text += f"invariant one: a == (choose b in {of} where a == b)\n"
    count = {
        "map[Color, Color]": 27,
        "seq[Color, 2]": 13,
        "set[Color, 2]": 7,
        "Deep": 10,
        "(0..2)?": 4,
        "(bool, Color)?": 7,
    }[of]
    result = check(text, symmetry=False)
    assert (result.distinct, result.generated, result.verdict) == (count, count + count * count, "holds")


VIEWED = """
sort Node
var x: map[Node, 0..2] = {n: 0 for n in Node}
action up(n: Node):
    when x[n] < 2
    x[n] += 1
invariant low: all n in Node: x[n] <= 2
model ci:
    Node = 3
    view sum(x[n] for n in Node)
"""


def test_a_view_is_named_in_the_evidence() -> None:
    result = check(VIEWED, threads=3)
    assert (result.distinct, result.symmetry, result.threads) == (7, (), 1)
    assert {p.evidence for p in result.properties} == {"exhaustive within view"}


FIELD = "role P:\n    x: {type} in {choices}\n    action stay: x = x\nmodel ci: P = 4  symmetry off\n"


def test_a_field_may_begin_with_one_of_a_few_of_very_many_values() -> None:
    result = check(FIELD.format(type="seq[0..100, 5]", choices="{[], [100], [1, 2]}"))
    assert result.distinct == 81


def test_an_initial_value_of_a_field_outside_its_range_is_an_error() -> None:
    result = check(FIELD.format(type="0..3", choices="{0, 7}"))
    assert result.error is not None
    assert (result.error.code, result.distinct, result.generated) == ("E0601", 0, 0)


def test_a_map_is_chosen_value_by_value() -> None:
    """65 million maps, of which 16 are wanted."""
    text = "type K = 1..4\ntype V = 1..90\nvar m: map[K, V] in {f in map[K, V] where all k in K: f[k] in {k, 89}}\n"
    assert check(text).distinct == 16


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("invariant a: forall x in S: x", "all x in S"),
        ("invariant a: p && q", "write `and`"),
        ("invariant a: p || q", "write `or`"),
        ("invariant a: p => q", "write `implies`"),
        ("invariant a: p -> q", "write `implies`"),
        ("invariant a: not ~p", "write `not`"),
        ("invariant a: p and !q", "write `not`"),
        ("invariant a: p /\\ q", "and"),
        ("invariant a: ∀ x: p", "all x in S"),
        ("invariant a: if p then q", "A if CONDITION else B"),
        ("action a:\n    require p", "when CONDITION"),
        ("action a:\n    x := 1", "write `=`"),
        ("action a:\n    x++", "write `+= 1`"),
        ("action a:\n    while p:\n        x = 1", "for x in S"),
        ("action a: when p\n    x = 1", "below its colon"),
        ("variables x, y", "var NAME: TYPE = VALUE"),
        ("relation r(a: A)", "set[(A, B)]"),
        ("function f(x): x", "def NAME"),
        ("safety a: p", "invariant NAME"),
        ("var x: Option[int] = none", "`T?`"),
        ("var x: list[bool] = []", "`seq[T]`"),
        ("var x: string", "members of an enum"),
        ("sort Node\nmessage Ack() from Node to Node", "without parentheses"),
        ("var s: seq[0..1, 2] = []\ninvariant a: s <= s", "prefix(a, b)"),
    ],
)
def test_habits_from_other_languages(text: str, said: str) -> None:
    hints = [found.hint or "" for found in mistakes(text + "\n")]
    assert any(said in hint for hint in hints), hints
