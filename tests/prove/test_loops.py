"""`for` loops for any size: all iterations at once, or a clear refusal."""

from __future__ import annotations

import pytest

from pyspec.base.diagnostics import SpecError
from pyspec.lang import load_text
from pyspec.prove.engine import Options, prove
from pyspec.prove.obligations import Obligations

HEAD = """protocol p
sort Node
message Hello(to_whom: Node)
network set
var mark: map[Node, 0..1] = {k: 0 for k in Node}
var link: map[(Node, Node), bool] = {(a, b): false for a, b in Node}
var chosen: set[Node] = {}
var total: 0..9 = 0
"""
QUICK = Options(seconds=3, cti_seconds=5, threads=1, use_cache=False)


def verdict(body: str, invariant: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    text = f"{HEAD}action pick(a: Node): chosen += {{a}}\naction go(a: Node):\n{lines}invariant i: {invariant}\n"
    text += "model ci: Node = 2\n"
    return prove(load_text(text), options=QUICK).verdict


@pytest.mark.parametrize(
    ("body", "invariant", "expected"),
    [
        (
            "for b in Node: mark[b] = 1",
            "(exists b in Node: mark[b] == 1) implies all b in Node: mark[b] == 1",
            "proved",
        ),
        (
            "for b in Node: mark[b] = 1 if b == a else 0",
            "all b, c in Node: mark[b] == 1 and mark[c] == 1 implies b == c",
            "proved",
        ),
        ("for b in chosen: mark[b] = 1", "all b in Node: mark[b] == 1 implies b in chosen", "proved"),
        ("for b in chosen: mark[b] = 1", "all b in Node: b in chosen implies mark[b] == 1", "refuted"),
        ("for b in chosen:\n    if b != a: send Hello(b)", "all m in network.Hello: m.to_whom in chosen", "proved"),
        ("for b in Node: link[a, b] = true", "all b, c, d in Node: link[b, c] implies link[b, d]", "proved"),
        ("for b in Node: link[b, a] = true", "all b, c, d in Node: link[b, c] implies link[b, d]", "refuted"),
    ],
)
def test_iterations_at_once(body: str, invariant: str, expected: str) -> None:
    assert verdict(body, invariant) == expected


@pytest.mark.parametrize(
    "body",
    [
        "for b in Node: total = 1",
        "for b in Node: mark[a] = 1",
        "for b in Node: mark[b] = mark[a]",
        "for b in Node: chosen = {b}",
        "for b in Node:\n    if b not in chosen: chosen += {b}",
        "for b in Node: link[a, a] = true",
    ],
)
def test_iterations_that_depend_on_each_other_are_refused(body: str) -> None:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    spec = load_text(f"{HEAD}action go(a: Node):\n{lines}invariant i: total < 2\n")
    with pytest.raises(SpecError) as wrong:
        list(Obligations(spec).all())
    assert wrong.value.diagnostics[0].code == "E0881"
