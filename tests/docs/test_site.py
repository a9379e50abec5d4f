"""The documentation site: what its pages are made of. (`make docs` builds it; broken links fail there.)"""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from pygments.token import Error

from docs.site.lexer import SpecLexer
from docs.site.protocol import Drift, files
from docs.site.stage import Stage

ROOT = Path(__file__).resolve().parents[2]
STEPS = """protocol steps
\"\"\"Counts <up> to *two*.\"\"\"
enum Mode: low, high
var mode: Mode = low
flaw falls violates rises
    "It falls again."
action rise:
    when mode == low
    mode = high
action fall:
    when falls and mode == high
    mode = low
step rises:
    \"\"\"Never back.\"\"\"
    mode == high implies mode' == high
reachable top: mode == high
model ci:
    expect 2 states
"""


def test_a_protocol_page_has_pictures_and_a_chart_for_each_flaw(tmp_path: Path) -> None:
    path = tmp_path / "steps.pspec"
    path.write_text(STEPS)
    made = files(path)
    page = made["protocols/steps.md"]
    assert "| `rises` | Never back. | holds | exhaustive |" in page and "Counts \\<up\\> to \\*two\\*." in page
    assert "Violates `rises` after 2 steps" in page and "2 states" in page
    charts = [name for name in made if "flaw-falls" in name]
    assert sorted(charts) == ["protocols/steps/flaw-falls-dark.svg", "protocols/steps/flaw-falls-light.svg"]
    assert all(f"/{name}" in page for name in made if name.endswith(".svg"))


@pytest.mark.parametrize(("old", "new"), [("2 states", "3 states"), ("mode = low\n", "mode = high\n")])
def test_a_specification_that_is_not_as_it_says_fails_the_build(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "steps.pspec"
    path.write_text(new.join(STEPS.rsplit(old, 1)))
    with pytest.raises(Drift, match="steps"):
        files(path)


def test_links_lead_to_where_the_site_has_the_page(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    page = ROOT / "docs" / "tutorial.md"
    for link, place in {
        "language.md#types": "language.md#types",
        "../specs/raft.pspec": "protocols/raft.md",
        "../README.md": "index.md",
        "decisions/": "decisions/index.md",
        "https://example.org/x": "https://example.org/x",
        "../Makefile": "files/Makefile",
        "nowhere.md": "nowhere.md",
    }.items():
        assert stage._target(link, page, "tutorial.md") == place
    assert (tmp_path / "files" / "Makefile").exists()
    assert stage._target("../cli.md", ROOT / "docs/decisions/native.md", "decisions/native.md") == "../cli.md"


def test_links_in_code_stay(tmp_path: Path) -> None:
    source = ROOT / "docs" / "python.md"
    stage = Stage(tmp_path)
    stage.document(source, "python.md")
    assert (tmp_path / "python.md").read_text() == source.read_text()


def test_what_is_gone_is_swept(tmp_path: Path) -> None:
    (tmp_path / "old.md").write_text("old")
    stage = Stage(tmp_path)
    stage.page("new.md", "new")
    stage.sweep()
    assert [p.name for p in tmp_path.iterdir()] == ["new.md"]


@pytest.mark.parametrize("path", sorted((ROOT / "specs").rglob("*.pspec")), ids=lambda p: p.stem)
def test_every_sign_of_a_specification_has_a_colour(path: Path) -> None:
    assert [text for kind, text in SpecLexer().get_tokens(path.read_text()) if kind is Error] == []


def test_specifications_in_pages_are_coloured(tmp_path: Path) -> None:
    Stage(tmp_path).document(ROOT / "docs" / "tutorial.md", "tutorial.md")
    text = (tmp_path / "tutorial.md").read_text()
    assert text.count("```pspec\n") > 4 and "-->\n```text\nprotocol" not in text


@pytest.mark.parametrize("name", ["docs/ci/pyspec.yml", ".github/actions/check/action.yml", ".pre-commit-hooks.yaml"])
def test_options_in_files_to_copy_exist(name: str) -> None:
    from pyspec.cli.main import COMMANDS, cli

    text = (ROOT / name).read_text()
    check = cli.get_command(click.Context(cli), "check")
    assert check is not None
    known = {option for param in check.params for option in param.opts}
    lines = [line for line in text.splitlines() if "options:" in line or "pyspec check" in line]
    used = {word.rstrip('`.,"') for line in lines for word in line.split() if word.startswith("--")}
    assert used <= known
    assert {m[1] for m in re.finditer(r"entry: pyspec (\w+)", text)} <= set(COMMANDS)
    assert used or "entry:" in text
