"""Which lemmas a proof needs: without one of them it does not succeed."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from pyspec.cli.main import cli
from pyspec.lang import core, load_text
from pyspec.model.instance import instantiate
from pyspec.prove.engine import Options, prove, prove_instance
from pyspec.prove.needed import Need, needs
from pyspec.prove.result import ProofResult

SPEC = """protocol counters
sort Node
var seen: map[Node, int] = {n: 0 for n in Node}
var top, more: int = 0
action learn(n: Node):
    when seen[n] < top
    seen[n] = top
action raise_it:
    top = more + 1
    more += 2 if top > 0 else 1
invariant sound: all n in Node: seen[n] <= top and 0 <= seen[n]
model ci: Node = 2 int in 0..9 limit top < 5
"""
#: Either of the first two will do; the third says what everybody can see; the fourth rests on itself alone.
LEMMAS = """lemma ahead: more >= top
lemma far_ahead: more >= top and more >= 0
lemma idle: all n in Node: seen[n] == seen[n]
lemma natural: top >= 0
"""
OPTIONS = Options(seconds=5, cti_seconds=5, threads=1)


def _needs(text: str) -> dict[str, Need]:
    spec = load_text(text)

    def proved(less: core.Spec, options: Options) -> ProofResult:
        return prove(less, (), options)

    assert prove(spec, (), OPTIONS).verdict == "proved"
    return {one.lemma: one for one in needs(spec, proved, OPTIONS, lambda _: None)}


def test_of_two_lemmas_that_say_the_same_neither_is_needed_alone() -> None:
    found = _needs(SPEC + LEMMAS)
    assert {name: one.needed for name, one in found.items() if name != "natural"} == {
        "ahead": False,
        "far_ahead": False,
        "idle": False,
    }


def test_without_a_lemma_that_is_needed_it_is_said_what_is_not_inductive() -> None:
    found = _needs(SPEC + "lemma far_ahead: more >= top and more >= 0\n")
    assert (found["far_ahead"].needed, found["far_ahead"].refuted) == (True, ("sound",))


@pytest.mark.parametrize("name", ["far_ahead", "ahead"])
def test_what_is_needed_fails_without(name: str) -> None:
    lemmas = [line for line in LEMMAS.splitlines(keepends=True) if not line.startswith(f"lemma {name}:")]
    for lemma, need in _needs(SPEC + "".join(lemmas)).items():
        less = SPEC + "".join(line for line in lemmas if not line.startswith(f"lemma {lemma}:"))
        assert need.needed == (prove(load_text(less), (), OPTIONS).verdict != "proved"), lemma


def test_time_that_is_up_tells_nothing() -> None:
    spec = load_text(SPEC + LEMMAS)
    out = Options(seconds=5, max_seconds=0.0)
    assert [one.needed for one in needs(spec, partial(_never), out, lambda _: None)] == [None] * 4


def _never(spec: core.Spec, options: Options) -> ProofResult:
    raise AssertionError("there is no time for a proof")


def test_a_counterexample_at_the_sizes_of_a_model_is_enough() -> None:
    spec = load_text(SPEC + "lemma far_ahead: more >= top and more >= 0\n")

    def small(less: core.Spec, options: Options) -> ProofResult:
        return prove_instance(instantiate(less), options)

    found = needs(spec, _never, OPTIONS, lambda _: None, small)
    assert [(one.lemma, one.needed, one.refuted) for one in found] == [("far_ahead", True, ("sound",))]


def test_no_counterexample_there_says_nothing() -> None:
    spec = load_text(SPEC + LEMMAS)

    def small(less: core.Spec, options: Options) -> ProofResult:
        return prove_instance(instantiate(less), options)

    def proved(less: core.Spec, options: Options) -> ProofResult:
        return prove(less, (), options)

    found = {one.lemma: one.needed for one in needs(spec, proved, OPTIONS, lambda _: None, small)}
    assert found["idle"] is False and found["ahead"] is False


def test_the_command_says_what_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "counters.pspec"
    path.write_text(
        SPEC + "lemma idle: all n in Node: seen[n] == seen[n]\nlemma far_ahead: more >= top and more >= 0\n"
    )
    asked = ["prove", "--no-search", "--needed", str(path)]
    shown = CliRunner().invoke(cli, asked).output
    assert "needed: far_ahead (without it sound is not inductive)" in shown
    assert "not needed, each by itself: idle" in shown
    report = json.loads(CliRunner().invoke(cli, [*asked, "--json"]).output)
    assert {one["name"]: one["needed"] for one in report["needs"]} == {"idle": False, "far_ahead": True}
