"""Raft's rules, one test for each statement of the paper (figure 2 and sections 5 to 8) and of the thesis.

Each test drives one core by hand. The tests of the mutants call these functions too.
"""

from typing import Any

from impl.raft import core, machine
from impl.raft.messages import (
    Admin,
    AdminReply,
    Append,
    Appended,
    AppendReply,
    Entry,
    Forward,
    Hard,
    Install,
    InstallReply,
    Kind,
    ReadAnswer,
    ReadAsk,
    RequestVote,
    Snapshot,
    Stored,
    TimeoutNow,
    VoteReply,
)
from impl.raft.state import CANDIDATE, FOLLOWER, LEADER, PRECANDIDATE
from impl.runtime.effects import Nudge, Persist, Receive, Reply, Request, Rewrite, Send, Tick
from impl.runtime.protocol import Setup

NODES = ("n1", "n2", "n3")


class Drive:
    """One node, fed by hand. What it sends to itself arrives at once when `settle` is set."""

    def __init__(self, *records: Any, me: str = "n1", members: tuple[str, ...] = NODES, **options: Any) -> None:
        self.state, self.effects = core.boot(Setup(me, members, options), records, 0, 7)

    def feed(self, event: Any) -> tuple[Any, ...]:
        """Take one step; its effects."""
        self.state, self.effects = core.step(self.state, event)
        return self.effects

    def receive(self, sender: str, message: Any, settle: bool = True) -> list[Any]:
        """Take a message, and the messages to oneself that follow from it; everything sent to others."""
        self.feed(Receive(sender, message))
        return self.sent(settle)

    def order(self, order: str, settle: bool = True) -> list[Any]:
        """Give an order."""
        self.feed(Nudge(order))
        return self.sent(settle)

    def sent(self, settle: bool = True) -> list[Any]:
        """The messages of the last step, as (receiver, message); those to oneself are taken first."""
        found: list[Any] = []
        effects = list(self.effects)
        while effects:
            effect = effects.pop(0)
            if isinstance(effect, Send) and effect.to == self.state.me and settle:
                effects += self.feed(Receive(self.state.me, effect.message))
            elif isinstance(effect, Send):
                found.append((effect.to, effect.message))
        return found


def entry(index: int, term: int, kind: Kind = Kind.NOOP, data: bytes = b"") -> Entry:
    """A log entry."""
    return Entry(index, term, 0, int(kind), data)


def logs(*terms: int) -> Appended:
    """The record of a log with entries of these terms."""
    return Appended(tuple(entry(index, term) for index, term in enumerate(terms, 1)))


def elected(*records: Any, **options: Any) -> Drive:
    """A leader in the term after the one in its records."""
    drive = Drive(*records, **options)
    drive.order("campaign")
    drive.receive("n2", VoteReply(drive.state.term, True, False))
    assert drive.state.role == LEADER
    return drive


def only(messages: list[Any], kind: type) -> Any:
    """The single message of a kind."""
    found = [message for _, message in messages if isinstance(message, kind)]
    assert len(found) == 1, messages
    return found[0]


def test_a_server_votes_for_at_most_one_candidate_in_a_term() -> None:
    drive = Drive()
    assert only(drive.receive("n2", RequestVote(1, 0, 0, False)), VoteReply).granted
    assert not only(drive.receive("n3", RequestVote(1, 0, 0, False, True)), VoteReply).granted
    assert only(drive.receive("n2", RequestVote(1, 0, 0, False, True)), VoteReply).granted


def test_term_and_vote_are_on_stable_storage_before_a_server_answers() -> None:
    drive = Drive()
    effects = drive.feed(Receive("n2", RequestVote(5, 0, 0, False)))
    records = [record for effect in effects if isinstance(effect, Persist) for record in effect.records]
    assert records[-1] == Hard(5, "n2")
    replies = [effect for effect in effects if isinstance(effect, Send)]
    assert replies
    assert all(reply.held for reply in replies)
    again = Drive(*records)
    assert not only(again.receive("n3", RequestVote(5, 9, 9, False)), VoteReply).granted


def test_the_voter_denies_its_vote_if_its_own_log_is_more_up_to_date() -> None:
    drive = Drive(Hard(3, None), logs(1, 1, 3))
    assert not only(drive.receive("n2", RequestVote(4, 9, 2, False)), VoteReply).granted, "an earlier last term"
    assert not only(drive.receive("n2", RequestVote(5, 2, 3, False)), VoteReply).granted, "a shorter log"
    assert only(drive.receive("n2", RequestVote(6, 1, 4, False)), VoteReply).granted, (
        "a later last term, though shorter"
    )


