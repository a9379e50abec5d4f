"""The progress line and its guess."""

from __future__ import annotations

from pyspec.cli.progress import Growth, ProgressLine


def grow(sizes: list[int]) -> Growth:
    growth, total = Growth(), 0
    for depth, new in enumerate(sizes):
        total += new
        growth.level_done(depth, total)
    return growth


def test_levels_are_differences() -> None:
    assert grow([1, 3, 9]).levels() == [1, 3, 9]


def test_no_guess_from_few_levels_or_steady_growth() -> None:
    assert grow([1, 3, 9]).estimate() is None
    assert grow([10 * 2**i for i in range(10)]).estimate() is None


def test_a_bell_is_guessed_from_its_middle() -> None:
    from math import comb

    sizes = [comb(24, k) for k in range(25)]
    guess = grow(sizes[:13]).estimate()
    assert guess is not None
    assert 0.5 * 2**24 < guess < 2 * 2**24


def test_the_line_appears_late_and_goes_away() -> None:
    written: list[str] = []
    now = [0.0]
    line = ProgressLine(written.append, lambda: now[0])
    line(10, 20, 1, 5)
    assert not written
    now[0] = 1.0
    line(1000, 2000, 2, 50)
    assert "1,000 states, 2,000/s, depth 2, queue 50" in written[-1]
    line(1001, 2001, 2, 50)
    assert len(written) == 1
    line.close()
    assert written[-1] == "\r\x1b[2K"
