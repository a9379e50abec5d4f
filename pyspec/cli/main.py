"""The `pyspec` command: finds the subcommand, and lets no traceback reach a user."""

from __future__ import annotations

import errno
import importlib
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from typing import Final

import click

import pyspec
from pyspec.base.diagnostics import Diagnostic, SpecError
from pyspec.base.source import Span
from pyspec.cli import exits

#: command -> its module in pyspec.cli (imported only when it runs) and its help in the list of commands
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "check": ("check", "Search every reachable state for a violated property."),
    "flaws": ("flaws", "Switch each declared flaw on: is it caught as declared?"),
    "prove": ("prove", "Prove invariants for any number of nodes."),
    "simulate": ("simulate", "Follow random runs."),
    "trace": ("trace", "Hold logs of running programs against a specification."),
    "mutate": ("mutate", "Change one small thing at a time: does some property notice?"),
    "diagram": ("diagram", "Draw state machines, state graphs, message charts, maps."),
    "repl": ("repl", "Walk a model: step forth and back, jump to a counterexample."),
    "watch": ("watch", "Check again whenever a specification is saved."),
    "show": ("show", "Show a specification: summary, core, or Python."),
    "fmt": ("fmt", "Format specifications in place."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"pyspec.cli.{COMMANDS[cmd_name][0]}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            import difflib

            near = difflib.get_close_matches(name, COMMANDS, 1)
            ctx.fail(f"no command {name[:40]!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(pyspec.__version__, prog_name="pyspec")
def cli() -> None:
    """Executable specifications for distributed protocols.

    \b
    Exit codes: 0 every expectation met, 1 a property failed, 2 the specification
    or the command line is wrong, 3 a budget ran out, 4 a fault of the tool.
    """


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line and exits with its code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    code = guarded(arguments)
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone, or the disk is full
        code = code or exits.FAULT
    sys.exit(code)


def guarded(arguments: list[str]) -> int:
    """The exit code of a command; whatever goes wrong becomes a message and a code."""
    as_json = "--json" in arguments
    try:
        code = cli.main(arguments, prog_name="pyspec", standalone_mode=False)
        return code if isinstance(code, int) else exits.OK
    except click.exceptions.Exit as end:
        return end.exit_code
    except SpecError as wrong:
        return report_errors(list(wrong.diagnostics), as_json)
    except click.ClickException as wrong:
        return report_usage(wrong, as_json)
    except (KeyboardInterrupt, click.Abort):
        return report_problem("interrupted before there was an answer", exits.BUDGET, as_json)
    except BrokenPipeError:
        return exits.FAULT
    except MemoryError:
        return report_problem("out of memory before there was an answer", exits.BUDGET, as_json)
    except OSError as wrong:
        return report_system(wrong, as_json)
    except Exception as fault:
        if os.environ.get("PYSPEC_DEBUG"):
            raise
        return report_fault(fault, as_json)


def report_errors(found: list[Diagnostic], as_json: bool, code: int = exits.WRONG) -> int:
    """Prints the mistakes of a specification or a request."""
    if as_json:
        from pyspec.cli.report import of_errors

        file = next((d.span.file for d in found if d.span.file != "<none>"), None)
        print(json.dumps(of_errors(found, file, code)))
    else:
        from pyspec.cli import diagnostics
        from pyspec.cli.console import make_console

        diagnostics.show(make_console(stderr=True), found)
    return code


def report_problem(message: str, code: int, as_json: bool, error: str = "E0000") -> int:
    """Prints a problem that has no place in a file."""
    if as_json:
        return report_errors([Diagnostic(error, message)], as_json, code)
    print(f"pyspec: {message}", file=sys.stderr)
    return code


def report_usage(wrong: click.ClickException, as_json: bool) -> int:
    """Prints what is wrong with the command line."""
    message = wrong.format_message()
    if as_json:
        return report_problem(message, exits.WRONG, as_json)
    context = getattr(wrong, "ctx", None)
    if context is not None:
        print(f"{context.get_usage()}\nTry '{context.command_path} --help'.\n", file=sys.stderr)
    return report_problem(message, exits.WRONG, as_json)


def report_system(wrong: OSError, as_json: bool) -> int:
    """Prints what the operating system refused: a full disk is a budget that ran out, a file is the user's mistake."""
    reason = wrong.strerror or str(wrong)
    if wrong.errno in (errno.ENOSPC, errno.EDQUOT):
        return report_problem(
            f"the disk is full ({wrong.filename or 'writing'}); nothing was kept", exits.BUDGET, as_json
        )
    if wrong.filename is not None:
        return report_errors([Diagnostic("E0000", reason, Span(str(wrong.filename)))], as_json)
    return report_problem(reason, exits.FAULT, as_json)


def report_fault(fault: Exception, as_json: bool) -> int:
    """Saves the details of a fault of this tool and says where they are."""
    where = ""
    try:
        handle, path = tempfile.mkstemp(prefix="pyspec-fault-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(f"pyspec {pyspec.__version__} {' '.join(sys.argv[1:])}\n")
            stream.write("".join(traceback.format_exception(fault)))
        where = f"; details are in {path}"
    except OSError:
        where = "; set PYSPEC_DEBUG=1 to see the details"
    summary = str(fault).partition("\n")[0][:200]
    message = f"a fault of pyspec itself, please report it: {type(fault).__name__}: {summary}{where}"
    return report_problem(message, exits.FAULT, as_json)
