"""Outcomes of obligations, kept by content: an edit of one action solves only what it touches."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from pyspec.base.cache import cache_dir
from pyspec.prove.smtlib import digest
from pyspec.prove.solve import Outcome, Task, solver_version


def _file(task: Task) -> Path:
    name = digest(solver_version() + "\n" + task.text)
    return cache_dir() / "proofs" / name[:2] / f"{name}.json"


def load(task: Task) -> Outcome | None:
    """The outcome of the same obligation in an earlier run."""
    try:
        kept = json.loads(_file(task).read_text(encoding="utf-8"))
        core = tuple(task.labels[number] for number in kept["core"])
        return Outcome(kept["status"], float(kept["seconds"]), kept["by"], core, cached=True)
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None  # absent or damaged: as if there were none


def store(task: Task, outcome: Outcome) -> None:
    """Keeps an outcome that does not depend on the time that was allowed."""
    if outcome.status == "unknown" or outcome.cached:
        return
    core = [number for number, label in enumerate(task.labels) if label in outcome.core]
    record = {"status": outcome.status, "seconds": round(outcome.seconds, 3), "by": outcome.by, "core": core}
    temporary = None
    try:
        path = _file(task)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(record, stream)
        os.replace(temporary, path)
    except OSError:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
