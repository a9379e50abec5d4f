"""Which properties of the library are inductive at the sizes of a model: the page docs/inductive.md.

python -m tests.prove.inductive [NAME...]: proves the specifications of these names again (all of them: an hour) and
writes their sections; the others stay as they are.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from pyspec.lang import load_spec

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "inductive.md"
SPECS = {path.stem: path for path in sorted((ROOT / "specs").glob("*.pspec"))}
KINDS = ("invariant", "lemma", "step")
#: `sizes`: smaller than `ci` where that takes too long; `reasons`: why what is not inductive is left so.
KNOWN = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
HEAD = """# What is inductive

Written by `python -m tests.prove.inductive` from `pyspec prove -m ci`: which invariants, lemmas and step properties of
each specification are inductive at the sizes of its `ci` model, or of a smaller one. *Not inductive* is no bug: the
search of the model has found no violation; some state that cannot be reached satisfies all of them and has a step that
does not. Its counterexample is shown, and why no lemma excludes it. What is proved for any number of nodes is in
[Proofs](decisions/proofs.md).

| specification | sizes | inductive | not | undecided |
|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Section:
    """What the page says of one specification: its row of the table, and what follows if not all is inductive."""

    row: str
    text: str


def section(name: str, seconds: int) -> Section:
    """Proves one specification."""
    sizes = [part for one in KNOWN["sizes"].get(name, ()) for part in ("-c", one)]
    command = [sys.executable, "-m", "pyspec", "prove", "-m", "ci", *sizes, "--no-search", "--no-refinement"]
    command += ["--max-seconds", str(seconds), str(SPECS[name].relative_to(ROOT))]
    report = json.loads(_run([*command, "--json"]))
    open_ = {p["name"]: p["verdict"] for p in report["properties"] if p["verdict"] != "proved" and p["kind"] != "law"}
    whole = sum(p["kind"] != "law" for p in report["properties"])
    false = [one for one, verdict in open_.items() if verdict == "not inductive"]
    rest = [one for one in open_ if one not in false]
    row = f"| {name} | {report['setting']} | {whole - len(open_)} of {whole} | {_names(false)} | {_names(rest)} |\n"
    if not open_:
        return Section(row, "")
    traces = _traces(_run(command)) if false else []
    return Section(row, f"## {name}\n\n{KNOWN['reasons'].get(name, '')}\n\n" + "".join(map(_block, traces)))


def _names(found: list[str]) -> str:
    return ", ".join(found)


def _traces(text: str) -> list[str]:
    """The counterexamples in a report for people."""
    return re.findall(r"^Counterexample to induction for .*?(?=^Counterexample|^[a-z])", text, re.MULTILINE | re.DOTALL)


def _block(trace: str) -> str:
    return f"```text\n{trace.strip()}\n```\n\n"


def _run(command: list[str]) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def sections(page: str) -> dict[str, Section]:
    """The sections of a page."""
    head, *parts = re.split(r"^(?=## )", page, flags=re.MULTILINE)
    texts = {part.split("\n", 1)[0][3:]: part for part in parts}
    rows = [line for line in head.splitlines(keepends=True) if line.startswith("| ")][1:]
    return {name: Section(row, texts.get(name, "")) for row in rows for name in [row.split("|")[1].strip()]}


def written(found: dict[str, Section]) -> str:
    """A page of sections."""
    chosen = [found[name] for name in sorted(found)]
    return (HEAD + "".join(one.row for one in chosen) + "\n" + "".join(one.text for one in chosen)).rstrip("\n") + "\n"


def properties(name: str) -> list[str]:
    """What the proof of a specification is of."""
    return [prop.name for prop in load_spec(SPECS[name]).properties if prop.kind in KINDS]


def main(names: list[str]) -> None:
    """Writes the page."""
    found = sections(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    for name in names or SPECS:
        found[name] = section(name, 900)
        print(found[name].row, end="", flush=True)
        PAGE.write_text(written({n: one for n, one in found.items() if n in SPECS}), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
