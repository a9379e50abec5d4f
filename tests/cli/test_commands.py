"""The commands as a user calls them, in process: what they print, what they end with."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyspec.cli import exits, main

LIGHTS = '''protocol lights
"""Two lights at a crossing."""

enum Colour: red, green
sort Light

var colour: map[Light, Colour] = {l: red for l in Light}
var changes: 0..3 = 0

flaw impatient violates safe
    "A light does not look at the other one."

action switch_on(l: Light):
    when (all k in Light: colour[k] == red) or impatient
    when changes < 3
    colour[l] = green
    changes += 1

action switch_off(l: Light):
    when colour[l] == green
    colour[l] = red

invariant safe: all a, b in Light: a != b implies not (colour[a] == green and colour[b] == green)

reachable busy: changes == 3

model ci: Light = 2
model broken: Light = 2    expect 1 states
'''


class Result:
    """What a command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> dict[str, Any]:
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """Runs a command in a folder that holds lights.pspec, with a verdict cache of its own."""
    (tmp_path / "lights.pspec").write_text(LIGHTS)
    monkeypatch.chdir(tmp_path)
    shared = os.environ.get("PYSPEC_CACHE", "")
    (tmp_path / "cache").mkdir()
    for name in os.listdir(shared) if shared else []:
        if name != "verdicts":  # compiled engines are shared between tests
            (tmp_path / "cache" / name).symlink_to(Path(shared) / name)
    monkeypatch.setenv("PYSPEC_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PYSPEC_DEBUG", raising=False)

    def run(line: str) -> Result:
        capfd.readouterr()
        code = main.guarded(line.split())
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        return Result(code, out, err)

    return run


