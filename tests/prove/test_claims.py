"""What the repository claims to be proved for any number of nodes: the quick ones here, all of them every night."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pyspec.lang import core, load_spec, load_text
from pyspec.prove.engine import Options, prove

SPECS = Path(__file__).resolve().parents[2] / "specs"
OPTIONS = Options(seconds=20, cti_seconds=5)
#: specification -> the properties that are proved.
QUICK = {
    "fenced_lock": {"tokens_are_unique", "fenced_order", "tokens_grow"},
    "pbft_certificates": {"one_certificate"},
    "redis_lock": {"mutual_exclusion", "token_uniqueness", "fenced_order", "owner_only_release"},
    "redlock": {"mutual_exclusion"},
    "crdt_map": {"reset_remove", "strong_convergence"},
}
SLOW = {
    "two_phase_commit": {"consistent", "one_decision", "decisions_are_final", "refines_transaction_commit"},
    "voting": {"agreement", "one_value_per_ballot", "votes_safe", "refines_consensus"},
    "paxos": {"agreement", "validity", "one_value_per_ballot", "votes_safe", "promises_are_kept", "refines_voting"},
    "multi_voting": {"agreement", "one_command_per_ballot", "votes_safe"},
    "raft_core": {"election_safety", "log_matching", "leader_completeness", "state_machine_safety"},
    "zab_core": {"primary_uniqueness", "primary_integrity", "agreement", "primary_order", "integrity"},
    "galera": {"same_verdicts", "equal_at_equal_seqno", "no_lost_update", "durability"},
    "crdt_set": {"observed_remove", "strong_convergence"},
    "multi_value_register": {"nothing_is_lost", "only_current", "strong_convergence"},
    "replica_set": {"never_roll_back_committed", "never_roll_back_before_commit_point", "leader_completeness"},
}


def _spec(name: str, refinement: bool = False) -> core.Spec:
    spec = load_spec(SPECS / f"{name}.pspec")
    kept = tuple(prop for prop in spec.properties if refinement or prop.kind != "refines")
    return core.Spec(**{**vars(spec), "properties": kept})


def _check(name: str, claims: set[str]) -> None:
    spec = _spec(name, any(claim.startswith("refines_") for claim in claims))
    found = {prop.name: prop.fate for prop in prove(spec, options=OPTIONS).properties}
    assert {claim: found.get(claim) for claim in claims} == dict.fromkeys(claims, "proved")


@pytest.mark.parametrize("name", QUICK)
def test_it_is_proved(name: str) -> None:
    _check(name, QUICK[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_it_is_proved_in_time(name: str) -> None:
    _check(name, SLOW[name])


@pytest.mark.parametrize(
    ("name", "flaw", "broken"),
    [
        ("fenced_lock", "reuses_token", "tokens_are_unique"),
        ("pbft_certificates", "prepares_twice", "one_certificate"),
    ],
)
def test_a_flaw_is_not_proved(name: str, flaw: str, broken: str) -> None:
    result = prove(_spec(name), flaws=(flaw,), options=OPTIONS)
    unproved = {prop.name for prop in result.properties if prop.fate != "proved"}
    assert result.verdict != "proved"
    assert unproved, f"{broken} or a lemma that it rests on"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "flaw"),
    [
        ("replica_set", "counts_newer_terms"),
        ("replica_set", "stale_wins"),
        ("replica_set", "rolls_back_always"),
        ("zab_core", "ignores_zxid"),
        ("zab_core", "obeys_old_primary"),
        ("zab_core", "minority_commits"),
        ("voting", "asks_one_ballot_back"),
        ("paxos", "ignores_promises"),
    ],
)
def test_a_flaw_has_a_counterexample_to_induction(name: str, flaw: str) -> None:
    result = prove(_spec(name), flaws=(flaw,), options=Options(seconds=5, cti_seconds=40))
    assert any(prop.cti is not None for prop in result.properties)


def _fates(spec: core.Spec, left_out: Callable[[core.Property], bool]) -> dict[str, str]:
    bare = core.Spec(**{**vars(spec), "properties": tuple(p for p in spec.properties if not left_out(p))})
    return {prop.name: prop.fate for prop in prove(bare, options=OPTIONS).properties}


@pytest.mark.parametrize("name", QUICK)
def test_without_its_lemmas_it_is_not_proved(name: str) -> None:
    fates = _fates(_spec(name), lambda prop: prop.kind == "lemma")
    assert any(fates[claim] != "proved" for claim in QUICK[name])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "lemma"),
    [
        ("replica_set", "later_logs_have_it"),
        ("replica_set", "entries_come_from_elected"),
        ("zab_core", "later_primaries_have_it"),
        ("paxos", "promises_report_earlier_votes"),
    ],
)
def test_without_a_lemma_it_is_not_proved(name: str, lemma: str) -> None:
    fates = _fates(_spec(name), lambda prop: prop.name == lemma)
    assert lemma not in fates
    assert set(fates.values()) != {"proved"}


def _laws() -> dict[str, core.Spec]:
    found = {path.stem: load_spec(path) for path in sorted(SPECS.glob("*.pspec"))}
    return {name: spec for name, spec in found.items() if any(prop.kind == "law" for prop in spec.properties)}


def test_every_law_of_the_library_is_proved() -> None:
    laws = _laws()
    assert {"crdt_counter", "crdt_set", "crdt_map", "xdcr", "vector_clock", "galera", "pbft_certificates"} <= set(laws)
    for name, spec in laws.items():
        only = tuple(prop for prop in spec.properties if prop.kind in ("law", "assume"))
        bare = core.Spec(**{**vars(spec), "properties": only, "actions": (), "refines": ()})
        assert prove(bare, options=OPTIONS).verdict == "proved", name


def test_a_law_that_does_not_hold_is_refuted() -> None:
    text = (SPECS / "crdt_counter.pspec").read_text(encoding="utf-8")
    spec = load_text(text + "\nlaw constant(a: int, b: int): a + b == a\n")
    only = tuple(prop for prop in spec.properties if prop.kind == "law")
    bare = core.Spec(**{**vars(spec), "properties": only, "actions": (), "refines": ()})
    fates = {prop.name: prop.fate for prop in prove(bare, options=OPTIONS).properties}
    assert fates.pop("constant") != "proved"
    assert set(fates.values()) == {"proved"}
