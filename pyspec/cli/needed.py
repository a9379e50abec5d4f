"""Which lemmas a proof needs, in reports and in words (`pyspec prove --needed`)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from pyspec.cli.console import plain
from pyspec.cli.report import Report

if TYPE_CHECKING:
    from pyspec.lang import core
    from pyspec.prove.engine import Options, Progress
    from pyspec.prove.needed import Prover


def add(
    report: Report,
    spec: core.Spec,
    prove: Prover,
    small: Prover | None,
    options: Options,
    progress: Progress | None,
) -> None:
    """Says of each lemma of a specification that is proved whether the proof needs it."""
    from pyspec.prove.needed import needs

    report["needs"] = []
    told = partial(progress, 0, 0) if progress else lambda _: None
    for need in needs(spec, prove, options, told, small):
        report["needs"].append(
            {
                "name": need.lemma,
                "needed": need.needed,
                "not_inductive": list(need.refuted),
                "undecided": list(need.undecided),
                "seconds": round(need.seconds, 3),
            }
        )


def is_open(report: Report) -> bool:
    """Whether more time might tell more."""
    return any(one["needed"] is None for one in report["needs"] or ())


def tell(console: Console, report: Report) -> None:
    """Prints what is known of the lemmas."""
    lemmas = report["needs"]
    if lemmas is None:
        unused = ", ".join(map(plain, report["lemmas_not_used"]))
        if unused:
            console.print(Text.assemble(("  used by no proof: ", "yellow"), unused, ("  (--needed tries all)", "dim")))
        return
    for one in lemmas:
        if one["needed"]:
            console.print(Text(f"  needed: {plain(one['name'])} ({_why(one)})"))
    for word, state in (("not needed, each by itself", False), ("not known, time was up", None)):
        names = [plain(one["name"]) for one in lemmas if one["needed"] is state]
        if names:
            console.print(Text.assemble((f"  {word}: ", "yellow"), ", ".join(names)))


def _why(lemma: Report) -> str:
    what = "not inductive" if lemma["not_inductive"] else "undecided"
    names = lemma[what.replace(" ", "_")]
    shown = ", ".join(map(plain, names[:2])) + (", ..." if len(names) > 2 else "")
    return f"without it {shown} {'is' if len(names) == 1 else 'are'} {what}"
