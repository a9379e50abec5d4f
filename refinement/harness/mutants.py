"""Mistakes in the code, and how each way finds them: those on a list, and those that a machine makes up.

A made-up mistake is one small change of the source of one module: a condition dropped or turned round, a comparison or
a number off by one, a statement left out, an effect that no longer waits for the disk.
"""

from __future__ import annotations

import ast
import copy
import importlib.abc
import importlib.util
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from pyspec.base.diagnostics import SpecError
from refinement.harness import campaign
from refinement.harness.exhaustive import explore
from refinement.harness.mapping import ProtocolMapping
from refinement.harness.source import ROOT

Way = Callable[[ProtocolMapping, float], str | None]
"""Looks for something wrong, for so many seconds; what it is."""


def by(*ways: Callable[..., None]) -> Way:
    """A way of campaigns alone."""

    def look(mapping: ProtocolMapping, seconds: float) -> str | None:
        report = campaign.Campaign(mapping.protocol.name, 0)
        for way in ways:
            way(mapping, report, "0", time.monotonic() + seconds, shrink=False)
            if report.found is not None:
                return str(report.found.rejection)
        return None

    return look


def exhaustively(mapping: ProtocolMapping, seconds: float) -> str | None:
    """The small worlds, one after another."""
    names = [name for name in mapping.worlds() if name not in mapping.deep]
    for name in names:
        found = explore(mapping, name, seconds / len(names), ordered=True)
        if found.failure is not None:
            return str(found.failure.rejection)
    return None


WAYS: dict[str, Way] = {
    "walks": by(campaign.walking),
    "simulation": by(campaign.simulating),
    "exhaustive": exhaustively,
}


@dataclass(frozen=True)
class Caught:
    """One cell of the table: whether a way found the mistake, how fast, and what it said."""

    way: str
    seconds: float
    said: str | None


def table_row(mapping: ProtocolMapping, seconds: float) -> list[Caught]:
    """Each way, on the code as it is now."""
    cells = []
    for name, way in WAYS.items():
        began = time.monotonic()
        said = way(mapping, seconds)
        cells.append(Caught(name, time.monotonic() - began, said))
    return cells


# ------------------------------------------------------------------------------------- made-up mistakes


@dataclass(frozen=True)
class Change:
    """A made-up mistake: the module's file and line, what was changed, and the module's new source."""

    file: str
    line: int
    what: str
    source: str


SWAPS: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}


def edits(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], None]]]:
    """What can be changed in one node of a syntax tree."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        yield "comparison", lambda n: n.ops.__setitem__(0, SWAPS[type(n.ops[0])]())  # type: ignore[attr-defined]
    elif isinstance(node, ast.BoolOp):
        yield "and/or", lambda n: setattr(n, "op", SWAPS[type(n.op)]())  # type: ignore[attr-defined]
        for place in range(len(node.values)):
            yield f"condition {place + 1} dropped", lambda n, place=place: n.values.pop(place)  # type: ignore[misc]
    elif isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
        yield "plus/minus", lambda n: setattr(n, "op", SWAPS[type(n.op)]())  # type: ignore[attr-defined]
    elif isinstance(node, ast.If):
        yield "condition always true", lambda n: setattr(n, "test", ast.Constant(True))
        yield "condition always false", lambda n: setattr(n, "test", ast.Constant(False))
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "other truth value", lambda n: setattr(n, "value", not n.value)  # type: ignore[attr-defined]
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield "number + 1", lambda n: setattr(n, "value", n.value + 1)  # type: ignore[attr-defined]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("max", "min"):
        other = {"max": "min", "min": "max"}[node.func.id]
        yield f"{node.func.id} for {other}", lambda n: setattr(n.func, "id", other)  # type: ignore[attr-defined]


def statements(tree: ast.Module) -> Iterator[tuple[ast.stmt, list[ast.stmt], int]]:
    """Every statement inside a function that can be left out, with the block it stands in."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for parent in ast.walk(function):
            for name in ("body", "orelse"):
                block: Any = getattr(parent, name, None)
                for place, statement in enumerate(block if isinstance(block, list) else []):
                    called = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
                    if called or isinstance(statement, ast.Assign | ast.AugAssign):
                        yield statement, block, place


