"""Machines that are not as one would like them: no compiler, no cache, no home, no UTF-8, a full disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyspec.cli import exits

ROOT = Path(__file__).resolve().parents[2]
TEXT = """protocol steps
var x: 0..3 = 0
action up:
    when x < 3
    x += 1
invariant low: x <= 3
"""


def check(*arguments: str, path: Path, **environment: str | None) -> subprocess.CompletedProcess[str]:
    """Runs `pyspec check` on the specification, with variables of the environment set, or (None) removed."""
    path.write_text(TEXT)
    given = {k: v for k, v in {**os.environ, **environment}.items() if v is not None}
    line = [sys.executable, "-m", "pyspec", "check", str(path), "--json", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, cwd=ROOT, env=given, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_without_a_compiler_the_python_search_runs_and_says_so(tmp_path: Path) -> None:
    done = check(path=tmp_path / "s.pspec", PATH="/nonexistent", CC="/bin/false", PYSPEC_CACHE=str(tmp_path / "cache"))
    found = json.loads(done.stdout)
    if found["engine"] == "python":  # a machine with the ziglang package has a compiler after all
        assert (found["warnings"][0]["code"], found["distinct"], done.returncode) == ("W0902", 4, exits.OK)
        assert "ziglang" in found["warnings"][0]["hint"]
    arguments = ("--engine", "native")
    done = check(*arguments, path=tmp_path / "s.pspec", PATH="/nonexistent", CC=None, PYSPEC_CACHE=str(tmp_path / "c"))
    found = json.loads(done.stdout)
    assert found.get("engine") == "native" or (found["errors"][0]["code"], done.returncode) == ("E0901", exits.WRONG)


@pytest.mark.parametrize(
    "environment",
    [
        {"PYSPEC_CACHE": "/proc/nowhere"},
        {"PYSPEC_CACHE": "/dev/null"},
        {"PYSPEC_CACHE": None, "XDG_CACHE_HOME": None, "HOME": "/proc"},
    ],
)
def test_without_a_cache_the_native_search_runs(tmp_path: Path, environment: dict[str, str | None]) -> None:
    found = json.loads(check(path=tmp_path / "s.pspec", **environment).stdout)
    assert (found["verdict"], found["engine"], found["distinct"]) == ("holds", "native", 4)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_a_budget_that_ran_out(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "states.log").symlink_to("/dev/full")
    done = check("--checkpoint", str(folder), path=tmp_path / "s.pspec")
    found = json.loads(done.stdout)
    assert (found["errors"][0]["code"], done.returncode) == ("E0907", exits.BUDGET)
    assert found["errors"][0]["hint"] == "free some disk space"


def test_names_with_spaces_and_signs_and_another_encoding(tmp_path: Path) -> None:
    folder = tmp_path / "sp ace"
    folder.mkdir()
    done = check(path=folder / "s-\u00e9 \u03bb.pspec", LC_ALL="C", PYTHONIOENCODING="latin-1:replace", PYTHONUTF8="0")
    assert json.loads(done.stdout)["verdict"] == "holds"


def test_two_runs_share_a_cache(tmp_path: Path) -> None:
    path = tmp_path / "s.pspec"
    path.write_text(TEXT)
    line = [sys.executable, "-m", "pyspec", "check", str(path), "--json", "--no-cache"]
    environment = {**os.environ, "PYSPEC_CACHE": str(tmp_path / "cache")}
    runs = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) for _ in range(3)]
    for one in runs:
        assert json.loads(one.communicate()[0])["engine"] == "native"
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.name.startswith("pyspec-")], "nothing is half written"
