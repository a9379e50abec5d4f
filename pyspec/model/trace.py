"""Traces: the steps that lead from an initial state to what a search found; as text, JSON, ITF, Mermaid and HTML."""

from __future__ import annotations

import html
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pyspec.model.state import State
from pyspec.model.values import Value, to_json

if TYPE_CHECKING:
    from pyspec.model.instance import Instance

Arguments = tuple[tuple[str, Value], ...]


@dataclass(frozen=True)
class Step:
    """One step: the action taken (None for the initial state), its arguments by name, and the state it leads to
    (None for a step that was tried and ended in an evaluation error)."""

    action: str | None
    args: Arguments
    state: State | None

    def __repr__(self) -> str:
        from pyspec.model.values import show

        if self.action is None:
            return "initial"
        return f"{self.action}({', '.join(f'{name}={show(value)}' for name, value in self.args)})"


@dataclass(frozen=True)
class Failing:
    """The property that is false in the last state (a step property: in the last step; a liveness property: on the
    loop), and for which values of its parameters."""

    name: str
    params: Arguments = ()


@dataclass(frozen=True)
class Trace:
    """Steps from an initial state on. `loop_start` is the number of the step that the last one goes back to, if any.
    `start` says what the first state is, if it is not known to be reachable."""

    steps: tuple[Step, ...] = ()
    loop_start: int | None = None
    failing: Failing | None = None
    instance: Instance | None = field(default=None, compare=False, repr=False)
    start: str = "initial state"

    def __len__(self) -> int:
        """How many steps there are after the initial state."""
        return len(self.steps) - 1

    def __bool__(self) -> bool:
        """A trace of one state is a trace."""
        return True

    def followed_by(self, action: str, args: Arguments) -> Trace:
        """This trace with a last step that was tried and ended in an evaluation error."""
        return replace(self, steps=(*self.steps, Step(action, args, None)))

    def states(self) -> list[State]:
        """The states, from the initial one."""
        return [step.state for step in self.steps if step.state is not None]

    def text(self) -> str:
        """Numbered steps with what each changes, and at the end why the property is false."""
        from pyspec.model.story import trace_text

        return trace_text(self)

    def explanation(self) -> list[str]:
        """The failing part of the property, with the values that make it false."""
        from pyspec.model.story import explanation

        return explanation(self)

    def to_json(self) -> dict[str, object]:
        """Steps as JSON: number, action, arguments, the whole state, and what changed as text."""
        from pyspec.model.story import changes, label

        steps: list[object] = []
        before: State | None = None
        for number, step in enumerate(self.steps):
            steps.append(
                {
                    "number": number,
                    "action": step.action,
                    "args": {name: to_json(value) for name, value in step.args},
                    "label": label(self, step),
                    "state": _state_json(step.state),
                    "changes": []
                    if before is None or step.state is None
                    else changes(before, step.state, self.instance),
                }
            )
            before = step.state or before
        failing = None if self.failing is None else {"property": self.failing.name, "because": self.explanation()}
        return {"steps": steps, "loop_start": self.loop_start, "failing": failing}

    def to_itf(self) -> dict[str, object]:
        """The trace in the ITF format of Apalache (ADR-015)."""
        from pyspec.model.itf import itf

        return itf(self)

    def to_mermaid(self) -> str:
        """The trace as the text of a Mermaid sequence diagram."""
        from pyspec.model.mermaid import mermaid

        return mermaid(self)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text())}</pre>"


def _state_json(state: State | None) -> dict[str, object] | None:
    return None if state is None else {name: to_json(value) for name, value in state.values().items()}
