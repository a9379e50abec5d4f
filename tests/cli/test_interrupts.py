"""Ctrl-C at any time, and searches that are saved: a message, the right code, never a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pyspec.cli import exits
from tests.cli.interrupts import heed_interrupts

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "specs" / "two_phase_commit.pspec"

#: runs the program so that Ctrl-C arrives when a module is about to be loaded
WHILE_LOADING = """
import runpy, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Finder())
sys.argv = ["pyspec", "check", {spec!r}, "--no-cache", *{more!r}]
runpy.run_module("pyspec", run_name="__main__", alter_sys=True)
"""
MODULES = ["pyspec.cli", "pyspec.cli.main", "click", "rich.console", "pyspec.cli.check", "lark", "pyspec.native.engine"]


def loading(module: str, *more: str) -> subprocess.CompletedProcess[str]:
    text = WHILE_LOADING.format(module=module, spec=str(SPEC), more=list(more))
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.mark.parametrize("module", MODULES)
def test_ctrl_c_while_the_program_is_loaded(module: str) -> None:
    done = loading(module)
    assert (done.returncode, done.stdout) == (exits.BUDGET, "")
    assert done.stderr.strip() == "pyspec: interrupted before there was an answer"


@pytest.mark.parametrize("module", ["pyspec.cli.main", "lark"])
def test_ctrl_c_while_the_program_is_loaded_with_json(module: str) -> None:
    done = loading(module, "--json")
    assert (done.returncode, done.stderr.strip()) == (exits.BUDGET, "")
    found = json.loads(done.stdout)
    assert (found["verdict"], found["exit_code"], len(found["errors"])) == ("error", exits.BUDGET, 1)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pyspec", "check", str(SPEC), "--no-symmetry", "-c", "RM=12", *arguments]


@pytest.mark.parametrize("delay", [0.15, 0.3, 0.5, 0.8, 1.2])
def test_ctrl_c_at_any_time(delay: float) -> None:
    code, said = interrupted(delay)
    while "Traceback" in said and str(ROOT) not in said:  # a slow machine: Python had not come to our code
        delay *= 2
        code, said = interrupted(delay)
    assert code == exits.BUDGET, said
    assert "Traceback" not in said
    assert "interrupted" in said


def interrupted(delay: float) -> tuple[int, str]:
    """The exit code and the output of a search that gets Ctrl-C after some seconds."""
    child = subprocess.Popen(
        command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, preexec_fn=heed_interrupts
    )
    try:
        time.sleep(delay)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
    return child.returncode, out + err


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, cwd=ROOT, check=False)


def test_a_saved_search_says_how_to_go_on(tmp_path: Path) -> None:
    folder = str(tmp_path / "saved")
    first = run("--checkpoint", folder, "--max-states", "20000")
    assert first.returncode == exits.BUDGET
    assert f"go on with --resume {folder}" in first.stdout
    again = run("--checkpoint", folder)
    assert again.returncode == exits.WRONG
    assert "E0909" in again.stderr
    then = run("--resume", folder, "--max-states", "90000", "--json")
    assert then.returncode == exits.BUDGET
    assert json.loads(then.stdout)["distinct"] >= 90_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--resume", "absent"), "E0908: nothing to resume in absent: there is no such folder"),
        (("--resume", "absent", "--engine", "python"), "only the native engine can save a search"),
        (("--resume", "a", "--checkpoint", "b"), "leave out --checkpoint"),
        (("--checkpoint", "a", str(SPEC.parent)), "a folder holds one search"),
    ],
)
def test_requests_that_make_no_sense(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == exits.WRONG
    assert message in done.stderr
    assert not os.path.exists(ROOT / arguments[1])
