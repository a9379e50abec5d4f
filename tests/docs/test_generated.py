"""Generated documentation is what its source says, to the letter."""

from __future__ import annotations

import pytest

from tests.docs.generate import PAGES, ROOT


@pytest.mark.parametrize("name", PAGES)
def test_page_is_up_to_date(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == PAGES[name](), f"{name} is old; run `make docs`"
