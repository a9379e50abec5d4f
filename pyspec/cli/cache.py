"""Verdicts of complete searches, kept by content: an unchanged specification is answered without a search.

A record is found by the text of the main file and everything that decides the answer (model, overrides, flaws,
symmetry, the version of this tool). It names the files that were imported with their digests; a record with a file that
changed since is ignored. Threads, budgets and output format do not change a complete answer and are no part of the key.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from functools import cache
from pathlib import Path

import pyspec
from pyspec.base.cache import cache_dir

KEEP = 2000  # records; the oldest go when there are more


def digest(path: str | Path) -> str:
    """The digest of a file's bytes; "absent" if it cannot be read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return "absent"


@cache
def tool_version() -> str:
    """The version of this tool with the digest of its files, so that an edit of it counts, and a new installation of
    the same does not."""
    whole = hashlib.sha256(pyspec.__version__.encode())
    package = Path(pyspec.__file__).parent
    for folder, names, files in os.walk(package):
        names[:] = sorted(n for n in names if n != "__pycache__")
        for name in sorted(files):
            whole.update(f"{name}:{digest(os.path.join(folder, name))}\n".encode())
    return whole.hexdigest()


def key(path: str, request: dict[str, object]) -> str:
    """The name of the record for a specification file and a request about it."""
    text = json.dumps([tool_version(), os.path.abspath(path), path, digest(path), request], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _folder() -> Path:
    return cache_dir() / "verdicts"


def load(name: str) -> dict[str, object] | None:
    """The report of an earlier run that is still valid, or None."""
    try:
        record = json.loads((_folder() / f"{name}.json").read_text(encoding="utf-8"))
        if all(digest(file) == value for file, value in record["files"].items()):
            report = record["report"]
            return report if isinstance(report, dict) else None
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError):
        pass  # absent, half-deleted or foreign: as if there were none
    return None


def store(name: str, report: dict[str, object], files: dict[str, str]) -> None:
    """Keeps a report; `files` are the digests of all files it depends on, taken before they were read.

    A cache that cannot be written is no mistake of the user's: the verdict is just not kept.
    """
    temporary = None
    try:
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump({"files": files, "report": report}, stream)
        os.replace(temporary, folder / f"{name}.json")
        _prune(folder)
    except (OSError, RuntimeError):
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def _prune(folder: Path) -> None:
    records = list(folder.glob("*.json"))
    if len(records) > KEEP:
        for record in sorted(records, key=lambda r: r.stat().st_mtime)[: len(records) - KEEP + KEEP // 10]:
            record.unlink(missing_ok=True)
