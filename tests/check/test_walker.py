"""Walking a model: the logic, without a terminal."""

from __future__ import annotations

import random

import pytest

from pyspec.base.diagnostics import SpecError
from pyspec.base.source import Source
from pyspec.check.ask import Asker
from pyspec.check.search import check
from pyspec.check.walker import Walk, WalkError
from pyspec.lang import load_text
from pyspec.model.instance import instantiate

LIFT = """protocol lift
role Shaft as self:
    floor: 0..3 = 0
    action up:
        when floor < 3
        floor += 1
    action jump:
        any k in {2, 3}
        when floor == 0
        floor = k
    action broken:
        when floor == 3
        floor += 1
def top() -> bool: exists s in Shaft: s.floor == 3
invariant low: all s in Shaft: s.floor < 2
step slowly: all s in Shaft: s.floor' <= s.floor + 1
reachable high: top()
liveness rises: eventually top()
model ci: Shaft = 2
"""


@pytest.fixture
def walk() -> Walk:
    instance = instantiate(load_text(LIFT))
    return Walk(instance, lambda model, name: check(model, only=(name,), symmetry=False), Asker(Source("<text>", LIFT)))


def test_moves_are_every_outcome_with_its_changes(walk: Walk) -> None:
    moves, problems = walk.moves()
    assert [(m.label, m.changes) for m in moves if m.label.startswith("Shaft1")] == [
        ("Shaft1.up", ("Shaft1.floor: 0 -> 1",)),
        ("Shaft1.jump", ("Shaft1.floor: 0 -> 2",)),
        ("Shaft1.jump", ("Shaft1.floor: 0 -> 3",)),
    ]
    assert problems == []


def test_back_and_forth_keeps_what_is_ahead_until_another_step(walk: Walk) -> None:
    walk.take(walk.named("Shaft1.up"))
    walk.take(walk.named("Shaft2.up"))
    walk.go_to(1)
    assert (len(walk.steps), walk.changed()) == (3, ("Shaft1.floor: 0 -> 1",))
    walk.take(walk.named("Shaft2.up"))  # the step that is ahead anyway
    assert (walk.at, len(walk.steps)) == (2, 3)
    walk.go_to(0)
    walk.take(walk.named("Shaft2.up"))
    assert len(walk.steps) == 2
    with pytest.raises(WalkError, match="0 to 1"):
        walk.go_to(5)


def test_a_name_must_say_which(walk: Walk) -> None:
    with pytest.raises(WalkError, match=r"can be Shaft1\.up, Shaft1\.jump"):
        walk.named("Shaft1")
    with pytest.raises(WalkError, match="nothing"):
        walk.named("down")


def test_what_is_broken_and_what_fails(walk: Walk) -> None:
    assert walk.broken() == []
    walk.take(next(m for m in walk.moves()[0] if m.changes == ("Shaft1.floor: 0 -> 3",)))
    assert walk.broken() == ["low", "slowly"]
    _, problems = walk.moves()
    assert [p.code for p in problems] == ["E0601"] and "broken" in problems[0].notes[0][0]
    assert walk.why("high")[0] and not walk.why("low")[0]
    with pytest.raises(WalkError, match="whole runs"):
        walk.why("rises")


def test_a_search_makes_its_trace_the_path(walk: Walk) -> None:
    assert walk.search("high").verdict == "holds"
    assert (walk.at, len(walk.steps)) == (0, 2)
    walk.go_to(1)
    assert walk.ask("top()").value is True
    assert walk.search("low").verdict == "violated"
    walk.go_to(len(walk.steps) - 1)
    assert "low" in walk.broken()
    with pytest.raises(WalkError, match="no property hihg"):
        walk.search("hihg")


def test_a_search_for_an_expression(walk: Walk) -> None:
    walk.search_for("all s in Shaft: s.floor == 1")
    walk.go_to(len(walk.steps) - 1)
    assert len(walk.steps) == 3 and walk.ask("Shaft1.floor + Shaft2.floor").value == 2
    with pytest.raises(WalkError, match="the path leads to it"):  # action broken ends the search before
        walk.search_for("all s in Shaft: s.floor > 3")
    walk.go_to(len(walk.steps) - 1)
    assert [p.code for p in walk.moves()[1]] == ["E0601"]


def test_expressions_are_typed_like_the_file(walk: Walk) -> None:
    assert walk.ask("{s for s in Shaft if s.floor == 0}").text == "{Shaft1, Shaft2}"
    assert walk.ask("Shaft1.floor > 0").because == ["Shaft1.floor > 0 is false", "    Shaft1.floor = 0"]
    for wrong, column in (("Shaft1.flor", 1), ("true and foo", 10), ("", 1), ("1 +", 4)):
        with pytest.raises(SpecError) as found:
            walk.ask(wrong)
        span = found.value.diagnostics[0].span
        assert (span.file, span.line) == ("<expression>", 1) and span.column == column


def test_random_steps_are_decided_by_the_seed(walk: Walk) -> None:
    paths = []
    for _ in range(2):
        walk.start()
        walk.random(3, random.Random(7))
        paths.append([walk.label(step) for step in walk.steps])
    assert paths[0] == paths[1] and len(paths[0]) > 1


def test_every_path_is_a_run_of_the_model(walk: Walk) -> None:
    from pyspec.model.replay import replay

    for seed in range(20):
        walk.start()
        walk.random(5, random.Random(seed))
        replay(walk.machine, walk.trace().states())
