"""Plain data (ints, bytes, strings, tuples, None) to bytes and back: MessagePack, with tuples for sequences."""

from collections.abc import Callable
from typing import Any

import msgpack  # type: ignore[import-untyped]  # the library has no annotations


class Unreadable(Exception):
    """Bytes that are no packed value."""


def extension(code: int, data: bytes) -> Any:
    """A value of a type of our own, inside packed data."""
    return msgpack.ExtType(code, data)


def pack(value: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    """The bytes of a value; `default` turns what is not plain data into an `extension`."""
    packed: bytes = msgpack.packb(value, default=default)
    return packed


def no_extension(code: int, data: bytes) -> Any:
    """Plain data holds no values of our own types."""
    raise Unreadable(f"unexpected extension {code}")


def unpack(data: bytes, extend: Callable[[int, bytes], Any] = no_extension) -> Any:
    """The value of packed bytes, or Unreadable."""
    try:
        return msgpack.unpackb(data, use_list=False, ext_hook=extend, strict_map_key=False)
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError) as problem:
        raise Unreadable(str(problem)) from problem
