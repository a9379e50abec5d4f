"""Elections: pre-vote, votes, terms, the quorum check, and handing leadership over."""

from dataclasses import replace

from immutables import Map

from impl.raft import spreading
from impl.raft.messages import Kind, RequestVote, TimeoutNow, VoteReply
from impl.raft.state import CANDIDATE, FOLLOWER, LEADER, PRECANDIDATE, Impossible, Progress, State, Turn, majority


def become_follower(turn: Turn, term: int, leader: str | None) -> None:
    """Follow `leader` in `term`; a new term starts without a vote, durably."""
    s = turn.s
    if term > s.term:
        s.term, s.vote = term, None
        turn.persist_vote()
    if s.role != FOLLOWER:
        turn.note("follow", term=s.term)
    s.role, s.elapsed, s.jitter, s.beat = FOLLOWER, 0, None, 0
    s.granted = s.refused = frozenset()
    s.progress, s.reads, s.orders = Map(), (), ()
    follow(turn, leader)


def follow(turn: Turn, leader: str | None) -> None:
    """Take note of who leads; a new leader is told what our clients still wait for."""
    if turn.s.leader != leader:
        turn.s.leader = leader
        turn.resend = turn.resend or leader is not None


def heed(turn: Turn, sender: str, term: int) -> None:
    """A message from the leader of `term`, which is not behind ours: follow it."""
    s = turn.s
    if s.role == LEADER and term == s.term:
        raise Impossible(f"two leaders in term {term}: {s.me} and {sender}")
    if term > s.term or s.role != FOLLOWER:
        become_follower(turn, term, sender)
    s.elapsed = 0
    follow(turn, sender)


def may_campaign(s: State) -> bool:
    """Only a voter stands for election."""
    return s.me in s.members.voters


def precampaign(turn: Turn) -> None:
    """Ask whether an election could be won, before disturbing anyone with a new term."""
    s = turn.s
    if not may_campaign(s):
        return
    s.role, s.elapsed, s.jitter = PRECANDIDATE, 0, None
    s.granted, s.refused = frozenset((s.me,)), frozenset()
    follow(turn, None)
    turn.note("precampaign", term=s.term)
    if majority(s.members, s.granted):
        campaign(turn)
        return
    ask_for_votes(turn, RequestVote(s.term + 1, s.log.last, s.log.last_term, True))


def campaign(turn: Turn, transfer: bool = False) -> None:
    """Start an election: a new term, and the own vote, which counts once it is durable."""
    s = turn.s
    if not may_campaign(s):
        return
    s.role, s.elapsed, s.jitter = CANDIDATE, 0, None
    s.term, s.vote = s.term + 1, s.me
    s.granted = s.refused = frozenset()
    follow(turn, None)
    turn.persist_vote()
    turn.note("campaign", term=s.term)
    turn.send(s.me, VoteReply(s.term, True, False))
    ask_for_votes(turn, RequestVote(s.term, s.log.last, s.log.last_term, False, transfer))


def ask_for_votes(turn: Turn, request: RequestVote) -> None:
    """Send a request to every other voter."""
    for voter in turn.s.members.voters:
        if voter != turn.s.me:
            turn.send(voter, request)


def up_to_date(s: State, last_index: int, last_term: int) -> bool:
    """Whether a log that ends so is at least as up to date as ours: the later term wins, then the longer log."""
    return (last_term, last_index) >= (s.log.last_term, s.log.last)


def in_lease(s: State) -> bool:
    """Whether we have a leader that we heard from recently, so that a candidate would only disturb."""
    return s.role == LEADER or (s.leader is not None and s.elapsed < s.options.election_ticks)


