"""What the notation becomes: for each group of constructs, the core of a small specification, to the letter.

`PYSPEC_UPDATE=1` writes the files anew; read the difference before you keep it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyspec.lang import load_spec
from pyspec.lang.unparse import spec_lines

FOLDER = Path(__file__).parent / "desugar"
SPECS = sorted(path for path in FOLDER.glob("*.pspec") if not path.read_text().startswith("module"))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_core_of_each_construct(path: Path) -> None:
    text = "\n".join(spec_lines(load_spec(path))) + "\n"
    expected = path.with_suffix(".core")
    if os.environ.get("PYSPEC_UPDATE"):
        expected.write_text(text)
    assert text == expected.read_text()
