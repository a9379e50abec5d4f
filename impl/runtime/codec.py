"""Dataclasses to bytes and back, with every field checked: what peers and disks are believed about is only this."""

import dataclasses
import types
import typing
from collections.abc import Callable
from functools import partial
from typing import Any

from impl.runtime.packing import Unreadable, extension, pack, unpack

Check = Callable[[Any], bool]


class CodecError(Unreadable):
    """Bytes that are not a value of the codec's types."""


FOREIGN = 1 << 62
"""A peer's ints are below this, so that what is computed from them (a next term, say) still fits in 64 bits."""


def _exactly(kind: type, most: int | None) -> Check:
    if kind is int and most is not None:
        return lambda value: type(value) is int and -most < value < most
    return lambda value: type(value) is kind


def _tuple_check(arguments: tuple[Any, ...], most: int | None) -> Check:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        each = check_of(arguments[0], most)
        return lambda value: type(value) is tuple and all(map(each, value))
    checks = [check_of(argument, most) for argument in arguments]
    return lambda value: (
        type(value) is tuple
        and len(value) == len(checks)
        and all(check(item) for check, item in zip(checks, value, strict=True))
    )


def check_of(annotation: Any, most: int | None = None) -> Check:
    """A predicate that tells whether a decoded value has the annotated type, with ints of less than `most`."""
    if annotation is Any:
        return lambda value: True
    if annotation is None or annotation is type(None):
        return lambda value: value is None
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is tuple:
        return _tuple_check(arguments, most)
    if origin in (types.UnionType, typing.Union):
        checks = [check_of(argument, most) for argument in arguments]
        return lambda value: any(check(value) for check in checks)
    if isinstance(annotation, type):
        return _exactly(annotation, most)
    raise TypeError(f"no check for the annotation {annotation!r}")


def field_checks(cls: type, most: int | None = None) -> tuple[Check, ...]:
    """The checks of a dataclass's fields, in order."""
    hints = typing.get_type_hints(cls)
    return tuple(check_of(hints[field.name], most) for field in dataclasses.fields(cls))


class Codec:
    """Encodes values of the listed dataclasses; a class's place in the list is its tag, so append, never reorder."""

    def __init__(self, classes: tuple[type, ...]) -> None:
        self._classes = classes
        self._tags = {cls: tag for tag, cls in enumerate(classes)}
        self._names = {cls: tuple(f.name for f in dataclasses.fields(cls)) for cls in classes}
        self._own = {cls: field_checks(cls) for cls in classes}
        self._foreign = {cls: field_checks(cls, FOREIGN) for cls in classes}

    def _fields(self, value: Any) -> tuple[Any, ...]:
        return tuple([getattr(value, name) for name in self._names[type(value)]])

    def _extension(self, value: Any) -> Any:
        tag = self._tags.get(type(value))
        if tag is None:
            raise TypeError(f"{type(value).__name__} is not one of the codec's types")
        return extension(tag, pack(self._fields(value), self._extension))

    def encode(self, value: Any) -> bytes:
        """The bytes of a value built from the listed classes, tuples, ints, bools, strings, bytes and None."""
        return pack(value, self._extension)

    def _build(self, checks: dict[type, tuple[Check, ...]], tag: int, data: bytes) -> Any:
        if not 0 <= tag < len(self._classes):
            raise CodecError(f"unknown tag {tag}")
        cls = self._classes[tag]
        values = unpack(data, partial(self._build, checks))
        if type(values) is not tuple or len(values) != len(checks[cls]):
            raise CodecError(f"{cls.__name__} with a wrong number of fields")
        for check, value in zip(checks[cls], values, strict=True):
            if not check(value):
                raise CodecError(f"{cls.__name__} with a field of a wrong type")
        return cls(*values)

    def decode(self, data: bytes, foreign: bool = False) -> Any:
        """The value of these bytes, or CodecError; `foreign` ones come from a peer and have bounded ints."""
        try:
            return unpack(data, partial(self._build, self._foreign if foreign else self._own))
        except CodecError:
            raise
        except Unreadable as problem:
            raise CodecError(f"not decodable: {problem}") from problem
