"""What no action writes is as it was at first: how many nodes are faulty, and what an initial state chose."""

from __future__ import annotations

from pathlib import Path

from pyspec.lang import load_spec, load_text
from pyspec.model.instance import instantiate
from pyspec.prove.engine import Options, prove, prove_instance

QUICK = Options(seconds=5, threads=1, use_cache=False)
CHOSEN = """protocol chosen
sort Node
var owner: Node in Node
var old: 0..3 in {0, 1}
var new: 0..3 = 0
action count:
    when new < old
    new += 1
invariant small: new <= 1
model ci: Node = 2
"""


def test_a_variable_that_is_never_written_keeps_its_first_value() -> None:
    assert prove(load_text(CHOSEN), options=QUICK).verdict == "proved"
    written = CHOSEN + "action grow:\n    when old < 3\n    old += 1\n"
    assert prove(load_text(written), options=QUICK).verdict == "refuted"


def test_at_the_sizes_of_a_model_no_more_nodes_are_byzantine_than_it_says() -> None:
    path = Path(__file__).resolve().parents[2] / "specs" / "pbft_certificates.pspec"
    assert prove_instance(instantiate(load_spec(path)), QUICK).verdict == "inductive"
    overrun = instantiate(load_spec(path), overrides={"byzantine": 2})
    assert prove_instance(overrun, QUICK).verdict == "refuted"
