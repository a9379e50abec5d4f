"""Work in a process of its own: a solver that crashes must not take the command along."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

from pyspec.base.diagnostics import Diagnostic, SpecError
from pyspec.base.processes import context, end_with_parent
from pyspec.base.source import NOWHERE

T = TypeVar("T")
#: Told how far the work is: done, of how many, with what.
Tell = Callable[[int, int, str], None]


def apart(work: Callable[[Tell], T], tell: Tell | None) -> T:
    """What `work` returns or raises. If its process crashes it is tried once more: it goes on with what was stored.

    Raises SpecError if it crashes again.
    """
    ended = _once(work, tell)
    if isinstance(ended, int):
        ended = _once(work, tell)
    if not isinstance(ended, int):
        return ended[0]
    how = signal.Signals(-ended).name if -ended in set(signal.Signals) else f"exit code {ended}"
    raise SpecError([Diagnostic("E0883", f"the solver crashed twice ({how}); nothing is known", NOWHERE)])


def _once(work: Callable[[Tell], T], tell: Tell | None) -> tuple[T] | int:
    """The result, in a tuple; or how the process ended without one."""
    here, there = context().Pipe(duplex=False)
    child = context().Process(target=_child, args=(work, there))
    child.start()
    there.close()
    try:
        while True:
            kind, value = here.recv()
            if kind == "raised":
                raise value
            if kind == "returned":
                return (value,)
            if tell is not None:
                tell(*value)
    except EOFError:
        child.join()
        return child.exitcode or 0
    finally:
        child.terminate()
        child.join()
        here.close()


def _child(work: Callable[[Tell], object], there: Connection) -> None:
    end_with_parent()
    try:
        message = ("returned", work(lambda *value: there.send(("told", value))))
    except BaseException as wrong:  # noqa: BLE001 - whatever it is, it is raised over there
        wrong.add_note(traceback.format_exc())  # which is lost on the way otherwise
        message = ("raised", wrong)
    there.send(message)
