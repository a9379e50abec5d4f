"""Known mistakes, planted into the cores by tests: one table for each protocol, and nothing of it in the cores."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mistake: what it does wrong, and the places it replaces: module, class or table, name, and replacement.

    `quiet` ones show in single steps beside the specification only: the runs without it need not notice them.
    """

    name: str
    mistake: str
    places: tuple[tuple[Any, str, Any], ...]
    quiet: bool = False

    @contextlib.contextmanager
    def planted(self) -> Iterator[None]:
        """The code with this mistake."""
        with contextlib.ExitStack() as stack:
            for owner, name, replacement in self.places:
                if isinstance(owner, dict):
                    stack.enter_context(mock.patch.dict(owner, {name: replacement}))
                else:
                    stack.enter_context(mock.patch.object(owner, name, replacement))
            yield


def replaced(owner: Any, name: str, replacement: Any) -> tuple[tuple[Any, str, Any], ...]:
    """One place."""
    return ((owner, name, replacement),)


def unheld(function: Callable[..., Any], kinds: tuple[type, ...]) -> Callable[..., Any]:
    """A handler whose messages of some kinds do not wait for the disk."""
    import dataclasses

    def hasty(turn: Any, *arguments: Any) -> Any:
        result = function(turn, *arguments)
        for place, effect in enumerate(turn.out):
            if isinstance(getattr(effect, "message", effect), kinds):
                turn.out[place] = dataclasses.replace(effect, held=False)
        return result

    return hasty
