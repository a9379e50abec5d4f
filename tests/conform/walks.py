"""Traces of random runs of a specification: what a program that does just what the specification says would log."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pyspec.conform.machine import FastModel
from pyspec.conform.sizes import followed
from pyspec.conform.steps import every_argument
from pyspec.conform.values import plain
from pyspec.lang import load_spec
from pyspec.model.instance import instantiate
from pyspec.model.values import to_json

ROOT = Path(__file__).resolve().parent.parent.parent
Record = dict[str, Any]


def fast_model(spec: str, **sizes: Any) -> FastModel:
    """A fast model of a specification of the library, without its properties."""
    loaded = followed(load_spec(ROOT / "specs" / f"{spec}.pspec"))
    more = {f"capacity {kind}": 1 << 16 for kind in ("seq", "set", "bag", "network")}
    return FastModel(instantiate(loaded, None, {**more, **sizes}, most_elements=1 << 16))


def walk(
    model: FastModel, steps: int, seed: int, weights: dict[str, float], recent: int = 12
) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """(action, arguments, state after) of a random run. Of the messages, mostly the recent ones are received."""
    dice = random.Random(seed)
    (state, *_) = model.initial()
    actions = [a for a in model.instance.spec.actions if weights.get(a.name, 1.0) > 0]
    for _ in range(steps):
        step = None
        while step is None:
            action = dice.choices(actions, [weights.get(a.name, 1.0) for a in actions])[0]
            step = _random_step(model, action, state, dice, recent)
        args, state = step
        yield action.name, {p.name: to_json(plain(v)) for p, v in zip(action.params, args, strict=True)}, state


def _random_step(model: FastModel, action: Any, state: Any, dice: random.Random, recent: int) -> Any:
    choices = list(every_argument(model, action, state, ())) if not action.message else _messages(model, action, state)
    if not choices:
        return None
    if action.message and dice.random() < 0.9:
        choices = choices[-recent:]
    args = dice.choice(choices)
    after = list(model.run(action.name)(state, *args))
    return (args, dice.choice(after)) if after else None


def _messages(model: FastModel, action: Any, state: Any) -> list[Any]:
    """The arguments of a handler, oldest message first."""
    order = getattr(model, "order_", None)
    if order is None:
        order = model.order_ = {}  # type: ignore[attr-defined]
    found = list(every_argument(model, action, state, ()))
    for args in found:
        order.setdefault(args[-1], len(order))
    return sorted(found, key=lambda args: order[args[-1]])


def write(path: Path, records: Iterator[Record] | list[Record]) -> Path:
    """JSON lines."""
    import json

    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


RAFT_WEIGHTS = {
    "timeout": 0.03, "client_request": 0.5, "append_entries": 2.0, "on_Append": 2.0, "on_Reply": 2.0,
    "advance_commit": 1.0, "on_RequestVote": 0.6, "on_Vote": 0.6,
}  # fmt: skip


def raft_records(steps: int, seed: int, nodes: int = 3, shape: Callable[..., Record] | None = None) -> list[Record]:
    """A log of a Raft cluster: each event with the message's fields and what the node has then."""
    names = tuple(f"n{i + 1}" for i in range(nodes))
    model = fast_model("raft", Server=names, TERMS=1 << 20, LENGTH=1 << 20, BATCH=2, Value=1)
    return [
        (shape or raft_record)(model, action, args, state)
        for action, args, state in walk(model, steps, seed, RAFT_WEIGHTS)
    ]


def raft_record(model: FastModel, action: str, args: dict[str, Any], state: Any) -> Record:
    """Everything that a node could log."""
    message = args.get("msg")
    node = args.get("self") or message["to"]
    view = model.values(state)
    (me,) = [key for key in view["Server.term"] if key.name == node]  # type: ignore[union-attr]
    own = {name.removeprefix("Server."): value[me] for name, value in view.items() if name.startswith("Server.")}  # type: ignore[index]
    vote = own["voted_for"]
    record: Record = {
        "event": action,
        "node": node,
        "state": {
            "term": own["term"],
            "role": own["mode"].name,
            "vote": None if vote is None else vote.name,
            "log": len(own["log"]),
            "commit": own["commit"],
        },
    }
    if message is not None:
        record["msg"] = {k: v for k, v in message.items() if k not in ("_", "entries")}
        if "entries" in message:
            record["msg"]["entries"] = len(message["entries"])
    if "peer" in args:
        record["peer"] = args["peer"]
    if "k" in args:
        record["index"] = args["k"]
    return record


def steady_raft(events: int, nodes: int = 3, term_every: int = 4000) -> Iterator[Record]:
    """A long log of a busy cluster: requests, replication, commits, and now and then an election."""
    names = tuple(f"n{i + 1}" for i in range(nodes))
    model = fast_model("raft", Server=names, TERMS=1 << 20, LENGTH=1 << 20, BATCH=2, Value=1)
    servers, (value,) = model.space["Server"], model.space["Value"]
    (state,) = model.initial()
    count = 0

    def take(action: str, *args: Any) -> Record:
        nonlocal state, count
        (after,) = model.run(action)(state, *args)
        state, count = after, count + 1
        params = model.action(action).params
        return lean_record(model, action, dict(zip([p.name for p in params], args, strict=True)), state)

    leader, reign = None, -1
    while count < events:
        if count // term_every > reign:
            reign = count // term_every
            leader = servers[reign % nodes]
            yield take("timeout", leader)
            (request,) = state.sent_  # type: ignore[attr-defined]
            for peer in servers:
                if peer is not leader:
                    yield take("on_RequestVote", peer, request)
                    (vote,) = state.sent_  # type: ignore[attr-defined]
                    if state.Server_mode[leader].name == "candidate":  # type: ignore[attr-defined]
                        yield take("on_Vote", vote)
        yield take("client_request", leader, value)
        for peer in servers:
            if peer is not leader:
                yield take("append_entries", leader, peer)
                yield take("on_Append", state.sent_[0])  # type: ignore[attr-defined]
                yield take("on_Reply", state.sent_[0])  # type: ignore[attr-defined]
                if peer is servers[-1] or peer is servers[-2]:
                    length = len(state.Server_log[leader])  # type: ignore[attr-defined]
                    matching = [p for p in servers if p is leader or state.Server_match_index[leader][p] >= length]  # type: ignore
                    if 2 * len(matching) > nodes and state.Server_commit[leader] < length:  # type: ignore[attr-defined]
                        yield take("advance_commit", leader, length)


def lean_record(model: FastModel, action: str, args: dict[str, Any], state: Any) -> Record:
    """The same fields as `raft_record`, without looking at the whole state."""
    message = args.get("msg")
    me = args.get("self") or message["to"]  # type: ignore[index]
    vote = state.Server_voted_for[me]
    record: Record = {
        "event": action,
        "node": me.name,
        "state": {
            "term": state.Server_term[me],
            "role": state.Server_mode[me].name,
            "vote": None if vote is None else vote.name,
            "log": len(state.Server_log[me]),
            "commit": state.Server_commit[me],
        },
    }
    if message is not None:
        fields = zip(message._names, message._values, strict=True)
        record["msg"] = {k: getattr(v, "name", len(v) if k == "entries" else v) for k, v in fields}
    if "peer" in args:
        record["peer"] = args["peer"].name
    if "k" in args:
        record["index"] = args["k"]
    return record
