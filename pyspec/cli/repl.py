"""`pyspec repl`: walk a model in the terminal, or along commands from standard input."""

from __future__ import annotations

import random
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from pyspec.base.diagnostics import SpecError
from pyspec.cli import diagnostics, exits, options
from pyspec.cli.console import make_console, plain, plural
from pyspec.cli.progress import progress_line

if TYPE_CHECKING:
    from pyspec.check.walker import Move, Walk

MOST = 30  # steps listed at once

INTRODUCTION = """A number takes that step; `help` lists the commands."""
COMMANDS = """NUMBER, NAME      take a step of the list, by number or by how its name begins
list [TEXT]       what can happen here (with TEXT in its name); `list all`: however many there are
state [TEXT]      the state (the variables with TEXT in their names)
peek NUMBER       what a step would change
= EXPRESSION      the value of an expression of the language here: = phase[RM1] == prepared
why PROPERTY      is an invariant or goal true here, and why
back [N]          go back N steps
forth [N]         go forward again
goto N            stand after step N of the path
random [N]        take N random steps
start [N]         begin again (in the Nth initial state)
go PROPERTY       search: stand at the start of a goal's witness or a counterexample; `forth` walks along it
find EXPRESSION   search for a state in which an expression is true; `forth` walks to it
properties        the properties, and those that are false here
path              the steps taken, and those ahead
trace             the steps with what each changed
save FILE         the trace: .txt, .json, .itf.json (ITF), .mmd (Mermaid);
                  .walk: the steps by name, for `pyspec repl SPEC < FILE`
help, quit"""


@click.command("repl")
@options.spec_argument()
@options.model_options()
@click.option("--seed", type=int, default=0, show_default=True, help="Decides what `random` does.")
def command(
    spec: str, model: str | None, consts: tuple[tuple[str, str], ...], flaws: tuple[str, ...], seed: int
) -> int:
    """Walk a model: see the state and what can happen, step forth and back, jump to a counterexample.

    Commands come from the terminal, or from standard input, one a line; `help` lists them.
    """
    walk = load_walk(spec, model, consts, flaws)
    repl = Repl(walk, make_console(), random.Random(seed))
    interactive = sys.stdin.isatty()
    name = plain(walk.instance.spec.name)
    repl.say(f"{name}, model {plain(walk.instance.model.name)}. {INTRODUCTION}")
    repl.look()
    for line in typed(name, repl) if interactive else piped(repl):
        if not repl.obey(line):
            break
    return exits.WRONG if repl.mistakes and not interactive else exits.OK


def load_walk(spec: str, model: str | None, consts: tuple[tuple[str, str], ...], flaws: tuple[str, ...]) -> Walk:
    """The model as a walk that can search and evaluate."""
    from pyspec.check.ask import Asker
    from pyspec.check.walker import Walk
    from pyspec.cli.runner import Request, execute, load
    from pyspec.lang.link import read
    from pyspec.model.instance import Instance, instantiate
    from pyspec.model.result import CheckResult

    def search(instance: Instance, name: str) -> CheckResult:
        progress = progress_line(quiet=False)
        try:
            return execute(Request(spec, only=(name,)), instance, progress)
        finally:
            if progress:
                progress.close()

    source, loaded = read(Path(spec)), load(spec)
    instance = instantiate(loaded, model, dict(consts), flaws)
    return Walk(instance, search, Asker(source, model, dict(consts), flaws))


def typed(name: str, repl: Repl) -> Iterator[str]:
    """Lines from a terminal, with history and completion."""
    try:
        import readline
    except ImportError:
        pass  # a Python without it: no history
    else:
        readline.set_completer(lambda text, state: ([*repl.completions(text), None])[state])
        readline.set_completer_delims(" ")
        readline.parse_and_bind("tab: complete")
    while True:
        try:
            yield input(f"{name}:{repl.walk.at}> ")
        except EOFError:
            repl.say("")
            return
        except KeyboardInterrupt:
            repl.say("")  # an unfinished line is forgotten


def piped(repl: Repl) -> Iterator[str]:
    """Lines of standard input, echoed so that the output reads like a session; comments and empty lines are skipped."""
    for line in sys.stdin:
        if line.strip() and not line.lstrip().startswith("#"):
            repl.say(f"> {plain(line.rstrip())}")
            yield line


