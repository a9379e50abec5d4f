"""What `sent` means: a message that this event sends, whatever was sent by the events before."""

import json
from pathlib import Path

import pytest

from pyspec.conform import make_mapping

SPEC = """protocol posts

network set
message Post(number: 0..9)

var last: 0..9 = 0
var extra: 0..9 = 0

action publish(n in 0..9):
    last = n
    send Post(n)

action rest:
    extra = 1
"""
POSTED = """
[[event]]
name = "post"
send = "Post(n)"
fields = { "n: 0..9" = "number" }
after = { "sent.number" = "shown" }
"""
TAKEN = """
[[event]]
name = "post"
steps = STEPS
with = { n = "number" }
after = { "sent.number" = "shown" }
"""


def verdict(mapping: str, numbers: list[tuple[int, int]], folder: Path) -> tuple[str, int]:
    """The verdict and how many events were explained, for posts of a number that show a number."""
    (folder / "posts.pspec").write_text(SPEC, encoding="utf-8")
    log = folder / "log.jsonl"
    lines = [json.dumps({"event": "post", "number": number, "shown": shown}) for number, shown in numbers]
    log.write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = make_mapping(folder / "posts.pspec", mapping).validate([log])
    return result.verdict, result.events


@pytest.mark.parametrize("mapping", [POSTED, TAKEN.replace("STEPS", '["publish"]')])
def test_what_an_earlier_event_has_sent_does_not_count(mapping: str, tmp_path: Path) -> None:
    assert verdict(mapping, [(1, 1), (2, 2), (3, 3)], tmp_path) == ("accepted", 3)
    assert verdict(mapping, [(1, 1), (2, 1), (3, 3)], tmp_path) == ("rejected", 1)


@pytest.mark.parametrize("steps", ['["publish", "rest"]', '["rest", "publish"]'])
def test_each_step_of_an_event_may_be_the_one_that_sends(steps: str, tmp_path: Path) -> None:
    mapping = TAKEN.replace("STEPS", steps)
    assert verdict(mapping, [(1, 1), (2, 2)], tmp_path) == ("accepted", 2)
    assert verdict(mapping, [(1, 1), (2, 1)], tmp_path) == ("rejected", 1)
