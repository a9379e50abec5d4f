"""Lines of logs as records with fields: JSON, regular expressions, key=value; and paths into them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from pyspec.base.diagnostics import error
from pyspec.base.source import Span
from pyspec.conform.mapping import LogForm


class _Absent:
    """The value of a field that a line does not have."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "(absent)"

    def __bool__(self) -> bool:
        return False


ABSENT: Final = _Absent()
#: The group of a pattern that holds further fields.
REST: Final = "rest"
#: The field that holds the line before of the same node.
PREVIOUS: Final = "@previous"
Record = dict[str, Any]
Get = Callable[[Record], Any]


# ------------------------------------------------------------------------------------------------- paths


def getter(path: Any) -> Get:
    """How to read what a path names in a record.

    `a.b` is field b of field a; `a.0` item 0 of a list; `len(a)` how many there are; `a + 1`, `a - 1` a number more or
    less; `not a` the opposite; `a | b` the first that is there; `a?` may be missing everywhere. A value that is no text
    (and a text after `=`) is itself.
    """
    if not isinstance(path, str):
        return lambda record: path
    if path.startswith("="):
        word = path[1:]
        return lambda record: word
    path = path.rstrip("?")
    if "|" in path:
        return _first([getter(part.strip()) for part in path.split("|")])
    if path.startswith("not "):
        return _negated(getter(path.removeprefix("not ").strip()))
    if match := re.fullmatch(r"\s*len\((.*)\)\s*", path):
        return _length(getter(match[1].strip()))
    if match := re.fullmatch(r"\s*(\S.*?)\s+([+-])\s+(\d+)\s*", path):
        return _shifted(getter(match[1]), int(match[3]) if match[2] == "+" else -int(match[3]))
    return _at(path.strip())


def _at(path: str) -> Get:
    parts = path.split(".")
    if len(parts) == 1:
        return lambda record: record.get(path, ABSENT)
    if len(parts) == 2:
        first, second = parts

        def two(record: Record) -> Any:
            inner = record.get(first, ABSENT)
            if type(inner) is dict:
                return inner.get(second, ABSENT)
            return _walk(record, parts, path)

        return two
    return lambda record: _walk(record, parts, path)


def _walk(record: Any, parts: list[str], path: str) -> Any:
    here = record
    for part in parts:
        if isinstance(here, dict) and part in here:
            here = here[part]
        elif isinstance(here, list) and part.lstrip("-").isdigit() and -len(here) <= int(part) < len(here):
            here = here[int(part)]
        else:
            return record.get(path, ABSENT)
    return here


def _first(getters: list[Get]) -> Get:
    def read(record: Record) -> Any:
        return next((found for get in getters if (found := get(record)) is not ABSENT), ABSENT)

    return read


def _length(get: Get) -> Get:
    def read(record: Record) -> Any:
        found = get(record)
        return len(found) if isinstance(found, list | dict | str) else ABSENT

    return read


def _negated(get: Get) -> Get:
    def read(record: Record) -> Any:
        found = get(record)
        return found if found is ABSENT else not (found is True or (isinstance(found, str) and found.lower() == "true"))

    return read


def _shifted(get: Get, by: int) -> Get:
    def read(record: Record) -> Any:
        found = get(record)
        if isinstance(found, str):
            found = int(found) if re.fullmatch(r"-?\d+", found) else ABSENT
        return found + by if isinstance(found, int) and not isinstance(found, bool) else ABSENT

    return read


def tester(tests: tuple[tuple[str, tuple[Any, ...]], ...]) -> Callable[[Record], bool] | None:
    """Whether each path has one of its values; None if nothing is asked. Texts and numbers compare as texts do."""
    if not tests:
        return None
    made = [(getter(path), frozenset(map(_word, values))) for path, values in tests]
    if len(made) == 1:
        get, known = made[0]
        return lambda record: _word(get(record)) in known
    return lambda record: all(_word(get(record)) in known for get, known in made)


