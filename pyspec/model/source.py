"""The model as Python source, for readers."""

from __future__ import annotations

from pyspec.model.generate import generate
from pyspec.model.instance import Instance


def python_source(instance: Instance) -> str:
    """The Python that the interpreter executes for an instance: what `pyspec show --python` prints."""
    return generate(instance).source
