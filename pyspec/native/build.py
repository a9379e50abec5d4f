"""From C source to a loaded library: which compiler, and a cache by content.

A cached library is used only if its checksum matches; it is put in place by an atomic rename, so that concurrent runs
and killed runs do no harm.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pyspec.base.cache import cache_dir

RUNTIME = Path(__file__).parent / "runtime"
#: Zig checks for undefined behaviour unless it is told not to.
FLAGS = (
    *("-std=gnu11", "-fPIC", "-shared", "-fvisibility=hidden", "-w", "-pthread"),
    *("-fno-strict-aliasing", "-fno-sanitize=all"),
)
#: With gcc this gives code as fast as -O2 does in two thirds of the time; clang inlines too little below -O2.
FAST = ("-O1", "-finline-small-functions")
CAREFUL = ("-O2",)
#: For a short search: a third of the time to compile, code that is some five times slower.
DRAFT = ("-O0",)


class CannotBuild(Exception):
    """There is no working C compiler."""


@dataclass(frozen=True)
class Library:
    """A compiled model."""

    handle: ctypes.CDLL
    path: Path
    cached: bool
    seconds: float


def compilers() -> Iterator[tuple[str, ...]]:
    """Commands that may compile C, best first: $CC, the usual names, the compiler of the `ziglang` wheel."""
    given = os.environ.get("CC")
    if given:
        yield tuple(shlex.split(given))
    for name in ("cc", "gcc", "clang"):
        found = shutil.which(name)
        if found:
            yield (found,)
    if importlib.util.find_spec("ziglang") is not None:
        yield (sys.executable, "-m", "ziglang", "cc")


def available() -> bool:
    """Whether there is anything to compile with."""
    return next(compilers(), None) is not None


def _runtime() -> bytes:
    return b"".join(path.name.encode() + path.read_bytes() for path in sorted(RUNTIME.glob("*.h")))


def build(source: str, draft: bool = False) -> Library:
    """The library of a generated source, from the cache if it is there; a `draft` is not optimized.

    A cache that cannot be written (a home that is read-only, a full disk) is done without: the library is then made in
    a temporary folder, which goes as soon as it is loaded. Raises CannotBuild with what the compilers said, and
    OSError when that cannot be written either.
    """
    try:
        folder = cache_dir() / "native"
        folder.mkdir(parents=True, exist_ok=True)
        return _build(source, folder, draft)
    except (OSError, RuntimeError):  # RuntimeError: no home directory
        with tempfile.TemporaryDirectory(prefix="pyspec-") as temporary:
            return _build(source, Path(temporary), draft)


def _build(source: str, folder: Path, draft: bool) -> Library:
    began = time.perf_counter()
    reasons = []
    for command in compilers():
        told = flags(command, draft)
        path = folder / f"{_key(source, (*command, *told))}.so"
        known = _load(path)
        if known is not None:
            return Library(known, path, True, time.perf_counter() - began)
        reason = _compile((*command, *told), source, path)
        if reason is None and (made := _load(path)) is not None:
            return Library(made, path, False, time.perf_counter() - began)
        reasons.append(f"{' '.join(command)}: {reason or 'its output cannot be loaded'}")
    raise CannotBuild("; ".join(reasons) or "no C compiler was found")


def _key(source: str, command: tuple[str, ...]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in (source.encode(), _runtime(), "\0".join((*command, sys.platform)).encode()):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def flags(command: tuple[str, ...], draft: bool) -> tuple[str, ...]:
    """What a compiler is told."""
    clang = "ziglang" in command or "clang" in command[0]
    return (*FLAGS, *(DRAFT if draft else CAREFUL if clang else FAST))


def _sum_file(path: Path) -> Path:
    return path.with_suffix(".sum")


def _checksum(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _load(path: Path) -> ctypes.CDLL | None:
    """The library, if it is there and whole."""
    try:
        if _sum_file(path).read_text() != _checksum(path.read_bytes()):
            return None
        return ctypes.CDLL(str(path))
    except (OSError, UnicodeDecodeError):
        return None


def _compile(command: tuple[str, ...], source: str, path: Path) -> str | None:
    """Compile into the cache; what went wrong, or None."""
    with tempfile.TemporaryDirectory(prefix="pyspec-", dir=path.parent) as work:
        text, out = Path(work) / "model.c", Path(work) / "model.so"
        text.write_text(source)
        try:
            run = subprocess.run(
                [*command, f"-I{RUNTIME}", "-o", str(out), str(text)],
                capture_output=True, text=True, check=False, env=_environment(command, work),
            )  # fmt: skip
        except OSError as problem:
            return str(problem)
        if run.returncode != 0 and os.strerror(errno.ENOSPC) in run.stderr:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if run.returncode != 0 or not out.exists():
            return run.stderr.strip()[-2000:] or f"exit code {run.returncode}"
        _publish(out, path)
    return None


def _environment(command: tuple[str, ...], work: str) -> dict[str, str]:
    """Temporary files go where the library goes. Zig hangs when it cannot write its cache; then that goes there too."""
    given = {**os.environ, "TMPDIR": work}
    if "ziglang" not in command or _writable(_zig_cache()):
        return given
    return {**given, "ZIG_GLOBAL_CACHE_DIR": work}


def _zig_cache() -> Path:
    given = os.environ.get("ZIG_GLOBAL_CACHE_DIR")
    if given:
        return Path(given)
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(home) / "zig" if home else Path(os.environ.get("HOME", "/dev/null"), ".cache", "zig")


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _publish(made: Path, path: Path) -> None:
    """Library first, checksum second: a reader that sees only one of them compiles for itself."""
    checksum = made.with_suffix(".sum")
    checksum.write_text(_checksum(made.read_bytes()))
    os.replace(made, path)
    os.replace(checksum, _sum_file(path))
