"""What all tests share: the repository's root, and a cache directory of their own."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: Specifications below tests/ are data of tests, not tests: some are wrong on purpose, some have no model.
collect_ignore_glob = ["*.pspec"]


def pytest_configure() -> None:
    """No test reads or writes the user's caches; all processes of one run share one, so that C is compiled once."""
    if "PYSPEC_CACHE" not in os.environ:
        os.environ["PYSPEC_CACHE"] = tempfile.mkdtemp(prefix="pyspec-tests-")


@pytest.fixture
def root() -> Path:
    """The root of the repository."""
    return ROOT
