"""Which faults a proof for any size is about.

A model grants faults by budgets, and a proof for any size is about any amount of them. But where the specification says
nothing of crashes — no model grants any, no field is stable, nothing comes back later — its nodes do not crash in any
model, and a crash is no counterexample to what it means.
"""

from __future__ import annotations

from dataclasses import replace

from pyspec.lang import core


def never_crash(spec: core.Spec) -> tuple[str, ...]:
    """The roles of which the specification says nothing of crashes."""
    roles = [action.role for action in spec.actions if _is_crash(action)]
    return tuple(role for role in roles if role is not None and not _is_prepared(spec, role))


def without_crashes(spec: core.Spec) -> core.Spec:
    """The specification in which these roles do not crash."""
    never = never_crash(spec)
    kept = (action for action in spec.actions if not (_is_crash(action) and action.role in never))
    return replace(spec, actions=tuple(kept)) if never else spec


def _is_crash(action: core.Action) -> bool:
    return action.kind == "fault" and action.name.rpartition(".")[2] == "crash"


def _is_prepared(spec: core.Spec, role: str) -> bool:
    models = (one for model in spec.models for one in model.settings)
    settings = [*models, *(one for flaw in spec.flaws for one in flaw.overrides)]
    granted = any(one.kind == "budget" and one.name in ("crashes", f"{role}.crashes") for one in settings)
    stays = any(var.role == role and var.kind == "field" and var.stable and not var.ghost for var in spec.vars)
    returns = any(var.role == role and var.kind == "up" for var in spec.vars)
    return granted or stays or returns


__all__ = ["never_crash", "without_crashes"]