def test_the_election_restriction_compares_terms_before_lengths() -> None:
    drive = Drive(Hard(3, None), logs(1, 3))
    assert not only(drive.receive("n2", RequestVote(4, 7, 2, False)), VoteReply).granted
    assert only(drive.receive("n2", RequestVote(5, 1, 4, False)), VoteReply).granted


def test_a_candidate_wins_with_votes_from_a_majority() -> None:
    drive = Drive(members=("n1", "n2", "n3", "n4", "n5"))
    drive.order("campaign")
    drive.receive("n2", VoteReply(1, True, False))
    assert drive.state.role == CANDIDATE
    drive.receive("n2", VoteReply(1, True, False))
    assert drive.state.role == CANDIDATE, "the same vote twice is one vote"
    drive.receive("n3", VoteReply(1, True, False))
    assert drive.state.role == LEADER


def test_the_own_vote_counts_once_it_is_durable() -> None:
    drive = Drive()
    drive.order("campaign", settle=False)
    assert drive.state.granted == frozenset()
    drive.receive("n2", VoteReply(1, True, False))
    assert drive.state.role == CANDIDATE


def test_a_candidate_that_hears_from_a_leader_of_its_term_follows() -> None:
    drive = Drive()
    drive.order("campaign")
    drive.receive("n2", Append(1, 0, 0, (), 0, 1))
    assert (drive.state.role, drive.state.leader) == (FOLLOWER, "n2")


def test_a_later_term_in_any_reply_makes_a_leader_step_down() -> None:
    drive = elected()
    drive.receive("n2", AppendReply(9, False, 0, 0, 0, 0))
    assert (drive.state.role, drive.state.term) == (FOLLOWER, 9)


def test_messages_with_an_earlier_term_are_rejected() -> None:
    drive = Drive(Hard(5, None), logs(1, 5))
    reply = only(drive.receive("n2", Append(4, 2, 5, (entry(3, 4),), 3, 1)), AppendReply)
    assert (reply.ok, reply.term) == (False, 5)
    assert drive.state.log.last == 2


def test_entries_are_refused_if_the_previous_entry_does_not_match() -> None:
    drive = Drive(Hard(3, None), logs(1, 2))
    assert not only(drive.receive("n2", Append(3, 2, 3, (entry(3, 3),), 0, 1)), AppendReply).ok
    assert not only(drive.receive("n2", Append(3, 5, 3, (entry(6, 3),), 0, 1)), AppendReply).ok
    assert drive.state.log.last == 2


def test_a_conflicting_entry_and_all_that_follow_it_are_deleted() -> None:
    drive = Drive(Hard(3, None), logs(1, 2, 2, 2))
    drive.receive("n2", Append(3, 1, 1, (entry(2, 3),), 0, 1))
    assert [item.term for item in drive.state.log.entries()] == [1, 3]
    persisted = [record for effect in drive.effects if isinstance(effect, Persist) for record in effect.records]
    assert Drive(Hard(3, None), logs(1, 2, 2, 2), *persisted).state.log == drive.state.log


def test_a_late_message_does_not_delete_entries_that_agree() -> None:
    drive = Drive(Hard(3, None), logs(1, 3, 3, 3))
    drive.receive("n2", Append(3, 1, 1, (entry(2, 3),), 0, 1))
    assert drive.state.log.last == 4


def test_a_follower_acknowledges_only_what_the_message_covers() -> None:
    drive = Drive(Hard(3, None), logs(1, 2, 2, 2))
    reply = only(drive.receive("n2", Append(3, 1, 1, (), 0, 1)), AppendReply)
    assert (reply.ok, reply.index) == (True, 1)


def test_a_follower_commits_only_up_to_the_last_new_entry() -> None:
    drive = Drive(Hard(3, None), logs(1, 2, 2, 2))
    drive.receive("n2", Append(3, 1, 1, (), 4, 1))
    assert drive.state.commit == 1


def test_a_follower_acknowledges_entries_only_once_they_are_durable() -> None:
    drive = Drive()
    effects = drive.feed(Receive("n2", Append(1, 0, 0, (entry(1, 1),), 0, 1)))
    kinds = [type(effect) for effect in effects if isinstance(effect, Persist | Send)]
    assert kinds[-2:] == [Persist, Send]
    assert all(effect.held for effect in effects if isinstance(effect, Send))


