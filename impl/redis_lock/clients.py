"""Clients' requests: executed by the leader, answered once a majority has confirmed that it still leads.

Replication is asynchronous: the confirmation says nothing about who has the data. A request is sent to the leader once,
because a second execution could take a lock that the first one has already given. The network may still bring it
twice: a node remembers which questions of whom it has dealt with, and keeps silent about copies. Where nothing was done
the request is sent again, as another question: so what is said late about the first one is not about the second.
"""

from dataclasses import replace

from impl.redis_lock import stream
from impl.redis_lock.messages import Answer, Ask
from impl.redis_lock.state import LEADER, LIVES, Asked, Follower, Pending, Served, State, Turn
from impl.runtime.commands import execute, valid_command
from impl.runtime.effects import Command, Failure, Request, Result

BUSY = Failure("BUSY too many requests are waiting, try again")
UNKNOWN = Failure("UNKNOWN the outcome of this command is not known")
NO_LEADER = Failure("CLUSTERDOWN no leader could be reached in time")
IDS = 1 << 30
"""How many questions a node numbers in one life."""


def on_request(turn: Turn, request: Request) -> None:
    """Commands of our own clients."""
    s = turn.s
    if len(s.asked) + len(s.pending) >= s.options.most_pending:
        turn.reply(request.ticket, (BUSY,) * len(request.commands))
        return
    if s.role == LEADER:
        serve(turn, s.me, request.ticket, request.commands, request.reads)
    else:
        s.asked = s.asked.set(request.ticket, Asked(request.commands, request.reads))
        submit_waiting(turn)


def submit_waiting(turn: Turn) -> None:
    """Send what has waited for a leader to the one there is."""
    s = turn.s
    for ticket in sorted(number for number, asked in s.asked.items() if not asked.sent):
        asked = s.asked[ticket]
        if s.role == LEADER:
            s.asked = s.asked.delete(ticket)
            serve(turn, s.me, ticket, asked.commands, asked.reads)
        elif s.leader is not None:
            s.last_question += 1
            s.questions = s.questions.set(s.last_question, ticket)
            s.asked = s.asked.set(ticket, replace(asked, sent=s.promise.epoch, number=s.last_question))
            turn.send(s.leader, Ask(s.next_id + s.last_question, asked.commands, asked.reads))


def next_leader(turn: Turn) -> None:
    """There is a leader of a later epoch. Of what was sent to an earlier one, writes have an unknown outcome (an answer
    may never come), and reads are asked again."""
    s = turn.s
    for ticket in sorted(number for number, asked in s.asked.items() if 0 < asked.sent < s.promise.epoch):
        asked = taken_back(s, ticket)
        if not asked.reads:
            s.asked = s.asked.delete(ticket)
            turn.reply(ticket, (UNKNOWN,) * len(asked.commands))
    submit_waiting(turn)


def taken_back(s: State, ticket: int) -> Asked:
    """A request that waits again, as if it had not been sent: what is still said of the question is not heard."""
    asked = s.asked[ticket]
    if asked.sent:
        s.questions = s.questions.delete(asked.number)
        s.asked = s.asked.set(ticket, replace(asked, sent=0, number=0))
    return asked


def serve(turn: Turn, origin: str, number: int, commands: tuple[Command, ...], reads: bool) -> None:
    """Execute at the leader; the results wait for the next round."""
    s = turn.s
    if reads:
        s.keys, results = execute(stream.floor(s.keys, s.promise.epoch), commands, s.clock)
    else:
        results = stream.write(turn, commands)
    s.pending = (*s.pending, Pending(s.round + 1, origin, number, results))


def on_ask(turn: Turn, sender: str, message: Ask) -> None:
    """Another node's clients want something; an empty answer says that nothing was done."""
    s = turn.s
    if was_served(s, sender, message.id):
        return
    valid = all(map(valid_command, message.commands))
    if s.role != LEADER or not valid or len(s.pending) >= s.options.most_pending:
        if s.ticks >= s.options.wait_ticks:  # else it may have been done before we started
            remember(s, sender, message.id)
            turn.send(sender, Answer(message.id, ()))
    else:
        remember(s, sender, message.id)
        serve(turn, sender, message.id, message.commands, message.reads)


def was_served(s: State, origin: str, number: int) -> bool:
    """Whether a question was dealt with here, or is too old to be sure."""
    life, question = divmod(number, IDS)
    return any(served.life == life and question in served for served in s.served.get(origin, ()))


def remember(s: State, origin: str, number: int) -> None:
    """A question is dealt with here; of the lives of a node the latest are remembered."""
    life, question = divmod(number, IDS)
    lives = s.served.get(origin, ())
    known = next((served for served in lives if served.life == life), Served(life))
    rest = tuple([served for served in lives if served.life != life])
    s.served = s.served.set(origin, (known.add(question, s.options.served), *rest[: LIVES - 1]))


def on_answer(turn: Turn, sender: str, message: Answer) -> None:
    """The leader has answered, or was no leader."""
    s = turn.s
    ticket = s.questions.get(message.id - s.next_id)
    if ticket is None:
        return
    taken_back(s, ticket)
    if message.results:
        s.asked = s.asked.delete(ticket)
        turn.reply(ticket, message.results)


def quorum_round(s: State) -> int:
    """The latest round that a majority, we among it, has acknowledged."""
    rounds = sorted([s.round, *(follower.round for follower in s.followers.values())], reverse=True)
    return rounds[len(rounds) // 2]


def acknowledged(turn: Turn, node: str, follower: Follower) -> None:
    """A node has acknowledged a round."""
    turn.s.followers = turn.s.followers.set(node, follower)
    confirm(turn)


def confirm(turn: Turn) -> None:
    """Answer what a majority has confirmed."""
    s = turn.s
    reached = quorum_round(s)
    ready = [pending for pending in s.pending if pending.round <= reached]
    if ready:
        s.pending = tuple([pending for pending in s.pending if pending.round > reached])
        for pending in ready:
            answer(turn, pending, pending.results)


def answer(turn: Turn, pending: Pending, results: tuple[Result, ...]) -> None:
    """Give results to our own client or to the node that asked."""
    if pending.origin == turn.s.me:
        turn.reply(pending.id, results)
    else:
        turn.send(pending.origin, Answer(pending.id, results), held=True)


def drop_pending(turn: Turn) -> None:
    """We lead no more: what was not confirmed may be lost."""
    s = turn.s
    dropped, s.pending = s.pending, ()
    for pending in dropped:
        answer(turn, pending, (UNKNOWN,) * len(pending.results))


def tick(turn: Turn) -> None:
    """Requests that have waited too long are given up."""
    s = turn.s
    for ticket in sorted(s.asked):
        asked = s.asked[ticket]
        if asked.age >= s.options.give_up_ticks:
            taken_back(s, ticket)
            s.asked = s.asked.delete(ticket)
            turn.reply(ticket, ((UNKNOWN if asked.sent else NO_LEADER),) * len(asked.commands))
        else:
            s.asked = s.asked.set(ticket, replace(asked, age=asked.age + 1))
    if s.leader is not None:
        submit_waiting(turn)
