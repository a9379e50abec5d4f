"""A model as a Hypothesis state machine: the user's own code is driven along the steps that the specification allows.

    @pyspec.stateful("specs/lock.pspec", model="ci")
    class TestLock:
        def start(self):                    # before each run; `self.model` is the loaded model
            self.lock = MyLock()
        def acquire(self, c):               # one method for each action to drive, with its arguments by name
            self.lock.acquire(str(c))
        def check(self, state):             # after each step: does the code agree with the state?
            assert self.lock.holder == str(state.holder)

An action without a method is not driven, unless its name is in `silent`: such steps happen in the specification alone.
Where an action has several outcomes, the code agrees if it agrees with one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

if TYPE_CHECKING:
    from pyspec.check.statemodel import Choice, StateModel
    from pyspec.model.state import State


def stateful(
    path: str, /, *, model: str | None = None, silent: Iterable[str] = (), **overrides: Any
) -> Callable[[type], Any]:
    """Turn a class with a method for each action into a test case (see the module).

    Raises SpecError if the specification is wrong, TypeError if no method of the class is an action.
    """
    import pyspec

    loaded = pyspec.load(path, model=model, **overrides)
    quiet = frozenset(silent)

    def decorate(user: type) -> Any:
        driven = frozenset(name for name in loaded.actions if callable(getattr(user, _python(name), None)))
        if not driven:
            raise TypeError(f"no method of {user.__name__} is an action of {path}: {', '.join(loaded.actions)}")
        machine = _machine(user, loaded, driven, quiet)
        case: Any = machine.TestCase
        case.__name__ = case.__qualname__ = user.__name__
        case.__module__ = user.__module__
        case.__doc__ = user.__doc__
        return case

    return decorate


def _python(action: str) -> str:
    return action.replace(".", "_")


def _machine(
    user: type, model: StateModel, driven: frozenset[str], silent: frozenset[str]
) -> type[RuleBasedStateMachine]:
    """The state machine of Hypothesis behind a test case."""

    class SpecMachine(RuleBasedStateMachine):
        @initialize(data=st.data())
        def begin(self, data: st.DataObject) -> None:
            self.code = user()
            self.code.model = model
            self.states: list[State] = [data.draw(st.sampled_from(model.initial()), label="initial state")]
            if hasattr(self.code, "start"):
                self.code.start()
            self._agree()

        def _choices(self) -> list[Choice]:
            wanted = driven | silent
            found = [c for state in self.states for c in model.enabled(state) if c.action in wanted]
            return list(dict.fromkeys(found))

        @precondition(lambda self: bool(self._choices()))
        @rule(data=st.data())
        def step(self, data: st.DataObject) -> None:
            choice = data.draw(st.sampled_from(self._choices()), label="step")
            self.states = [after for state in self.states for after in model.steps(state, choice)]
            if choice.action in driven:
                method = getattr(self.code, _python(choice.action))
                method(**{_parameter(name): value for name, value in choice.args})
            self._agree()

        def _agree(self) -> None:
            if not hasattr(self.code, "check"):
                return
            agreeing, wrong = [], None
            for state in self.states:
                try:
                    self.code.check(state)
                    agreeing.append(state)
                except AssertionError as problem:
                    wrong = problem
            if not agreeing and wrong is not None:
                raise wrong
            self.states = agreeing

        def teardown(self) -> None:
            if hasattr(self, "code") and hasattr(self.code, "stop"):
                self.code.stop()

    SpecMachine.__name__ = SpecMachine.__qualname__ = user.__name__
    return SpecMachine


def _parameter(name: str) -> str:
    """The node of a role is called `node` in the user's method: `self` is the method's own."""
    return "node" if name == "self" else name
