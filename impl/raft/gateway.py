"""A node's side towards its clients: batches go to the leader until they are seen applied, exactly once."""

from collections.abc import Iterable
from dataclasses import replace

from impl.raft import machine, spreading
from impl.raft.machine import NONE, Batch, Outcome
from impl.raft.messages import Admin, AdminReply, Forward, Kind, ReadAnswer, ReadAsk
from impl.raft.state import LEADER, Gateway, PendingRead, PendingWrite, Turn
from impl.runtime.effects import OK, Failure, Request

BUSY = Failure("BUSY too many requests are waiting, try again")
UNKNOWN = Failure("UNKNOWN the outcome of this command is not known")
NO_LEADER = Failure("CLUSTERDOWN no leader could be reached in time")


def change(turn: Turn, **changes: object) -> Gateway:
    """Change the gateway's part of the state."""
    turn.s.gateway = replace(turn.s.gateway, **changes)  # type: ignore[arg-type]
    return turn.s.gateway


def on_request(turn: Turn, request: Request) -> None:
    """Commands of our clients."""
    gateway = turn.s.gateway
    if len(gateway.writes) + len(gateway.reads) >= turn.s.options.most_pending:
        turn.reply(request.ticket, (BUSY,) * len(request.commands))
    elif request.commands and request.commands[0][0] == b"MEMBER":
        order(turn, request)
    elif request.reads:
        read(turn, request)
    else:
        write(turn, request)


def write(turn: Turn, request: Request) -> None:
    """Number a batch and send it on its way."""
    gateway = turn.s.gateway
    seq = gateway.seq + 1
    waited = gateway.waited if gateway.writes else 0
    writes = gateway.writes.set(seq, PendingWrite(request.ticket, request.commands))
    change(turn, seq=seq, writes=writes, waited=waited)
    if gateway.session is None:
        open_session(turn)
    else:
        submit(turn, (seq,))


def read(turn: Turn, request: Request) -> None:
    """Ask the leader how far to wait before reading here."""
    gateway = turn.s.gateway
    number = gateway.read + 1
    waited = gateway.waited if gateway.reads or gateway.writes else 0
    reads_ = gateway.reads.set(number, PendingRead(request.ticket, request.commands, None))
    change(turn, read=number, reads=reads_, waited=waited)
    ask(turn, (number,))


def order(turn: Turn, request: Request) -> None:
    """An order about membership. Unlike a batch it is sent once: its outcome may stay unknown."""
    gateway = turn.s.gateway
    number = gateway.read + 1
    change(turn, read=number, orders=gateway.orders.set(number, (request.ticket, 0)))
    message = Admin(number, tuple(word for word in request.commands[0][1:] if type(word) is bytes))
    if turn.s.leader is not None:
        turn.send(turn.s.leader, message, held=False)


def on_admin_reply(turn: Turn, sender: str, message: AdminReply) -> None:
    """An order has been carried out or refused."""
    gateway = turn.s.gateway
    found = gateway.orders.get(message.id)
    if found is not None:
        change(turn, orders=gateway.orders.delete(message.id))
        turn.reply(found[0], (OK if message.error is None else Failure(message.error),))


def propose(turn: Turn, kind: Kind, *items: bytes) -> None:
    """Bring entries to the leader, be it us or another; without one, they wait for the next."""
    if turn.s.role == LEADER:
        for data in items:
            spreading.propose(turn, kind, data)
    elif turn.s.leader is not None and items:
        turn.send(turn.s.leader, Forward(int(kind), items), held=False)


def on_forward(turn: Turn, sender: str, message: Forward) -> None:
    """Another node's entries: one enters the log only if every replica will be able to execute it."""
    for data in message.items:
        if turn.s.role == LEADER and machine.valid(message.kind, data):
            spreading.propose(turn, message.kind, data)


def open_session(turn: Turn) -> None:
    """Ask for a session of our own, once until the answer or the next retry."""
    gateway = turn.s.gateway
    if not gateway.opening and turn.s.leader is not None:
        change(turn, opening=True)
        propose(turn, Kind.OPEN, machine.encode_open(turn.s.me, gateway.nonce))


def opened(turn: Turn, index: int) -> None:
    """A session was opened at `index`; if it is ours, what has been waiting goes out."""
    gateway, session = turn.s.gateway, turn.s.machine.sessions.get(index)
    if session is None or gateway.session is not None:
        return
    if (session.owner, session.nonce) == (turn.s.me, gateway.nonce):
        change(turn, session=index)
        submit(turn, sorted(gateway.writes))


