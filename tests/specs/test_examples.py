"""Specifications of tlaplus/Examples, written from docs/language.md alone: their counts are TLC's, or another search's.

TLC's figures (distinct, generated, depth less one) are those that the repository's manifests publish. Where there are
none the model is searched once more by the few lines of Python below, which know nothing of the language.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from pyspec.base.source import Source
from pyspec.check import search
from pyspec.cli.report import exit_code
from pyspec.cli.runner import Request, run
from pyspec.lang import load_spec
from pyspec.lang.format import format_text
from pyspec.model.instance import instantiate

FOLDER = Path(__file__).parent / "examples"
SPECS = sorted(FOLDER.glob("*.pspec"))
SLOW_IN_PYTHON = {"readers_writers", "key_value_store", "klotski", "disruptor"}

#: distinct, generated, depth (None: differs between TLC's runs) as published
PUBLISHED: dict[tuple[str, str], tuple[int, int | None, int | None]] = {
    ("alternating_bit", "ci"): (240, 1_392, 9),
    ("cat", "ci"): (48, 128, 0),
    ("cat", "odd"): (30, 78, 0),
    ("chang_roberts", "ci"): (137, 227, 9),
    ("cigarette_smokers", "ci"): (6, 15, 1),
    ("dining_philosophers", "ci"): (67, 336, 28),
    ("disruptor", "ci"): (8_496, 28_049, 81),
    ("ewd840", "ci"): (302, 2_001, None),
    ("ewd840", "four"): (1_566, 15_986, 11),
    ("prisoners", "ci"): (214, 860, 13),
    ("readers_writers", "ci"): (21_527, 59_674, 12),
    ("scheduling_allocator", "ci"): (1_690, 5_854, 6),
    ("tcp", "ci"): (1_182, None, 13),
    ("termination_detection", "ci"): (4_097, 53_271, 13),
    ("write_through_cache", "ci"): (5_196, 28_170, 17),
}


def report(name: str, model: str = "ci", **options: Any) -> dict[str, Any]:
    return run(Request(str(FOLDER / f"{name}.pspec"), model=model, **options))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_it_does_what_it_expects(path: Path) -> None:
    for model in load_spec(path).models:
        found = report(path.stem, model.name, engine="native")
        assert exit_code(found) == 0, (model.name, found["verdict"], found["errors"], found["expectations"])
        assert found["expectations"]


@pytest.mark.parametrize("path", [p for p in SPECS if p.stem not in SLOW_IN_PYTHON], ids=lambda path: path.stem)
def test_the_python_search_agrees(path: Path) -> None:
    native = report(path.stem, engine="native", symmetry=False)
    python = search.check(instantiate(load_spec(path), "ci"), symmetry=False)
    assert (python.distinct, python.generated, python.depth, python.verdict) == tuple(
        native[what] for what in ("distinct", "generated", "depth", "verdict")
    )


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_it_is_formatted(path: Path) -> None:
    text = path.read_text()
    assert format_text(Source(str(path), text)) == text


@pytest.mark.parametrize(("name", "model"), PUBLISHED)
def test_published_counts(name: str, model: str) -> None:
    found = report(name, model, symmetry=False)
    distinct, generated, depth = PUBLISHED[name, model]
    assert found["distinct"] == distinct
    assert generated in (None, found["generated"])
    assert depth in (None, found["depth"])


def test_solutions_are_shortest() -> None:
    """Eleven crossings; and 116 moves of one field, the known optimum of the puzzle."""
    for name, steps in (("missionaries", 11), ("klotski", 116)):
        (found,) = [p for p in report(name)["properties"] if p["verdict"] == "violated"]
        assert found["trace"]["length"] == steps


# ------------------------------------------------------------------------------------------- a search of its own

State = Any


def breadth_first(
    initial: Iterable[State], successors: Callable[[State], Iterable[State]], inside: Callable[[State], bool]
) -> tuple[int, int]:
    """Distinct and generated states."""
    first = list(initial)
    seen, generated = set(filter(inside, first)), len(first)
    todo = list(seen)
    for state in todo:
        for after in successors(state):
            generated += 1
            if inside(after) and after not in seen:
                seen.add(after)
                todo.append(after)
    return len(seen), generated


def put(items: tuple[Any, ...], at: int, value: object) -> tuple[Any, ...]:
    return (*items[:at], value, *items[at + 1 :])


def ring(n: int) -> tuple[Iterable[State], Callable[[State], Iterable[State]]]:
    """EWD840: (active, black, token, token is black)."""

    def after(state: State) -> Iterable[State]:
        active, black, token, dark = state
        for _ in filter(None, (token == 0 and dark, token == 0 and black[0])):
            yield active, put(black, 0, False), n - 1, False
        for _ in filter(None, (token and not active[token], token and black[token], token and dark)):
            yield active, put(black, token, False), token - 1, dark or black[token]
        for i in range(n):
            if active[i]:
                yield put(active, i, False), black, token, dark
                for j in set(range(n)) - {i}:
                    yield put(active, j, True), put(black, i, black[i] or j > i), token, dark

    flags = list(itertools.product((False, True), repeat=n))
    return itertools.product(flags, flags, range(n), (True,)), after


def bakery(state: State) -> Iterable[State]:
    """(label, number, set of those looked at) of three processes."""
    for p in range(3):
        label, number, seen = state[p]
        if label == "idle":
            yield put(state, p, ("choosing", number, seen))
        elif label == "choosing":
            yield put(state, p, ("waiting", 1 + max(n for _, n, _ in state), frozenset({p})))
        elif label == "critical":
            yield put(state, p, ("idle", 0, frozenset()))
        elif len(seen) == 3:
            yield put(state, p, ("critical", number, seen))
        for q in range(3):
            other, theirs, _ = state[q]
            first = theirs == 0 or (number, p) < (theirs, q)
            if label == "waiting" and q not in seen and other != "choosing" and first:
                yield put(state, p, (label, number, seen | {q}))


def subsets(items: Iterable[int]) -> Iterable[frozenset[int]]:
    pool = list(items)
    return (frozenset(c) for n in range(len(pool) + 1) for c in itertools.combinations(pool, n))


def broadcast(state: State) -> Iterable[State]:
    """(correct, label and what was received of each of three processes, sent), one crash."""
    correct, processes, sent = state
    for p in correct:
        label, got = processes[p]
        for more in subsets(sent - got):
            now = got | more
            yield correct, put(processes, p, (label, now)), sent
            accepted = (correct, put(processes, p, ("accepted", now)), sent | {p})
            if label == "v1":
                yield accepted
            if label in ("v0", "v1") and now:
                yield accepted
            if len(correct) > 2:
                yield correct - {p}, put(processes, p, ("crashed", now)), sent


def store(state: State) -> Iterable[State]:
    """(store, for each of two transactions: None or snapshot, written, missed), two keys, two values."""
    values, transactions = state
    for t, one in enumerate(transactions):
        if one is None:
            yield values, put(transactions, t, (values, frozenset(), frozenset()))
            continue
        snapshot, written, missed = one
        yield values, put(transactions, t, None)
        for k in range(2):
            for v in {None, 1, 2} - {snapshot[k]}:
                yield values, put(transactions, t, (put(snapshot, k, v), written | {k}, missed))
        if not missed & written:
            merged = tuple(snapshot[k] if k in written else values[k] for k in range(2))
            others = tuple(o and (o[0], o[1], o[2] | written) for o in transactions)
            yield merged, put(others, t, None)


def always(_: State) -> bool:
    return True


def test_counts_of_an_independent_search() -> None:
    empty: frozenset[int] = frozenset()
    labels = itertools.product(("v0", "v1"), repeat=3)
    runs = {
        ("ewd840", "ci"): (*ring(3), always),
        ("ewd840", "four"): (*ring(4), always),
        ("bakery", "ci"): ([(("idle", 0, empty),) * 3], bakery, lambda s: all(n <= 4 for _, n, _ in s)),
        ("reliable_broadcast", "ci"): (
            [(frozenset(range(3)), tuple((label, empty) for label in row), empty) for row in labels],
            broadcast,
            always,
        ),
        ("key_value_store", "ci"): ([((None, None), (None, None))], store, always),
    }
    for (name, model), (initial, successors, inside) in runs.items():
        found = report(name, model, symmetry=False)
        assert (found["distinct"], found["generated"]) == breadth_first(initial, successors, inside), name
