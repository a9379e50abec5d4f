"""Traces: the steps that lead from an initial state to what a search found."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Step:
    """One step: the action taken (None for the initial state), its arguments by name, and the state it leads to."""

    action: str | None
    args: tuple[tuple[str, object], ...]
    state: object


@dataclass(frozen=True)
class Trace:
    """Steps from an initial state on."""

    steps: tuple[Step, ...] = field(default=())
    loop_start: int | None = None
