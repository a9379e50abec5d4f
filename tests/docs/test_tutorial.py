"""docs/tutorial.md, followed from the top: its files are written, its commands run, what they print is compared."""

import os
import re
import sys
from pathlib import Path

from tests.docs.test_commands import ROOT, run
from tests.docs.tutorial import apply_block

PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(?:pspec (\w+)=(\S+)|console|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: Times, and which engine ran on how many threads, differ between machines.
VARIES = [(r" in \d[\d.]* s\b.*", ""), (r"\s+\d[\d.]* s(?=\s)", " TIME"), (r" {2,}", "  "), (r"-{9,}", "---")]


def masked(text: str) -> list[str]:
    """The lines of an output without what varies."""
    lines = text.rstrip().splitlines()
    for find, replace in VARIES:
        lines = [re.sub(find, replace, line).rstrip() for line in lines]
    return lines


def test_every_step_prints_what_the_page_says(tmp_path: Path) -> None:
    script = tmp_path / "pyspec"
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m pyspec "$@"\n')
    script.chmod(0o755)
    cache = str(tmp_path / "cache")
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "NO_COLOR": "1", "PYSPEC_CACHE": cache}
    steps = 0
    for match in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        how, name, text = match.groups()
        if how:
            apply_block(tmp_path, how, name, text)
        elif match[0].startswith("```python"):
            done = run(f"{sys.executable} - <<'END'\n{text}\nEND", tmp_path, {**environment, "PYTHONPATH": str(ROOT)})
            assert done.returncode == 0, done.stderr
        else:
            command, _, output = text.partition("\n")
            code = re.search(r"^\[exit (\d)\]\n", output, re.MULTILINE)
            output = re.sub(r"^\[exit \d\]\n", "", output, flags=re.MULTILINE)
            done = run(command.removeprefix("$ "), tmp_path, environment)
            assert done.returncode == (int(code[1]) if code else 0), done.stdout + done.stderr
            assert masked(done.stdout + done.stderr) == masked(output), command
        steps += 1
    assert steps > 15
    assert (tmp_path / "result.xml").is_file()
