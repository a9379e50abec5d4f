"""Outcomes of obligations, kept by content: an edit of one action, or a lemma more or less, solves what it touches.

An outcome is known if the same obligation was solved before; a proof also if its goal was proved before from hypotheses
all of which are there.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from pyspec.base.cache import cache_dir
from pyspec.prove.smtlib import digest
from pyspec.prove.solve import Outcome, Task, solver_version

#: So many proofs of one goal are kept, the newest.
ALTERNATIVES = 8


def load(task: Task) -> Outcome | None:
    """The outcome of the same obligation in an earlier run, or the proof of its goal from some of its hypotheses."""
    try:
        kept = _read(_file(task.text))
        core = tuple(task.labels[number] for number in kept["core"])
        return Outcome(kept["status"], float(kept["seconds"]), kept["by"], core, cached=True)
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return _from_fewer(task)  # absent or damaged: as if there were none


def _from_fewer(task: Task) -> Outcome | None:
    """An earlier proof of the goal from hypotheses that are among those of the task."""
    try:
        labels = dict(zip(task.digests, task.labels, strict=True))
        for kept in _alternatives(task):
            if all(one in labels for one in kept["core"]):
                core = {labels[one] for one in kept["core"]}
                used = tuple(label for label in task.labels if label in core)
                return Outcome("proved", float(kept["seconds"]), kept["by"], used, cached=True)
    except (ValueError, KeyError, TypeError):
        pass
    return None


def store(task: Task, outcome: Outcome) -> None:
    """Keeps an outcome that does not depend on the time that was allowed."""
    if outcome.status == "unknown" or outcome.cached:
        return
    record = {"status": outcome.status, "seconds": round(outcome.seconds, 3), "by": outcome.by}
    core = [number for number, label in enumerate(task.labels) if label in outcome.core]
    _write(_file(task.text), {**record, "core": core})
    if outcome.status == "proved" and task.digests:
        proof = {**record, "core": [task.digests[number] for number in core]}
        others = [one for one in _alternatives(task) if one.get("core") != proof["core"]]
        _write(_goal(task), [proof, *others][:ALTERNATIVES])


def _alternatives(task: Task) -> list[dict[str, Any]]:
    """The proofs of the task's goal that are kept."""
    try:
        kept = _read(_goal(task)) if task.digests else []
    except (OSError, ValueError):
        return []
    return [one for one in kept if isinstance(one, dict)] if isinstance(kept, list) else []


def _file(text: str) -> Path:
    name = digest(solver_version() + "\n" + text)
    return cache_dir() / "proofs" / name[:2] / f"{name}.json"


def _goal(task: Task) -> Path:
    return _file(f"goal {task.digests[-1]}")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, record: object) -> None:
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(record, stream)
        os.replace(temporary, path)
    except OSError:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
