"""`make bench`: the engines against yardsticks, all in one run on one machine, in one table.

Yardsticks are a search for two-phase commit written by hand in C (two_phase_commit.c, one 64-bit word a state) and SPIN
with the same protocol (two_phase_commit.pml), if it is installed. CPU seconds and peak memory are those of the whole
child process: Python start-up included, compiling excluded (each model is compiled by a run before the ones that
count). Every row is the fastest of TRIALS runs, taken in turn, since machines are noisy. Ratios are against the
hand-written search. Nothing here is an assertion about time; counts are compared.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.bench
HERE = Path(__file__).parent
ROOT = HERE.parent.parent
MANAGERS = int(os.environ.get("BENCH_MANAGERS", "8"))
TRIALS = int(os.environ.get("BENCH_TRIALS", "5"))


@dataclass(frozen=True)
class Run:
    """What one child process did and took."""

    what: str
    distinct: int
    generated: int
    cpu: float
    wall: float
    peak: int


def measured(command: list[str], **more: str) -> tuple[str, float, float, int]:
    """(output, CPU seconds, wall seconds, peak bytes) of a command."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT), **more}
    )
    assert process.stdout is not None
    with process.stdout:
        out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command} ended with {process.returncode}\n{out}"
    return out, usage.ru_utime + usage.ru_stime, time.perf_counter() - began, usage.ru_maxrss * 1024


def by_hand(folder: Path, managers: int) -> Run:
    compiler = shutil.which("cc") or pytest.skip("no C compiler for the yardstick")
    program = folder / "by_hand"
    subprocess.run([compiler, "-O2", "-o", str(program), str(HERE / "two_phase_commit.c")], check=True)
    out, cpu, wall, peak = measured([str(program), str(managers)])
    found = json.loads(out)
    return Run("C, written by hand", found["distinct"], found["generated"], cpu, wall, peak)


def spin(folder: Path, managers: int) -> Run | None:
    if not shutil.which("spin") or not shutil.which("cc"):
        return None
    shutil.copy(HERE / "two_phase_commit.pml", folder / "m.pml")
    subprocess.run(["spin", f"-DN={managers}", "-a", "m.pml"], cwd=folder, check=True, capture_output=True)
    options = ["-O2", "-DSAFETY", "-DNOREDUCE", "-w"]
    subprocess.run(["cc", *options, "-o", "pan", "pan.c"], cwd=folder, check=True)
    out, cpu, wall, peak = measured([str(folder / "pan"), "-E", "-m10000000", "-w24"])
    stored, transitions = number_before("states, stored", out), number_before("transitions", out)
    return Run("SPIN, no reduction", stored, transitions, cpu, wall, peak)


def number_before(word: str, text: str) -> int:
    match = re.search(rf"(\d+) {word}", text)
    assert match, text
    return int(match[1])


def pyspec(what: str, *arguments: str) -> Run:
    command = [sys.executable, "-m", "pyspec", "check", "--json", "--no-cache", *arguments]
    out, cpu, _, peak = measured(command)
    found = json.loads(out)
    return Run(what, found["distinct"], found["generated"], cpu, found["seconds"], peak)


def like_the_yardstick(folder: Path) -> str:
    """Two-phase commit with the one invariant that the hand-written search and SPIN check, and no flaws."""
    text = (ROOT / "specs" / "two_phase_commit.pspec").read_text()
    text = re.sub(r"^flaw (\w+) violates .*\n    .*\n", r"const \1: bool = false\n", text, flags=re.MULTILINE)
    actions = text[: re.search(r"^(invariant|step|reachable|terminal|lemma) ", text, re.MULTILINE).start()]  # type: ignore[union-attr]
    invariant = re.search(r"^invariant consistent:\n(?:    .*\n)+", text, re.MULTILINE)
    assert invariant is not None
    path = folder / "two_phase_commit.pspec"
    path.write_text(f"{actions}\n{invariant[0]}\nmodel ci: RM = 3\n")
    return str(path)


