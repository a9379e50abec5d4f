"""The page of one protocol, made from its specification: what it guarantees, pictures, sizes, flaws with their charts.

Every number and picture comes from searches made (or found in the cache of verdicts) while the site is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyspec import draw
from pyspec.base.diagnostics import SpecError
from pyspec.cli.flaws import run_flaws
from pyspec.cli.report import exit_code
from pyspec.cli.runner import Request, bounds, load, run
from pyspec.draw.saved import trace_of
from pyspec.lang import core
from pyspec.model.instance import Instance, choose_model, instantiate

Pages = dict[str, str]
GUARANTEES = {
    "invariant": "in every reachable state",
    "step": "in every step",
    "deadlock_free": "some action can always be taken",
    "eventually": "in every fair run, at some time",
    "always_eventually": "in every fair run, again and again",
    "eventually_always": "in every fair run, from some time on",
    "leads_to": "in every fair run, one leads to the other",
    "refines": "every step is one of the abstract protocol, or changes nothing there",
    "law": "for all values",
    "reachable": "some run gets there",
}


class Drift(Exception):
    """A specification does not do what it says: the site is not built."""


def files(path: Path) -> Pages:
    """Every file of a protocol's page, by its path in the site.

    Raises Drift if a property, an expectation or a flaw is not as the specification says.
    """
    spec = load(str(path))
    instance = instantiate(spec)
    report, group = run(Request(str(path))), run_flaws(str(path), Request(""), True)
    if exit_code(report) or group["exit_code"]:
        wrong = [f"flaw {f['name']} is {f['verdict']}" for f in group["flaws"] if f["verdict"] != "caught"]
        wrong += [f"{p['name']} is {p['verdict']}" for p in report["properties"] if p["verdict"] != "holds"]
        wrong += [f"expected {e['expected']}, found {e['found']}" for e in report["expectations"] if not e["met"]]
        raise Drift(f"{path.name}: `pyspec check --flaws` fails: {'; '.join(wrong)}")
    made = Pictures(f"protocols/{spec.name}")
    text = "\n".join(
        [
            *_head(spec, path),
            *_guarantees(spec, report),
            *_pictures(spec, instance, path, made),
            *_models(spec, report, path),
            *_flaws(spec, group, made),
            *_source(path),
        ]
    )
    return {f"protocols/{path.stem}.md": text + "\n", **made.files}


class Pictures:
    """The pictures of a page, each for light and for dark."""

    def __init__(self, folder: str) -> None:
        self.folder, self.files = folder, Pages()

    def lines(self, picture: draw.Picture, alt: str) -> list[str]:
        """The picture in both themes, as lines of a page."""
        out = ["", ":::{container} picture", ""]
        for theme in ("light", "dark"):
            name = f"{self.folder}/{_file(picture.name)}-{theme}.svg"
            self.files[name] = picture.svg("light" if theme == "light" else "dark")
            out += [f"```{{image}} /{name}", f":alt: {alt}", f":class: only-{theme}", "```", ""]
        return [*out, ":::", ""]


def _file(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)


def _head(spec: core.Spec, path: Path) -> Iterator[str]:
    yield f"# {spec.name}"
    yield ""
    yield _prose(spec.doc)
    yield ""
    yield f"`specs/{path.name}`: try it with `pyspec check specs/{path.name}`, walk it with `pyspec repl specs/{path.name}`."


def _prose(doc: str | None) -> str:
    """A docstring as Markdown: paragraphs, with what Markdown would take for markup escaped."""
    paragraphs = re.split(r"\n\s*\n", (doc or "").strip())
    return "\n\n".join(re.sub(r"([\\*<>\[\]$])", r"\\\1", " ".join(p.split())) for p in paragraphs)


def _cell(doc: str | None) -> str:
    return _prose(doc).replace("\n\n", " ").replace("|", "\\|")


def _guarantees(spec: core.Spec, report: dict[str, Any]) -> Iterator[str]:
    yield "\n## What it guarantees\n"
    yield "| property | | verdict | evidence |\n|---|---|---|---|"
    said = {p.name: p.doc for p in spec.properties}
    for p in (p for p in report["properties"] if p["kind"] != "reachable"):
        about = _cell(said.get(p["name"])) or GUARANTEES.get(p["kind"], "")
        yield f"| `{p['name']}` | {about} | {p['verdict']} | {p['evidence']} |"
    goals = [p for p in report["properties"] if p["kind"] == "reachable"]
    if goals:
        told = any(said.get(p["name"]) for p in goals)
        yield "\nAnd it is not empty: these states can be reached.\n"
        yield "| goal | | shortest run |\n|---|---|---:|" if told else "| goal | shortest run |\n|---|---:|"
        for p in goals:
            steps = f"{p['trace']['length']} steps" if p["trace"] else ""
            about = f" {_cell(said.get(p['name']))} |" if told else ""
            yield f"| `{p['name']}` |{about} {steps} |"


def _pictures(spec: core.Spec, instance: Instance, path: Path, made: Pictures) -> Iterator[str]:
    yield "\n## Pictures\n"
    if spec.actions:
        yield from made.lines(draw.protocol_map(instance), f"map of {spec.name}")
    for picture in draw.state_machines(instance):
        yield from made.lines(picture, picture.title)
    try:
        chain = draw.refinement_chain(path)
    except SpecError:
        return
    if len(getattr(chain.content, "nodes", ())) > 1:
        yield from made.lines(chain, f"refinement of {spec.name}")


def _models(spec: core.Spec, report: dict[str, Any], path: Path) -> Iterator[str]:
    yield "\n## Sizes\n"
    lines = path.read_text(encoding="utf-8").splitlines()
    yield f"Model `{report['model']}` ({report['constants']}): {report['distinct']:,} states, {report['generated']:,} generated,"
    same = f"up to permutations of {', '.join(report['symmetry'])}" if report["symmetry"] else "each counted"
    yield f"depth {report['depth']}; {same}. The models, with the counts that every check compares:\n"
    yield "```pspec"
    for model in spec.models:
        yield from _block(lines, model.span.line)
    yield "```"


def _block(lines: list[str], first: int) -> Iterator[str]:
    yield lines[first - 1]
    for line in lines[first:]:
        if line.strip() and not line.startswith((" ", "\t")):
            return
        if line.strip():
            yield line


def _flaws(spec: core.Spec, group: dict[str, Any], made: Pictures) -> Iterator[str]:
    if not group["flaws"]:
        return
    yield "\n## Known ways to get it wrong\n"
    yield "Each is a switch in the specification; with it on, the search finds the run that is shown.\n"
    for found in group["flaws"]:
        flaw = next(f for f in spec.flaws if f.name == found["name"])
        yield f"### {found['name']}\n"
        yield _prose(found["doc"])
        names = ", ".join(f"`{name}`" for name in found["violates"])
        yield f"\nViolates {names} after {found['steps']} steps (model `{found['model']}`, {found['distinct']:,} states searched)."
        yield from _chart(spec, flaw, found, made)


def _chart(spec: core.Spec, flaw: core.Flaw, found: dict[str, Any], made: Pictures) -> Iterator[str]:
    model = bounds(spec, choose_model(spec, flaw.model), flaw.name)
    instance = instantiate(spec, model, {}, (flaw.name,))
    trace = trace_of(found["trace"], instance)
    title = f"{spec.name} with the flaw {flaw.name}"
    picture = draw.message_chart(replace(trace, instance=instance), title, f"flaw-{flaw.name}")
    yield from made.lines(picture, title)
    yield "<details><summary>step by step</summary>\n"
    yield f"```text\n{found['trace']['text'].rstrip()}\n```\n"
    yield "</details>\n"


def _source(path: Path) -> Iterator[str]:
    yield "\n## The specification\n"
    yield f"```{{literalinclude}} /files/specs/{path.name}\n:language: pspec\n:linenos:\n```"
