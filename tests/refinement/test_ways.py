"""Every way of holding code against a specification passes on the cores as they are, and fails on a mistake."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from refinement.__main__ import main, protocols
from refinement.crdt_set import MAPPING as SETS
from refinement.harness import campaign, coverage, live, mutants, report, saving, teams
from refinement.harness.campaign import Found, walk_of
from refinement.harness.shrink import smaller_walk
from refinement.harness.source import Ran, shown
from refinement.harness.worlds import Judged
from refinement.raft import MAPPING as RAFT
from tests.impl.mutants import crdt_set, raft
from tests.refinement import hold

ROOT = Path(__file__).resolve().parents[2]
MISTAKES = {mutant.name: mutant for mutant in (*raft.MUTANTS, *crdt_set.MUTANTS)}


def found_in(name: str) -> Found:
    """A failure of Raft with a mistake, made small."""
    judged = Judged(RAFT, RAFT.walks()[0])
    with MISTAKES[name].planted():
        for seed in range(60):
            walked = walk_of(judged, seed)
            if walked.rejection is not None:
                small = smaller_walk(judged, walked, 20.0)
                assert small.rejection is not None
                return Found("walk", str(seed), small.rejection, small, judged, before=len(walked.choices))
    raise AssertionError(f"{name} was not found")


def test_guided_walks_show_behaviours_of_the_specification() -> None:
    wanted = coverage.classes(RAFT.small(), 1500, float("inf"))
    covered: set[coverage.Class] = set()
    judged = Judged(RAFT, RAFT.walks()[0])
    for seed in range(3):
        assert coverage.guided_walk(judged, wanted, covered, Random(seed), 60).rejection is None
    assert len(covered & wanted) >= 6
    assert {action for action, _ in covered} >= {"timeout", "on_RequestVote", "on_Vote", "append_entries", "on_Append"}


def test_a_behaviour_that_the_code_cannot_show_is_reported() -> None:
    wanted = {("on_Vote", ("raft.pspec:1 true",)), ("timeout", ())}
    data = report.guided_data(RAFT, wanted, {("timeout", ())}, 0)
    assert data["verdict"] == "incomplete"
    assert "never: on_Vote" in data["summary"]


def test_a_failure_is_explained_so_that_the_line_is_found() -> None:
    found = found_in("commits_without_majority")
    text = report.failure_text(RAFT, found)
    assert "advance_commit" in text
    assert "raft.pspec:" in text  # the guard
    assert "majority(" in text
    assert "impl/raft/replication.py:" in text  # the code that ran
    assert "the functions that ran in the last steps of" in text
    assert "sequenceDiagram" in text
    assert found.walked is not None
    assert len(found.walked.choices) < found.before


def test_a_report_names_what_gave_a_state_back_and_what_sent_a_message() -> None:
    disk = report.failure_text(RAFT, found_in("vote_not_persisted"))
    assert re.search(r"and back from the disk by .*restore impl/raft/core\.py:\d+", disk)
    sent = report.failure_text(RAFT, found_in("votes_twice"))
    assert re.search(r"which n\d .* sent by .*campaign impl/raft/election\.py:\d+", sent)


def test_a_saved_failure_fails_until_the_code_is_right(tmp_path: Path) -> None:
    found = found_in("votes_twice")
    path = tmp_path / "test_votes.py"
    path.write_text(saving.as_test(RAFT, found, path), encoding="utf-8")
    space: dict[str, object] = {}
    exec(path.read_text(encoding="utf-8"), space)
    test = space["test_votes"]
    assert callable(test)
    with MISTAKES["votes_twice"].planted(), pytest.raises(AssertionError):
        test()
    test()


def test_a_failure_of_a_walk_with_calls_of_its_own_is_saved_with_them(tmp_path: Path) -> None:
    calls = ((((b"SADD", b"x", b"a"), (b"SMEMBERS", b"x")), 3),)
    judged = Judged(SETS, replace(SETS.walks()[0], calls=calls))
    path = tmp_path / "test_seen.py"
    with MISTAKES["commands_unseen"].planted():
        walked = next(w for w in (walk_of(judged, seed) for seed in range(40)) if w.rejection is not None)
        small = smaller_walk(judged, walked, 5.0)
        assert small.rejection is not None
    text = saving.as_test(SETS, Found("walk", "1", small.rejection, small, judged), path)
    path.write_text(text, encoding="utf-8")
    space: dict[str, Any] = {}
    exec(path.read_text(encoding="utf-8"), space)
    with MISTAKES["commands_unseen"].planted(), pytest.raises(AssertionError):
        space["test_seen"]()
    space["test_seen"]()


def test_made_up_mistakes_are_planted_and_found() -> None:
    folder = ROOT / "impl" / "crdt_set" / "orset.py"
    change = next(c for c in mutants.changes(folder) if "dot in theirs or dot not in their_context" in c.what)
    code = (
        "from refinement.__main__ import find\nfrom refinement.harness import mutants\n"
        f"change = mutants.Change({change.file!r}, {change.line}, '', {change.source!r})\n"
        "print(mutants.judged(change, lambda: find('crdt_set'), 10.0)[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "None" not in done.stdout, done.stderr


def test_live_processes_keep_their_promises(tmp_path: Path) -> None:
    result = live.live(SETS, tmp_path, 1.5, 3)
    assert result.problems == []
    assert any(seen.returned is not None for seen in result.history)
    assert result.faults


def test_a_history_that_lost_an_acknowledged_write_is_judged_so() -> None:
    told = live.Lived("raft", 0)
    told.history = [
        live.Seen(0, "n1", (b"INCR", b"counter"), 0.0, 1.0, "1"),
        live.Seen(1, "n2", (b"GET", b"counter"), 2.0, 3.0, "0"),
    ]
    live.judge(RAFT, told)
    assert told.problems
    told.history, told.problems = [live.Seen(0, "n1", (b"INCR", b"counter"), 0.0)], []
    live.judge(RAFT, told)
    assert "no call was answered" in told.problems


def test_the_command_line() -> None:
    runner = CliRunner()
    assert protocols() == ["crdt_set", "raft", "redis_lock"]
    done = runner.invoke(main, ["campaign", "redis_lock", "--seconds", "1", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["verdict"] == "unknown"
    assert runner.invoke(main, ["campaign", "nothing"]).exit_code == 2
    wrong = runner.invoke(main, ["exhaustive", "raft", "--world", "nowhere"])
    assert wrong.exit_code == 2
    assert "there are: " in wrong.output


def test_the_command_line_reports_a_mistake(tmp_path: Path) -> None:
    with MISTAKES["union_merge"].planted():
        save = tmp_path / "test_union.py"
        done = CliRunner().invoke(main, ["campaign", "crdt_set", "--seconds", "20", "--save", str(save)])
    assert done.exit_code == 1
    assert "not a step of the specification" in done.output
    assert save.exists()


def test_processes_share_a_campaign() -> None:
    alone, shared = (
        CliRunner().invoke(main, ["campaign", "crdt_set", "--seconds", "1", "--jobs", jobs, "--json"])
        for jobs in ("1", "3")
    )
    for done in (alone, shared):
        assert done.exit_code == 0 and json.loads(done.stdout)["verdict"] == "unknown"
    assert json.loads(shared.stdout)["runs"]["walks"] > 0


def test_a_process_that_dies_is_no_result() -> None:
    with pytest.raises(teams.Lost):
        teams.together(lambda number: os._exit(0) if number else campaign.Campaign("raft", 0), 2)


def test_a_cluster_of_another_size_shows_what_half_of_the_votes_does() -> None:
    mistake = MISTAKES["half_elects"]
    with mistake.planted():
        assert hold.walks(RAFT.of(4), range(60)) is not None
    assert hold.walks(RAFT.of(4), range(6)) is None
    assert hold.walks(RAFT.of(5), range(4)) is None


@pytest.mark.slow
@pytest.mark.parametrize("protocol", protocols())
def test_every_known_mistake_is_found(protocol: str) -> None:
    missed: list[str] = []
    for seconds in ("6", "120"):
        only = [word for name in missed for word in ("--only", name)]
        done = CliRunner().invoke(main, ["mutants", protocol, "--seconds", seconds, "--json", *only])
        missed = json.loads(done.stdout)["missed"]
        if not missed:
            break
    assert missed == []


def test_where_the_specification_is_too_small_nothing_is_wrong() -> None:
    class Tiny(type(SETS)):  # type: ignore[misc]
        sizes = {**SETS.sizes, "Replica": 4}

    found = campaign.campaign(Tiny(), 6.0, 1)
    assert found.found is None and found.steps > 0


def test_every_function_that_ran_is_named_in_a_report() -> None:
    calls = [Ran(str(ROOT / "impl" / "raft" / "core.py"), at, f"part{at}", 1, (at + 1, at + 2)) for at in range(1, 60)]
    told = shown(calls)
    assert all(any(f"part{at}  impl/raft/core.py:{at}" in line for line in told) for at in range(1, 60))
    assert told[-1].endswith("part59  impl/raft/core.py:59, lines 60, 61") and len(told) < 110


def test_a_client_that_gets_what_it_does_not_understand_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(SETS), "live_command", lambda self, random: (b"SMEMBERS", (b"set0",)))
    result = live.live(SETS, tmp_path, 0.5, 3)
    assert any("a client did not understand" in problem for problem in result.problems)