def on_request_vote(turn: Turn, sender: str, message: RequestVote) -> None:
    """A candidate's question."""
    s = turn.s
    if in_lease(s) and not message.transfer:
        return
    if message.pre:
        granted = message.term > s.term and up_to_date(s, message.last_index, message.last_term)
        turn.send(sender, VoteReply(message.term if granted else s.term, granted, True))
        return
    if message.term > s.term:
        become_follower(turn, message.term, None)
    free = s.vote == sender or (s.vote is None and s.leader is None)
    granted = message.term == s.term and free and up_to_date(s, message.last_index, message.last_term)
    if granted:
        grant(turn, sender)
    turn.send(sender, VoteReply(s.term, granted, False))


def grant(turn: Turn, candidate: str) -> None:
    """Vote, durably, and give the candidate time."""
    s = turn.s
    s.elapsed = 0
    if s.vote != candidate:
        s.vote = candidate
        turn.persist_vote()
        turn.note("vote", candidate=candidate, term=s.term)


def on_vote_reply(turn: Turn, sender: str, message: VoteReply) -> None:
    """A voter's answer."""
    s = turn.s
    if not message.granted and message.term > s.term:
        become_follower(turn, message.term, None)
        return
    asked = s.term + 1 if s.role == PRECANDIDATE else s.term
    expected = PRECANDIDATE if message.pre else CANDIDATE
    if s.role != expected or (message.granted and message.term != asked) or message.term < s.term:
        return
    if message.granted:
        s.granted |= {sender}
    else:
        s.refused |= {sender}
    count_votes(turn)


def count_votes(turn: Turn) -> None:
    """Win, lose, or wait."""
    s = turn.s
    if majority(s.members, s.granted):
        if s.role == PRECANDIDATE:
            campaign(turn)
        else:
            become_leader(turn)
    elif majority(s.members, s.refused):
        become_follower(turn, s.term, None)


def become_leader(turn: Turn) -> None:
    """Lead: nothing is known of the others' logs, and an empty entry of the new term lets earlier ones commit."""
    s = turn.s
    s.role, s.elapsed, s.beat = LEADER, 0, 0
    s.granted = s.refused = frozenset()
    s.progress = Map({node: Progress(next=s.log.last + 1) for node in s.members.everyone})
    s.reads, s.orders = (), ()
    turn.note("lead", term=s.term)
    spreading.propose(turn, Kind.NOOP, b"")
    follow(turn, s.me)


def on_timeout_now(turn: Turn, sender: str, message: TimeoutNow) -> None:
    """The leader has chosen us to follow it."""
    if message.term == turn.s.term and turn.s.role == FOLLOWER:
        campaign(turn, transfer=True)


def resign(turn: Turn) -> None:
    """Hand leadership to the follower that is furthest, if there is one that could win."""
    s = turn.s
    if s.role != LEADER:
        return
    others = [node for node in s.members.voters if node != s.me and node in s.progress]
    if others:
        best = max(others, key=lambda node: (s.progress[node].active, s.progress[node].match, node))
        turn.send(best, TimeoutNow(s.term))


def tick(turn: Turn, random: int) -> None:
    """One tick for a node that does not lead: without word from a leader for long enough, see about an election."""
    s = turn.s
    s.elapsed += 1
    if s.jitter is None:
        s.jitter = random % s.options.election_ticks
    if s.elapsed >= s.options.election_ticks + s.jitter and may_campaign(s):
        precampaign(turn)


def leader_tick(turn: Turn) -> None:
    """One tick for the leader: heartbeat, and step down when a quorum has been silent for an election timeout."""
    s = turn.s
    s.elapsed += 1
    if s.elapsed >= s.options.election_ticks:
        s.elapsed = 0
        heard = frozenset(node for node in s.members.voters if node in s.progress and s.progress[node].active)
        if not majority(s.members, heard | {s.me}):
            turn.note("quorum_lost", term=s.term)
            become_follower(turn, s.term, None)
            return
        s.progress = Map({node: replace(p, active=False) for node, p in s.progress.items()})
    s.beat += 1
    if s.beat >= s.options.heartbeat_ticks:
        s.beat = 0
        spreading.heartbeat(turn)
