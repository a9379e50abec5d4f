"""Where things that can be made again are kept."""

import os
from pathlib import Path


def cache_dir() -> Path:
    """The cache folder ($PYSPEC_CACHE, else the user's cache directory), made if absent.

    Raises OSError when it cannot be made.
    """
    given = os.environ.get("PYSPEC_CACHE")
    base = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pyspec"
    base.mkdir(parents=True, exist_ok=True)
    return base
