"""Structured logs: one JSON object a line, with the time, the node and what happened."""

import json
import time
from typing import Any, TextIO


class Journal:
    """Writes a node's log."""

    def __init__(self, node: str, file: TextIO) -> None:
        self._node = node
        self._file = file

    def write(self, event: str, **fields: Any) -> None:
        """One line."""
        line = {"time": round(time.time(), 3), "node": self._node, "event": event, **fields}
        self._file.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
        self._file.flush()
