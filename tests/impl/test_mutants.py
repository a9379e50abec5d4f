"""Every known mistake is caught: by the statements of the paper, by hostile runs, or beside an oracle."""

from collections.abc import Callable

import pytest

from tests.impl import hunts
from tests.impl.mutants import Mutant, crdt_set, raft, redis_lock

Hunt = Callable[[int], None]
WAYS: dict[str, tuple[tuple[Mutant, ...], tuple[tuple[Hunt, int], ...]]] = {
    "raft": (raft.MUTANTS, ((hunts.hunt_paper, 1), (hunts.hunt_raft, 10))),
    "redis_lock": (redis_lock.MUTANTS, ((hunts.hunt_redis_lock, 6),)),
    "crdt_set": (crdt_set.MUTANTS, ((hunts.hunt_orset, 40), (hunts.hunt_crdt_set, 8))),
}

NOT_YET = {
    ("redis_lock", name)
    for name in (
        "tokens_without_epoch",
        "votes_after_restart",
        "votes_within_lease",
        "confirms_itself",
        "obeys_old_leaders",
        "votes_twice",
        "promises_before_flush",
    )
}
"""Mistakes that these runs do not catch: the refinement harness does (`python -m refinement mutants`)."""

CASES = [
    (protocol, mutant)
    for protocol, (mutants, _) in WAYS.items()
    for mutant in mutants
    if (protocol, mutant.name) not in NOT_YET
]


@pytest.mark.parametrize(("protocol", "mutant"), CASES, ids=[f"{protocol}-{mutant.name}" for protocol, mutant in CASES])
def test_the_mistake_is_caught(protocol: str, mutant: Mutant) -> None:
    with mutant.planted(), pytest.raises(Exception):  # noqa: B017  # a broken promise, or a core that stops itself
        for hunt, seeds in WAYS[protocol][1]:
            for seed in range(seeds):
                hunt(seed)


@pytest.mark.parametrize("protocol", WAYS)
def test_the_code_as_it_is_passes(protocol: str) -> None:
    for hunt, seeds in WAYS[protocol][1]:
        for seed in range(seeds):
            hunt(seed)
