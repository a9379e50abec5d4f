"""`pyspec fmt`: the one layout of a specification."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import click

from pyspec.base.diagnostics import SpecError
from pyspec.base.source import Source
from pyspec.cli import diagnostics, exits, options
from pyspec.cli.console import make_console, plural


@click.command("fmt")
@options.specs_argument()
@click.option("--check", "only_check", is_flag=True, help="Change nothing; fail if a file would change.")
def command(specs: tuple[str, ...], only_check: bool) -> int:
    """Format specifications in place: only white space changes.

    Each SPEC is a file, or a folder: then all .pspec files below it. `-` formats standard input to standard output.
    """
    if specs == ("-",):
        print(formatted(Source("<stdin>", sys.stdin.read())), end="")
        return exits.OK
    codes, changed = [exits.OK], 0
    for path in files_below(specs):
        try:
            different = format_file(path, only_check)
        except SpecError as wrong:
            diagnostics.show(make_console(stderr=True), wrong.diagnostics)
            codes.append(exits.WRONG)
            continue
        if different:
            changed += 1
            print(f"{'would format' if only_check else 'formatted'} {path}")
    if only_check and changed:
        print(f"{plural(changed, 'file')} not in the layout of `pyspec fmt`")
        codes.append(exits.FAILED)
    return exits.worst(codes)


def files_below(names: tuple[str, ...]) -> list[str]:
    """The files named, and all specifications in the folders named and below."""
    found: list[str] = []
    for name in names:
        found += sorted(str(p) for p in Path(name).rglob("*.pspec")) if Path(name).is_dir() else [name]
    return list(dict.fromkeys(found))


def format_file(path: str, only_check: bool) -> bool:
    """Whether the file was not in the layout; it is then rewritten in one step, unless this only checks."""
    from pyspec.lang.link import read

    new = formatted(read(Path(path)))
    different = new.encode() != Path(path).read_bytes()
    if different and not only_check:
        replace_file(path, new)
    return different


def formatted(source: Source) -> str:
    """The text in the one layout."""
    from pyspec.lang.format import format_text

    return format_text(source)


def replace_file(path: str, text: str) -> None:
    """Puts the new text in place of the old, in one step and with the old permissions."""
    target = os.path.realpath(path)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".pyspec-fmt-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        os.chmod(temporary, os.stat(target).st_mode & 0o7777)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
