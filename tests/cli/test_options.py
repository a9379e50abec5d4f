"""Values of options."""

from __future__ import annotations

import click
import pytest

from pyspec.cli.options import MemorySize, Setting


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("500M", 500_000_000),
        ("2G", 2_000_000_000),
        ("1.5GiB", 1610612736),
        ("4096", 4096),
        ("64kb", 64_000),
        ("10 MB", 10**7),
    ],
)
def test_sizes(text: str, octets: int) -> None:
    assert MemorySize().convert(text, None, None) == octets


@pytest.mark.parametrize("text", ["", "M", "-5M", "0", "1e9", "5X", "five", "9" * 100, "\x00"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(click.BadParameter, match="no size"):
        MemorySize().convert(text, None, None)


def test_settings() -> None:
    assert Setting().convert("RM=5", None, None) == ("RM", "5")
    assert Setting().convert(" RM = a,b ", None, None) == ("RM", "a,b")


@pytest.mark.parametrize("text", ["RM", "=5", "RM=", "", " = "])
def test_what_is_no_setting(text: str) -> None:
    with pytest.raises(click.BadParameter, match="NAME=VALUE"):
        Setting().convert(text, None, None)
