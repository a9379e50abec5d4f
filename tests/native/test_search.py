"""The native search under pressure: little memory, several threads, budgets, kill and resume, bad disks and caches."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from pyspec.base.diagnostics import SpecError
from pyspec.check import search as reference
from pyspec.lang import load_spec, load_text
from pyspec.model.instance import Instance, instantiate
from pyspec.native import build, engine

SPECS = Path(__file__).parents[2] / "specs"
SEVEN = (296_448, 2_744_706)
EIGHT = (1_745_408, 18_507_778)


def instance(managers: int) -> Instance:
    """Two-phase commit without its expected counts."""
    return instantiate(load_spec(SPECS / "two_phase_commit.pspec"), "ci", {"RM": managers})


def counts(managers: int, **options: object) -> tuple[int, int]:
    """Distinct and generated."""
    result = engine.check(instance(managers), symmetry=False, **options)  # type: ignore[arg-type]
    assert result.verdict == "holds"
    return result.distinct, result.generated


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_memory_budget_changes_no_count(threads: int) -> None:
    """The least table there is: 2**14 slots for 296,448 states, so some twenty runs on disk."""
    assert counts(7, threads=threads, memory=1) == SEVEN


def test_a_draft_is_another_library_with_the_same_counts() -> None:
    assert counts(7, draft=True) == SEVEN
    made = [engine.compile_model(instance(7), symmetry=False, draft=draft).library.path for draft in (False, True)]
    assert len(set(made)) == 2


def test_a_state_budget_ends_the_search() -> None:
    result = engine.check(instance(8), threads=2, symmetry=False, max_states=10_000)
    assert (result.verdict, result.stopped_by) == ("incomplete", "states")
    assert 10_000 <= result.distinct < EIGHT[0]
    assert {p.verdict for p in result.properties if p.kind == "invariant"} == {"incomplete"}


def test_a_time_budget_ends_the_search() -> None:
    result = engine.check(instance(12), threads=1, symmetry=False, max_seconds=0.2)
    assert (result.verdict, result.stopped_by) == ("incomplete", "time")


def test_ctrl_c_ends_the_search() -> None:
    def interrupt(*_: int) -> None:
        raise KeyboardInterrupt

    result = engine.check(instance(12), threads=2, symmetry=False, progress=interrupt)
    assert (result.verdict, result.stopped_by) == ("incomplete", "interrupt")


def test_a_specification_of_next_to_nothing() -> None:
    for text, distinct in (("protocol empty\n", 1), ("protocol one\nvar x: 0..0 = 0\naction stay:\n    x = 0\n", 1)):
        result = engine.check(instantiate(load_text(text)))
        assert (result.engine, result.distinct, result.verdict) == ("native", distinct, "holds")


def test_a_state_too_large_for_generated_code_is_searched_in_python() -> None:
    text = "protocol huge\nvar x: seq[0..1000000] = []\naction stay:\n    x = []\nmodel m: capacity x = 65000\n"
    result = engine.check(instantiate(load_text(text)))
    assert (result.engine, result.distinct) == ("python", 1)


def test_progress_is_reported() -> None:
    seen: list[tuple[int, int, int, int]] = []
    engine.check(instance(8), threads=1, symmetry=False, progress=lambda *news: seen.append(news))
    assert seen
    assert all(0 < distinct <= EIGHT[0] and queue <= distinct for distinct, _, _, queue in seen)


def _check_and_save(folder: str) -> None:
    engine.check(instance(8), threads=1, symmetry=False, checkpoint=folder, checkpoint_seconds=0.05, memory=1)


def test_a_killed_search_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    child = multiprocessing.get_context("spawn").Process(target=_check_and_save, args=(str(folder),))
    child.start()
    while not (folder / "checkpoint").exists():
        assert child.is_alive() or (folder / "checkpoint").exists()
        time.sleep(0.01)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert (folder / "checkpoint").exists()
    assert counts(8, threads=2, checkpoint=str(folder), resume=True, memory=1) == EIGHT
    assert not list(folder.iterdir())


def refused(code: str, **options: object) -> str:
    """What is said of a request that is refused."""
    with pytest.raises(SpecError) as caught:
        engine.check(instance(8), threads=1, symmetry=False, **options)  # type: ignore[arg-type]
    (found,) = caught.value.diagnostics
    assert found.code == code
    return found.message


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    folder = str(tmp_path / "saved")
    engine.check(instance(7), threads=1, symmetry=False, checkpoint=folder, max_states=50_000)
    assert "of another model" in refused("E0908", checkpoint=folder, resume=True)


def test_nothing_to_resume_is_an_error(tmp_path: Path) -> None:
    assert "no such folder" in refused("E0908", resume=str(tmp_path / "absent"))
    assert not (tmp_path / "absent").exists()
    assert "no search is saved there" in refused("E0908", resume=str(tmp_path))
    (tmp_path / "states.log").write_bytes(bytes(64))
    assert "before it was saved" in refused("E0908", resume=str(tmp_path))


@pytest.mark.parametrize("damage", ["short", "junk", "no log", "short log"])
def test_a_damaged_checkpoint_is_an_error(tmp_path: Path, damage: str) -> None:
    engine.check(instance(8), threads=1, symmetry=False, checkpoint=str(tmp_path), max_states=20_000)
    saved, log = tmp_path / "checkpoint", tmp_path / "states.log"
    if damage == "short":
        saved.write_bytes(saved.read_bytes()[:-100])
    elif damage == "junk":
        saved.write_bytes(b"junk")
    elif damage == "no log":
        log.unlink()
    else:
        log.write_bytes(log.read_bytes()[:-8])
    assert "damaged" in refused("E0908", resume=str(tmp_path))


def test_a_saved_search_is_not_overwritten(tmp_path: Path) -> None:
    engine.check(instance(8), threads=1, symmetry=False, checkpoint=str(tmp_path), max_states=20_000)
    assert "already" in refused("E0909", checkpoint=str(tmp_path))


def test_a_folder_serves_one_search_at_a_time(tmp_path: Path) -> None:
    child = multiprocessing.get_context("spawn").Process(target=_check_and_save, args=(str(tmp_path),))
    child.start()
    while not (tmp_path / "checkpoint").exists():
        time.sleep(0.01)
    assert "another search" in refused("E0909", resume=str(tmp_path))
    child.kill()
    child.join()


def _interrupt(*_: int) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("stop", [{"max_seconds": 0.3}, {"max_states": 300_000}, {"progress": _interrupt}])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_stopped_search_can_be_resumed(tmp_path: Path, stop: dict[str, object], threads: int) -> None:
    """Stopped several times, and gone on each time: the counts are those of one search."""
    folder, resume, stops = str(tmp_path), False, 0
    while True:
        limits = {k: v * (stops + 1) if k == "max_states" else v for k, v in stop.items()}  # type: ignore[operator]
        result = engine.check(
            instance(8), threads=threads, symmetry=False, checkpoint=folder, resume=resume,
            **(limits if stops < 3 else {}),
        )  # fmt: skip
        if result.stopped_by is None:
            break
        stops, resume = stops + 1, True
        assert (tmp_path / "checkpoint").exists()
    assert stops > 0
    assert (result.distinct, result.generated) == EIGHT
    assert result.verdict == "holds"


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("memory", [None, 1])
def test_many_initial_states(threads: int, memory: int | None) -> None:
    """More than the first table holds: threads that wait for the first level take part in making room."""
    text = "protocol many\nvar a, b, c: 0..29 in 0..29\naction go:\n    when a < 29\n    a += 1\n"
    result = engine.check(instantiate(load_text(text)), threads=threads, memory=memory)
    assert (result.distinct, result.generated, result.depth) == (27_000, 27_000 + 26_100, 0)


@pytest.mark.parametrize("text", ["var x: 0..3 in 0..1000000000", "var x: 0..3 in 1..2\ninit where x > 2"])
def test_a_search_that_ends_with_its_initial_states(text: str) -> None:
    """Many threads: whoever comes late must find the others, or they wait for ever."""
    for _ in range(20):
        result = engine.check(instantiate(load_text(f"protocol p\n{text}\n")), threads=8)
        assert result.verdict == "violated"
        assert result.error is not None


def test_initial_states_can_be_interrupted(tmp_path: Path) -> None:
    variables = ", ".join(f"v{i}" for i in range(8))
    text = f"protocol many\nvar {variables}: 0..99 in 0..99\ninit where v0 > v1 and v1 > v0\n"
    began = time.perf_counter()
    result = engine.check(instantiate(load_text(text)), threads=2, max_seconds=0.2)
    assert (result.verdict, result.stopped_by) == ("incomplete", "time")
    assert time.perf_counter() - began < 10


def test_a_folder_that_cannot_be_written_is_a_clean_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(SpecError) as caught:
        engine.check(instance(3), checkpoint=str(blocked / "below"))
    assert caught.value.diagnostics[0].code == "E0907"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_a_clean_error(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "states.log").symlink_to("/dev/full")
    with pytest.raises(SpecError) as caught:
        engine.check(instance(6), checkpoint=str(folder))
    assert "No space left" in caught.value.diagnostics[0].message


# ------------------------------------------------------------------------------------------------ the build


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("PYSPEC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "native"


def test_the_second_build_comes_from_the_cache(cache: Path) -> None:
    assert [engine.check(instance(3)).cached for _ in range(2)] == [False, True]
    assert [path for path in cache.iterdir() if path.is_dir()] == []


def test_a_damaged_cache_is_rebuilt(cache: Path) -> None:
    engine.check(instance(3))
    for path in cache.glob("*.so"):
        half = path.read_bytes()[:1000]
        path.unlink()  # it is still mapped
        path.write_bytes(half)
    result = engine.check(instance(3))
    assert (result.cached, result.verdict, result.engine) == (False, "holds", "native")


def test_without_a_compiler_the_python_search_runs_and_says_so(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "compilers", lambda: iter([("/nonexistent/cc",)]))
    result = engine.check(instance(3), symmetry=False)
    assert (result.engine, result.distinct) == ("python", 288)
    assert "W0902" in [warning.code for warning in result.warnings]


def test_the_compiler_of_the_ziglang_wheel_serves(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ziglang")
    monkeypatch.setattr(build, "compilers", lambda: iter([(sys.executable, "-m", "ziglang", "cc")]))
    result = engine.check(instance(6), symmetry=True, threads=2)
    assert (result.engine, result.distinct, result.verdict) == ("native", 553, "holds")


def test_two_processes_may_build_at_once(cache: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        found = pool.map(_three, range(2))
    assert found == [288, 288]


def _three(_: int) -> int:
    return engine.check(instance(3), symmetry=False).distinct


BROKEN = """protocol p
var s: seq[0..3, 3] = [1]
action grow:
    when len(s) < 3
    s += [2]
reachable done: len(s) == 3
{}
model ci:
    {}
"""


@pytest.mark.parametrize(
    ("line", "of_model"),
    [
        ("invariant broken: len(s) == 1 or s[2] == 2", "expect 3 states"),
        ("lemma broken: len(s) == 1 or s[2] == 2", "expect 3 states"),
        ("step broken: len(s) == 1 or s[2] == s'[2]", "expect 3 states"),
        ("reachable broken: len(s) == 2 and s[2] == 2", "expect 3 states"),
        ("deadlock free\nterminal broken: s[3] == 2", "expect 3 states"),
        ("", "limit len(s) == 1 or s[2] == 2"),
    ],
)
def test_an_evaluation_error_is_confirmed_wherever_it_is_met(line: str, of_model: str) -> None:
    """In each kind of property, and in a limit, the two searches report the same error with the same run."""
    made = instantiate(load_text(BROKEN.format(line, of_model)))
    there, here = (search(made) for search in (engine.check, reference.check))
    assert there.error is not None
    assert there.error == here.error and there.error.code == "E0604"
    assert (there.error_trace is None) == (here.error_trace is None)
