"""Configuration of Sphinx for the documentation site; everything it needs is installed, nothing is fetched."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import pyspec
from docs.site.lexer import SpecLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "pyspec"
version = release = pyspec.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["files", "decisions/README.md"]
default_role = "code"
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
add_module_names = False
suppress_warnings = ["misc.highlighting_failure", "myst.header"]

html_theme = "furo"
html_title = "pyspec"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
pygments_style = "default"
pygments_dark_style = "github-dark"


def setup(app: Sphinx) -> None:
    """Registers the colours of specifications under each name that the pages use."""
    for name in SpecLexer.aliases:
        app.add_lexer(name, SpecLexer)
