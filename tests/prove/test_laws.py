"""Laws for any size: proved, or false with values."""

from __future__ import annotations

import pytest

from pyspec.lang import load_spec, load_text
from pyspec.prove.engine import Options, prove
from tests.prove.test_any_size import SPECS

QUICK = Options(seconds=5, cti_seconds=8, threads=1, use_cache=False)
HEAD = """protocol laws
sort Replica
record Stamp(time: 0..9, site: Replica)
def join(a: map[Replica, 0..9], b: map[Replica, 0..9]) -> map[Replica, 0..9]: {r: max(a[r], b[r]) for r in Replica}
def take(a: map[Replica, 0..9], b: map[Replica, 0..9]) -> map[Replica, 0..9]:
    {r: b[r] if b[r] > 0 else a[r] for r in Replica}
def later(a: Stamp, b: Stamp) -> Stamp: a if a.time >= b.time else b
var x: bool = false
action flip: x = not x
model ci: Replica = 2
"""


@pytest.mark.parametrize(
    ("law", "true"),
    [
        ("(a, b: map[Replica, 0..9]): join(a, b) == join(b, a)", True),
        ("(a, b, c: map[Replica, 0..9]): join(join(a, b), c) == join(a, join(b, c))", True),
        ("(a: map[Replica, 0..9]): join(a, a) == a", True),
        ("(a, b: map[Replica, 0..9]): take(a, b) == take(b, a)", False),
        ("(a, b: Stamp): later(a, b) == later(b, a)", False),
        ("(a, b: Stamp): a.time != b.time implies later(a, b) == later(b, a)", True),
        ("(a, b: set[Replica]): (a | b) - b <= a and a & b == b & a", True),
        ("(a, b: set[Replica]): (a | b) - b == a", False),
        ("(a, b: seq[Replica]): prefix(a, a + b) and len(a + b) == len(a) + len(b)", True),
        ("(a, b: seq[Replica]): a + b == b + a", False),
        ("(a, b: set[Replica]): majority(a) and majority(b) implies a & b != {}", True),
        ("(a, b, c: 0..9): a * (b + c) == a * b + a * c and (b > 0 implies (a // b) * b + a % b == a)", True),
    ],
)
def test_laws(law: str, true: bool) -> None:
    (found,) = prove(load_text(f"{HEAD}law it{law}\n"), options=QUICK).properties
    assert found.fate == ("proved" if true else "refuted")
    if found.cti is not None:
        assert "it is false" in found.cti.trace.text()


@pytest.mark.parametrize("name", ["crdt_counter", "crdt_register", "xdcr"])
def test_laws_of_the_library(name: str) -> None:
    from dataclasses import replace

    spec = load_spec(str(SPECS / f"{name}.pspec"))
    kept = tuple(prop for prop in spec.properties if prop.kind in ("law", "assume"))
    laws = replace(spec, properties=kept, actions=())
    result = prove(laws, options=QUICK)
    assert {prop.name: prop.fate for prop in result.properties if prop.kind == "law" and prop.fate != "proved"} == {}


def test_a_law_that_is_true_as_it_is_written_is_an_obligation_too() -> None:
    result = prove(
        load_text(HEAD + "law plain(a, b: Stamp): later(a, b) == (a if a.time >= b.time else b)\n"), options=QUICK
    )
    (law,) = result.properties
    assert (law.fate, [(one.status, one.by) for one in law.obligations]) == ("proved", [("proved", "folding")])
