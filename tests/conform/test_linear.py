"""The search against all orders, on small random histories; the models; the file format; the page."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest

from pyspec.base.diagnostics import SpecError
from pyspec.conform.linear import MODELS, History, Model, Operation, check_history, read_history
from pyspec.conform.linear.history import FOREVER, make_history
from pyspec.conform.linear.timeline import explanation, timeline


def brute_force(operations: list[Operation], model: Model) -> bool:
    """Whether some order of some of the operations (all that returned) respects real time and the model."""
    unsure = [o for o in operations if o.outcome == "info"]
    sure = [o for o in operations if o.outcome == "ok"]
    for count in range(len(unsure) + 1):
        for some in itertools.combinations(unsure, count):
            for order in itertools.permutations([*sure, *some]):
                if respects_time(order) and allowed(order, model):
                    return True
    return False


def respects_time(order: tuple[Operation, ...]) -> bool:
    return all(not two.end < one.start for at, one in enumerate(order) for two in order[at + 1 :])


def allowed(order: tuple[Operation, ...], model: Model) -> bool:
    states: list[Any] = [model.initial()]
    for operation in order:
        states = [after for state in states for after in model.step(state, operation)]
    return bool(states)


def random_history(dice: random.Random, kind: str) -> History:
    """Up to six operations of two or three clients with plausible results."""
    calls = {
        "register": [("write", 1), ("write", 2), ("read", None), ("cas", [1, 2]), ("cas", [2, 1])],
        "kv": [("set", "a"), ("get", None), ("del", None), ("setnx", "b"), ("append", "c"), ("incr", None)],
        "lock": [("acquire", None), ("acquire", None), ("release", None)],
        "lease": [("acquire", None), ("acquire", None), ("release", None)],
        "set": [("add", 1), ("add", 2), ("remove", 1), ("contains", 1), ("members", None)],
        "queue": [("enqueue", 1), ("enqueue", 2), ("dequeue", None)],
        "counter": [("incr", None), ("add", 2), ("read", None)],
    }[kind]
    results: dict[str, list[Any]] = {
        "read": [None, 0, 1, 2, 3], "get": [None, "a", "b", "ac", "1"], "cas": [True, False], "del": [0, 1],
        "setnx": [True, False], "append": [1, 2, 3], "incr": [1, 2, 3], "acquire": [False, 1, 2, 3],
        "release": [True, False], "contains": [True, False], "members": [[], [1], [1, 2]], "dequeue": [None, 1, 2],
        "add": [2, 3, 4] if kind == "counter" else [None, 1],
    }  # fmt: skip
    operations, clock = [], dict.fromkeys(range(dice.choice([2, 3])), 0.0)
    for number in range(dice.randint(2, 6)):
        client = dice.choice(list(clock))
        if clock[client] == FOREVER:
            continue
        f, value = dice.choice(calls)
        start = clock[client] + dice.randint(0, 3)
        end = start + dice.randint(1, 5)
        args = {} if value is None else {"value": value}
        made = Operation(number, str(client), f, args, start, number + 1)
        if dice.random() < 0.8:
            made.outcome, made.end, made.result = "ok", end, dice.choice(results.get(f, ["OK"]))
            clock[client] = end + 0.5
        else:
            clock[client] = FOREVER
        operations.append(made)
    return History("random", operations)


@pytest.mark.parametrize("kind", list(MODELS))
def test_against_all_orders(kind: str) -> None:
    dice, model, verdicts = random.Random(kind), MODELS[kind](), []
    for _ in range(250):
        history = random_history(dice, kind)
        if not history.operations:
            continue
        found = check_history(history, model)
        assert found.linearizable == brute_force(history.operations, model), [str(o) for o in history.operations]
        if found.linearizable:
            by_id = {o.id: o for o in history.operations}
            order = tuple(by_id[i] for i in sorted(found.order, key=found.order.__getitem__))
            assert respects_time(order) and allowed(order, model)
            assert {o.id for o in history.operations if o.outcome == "ok"} <= set(found.order)
        verdicts.append(found.linearizable)
    assert 20 < sum(verdicts) < len(verdicts) - 20


def simulated(
    dice: random.Random, operations: int, clients: int, keys: int, stale: bool = False
) -> list[dict[str, Any]]:
    """A history of a store that is linearizable: each operation happens at a random moment of its interval."""
    rows: list[dict[str, Any]] = []
    store: dict[str, Any] = {}
    old: dict[str, Any] = {}
    pending = []
    now = 0.0
    for number in range(operations):
        process = number % clients
        now += dice.random()
        start, end = now, now + dice.random() * clients
        pending.append((dice.uniform(start, end), start, end, process, f"k{dice.randrange(keys)}", number))
    free = dict.fromkeys(range(clients), 0.0)
    for at, start, end, process, key, number in sorted(pending):
        if start < free[process]:
            continue
        free[process] = end + 0.01
        row = {"process": process, "key": key, "start": start, "end": end, "type": "ok", "index": at}
        if dice.random() < 0.5:
            old[key] = store.get(key)
            store[key] = number
            row |= {"f": "set", "value": number, "result": "OK"}
        else:
            row |= {"f": "get", "result": store.get(key)}
        rows.append(row)
    if stale:
        rows[-5] = {**{k: v for k, v in rows[-5].items() if k != "value"}, "f": "get", "result": "never written"}
    return rows


def test_a_long_history_by_its_commit_order_and_by_search() -> None:
    rows = simulated(random.Random(1), 20_000, 8, 5)
    by_order = check_history(make_history(enumerate(rows, 1)), MODELS["kv"]())
    assert by_order.linearizable and by_order.evidence == "witness" and by_order.keys == 5
    for row in rows:
        del row["index"]
    by_search = check_history(make_history(enumerate(rows, 1)), MODELS["kv"]())
    assert by_search.linearizable and by_search.evidence == "search"


def test_a_wrong_commit_order_is_no_proof() -> None:
    rows = simulated(random.Random(2), 300, 4, 1)
    rows[40]["index"], rows[80]["index"] = rows[80]["index"], rows[40]["index"]
    found = check_history(make_history(enumerate(rows, 1)), MODELS["kv"]())
    assert found.linearizable and found.evidence == "search"


def rows_with_lost_writes(last: str) -> list[dict[str, Any]]:
    """A key that is written and read in turn, beside hundreds of writes of which nobody knows the outcome."""
    rows = []
    for number in range(300):
        start = 10.0 * number
        rows.append(
            {"process": f"lost{number}", "f": "set", "key": "k", "value": f"x{number}", "type": "info", "start": start}
        )
        value = f"x{number}" if number % 100 == 50 else f"v{number}"
        if value[0] == "v":
            rows.append(
                {
                    "process": 1,
                    "f": "set",
                    "key": "k",
                    "value": value,
                    "type": "ok",
                    "start": start + 1,
                    "end": start + 5,
                }
            )
        rows.append(
            {"process": 2, "f": "get", "key": "k", "result": value, "type": "ok", "start": start + 6, "end": start + 8}
        )
    return [*rows, {"process": 2, "f": "get", "key": "k", "result": last, "type": "ok", "start": 9000.0, "end": 9001.0}]


@pytest.mark.parametrize(("last", "verdict"), [("x7", "linearizable"), ("v7", "not linearizable")])
def test_writes_that_were_lost_do_not_hinder_the_search(last: str, verdict: str) -> None:
    rows = [{"end": row["start"], **row} for row in rows_with_lost_writes(last)]
    found = check_history(make_history(list(enumerate(rows, 1))), MODELS["kv"](), 30.0)
    assert found.verdict == verdict


def counted(dice: random.Random, calls: int, slip: int = 0) -> list[dict[str, Any]]:
    """A counter; a tenth of the calls have an unknown outcome. `slip`: in the middle it goes back by so much."""
    rows: list[dict[str, Any]] = []
    now, value = 0.0, 0
    for number in range(calls):
        now += dice.random()
        row = {"process": number, "key": "c", "f": "incr", "start": now - dice.uniform(0, 4)}
        fate = dice.random()
        value += fate > 0.35 or fate < 0.05
        if fate < 0.1:
            rows.append(row | {"type": "info", "end": row["start"]})
        elif fate < 0.35:
            rows.append(row | {"f": "get", "type": "ok", "end": now + dice.uniform(0, 4), "result": str(value)})
        else:
            rows.append(row | {"type": "ok", "end": now + dice.uniform(0, 4), "result": value})
        if number == calls // 2:
            value -= slip
    return rows


@pytest.mark.parametrize(("slip", "verdict"), [(0, "linearizable"), (9, "not linearizable")])
def test_counters_with_many_unknown_outcomes_are_decided(slip: int, verdict: str) -> None:
    rows = counted(random.Random(4), 3000, slip)
    found = check_history(make_history(enumerate(rows, 1)), MODELS["kv"](), 30.0)
    assert found.verdict == verdict


def changed(dice: random.Random, calls: int, kind: str, slip: bool = False) -> list[dict[str, Any]]:
    """A text that is appended to, or a value that is written and compared; a fifth of the changes have an unknown
    outcome. `slip`: in the middle a change that was confirmed is lost."""
    rows: list[dict[str, Any]] = []
    now = 0.0
    value: str | None = None
    for number in range(calls):
        now += dice.random()
        row: dict[str, Any] = {"process": number, "key": "k", "start": now - dice.uniform(0, 4)}
        sure = {"type": "ok", "end": now + dice.uniform(0, 4)}
        if dice.random() < 0.4:
            rows.append(row | sure | {"f": "get", "result": value})
            continue
        new, told, compares = f"{number};", dice.random() < 0.8, kind == "swapped" and dice.random() < 0.5
        holds = dice.random() < 0.7
        row |= {"f": "append" if kind == "appended" else "set", "value": new}
        if compares:
            row |= {"f": "cas", "value": [value if holds else "another", new]}
        if (told or dice.random() < 0.5) and (holds or not compares) and not (slip and number == calls // 2):
            value = (value or "") + new if kind == "appended" else new
        rows.append(row | (sure | {"result": holds if compares else None} if told else {"type": "info", "end": now}))
    return rows


@pytest.mark.parametrize("kind", ["appended", "swapped"])
@pytest.mark.parametrize("seed", range(3))
def test_changes_with_many_unknown_outcomes_are_decided(kind: str, seed: int) -> None:
    rows = changed(random.Random(seed), 3000, kind)
    found = check_history(make_history(enumerate(rows, 1)), MODELS["kv"](), 30.0)
    assert found.linearizable, found


def test_an_append_that_was_lost_is_found() -> None:
    rows = changed(random.Random(0), 3000, "appended", slip=True)
    (lost,) = [row for row in rows if row["process"] == 1500]
    assert lost["type"] == "ok" and lost["f"] == "append"
    found = check_history(make_history(enumerate(rows, 1)), MODELS["kv"](), 30.0)
    assert found.verdict == "not linearizable"


def test_values_that_nobody_has_seen_change_no_verdict() -> None:
    dice, model, verdicts = random.Random(7), MODELS["kv"](), []
    calls = [("set", 1), ("set", 5), ("set", 6), ("get", None), ("cas", [1, 2]), ("cas", [1, 7])]
    for _ in range(1200):
        operations, clock = [], [0.0, 0.0, 0.0]
        for number in range(dice.randint(3, 6)):
            client = dice.randrange(3)
            f, value = dice.choice(calls)
            start = clock[client] + dice.randint(0, 3)
            made = Operation(number, str(client), f, {} if value is None else {"value": value}, start, number + 1)
            if dice.random() < 0.6:
                result = dice.choice({"get": [1, 2], "cas": [True, False]}.get(f, ["OK"]))
                made.outcome, made.end, made.result = "ok", start + dice.randint(1, 5), result
                clock[client] = made.end + 0.5
            operations.append(made)
        found = check_history(History("random", operations), model)
        assert found.linearizable == brute_force(operations, model), [str(one) for one in operations]
        verdicts.append(found.linearizable)
    assert 100 < sum(verdicts) < len(verdicts) - 100


def test_what_nobody_wrote_is_found_and_explained() -> None:
    rows = simulated(random.Random(3), 400, 4, 2, stale=True)
    (line,) = [at for at, row in enumerate(rows, 1) if row.get("result") == "never written"]
    history = make_history(enumerate(rows, 1))
    found = check_history(history, MODELS["kv"]())
    assert not found.linearizable and found.failure is not None and found.failure.operation.line == line
    assert f"(line {line})" in explanation(found)[0]
    page = timeline(history, found)
    assert page.count("<g class=") == len(rows) and page.count('id="wrong"') == 1
    assert "http" not in page


def test_time_runs_out() -> None:
    """Changes of unknown outcome and a read of something else: every subset of them would have to be tried."""
    rows: list[dict[str, Any]] = [
        {"process": n, "f": "decrby", "value": 3**n, "start": 0, "type": "info"} for n in range(40)
    ]
    rows.append({"process": "r", "f": "get", "result": -2, "start": 1, "end": 2})
    found = check_history(make_history(enumerate(rows, 1)), MODELS["kv"](), max_seconds=0.2)
    assert found.verdict == "unknown" and not found.linearizable


def lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_calls_and_returns_on_lines_of_their_own(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "h.jsonl",
        {"process": 1, "type": "invoke", "f": "write", "value": 3, "time": 1},
        {"process": 2, "type": "invoke", "f": "read", "time": 2},
        {"process": "nemesis", "type": "info", "f": "partition", "time": 2},
        {"process": 2, "type": "ok", "f": "read", "value": 3, "time": 3},
        {"process": "nemesis", "type": "info", "f": "heal", "time": 4},
        {"process": 1, "type": "info", "f": "write", "value": 3, "time": 5},
        {"process": 3, "type": "invoke", "f": "write", "value": 9, "time": 6},
        {"process": 3, "type": "fail", "f": "write", "value": 9, "time": 7},
    )
    history = read_history(path)
    write, read = history.operations
    assert (write.end, write.outcome, read.result, len(history.failed)) == (FOREVER, "info", 3, 1)
    assert [(f.name, f.start, f.end) for f in history.faults] == [("partition", 2, 4)]
    assert check_history(history, MODELS["register"]()).linearizable


@pytest.mark.parametrize(("rows", "code"), [
    ([], "E0828"),
    ([{"type": "invoke", "f": "read"}], "E0834"),
    ([{"process": 1, "type": "invoke"}], "E0834"),
    ([{"process": 1, "type": "ok", "f": "read"}], "E0834"),
    ([{"process": 1, "type": "done", "f": "read"}], "E0834"),
    ([{"process": 1, "type": "invoke", "f": "raed"}], "E0834"),
])  # fmt: skip
def test_what_is_no_history(rows: list[dict[str, Any]], code: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as found:
        check_history(read_history(lines(tmp_path / "h.jsonl", *rows)), MODELS["register"]())
    assert [d.code for d in found.value.diagnostics] == [code]