@dataclass
class Repl:
    """One session: the walk, and where to print."""

    walk: Walk
    console: Console
    chance: random.Random
    mistakes: int = 0

    def say(self, text: str | Text) -> None:
        """Prints one line."""
        self.console.print(text)

    def obey(self, line: str) -> bool:
        """Carries out one command; False if it was the last. Mistakes are said, and counted."""
        from pyspec.check.walker import WalkError
        from pyspec.model.errors import EvaluationError

        line = line.strip()
        word, _, rest = line.partition(" ")
        if line.startswith("="):
            word, rest = "=", line[1:]
        if word in ("quit", "exit", "q"):
            return False
        try:
            (_COMMANDS[word](self, rest.strip()) if word in _COMMANDS else self._take(line)) if line else self.look()
        except KeyboardInterrupt:
            self._wrong("interrupted")
        except (WalkError, EvaluationError, OSError) as wrong:
            self._wrong(str(wrong))
        except SpecError as wrong:
            self._wrong_expression(wrong, rest.strip())
        return True

    def completions(self, text: str) -> list[str | None]:
        """Commands, properties and steps that begin so."""
        names = [*_COMMANDS, *(p.name for p in self.walk.instance.spec.properties)]
        steps = [m.label for m in self.walk.moves()[0] if " " not in m.label]
        return [name for name in [*names, *steps] if name.startswith(text)]

    # ------------------------------------------------------------------------------------------ showing

    def look(self) -> None:
        """The position: what the last step changed (the state, at the start), what is broken, what can happen."""
        walk = self.walk
        step = walk.steps[walk.at]
        ahead = f", {plural(len(walk.steps) - 1 - walk.at, 'step')} ahead" if walk.at < len(walk.steps) - 1 else ""
        of = f" (1 of {walk.starts()})" if walk.at == 0 and walk.starts() > 1 else ""
        self.say(Text(f"step {walk.at}: {plain(walk.label(step))}{of}{ahead}", "bold"))
        lines = walk.changed() if walk.at else self._state_lines("")
        for line in lines or ("(nothing changes)",):
            self.say(f"    {plain(line)}")
        for name in walk.broken():
            self.say(Text(f"    VIOLATED: {plain(name)} (`why {plain(name)}`)", "bold red"))
        self.list("")

    def list(self, text: str) -> None:
        """What can happen."""
        moves, problems = self.walk.moves()
        wanted = "" if text == "all" else text
        shown = [(number, move) for number, move in enumerate(moves, 1) if wanted in move.label]
        if not moves and not problems:
            self.say("  nothing can happen here")
        most = len(shown) if text == "all" else MOST
        labels = [move.label for move in moves]
        path, at = self.walk.steps, self.walk.at + 1
        ahead = path[at] if at < len(path) else None
        for number, move in shown[:most]:
            several = f"   {'; '.join(move.changes) or '(nothing changes)'}" if labels.count(move.label) > 1 else ""
            mark = ">" if move.step == ahead else " "  # where `forth` goes
            self.say(f"  {mark}{number:>3}  {plain(move.label + several)}")
        if len(shown) > most:
            self.say(f"        ... and {len(shown) - most:,} more (`list all`, `list TEXT`)")
        if problems:
            diagnostics.show(self.console, problems)

    def _state_lines(self, text: str) -> tuple[str, ...]:
        from pyspec.model.story import initial

        lines = initial(self.walk.state, self.walk.instance)
        return tuple(line for line in lines if text in line.partition(" = ")[0])

    def state(self, text: str) -> None:
        """The state."""
        for line in self._state_lines(text) or (f"no variable has {text!r} in its name",):
            self.say(f"    {plain(line)}")

    def peek(self, text: str) -> None:
        """What a step would change."""
        move = self._move(text)
        for line in (move.label, *(f"  {line}" for line in move.changes or ("(nothing changes)",))):
            self.say(f"    {plain(line)}")

    def ask(self, text: str) -> None:
        """The value of an expression."""
        answer = self.walk.ask(text)
        for line in (answer.text, *(f"  {line}" for line in answer.because)):
            self.say(f"    {plain(line)}")

    def why(self, name: str) -> None:
        """Whether a property is true here, and why."""
        held, lines = self.walk.why(name)
        self.say(f"    {plain(name)} is {'true' if held else 'false'} here:")
        for line in lines:
            self.say(f"      {plain(line)}")

    def properties(self, _: str) -> None:
        """All properties."""
        broken = self.walk.broken()
        for prop in self.walk.instance.spec.properties:
            mark = "   VIOLATED here" if prop.name in broken else ""
            self.say(f"    {plain(f'{prop.kind} {prop.name}{mark}')}")

    def path(self, _: str) -> None:
        """The steps of the path, the position marked."""
        for number, step in enumerate(self.walk.steps):
            self.say(f"  {'>' if number == self.walk.at else ' '} {number:>3}  {plain(self.walk.label(step))}")
        if self.walk.loop_start is not None:
            self.say(f"         and from here again as after step {self.walk.loop_start}, for ever")

    def trace(self, _: str) -> None:
        """The steps with what each changed."""
        self.say(Text(self.walk.trace().text()))

    def help(self, _: str) -> None:
        """The commands."""
        self.say(COMMANDS)

    # ------------------------------------------------------------------------------------------- moving

    def _take(self, text: str) -> None:
        self.walk.take(self._move(text))
        self.look()

    def _move(self, text: str) -> Move:
        from pyspec.check.walker import WalkError

        if not text.isdecimal():
            word = text.split()[0] if text else ""
            try:
                return self.walk.named(text)
            except WalkError as wrong:
                raise WalkError(f"{wrong}" + ("" if " can be " in str(wrong) else f"; no command {word!r}")) from None
        moves, _ = self.walk.moves()
        if not 1 <= int(text) <= len(moves):
            raise WalkError(f"there is no step {text}: {plural(len(moves), 'step')} can happen here")
        return moves[int(text) - 1]

    def back(self, text: str) -> None:
        """Back by some steps."""
        self.walk.go_to(max(0, self.walk.at - number(text, 1)))
        self.look()

    def forth(self, text: str) -> None:
        """Forward along the path."""
        from pyspec.check.walker import WalkError

        if self.walk.at + 1 == len(self.walk.steps):
            raise WalkError("there is no step ahead")
        for _ in range(min(number(text, 1), len(self.walk.steps) - 1 - self.walk.at)):
            self.walk.go_to(self.walk.at + 1)
            if self.walk.broken():
                break
        self.look()

    def goto(self, text: str) -> None:
        """To one step of the path."""
        self.walk.go_to(number(text, 0))
        self.look()

    def start(self, text: str) -> None:
        """Begin again."""
        self.walk.start(number(text, 1))
        self.look()

    def random(self, text: str) -> None:
        """Some random steps."""
        wanted = number(text, 1)
        taken = self.walk.random(wanted, self.chance)
        if taken < wanted:
            self.say(f"  after {plural(taken, 'step')} nothing can happen")
        self.look()

    def go(self, name: str) -> None:
        """To a witness or a counterexample."""
        self._arrived(name, self.walk.search(name))

    def find(self, text: str) -> None:
        """To a state in which an expression is true."""
        self._arrived("such a state", self.walk.search_for(text))

    def _arrived(self, what: str, found: object) -> None:
        verdict, trace = getattr(found, "verdict", ""), getattr(found, "trace", None)
        if trace is None:
            goal = getattr(found, "kind", "") == "reachable"
            none = {"holds": f"{what} holds: there is no counterexample", "violated": f"{what} is never reached"}
            self.say(f"  {none.get(verdict, f'{what}: {verdict}')}" if goal or verdict != "violated" else f"  {what}")
            return
        self.say(f"  {plural(len(self.walk.steps) - 1, 'step')} ahead: `forth` takes the next, `path` lists them")
        self.look()

    def save(self, text: str) -> None:
        """Writes the trace to a file, in the format of its name."""
        from pyspec.check.walker import WalkError
        from pyspec.cli.files import write_whole

        names = shlex.split(text)
        if len(names) != 1:
            raise WalkError("save FILE: one file name is expected")
        make = next((make for end, make in FORMATS.items() if names[0].endswith(end)), None)
        if make is None:
            raise WalkError(f"save FILE: the name ends in {', '.join(FORMATS)}")
        write_whole(names[0], make(self.walk))
        self.say(f"  saved {plural(self.walk.at, 'step')} to {plain(names[0])}")

    # ---------------------------------------------------------------------------------------- mistakes

    def _wrong(self, message: str) -> None:
        self.mistakes += 1
        self.say(Text(f"  {plain(message)}", "red"))

    def _wrong_expression(self, wrong: SpecError, text: str) -> None:
        from pyspec.lang.ask import FILE

        for found in wrong.diagnostics[:3]:
            self._wrong(f"{found.code} {found.message}" + (f" (hint: {found.hint})" if found.hint else ""))
            if found.span.file == FILE and text.isprintable():
                self.say(f"    {text}")
                self.say(
                    f"    {' ' * (found.span.column - 1)}{'^' * max(1, found.span.end_column - found.span.column)}"
                )


