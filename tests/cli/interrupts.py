"""Programs that tests start and interrupt."""

from __future__ import annotations

import signal


def heed_interrupts() -> None:
    """Ctrl-C ends what is started, even if these tests run in the background of a shell, where it is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
