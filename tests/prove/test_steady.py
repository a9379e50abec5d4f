"""Predicates that stay: what a sample shows to be kept is stated as a step property, which can be pasted and proved."""

from __future__ import annotations

from pyspec.lang import load_text
from pyspec.prove import engine
from pyspec.prove.candidates import Knowledge
from pyspec.prove.sizes import Sizes
from pyspec.prove.spell import lemma_line

LATCH = """protocol latch
sort Node
var done: set[Node] = {}
var open_to: set[Node] = Node
var busy: set[Node] = {}
action finish(n: Node): done += {n}
action close(n: Node): open_to -= {n}
action work(n: Node):
    if n in busy: busy -= {n}
    else: busy += {n}
def others_done(n: Node) -> bool: all m in Node: m == n or m in done
hint finished(n: Node): others_done(n)
hint some_open(n: Node): exists m in Node: m != n and m in open_to
hint some_busy(n: Node): exists m in Node: m != n and m in busy
hint never(n: Node): exists m in Node: m != n and m in busy and m not in Node
hint plain(n: Node): n in done
invariant fine: done <= Node
lemma stays_1: busy <= Node
model ci: Node = 3
"""


def test_what_stays_true_or_false_in_the_sample_is_stated_and_proved() -> None:
    spec = load_text(LATCH)
    knowledge = Knowledge(spec, float("inf"), lambda line: None)
    knowledge.sample(Sizes((("Node", 3),)), 5.0)
    lines = [lemma_line(spec, prop) for prop in knowledge.steady()]
    some_open = "(exists m in Node: m != n and m in open_to)"
    assert lines == [
        "step stays_2: all n in Node: others_done(n) implies others_done(n)'",
        f"step stays_3: all n in Node: {some_open}' implies {some_open}",
    ]
    options = engine.Options(seconds=5, cti_seconds=0, threads=1, use_cache=False)
    assert engine.prove(load_text(LATCH + "\n".join(lines) + "\n"), options=options).verdict == "proved"
