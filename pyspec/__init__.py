"""Executable specifications for distributed protocols."""

from __future__ import annotations

TYPE_CHECKING = False  # not from typing: what is loaded first loads little, so that Ctrl-C soon is a message
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from pyspec.check.statemodel import StateModel
    from pyspec.model.result import CheckResult
    from pyspec.model.values import Value

__version__ = "0.1.0"


def load(
    path: str | Path | None = None,
    /,
    *,
    text: str | None = None,
    model: str | None = None,
    flaws: tuple[str, ...] | list[str] | str = (),
    **overrides: Value,
) -> StateModel:
    """A specification, from a file or a text, with one of its models, as a Python object.

    `overrides` are sizes, constants and budgets by name: `load("specs/raft.pspec", Server=5, crashes=1)`. Raises
    SpecError with everything that is wrong.
    """
    from pyspec.check.statemodel import StateModel
    from pyspec.lang import load_spec, load_text
    from pyspec.model.instance import instantiate
    from pyspec.native import engine

    if (path is None) == (text is None):
        raise TypeError("load takes either a path or text=")
    spec = load_spec(path) if path is not None else load_text(text or "")
    chosen = (flaws,) if isinstance(flaws, str) else tuple(flaws)
    instance = instantiate(spec, model, overrides, chosen)
    return StateModel(instance, _native if engine.available() else None)


def stateful(path: str, /, **options: Any) -> Callable[[type], Any]:
    """A model as a Hypothesis state machine that drives the decorated class: see `pyspec.statemachine`."""
    from pyspec.statemachine import stateful as decorator

    return decorator(path, **options)


def _native(*arguments: object, **options: object) -> CheckResult:
    from pyspec.native import engine

    return engine.check(*arguments, **options)  # type: ignore[arg-type]
