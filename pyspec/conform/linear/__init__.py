"""Whether a history of clients' operations is linearizable: every operation seems to happen at one instant between its
call and its return (Herlihy and Wing, Linearizability, TOPLAS 12(3), 1990)."""

from pyspec.conform.linear.check import Verdict, check_history
from pyspec.conform.linear.history import Fault, History, Operation, read_history
from pyspec.conform.linear.models import MODELS, Model

__all__ = ["Fault", "History", "MODELS", "Model", "Operation", "Verdict", "check_history", "read_history"]
