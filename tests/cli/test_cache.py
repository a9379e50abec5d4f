"""The cache of verdicts: hit only when nothing that matters changed, and never in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyspec.cli import cache

REQUEST: dict[str, object] = {"model": "ci"}


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYSPEC_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "a.pspec"
    path.write_text("protocol a\n")
    return path


def keep(path: Path, *imports: Path) -> str:
    name = cache.key(str(path), REQUEST)
    cache.store(name, {"verdict": "holds"}, {str(p): cache.digest(p) for p in (path, *imports)})
    return name


def test_a_kept_report_is_found_again(spec: Path) -> None:
    assert cache.load(keep(spec)) == {"verdict": "holds"}


def test_other_text_or_other_request_is_another_key(spec: Path) -> None:
    name = cache.key(str(spec), REQUEST)
    assert cache.key(str(spec), {"model": "deep"}) != name
    spec.write_text("protocol b\n")
    assert cache.key(str(spec), REQUEST) != name


def test_a_changed_or_deleted_import_invalidates(spec: Path, tmp_path: Path) -> None:
    library = tmp_path / "lib.pspec"
    library.write_text("module lib\n")
    name = keep(spec, library)
    library.write_text("module lib2\n")
    assert cache.load(name) is None
    name = keep(spec, library)
    library.unlink()
    assert cache.load(name) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"files": 3}', b"\xff\x00", b'{"files": {}, "report": 7}'])
def test_a_damaged_record_is_as_good_as_none(spec: Path, content: bytes) -> None:
    name = keep(spec)
    (cache.cache_dir() / "verdicts" / f"{name}.json").write_bytes(content)
    assert cache.load(name) is None


def test_a_cache_that_cannot_be_written_is_no_error(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PYSPEC_CACHE", str(tmp_path / "file" / "cache"))
    assert cache.load(keep(spec)) is None


def test_nothing_half_written_is_left(spec: Path) -> None:
    keep(spec)
    assert [p.suffix for p in (cache.cache_dir() / "verdicts").iterdir()] == [".json"]


def test_old_records_go(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "KEEP", 10)
    for i in range(25):
        spec.write_text(f"protocol a{i}\n")
        keep(spec)
    assert len(list((cache.cache_dir() / "verdicts").iterdir())) <= 10
