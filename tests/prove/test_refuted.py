"""What the library proves is proved for the reasons that it gives: with a declared flaw the proof fails with a
counterexample to induction, by the search of a model and without it; without a lemma that the proof uses it fails; and
a lemma that is false is reported as false.

Every case also runs alone: `pytest tests/prove/test_refuted.py -k "paxos and any_reported_value"`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pyspec.cli.proving import Asked, prove_file
from pyspec.cli.runner import bounds
from pyspec.lang import core, load_spec
from pyspec.model.instance import choose_model, instantiate
from pyspec.prove.engine import Options, prove, prove_instance
from pyspec.prove.faults import without_crashes
from pyspec.prove.needed import needs
from pyspec.prove.result import ProofResult

SPECS = Path(__file__).resolve().parents[2] / "specs"
PROVED = (
    "fenced_lock",
    "pbft_certificates",
    "two_phase_commit",
    "voting",
    "paxos",
    "raft_core",
    "multi_voting",
    "replica_set",
    "zab_core",
)
QUICK = ("fenced_lock", "two_phase_commit")
#: Lemmas that a reader might take for true.
FALSE = {
    "fenced_lock": (
        "all c in Client: held[c] <= highest",
        "all c in Client: held[c] == 0 or held[c] == token",
    ),
    "pbft_certificates": ("all m, n in Value: certificate(m) implies m == n",),
    "two_phase_commit": (
        "decision == abort implies all r in RM: phase[r] != prepared",
        "all r in RM: phase[r] == prepared implies Prepared(r) in network and decision == undecided",
        "all r in ready: phase[r] == prepared",
    ),
    "voting": (
        "all a in Acceptor, x, y in votes[a]: x.value == y.value",
        "all a, b in Acceptor, x in votes[a]: max_ballot[b] != none",
    ),
    "paxos": (
        "all m, n in network.Accept: m.value == n.value",
        "all m in network.Accepted: exists Q in Quorum2: all a in Q: Accepted(m.bal, m.value, from = a) in network",
    ),
    "raft_core": (
        "all s in Server: mode[s] == leader implies term[s] == 1",
        "all s, r in Server: mode[s] == leader and mode[r] == leader implies s == r",
        "all s in Server: commit[s] > 0 implies mode[s] == leader",
    ),
    "multi_voting": ("all a in Acceptor, x, y in votes[a]: x.slot == y.slot implies x.command == y.command",),
    "replica_set": (
        "all n, m in Node: n.mode == primary and m.mode == primary implies n == m",
        "all n in Node: n.mode == primary implies len(n.oplog) == len(longest())",
    ),
    "zab_core": (
        "all s, r in Server: leading[s] and leading[r] implies s == r",
        "all s in Server: source[s] == epoch[s]",
    ),
}


def _path(name: str) -> Path:
    return SPECS / f"{name}.pspec"


def _spec(name: str) -> core.Spec:
    spec = load_spec(_path(name))
    return replace(spec, properties=tuple(prop for prop in spec.properties if prop.kind != "refines"))


def _case(name: str, *rest: object) -> object:
    marks = () if name in QUICK else pytest.mark.slow
    return pytest.param(name, *rest, id="-".join(map(str, (name, *rest))), marks=marks)


def _flaws() -> list[object]:
    declared = ((name, _path(name).read_text(encoding="utf-8")) for name in PROVED)
    return [_case(name, flaw) for name, text in declared for flaw in re.findall(r"^flaw (\w+)", text, re.MULTILINE)]


@pytest.mark.parametrize(("name", "flaw"), _flaws())
def test_a_flaw_is_false_with_the_step_that_breaks_the_induction(name: str, flaw: str) -> None:
    report = prove_file(str(_path(name)), Asked(flaws=(flaw,), no_refinement=True, no_cache=True), None)
    false = [prop for prop in report["properties"] if prop["verdict"] == "false"]
    assert (report["verdict"], report["exit_code"]) == ("refuted", 1)
    assert any(prop["breaks"] for prop in false)


@pytest.mark.parametrize(("name", "flaw"), _flaws())
def test_a_flaw_has_a_counterexample_to_induction(name: str, flaw: str) -> None:
    result = prove(_spec(name), (flaw,), Options(max_seconds=150))
    assert result.verdict == "refuted"
    assert any(prop.cti is not None for prop in result.properties)


def _false() -> list[object]:
    return [_case(name, number) for name, several in FALSE.items() for number in range(len(several))]


@pytest.mark.parametrize(("name", "number"), _false())
def test_a_false_lemma_is_false(name: str, number: int, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.pspec"
    for needed in SPECS.rglob("*.pspec"):
        copy = tmp_path / needed.relative_to(SPECS)
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(needed.read_text(encoding="utf-8"), encoding="utf-8")
    text = path.read_text(encoding="utf-8") + f"\nlemma plausible:\n    {FALSE[name][number]}\n"
    path.write_text(text, encoding="utf-8")
    report = prove_file(str(path), Asked(no_refinement=True, no_cache=True), None)
    verdicts = {prop["name"]: prop["verdict"] for prop in report["properties"]}
    assert verdicts.pop("plausible") == "false"
    assert set(verdicts.values()) == {"not tried"}


@pytest.mark.parametrize(("name", "flaw"), _flaws())
def test_a_flaw_is_not_inductive_in_the_model_that_shows_it(name: str, flaw: str) -> None:
    spec = _spec(name)
    declared = next(one for one in spec.flaws if one.name == flaw)
    model = bounds(spec, choose_model(spec, declared.model or "ci"), flaw)
    result = prove_instance(instantiate(spec, model, {}, (flaw,)), Options(seconds=10, max_seconds=150))
    assert result.verdict == "refuted"
    assert any(prop.cti is not None for prop in result.properties)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROVED)
def test_no_lemma_is_there_for_nothing(name: str) -> None:
    spec = _spec(name)

    def small(less: core.Spec, options: Options) -> ProofResult:
        return prove_instance(instantiate(without_crashes(less)), options)

    def proved(less: core.Spec, options: Options) -> ProofResult:
        return prove(less, (), options)

    found = needs(spec, proved, Options(max_seconds=3600), lambda _: None, small)
    assert [one.lemma for one in found if one.needed is False] == []
