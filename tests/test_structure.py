"""The rules of docs/contributing.md that a program can check; each test names every place that breaks its rule."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOP_LEVEL = {"specs", "pyspec", "impl", "refinement", "tests", "docs", "Makefile", "README.md"}
EXPECTED_BY_TOOLS = {
    "pyproject.toml",
    "requirements.lock",
    "LICENSE",
    ".ci",
    ".github",
    ".gitignore",
    ".gitattributes",
    ".pre-commit-hooks.yaml",
}

#: package of pyspec -> packages of pyspec it may import besides itself. `pyspec/__init__.py` may use all but cli.
LAYERS: dict[str, set[str]] = {
    "base": set(),
    "lang": {"base"},
    "model": {"base", "lang"},
    "check": {"base", "lang", "model"},
    "native": {"base", "lang", "model", "check"},
    "prove": {"base", "lang", "model", "check"},
    "conform": {"base", "lang", "model", "check"},
    "draw": {"base", "lang", "model", "check", "native"},  # the native state graph, for pictures of it
    "cli": {"base", "lang", "model", "check", "native", "prove", "conform", "draw"},
}
MUTATORS = {"add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update"}
MUTABLE_CALLS = {"bytearray", "defaultdict", "deque", "dict", "list", "set", "Counter", "OrderedDict"}


@cache
def tracked() -> tuple[Path, ...]:
    """Every file of the repository that git knows or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        paths = [ROOT / name for name in out.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):  # an unpacked archive
        skip = {".git", ".venv", "__pycache__"}
        paths = [p for p in ROOT.rglob("*") if not skip & set(p.relative_to(ROOT).parts)]
    return tuple(sorted(p for p in paths if p.is_file()))


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """(path from the root, syntax tree) of each Python file in the folders that exist."""
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if name.endswith(".py") and name.split("/")[0] in folders:
            yield name, ast.parse(path.read_text(encoding="utf-8"), name)


def imported(tree: ast.AST, package: str) -> Iterator[tuple[str, int]]:
    """(dotted module, line) of every import, relative ones resolved against `package`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)


def test_top_level_names() -> None:
    names = {p.relative_to(ROOT).parts[0] for p in tracked()}
    assert names <= TOP_LEVEL | EXPECTED_BY_TOOLS


def test_pyspec_imports_run_one_way() -> None:
    wrong = []
    for name, tree in sources("pyspec"):
        layer = name.split("/")[1]
        if layer.endswith(".py"):
            allowed = set(LAYERS) - ({"cli"} if layer not in ("__main__.py", "pytest_plugin.py") else set())
        else:
            assert layer in LAYERS, f"pyspec/{layer} is not in the table of layers"
            allowed = LAYERS[layer] | {layer}
        package = name.removesuffix(".py").replace("/", ".").rpartition(".")[0]
        for module, line in imported(tree, package):
            parts = module.split(".")
            if parts[0] in ("impl", "refinement", "tests") or (
                parts[0] == "pyspec" and len(parts) > 1 and parts[1] in LAYERS and parts[1] not in allowed
            ):
                wrong.append(f"{name}:{line} imports {module}")
    assert not wrong


def test_impl_and_refinement_imports_run_one_way() -> None:
    wrong = []
    for name, tree in sources("impl", "refinement"):
        top, room = name.split("/")[0], name.split("/")[1].removesuffix(".py")
        shared = {"impl": "runtime", "refinement": "harness"}[top]
        for module, line in imported(tree, name.removesuffix(".py").replace("/", ".").rpartition(".")[0]):
            parts = module.split(".")
            if top == "impl" and parts[0] in ("pyspec", "refinement", "tests"):
                wrong.append(f"{name}:{line} imports {module}")
            if room == shared and parts[0] == top and len(parts) > 1 and parts[1] != shared:
                wrong.append(f"{name}:{line} imports {module}: {top}.{shared} knows no protocol")
    assert not wrong


def test_no_import_cycle_between_modules() -> None:
    """At run time, i.e. counting module-level imports only."""
    modules = {
        name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): tree for name, tree in sources("pyspec")
    }
    graph: dict[str, set[str]] = {}
    for name, tree in modules.items():
        top = ast.Module([n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)], [])
        targets = {module for module, _ in imported(top, name.rpartition(".")[0])}
        graph[name] = {t if t in modules else t.rpartition(".")[0] for t in targets} & set(modules) - {name}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, "import cycle: " + " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_functions_have_at_most_60_lines() -> None:
    wrong = []
    for name, tree in sources("pyspec", "impl", "refinement", "tests"):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > 60:
                    wrong.append(f"{name}:{node.lineno} {node.name} has {length} lines")
    assert not wrong


def test_files_have_at_most_500_lines() -> None:
    """Lines that are not blank."""
    wrong = []
    for name, _ in sources("pyspec", "impl", "refinement", "tests"):
        count = sum(1 for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if line.strip())
        if count > 500:
            wrong.append(f"{name} has {count} lines")
    assert not wrong


def is_plain_node(node: ast.ClassDef) -> bool:
    """A data class with nothing but fields: its name and fields say it all."""
    return bool(node.decorator_list) and all(isinstance(item, ast.AnnAssign) for item in node.body)


def test_public_names_have_docstrings() -> None:
    wrong = []
    for name, tree in sources("pyspec", "impl", "refinement"):
        if not ast.get_docstring(tree):
            wrong.append(f"{name} (module)")
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node) and not (isinstance(node, ast.ClassDef) and is_plain_node(node)):
                wrong.append(f"{name}:{node.lineno} {node.name}")
    assert not wrong


def mutable_names(tree: ast.Module) -> dict[str, int]:
    """Module-level names bound to a list, dict or set, with their lines."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            value = node.value
            mutable = isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)
            called = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in MUTABLE_CALLS
            if mutable or called:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found.update({t.id: node.lineno for t in targets if isinstance(t, ast.Name)})
    return found


