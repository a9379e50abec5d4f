"""A counterexample to induction has no facts that it does not need."""

from __future__ import annotations

from pyspec.lang import load_text
from pyspec.model.instance import instantiate
from pyspec.prove.engine import Options, prove_instance

COUNTER = """protocol counter
network set
message State(seen: map[Replica, 0..3], lost: map[Replica, 0..3]) from Replica
role Replica:
    seen: map[Replica, 0..3] = {r: 0 for r in Replica}
    lost: map[Replica, 0..3] = {r: 0 for r in Replica}
    made: 0..1 = 0
    action increment:
        when made == 0
        made = 1
        seen[self] = 1
        send State(seen, seen)
    on State(s, t):
        seen = {r: max(seen[r], s[r]) for r in Replica}
        lost = {r: max(lost[r], t[r]) for r in Replica}
invariant counted: all a, b in Replica: a.seen[b] <= b.made and a.lost[b] <= b.made
model ci: Replica = 2
"""


def test_one_message_is_enough() -> None:
    result = prove_instance(instantiate(load_text(COUNTER)), Options(seconds=5, threads=1, use_cache=False))
    cti = result.properties[0].cti
    assert cti is not None
    first = cti.trace.steps[0].state.values()
    assert isinstance(first["network.State"], frozenset) and len(first["network.State"]) == 1