def test_the_leader_counts_itself_only_once_its_entry_is_durable() -> None:
    drive = Drive()
    drive.order("campaign")
    drive.receive("n2", VoteReply(1, True, False), settle=False)
    stored = [effect for effect in drive.effects if isinstance(effect, Send) and isinstance(effect.message, Stored)]
    assert [effect.held for effect in stored] == [True]
    drive.receive("n2", AppendReply(1, True, 1, 0, 0, 0), settle=False)
    assert drive.state.commit == 0
    drive.receive("n1", stored[0].message)
    assert drive.state.commit == 1


def test_a_leader_never_deletes_or_overwrites_its_own_entries() -> None:
    drive = elected(Hard(2, None), logs(1, 2, 2))
    before = drive.state.log.entries()
    drive.receive("n2", AppendReply(3, False, 3, 1, 1, 0))
    drive.receive("n3", AppendReply(3, False, 3, 0, 0, 0))
    assert drive.state.log.entries()[: len(before)] == before


def test_an_entry_is_committed_once_a_majority_has_stored_it() -> None:
    drive = elected()
    assert drive.state.commit == 0
    drive.receive("n3", AppendReply(1, True, 1, 0, 0, 0))
    assert drive.state.commit == 1


def test_only_entries_of_the_leaders_own_term_are_committed_by_counting() -> None:
    """Figure 8."""
    drive = elected(Hard(2, None), logs(1, 2))
    drive.receive("n2", AppendReply(3, True, 2, 0, 0, 0))
    assert drive.state.commit == 0, "entry 2 is on a majority, but it is of term 2"
    drive.receive("n2", AppendReply(3, True, 3, 0, 0, 0))
    assert drive.state.commit == 3, "with an entry of its own term, the earlier ones follow"


def test_a_new_leader_appends_an_empty_entry_of_its_term() -> None:
    drive = elected(Hard(2, None), logs(1, 2))
    last = drive.state.log.entry(3)
    assert (last.term, last.kind) == (3, Kind.NOOP)


def test_after_a_refusal_the_leader_goes_back_past_the_conflicting_terms() -> None:
    drive = elected(Hard(5, None), logs(1, 1, 4, 4, 5))
    append = only(drive.receive("n2", AppendReply(6, False, 5, 4, 2, 0)), Append)
    assert (append.prev_index, append.prev_term) == (2, 1)


def test_a_late_refusal_does_not_move_the_leader_back() -> None:
    drive = elected(Hard(1, None), logs(1, 1))
    drive.receive("n2", AppendReply(2, True, 3, 0, 0, 0))
    assert drive.receive("n2", AppendReply(2, False, 2, 0, 0, 0)) == []
    assert drive.state.progress["n2"].match == 3


def test_pre_vote_does_not_change_the_term() -> None:
    drive = Drive(Hard(4, None), logs(1))
    drive.order("precampaign")
    assert (drive.state.role, drive.state.term) == (PRECANDIDATE, 4)
    drive.receive("n2", VoteReply(5, True, True))
    assert drive.state.term == 5
    voter = Drive(Hard(4, None), logs(1))
    assert only(voter.receive("n2", RequestVote(9, 1, 1, True)), VoteReply).granted
    assert (voter.state.term, voter.state.vote) == (4, None)


def test_a_server_that_hears_from_a_leader_ignores_candidates() -> None:
    drive = Drive()
    drive.receive("n2", Append(1, 0, 0, (), 0, 1))
    assert drive.receive("n3", RequestVote(9, 9, 9, False)) == []
    assert drive.state.term == 1
    for _ in range(drive.state.options.election_ticks):
        drive.feed(Tick(0, 2**31 - 1))
    assert only(drive.receive("n3", RequestVote(9, 9, 9, False)), VoteReply).granted


def test_a_leader_without_a_quorum_steps_down() -> None:
    drive = elected()
    for _ in range(2 * drive.state.options.election_ticks):
        drive.feed(Tick(0, 0))
    assert drive.state.role == FOLLOWER


def test_election_timeouts_are_chosen_at_random() -> None:
    ticks = set()
    for number in range(10):
        drive, count = Drive(), 0
        while drive.state.role == FOLLOWER:
            drive.feed(Tick(0, number))
            count += 1
        ticks.add(count)
    assert ticks == set(range(10, 20))


