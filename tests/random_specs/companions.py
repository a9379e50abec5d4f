"""Random files beside a random specification: a module that it imports, a protocol that it refines."""

from __future__ import annotations

import random


def module(rng: random.Random, name: str) -> str:
    """A parameterised module with state, a function, a procedure, an action, properties, and a ghost."""
    guard = rng.choice(["owner == none", "value < 3", f"value != {rng.randrange(4)}", "owner == none or value > 1"])
    return f"""module {name}(T, FIRST: 0..3)
var value: 0..3 = FIRST
var owner: T? = none
ghost var claims: 0..3 = 0
def holds(v: 0..3): value == v
def shifted(by: 0..3) -> 0..3: (value + by) % 4
procedure put(v: 0..3):
    when v != value
    value = v
action claim(t: T):
    when {guard}
    owner = {rng.choice(["t", "none if owner == t else t"])}
    value = shifted({rng.randrange(4)})
    claims = min(claims + 1, 3)
invariant owned: owner == none or claims > 0
step counts: claims' >= claims and (claims == claims' or owner' != owner or value' != value or claims == claims')
"""


def imports(rng: random.Random, name: str) -> list[tuple[str, str]]:
    """One or two import lines, each with its alias."""
    arguments = [f"T = Node, FIRST = {rng.randrange(4)}", f"Color, {rng.randrange(4)}"]
    rng.shuffle(arguments)
    aliases = ["left", "right"][: rng.choice([1, 1, 2])]
    return [(f"import {name}({given}) as {alias}", alias) for given, alias in zip(arguments, aliases)]


def abstract(rng: random.Random, name: str) -> str:
    """A small protocol; sometimes it allows every step."""
    steps = [
        "action up:\n    r = (r + 1) % 4",
        "action jump:\n    any k in 0..3 where k > r\n    r = k",
        "action flip:\n    when r > 0\n    flag = not flag",
        "action both(k: 0..3):\n    if flag: r = k\n    else: flag = true",
        "action reset:\n    either:\n        r = 0\n    or:\n        r = 3\n        flag = false",
    ]
    chosen = rng.sample(steps, rng.randint(1, 3))
    if rng.random() < 0.6:
        chosen = ["action anything(k: 0..3, f: bool):\n    r = k\n    flag = f"]
    start = "in 0..3" if rng.random() < 0.8 else "= 0"
    return f"protocol {name}\nvar r: 0..3 {start}\nvar flag: bool in {{true, false}}\n" + "\n".join(chosen) + "\n"
