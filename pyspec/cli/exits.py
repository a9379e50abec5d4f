"""Exit codes of every command, and how several of them become one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

OK: Final = 0  # every expectation met
FAILED: Final = 1  # a property failed, a flaw was not caught, a count differs
WRONG: Final = 2  # the specification or the command line is wrong
BUDGET: Final = 3  # a budget ran out, or the run was interrupted, before an answer
FAULT: Final = 4  # engines disagree, or another fault of the tool

_WEIGHT: Final = {OK: 0, BUDGET: 1, FAILED: 2, WRONG: 3, FAULT: 4}


def worst(codes: Iterable[int]) -> int:
    """The exit code of a run over several specifications: what most needs attention."""
    return max(codes, key=_WEIGHT.__getitem__, default=OK)
