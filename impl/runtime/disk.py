"""Disks: real files, and files in memory that forget what a crash would lose."""

import os
from pathlib import Path
from random import Random


class FileDisk:
    """Files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, int] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.tmp"):
            left.unlink()

    def names(self) -> tuple[str, ...]:
        """The files there are, in order."""
        return tuple(sorted(path.name for path in self._folder.iterdir() if path.is_file()))

    def read(self, name: str) -> bytes:
        """A whole file; empty if it is not there."""
        path = self._folder / name
        return path.read_bytes() if path.exists() else b""

    def _descriptor(self, name: str) -> int:
        if name not in self._open:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self._open[name] = os.open(self._folder / name, flags, 0o600)
            self._sync_folder()
        return self._open[name]

    def _sync_folder(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def append(self, name: str, data: bytes) -> None:
        """Add to a file's end."""
        descriptor, view = self._descriptor(name), memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def sync(self, name: str) -> None:
        """Wait for the disk."""
        os.fdatasync(self._descriptor(name))

    def replace(self, name: str, data: bytes) -> None:
        """Write beside, wait for the disk, rename, wait for the folder."""
        beside = self._folder / f"{name}.tmp"
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(self._folder / name)
        self._sync_folder()

    def truncate(self, name: str, length: int) -> None:
        """Cut a file, and wait for the disk."""
        os.ftruncate(self._descriptor(name), length)
        os.fsync(self._descriptor(name))

    def remove(self, name: str) -> None:
        """Remove a file."""
        if name in self._open:
            os.close(self._open.pop(name))
        (self._folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Close what is open."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()


class MemoryDisk:
    """Files in memory. What was appended and not synced is lost, in part or whole, when `crash` is called."""

    def __init__(self) -> None:
        self._files: dict[str, bytearray] = {}
        self._durable: dict[str, int] = {}

    def names(self) -> tuple[str, ...]:
        """The files there are, in order."""
        return tuple(sorted(self._files))

    def read(self, name: str) -> bytes:
        """A whole file; empty if it is not there."""
        return bytes(self._files.get(name, b""))

    def append(self, name: str, data: bytes) -> None:
        """Add to a file's end."""
        self._files.setdefault(name, bytearray()).extend(data)
        self._durable.setdefault(name, 0)

    def sync(self, name: str) -> None:
        """Everything in the file survives a crash from now on."""
        self._durable[name] = len(self._files[name])

    def replace(self, name: str, data: bytes) -> None:
        """Put a file in place."""
        self._files[name] = bytearray(data)
        self._durable[name] = len(data)

    def truncate(self, name: str, length: int) -> None:
        """Cut a file."""
        del self._files[name][length:]
        self._durable[name] = length

    def remove(self, name: str) -> None:
        """Remove a file."""
        self._files.pop(name, None)
        self._durable.pop(name, None)

    def crash(self, random: Random, torn: bool = True) -> None:
        """Lose what was not synced; if `torn`, a random part of it stays, perhaps with a damaged byte."""
        for name in sorted(self._files):
            content, durable = self._files[name], self._durable[name]
            kept = random.randint(durable, len(content)) if torn else durable
            del content[kept:]
            if kept > durable and random.random() < 0.5:
                content[random.randrange(durable, kept)] ^= 0xFF
            self._durable[name] = kept
