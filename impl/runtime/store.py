"""Durable records: an append-only log of checksummed frames, and an atomic snapshot that restarts it.

One flush writes one frame and waits for the disk before the next is written. So only the last frame can be torn, and a
damaged frame with a sound one behind it is corruption, which is refused rather than repaired.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Any, Protocol

from impl.runtime.codec import Codec, CodecError

MAGIC = b"\xabLOG"
HEADER = struct.Struct("<4sII")
LARGEST = 1 << 30


class Corrupt(Exception):
    """Storage that was damaged in a way no crash explains."""


class Disk(Protocol):
    """Named byte files, as little as a store needs. Only `sync` and `replace` promise durability."""

    def names(self) -> tuple[str, ...]:
        """The files there are."""

    def read(self, name: str) -> bytes:
        """A whole file; empty if it is not there."""

    def append(self, name: str, data: bytes) -> None:
        """Add to a file's end, creating it if need be."""

    def sync(self, name: str) -> None:
        """Return once the file's content is durable."""

    def replace(self, name: str, data: bytes) -> None:
        """Put a whole file in place, atomically and durably."""

    def truncate(self, name: str, length: int) -> None:
        """Cut a file to a length, durably."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""


def frame(payload: bytes) -> bytes:
    """A payload with its length and checksum."""
    return HEADER.pack(MAGIC, len(payload), zlib.crc32(payload)) + payload


def sound_frame(data: bytes, offset: int) -> bytes | None:
    """The payload of the frame that starts at `offset`, or None if there is no sound one."""
    if offset + HEADER.size > len(data):
        return None
    magic, length, checksum = HEADER.unpack_from(data, offset)
    start = offset + HEADER.size
    if magic != MAGIC or length > LARGEST or start + length > len(data):
        return None
    payload = data[start : start + length]
    return payload if zlib.crc32(payload) == checksum else None


def frames(data: bytes) -> tuple[list[bytes], int]:
    """The payloads up to the first damage, and the length they take; Corrupt if a sound frame follows the damage."""
    payloads: list[bytes] = []
    offset = 0
    while offset < len(data):
        payload = sound_frame(data, offset)
        if payload is None:
            refuse_if_sound_follows(data, offset)
            break
        payloads.append(payload)
        offset += HEADER.size + len(payload)
    return payloads, offset


def refuse_if_sound_follows(data: bytes, damaged: int) -> None:
    """A torn write has nothing behind it; damage in the middle was not done by a crash."""
    place = data.find(MAGIC, damaged + 1)
    while place != -1:
        if sound_frame(data, place) is not None:
            raise Corrupt(f"a damaged frame at byte {damaged} has a sound one behind it at byte {place}")
        place = data.find(MAGIC, place + 1)


@dataclass(frozen=True, slots=True)
class Write:
    """What one flush puts on the disk: records to append, perhaps after a fresh start from a snapshot's records."""

    records: tuple[Any, ...]
    fresh: tuple[Any, ...] | None = None


class Store:
    """The records of one node on one disk."""

    def __init__(self, disk: Disk, codec: Codec) -> None:
        self._disk = disk
        self._codec = codec
        self._generation = 0

    def _log(self) -> str:
        return f"log-{self._generation:08d}"

    def load(self) -> tuple[Any, ...]:
        """Every durable record, in order. A torn tail is cut off; files of older generations go."""
        generations = [int(name[9:]) for name in self._disk.names() if name.startswith("snapshot-")]
        self._generation = max(generations, default=0)
        records = self._snapshot()
        data = self._disk.read(self._log())
        payloads, length = frames(data)
        if length < len(data):
            self._disk.truncate(self._log(), length)
        for payload in payloads:
            records.extend(self._decode(payload))
        self._tidy()
        return tuple(records)

    def _snapshot(self) -> list[Any]:
        if self._generation == 0:
            return []
        name = f"snapshot-{self._generation:08d}"
        payload = sound_frame(self._disk.read(name), 0)
        if payload is None:
            raise Corrupt(f"{name} is damaged")
        return list(self._decode(payload))

    def _decode(self, payload: bytes) -> tuple[Any, ...]:
        try:
            records = self._codec.decode(payload)
        except CodecError as problem:
            raise Corrupt(f"a frame with a good checksum cannot be read: {problem}") from problem
        if type(records) is not tuple:
            raise Corrupt("a frame does not hold records")
        return records

    def write(self, write: Write) -> None:
        """Carry out one flush; what it wrote is durable on return."""
        self.begin(write)
        self.finish(write)

    def begin(self, write: Write) -> None:
        """The part of a write that a crash may tear: appending."""
        if write.fresh is None:
            self._append(write.records)

    def finish(self, write: Write) -> None:
        """The rest of a write: a fresh start if it is one, and waiting for the disk."""
        if write.fresh is not None:
            self._restart(write.fresh)
            self._append(write.records)
        if write.records:
            self._disk.sync(self._log())

    def _append(self, records: tuple[Any, ...]) -> None:
        if records:
            self._disk.append(self._log(), frame(self._codec.encode(records)))

    def _restart(self, records: tuple[Any, ...]) -> None:
        self._generation += 1
        self._disk.replace(f"snapshot-{self._generation:08d}", frame(self._codec.encode(records)))
        self._tidy()

    def _tidy(self) -> None:
        for name in self._disk.names():
            kind, _, number = name.partition("-")
            if kind in ("log", "snapshot") and number.isdigit() and int(number) < self._generation:
                self._disk.remove(name)
