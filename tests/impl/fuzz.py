"""Well-typed nonsense: random values of the dataclasses that nodes exchange."""

import dataclasses
import types
import typing
from random import Random
from typing import Any

NODES = ("n1", "n2", "n3")
INTS = (0, 1, 2, 3, 5, -1, 1 << 28, -(1 << 28))


def any_bytes(random: Random) -> bytes:
    """A few bytes."""
    return random.randbytes(random.choice((0, 1, 7, 30)))


SCALARS: dict[Any, Any] = {
    int: lambda random: random.choice((*INTS, random.randint(-5, 20))),
    bool: lambda random: random.random() < 0.5,
    str: lambda random: random.choice((*NODES, "", "nobody")),
    bytes: any_bytes,
    float: lambda random: random.random(),
    type(None): lambda random: None,
    Any: lambda random: random.choice((None, 7, b"x", ())),
}


def value(random: Random, annotation: Any) -> Any:
    """A random value of an annotated type."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in SCALARS:
        return SCALARS[annotation](random)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(value(random, arguments[0]) for _ in range(random.randrange(3)))
    if origin is tuple:
        return tuple(value(random, argument) for argument in arguments)
    if origin in (types.UnionType, typing.Union):
        return value(random, random.choice(arguments))
    hints = typing.get_type_hints(annotation)
    return annotation(*(value(random, hints[field.name]) for field in dataclasses.fields(annotation)))
