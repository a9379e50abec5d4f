"""Which properties of the library are inductive at the sizes of a model: the page docs/inductive.md.

python -m tests.prove.inductive [NAME...]: proves the specifications of these names again (all of them: an hour) and
writes their sections; the others stay as they are.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from rich.console import Console

from pyspec.cli.proving import Asked, prove_file, tell
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
does not. Its counterexample is shown, and why no lemma excludes it. What *rests on these* was proved with the help of
some that are not inductive: of the state before the step, or of the same state. What is proved for any number of nodes
is in [Proofs](decisions/proofs.md).

| specification | sizes | inductive | not | rests on these | undecided |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Section:
    """What the page says of one specification: its row of the table, and what follows if not all is inductive."""

    row: str
    text: str


def section(name: str, seconds: float) -> Section:
    """Proves one specification."""
    consts = tuple(tuple(one.split("=", 1)) for one in KNOWN["sizes"].get(name, ()))
    asked = Asked(model="ci", consts=consts, max_seconds=seconds, no_search=True, no_refinement=True)
    report = prove_file(str(SPECS[name].relative_to(ROOT)), asked, None)
    shown = [p for p in report["properties"] if p["kind"] != "law"]
    left = [p for p in shown if p["verdict"] != "proved"]
    columns = [[p["name"] for p in left if p["verdict"] == one] for one in ("not inductive", "depends", "undecided")]
    assert sum(map(len, columns)) == len(left), left
    cells = [name, report["setting"], f"{len(shown) - len(left)} of {len(shown)}", *map(", ".join, columns)]
    row = f"| {' | '.join(cells)} |\n"
    if not left:
        return Section(row, "")
    text = StringIO()
    tell(Console(file=text, width=140, soft_wrap=True, highlight=False, markup=False), report)
    traces = "".join(map(_block, _traces(text.getvalue())))
    return Section(row, f"## {name}\n\n{KNOWN['reasons'].get(name, '')}\n\n{traces}")


def _traces(text: str) -> list[str]:
    """The counterexamples in a report for people."""
    return re.findall(
        r"^Counterexample to induction for .*?(?=^Counterexample|^[a-z]|^  used by )", text, re.MULTILINE | re.DOTALL
    )


def _block(trace: str) -> str:
    return f"```text\n{trace.strip()}\n```\n\n"


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
    os.chdir(ROOT)
    found = sections(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    for name in names or SPECS:
        found[name] = section(name, 900)
        print(found[name].row, end="", flush=True)
        PAGE.write_text(written({n: one for n, one in found.items() if n in SPECS}), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
