"""The process: `python -m pyspec` and the `pyspec` script. Imports nothing before Ctrl-C is a message and a code."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

INTERRUPTED = "interrupted before there was an answer"
BUDGET = 3  # as in pyspec.cli.exits, which may not be loaded yet


def main() -> None:
    """Runs the command line; Ctrl-C at any time, also while the program is being loaded, ends with a message."""
    try:
        from pyspec.cli.main import main as run

        run()
    except KeyboardInterrupt:
        leave(interrupted("--json" in sys.argv))
    except SystemExit as end:
        if end.code == BUDGET:
            leave(BUDGET)
        raise
    finally:
        quietly()


def leave(code: int) -> "NoReturn":
    """Ends the process with this code: an interpreter that has once seen Ctrl-C may kill itself on its way out."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def interrupted(as_json: bool) -> int:
    """Says that there is no answer; with a second Ctrl-C, nothing."""
    try:
        if as_json:
            problem = f'{{"code": "E0000", "severity": "error", "message": "{INTERRUPTED}"}}'
            rest = f'"errors": [{problem}], "error_count": 1, "exit_code": {BUDGET}'
            sys.stdout.write(f'{{"file": null, "verdict": "error", {rest}}}\n')
        else:
            sys.stderr.write(f"pyspec: {INTERRUPTED}\n")
        sys.stdout.flush()
    except (KeyboardInterrupt, OSError):
        pass
    return BUDGET


def quietly() -> None:
    """The interpreter says goodbye without a traceback, whatever the user presses."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
