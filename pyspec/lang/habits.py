"""What is written out of habit from other languages (TLA+, Ivy, P, Promela, C, Python), and what to write here."""

from __future__ import annotations

from collections.abc import Sequence

_GUARD = "a guard is written `when CONDITION`"
_NOT = "write `not`"
_AND = "write `and`"
_OR = "write `or`"
_IMPLIES = "write `implies`"
_ALL = "write `all x in S: CONDITION`"
_EXISTS = "write `exists x in S: CONDITION`"
_IN = "write `in`"

#: A word that is none of the language, at the start of a line, or at or just before what cannot stand there.
WORDS = {
    **dict.fromkeys(("require", "requires", "guard", "await", "pre", "precondition", "enabled"), _GUARD),
    "forall": _ALL,
    "function": "a function is written `def NAME(x: T) -> T: EXPRESSION`",
    **dict.fromkeys(("variable", "variables", "state"), "a variable is written `var NAME: TYPE = VALUE`"),
    **dict.fromkeys(("constant", "constants"), "a constant is written `const NAME: TYPE = VALUE`"),
    **dict.fromkeys(("property", "safety"), "write `invariant NAME: CONDITION`"),
    **dict.fromkeys(("relation", "individual"), "a relation is written `var NAME: set[(A, B)] = {}`"),
    **dict.fromkeys(("if", "then"), "the statement is `if CONDITION:`, the expression `A if CONDITION else B`"),
    "while": "go over a set with `for x in S:`; what repeats is an action",
    "elseif": "write `elif`",
    "elsif": "write `elif`",
    "iff": "write `==`",
}
#: Names of types elsewhere.
TYPES = {
    **dict.fromkeys(("option", "optional", "maybe", "nullable"), "a value or none is written `T?`"),
    **dict.fromkeys(("list", "array", "vector", "sequence", "queue"), "write `seq[T]`"),
    **dict.fromkeys(("dict", "hashmap"), "write `map[K, V]`"),
    "multiset": "write `bag[T]`",
    **dict.fromkeys(("tuple", "pair"), "write `(A, B)`"),
    **dict.fromkeys(("str", "string"), "texts are elements of a sort or members of an enum"),
    **dict.fromkeys(("nat", "natural", "uint"), "write a range, as `0..9`, or `int` with a range in the model"),
}
#: Signs of two tokens.
PAIRS = {
    ("&", "&"): _AND,
    ("|", "|"): _OR,
    ("=", ">"): _IMPLIES,
    ("==", ">"): _IMPLIES,
    ("<=", ">"): "write `==`",
    (":", "="): "write `=`; `==` compares",
    ("+", "+"): "write `+= 1`",
    ("(", ")"): "what has no fields or parameters is written without parentheses",
}
#: Signs of one token.
SIGNS = {"->": _IMPLIES, "!": _NOT}
#: Characters that are none of the language.
CHARACTERS = {
    "~": _NOT,
    "¬": _NOT,
    "∧": _AND,
    "∨": _OR,
    "\\": "the words are `and`, `or`, `not`, `in`, `all x in S: …`, `exists x in S: …`",
    "⇒": _IMPLIES,
    "→": _IMPLIES,
    "∀": _ALL,
    "∃": _EXISTS,
    "∈": _IN,
    "≤": "write `<=`",
    "≥": "write `>=`",
    "≠": "write `!=`",
    ";": "statements stand on lines of their own",
    "^": "an exclusive or is `!=`",
}


def hint(texts: Sequence[str], at: int) -> str | None:
    """What to write instead, for the token at this place of a declaration that cannot stand there."""
    here = texts[at]
    before = texts[at - 1] if at else ""
    after = texts[at + 1] if at + 1 < len(texts) else ""
    return (
        PAIRS.get((before, here))
        or PAIRS.get((here, after))
        or WORDS.get(here)
        or WORDS.get(before)
        or SIGNS.get(here)
        or (_NOT if before == "!" else None)
    )
