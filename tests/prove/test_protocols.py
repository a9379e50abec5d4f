"""Protocols outside the library, written from the language reference: proved for any size, and not with a flaw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pyspec.lang import core, load_spec
from pyspec.model.instance import instantiate
from pyspec.prove.engine import Options, prove, prove_instance

QUICK = Options(seconds=10, cti_seconds=15, threads=1, use_cache=False)
FOLDER = Path(__file__).parent / "protocols"
NAMES = [
    "lock_server", "toy_consensus", "ring_election", "ticket_lock", "sharded", "abd_register", "chain_replication",
    "bakery", "epoch_lock", "token_ring", "lease", "ring_names", "many_locks", "moving_keys", "queue_lock",
    "ring_positions", "locks_by_role", "crashing_coordinator", "reliable_broadcast",
]  # fmt: skip
FLAWS = [
    ("lock_server", "grants_twice"),
    ("toy_consensus", "votes_again"),
    ("toy_consensus", "any_vote"),
    ("ring_election", "forwards_all"),
    ("ticket_lock", "no_increment"),
    ("sharded", "keeps_copy"),
    ("abd_register", "hasty"),
    ("chain_replication", "skips"),
    ("bakery", "barges_in"),
    ("epoch_lock", "keeps"),
    ("epoch_lock", "same_epoch"),
    ("token_ring", "hands_on_early"),
    ("token_ring", "takes_twice"),
    ("lease", "grants_early"),
    ("lease", "writes_late"),
    ("ring_names", "passes_all"),
    ("many_locks", "forgets"),
    ("moving_keys", "keeps"),
    ("queue_lock", "barges"),
    ("ring_positions", "passes_all"),
    ("locks_by_role", "grants_twice"),
    ("crashing_coordinator", "forgets"),
    ("reliable_broadcast", "believes_one"),
]
#: A lemma of each without which the rest is not inductive.
NEEDED = [
    ("lock_server", "grant_or_hold"),
    ("toy_consensus", "backed"),
    ("ring_election", "no_bypass"),
    ("ticket_lock", "unique"),
    ("sharded", "in_flight"),
    ("abd_register", "at_a_majority"),
    ("bakery", "inside_is_first"),
    ("epoch_lock", "newer_than_all"),
    ("token_ring", "not_both"),
    ("lease", "running_is_granted"),
    ("ring_names", "passed"),
    ("many_locks", "one_grant"),
    ("moving_keys", "in_flight"),
    ("queue_lock", "head_holds"),
    ("ring_positions", "passed"),
    ("locks_by_role", "granted_once"),
    ("crashing_coordinator", "counted"),
    ("reliable_broadcast", "ready_once"),
]


def spec(name: str) -> core.Spec:
    return load_spec(str(FOLDER / f"{name}.pspec"))


@pytest.mark.parametrize("name", NAMES)
def test_proved_for_any_size(name: str) -> None:
    result = prove(spec(name), options=QUICK)
    assert result.verdict == "proved", {prop.name: prop.fate for prop in result.properties}


@pytest.mark.parametrize("name", NAMES)
def test_inductive_at_the_sizes_of_the_model(name: str) -> None:
    result = prove_instance(instantiate(spec(name)), QUICK)
    assert result.verdict == "inductive", {prop.name: prop.fate for prop in result.properties}


@pytest.mark.parametrize(("name", "flaw"), FLAWS)
def test_a_flaw_has_a_counterexample(name: str, flaw: str) -> None:
    result = prove(spec(name), (flaw,), QUICK)
    assert result.verdict == "refuted"
    assert any(prop.cti is not None for prop in result.properties)


@pytest.mark.parametrize(("name", "lemma"), NEEDED)
def test_without_a_needed_lemma_there_is_a_counterexample(name: str, lemma: str) -> None:
    whole = spec(name)
    less = replace(whole, properties=tuple(prop for prop in whole.properties if prop.name != lemma))
    assert prove(less, options=QUICK).verdict == "refuted"