def submit(turn: Turn, numbers: Iterable[int]) -> None:
    """Send batches to the leader, in order."""
    gateway = turn.s.gateway
    if gateway.session is None:
        return
    acked = min(gateway.writes, default=1) - 1
    batches = [Batch(gateway.session, seq, acked, gateway.writes[seq].commands) for seq in numbers]
    propose(turn, Kind.BATCH, *map(machine.encode_batch, batches))


def ask(turn: Turn, numbers: Iterable[int]) -> None:
    """Ask the leader for the index of reads."""
    s = turn.s
    for number in numbers:
        if s.leader is not None:
            turn.send(s.leader, ReadAsk(number), held=False)


def resend(turn: Turn) -> None:
    """Send again everything unanswered: there is a new leader, or it has taken too long."""
    gateway = turn.s.gateway
    if gateway.session is not None:
        submit(turn, sorted(gateway.writes))
    elif gateway.writes:
        change(turn, opening=False)
        open_session(turn)
    ask(turn, sorted(number for number, pending in gateway.reads.items() if pending.index is None))


def settle(turn: Turn, outcome: Outcome) -> None:
    """A batch has been applied; if it is ours and still open, answer its client."""
    gateway = turn.s.gateway
    if outcome.session != gateway.session or gateway.session is None:
        return
    if outcome.early:
        change(turn, hurry=True)
        return
    if outcome.results is None:
        lose_session(turn)
        return
    pending = gateway.writes.get(outcome.seq)
    if pending is not None:
        change(turn, writes=gateway.writes.delete(outcome.seq), waited=0)
        turn.reply(pending.ticket, outcome.results)


def lose_session(turn: Turn) -> None:
    """Our session was forgotten: nobody can say what became of the batches under way."""
    gateway = turn.s.gateway
    for seq in sorted(gateway.writes):
        pending = gateway.writes[seq]
        turn.reply(pending.ticket, (UNKNOWN,) * len(pending.commands))
    change(turn, session=None, nonce=gateway.nonce + 1, seq=0, writes=NONE, opening=False)


def catch_up(turn: Turn) -> None:
    """A snapshot has taken the place of entries: find our answers in its sessions."""
    s = turn.s
    for number in sorted(s.machine.sessions):
        opened(turn, number)
    session = s.machine.sessions.get(s.gateway.session) if s.gateway.session is not None else None
    if s.gateway.session is not None and session is None:
        lose_session(turn)
    elif session is not None:
        for seq in sorted(s.gateway.writes):
            if seq <= session.last:
                settle(turn, Outcome(s.gateway.session or 0, seq, session.answers[seq]))
    serve_reads(turn)


def on_read_answer(turn: Turn, sender: str, message: ReadAnswer) -> None:
    """The leader has told how far a read must wait."""
    gateway = turn.s.gateway
    pending = gateway.reads.get(message.id)
    if pending is not None and pending.index is None:
        change(turn, reads=gateway.reads.set(message.id, replace(pending, index=message.index)))
        serve_reads(turn)


def serve_reads(turn: Turn) -> None:
    """Answer the reads whose index has been applied."""
    s = turn.s
    if not s.gateway.reads:
        return
    ready = sorted(n for n, read in s.gateway.reads.items() if read.index is not None and read.index <= s.applied)
    for number in ready:
        pending = s.gateway.reads[number]
        change(turn, reads=s.gateway.reads.delete(number), waited=0)
        turn.reply(pending.ticket, machine.read(s.machine, pending.commands))


def tick(turn: Turn) -> None:
    """Send again what has waited long, and in the end give up on it."""
    s = turn.s
    age_orders(turn)
    if not s.gateway.writes and not s.gateway.reads:
        return
    waited = s.gateway.waited + 1
    hurry = s.gateway.hurry
    change(turn, waited=waited, hurry=False)
    if waited >= s.options.give_up_ticks:
        give_up(turn)
    elif hurry or waited % s.options.retry_ticks == 0:
        resend(turn)


def age_orders(turn: Turn) -> None:
    """Orders that have waited too long have an unknown outcome."""
    gateway = turn.s.gateway
    for number in sorted(gateway.orders):
        ticket, age = gateway.orders[number]
        if age >= turn.s.options.give_up_ticks:
            change(turn, orders=turn.s.gateway.orders.delete(number))
            turn.reply(ticket, (UNKNOWN,))
        else:
            change(turn, orders=turn.s.gateway.orders.set(number, (ticket, age + 1)))


def give_up(turn: Turn) -> None:
    """Tell clients that no leader was reached. Their writes may still take effect, so the session ends with them."""
    gateway = turn.s.gateway
    for number in sorted(gateway.reads):
        pending = gateway.reads[number]
        turn.reply(pending.ticket, (NO_LEADER,) * len(pending.commands))
    change(turn, reads=NONE, waited=0)
    if gateway.writes:
        lose_session(turn)
