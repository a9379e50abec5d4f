"""Snapshots on their way: received in pieces, installed, acknowledged."""

from dataclasses import replace

from impl.raft import compaction, config, election, gateway, machine, reads, replication, spreading
from impl.raft.log import Log
from impl.raft.messages import Install, InstallReply, Snapshot
from impl.raft.state import LEADER, State, Turn


def on_install(turn: Turn, sender: str, message: Install) -> None:
    """A piece of the leader's snapshot."""
    s = turn.s
    if message.term < s.term:
        turn.send(sender, InstallReply(s.term, message.snapshot.index, 0, False, message.round))
        return
    election.heed(turn, sender, message.term)
    index = message.snapshot.index
    if index <= s.commit:
        turn.send(sender, InstallReply(s.term, s.commit, 0, True, message.round))
        return
    data = gathered(s, message)
    done = len(data) == message.size
    s.received = None if done else (replace(message.snapshot, data=b""), data)
    if done:
        install(turn, replace(message.snapshot, data=data))
    turn.send(sender, InstallReply(s.term, index, len(data), done, message.round))


def gathered(s: State, message: Install) -> bytes:
    """The pieces so far; one that does not fit is ignored, a first one starts anew."""
    if message.offset == 0:
        return message.snapshot.data
    header = replace(message.snapshot, data=b"")
    data = s.received[1] if s.received is not None and s.received[0] == header else b""
    return data + message.snapshot.data if message.offset == len(data) else data


def install(turn: Turn, snapshot: Snapshot) -> None:
    """Replace what the snapshot covers; entries after it stay if the log agrees with it."""
    s = turn.s
    if s.log.term_at(snapshot.index) == snapshot.term:
        s.log = s.log.compact(snapshot.index)
        s.configs = tuple([(index, config) for index, config in s.configs if index > snapshot.index])
    else:
        s.log, s.configs = Log(snapshot.index, snapshot.term, snapshot.time), ()
    s.snapshot = snapshot
    s.machine = machine.load(snapshot.data)
    s.commit = s.applied = snapshot.index
    s.applied_bytes = 0
    config.refresh(turn)
    turn.note("install", index=snapshot.index)
    turn.out.append(compaction.rewrite(s))
    gateway.catch_up(turn)


def on_install_reply(turn: Turn, sender: str, message: InstallReply) -> None:
    """How far a node is with our snapshot."""
    s = turn.s
    if message.term > s.term:
        election.become_follower(turn, message.term, None)
        return
    if s.role != LEADER or message.term < s.term or sender not in s.progress:
        return
    progress = spreading.update(s, sender, active=True, round=max(s.progress[sender].round, message.round))
    if message.done:
        replication.accepted(turn, sender, progress, message.index)
    elif message.index == progress.installing and message.offset != progress.offset:
        spreading.update(s, sender, offset=message.offset, paused=False)
        spreading.send_snapshot(turn, sender)
    reads.confirm(turn)
