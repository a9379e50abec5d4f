"""Random specifications: the native search and the Python search agree in counts, verdicts and lengths of shortest
traces, with and without symmetry, with several threads and with next to no memory.

PYSPEC_RANDOM sets how many (60 by default), PYSPEC_RANDOM_SEED the first seed.
"""

import os

import pytest

from pyspec.check import search
from pyspec.model.instance import instantiate
from pyspec.model.result import CheckResult
from pyspec.native import engine
from tests.native.random_specs import make

COUNT = int(os.environ.get("PYSPEC_RANDOM", "60"))
FIRST = int(os.environ.get("PYSPEC_RANDOM_SEED", "0"))
CHUNK = 20
MOST = 3000  # states; larger ones are not compared


def summary(result: CheckResult) -> dict[str, object]:
    """What must be equal."""
    return {
        "counts": (result.distinct, result.generated, result.depth),
        "verdict": result.verdict,
        "properties": {p.name: (p.verdict, p.evidence, p.trace and len(p.trace)) for p in result.properties},
        "fired": {a.name: a.fired for a in result.actions},
        "error": result.error is not None,  # with several threads either of two at the same depth
        "error length": result.error_trace and len(result.error_trace),
        "warnings": [w.code for w in result.warnings],
        "limited": result.limited,
    }


def compare(seed: int, symmetry: bool) -> bool:
    """Whether the specification was small enough to compare; fails where the engines differ."""
    instance = instantiate(make(seed), "random")
    expected = search.check(instance, symmetry=symmetry, max_states=MOST)
    if expected.stopped_by:
        return False
    threads, memory = (1, 2, 3)[seed % 3], (None, 1)[seed // 3 % 2]
    result = engine.check(instance, threads=threads, memory=memory, symmetry=symmetry)
    assert result.engine == "native"
    assert result.symmetry == expected.symmetry
    assert summary(result) == summary(expected), f"seed {seed}, symmetry {symmetry}"
    return True


@pytest.mark.parametrize("first", range(FIRST, FIRST + COUNT, CHUNK))
def test_native_and_python_agree(first: int) -> None:
    compared = sum(compare(seed, seed % 2 == 0) for seed in range(first, min(first + CHUNK, FIRST + COUNT)))
    assert compared > 0
