"""Holding running programs against a specification: validation of traces (see `pyspec.conform.session`)."""

from pyspec.conform.explain import Rejection
from pyspec.conform.search import Limits
from pyspec.conform.session import Session, TraceMapping, TraceResult, load_mapping, make_mapping

__all__ = ["Limits", "Rejection", "Session", "TraceMapping", "TraceResult", "load_mapping", "make_mapping"]
