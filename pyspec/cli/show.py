"""`pyspec show`: a specification at a glance, in the core, or as Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from pyspec.cli import exits, options
from pyspec.cli.console import make_console
from pyspec.cli.runner import load

if TYPE_CHECKING:
    from pyspec.lang import core


@click.command("show")
@options.spec_argument()
@click.option("--core", "as_core", is_flag=True, help="Everything in the core: what the engines see.")
@click.option("--python", "as_python", is_flag=True, help="The model as Python source.")
@options.model_options()
@options.output_options()
def command(
    spec: str,
    as_core: bool,
    as_python: bool,
    model: str | None,
    consts: tuple[tuple[str, str], ...],
    flaws: tuple[str, ...],
    as_json: bool,
) -> int:
    """Show a specification: a summary, or with --core what its sugar becomes, or with --python its model."""
    from pyspec.lang.unparse import spec_lines

    if as_core and as_python:
        raise click.UsageError("--core and --python exclude each other")
    loaded = load(spec)
    if as_python:
        from pyspec.model.generate import generate
        from pyspec.model.instance import instantiate

        text = generate(instantiate(loaded, model, dict(consts), flaws)).source
    else:
        text = "\n".join(spec_lines(loaded) if as_core else summary(loaded))
    if as_json:
        print(json.dumps({"file": spec, "protocol": loaded.name, "text": text}))
    else:
        make_console().out(text.rstrip("\n"))
    return exits.OK


def summary(spec: core.Spec) -> Iterator[str]:
    """What a reader wants to know first."""
    from pyspec.lang.unparse import const_text, record_text, type_text

    yield f"protocol {spec.name}"
    yield from (f"    {line.strip()}" for line in (spec.doc or "").splitlines())
    yield from _section("sorts", [f"{name}" for name in spec.sorts])
    yield from _section("constants", [const_text(of) for of in spec.consts])
    carried = [f"{record_text(m.type)}  ({m.network}{_network_faults(m)})" for m in spec.messages]
    yield from _section("messages", carried)
    yield from _section("state", [f"{'ghost ' if v.ghost else ''}{v.name}: {type_text(v.type)}" for v in spec.vars])
    actions = [f"{a.name}({', '.join(p.name for p in a.params if p.shown)}){_kind(a)}" for a in spec.actions]
    yield from _section("actions", actions)
    yield from _section("properties", [f"{p.kind} {p.name}" for p in spec.properties])
    yield from _section("flaws", [f"{f.name} violates {', '.join(f.violates)}" for f in spec.flaws])
    yield from _section("models", [" ".join([m.name, *_sizes(m)]) for m in spec.models])


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield title
        yield from (f"    {line}" for line in lines)


def _network_faults(of: core.MessageInfo) -> str:
    return (", lossy" if of.lossy else "") + (", duplicating" if of.duplicating else "")


def _kind(of: core.Action) -> str:
    return "" if of.kind == "action" else f"  ({of.kind})"


def _sizes(model: core.Model) -> list[str]:
    from pyspec.lang.unparse import expr_text

    named = [s for s in model.settings if s.kind in ("size", "const", "budget")]
    return [f"{s.name}={expr_text(s.value) if s.value else '{' + ', '.join(s.elements or ()) + '}'}" for s in named]