def _word(value: Any) -> str:
    if value is True:
        return "true"
    return "false" if value is False else value if type(value) is str else str(value)


# ------------------------------------------------------------------------------------------------- lines


@dataclass(slots=True)
class Line:
    """One line of a log as a record, and where it stands."""

    record: Record
    file: str
    number: int

    @property
    def span(self) -> Span:
        """The place of the line."""
        return Span(self.file, self.number, 1, self.number, 1)

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


def _json_line(text: str) -> Record | None:
    found = json.loads(text)
    return found if type(found) is dict else None


_PAIR = re.compile(r'([^\s=\[\]{},]+)=("(?:[^"\\]|\\.)*"|[^\s\]]*)')


def _logfmt_line(text: str) -> Record | None:
    pairs = {key: json.loads(value) if value.startswith('"') else value for key, value in _PAIR.findall(text)}
    return pairs or None


def _rest(text: str) -> Record:
    """What a line ends with: a JSON object, or `key=value` pairs, each in brackets or not."""
    found = _json_line(text) if text.lstrip().startswith("{") else _logfmt_line(text)
    return found or {}


def reader(form: LogForm) -> Callable[[str], Record | None]:
    """How to make a record of a line; None (or ValueError) when it is not of this form."""
    if form.format == "json":
        return _json_line
    if form.format == "logfmt":
        return _logfmt_line
    patterns = [re.compile(pattern) for pattern in form.patterns]

    def match(text: str) -> Record | None:
        text = text.rstrip("\r\n")
        for pattern in patterns:
            if found := pattern.search(text):
                named = {name: value for name, value in found.groupdict().items() if value is not None}
                return {**_rest(named.pop(REST)), **named} if REST in named else named
        return None

    return match


class Memory:
    """What each node wrote last: gives a record the line before it, of the same node, as the field `@previous`."""

    def __init__(self, form: LogForm) -> None:
        self.form = form
        self._kind = getter(form.event)
        self._node = getter(form.node)
        self._last: dict[str, Record] = {}

    def note(self, record: Record) -> None:
        """Takes the next record of a file."""
        if not self.form.looks_back:
            return
        own = dict(record)  # without what came before it, or all of the log would stay in memory
        node = str(self._node(record))
        if node in self._last:
            record[PREVIOUS] = self._last[node]
        if not self.form.ignores(str(self._kind(record))):
            self._last[node] = own


def lines_of(path: str, form: LogForm, stream: TextIO | None = None) -> Iterator[Line]:
    """The lines of a file that count, one by one.

    Raises SpecError at a line that cannot be read. Every record also has the fields `@file` (the file's name without
    folder and ending), `@line`, and, if the mapping looks at it, `@previous`.
    """
    stem = Path(path).stem
    parse, wanted, memory = reader(form), tester(form.only), Memory(form)
    skip = form.unmatched == "skip"
    number = 0
    with stream or _opened(path) as lines:
        for number, text in enumerate(lines, 1):
            if text.isspace():
                continue
            try:
                record = parse(text)
            except ValueError:
                record = None
            if record is None:
                if skip:
                    continue
                raise _unreadable(path, number, text, form)
            if wanted is None or wanted(record):
                record["@file"] = stem
                record["@line"] = number
                memory.note(record)
                yield Line(record, path, number)


def _opened(path: str) -> TextIO:
    try:
        return open(path, encoding="utf-8", errors="replace")
    except OSError as wrong:
        raise error("E0825", f"cannot read the log: {wrong.strerror or wrong}", Span(path)) from None


def _unreadable(path: str, number: int, text: str, form: LogForm) -> Exception:
    place = Span(path, number, 1, number, 2)
    if not text.endswith("\n"):
        return error("E0825", "the log breaks off in the middle of a line: it is not whole", place)
    what = {"json": "a JSON object", "text": "matched by the pattern", "logfmt": "key=value pairs"}[form.format]
    hint = 'lines that are not meant to count: [log] unmatched = "skip"'
    return error("E0825", f"this line is not {what}", place, hint)
