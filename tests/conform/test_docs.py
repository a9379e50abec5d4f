"""What docs/trace-validation.md shows besides commands: the code runs, the mappings fit their specification."""

from __future__ import annotations

import re
import tomllib

import pytest

from pyspec.conform import make_mapping
from tests.conform.walks import ROOT

PAGE = (ROOT / "docs" / "trace-validation.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_python_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"```python\n(.*?)```", section("From Python"), re.DOTALL)
    exec(code, {})


def test_the_raft_mapping_fits_the_specification() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", section("A Raft that is not ours"), re.DOTALL)
    whole, refusals, beats, snapshots, crashes, quorum, start, received, handled, silent, crashing = blocks
    raft = ROOT / "specs" / "raft.pspec"
    assert len(make_mapping(raft, whole).typed.rules) == 7
    assert len(make_mapping(raft, f"{whole}\n{refusals}").typed.rules) == 10
    parts = [start, crashes, quorum, snapshots, beats, whole, refusals]
    assert len(make_mapping(raft, "\n".join(parts)).typed.rules) == 6 + 2 + 2 + 3 + 7 + 10
    tested = tomllib.loads((ROOT / "tests" / "conform" / "rawnode.toml").read_text(encoding="utf-8"))["event"]
    for block in parts[:-1]:
        for rule in tomllib.loads(block)["event"]:
            assert rule in tested, rule
    assert len(make_mapping(raft, '[log]\nnode = "node"\n' + received).typed.rules) == 1
    assert len(make_mapping(raft, '[log]\nnode = "node"\n' + handled).typed.rules) == 2
    assert len(make_mapping(raft, '[log]\nnode = "node"\n' + silent).typed.rules) == 3
    assert len(make_mapping(raft, '[log]\nnode = "node"\n' + crashing).typed.rules) == 2


def test_every_key_of_a_mapping_is_described() -> None:
    from pyspec.conform.mapping import EVENT_KEYS, SECTIONS

    text = section("The mapping")
    log = SECTIONS["log"]
    assert log is not None
    for key in {*log, *EVENT_KEYS}:
        assert f"`{key}`" in text, key
    for name in SECTIONS:
        assert f"[{name}]" in text, name


def test_every_model_is_described() -> None:
    from pyspec.conform.linear import MODELS

    text = section("Histories of clients")
    for name, model in MODELS.items():
        assert f"`{name}`" in text
        assert set(re.findall(r"`([a-z]+)`", text)) >= set(list(model.rules)[:2]), name
