"""Known mistakes in the replicated set."""

from dataclasses import replace
from typing import Any

from impl.crdt_set import commands, core, messages, orset
from impl.crdt_set.orset import NO_CONTEXT, NO_DOTS, Context, Delta, Shard
from impl.crdt_set.state import State
from impl.runtime.effects import Persist, Reply, Rewrite, Send
from tests.impl.mutants import Mutant, replaced

ORIGINAL_ON_REQUEST = core.on_request
ORIGINAL_ADD = orset.add
ORIGINAL_COMPACT = core.compact


def union(ours: Any, our_context: Context, theirs: Any, their_context: Context) -> Any:
    """Everything that anyone has stays: removals are lost."""
    return ours | theirs


def intersection(ours: Any, our_context: Context, theirs: Any, their_context: Context) -> Any:
    """Removals win: a dot that one side lacks goes, seen or not."""
    return frozenset(dot for dot in ours | theirs if dot in ours & theirs) or (
        NO_DOTS if ours and not theirs else theirs - ours if not ours else NO_DOTS
    )


def forget_theirs(shard: Shard, delta: Delta) -> Shard:
    """The sender's context is not taken over."""
    return Shard(shard.context, ORIGINAL_JOIN(shard, delta).keys)


ORIGINAL_JOIN = orset.join


def remove_all_seen(shard: Shard, element: Any) -> tuple[Shard, Delta]:
    """A removal claims to have seen everything the replica has seen, also of other elements."""
    delta = Delta(shard.context, ((element, NO_DOTS),))
    return orset.join(shard, delta), delta


def add_once(shard: Shard, actor: str, element: Any) -> tuple[Shard, Delta]:
    """Adding what is there gives no fresh dot."""
    if shard.dots(element):
        return shard, Delta(NO_CONTEXT, ())
    return ORIGINAL_ADD(shard, actor, element)


def one_actor(s: State, random: int) -> str:
    """Every life of a node gives dots under the same name."""
    return s.me


def everyone(s: State, random: int) -> str:
    """All nodes give dots under one name."""
    return "actor"


def keep_at_the_end(s: State, out: list[Any], request: Any) -> None:
    """What commands change is taken over when all have run."""
    results, deltas = [], []
    for command in request.commands:
        result, more = commands.run(s, command)
        results.append(result)
        deltas += more
    pieces = tuple(core.keep(s, number, delta) for number, delta in deltas)
    if pieces:
        out.append(Persist((messages.Merged(pieces),)))
        out.extend(Send(node, messages.Change(pieces)) for node in core.others(s))
    out.append(Reply(request.ticket, tuple(results), held=True))


def hasty(s: State, out: list[Any], request: Any) -> None:
    """Changes leave before they are durable."""
    ORIGINAL_ON_REQUEST(s, out, request)
    out[:] = [replace(effect, held=False) if isinstance(effect, Send) else effect for effect in out]


def hasty_reply(s: State, out: list[Any], request: Any) -> None:
    """Clients are answered before their change is durable."""
    ORIGINAL_ON_REQUEST(s, out, request)
    out[:] = [replace(effect, held=False) if isinstance(effect, Reply) else effect for effect in out]


def nothing_written(s: State, out: list[Any], request: Any) -> None:
    """Clients' changes are not written down."""
    ORIGINAL_ON_REQUEST(s, out, request)
    out[:] = [effect for effect in out if not isinstance(effect, Persist)]


def whole_without_absent(shard: Shard, delta: Delta) -> Shard:
    """A whole shard is joined as if it were a change: what is absent from it stays."""
    return ORIGINAL_JOIN(shard, replace(delta, whole=False))


def never(s: State, out: list[Any], node: str) -> None:
    """No gossip."""


def swallow_gaps(upto: Any, beyond: frozenset[Any]) -> Context:
    """A dot counts as if all before it had been seen."""
    for actor, number in sorted(beyond):
        upto = upto.set(actor, max(number, upto.get(actor, 0)))
    return Context(upto, NO_DOTS)


