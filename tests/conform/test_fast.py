"""The fast model means what the interpreter's model means: the same steps from the same states."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest

from pyspec.conform.machine import FastModel
from pyspec.conform.steps import every_argument
from pyspec.conform.values import Long, Pool, concat, long, plain
from pyspec.conform.vector import Vector
from pyspec.lang import load_spec
from pyspec.model.errors import EvaluationError
from pyspec.model.instance import instantiate
from pyspec.model.machine import Machine
from pyspec.model.values import Rec

ROOT = Path(__file__).resolve().parents[2]
SPECS = sorted(path for path in (ROOT / "specs").glob("*.pspec"))


def fast_steps(model: FastModel, state: object) -> dict[str, set[tuple[object, ...]]]:
    """Every successor by action, as plain values; an evaluation error is one as well."""
    found: dict[str, set[tuple[object, ...]]] = {}
    for action in model.instance.spec.actions:
        for args in every_argument(model, action, state, ()):  # type: ignore[arg-type]
            try:
                for after in model.run(action.name)(state, *args):
                    found.setdefault(action.name, set()).add(tuple(model.values(after).values()))
            except EvaluationError as wrong:
                found.setdefault(action.name, set()).add((wrong.kind,))
    return found


def slow_steps(machine: Machine, state: object) -> dict[str, set[tuple[object, ...]]]:
    found: dict[str, set[tuple[object, ...]]] = {}
    for runner in machine.runners:
        for args in runner.arguments(state):  # type: ignore[arg-type]
            try:
                for after in runner.run(state, *args):
                    found.setdefault(runner.name, set()).add(tuple(after.values().values()))
            except EvaluationError as wrong:
                found.setdefault(runner.name, set()).add((wrong.kind,))
    return found


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_same_steps_as_the_interpreter(path: Path) -> None:
    spec = load_spec(path)
    instance = instantiate(dataclasses.replace(spec, properties=(), refines=()))
    machine, model, dice = Machine(instance), FastModel(instance), random.Random(1)
    state = dice.choice(model.initial())
    for _ in range(12):
        slow = machine.state(model.values(state))
        steps = slow_steps(machine, slow)
        assert fast_steps(model, state) == steps
        choices = [
            after
            for action in instance.spec.actions
            for args in every_argument(model, action, state, ())
            for after in runs(model, action.name, state, args)
        ]
        if not choices:
            break
        state = dice.choice(choices)


def runs(model: FastModel, action: str, state: object, args: tuple[object, ...]) -> list[object]:
    try:
        return list(model.run(action)(state, *args))
    except EvaluationError:
        return []


def test_long_sequences_are_sequences() -> None:
    dice = random.Random(2)
    mine, real = long(()), ()
    for count in range(300):
        if dice.random() < 0.1:
            cut = dice.randint(0, len(real))
            mine = mine.part(0, cut) if isinstance(mine, Long) else mine[:cut]
            real = real[:cut]
        more = tuple(dice.randint(0, 9) for _ in range(dice.randint(0, 5)))
        mine, real = concat(mine, more), real + more
        assert len(mine) == len(real) and plain(mine) == real
        assert isinstance(mine, Long) == (len(real) > 24)
        again = long(real)
        assert mine == again and (not isinstance(mine, Long) or mine.digest() == again.digest())  # type: ignore[union-attr]
        if isinstance(mine, Long):
            low, high = sorted(dice.randint(0, len(real)) for _ in range(2))
            assert plain(mine.part(low, high)) == real[low:high]
        assert count < 300


def test_states_are_told_apart_without_reading_long_sequences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "protocol log\nvar log: seq[0..9] = []\naction add(n in 0..9):\n    log = log + [n]\n"
    (tmp_path / "log.pspec").write_text(text, encoding="utf-8")
    model = FastModel(instantiate(load_spec(tmp_path / "log.pspec"), overrides={"capacity seq": 1000}))
    (one,), (other,) = model.initial(), model.initial()
    for count in range(100):
        (one,), (other,) = model.run("add")(one, count % 10), model.run("add")(other, count % 10)
    monkeypatch.setattr(Long, "__hash__", lambda self: pytest.fail("read through"))
    assert hash(one) == hash(other) and one == other


def test_vectors_that_share_their_items() -> None:
    dice = random.Random(3)
    kept: list[tuple[Vector, list[int]]] = [(Vector(), [])]
    for _ in range(60):
        vector, items = dice.choice(kept[-4:])
        if dice.random() < 0.4:
            vector, items = vector.cut(size := dice.choice([0, len(items), dice.randint(0, len(items))])), items[:size]
        for item in range(dice.choice([1, 31, 32, 33, 700, 1500])):
            vector, items = vector.append(item, sum(items)), [*items, item]
        kept.append((vector, items))
    assert max(len(items) for _, items in kept) > 32 * 32 * 2
    for vector, items in kept:
        assert [vector[at] for at in range(vector.count)] == items
        low, high = sorted(dice.randint(0, len(items)) for _ in range(2))
        assert list(vector.between(low, high)) == items[low:high]
        assert vector.digest(high, lambda found, item: found + item) == sum(items[:high])


def test_a_pool_that_keeps_the_latest() -> None:
    pool, sent = Pool(False, keep=10), [Rec("M", ("a", "b"), (n % 3, n)) for n in range(100)]
    for count, message in enumerate(sent, 1):
        pool = pool.plus([message])
        assert all(one in pool for one in sent[max(0, count - 10) : count])
        assert set(pool) == set(sent[count - len(pool) : count]) and len(pool) <= 20
        assert set(pool.having((0,), (0,))) == {m for m in sent[count - len(pool) : count] if m["a"] == 0}
    assert pool.forgotten + len(pool) == 100


def test_the_size_of_a_pool_is_known_without_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    dice, pool = random.Random(4), Pool(False, keep=8)
    for _ in range(600):
        message = Rec("M", ("a",), (dice.randrange(30),))
        pool = pool.plus([message]) if dice.random() < 0.8 else pool.minus([message])
        assert len(pool) == len(set(pool)) == len(list(pool))
    assert pool.forgotten
    monkeypatch.setattr(Pool, "__iter__", None)
    assert len(pool) > 0


@pytest.mark.parametrize("bag", [False, True])
def test_pools_are_sets_and_bags(bag: bool) -> None:
    dice = random.Random(3)
    messages = [Rec("M", ("a", "b"), (a, b)) for a in range(6) for b in range(8)]
    pool, real = Pool(bag), {}
    for _ in range(400):
        message = dice.choice(messages)
        if dice.random() < 0.7:
            pool = pool.plus([message])
            real[message] = real.get(message, 0) + 1 if bag else 1
        else:
            pool = pool.minus([message])
            real = {m: n - (m == message) for m, n in real.items() if n - (m == message) > 0}
        assert dict(pool.counts) == real and len(pool) == sum(real.values())
        for a in range(6):
            assert sorted(pool.having((0,), (a,)), key=repr) == sorted((m for m in real if m["a"] == a), key=repr)
    other = Pool(bag)
    for message in dice.sample(list(real), len(real)):
        other = other.plus([message] * real[message])
    assert other == pool and other.digest() == pool.digest() and hash(other) == hash(pool)
