"""Lemmas as lines to paste into a specification."""

from __future__ import annotations

import re

from pyspec.lang import core
from pyspec.lang.unparse import expr_text

_MESSAGE = re.compile(r"\b(\w+)\(((?:[^()]|\([^()]*\))*)\) in network\.\1\b")


def lemma_line(spec: core.Spec, prop: core.Property) -> str:
    """`lemma NAME: ...`, or `step NAME: ...`, in the notation of the language."""
    return f"{prop.kind} {prop.name}: {spelled(spec, prop.body)}"


def spelled(spec: core.Spec, body: core.Expr) -> str:
    """An expression of the core as a specification writes it: fields of roles behind a dot, messages in the network."""
    bound = []
    while isinstance(body, core.Quant) and body.kind == "all":
        bound.append(f"{body.var} in {expr_text(body.domain)}")
        body = body.body
    text = (f"all {', '.join(bound)}: " if bound else "") + expr_text(body).replace("bag()", "{}")
    text = re.sub(r"\bset\((network\.\w+)\)", r"\1", text)
    for role in spec.roles:
        text = re.sub(rf"\b{role.name}\.(\w+)\[(\w+)\]", r"\2.\1", text)
    return _MESSAGE.sub(lambda match: (f"{match[1]}({match[2]})" if match[2] else match[1]) + " in network", text)
