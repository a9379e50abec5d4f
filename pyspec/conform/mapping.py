"""A mapping as written: which steps of a specification an event of a log stands for, and how its fields read.

TOML in, plain data out; every key is checked here, what it means for a specification in `pyspec.conform.bind`.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyspec.base.diagnostics import Diagnostic, SpecError, error
from pyspec.base.source import Span

Table = Mapping[str, Any]

ORDERS = ("file", "time", "clock", "interval", "files")
#: section -> the keys it may have (None: any)
SECTIONS: dict[str, frozenset[str] | None] = {
    "log": frozenset({
        "format", "pattern", "event", "node", "role", "only", "ignore", "order", "time", "slack", "clock", "start",
        "end", "unmatched", "keep",
    }),
    "model": None,
    "names": None,
    "fields": None,
    "before": None,
    "after": None,
    "silent": frozenset({"actions", "most"}),
    "end": frozenset({"event", "holds"}),
    "event": None,
}  # fmt: skip
EVENT_KEYS = frozenset({
    "name", "when", "unless", "where", "action", "steps", "with", "put", "set", "send", "fields", "before",
    "after", "observe",
})  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """What an event of some kinds, under some conditions on its fields, stands for."""

    names: tuple[str, ...]
    number: int
    when: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    unless: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    where: str | None = None
    steps: tuple[tuple[str, ...], ...] = ()  # a sequence of alternatives
    with_: tuple[tuple[str, Any], ...] = ()
    fields: tuple[tuple[str, Any], ...] = ()
    before: tuple[tuple[str, Any], ...] = ()
    after: tuple[tuple[str, Any], ...] = ()
    put: tuple[tuple[str, Any], ...] = ()
    set_: tuple[tuple[str, str], ...] = ()
    send: tuple[str, ...] = ()
    observe: str = "after"  # when what [after] says of all events is seen by this one: "before", "after" or "none"


@dataclass(frozen=True)
class LogForm:
    """How lines are read and ordered."""

    format: str = "json"
    patterns: tuple[str, ...] = ()
    event: str = "event"
    node: str | None = None
    role: str | None = None
    only: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    ignore: frozenset[str] = frozenset()
    order: str = "file"
    time: str = "time"
    slack: float = 0.0
    clock: str = "clock"
    start: str = "start"
    end: str = "end"
    unmatched: str = "error"
    keep: int = 20_000
    looks_back: bool = False  # whether a path begins with `@previous`
    named: frozenset[str] = frozenset()  # the kinds that an event names

    def ignores(self, kind: str) -> bool:
        """Whether lines of a kind say nothing."""
        if kind in self.named or "*" in self.named:
            return False
        return kind in self.ignore or "*" in self.ignore


@dataclass(frozen=True)
class MappingText:
    """A mapping file, read."""

    file: str
    text: str
    log: LogForm
    rules: tuple[Rule, ...]
    model: tuple[tuple[str, Any], ...] = ()
    names: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[tuple[str, Any], ...] = ()
    before: tuple[tuple[str, Any], ...] = ()
    after: tuple[tuple[str, Any], ...] = ()
    silent: tuple[str, ...] = ()
    most_silent: int = 2
    end_event: tuple[str, ...] = ()
    end_holds: tuple[str, ...] = ()

    def place(self, *words: str) -> Span:
        """Where the mapping says something: the first line that has all these words."""
        return place_in(self.file, self.text, words)


def place_in(file: str, text: str, words: Iterable[str]) -> Span:
    """The first line with all the words; the column of the first of them."""
    wanted = [word for word in words if word]
    for number, line in enumerate(text.splitlines(), 1):
        if wanted and all(word in line for word in wanted):
            at = line.index(wanted[0]) + 1
            return Span(file, number, at, number, at + len(wanted[0]))
    return Span(file, 1, 1, 1, 1)


def read_mapping(path: str | Path) -> MappingText:
    """The mapping in a file. Raises SpecError with every mistake in its form."""
    shown = str(path)
    try:
        data = Path(path).read_bytes()
    except OSError as wrong:
        raise error("E0821", f"cannot read the mapping: {wrong.strerror or wrong}", Span(shown)) from None
    try:
        return parse_mapping(data.decode("utf-8"), shown)
    except UnicodeDecodeError:
        raise error("E0821", "the mapping is not text in UTF-8", Span(shown)) from None


def parse_mapping(text: str, file: str = "<mapping>") -> MappingText:
    """The mapping in a text. Raises SpecError with every mistake in its form."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        at = re.search(r"\(at line (\d+), column (\d+)\)", str(wrong))
        line, column = (int(at[1]), int(at[2])) if at else (1, 1)
        message = str(wrong).partition(" (at ")[0]
        raise error("E0821", f"this is no TOML: {message}", Span(file, line, column, line, column + 1)) from None
    return _Reader(file, text, tables).run()


