"""Several processes at one campaign: each takes its share of the rounds, and the first that finds something ends it."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TypeVar

from refinement.harness.campaign import Campaign

T = TypeVar("T")
Work = Callable[[int], Campaign | T]
"""What the process with a number does: a campaign that has found nothing, or what there is to tell (as plain data)."""


class Lost(Exception):
    """A process has ended without a word."""


def together(work: Work[T], jobs: int) -> Campaign | T:
    """What the first has to tell; or what all have done, if there is nothing to tell."""
    if jobs == 1:
        return work(0)
    fork = multiprocessing.get_context("fork")
    team: dict[Connection, BaseProcess] = {}
    for number in range(jobs):
        ours, theirs = fork.Pipe()
        team[ours] = fork.Process(target=_member, args=(work, number, theirs), daemon=True)
        team[ours].start()
        theirs.close()
    try:
        return _first(team)
    finally:
        for process in team.values():
            process.kill()
            process.join()


def _first(team: dict[Connection, BaseProcess]) -> Campaign | T:
    done: list[Campaign] = []
    while len(done) < len(team):
        for ready in wait([connection for connection in team if not connection.closed]):
            assert isinstance(ready, Connection)
            try:
                result: Campaign | T = ready.recv()
            except EOFError:
                raise Lost("a process of the campaign has ended without a result") from None
            if not isinstance(result, Campaign):
                return result
            done.append(result)
            ready.close()
    total = done[0]
    for other in done[1:]:
        total.runs += other.runs
        total.steps += other.steps
    return total


def _member(work: Work[T], number: int, connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt ends the process that waits, and that ends us
    connection.send(work(number))
