"""Errors of a specification that only show while it runs. They end a search like a violated property, with the
trace."""

from dataclasses import dataclass

from pyspec.base.source import NOWHERE, Span

#: kind -> (code, what it means). Native code reports the kind by its position in this table.
EVALUATION_ERRORS: dict[str, tuple[str, str]] = {
    "range": ("E0601", "a value left the range of the place it is stored in"),
    "overflow": ("E0602", "integer arithmetic left 64 bits"),
    "division": ("E0603", "division by zero"),
    "index": ("E0604", "a sequence index is outside the sequence"),
    "key": ("E0605", "a map key is outside the key type"),
    "none": ("E0606", "the value of an option that is none was taken"),
    "empty": ("E0607", "min, max, first, last, only or choose found no (or no single) element"),
    "capacity": ("E0608", "a sequence, set, bag or network grew past its capacity"),
    "case": ("E0609", "a field of a union case was read from a value of another case"),
    "order": ("E0610", "the last element has no successor, the first no predecessor"),
    "assertion": ("E0611", "an assert statement does not hold"),
}


@dataclass
class EvaluationError(Exception):
    """Raised by the interpreter. `knob` names the model setting to change for a capacity or a range, where there is
    one."""

    kind: str
    message: str
    span: Span = NOWHERE
    knob: str | None = None

    def __str__(self) -> str:
        return f"{EVALUATION_ERRORS[self.kind][0]} {self.message}"
