"""Random specifications: the native search and the interpreter agree in counts, verdicts and lengths of shortest traces.

PYSPEC_RANDOM sets how many (200 by default), PYSPEC_RANDOM_SEED the first seed.
"""

import os

import pytest

from pyspec.model.instance import instantiate
from pyspec.native import engine
from tests.native.oracle import Oracle, TooLarge
from tests.native.random_specs import make

COUNT = int(os.environ.get("PYSPEC_RANDOM", "200"))
FIRST = int(os.environ.get("PYSPEC_RANDOM_SEED", "0"))
CHUNK = 20


def compare(seed: int) -> bool:
    """Whether the specification was small enough to compare; fails where the engines differ."""
    instance = instantiate(make(seed), "random")
    try:
        expected = Oracle(instance).run()
    except TooLarge:
        return False
    result = engine.check(instance, threads=1, symmetry=False)
    found = {p.name: len(p.trace.steps) - 1 for p in result.properties if p.trace is not None}
    assert result.engine == "native"
    assert bool(result.error) == bool(expected.errors), f"seed {seed}: {result.error}, {expected.errors}"
    assert found == expected.found, f"seed {seed}"
    counts = (result.distinct, result.generated, result.depth)
    assert counts == (expected.distinct, expected.generated, expected.depth), f"seed {seed}"
    assert {a.name: a.fired for a in result.actions} == expected.fired, f"seed {seed}"
    if result.error_trace is not None:
        assert len(result.error_trace.steps) - 1 == expected.error_length, f"seed {seed}"
    return True


@pytest.mark.parametrize("first", range(FIRST, FIRST + COUNT, CHUNK))
def test_native_and_interpreter_agree(first: int) -> None:
    compared = sum(compare(seed) for seed in range(first, min(first + CHUNK, FIRST + COUNT)))
    assert compared > 0