class _Reader:
    def __init__(self, file: str, text: str, tables: Table) -> None:
        self.file, self.text, self.tables = file, text, tables
        self.found: list[Diagnostic] = []

    def run(self) -> MappingText:
        self._keys(self.tables, SECTIONS.keys(), "section")
        for name, keys in SECTIONS.items():
            table = self.tables.get(name, {})
            if name != "event" and not isinstance(table, dict):
                self.wrong(f"`{name}` is a section: [{name}]", name)
            elif keys is not None and isinstance(table, dict):
                self._keys(table, keys, f"key of [{name}]")
        if self.found:
            raise SpecError(self.found)
        rules = self._rules()
        made = MappingText(
            self.file,
            self.text,
            self._log(self.tables.get("log", {}), rules),
            rules,
            model=tuple(self.tables.get("model", {}).items()),
            names=self.tables.get("names", {}),
            fields=self._pairs(self.tables, "fields"),
            before=self._pairs(self.tables, "before"),
            after=self._pairs(self.tables, "after"),
            silent=self._strings(self.tables.get("silent", {}), "actions"),
            most_silent=self._whole(self.tables.get("silent", {}), "most", 2),
            end_event=self._strings(self.tables.get("end", {}), "event"),
            end_holds=self._strings(self.tables.get("end", {}), "holds"),
        )
        if self.found:
            raise SpecError(self.found)
        return made

    def wrong(self, message: str, *words: str, hint: str | None = None) -> None:
        """Notes a mistake."""
        self.found.append(Diagnostic("E0822", message, place_in(self.file, self.text, words), hint))

    def _keys(self, table: Table, known: Iterable[str], what: str) -> None:
        for key in table:
            if key not in known:
                near = difflib.get_close_matches(key, list(known), 1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(known))}"
                self.wrong(f"there is no {what} `{key}`", key, hint=hint)

    def _strings(self, table: Table, key: str) -> tuple[str, ...]:
        value = table.get(key, ())
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
            self.wrong(f"`{key}` is a name or a list of names", key)
            return ()
        return tuple(value)

    def _whole(self, table: Table, key: str, default: int) -> int:
        value = table.get(key, default)
        if type(value) is not int or value < 0:
            self.wrong(f"`{key}` is a whole number", key)
            return default
        return value

    def _text(self, table: Table, key: str, default: str | None) -> str | None:
        value = table.get(key, default)
        if value is not None and not isinstance(value, str):
            self.wrong(f"`{key}` is a text", key)
            return default
        return value

    def _pairs(self, table: Table, key: str) -> tuple[tuple[str, Any], ...]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            self.wrong(f"`{key}` is a table: {key} = {{ ... = ... }}", key)
            return ()
        return tuple(_flattened(value))

    def _expressions(self, table: Table, key: str) -> tuple[tuple[str, str], ...]:
        pairs = self._pairs(table, key)
        for place, value in pairs:
            if not isinstance(value, str):
                hint = f'write it as a text: "{str(value).lower()}"; `put` takes values of the log'
                self.wrong(f"`{key}` gives {place} the value of an expression, not {value!r}", place, hint=hint)
        return tuple((place, str(value)) for place, value in pairs)

    def _tests(self, table: Table, key: str) -> tuple[tuple[str, tuple[Any, ...]], ...]:
        return tuple(
            (path, tuple(value) if isinstance(value, list) else (value,)) for path, value in self._pairs(table, key)
        )

    def _log(self, table: Table, rules: tuple[Rule, ...]) -> LogForm:
        order = self._text(table, "order", "file")
        if order not in ORDERS:
            self.wrong(f"order cannot be {order!r}, only {', '.join(ORDERS)}", "order")
        patterns = self._strings(table, "pattern")
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as wrong:
                self.wrong(f"the pattern is no regular expression: {wrong}", "pattern")
        form = self._text(table, "format", "text" if patterns else "json")
        if form not in ("json", "text", "logfmt"):
            self.wrong(f"format cannot be {form!r}, only json, text (with a pattern) and logfmt", "format")
        if form == "text" and not patterns:
            self.wrong("format text wants a `pattern` with named groups", "format")
        slack = table.get("slack", 0.0)
        if isinstance(slack, bool) or not isinstance(slack, int | float) or slack < 0:
            self.wrong("`slack` is a number: how far clocks may be apart", "slack")
            slack = 0.0
        names = ("event", "node", "role", "time", "clock", "start", "end", "unmatched")
        texts = {name: found for name in names if (found := self._text(table, name, None)) is not None}
        if texts.get("unmatched", "error") not in ("error", "skip"):
            self.wrong('unmatched is "error" or "skip"', "unmatched")
        ignore = frozenset(self._strings(table, "ignore"))
        return LogForm(
            form or "json", patterns, only=self._tests(table, "only"), ignore=ignore, order=order or "file",
            slack=float(slack), keep=self._whole(table, "keep", 20_000), looks_back="@previous" in self.text,
            named=frozenset(name for rule in rules for name in rule.names), **texts,
        )  # fmt: skip

    def _rules(self) -> tuple[Rule, ...]:
        tables = self.tables.get("event", [])
        if isinstance(tables, dict):  # [event.NAME] is another way to write [[event]] with name = "NAME"
            tables = [{"name": name, **table} for name, table in tables.items() if isinstance(table, dict)]
        if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
            self.wrong("events are written [[event]] with a name, or [event.NAME]", "event")
            return ()
        if not tables:
            self.wrong("the mapping has no [[event]]: it says nothing about any event", "event")
        return tuple(self._rule(table, number) for number, table in enumerate(tables, 1))

    def _rule(self, table: Table, number: int) -> Rule:
        nested = [key for key, value in table.items() if isinstance(value, dict) and key not in EVENT_KEYS]
        if nested:
            hint = 'write all events as [[event]] with name = "...", or all as [event.NAME]'
            self.wrong(f"[event.{nested[0]}] after [[event]]: the two cannot be mixed", f"event.{nested[0]}", hint=hint)
            table = {key: value for key, value in table.items() if key not in nested}
        self._keys(table, EVENT_KEYS, "key of an event")
        names = self._strings(table, "name")
        if not names:
            self.wrong("an event without a name", "[[event]]", hint='write name = "..."')
        if "action" in table and "steps" in table:
            self.wrong("an event has either `action` or `steps`", "steps")
        observe = self._text(table, "observe", "after")
        if observe not in ("before", "after", "none"):
            self.wrong('`observe` is "after", "before" or "none"', "observe")
        return Rule(
            names,
            number,
            self._tests(table, "when"),
            self._tests(table, "unless"),
            self._text(table, "where", None),
            self._steps(table),
            self._pairs(table, "with"),
            self._pairs(table, "fields"),
            self._pairs(table, "before"),
            self._pairs(table, "after"),
            self._pairs(table, "put"),
            self._expressions(table, "set"),
            self._strings(table, "send"),
            observe or "after",
        )

    def _steps(self, table: Table) -> tuple[tuple[str, ...], ...]:
        if "action" in table:
            found = self._strings(table, "action")
            return (found,) if found else ()
        steps = table.get("steps", [])
        if isinstance(steps, str):
            steps = [steps]
        if not isinstance(steps, list):
            self.wrong("`steps` is a list of actions, one after the other", "steps")
            return ()
        made = []
        for step in steps:
            several = [step] if isinstance(step, str) else step
            if not isinstance(several, list) or not all(isinstance(one, str) for one in several):
                self.wrong("a step is an action, or a list of actions of which one is taken", "steps")
            else:
                made.append(tuple(several))
        return tuple(made)


def _flattened(table: Table, prefix: str = "") -> Iterable[tuple[str, Any]]:
    """The entries of a table; TOML reads an unquoted dotted key as a table in a table."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