def number(text: str, otherwise: int) -> int:
    """A count that a command was given."""
    from pyspec.check.walker import WalkError

    if text and not text.isdecimal():
        raise WalkError(f"a number is expected, not {text[:40]!r}")
    return int(text) if text else otherwise


def _walk_file(walk: Walk) -> str:
    lines = [walk.label(step) for step in walk.steps[1 : walk.at + 1]]
    return "\n".join([f"# {walk.instance.spec.name}, model {walk.instance.model.name}", *lines]) + "\n"


def _json(of: object) -> str:
    import json

    return json.dumps(of, indent=2) + "\n"


#: end of a file's name -> the trace in that format
FORMATS: dict[str, Callable[[Walk], str]] = {
    ".itf.json": lambda walk: _json(walk.trace().to_itf()),
    ".json": lambda walk: _json(walk.trace().to_json()),
    ".mmd": lambda walk: walk.trace().to_mermaid(),
    ".txt": lambda walk: walk.trace().text() + "\n",
    ".walk": _walk_file,
}

_COMMANDS: dict[str, Callable[[Repl, str], None]] = {
    "list": Repl.list, "l": Repl.list, "state": Repl.state, "s": Repl.state, "peek": Repl.peek, "=": Repl.ask,
    "why": Repl.why, "properties": Repl.properties, "path": Repl.path, "trace": Repl.trace, "help": Repl.help,
    "?": Repl.help, "back": Repl.back, "b": Repl.back, "forth": Repl.forth, "f": Repl.forth, "goto": Repl.goto,
    "start": Repl.start, "random": Repl.random, "r": Repl.random, "go": Repl.go, "find": Repl.find, "save": Repl.save,
}  # fmt: skip