def table(runs: list[Run]) -> str:
    """CPU is of the whole process, search without start-up and compilation; the ratio is of searches."""
    base = runs[0]
    heads = [
        ("", 34),
        ("states", 12),
        ("generated", 14),
        ("CPU s", 9),
        ("ratio", 8),
        ("search s", 9),
        ("generated/s", 14),
    ]
    lines = ["".join(f"{head:>{width}}" for head, width in [*heads, ("bytes/state", 13)])]
    for run in runs:
        ratio = f"{run.wall / base.wall:.2f}" if run.distinct == base.distinct else ""
        rate = f"{run.generated / run.wall:,.0f}"
        lines.append(
            f"{run.what:34}{run.distinct:>12,}{run.generated:>14,}{run.cpu:>9.2f}{ratio:>8}{run.wall:>9.2f}{rate:>14}"
            f"{run.peak / run.distinct:>13.1f}"
        )
    return "\n".join(lines)


def fastest(*trials: Callable[[], Run]) -> list[Run]:
    """Of each, the fastest of TRIALS runs; they take turns, so that what slows the machine slows all of them."""
    rounds = [[trial() for trial in trials] for _ in range(TRIALS)]
    return [min(runs, key=lambda run: run.wall) for runs in zip(*rounds, strict=True)]


def test_speed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = like_the_yardstick(tmp_path)
    native = ["--engine", "native", "--no-symmetry"]
    like = [spec, "-c", f"RM={MANAGERS}", *native]
    whole = [str(ROOT / "specs" / "two_phase_commit.pspec"), *like[1:]]
    raft = [str(ROOT / "specs" / "raft.pspec"), *native]
    for sized in (like, whole, raft):
        pyspec("compile", *sized)

    def on(what: str, sized: list[str], threads: int) -> Callable[[], Run]:
        plural = "s" if threads > 1 else ""
        return lambda: pyspec(f"{what}, {threads} thread{plural}", *sized, "--threads", str(threads))

    rows = fastest(
        lambda: by_hand(tmp_path, MANAGERS),
        *(on("pyspec", like, n) for n in (1, 2)),
        *(on("pyspec, all properties", whole, n) for n in (1, 2)),
        *(on("raft, model ci", raft, n) for n in (1, 2)),
    )
    hand, one, two, all_one, all_two, raft_one, raft_two = rows
    of_one_protocol = [hand, *filter(None, [spin(tmp_path, MANAGERS)]), one, two, all_one, all_two]
    small = [spec, "-c", "RM=6", "--no-symmetry"]
    python = pyspec("6 managers, Python search", *small, "--engine", "python")
    assert len({(run.distinct, run.generated) for run in of_one_protocol}) == 1
    gain = ", ".join(f"{a.wall / b.wall:.2f}" for a, b in ((one, two), (all_one, all_two), (raft_one, raft_two)))
    with capsys.disabled():
        print(f"\n\ntwo-phase commit, {MANAGERS} managers; fastest of {TRIALS} runs")
        print(table([*of_one_protocol, python, raft_one, raft_two]))
        print(f"two threads against one: {gain} times as fast (one invariant, all properties, raft)")
        print(memory(spec))
        print(edit_to_verdict(tmp_path))


def memory(spec: str) -> str:
    """Peak memory a state beyond what a small model needs, and the same search in a third of it."""
    sized = [spec, "--engine", "native", "--no-symmetry", "-c"]
    small, large = pyspec("3 managers", *sized, "RM=3"), pyspec("9 managers", *sized, "RM=9")
    third = f"{large.peak // 3 // 2**20}M"
    spilled = pyspec(third, *sized, "RM=9", "--memory", third)
    assert (spilled.distinct, spilled.generated) == (large.distinct, large.generated)
    return (
        f"memory, 9 managers: {(large.peak - small.peak) / large.distinct:.1f} bytes a state beyond that of 3 "
        f"managers; peak {large.peak / 2**20:.0f} MB in {large.wall:.1f} s, with --memory {third} the same counts at "
        f"{spilled.peak / 2**20:.0f} MB in {spilled.wall:.1f} s"
    )


def edit_to_verdict(folder: Path) -> str:
    """Seconds from the command to the verdict of a small specification: edited, and unchanged."""
    shutil.copytree(ROOT / "specs", folder / "specs")
    path = folder / "specs" / "two_phase_commit.pspec"
    text = path.read_text()
    times = []
    for version in (
        text,
        text.replace("commits_early", "commits_quickly"),
        text.replace("commits_early", "commits_quickly"),
    ):
        path.write_text(version)
        times.append(
            measured([sys.executable, "-m", "pyspec", "check", str(path)], PYSPEC_CACHE=str(folder / "cache"))[2]
        )
    return f"edit to verdict: first run {times[0]:.2f} s, after an edit {times[1]:.2f} s, unchanged {times[2]:.2f} s"
