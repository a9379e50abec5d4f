"""Known mistakes in Raft."""

from dataclasses import replace
from typing import Any

from impl.raft import (
    applying,
    compaction,
    election,
    gateway,
    machine,
    messages,
    reads,
    replication,
    snapshots,
    spreading,
)
from impl.raft.log import Log
from impl.raft.state import LEADER, State, Turn
from impl.runtime import commands
from impl.runtime.effects import Reply, Result
from impl.runtime.keyspace import Draft
from tests.impl.mutants import Mutant, replaced, unheld


def grant_in_memory(turn: Turn, candidate: str) -> None:
    """Vote without writing it down."""
    turn.s.elapsed = 0
    turn.s.vote = candidate


def any_log(s: State, last_index: int, last_term: int) -> bool:
    """Every log will do."""
    return True


def longer_log(s: State, last_index: int, last_term: int) -> bool:
    """The longer log wins, whatever its terms."""
    return last_index >= s.log.last


def count_any_term(turn: Turn) -> None:
    """Commit what a majority has stored, of whatever term."""
    index = replication.quorum_index(turn.s)
    if index > turn.s.commit:
        applying.commit(turn, index)


def smaller_quorum(s: State) -> int:
    """The index that one node less than a majority has stored."""
    matches = sorted((s.progress[voter].match for voter in s.members.voters), reverse=True)
    return matches[len(matches) // 2 - 1]


def own_length(turn: Turn, sender: str, message: messages.Append) -> None:
    """A follower acknowledges its whole log, whether or not the leader has spoken of all of it."""
    count = len(turn.out)
    ORIGINAL_ON_APPEND(turn, sender, message)
    for place in range(count, len(turn.out)):
        reply = getattr(turn.out[place], "message", None)
        if isinstance(reply, messages.AppendReply) and reply.ok:
            turn.out[place] = replace(turn.out[place], message=replace(reply, index=turn.s.log.last))


ORIGINAL_ON_APPEND = replication.on_append
ORIGINAL_PROPOSE = spreading.propose


def keep_conflicts(s: State, entries: tuple[messages.Entry, ...]) -> int | None:
    """What stands in the log already is taken to be right."""
    for position, entry in enumerate(entries):
        if entry.index > s.log.last:
            return position
    return None


def always_cut(s: State, entries: tuple[messages.Entry, ...]) -> int | None:
    """Everything after the previous entry is replaced, even by a message that comes late."""
    return 0 if entries else None


def no_previous_check(turn: Turn, sender: str, message: messages.Append) -> None:
    """Entries are taken without looking at the one before them, as long as there is no gap."""
    term = turn.s.log.term_at(message.prev_index)
    ORIGINAL_ON_APPEND(turn, sender, message if term is None else replace(message, prev_term=term))


def commit_all(turn: Turn, sender: str, message: messages.Append) -> None:
    """A follower commits up to the leader's index, though its last entries may be another leader's."""
    ORIGINAL_ON_APPEND(turn, sender, message)
    s = turn.s
    if message.term == s.term and s.log.term_at(message.prev_index) == message.prev_term:
        applying.commit(turn, min(message.commit, s.log.last))


def vote_again(turn: Turn, sender: str, message: messages.RequestVote) -> None:
    """The vote of a term is given to everyone who asks."""
    if message.term == turn.s.term and not message.pre:
        turn.s.vote = None
    ORIGINAL_ON_REQUEST_VOTE(turn, sender, message)


ORIGINAL_ON_REQUEST_VOTE = election.on_request_vote


def own_round(s: State) -> int:
    """The leader trusts itself to lead still."""
    return s.round


def without_sessions(before: machine.Machine, entry: messages.Entry) -> tuple[machine.Machine, Any]:
    """A batch takes effect every time it is in the log."""
    batch = machine.decode_batch(entry.data)
    session = before.sessions.get(batch.session)
    if session is not None and batch.seq <= session.last:
        before = replace(before, sessions=before.sessions.set(batch.session, replace(session, last=batch.seq - 1)))
    return ORIGINAL_APPLY_BATCH(before, entry)


ORIGINAL_APPLY_BATCH = machine._apply_batch
ORIGINAL_DUMP = machine.dump


def dump_without_sessions(value: machine.Machine) -> bytes:
    """A snapshot of the keys alone."""
    return ORIGINAL_DUMP(replace(value, sessions=machine.NONE))


def records_without_hard(s: State) -> tuple[Any, ...]:
    """A snapshot takes the place of everything, and term and vote are not in it."""
    return tuple(record for record in ORIGINAL_RECORDS(s) if not isinstance(record, messages.Hard))


ORIGINAL_RECORDS = compaction.records_of


def records_without_log(s: State) -> tuple[Any, ...]:
    """A snapshot takes the place of everything, also of entries after it."""
    return tuple(record for record in ORIGINAL_RECORDS(s) if not isinstance(record, messages.Appended))


def apply_at_own_time(turn: Turn) -> None:
    """Keys expire by the clock of the node that applies."""
    s = turn.s
    entry = s.log.entry(s.applied + 1)
    s.log = Log(s.log.base, s.log.base_term, s.log.base_time, s.log.entries()[: entry.index - s.log.base - 1]).append(
        (replace(entry, time=max(s.clock, 1)), *s.log.between(entry.index + 1, s.log.last))
    )
    ORIGINAL_APPLY_NEXT(turn)


ORIGINAL_APPLY_NEXT = applying.apply_next


def lead_on_first_vote(members: messages.Members, nodes: frozenset[str]) -> bool:
    """Half of the votes, rounded down, are enough."""
    return 2 * len(nodes) >= len(members.voters) - 1


def heed_for_nothing(turn: Turn, sender: str, term: int) -> None:
    """Word from a leader does not give it more time."""
    elapsed = turn.s.elapsed
    ORIGINAL_HEED(turn, sender, term)
    turn.s.elapsed = elapsed


ORIGINAL_HEED = election.heed


def half(members: messages.Members, nodes: frozenset[str]) -> bool:
    """Half of the votes are enough."""
    return 2 * sum(voter in nodes for voter in members.voters) >= len(members.voters)


def lower_middle(s: State) -> int:
    """The index that half of the voters have stored."""
    matches = sorted((s.progress[voter].match for voter in s.members.voters), reverse=True)
    return matches[(len(matches) - 1) // 2]


def lead_on(turn: Turn) -> None:
    """The leader takes everyone to be there."""
    s = turn.s
    s.progress = s.progress.update({node: replace(known, active=True) for node, known in s.progress.items()})
    ORIGINAL_LEADER_TICK(turn)


ORIGINAL_LEADER_TICK = election.leader_tick


def any_piece(s: State, message: messages.Install) -> bytes:
    """The next piece is put to what is there, of whichever snapshot that is."""
    data = s.received[1] if s.received is not None and message.offset else b""
    return data + message.snapshot.data


def any_answer_is_enough(turn: Turn) -> None:
    """One other node is enough, however many there are."""
    s = turn.s
    if any(known.active for node, known in s.progress.items() if node != s.me):
        lead_on(turn)
    else:
        ORIGINAL_LEADER_TICK(turn)


def reply_of_any_term(turn: Turn, sender: str, message: messages.InstallReply) -> None:
    """What a node said of a snapshot of an earlier leadership counts in this one."""
    ORIGINAL_ON_INSTALL_REPLY(turn, sender, replace(message, term=max(message.term, turn.s.term)))


ORIGINAL_ON_INSTALL_REPLY = snapshots.on_install_reply
ORIGINAL_LOSE_SESSION = gateway.lose_session


def number_on(turn: Turn) -> None:
    """The batches of the next session are numbered on from the last one's."""
    seq = turn.s.gateway.seq
    ORIGINAL_LOSE_SESSION(turn)
    gateway.change(turn, seq=seq)


def deny_the_lost(turn: Turn) -> None:
    """Clients are told that nothing was done, of batches that may be in a log."""
    count = len(turn.out)
    ORIGINAL_LOSE_SESSION(turn)
    for place in range(count, len(turn.out)):
        if isinstance(turn.out[place], Reply):
            turn.out[place] = replace(turn.out[place], results=(gateway.NO_LEADER,) * len(turn.out[place].results))


def same_nonce(turn: Turn) -> None:
    """The next session is asked for as the lost one was."""
    nonce = turn.s.gateway.nonce
    ORIGINAL_LOSE_SESSION(turn)
    gateway.change(turn, nonce=nonce)


def without_time(log: Log, index: int) -> Log:
    """A log whose beginning is folded away does not know how old that was."""
    found = ORIGINAL_COMPACT(log, index)
    return Log(found.base, found.base_term, 0, found.entries())


ORIGINAL_COMPACT = Log.compact


def forget_term(turn: Turn) -> None:
    """Term and vote are written to no disk."""


def put_beside(draft: Draft, key: bytes, value: bytes, deadline: int | None = None, born: int | None = None) -> None:
    """A key that is to stay keeps the time at which what was there before would have been swept."""
    old = draft._volatile.get(key)
    ORIGINAL_PUT(draft, key, value, deadline, born)
    if deadline is None and old is not None:
        draft._volatile[key] = old


def put_lasting(draft: Draft, key: bytes, amount: int) -> Result:
    """Counting makes a key last."""
    total = ORIGINAL_COUNT(draft, key, amount)
    draft.put(key, b"%d" % total)
    return total


def watch_writes_only(draft: Draft, arguments: Any) -> Result:
    """A watched key that is gone counts as unchanged."""
    watched, inner = arguments
    return ORIGINAL_EXEC(draft, (tuple(pair for pair in watched if draft.find(pair[0]) is not None), inner))


ORIGINAL_PUT, ORIGINAL_COUNT, ORIGINAL_EXEC = Draft.put, commands.add, commands._exec

MUTANTS = (
    Mutant("vote_not_persisted", "a vote is given but not written down", replaced(election, "grant", grant_in_memory)),
    Mutant("nothing_hard", "term and vote are never durable", replaced(Turn, "persist_vote", forget_term)),
    Mutant(
        "votes_twice", "several candidates get the vote of a term", replaced(election, "on_request_vote", vote_again)
    ),
    Mutant(
        "any_log_leads", "no check that the candidate's log is up to date", replaced(election, "up_to_date", any_log)
    ),
    Mutant(
        "longer_log_leads", "the up-to-date check looks at lengths only", replaced(election, "up_to_date", longer_log)
    ),
    Mutant("leads_on_one_vote", "too few votes win", replaced(election, "majority", lead_on_first_vote)),
    Mutant(
        "commits_earlier_terms",
        "entries of earlier terms are committed by counting",
        replaced(replication, "advance", count_any_term),
    ),
    Mutant(
        "commits_without_majority", "the quorum is one too small", replaced(replication, "quorum_index", smaller_quorum)
    ),
    Mutant(
        "acks_before_flush",
        "a follower acknowledges entries that are not on its disk",
        replaced(replication, "on_append", unheld(ORIGINAL_ON_APPEND, (messages.AppendReply,))),
    ),
    Mutant(
        "leader_counts_unflushed",
        "the leader counts its own entries before they are on its disk",
        (
            (spreading, "propose", unheld(ORIGINAL_PROPOSE, (messages.Stored,))),
            (replication, "on_append", unheld(ORIGINAL_ON_APPEND, (messages.AppendReply,))),
        ),
    ),
    Mutant(
        "acks_own_length",
        "the acknowledged index is the follower's own log length",
        replaced(replication, "on_append", own_length),
    ),
    Mutant(
        "keeps_conflicts", "conflicting entries are not removed", replaced(replication, "first_new", keep_conflicts)
    ),
    Mutant("always_cuts", "a late message cuts the log", replaced(replication, "first_new", always_cut)),
    Mutant(
        "no_previous_check",
        "the entry before the new ones is not compared",
        replaced(replication, "on_append", no_previous_check),
    ),
    Mutant(
        "commits_all",
        "a follower commits entries the leader has not confirmed",
        replaced(replication, "on_append", commit_all),
    ),
    Mutant(
        "reads_without_round",
        "a leader reads without asking whether it still leads",
        replaced(reads, "quorum_round", own_round),
    ),
    Mutant(
        "reads_before_commit",
        "a new leader reads before it knows the commit index",
        replaced(reads, "committed_in_term", lambda s: True),
    ),
    Mutant(
        "repeats_batches", "a batch sent again takes effect again", replaced(machine, "_apply_batch", without_sessions)
    ),
    Mutant(
        "snapshot_without_sessions", "a snapshot forgets the sessions", replaced(machine, "dump", dump_without_sessions)
    ),
    Mutant(
        "snapshot_without_vote",
        "a snapshot overwrites term and vote",
        replaced(compaction, "records_of", records_without_hard),
    ),
    Mutant(
        "snapshot_without_log",
        "a snapshot overwrites the entries after it",
        replaced(compaction, "records_of", records_without_log),
    ),
    Mutant(
        "expires_by_own_clock",
        "each replica expires keys by its own clock",
        replaced(applying, "apply_next", apply_at_own_time),
    ),
    Mutant(
        "votes_beside_a_leader",
        "a node that hears from a leader gives its vote to another",
        replaced(election, "in_lease", lambda s: s.role == LEADER),
        quiet=True,
    ),
    Mutant(
        "stands_beside_a_leader", "heartbeats do not count", replaced(election, "heed", heed_for_nothing), quiet=True
    ),
    Mutant(
        "leads_without_quorum",
        "a leader that all have left leads on",
        replaced(election, "leader_tick", lead_on),
        quiet=True,
    ),
    Mutant(
        "mixes_pieces",
        "pieces of snapshots are put together as they come",
        replaced(snapshots, "gathered", any_piece),
        quiet=True,
    ),
    Mutant(
        "times_go_back",
        "an entry is older than the one before",
        replaced(Log, "last_time", property(lambda log: 0)),
        quiet=True,
    ),
    Mutant("half_elects", "half of an even number of votes wins", replaced(election, "majority", half), quiet=True),
    Mutant(
        "half_commits",
        "half of an even number of copies commits",
        replaced(replication, "quorum_index", lower_middle),
        quiet=True,
    ),
    Mutant(
        "leads_with_one_other",
        "a leader that most have left leads on",
        replaced(election, "leader_tick", any_answer_is_enough),
        quiet=True,
    ),
    Mutant(
        "numbers_go_on",
        "a new session's first batch is not its first",
        replaced(gateway, "lose_session", number_on),
        quiet=True,
    ),
    Mutant(
        "denies_the_lost",
        "a batch that may be executed is called undone",
        replaced(gateway, "lose_session", deny_the_lost),
        quiet=True,
    ),
    Mutant(
        "session_returns",
        "a lost session is taken for a new one",
        replaced(gateway, "lose_session", same_nonce),
        quiet=True,
    ),
    Mutant(
        "forgets_time",
        "compaction forgets how old the last entry was",
        replaced(Log, "compact", without_time),
        quiet=True,
    ),
    Mutant("deadline_stays", "a key that is to stay is swept", replaced(Draft, "put", put_beside), quiet=True),
    Mutant("counting_lasts", "counting forgets when a key expires", replaced(commands, "add", put_lasting), quiet=True),
    Mutant(
        "watches_writes_only",
        "a transaction does not see that a key is gone",
        replaced(commands.COMMANDS, b"EXEC", commands.Verb(watch_writes_only, 2, 2, True)),
        quiet=True,
    ),
)

RARE = (
    Mutant(
        "replies_of_old_terms",
        "replies to an earlier leadership count",
        replaced(snapshots, "on_install_reply", reply_of_any_term),
        quiet=True,
    ),
)
"""Mistakes that show in single steps, to which a campaign comes in minutes or by luck."""
