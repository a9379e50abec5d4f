"""Every command shown in README.md and docs/ works, and prints what the page says.

In a block marked `console`, a line `$ command` is run (in a copy of the specifications); the lines that follow are what
it prints, where `...` stands for any lines and times may differ. `[exit 1]` as the last line says with which code it
ends. In a block marked `sh`, every line is a command. A `make` target must exist; it is not run here.

A comment before a block of any other kind makes it a step: `<!-- file NAME -->` writes the block to a file,
`<!-- append NAME -->` adds it at the end, `<!-- in NAME replace: TEXT -->` puts it in the place of the one line that
has this text.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BLOCK = re.compile(r"^(?:<!-- (.*?) -->\n)?```([a-z]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NOT_RUN_HERE = ("git clone", "pip install", "apt-get ", "cd ")


@dataclass
class Command:
    """A command, the lines it is said to print, the code it is said to end with."""

    line: str
    output: list[str] = field(default_factory=list)
    code: int = 0


@dataclass
class Edit:
    """What a page does to a file."""

    what: str
    text: str

    def apply(self, place: Path) -> None:
        if match := re.fullmatch(r"(file|append) (\S+)", self.what):
            with open(place / match[2], "w" if match[1] == "file" else "a", encoding="utf-8") as stream:
                stream.write(self.text)
        elif match := re.fullmatch(r"in (\S+) replace: (.*)", self.what):
            path = place / match[1]
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            (at,) = [i for i, line in enumerate(lines) if match[2] in line]
            lines[at : at + 1] = [self.text]
            path.write_text("".join(lines), encoding="utf-8")


def commands(text: str) -> list[Command | Edit]:
    found: list[Command | Edit] = []
    for edit, kind, body in BLOCK.findall(text):
        if edit and kind not in ("console", "sh"):
            found.append(Edit(edit, body))
        found += commands_in(kind, body)
    return found


def commands_in(kind: str, body: str) -> list[Command]:
    """The commands of one block."""
    found: list[Command] = []
    if kind in ("console", "sh"):
        for line in body.splitlines():
            if kind == "sh":
                found += [Command(line)] if line.strip() and not line.startswith("#") else []
            elif line.startswith("$ "):
                found.append(Command(line[2:].partition("  #")[0].strip()))
            elif match := re.fullmatch(r"\[exit (\d)\]", line):
                found[-1].code = int(match[1])
            elif found:
                found[-1].output.append(line)
    return found


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def pattern(lines: list[str]) -> re.Pattern[str]:
    """What the output has to look like: times differ, `...` is anything, spaces at line ends do not matter."""
    parts = []
    for line in lines:
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            literal = re.escape(line.rstrip())
            literal = re.sub(r"\d+(?:\\\.\d+)?\\ (s|min|h)\b", r"[\\d.]+\\ (?:s|min|h)", literal)
            literal = re.sub(r"depth\\ (\d+)\\ in\\ .*", r"depth\\ \1\\ in.*", literal)
            parts.append(literal.replace(r"\ \ ", r"\s+").replace(r"\s+\ ", r"\s+") + r"[ ]*\n")
    return re.compile("".join(parts))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of what the pages' commands read, and a `pyspec` and a `python` on the path."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(ROOT / "specs", folder / "specs")
    (folder / "bin").mkdir()
    for name, arguments in (("pyspec", "-m pyspec"), ("python", "")):
        script = folder / "bin" / name
        script.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" {arguments} "$@"\n')
        script.chmod(0o755)
    python = folder / "bin" / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    yield folder
    if (folder / ".cluster").exists():  # a page that failed half-way
        run("python -m impl down", folder, {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"})


@pytest.mark.parametrize("page", pages(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_commands_of_a_page(page: Path, place: Path) -> None:
    environment = {**os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "NO_COLOR": "1"}
    for command in commands(page.read_text(encoding="utf-8")):
        if isinstance(command, Edit):
            command.apply(place)
            continue
        if command.line.startswith(NOT_RUN_HERE):
            continue
        if command.line.startswith("make"):
            subprocess.run([*command.line.partition("#")[0].split(), "-n"], cwd=ROOT, check=True, capture_output=True)
            continue
        done = run(command.line, place, environment)
        said = done.stdout + done.stderr
        assert done.returncode == command.code, f"{command.line}\n{said}"
        assert "Traceback" not in said
        if command.output:
            assert pattern(command.output).fullmatch(said), f"{command.line}\n{said}"


def run(line: str, place: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )


def test_the_pattern_of_an_output() -> None:
    expected = pattern(["two_phase_commit  288 states in 0.02 s", "...", "holds"])
    assert expected.fullmatch("two_phase_commit     288 states in 1.5 s\nwhatever\nholds\n")
    assert not expected.fullmatch("two_phase_commit  289 states in 1.5 s\nwhatever\nholds\n")
