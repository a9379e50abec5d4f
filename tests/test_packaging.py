"""The package and its pins: every dependency has a pin, and what the package needs at run time is in the wheel."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> set[str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return {canonical(line.split("==")[0]) for line in lines if line and not line.startswith("#")}


def needed(requirement: str, seen: set[str]) -> None:
    """Adds the project a requirement names, and what that one needs here, to `seen`."""
    spec, _, marker = requirement.partition(";")
    name = canonical(re.match(r"[A-Za-z0-9._-]+", spec)[0])  # type: ignore[index]
    if name in seen or "extra" in marker or "python_version <" in marker or "win32" in marker or "Windows" in marker:
        return
    try:
        following = requires(name) or []
    except PackageNotFoundError:
        return  # not needed on this machine (a marker said so), or optional
    seen.add(name)
    for other in following:
        needed(other, seen)


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted: set[str] = set()
    for requirement in [
        *project["dependencies"],
        *(r for extra in project["optional-dependencies"].values() for r in extra),
    ]:
        needed(requirement, wanted)
    assert {"click", "lark", "pytest"} <= wanted
    assert wanted - pins() == set()


@pytest.mark.parametrize("line", (ROOT / "requirements.lock").read_text().splitlines())
def test_lock_lines_are_pins(line: str) -> None:
    assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)
