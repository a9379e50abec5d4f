"""A proof for any size is about crashes if the specification is."""

from __future__ import annotations

import pytest

from pyspec.lang import load_text
from pyspec.prove.engine import Options, prove
from pyspec.prove.result import ProofResult

SPEC = """protocol servers
role Server:
    KEPT busy: bool = false
    action take:
        when not taken
        busy = true
        taken = true
var taken: bool = false
invariant known: taken implies exists s in Server: s.busy
model ci:
    Server = 2
"""


def _prove(kept: str = "", more: str = "") -> ProofResult:
    text = SPEC.replace("KEPT ", kept) + more
    return prove(load_text(text), options=Options(seconds=2, cti_seconds=5, threads=1, use_cache=False))


def test_who_says_nothing_of_crashes_has_none_and_is_told() -> None:
    result = _prove()
    assert result.verdict == "proved"
    assert "nothing is said of crashes of Server: there are none" in result.axioms


@pytest.mark.parametrize("budget", ["crashes <= 1", "Server.crashes <= 1"])
def test_where_a_model_grants_crashes_the_proof_is_about_them(budget: str) -> None:
    result = _prove(more=f"model faulty:\n    Server = 2\n    {budget}\n")
    assert (result.verdict, result.axioms) == ("refuted", ())
    cti = result.properties[0].cti
    assert cti is not None and cti.target.action == "crash"


def test_a_stable_field_speaks_of_crashes() -> None:
    assert _prove("stable ").axioms == ()
    assert _prove(more="").verdict == "proved"
    other = SPEC.replace("KEPT ", "").replace("    action take", "    stable seen: bool = false\n    action take")
    assert prove(load_text(other), options=Options(seconds=2, cti_seconds=5, threads=1)).verdict == "refuted"


@pytest.mark.parametrize("size", ["len(Server) == 1", "len(Server) <= 2"])
def test_counterexamples_are_found_where_assumptions_settle_how_many_there_are(size: str) -> None:
    one = SPEC.replace("KEPT ", "").replace("Server = 2", "Server = 1") + f"assume few: {size}\n"
    wrong = load_text(one + "invariant never: not taken\n")
    result = prove(wrong, options=Options(seconds=2, cti_seconds=5, threads=1, use_cache=False))
    assert {prop.name: prop.fate for prop in result.properties}["never"] == "refuted"