def test_a_read_waits_for_a_round_of_heartbeats() -> None:
    drive = elected()
    drive.receive("n2", AppendReply(1, True, 1, 0, 0, 0))
    answers = drive.receive("n3", ReadAsk(5))
    assert not [message for _, message in answers if isinstance(message, ReadAnswer)]
    late = drive.receive("n2", AppendReply(1, True, 1, 0, 0, drive.state.round - 1))
    assert not [message for _, message in late if isinstance(message, ReadAnswer)], "an earlier round proves nothing"
    answer = only(drive.receive("n2", AppendReply(1, True, 1, 0, 0, drive.state.round)), ReadAnswer)
    assert (answer.id, answer.index) == (5, 1)


def test_a_leader_reads_only_after_committing_in_its_own_term() -> None:
    drive = elected(Hard(1, None), logs(1))
    drive.receive("n3", ReadAsk(5))
    early = drive.receive("n2", AppendReply(2, True, 1, 0, 0, drive.state.round))
    assert not [message for _, message in early if isinstance(message, ReadAnswer)]
    drive.receive("n2", AppendReply(2, True, 2, 0, 0, 0))
    assert only(drive.receive("n2", AppendReply(2, True, 2, 0, 0, drive.state.round)), ReadAnswer).index == 2


def test_a_command_sent_again_takes_effect_once() -> None:
    drive = Drive(Hard(1, None))
    opening = entry(1, 1, Kind.OPEN, machine.encode_open("n9", 3))
    batch = machine.encode_batch(machine.Batch(1, 1, 0, ((b"INCR", b"key"),)))
    twice = (opening, entry(2, 1, Kind.BATCH, batch), entry(3, 1, Kind.BATCH, batch))
    drive.receive("n2", Append(1, 0, 0, twice, 3, 1))
    assert machine.read(drive.state.machine, ((b"GET", b"key"),)) == (b"1",)
    assert drive.state.machine.sessions[1].answers[1] == (1,)


def test_a_command_of_an_unknown_session_has_no_effect() -> None:
    drive = Drive(Hard(1, None))
    batch = machine.encode_batch(machine.Batch(77, 1, 0, ((b"INCR", b"key"),)))
    drive.receive("n2", Append(1, 0, 0, (entry(1, 1, Kind.BATCH, batch),), 1, 1))
    assert machine.read(drive.state.machine, ((b"GET", b"key"),)) == (None,)


def test_entries_that_replicas_cannot_execute_never_enter_the_log() -> None:
    drive = elected()
    last = drive.state.log.last
    wrong = (b"", b"\xc1", machine.encode_batch(machine.Batch(0, 0, 0, ((b"NO",),))))
    wrong += (machine.encode_batch(machine.Batch(0, 0, 0, ((b"EXEC", ((b"k", b"x"),), ()),))),)
    drive.receive("n2", Forward(int(Kind.BATCH), wrong))
    drive.receive("n2", Forward(int(Kind.MEMBERS), (b"\x93\x90\x90\x90",)))
    drive.receive("n2", Forward(99, (b"x",)))
    assert drive.state.log.last == last


def compacted() -> Drive:
    """A leader with a snapshot of five entries and one entry after it."""
    drive = elected(keep_entries=0)
    for number in range(4):
        drive.order("propose")
        drive.receive("n2", AppendReply(1, True, number + 2, 0, 0, 0))
    drive.order("compact")
    return drive


def test_a_snapshot_replaces_the_log_and_keeps_everything_else() -> None:
    drive = compacted()
    rewrite = next(effect for effect in drive.effects if isinstance(effect, Rewrite))
    drive.order("propose", settle=False)
    records = [record for effect in drive.effects if isinstance(effect, Persist) for record in effect.records]
    again = Drive(*rewrite.records, *records)
    assert (again.state.term, again.state.vote) == (1, "n1")
    assert again.state.log == drive.state.log
    assert machine.dump(again.state.machine) == machine.dump(drive.state.machine)
    assert again.state.commit == 5


def test_a_follower_that_is_far_behind_is_sent_the_snapshot() -> None:
    drive = compacted()
    install = only(drive.receive("n3", AppendReply(1, False, 0, 0, 0, 0)), Install)
    assert install.snapshot.index == 5
    follower = Drive(me="n3")
    reply = only(follower.receive("n1", install), InstallReply)
    assert (reply.done, follower.state.commit, follower.state.log.last) == (True, 5, 5)
    assert machine.dump(follower.state.machine) == machine.dump(drive.state.machine)
    assert any(isinstance(effect, Rewrite) for effect in follower.effects)


