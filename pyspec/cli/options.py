"""Command-line options shared by commands, and the types of their values."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

UNITS = {
    "": 1,
    "B": 1,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "KI": 2**10,
    "MI": 2**20,
    "GI": 2**30,
    "TI": 2**40,
}


class MemorySize(click.ParamType[int]):
    """A number of bytes: 500M, 2G, 1.5GiB, 4096."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?)\s*([KMGT]?I?)B?", str(value).strip().upper())
        if not match or match[2] not in UNITS or not (size := int(float(match[1]) * UNITS[match[2]])):
            self.fail(f"{str(value)[:40]!r} is no size; write for example 500M, 2G or 1.5GiB", param, ctx)
        return size


class Setting(click.ParamType[tuple[str, str]]):
    """NAME=VALUE."""

    name = "NAME=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        if not equals or not name.strip() or not text.strip():
            self.fail(f"{str(value)[:40]!r} is not of the form NAME=VALUE, for example RM=5", param, ctx)
        return name.strip(), text.strip()


class Budget(click.ParamType[tuple[str, float]]):
    """PROPERTY=SECONDS: 30, 30s, 5min."""

    name = "PROPERTY=SECONDS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"\s*([^=\s]+)\s*=\s*(\d{1,9}(?:\.\d{1,6})?)\s*(s|min|h|)\s*", str(value))
        seconds = float(match[2]) * {"": 1, "s": 1, "min": 60, "h": 3600}[match[3]] if match else 0
        if not match or not seconds:
            self.fail(f"{str(value)[:40]!r} is not of the form PROPERTY=SECONDS, for example no_loss=30", param, ctx)
        return match[1], seconds


Decorate = Callable[[Any], Any]


def _options(*decorators: Decorate) -> Decorate:
    def apply(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


def spec_argument() -> Decorate:
    """The SPEC argument: one file."""
    return click.argument("spec", metavar="SPEC")


def specs_argument() -> Decorate:
    """The SPEC arguments: files and folders, at least one."""
    return click.argument("specs", nargs=-1, required=True, metavar="SPEC...")


def const_option() -> Decorate:
    """-c NAME=VALUE."""
    text = "Set a constant, a sort's size, a budget or a capacity. Repeatable."
    return click.option("-c", "--const", "consts", multiple=True, type=Setting(), help=text)


def model_options(flaw_help: str = "Switch a flaw on. Repeatable.") -> Decorate:
    """Which instance of the specification: -m, -c, --flaw."""
    return _options(
        click.option("-m", "--model", metavar="MODEL", help="The model block to use (default: `ci`, else the first)."),
        const_option(),
        click.option("--flaw", "flaws", multiple=True, metavar="NAME", help=flaw_help),
    )


def search_options() -> Decorate:
    """How to search, and when to stop."""
    threads, positive = click.IntRange(1, 256), click.IntRange(min=1)
    seconds = click.FloatRange(min=0, min_open=True)
    engines = click.Choice(["auto", "native", "python"])
    engine_help = "The search to use; auto: native where a C compiler is found."
    return _options(
        click.option("--threads", type=threads, help="Threads of the native engine (default: one for each processor)."),
        click.option("--engine", type=engines, default="auto", show_default=True, help=engine_help),
        click.option("--no-symmetry", is_flag=True, help="Do not reduce by permutations of sorts."),
        click.option("--no-cache", is_flag=True, help="Search even if the verdict is known from an earlier run."),
        click.option("--max-seconds", type=seconds, metavar="S", help="Stop after S seconds of search."),
        click.option("--max-states", type=positive, metavar="N", help="Stop after N distinct states."),
        click.option("--memory", type=MemorySize(), help="Memory to use before spilling to disk: 500M, 2G."),
    )


def output_options() -> Decorate:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