def changes(path: Path) -> Iterator[Change]:
    """Every made-up mistake in a module."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    file = str(path.relative_to(ROOT))
    places = [n for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)]
    for number, node in enumerate(places):
        for index, (what, _) in enumerate(edits(node)):
            fresh = copy.deepcopy(tree)
            same = [n for f in ast.walk(fresh) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)][number]
            before = ast.unparse(node).splitlines()[0]
            list(edits(same))[index][1](same)
            after = ast.unparse(ast.fix_missing_locations(same)).splitlines()[0]
            line = getattr(node, "lineno", 0)
            yield Change(file, line, f"{what}: {before} -> {after}", ast.unparse(ast.fix_missing_locations(fresh)))
    for number, (statement, _, _) in enumerate(statements(tree)):
        fresh = copy.deepcopy(tree)
        _, block, place = list(statements(fresh))[number]
        block[place] = ast.Pass()
        what = f"left out: {ast.unparse(statement).splitlines()[0]}"
        yield Change(file, statement.lineno, what, ast.unparse(ast.fix_missing_locations(fresh)))


SKIPPED = ("__init__.py", "messages.py")


def sampled(protocol: str, count: int, seed: int) -> list[Change]:
    """Made-up mistakes in the modules of a protocol."""
    folder = ROOT / "impl" / protocol
    found = [c for path in sorted(folder.glob("*.py")) if path.name not in SKIPPED for c in changes(path)]
    unique = list({(change.file, change.source): change for change in found}.values())
    return Random(seed).sample(unique, min(count, len(unique)))


def unchanged(change: Change) -> Change:
    """The module as it is."""
    return Change(change.file, 0, "nothing", (ROOT / change.file).read_text(encoding="utf-8"))


class _Loader(importlib.abc.SourceLoader):
    """Loads one module from another text."""

    def __init__(self, path: str, source: str) -> None:
        self.path, self.source = path, source

    def get_filename(self, fullname: str) -> str:
        return self.path

    def get_data(self, path: str) -> bytes:
        return self.source.encode()


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the module that has been changed."""

    def __init__(self, change: Change) -> None:
        self.name = change.file.removesuffix(".py").replace("/", ".")
        self.loader = _Loader(str(ROOT / change.file), change.source)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """The changed module under its name; nothing else."""
        return importlib.util.spec_from_loader(fullname, self.loader) if fullname == self.name else None


def judged(change: Change, find: Callable[[], ProtocolMapping], seconds: float) -> tuple[str | None, float]:
    """What is found in code with a made-up mistake, in a process of its own, and after how many seconds."""
    reader, writer = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reader)
        said = _in_child(change, find, seconds)
        os.write(writer, pickle.dumps(said))
        os._exit(0)
    os.close(writer)
    limit = 3 * seconds + 20
    signal.signal(signal.SIGALRM, lambda number, frame: os.kill(child, signal.SIGKILL))
    signal.alarm(int(limit))
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    signal.alarm(0)
    said = pickle.loads(data) if data else "the process did not end"
    return said, time.monotonic() - began


def _in_child(change: Change, find: Callable[[], ProtocolMapping], seconds: float) -> str | None:
    sys.meta_path.insert(0, _Finder(change))
    try:
        return by(campaign.walking, campaign.simulating)(find(), seconds)
    except SpecError as problem:
        raise SystemExit(str(problem)) from problem  # the fault of the specification or the mapping, not of the change
    except Exception as problem:  # noqa: BLE001  # also a module that no longer loads is a mistake that was noticed
        return f"{type(problem).__name__}: {problem}"
