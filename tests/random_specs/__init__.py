"""Random specifications that use every construct of the language, to hold the engines against each other.

`random_spec(seed)` is the text of one; the same seed gives the same text. State spaces are small, though not always:
give the searches a budget and compare only what finished. Evaluation errors are welcome, they are compared as well.
"""

from tests.random_specs.declarations import random_spec, write_spec

__all__ = ["random_spec", "write_spec"]