def mutations(tree: ast.Module, names: set[str]) -> Iterator[tuple[str, int]]:
    """Places inside functions that change one of the module-level names."""
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in (n for function in functions for n in ast.walk(function)):
        if isinstance(node, ast.Global):
            yield from ((name, node.lineno) for name in node.names)
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            yield from ((name, node.lineno) for name in names & {name_of(node.value)})
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
            yield from ((name, node.lineno) for name in names & {name_of(node.func.value)})


def name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def test_no_mutable_module_state() -> None:
    wrong = []
    for name, tree in sources("pyspec", "impl", "refinement"):
        tables = mutable_names(tree)
        for table, line in tables.items():
            if not table.isupper() and not table.startswith("__"):
                wrong.append(f"{name}:{line} {table} is a table and not in capitals")
        local = {a.arg for n in ast.walk(tree) if isinstance(n, ast.arguments) for a in n.args}
        wrong += [f"{name}:{line} changes {n}" for n, line in mutations(tree, set(tables) - local)]
    assert not wrong


def forbidden() -> list[tuple[str, re.Pattern[str]]]:
    """Patterns are put together from pieces, so that this file does not contain what it looks for."""
    hosts = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "crates" + ".io", "proxy.gol" + "ang.org"]
    paths = ["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/"]
    words = [r"\bA" + r"I\b", "chat" + "gpt", "clau" + "de", "anthro" + "pic", r"\bL" + r"LMs?\b", "open" + "ai"]
    return [
        ("registry host", re.compile("|".join(map(re.escape, hosts)), re.IGNORECASE)),
        ("machine path", re.compile("|".join(map(re.escape, paths)))),
        ("word", re.compile("|".join(words))),
    ]


@pytest.mark.parametrize(("what", "pattern"), forbidden(), ids=lambda v: v if isinstance(v, str) else "")
def test_no_forbidden_words(what: str, pattern: re.Pattern[str]) -> None:
    wrong = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a binary file
        for number, line in enumerate(text.splitlines(), 1):
            wrong += [f"{path.relative_to(ROOT)}:{number}: {what} {m.group()!r}" for m in pattern.finditer(line)]
    assert not wrong


def test_python_imports_no_printing_outside_cli() -> None:
    """pyspec/cli is the only part of the toolchain that prints."""
    wrong = []
    for name, tree in sources("pyspec"):
        if name.startswith("pyspec/cli/"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                wrong.append(f"{name}:{node.lineno}")
        for module, line in imported(tree, "pyspec"):
            if module.split(".")[0] in ("rich", "click"):
                wrong.append(f"{name}:{line} imports {module}")
    assert not wrong
