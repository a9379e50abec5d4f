"""The Redis wire protocol, versions 2 and 3: commands in, replies out.

The parser is strict and bounded, because what it reads comes from strangers. (Ready-made reply parsers reserve memory
for whatever count a header announces, so a short message could claim gigabytes.)
"""

from dataclasses import dataclass
from typing import Any

from impl.runtime.effects import Command, Failure, Status

END = b"\r\n"


class ProtocolError(Exception):
    """Bytes that are not a command, or more than is allowed. The connection must be closed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one command may hold."""

    arguments: int = 1 << 16
    bulk: int = 16 << 20
    total: int = 32 << 20
    inline: int = 1 << 16


STRANGER = Limits(arguments=10, bulk=1 << 14, total=1 << 15, inline=1 << 12)
"""For a client that has not shown a password yet."""


class Parser:
    """Turns a stream of bytes into commands; the name of each is in capitals."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._rest = b""
        self._arguments: list[bytes] = []
        self._missing = 0
        self._size = 0

    def feed(self, data: bytes) -> list[Command]:
        """The commands that are complete with these bytes."""
        buffer = self._rest + data if self._rest else data
        commands: list[Command] = []
        position = 0
        while True:
            if self._missing:
                position, complete = self._bulks(buffer, position)
                if not complete:
                    break
                self._finish(commands)
            end = buffer.find(END, position, position + self.limits.inline)
            if end < 0:
                break
            self._header(buffer[position:end], commands)
            position = end + 2
        self._rest = buffer[position:]
        if not self._missing and len(self._rest) >= self.limits.inline:
            raise ProtocolError("too big inline request")
        return commands

    def _finish(self, commands: list[Command]) -> None:
        arguments = self._arguments
        arguments[0] = arguments[0].upper()
        commands.append(tuple(arguments))
        self._arguments, self._size = [], 0

    def _header(self, line: bytes, commands: list[Command]) -> None:
        """The count of a command's arguments, or a whole command on a line."""
        if line[:1] == b"*":
            self._missing = number(line[1:], self.limits.arguments, "multibulk length")
            return
        words = line.split()
        if len(words) > self.limits.arguments:
            raise ProtocolError("too many arguments")
        if words:
            commands.append((words[0].upper(), *words[1:]))

    def _bulks(self, buffer: bytes, position: int) -> tuple[int, bool]:
        """Arguments up to the command's end or the buffer's; the new position and whether the command is complete."""
        arguments, length = self._arguments, len(buffer)
        while self._missing:
            if position >= length:
                return position, False
            if buffer[position] != 36:  # $
                raise ProtocolError("expected '$'")
            end = buffer.find(END, position, position + 16)
            if end < 0:
                if length - position >= 16:
                    raise ProtocolError("invalid bulk length")
                return position, False
            size = number(buffer[position + 1 : end], self.limits.bulk, "bulk length")
            stop = end + 2 + size
            if self._size + size > self.limits.total:
                raise ProtocolError("command too large")
            if stop + 2 > length:
                return position, False
            if buffer[stop : stop + 2] != END:
                raise ProtocolError("bulk without an end")
            arguments.append(buffer[end + 2 : stop])
            self._size += size
            self._missing -= 1
            position = stop + 2
        return position, True


def number(digits: bytes, most: int, what: str) -> int:
    """A length, or ProtocolError if it is no number or too large."""
    if not digits.isdigit() or len(digits) > 10 or int(digits) > most:
        raise ProtocolError(f"invalid {what}")
    return int(digits)


NULL = {2: b"$-1\r\n", 3: b"_\r\n"}


def encode(value: Any, version: int = 2) -> bytes:
    """The bytes of a reply."""
    kind = type(value)
    if kind is Status:
        return b"+%s\r\n" % value.text.encode()
    if kind is bytes:
        return b"$%d\r\n%s\r\n" % (len(value), value)
    if kind is int:
        return b":%d\r\n" % value
    if value is None:
        return NULL[version]
    if kind is Failure:
        return b"-%s\r\n" % value.text.replace("\r", " ").replace("\n", " ").encode()
    if kind is str:
        return encode(value.encode(), version)
    if kind is frozenset:
        members = [encode(item, version) for item in sorted(value)]
        return b"%s%d\r\n%s" % (b"~" if version == 3 else b"*", len(members), b"".join(members))
    if kind is dict:
        flat = [encode(item, version) for pair in value.items() for item in pair]
        return (b"%%%d\r\n" % len(value) if version == 3 else b"*%d\r\n" % len(flat)) + b"".join(flat)
    if kind is tuple or kind is list:
        return b"*%d\r\n%s" % (len(value), b"".join([encode(item, version) for item in value]))
    raise TypeError(f"no reply form for {value!r}")