def test_a_snapshot_that_covers_a_prefix_keeps_the_entries_after_it() -> None:
    follower = Drive(Hard(1, None), logs(1, 1, 1))
    snapshot = Snapshot(2, 1, 0, follower.state.members, machine.dump(machine.Machine()))
    follower.receive("n2", Install(1, snapshot, 0, len(snapshot.data), 1))
    assert (follower.state.log.base, follower.state.log.last) == (2, 3)


def test_one_membership_change_at_a_time() -> None:
    drive = elected()
    drive.receive("n2", AppendReply(1, True, 1, 0, 0, 0))
    drive.receive("n1", Admin(1, (b"REMOVE", b"n3")))
    refused = only(drive.receive("n2", Admin(2, (b"REMOVE", b"n2"))), AdminReply)
    assert refused.error is not None
    assert drive.state.members.voters == ("n1", "n2")


def test_no_membership_change_before_a_commit_in_the_leaders_term() -> None:
    """The correction of 2015 to the single-server algorithm."""
    drive = elected(Hard(1, None), logs(1))
    assert only(drive.receive("n2", Admin(1, (b"REMOVE", b"n3"))), AdminReply).error is not None
    assert drive.state.members.voters == NODES


def test_a_configuration_holds_from_the_moment_it_is_in_the_log_and_falls_with_it() -> None:
    drive = elected()
    drive.receive("n2", AppendReply(1, True, 1, 0, 0, 0))
    drive.receive("n1", Admin(1, (b"REMOVE", b"n3")))
    assert drive.state.members.voters == ("n1", "n2")
    drive.receive("n2", Append(5, 1, 1, (entry(2, 5),), 1, 1))
    assert drive.state.members.voters == NODES


def test_a_leader_that_removes_itself_steps_down_once_that_is_committed() -> None:
    drive = elected()
    drive.receive("n2", AppendReply(1, True, 1, 0, 0, 0))
    drive.receive("n1", Admin(1, (b"REMOVE", b"n1")))
    assert drive.state.role == LEADER
    drive.receive("n2", AppendReply(1, True, 2, 0, 0, 0))
    assert drive.state.role == LEADER, "its own copy does not count any more"
    drive.receive("n3", AppendReply(1, True, 2, 0, 0, 0))
    assert drive.state.role == FOLLOWER
    drive.order("campaign")
    assert drive.state.role == FOLLOWER


def test_a_new_server_listens_before_it_votes() -> None:
    drive = elected()
    drive.receive("n2", AppendReply(1, True, 1, 0, 0, 0))
    drive.receive("n1", Admin(1, (b"ADD", b"n4", b"host:1")))
    assert (drive.state.members.voters, drive.state.members.learners) == (NODES, ("n4",))
    drive.receive("n2", AppendReply(1, True, 2, 0, 0, 0))
    drive.receive("n4", AppendReply(1, True, 2, 0, 0, 0))
    drive.feed(Tick(0, 0))
    assert drive.state.members.voters == (*NODES, "n4")


def test_leadership_is_handed_to_the_follower_that_is_furthest() -> None:
    drive = elected()
    drive.receive("n3", AppendReply(1, True, 1, 0, 0, 0))
    assert drive.order("resign") == [("n3", TimeoutNow(1))]
    follower = Drive(me="n3")
    follower.receive("n1", Append(1, 0, 0, (), 0, 1))
    requests = follower.receive("n1", TimeoutNow(1))
    assert [message.transfer for _, message in requests] == [True, True]


def test_a_client_is_answered_when_its_command_is_committed() -> None:
    drive = elected()
    drive.receive("n2", AppendReply(1, True, 1, 0, 0, 0))
    drive.feed(Request(3, ((b"SET", b"a", b"1"),)))
    drive.sent()
    drive.receive("n2", AppendReply(1, True, 2, 0, 0, 0))
    assert not [effect for effect in drive.effects if isinstance(effect, Reply)], "the session is open"
    drive.receive("n2", AppendReply(1, True, drive.state.log.last, 0, 0, 0))
    assert drive.state.gateway.writes == machine.NONE


def test_a_step_leaves_its_state_as_it_was() -> None:
    drive = Drive(Hard(3, None), logs(1, 2, 2, 2))
    before, view = drive.state, repr(drive.state.__dict__)
    core.step(before, Receive("n2", Append(3, 1, 1, (entry(2, 3), entry(3, 3)), 2, 1)))
    core.step(before, Receive("n3", Append(3, 2, 2, (entry(3, 2), entry(4, 3)), 2, 1)))
    core.step(before, Nudge("campaign"))
    assert repr(before.__dict__) == view