def rows_without_context(s: State, out: list[Any]) -> None:
    """A snapshot on the disk holds the elements without the context."""
    ORIGINAL_COMPACT(s, out)
    life, merged = out[-1].records
    pieces = tuple(
        replace(piece, upto=(), beyond=tuple(sorted({dot for _, _, dots in piece.rows for dot in dots})))
        for piece in merged.pieces
    )
    out[-1] = Rewrite((life, messages.Merged(pieces)))


def delete_by_value(shard: Shard, delta: Delta) -> Shard:
    """A removal removes the element, whatever dots it has."""
    for element, dots in delta.rows:
        if not dots:
            shard = shard.put(element, NO_DOTS)
    return ORIGINAL_JOIN(shard, delta)


def counter_by_size(context: Context, actor: str) -> tuple[str, int]:
    """The next dot counts what is known of the actor now, not what it has given."""
    return (actor, 1 + sum(dot[0] == actor for dot in context.beyond))


def pieces_cut(s: State, numbers: list[int]) -> tuple[messages.Piece, ...]:
    """A shard that is too long is sent in part, as if it were the whole."""
    pieces = ORIGINAL_PIECES_OF(s, numbers)
    return tuple(replace(piece, rows=piece.rows[: s.options.piece_rows]) for piece in pieces)


ORIGINAL_PIECES_OF = core.pieces_of


def join_is(function: Any) -> tuple[tuple[Any, str, Any], ...]:
    """Another join, wherever it is used."""
    return ((orset, "join", function), (core, "join", function))


MUTANTS = (
    Mutant("union_merge", "removals are lost in a union", replaced(orset, "surviving", union)),
    Mutant(
        "removals_win",
        "a dot unknown to the other side is taken for removed",
        replaced(orset, "surviving", intersection),
    ),
    Mutant("context_not_joined", "the sender's context is not taken over", join_is(forget_theirs)),
    Mutant(
        "removes_with_whole_context",
        "a removal claims to have seen too much",
        replaced(commands, "remove", remove_all_seen),
    ),
    Mutant("adds_without_fresh_dot", "adding what is there gives no dot", replaced(commands, "add", add_once)),
    Mutant(
        "actor_reused",
        "a restarted node goes on under its old name, and its changes leave before they are durable",
        ((core, "actor_name", one_actor), (core, "on_request", hasty)),
    ),
    Mutant(
        "old_name", "a restarted node goes on under its old name", replaced(core, "actor_name", one_actor), quiet=True
    ),
    Mutant(
        "part_for_whole", "a part of a shard is sent as the whole", replaced(core, "pieces_of", pieces_cut), quiet=True
    ),
    Mutant("one_actor_for_all", "all nodes give the same dots", replaced(core, "actor_name", everyone)),
    Mutant("answers_before_flush", "clients are answered too early", replaced(core, "on_request", hasty_reply)),
    Mutant("nothing_written", "clients' changes are not durable", replaced(core, "on_request", nothing_written)),
    Mutant("absent_stays", "what a whole shard lacks is not removed", join_is(whole_without_absent)),
    Mutant("no_gossip", "lost changes are never repaired", replaced(core, "gossip", never)),
    Mutant("swallows_gaps", "dots never seen count as seen", replaced(orset, "compact", swallow_gaps)),
    Mutant(
        "snapshot_without_context", "the disk forgets what was removed", replaced(core, "compact", rows_without_context)
    ),
    Mutant("deletes_by_value", "a removal removes additions it has not seen", join_is(delete_by_value)),
    Mutant(
        "commands_unseen",
        "commands that are sent together do not see each other",
        replaced(core, "on_request", keep_at_the_end),
        quiet=True,
    ),
    Mutant("dots_repeat", "one dot is given twice", replaced(Context, "next", counter_by_size)),
)
