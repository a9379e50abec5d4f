"""A second solver, cvc5, where it is installed (`pip install pyspec[cvc5]`): asked in SMT-LIB when z3 has given up."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import re
from collections.abc import Mapping, Sequence
from types import ModuleType

#: Options besides the limits, by the names of attempts: instances from the terms at hand, or small models.
WAYS: Mapping[str, tuple[str, ...]] = {
    "cvc5": ("enum-inst",),
    "cvc5, finite models": ("finite-model-find",),
}


@functools.cache
def _module() -> ModuleType | None:
    return importlib.import_module("cvc5") if importlib.util.find_spec("cvc5") else None


def version() -> str | None:
    """The solver with its version; None if it is not installed."""
    module = _module()
    return None if module is None else f"cvc5 {module.__version__}"


def solve(head: str, asserts: Sequence[tuple[str, str]], way: str, seconds: float) -> tuple[str, tuple[str, ...]]:
    """The status "unsat", "sat" or "unknown" of named assertions under declarations, and the names of an unsatisfiable
    core. A script that the solver does not accept is unknown to it."""
    module = _module()
    if module is None:
        return "unknown", ()
    named = (f"(assert (! {text} :named {name}))" for name, text in asserts)
    options = {"tlimit-per": f"{max(1, int(1000 * seconds))}", "produce-unsat-cores": "true"}
    options |= dict.fromkeys(WAYS[way], "true")
    settings = (f"(set-option :{name} {value})" for name, value in options.items())
    script = ["(set-logic ALL)", *settings, head, *named, "(check-sat)"]
    try:
        run = _Session(module, "\n".join(script))
        status = run.text.strip()
        if status != "unsat":
            return (status if status == "sat" else "unknown"), ()
        return status, tuple(re.findall(r"[^\s()]+", run.more("(get-unsat-core)")))
    except RuntimeError:  # what cvc5 raises for a script, an option or a logic that it does not accept
        return "unknown", ()


class _Session:
    """One solver and what it has said."""

    def __init__(self, module: ModuleType, script: str) -> None:
        self.module, self.solver = module, module.Solver(module.TermManager())
        self.parser = module.InputParser(self.solver)
        self.symbols = self.parser.getSymbolManager()
        self.text = self.more(script)

    def more(self, script: str) -> str:
        """What the solver answers to commands."""
        self.parser.setStringInput(self.module.InputLanguage.SMT_LIB_2_6, script, "obligation")
        answers: list[str] = []
        while not (command := self.parser.nextCommand()).isNull():
            answers.append(command.invoke(self.solver, self.symbols))
        return "".join(answers)


__all__ = ["WAYS", "solve", "version"]
