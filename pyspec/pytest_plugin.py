"""The pytest plugin: `pytest specs/` collects every specification, model, property, expectation and flaw as an item.

    specs/raft.pspec::ci::election_safety
    specs/raft.pspec::ci::expect 1,234 states
    specs/raft.pspec::flaw::forgets_vote

The model `ci` (or the first one) is searched once for all its items; `--pspec-models all`, or names, searches others.
Fixture `pspec` loads a model: `def test(pspec): model = pspec("specs/raft.pspec", model="ci")`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pyspec.base.diagnostics import SpecError

Report = dict[str, Any]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the plugin."""
    group = parser.getgroup("pyspec", "specifications of protocols (.pspec files)")
    group.addoption("--pspec-models", default="", metavar="NAMES", help="models to check: names with commas, or `all`")
    group.addoption("--pspec-max-seconds", type=float, metavar="S", help="stop each search after S seconds")
    group.addoption("--no-pspec", action="store_true", help="do not collect .pspec files")
    parser.addini(
        "pspec_models", "models to check: names with commas, or `all` (default: ci, or the first)", default=""
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A file for each protocol; modules (`module NAME`) are checked by those that import them."""
    if file_path.suffix != ".pspec" or parent.config.getoption("--no-pspec"):
        return None
    return SpecFile.from_parent(parent, path=file_path)


class SpecFile(pytest.File):
    """One specification."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Its models, and its flaws."""
        if _is_module(self.path):
            return
        try:
            spec = _load(self.path)
        except SpecError as wrong:
            yield Broken.from_parent(self, name="loads", wrong=wrong)
            return
        for model in _models(self.config, [m.name for m in spec.models]):
            yield ModelNode.from_parent(self, name=model or "(no model)", spec=spec, model=model)
        if spec.flaws:
            yield FlawNode.from_parent(self, name="flaw", spec=spec)


def _is_module(path: Path) -> bool:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return False
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    return first.startswith("module ")


def _load(path: Path) -> Any:
    from pyspec.cli.runner import load

    return load(str(path))


def _models(config: pytest.Config, names: list[str]) -> list[str | None]:
    wanted = config.getoption("--pspec-models") or config.getini("pspec_models")
    if wanted == "all":
        return list(names) or [None]
    if wanted:
        return [n for n in wanted.split(",") if n in names]
    return ["ci" if "ci" in names else names[0]] if names else [None]


def _diagnostic(d: Any) -> str:
    return f"{d.span}: {d.code} {d.message}" + (f"\n  {d.hint}" if d.hint else "")


class Failed(Exception):
    """A property that does not hold; the message is the whole story."""


class ModelNode(pytest.Collector):
    """One model of a specification: searched once, when its first item runs."""

    def __init__(self, *, spec: Any, model: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec, self.model = spec, model
        self._report: Report | None = None

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each property and each expectation."""
        from pyspec.model.instance import choose_model

        kinds = ("terminal", "assume", "hint")
        for prop in self.spec.properties:
            if prop.kind not in kinds:
                yield PropertyItem.from_parent(self, name=prop.name)
        for number, expect in enumerate(choose_model(self.spec, self.model).expects):
            shown = (
                f"expect {expect.number:,} {expect.kind}"
                if expect.kind != "violated"
                else f"expect violated {expect.name}"
            )
            yield ExpectItem.from_parent(self, name=shown, number=number)

    def report(self) -> Report:
        """The outcome of the search (from the cache if nothing changed)."""
        if self._report is None:
            from pyspec.cli.runner import Request, run

            seconds = self.config.getoption("--pspec-max-seconds")
            request = Request(str(self.path), model=self.model, keep_going=True, max_seconds=seconds)
            self._report = run(request, None, self.spec)
        return self._report


class SpecItem(pytest.Item):
    """Anything of a specification that passes or fails."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """The story of a counterexample, without Python frames."""
        if isinstance(excinfo.value, Failed):
            return str(excinfo.value)
        if isinstance(excinfo.value, SpecError):
            return "\n".join(_diagnostic(d) for d in excinfo.value.diagnostics)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the item is."""
        return self.path, None, f"{self.path.name}: {self.name}"


class Broken(SpecItem):
    """A specification that is wrong."""

    def __init__(self, *, wrong: SpecError, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wrong = wrong

    def runtest(self) -> None:
        """Fail with its mistakes."""
        raise self.wrong


class PropertyItem(SpecItem):
    """One property in one model."""

    parent: ModelNode

    def runtest(self) -> None:
        """Fail with the counterexample, or with the reason why there is no verdict."""
        report = self.parent.report()
        found = next((p for p in report["properties"] if p["name"] == self.name), None)
        if found is not None and found["trace"] and found["verdict"] in ("holds", "violated"):
            pass  # decided by a run of its own, whatever ended the search later
        elif report["errors"]:
            story = (report["error_trace"] or {}).get("text", "")
            raise Failed("\n".join([*(f"{e['code']} {e['message']}" for e in report["errors"]), story]))
        if found is None:
            raise Failed(f"{self.name} was not checked")
        if found["verdict"] != "holds":
            trace = (found["trace"] or {}).get("text", "")
            sizes = f"in model {report['model']}" + (f" ({report['constants']})" if report["constants"] else "")
            raise Failed(f"{found['kind']} {self.name} is {found['verdict']} {sizes}\n{trace}".rstrip())


class ExpectItem(SpecItem):
    """One `expect` of a model."""

    parent: ModelNode

    def __init__(self, *, number: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number = number

    def runtest(self) -> None:
        """Fail if the search found something else."""
        found = self.parent.report()["expectations"]
        wrong = [e for e in found if not e["met"]]
        if self.number < len(found) and found[self.number] in wrong:
            e = found[self.number]
            raise Failed(f"expected {e['expected']} {e['what']}, found {e['found']}")


class FlawNode(pytest.Collector):
    """The flaws of a specification."""

    def __init__(self, *, spec: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each flaw."""
        for flaw in self.spec.flaws:
            yield FlawItem.from_parent(self, name=flaw.name)


class FlawItem(SpecItem):
    """One flaw: it must be caught as declared, and the protocol must be clean at the same bounds."""

    def runtest(self) -> None:
        """Fail if the flaw is not caught."""
        from pyspec.cli.flaws import run_flaws
        from pyspec.cli.runner import Request

        seconds = self.config.getoption("--pspec-max-seconds")
        group = run_flaws(str(self.path), Request("", flaws=(self.name,), max_seconds=seconds), True)
        if group.get("errors"):
            raise Failed("\n".join(e["message"] for e in group["errors"]))
        (found,) = group["flaws"]
        if found["verdict"] != "caught":
            raise Failed(f"flaw {self.name} should violate {', '.join(found['violates'])}: {found['verdict']}")


@pytest.fixture
def pspec(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Loads a model: `pspec("specs/raft.pspec", model="ci", Server=3)`; relative paths are from the root directory."""
    import pyspec

    def load(path: str, **options: Any) -> Any:
        return pyspec.load(str(request.config.rootpath / path), **options)

    return load
