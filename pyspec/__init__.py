"""Executable specifications for distributed protocols."""

__version__ = "0.1.0"
