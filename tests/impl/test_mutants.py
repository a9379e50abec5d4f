"""Every known mistake is caught: by the statements of the paper, by hostile runs, or beside a specification."""

from collections.abc import Callable

import pytest

from refinement.redis_lock import MAPPING as LOCKS
from tests.impl import hunts
from tests.impl.mutants import Mutant, crdt_set, raft, redis_lock
from tests.refinement import hold

Hunt = Callable[[int], None]


def hunt_lock_walks(seed: int) -> None:
    """Walks beside the specification: who may vote, obey and answer shows in single steps."""
    rejection = hold.walks(LOCKS, range(40 * seed, 40 * seed + 40))
    if rejection is not None:
        raise rejection


WAYS: dict[str, tuple[tuple[Mutant, ...], tuple[tuple[Hunt, int], ...]]] = {
    "raft": (raft.MUTANTS, ((hunts.hunt_paper, 1), (hunts.hunt_raft, 10))),
    "redis_lock": (redis_lock.MUTANTS, ((hunt_lock_walks, 3), (hunts.hunt_redis_lock, 6))),
    "crdt_set": (crdt_set.MUTANTS, ((hunts.hunt_orset, 40), (hunts.hunt_crdt_set, 8))),
}

CASES = [(protocol, mutant) for protocol, (mutants, _) in WAYS.items() for mutant in mutants if not mutant.quiet]


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