ENGINES = ["python", "native"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_spec_that_holds(call: Any, engine: str) -> None:
    done = call(f"check lights.pspec --engine {engine}")
    assert done.code == exits.OK, done.err
    assert "holds: every property" in done.out
    assert "invariant safe" in done.out
    assert "reachable busy" in done.out


@pytest.mark.parametrize("engine", ENGINES)
def test_a_violation_is_a_story(call: Any, engine: str) -> None:
    done = call(f"check lights.pspec --flaw impatient --engine {engine}")
    assert done.code == exits.FAILED
    assert "VIOLATED" in done.out
    assert "switch_on" in done.out
    assert done.out.rstrip().endswith("violated: safe")


def test_json_is_one_object_with_what_scripts_rely_on(call: Any) -> None:
    done = call("check lights.pspec --json")
    assert done.err == ""
    found = done.json
    assert found["verdict"] == "holds"
    assert found["exit_code"] == 0
    names = {"protocol", "model", "engine", "verdict", "distinct", "generated", "depth", "seconds", "compile_seconds"}
    assert names | {"properties", "actions", "warnings", "errors"} <= set(found)
    assert {"name", "kind", "verdict", "evidence", "trace"} <= set(found["properties"][0])
    assert {a["name"] for a in found["actions"]} == {"switch_on", "switch_off"}


def test_json_of_a_violation_has_the_trace(call: Any) -> None:
    found = call("check lights.pspec --flaw impatient --json").json
    assert found["exit_code"] == exits.FAILED
    trace = found["properties"][0]["trace"]
    assert trace["length"] == 2


def test_json_of_a_wrong_spec(call: Any, tmp_path: Path) -> None:
    (tmp_path / "wrong.pspec").write_text("protocol wrong\nvar x: bool = tru\n")
    done = call("check wrong.pspec --json")
    assert done.code == exits.WRONG
    assert done.err == ""
    first = done.json["errors"][0]
    assert (first["file"], first["line"]) == ("wrong.pspec", 2)


def test_a_pinned_count_that_differs_fails(call: Any) -> None:
    done = call("check lights.pspec -m broken")
    assert done.code == exits.FAILED
    assert "NOT MET" in done.out


def test_a_pinned_count_of_a_reduction_that_cannot_be_made_fails(call: Any) -> None:
    lively = LIGHTS.replace("expect 1 states", "expect 4 symmetric") + "liveness all_done: eventually changes == 3\n"
    Path("lively.pspec").write_text(lively.replace("protocol lights", "protocol lively"))
    done = call("check lively.pspec -m broken")
    assert done.code == exits.FAILED
    assert "expect 4 symmetric states  NOT MET: found no reduction by symmetry" in done.out


def test_the_second_run_is_cached(call: Any) -> None:
    first = call("check lights.pspec --json").json
    second = call("check lights.pspec --json").json
    assert (first["cached"], second["cached"]) == (False, True)
    assert {**second, "cached": False} == first
    assert call("check lights.pspec --no-cache --json").json["cached"] is False
    assert "(cached)" in call("check lights.pspec").out


def test_budgets_end_with_their_code(call: Any) -> None:
    done = call("check lights.pspec --max-states 2 --json")
    assert done.code == exits.BUDGET
    assert done.json["stopped_by"] == "states"
    assert call("check lights.pspec --json").json["cached"] is False  # what is incomplete is not kept


def test_overrides(call: Any) -> None:
    small = call("check lights.pspec --no-symmetry --json").json["distinct"]
    large = call("check lights.pspec --no-symmetry --json -c Light=3").json["distinct"]
    assert large > small


def test_bounds_of_a_flaw_are_searched_for_liveness_only_where_it_is_violated(call: Any) -> None:
    more = """flaw hasty violates safe with Light = 3
    "The same, with three lights."
flaw stuck violates all_done with Light = 3
    "Nobody switches on."
action wait: changes = changes
liveness all_done: eventually changes == 3
"""
    text = LIGHTS.replace("protocol lights", "protocol lively").replace("or impatient", "or impatient or hasty")
    text = text.replace("action switch", "fair action switch").replace(
        "when changes < 3", "when changes < 3 and not stuck"
    )
    Path("lively.pspec").write_text(text.replace("invariant safe", more + "invariant safe"))
    found = {f["name"]: f for f in call("flaws lively.pspec --json").json["flaws"]}
    assert {name: f["verdict"] for name, f in found.items()} == dict.fromkeys(found, "caught")
    assert found["hasty"]["clean"]["distinct"] < found["stuck"]["clean"]["distinct"]


def test_flaws_are_caught(call: Any) -> None:
    done = call("flaws lights.pspec")
    assert done.code == exits.OK, done.err
    assert "caught" in done.out
    found = call("flaws lights.pspec --json").json
    assert [(f["name"], f["verdict"], f["steps"]) for f in found["flaws"]] == [("impatient", "caught", 2)]


def test_a_flaw_that_is_harmless_is_missed(call: Any, tmp_path: Path) -> None:
    text = LIGHTS.replace("or impatient", "")
    (tmp_path / "lights.pspec").write_text(text)
    done = call("flaws lights.pspec")
    assert done.code == exits.FAILED
    assert "missed" in done.out


def test_a_flaw_whose_property_fails_anyway_is_not_caught(call: Any, tmp_path: Path) -> None:
    (tmp_path / "lights.pspec").write_text(LIGHTS.replace("or impatient", "or true"))
    done = call("flaws lights.pspec")
    assert done.code == exits.FAILED
    assert "not clean" in done.out


def test_several_specs_end_with_a_table(call: Any, tmp_path: Path) -> None:
    (tmp_path / "wrong.pspec").write_text("protocol wrong\nvar x: bool = tru\n")
    done = call("check --flaws .")
    assert done.code == exits.WRONG
    table = done.out.strip().splitlines()[-4:]
    assert table[0].split()[:3] == ["lights", "ci", "holds"] or "lights" in done.out
    assert any("impatient" in line and "caught" in line for line in table)
    assert any("wrong" in line and "error" in line for line in table)


def test_actions_that_never_fire_are_named(call: Any, tmp_path: Path) -> None:
    (tmp_path / "lights.pspec").write_text(LIGHTS + "\naction idle:\n    when changes > 3\n    changes = 0\n")
    done = call("check lights.pspec")
    assert done.code == exits.OK
    assert "never fired: idle" in done.out
    assert call("check lights.pspec --strict").code == exits.FAILED


def test_show(call: Any) -> None:
    assert "impatient violates safe" in call("show lights.pspec").out
    assert "action switch_on(l in Light):" in call("show --core lights.pspec").out
    source = call("show --python lights.pspec").out
    compile(source, "lights.py", "exec")
    assert call("show --core --python lights.pspec").code == exits.WRONG


def test_fmt(call: Any, tmp_path: Path) -> None:
    assert call("fmt --check lights.pspec").code == exits.OK
    (tmp_path / "lights.pspec").write_text(LIGHTS.replace("changes < 3", "changes<3"))
    done = call("fmt --check .")
    assert done.code == exits.FAILED
    assert "lights.pspec" in done.out
    assert call("fmt .").code == exits.OK
    assert (tmp_path / "lights.pspec").read_text() == LIGHTS


@pytest.mark.parametrize("change", [lambda text: text.replace(b"\n", b"\r\n"), lambda text: b"\xef\xbb\xbf" + text])
def test_fmt_of_files_from_other_systems(call: Any, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    (tmp_path / "lights.pspec").write_bytes(change(LIGHTS.encode()))
    assert call("fmt --check lights.pspec").code == exits.FAILED
    assert call("fmt lights.pspec").code == exits.OK
    assert (tmp_path / "lights.pspec").read_bytes() == LIGHTS.encode()


@pytest.mark.parametrize(("name", "code"), [("gone.pspec", "E0001"), ("binary.pspec", "E0003")])
def test_fmt_says_what_check_says(call: Any, tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "binary.pspec").write_bytes(b"\xff\xfe")
    assert code in call(f"fmt {name}").err
    assert code in call(f"check {name}").err


def test_a_specification_that_claims_nothing(call: Any, tmp_path: Path) -> None:
    (tmp_path / "idle.pspec").write_text("protocol idle\nvar x: bool = false\naction flip: x = not x\n")
    assert "there is no property to violate, in all 2 states" in call("check idle.pspec").out


def test_a_sort_without_a_model(call: Any, tmp_path: Path) -> None:
    (tmp_path / "sized.pspec").write_text("protocol sized\nsort S\nvar x: S in S\n")
    done = call("check sized.pspec")
    assert done.code == exits.WRONG
    assert "there is no model that gives a size to sort S" in done.err
    assert "write `model ci: S = 3`" in done.err


def test_simulate(call: Any) -> None:
    done = call("simulate lights.pspec --runs 5 --seed 1")
    assert done.code == exits.OK
    assert "no violation in 5 random runs (seed 1)" in done.out
    assert call("simulate lights.pspec --flaw impatient --runs 50").code == exits.FAILED


BAD_FILES = {
    "empty": b"",
    "binary": bytes(range(256)) * 20,
    "zeros": b"\0" * 10_000,
    "utf16": "protocol x\n".encode("utf-16"),
    "brackets": b"protocol x\nvar y: bool = " + b"(" * 50_000 + b"true" + b")" * 50_000 + b"\n",
    "nots": b"protocol x\nvar y: bool = " + b"not " * 20_000 + b"true\n",
    "blocks": b"protocol x\naction a:\n" + b"".join(b" " * (4 * i) + b"if true:\n" for i in range(1, 2000)),
    "number": b"protocol x\nvar y: int = " + b"9" * 100_000 + b"\n",
    "range": b"protocol x\nvar y: 0..99999999999999999999 = 0\n",
    "line": b"protocol x\nvar y: bool = true " + b"and true " * 20_000 + b"\n",
    "name": b"protocol " + b"x" * 100_000 + b"\n",
    "many": b"protocol x\n" + b"var : bool\n" * 5_000,
    "string": b'protocol x\n"""never closed\n' * 3,
    "tabs": b"protocol x\naction a:\n\twhen true\n",
    "crlf": b"protocol x\r\nvar y: bol = true\r\n",
    "import_self": b"protocol x\nimport import_self\n",
    "import_gone": b"protocol x\nimport gone.away\n",
}


@pytest.mark.parametrize("name", BAD_FILES)
@pytest.mark.parametrize("command", ["check", "flaws", "show", "fmt --check", "simulate", "check --json"])
def test_bad_files(call: Any, tmp_path: Path, name: str, command: str) -> None:
    (tmp_path / f"{name}.pspec").write_bytes(BAD_FILES[name])
    done = call(f"{command} {name}.pspec")
    odd = command.startswith("fmt") or name in ("line", "name")  # long, and right
    expected = {exits.OK, exits.FAILED, exits.WRONG} if odd else {exits.WRONG}
    assert done.code in expected, done.err[-2000:]
    assert len(done.out + done.err) < 100_000
    if "--json" in command:
        assert done.json["errors"] or odd
    elif done.code == exits.WRONG:
        assert f"{name}.pspec" in done.err + done.out


@pytest.mark.parametrize("command", ["check", "flaws", "show", "fmt", "simulate", "check --json"])
@pytest.mark.parametrize("target", ["gone.pspec", "folder", "unreadable.pspec", "gone/x.pspec", "lights.pspec/x"])
def test_what_is_no_file(call: Any, tmp_path: Path, command: str, target: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "unreadable.pspec").symlink_to("/proc/1/mem")
    done = call(f"{command} {target}")
    if (command, target) != ("fmt", "folder"):
        assert done.code == exits.WRONG, done.err
        assert target in done.err + done.out


@pytest.mark.parametrize(
    "arguments",
    [
        "-m nope",
        "-c Nope=3",
        "-c Light=x=y",
        "-c Light=-1",
        "-c Light=99999999999999999999",
        "--flaw nope",
        "-c Light=0",
        "-c Light=1.5",
    ],
)
def test_wrong_requests_about_a_good_spec(call: Any, arguments: str) -> None:
    done = call(f"check lights.pspec {arguments}")
    assert done.code in (exits.WRONG,) or arguments == "-c Light=x=y", done.err + done.out
