"""`make docs`: brings the generated pages up to date, then builds the site into site/html.

The build fails if a committed page was not what its source says (it is written anew: look, and commit), if a
specification does not do what it says, or if a link leads nowhere. Pages of protocols are kept in site/cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from docs.site.protocol import Drift, files
from docs.site.stage import Stage
from pyspec.base.diagnostics import SpecError
from pyspec.cli.cache import digest, tool_version

SITE = ROOT / "site"
NAVIGATION = {
    "Learn": ["tutorial"],
    "How to": [
        "finding-a-bug", "checking-in-ci", "testing", "proving", "finding-lemmas", "trace-validation", "refinement", "clusters",
        "diagrams",
    ],
    "Reference": ["language", "cli", "python", "errors", "inductive", "api"],
    "Background": ["architecture", "decisions/index", "contributing"],
}  # fmt: skip


def main() -> int:
    """Builds everything; the exit code is 1 after drift."""
    began = time.monotonic()
    drifted = _generate()
    stage = Stage(SITE / "source")
    problems = _protocols(stage)
    _pages(stage)
    stage.sweep()
    code = _sphinx(stage.folder)
    print(f"site/html/index.html, {time.monotonic() - began:.0f} s")
    for problem in problems:
        print(f"docs: {problem}", file=sys.stderr)
    for name in drifted:
        print(f"docs: {name} was not what its source says; it is written anew, look at it and commit", file=sys.stderr)
    return 1 if drifted or problems else code


def _generate() -> list[str]:
    """Writes the generated pages that differ; returns their names."""
    from tests.docs.generate import main as generate

    return generate()


def _protocols(stage: Stage) -> list[str]:
    """Stages a page for each protocol; returns what is wrong."""
    paths = sorted((ROOT / "specs").glob("*.pspec"))
    for path in sorted((ROOT / "specs").rglob("*.pspec")):
        stage.copy(path, f"files/{path.relative_to(ROOT).as_posix()}")
    problems, names = [], []
    with ProcessPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        for path, made in zip(paths, pool.map(_kept, paths), strict=True):
            if isinstance(made, str):
                problems.append(made)
                continue
            names.append(path.stem)
            for name, text in made.items():
                stage.page(name, text)
    stage.page("protocols/index.md", _index("Protocols", "One page for each specification of the library.", names))
    return problems


def _kept(path: Path) -> dict[str, str] | str:
    """The files of a protocol's page, from the cache if nothing they depend on changed; or what is wrong."""
    os.chdir(ROOT)
    makers = [digest(p) for p in sorted(Path(__file__).parent.glob("*.py"))]
    library = [digest(p) for p in sorted((ROOT / "specs").rglob("*.pspec"))]
    key = hashlib.sha256("\n".join([tool_version(), path.name, *makers, *library]).encode()).hexdigest()
    kept = SITE / "cache" / f"{path.stem}.json"
    if kept.exists():
        found = json.loads(kept.read_text(encoding="utf-8"))
        if found["key"] == key:
            return dict(found["files"])
    try:
        made = files(path.relative_to(ROOT))
    except (Drift, SpecError) as wrong:
        return str(wrong)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({"key": key, "files": made}), encoding="utf-8")
    return made


def _pages(stage: Stage) -> None:
    docs = ROOT / "docs"
    for path in sorted(docs.rglob("*.md")):
        inside = path.relative_to(docs)
        stage.document(path, inside.name if inside.parts[0] == "site" else inside.as_posix())
    for path in sorted((docs / "images").glob("*")):
        stage.copy(path, f"images/{path.name}")
    decisions = sorted(p.stem for p in (docs / "decisions").glob("*.md"))
    stage.page("decisions/index.md", _index("Decisions", "Why things are as they are.", decisions))
    stage.document(ROOT / "README.md", "index.md", _toctrees(stage))


def _index(title: str, about: str, names: list[str]) -> str:
    return f"# {title}\n\n{about}\n\n```{{toctree}}\n:maxdepth: 1\n\n" + "\n".join(names) + "\n```\n"


def _toctrees(stage: Stage) -> str:
    """The navigation; a page that is in none of its lists comes last."""
    there = {p.relative_to(stage.folder).with_suffix("").as_posix() for p in stage.staged if p.suffix == ".md"}
    listed = {name for names in NAVIGATION.values() for name in names}
    rest = sorted(n for n in there - listed if "/" not in n and n != "index")
    groups = {**NAVIGATION, "Background": [*NAVIGATION["Background"], *rest], "Library": ["protocols/index"]}
    parts = []
    for caption, names in groups.items():
        body = "\n".join(name for name in names if name in there)
        parts.append(f"\n```{{toctree}}\n:caption: {caption}\n:hidden:\n:maxdepth: 1\n\n{body}\n```\n")
    return "".join(parts)


def _sphinx(source: Path) -> int:
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        "-c",
        str(Path(__file__).parent),
    ]
    command += ["-d", str(SITE / "doctrees"), str(source), str(SITE / "html")]
    return subprocess.run(command, check=False, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
