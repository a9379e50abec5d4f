"""The Redis commands, held against a dumb model of each; and copies that sweep at other times."""

from random import Random

import pytest

from impl.raft import gateway
from impl.runtime import keyspace
from impl.runtime.commands import COMMANDS, execute, valid_command
from impl.runtime.effects import Command, Failure
from impl.runtime.keyspace import Keyspace
from impl.runtime.simulator import EPOCH
from refinement.harness import redis
from tests.impl.mutants.raft import MUTANTS

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


def batches(seed: int, count: int) -> list[tuple[int, tuple[Command, ...]]]:
    """Random commands, each few at a moment."""
    random, now, found = Random(seed), EPOCH, []
    for _ in range(count):
        now += random.choice((0, 1, 50, 700))
        found.append((now, tuple(redis.random_command(random) for _ in range(random.choice((1, 1, 3))))))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_commands_do_what_the_model_says(seed: int) -> None:
    hold(seed)


@pytest.mark.parametrize("name", ["deadline_stays", "counting_lasts", "watches_writes_only"])
def test_a_mistake_in_a_command_is_found(name: str) -> None:
    with BY_NAME[name].planted(), pytest.raises(AssertionError):
        for seed in range(20):
            hold(seed)


def hold(seed: int) -> None:
    """Commands and the model, side by side."""
    keys = Keyspace()
    for now, commands in batches(seed, 200):
        model = redis.model_of(keys, now)
        wanted = tuple(redis.execute(model, command, now) for command in commands)
        keys, results = execute(keys, commands, now)
        if model.sure:
            assert redis.fits(results, wanted), (commands, results, redis.shown(wanted))
        assert redis.difference(model, keys, now) is None, commands
        assert keyspace.load(keys.dump()) == keys


def test_every_command_is_among_the_random_ones() -> None:
    made = [command for _, commands in batches(0, 3000) for command in commands]
    assert all(map(valid_command, made))
    assert set(COMMANDS) - {command[0] for command in made} == {b"FLUSHALL", b"FLUSHDB"}
    assert set(COMMANDS) == set(redis.COMMANDS)


def test_an_error_of_a_command_is_served() -> None:
    _, (wrong,) = execute(Keyspace(), ((b"INCRBY", b"k", b"x"),), EPOCH)
    assert isinstance(wrong, Failure) and not redis.unserved(wrong)
    assert all(map(redis.unserved, (gateway.BUSY, gateway.UNKNOWN, gateway.NO_LEADER)))


@pytest.mark.parametrize("seed", range(20))
def test_copies_that_sweep_at_other_times_count_alike(seed: int) -> None:
    swept = lazy = Keyspace()
    random = Random(seed)
    for now, commands in batches(seed, 200):
        if random.random() < 0.3:
            swept = swept.at(now - random.randrange(600))
        swept, results = execute(swept, commands, now)
        lazy, same = execute(lazy, commands, now)
        assert results == same, commands
        assert (swept.version, redis.model_of(swept, now)) == (lazy.version, redis.model_of(lazy, now)), commands
