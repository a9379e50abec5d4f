"""A mapping typed against a specification: every expression checked, every source of a value known by its type."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pyspec.base.diagnostics import Diagnostic, SpecError, error
from pyspec.base.source import Span
from pyspec.conform.mapping import MappingText, Rule
from pyspec.conform.places import aliases, declared, read_names, sends, targets_of, updated, variable_of
from pyspec.conform.received import Received, received
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.lang.phrases import Vocabulary, phrase, type_phrase
from pyspec.model.walk import locals_in, nodes

NOTHING = "none"


@dataclass(frozen=True)
class Slot:
    """A value that a rule takes from a line."""

    path: Any
    type: ty.Type
    declared: ty.Type | None = None  # the type of the place it is compared with: its bounds tell of sizes
    constant: bool = False


@dataclass(frozen=True)
class Condition:
    """An expression of the mapping: as a function of its local names; compared with a slot, or true by itself."""

    text: str
    function: core.Function
    locals: tuple[str, ...]
    slot: int | None
    place: Span
    kind: str  # "before" | "after" | "where" | "end"


@dataclass(frozen=True)
class Binding:
    """What is known of one parameter of a step: the whole value, or fields of it, by slot."""

    whole: int | None = None
    fields: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class StepForm:
    """One spec action as a step of a rule; `least` and `most` times."""

    action: core.Action
    bindings: Mapping[str, Binding]
    least: int = 1
    most: int = 1
    reads: tuple[Condition, ...] = ()  # what the event says of the message that a fifo handler takes


@dataclass(frozen=True)
class Put:
    """A part of the state that the log decides: what it says is put there before the steps; without a slot, the value
    of an expression."""

    text: str
    var: str
    function: core.Function  # of the local names and the value: the new value of the variable
    locals: tuple[str, ...]
    slot: int | None


@dataclass(frozen=True)
class Post:
    """A message that the log shows to be sent: an expression over the state and the event's fields."""

    text: str
    pool: str
    function: core.Function
    locals: tuple[str, ...]


@dataclass(frozen=True)
class Way:
    """One way to explain an event by a rule: steps, and what holds before and after them."""

    steps: tuple[StepForm, ...]
    before: tuple[Condition, ...]
    after: tuple[Condition, ...]
    puts: tuple[Put, ...] = ()
    posts: tuple[Post, ...] = ()
    sent: str | None = None  # the message type that `sent` stands for in `after`


@dataclass(frozen=True)
class TypedRule:
    """A rule with its slots and ways."""

    rule: Rule
    slots: tuple[Slot, ...]
    names: Mapping[str, int]  # local name -> slot
    where: Condition | None
    ways: tuple[Way, ...]


@dataclass
class TypedMapping:
    """A mapping with its rules typed, and the functions that its expressions have become."""

    text: MappingText
    known: Vocabulary
    rules: tuple[TypedRule, ...] = ()
    functions: list[core.Function] = field(default_factory=list)
    end: tuple[Condition, ...] = ()
    silent: tuple[core.Action, ...] = ()


#: How often a repeated step (`name*`) may be taken for one event.
REPEATS = 64
_SUFFIX = {"?": (0, 1), "*": (0, REPEATS), "+": (1, REPEATS)}


def type_mapping(text: MappingText, known: Vocabulary) -> TypedMapping:
    """Types a mapping. Raises SpecError with every mistake that was found."""
    return _Typer(text, known).run()


class _Typer:
    def __init__(self, text: MappingText, known: Vocabulary) -> None:
        self.text, self.known = text, known
        self.actions = {action.name: action for action in known.spec.actions}
        self.found: list[Diagnostic] = []
        self.made = TypedMapping(text, known)

    def run(self) -> TypedMapping:
        self.made.silent = tuple(a for name in self.text.silent if (a := self.action(name, "actions")) is not None)
        rules = []
        for rule in self.text.rules:
            try:
                rules.append(_RuleTyper(self, rule).run())
            except SpecError as wrong:
                self.found += wrong.diagnostics
        self.made.end = tuple(self._end())
        if self.found:
            raise SpecError(list(dict.fromkeys(self.found)))
        self.made.rules = tuple(rules)
        return self.made

    def action(self, name: str, *near: str) -> core.Action | None:
        """An action by name; an unknown one is noted."""
        if name not in self.actions:
            close = difflib.get_close_matches(name, self.actions, 1) or _handler(name, self.actions)
            hint = f"did you mean {close[0]}?" if close else f"actions: {', '.join(self.actions)}"
            place = self.text.place(name)
            self.found.append(Diagnostic("E0823", f"{self.known.spec.name} has no action {name}", place, hint))
            return None
        return self.actions[name]

    def _end(self) -> Iterable[Condition]:
        for text in self.text.end_holds:
            try:
                yield self.condition(text, {}, None, "end", None)
            except SpecError as wrong:
                self.found += wrong.diagnostics

    def condition(
        self,
        text: str,
        scope: Mapping[str, ty.Type],
        role: str | None,
        kind: str,
        slot: int | None,
        message: Received | None = None,
    ) -> Condition:
        """A typed expression as a function of the local names it uses; it may look at a message received."""
        place = self.text.place(text)
        given = {} if message is None else message.types()
        expr = phrase(text, place, self.known, {**scope, **given}, role)
        if slot is None and not isinstance(expr.type, ty.Bool):
            raise error("E0823", f"`{text}` is no condition", place, "write it as EXPRESSION = path, to compare")
        if message is not None:
            expr = message.around(expr)
        scope = {name: of for name, of in scope.items() if name not in given}
        if role is not None:
            scope[self.known.self_name(role)] = self.known.names.roles[role].sort
        return self.function(text, expr, scope, kind, slot)

    def function(
        self, text: str, expr: core.Expr, scope: Mapping[str, ty.Type], kind: str, slot: int | None
    ) -> Condition:
        """An expression as a function of the local names it uses."""
        place = self.text.place(text)
        used = tuple(name for name in scope if name in locals_in(expr))
        name = f"observe {len(self.made.functions) + 1}"
        function = core.Function(name, tuple((n, scope[n]) for n in used), expr.type, expr, span=place)
        self.made.functions.append(function)
        return Condition(text, function, used, slot, place, kind)


def _handler(name: str, actions: Iterable[str]) -> list[str]:
    return [one for one in actions if one == f"on_{name}"]


class _RuleTyper:
    """Types one rule; slots are shared by equal paths."""

    def __init__(self, typer: _Typer, rule: Rule) -> None:
        self.typer, self.rule, self.text = typer, rule, typer.text
        self.slots: list[Slot] = []
        self.names: dict[str, int] = {}
        self.scope: dict[str, ty.Type] = {}
        self.rule_fields: set[str] = set()
        self.unused = {key for key, _ in rule.with_}

    def run(self) -> TypedRule:
        for key, path in (*self.text.fields, *self.rule.fields):
            self._field(key, path)
        where = None
        if self.rule.where is not None:
            where = self.typer.condition(self.rule.where, self.scope, None, "where", None)
            if any(isinstance(node, core.StateVar) for node in nodes(where.function.body)):
                raise error("E0823", "`where` looks at fields of the event only", where.place, "use `before`")
        ways = [way for steps in self._sequences() for way in [self._way(steps)]]
        for key in sorted(self.unused):
            self._unknown_parameter(key, ways)
        return TypedRule(self.rule, tuple(self.slots), dict(self.names), where, tuple(ways))

    # ------------------------------------------------------------------------------------------ fields, slots

    def slot(self, path: Any, of: ty.Type, declared: ty.Type | None = None) -> int:
        """The slot for a path read as a type."""
        made = Slot(path, of, declared, not isinstance(path, str) or path.startswith("="))
        if made not in self.slots:
            self.slots.append(made)
        return self.slots.index(made)

    def _field(self, key: str, path: Any) -> None:
        name, colon, kind = key.partition(":")
        place = self.text.place(key)
        if not colon or not name.strip().isidentifier():
            raise error("E0823", f'a field is declared with a type: "{key.strip()}: TYPE" = path', place)
        of = type_phrase(kind.strip(), place, self.typer.known)
        self.rule_fields.add(name.strip())
        self.scope[name.strip()] = of
        self.names[name.strip()] = self.slot(path, of, of)

    # ------------------------------------------------------------------------------------------------- steps

    def _sequences(self) -> list[tuple[tuple[core.Action, int, int], ...]]:
        """Every sequence of actions: alternatives multiplied out."""
        sequences: list[tuple[tuple[core.Action, int, int], ...]] = [()]
        for alternatives in self.rule.steps:
            choices = [choice for name in alternatives for choice in [self._step(name)]]
            sequences = [(*before, *choice) for before in sequences for choice in choices]
        return sequences

    def _step(self, name: str) -> tuple[tuple[core.Action, int, int], ...]:
        if name == NOTHING:
            return ()
        least, most = _SUFFIX.get(name[-1:], (1, 1))
        action = self.typer.action(name.rstrip("?*+").strip())
        return () if action is None else ((action, least, most),)

    def _role(self, actions: Iterable[core.Action]) -> str | None:
        roles = self.typer.known.names.roles
        own = next((action.role for action in actions if action.role is not None), None)
        given = self.text.log.role
        if given is not None and given not in roles:
            raise error("E0823", f"there is no role {given}", self.text.place("role", given))
        return own or given or (next(iter(roles)) if len(roles) == 1 else None)

    def _way(self, steps: tuple[tuple[core.Action, int, int], ...]) -> Way:
        role = self._role(action for action, _, _ in steps) if self.text.log.node is not None else None
        forms = tuple(self._form(action, role, least, most) for action, least, most in steps)
        scope = dict(self.scope)
        if role is not None:
            own = self.typer.known.self_name(role)
            sort = self.typer.known.names.roles[role].sort
            self.names[own] = self.slot(self.text.log.node, sort)
            scope[own] = sort
        before, after = dict(scope), dict(scope)
        for known, forms_ in ((before, forms[:1]), (after, forms[-1:])):
            for form in forms_:
                if form.least == form.most == 1:
                    known |= {param.name: param.type for param in form.action.params}
                    known |= {name: of for name, (_, _, of) in aliases(form.action).items()}
        message = next((received(form.action) for form in forms[:1] if form.least == form.most == 1), None)
        posts = tuple(self._post(text, {**scope, **_given(forms)}, role) for text in self.rule.send)
        sent = _sent(forms, posts, self.typer.known)
        if sent is not None:
            after["sent"] = sent
        seen = self.text.after
        common = {"before": ((*self.text.before, *seen), ()), "after": (self.text.before, seen), "none": ((), ())}
        early, late = common[self.rule.observe]
        watched = (
            tuple(self._watch(pair, before, role, "before", message) for pair in (*early, *self.rule.before)),
            tuple(self._watch(pair, after, role, "after") for pair in (*late, *self.rule.after)),
        )
        for conditions, forms_ in zip(watched, (forms[:1], forms[-1:]), strict=True):
            for form in forms_:
                if form.least == form.most == 1:
                    self._one_meaning(conditions, form)
        return Way(
            forms,
            *watched,
            (
                *(self._put(pair, {**scope, **_given(forms)}, role) for pair in self.rule.put),
                *(self._set(pair, {**scope, **_given(forms)}, role) for pair in self.rule.set_),
            ),
            posts,
            sent.name if isinstance(sent, ty.Record) else None,
        )

    def _one_meaning(self, conditions: Iterable[Condition], form: StepForm) -> None:
        """A name in a condition is a field of the mapping or a parameter of the action, unless both are the same."""
        targets = targets_of(form.action)
        for condition in conditions:
            for name in {*condition.locals} & {*self.rule_fields} & targets.keys():
                param, part, _ = targets[name]
                binding = form.bindings.get(param, Binding())
                bound = binding.whole if part is None else dict(binding.fields).get(part)
                if bound is None or _path(self.slots[bound].path) != _path(self.slots[self.names[name]].path):
                    message = f"`{name}` is a field of the mapping, and also a parameter of {form.action.name}"
                    hint = "give the field another name"
                    raise error("E0823", f"{message}: which one does `{condition.text}` mean?", condition.place, hint)

    def _watch(
        self,
        pair: tuple[str, Any],
        scope: Mapping[str, ty.Type],
        role: str | None,
        kind: str,
        message: Received | None = None,
    ) -> Condition:
        text, path = pair
        made = self.typer.condition(text, scope, role, kind, -1, message)
        expr = made.function.body
        return replace(made, slot=self.slot(path, expr.type, declared(expr, self.typer.known.spec)))

    def _put(self, pair: tuple[str, Any], scope: Mapping[str, ty.Type], role: str | None) -> Put:
        """`self.next_index[peer] = path`: an assignment to a place in the state."""
        text, path = pair
        made = self.typer.condition(text, scope, role, "put", -1)
        expr = made.function.body
        spec = self.typer.known.spec
        of = declared(expr, spec) or expr.type
        value = core.Local(of, "value put")
        root = variable_of(expr)
        if root is None:
            raise error("E0823", f"`{text}` is no place in the state", made.place, "a variable, or an entry of a map")
        function = replace(
            made.function,
            params=(*made.function.params, ("value put", of)),
            result=next(var.type for var in spec.vars if var.name == root),
            body=updated(expr, value),
        )
        self.typer.made.functions[-1] = function
        return Put(text, root, function, made.locals, self.slot(path, expr.type, of))

    def _set(self, pair: tuple[str, str], scope: Mapping[str, ty.Type], role: str | None) -> Put:
        """`self.log = self.log[:n]`: an assignment of an expression's value to a place in the state."""
        text, given = pair
        known = self.typer.known
        place = self.text.place(text, given)
        target = phrase(text, place, known, scope, role)
        variables = {var.name: var for var in known.spec.vars}
        root = variable_of(target)
        if root is None:
            raise error("E0823", f"`{text}` is no place in the state", place, "a variable, or an entry of a map")
        if variables[root].kind == "pool":
            raise error("E0823", f"`{text}` is the network, which only grows", place, "`send` adds a message to it")
        value = phrase(given, place, known, scope, role, declared(target, known.spec) or target.type)
        if role is not None:
            scope = {**scope, known.self_name(role): known.names.roles[role].sort}
        made = self.typer.function(text, updated(target, value), scope, "set", None)
        function = replace(made.function, result=variables[root].type)
        self.typer.made.functions[-1] = function
        return Put(text, root, function, made.locals, None)

    def _post(self, text: str, scope: Mapping[str, ty.Type], role: str | None) -> Post:
        """`send = "M(...)"`: a message on its way into the network."""
        made = self.typer.condition(text, scope, role, "send", -1)
        of = made.function.result
        names = {m.type.name: m for m in self.typer.known.spec.messages}
        if not isinstance(of, ty.Record) or of.name not in names:
            raise error("E0823", f"`{text}` is no message", made.place, f"messages: {', '.join(names)}")
        if names[of.name].network == "fifo":
            raise error("E0823", f"{of.name} travels in fifo channels: `send` is for pools", made.place)
        return Post(text, names[of.name].var, made.function, made.locals)

    # --------------------------------------------------------------------------------------------- parameters

    def _form(self, action: core.Action, role: str | None, least: int, most: int) -> StepForm:
        """An action with what the event says of its parameters, and of the message it takes from a channel."""
        message = received(action)
        reads = []
        for key, path in self.rule.with_ if message is not None else ():
            short = key.removeprefix(f"{action.name}.")
            if message is not None and short in message.names:
                self.unused.discard(key)
                scope = {param.name: param.type for param in action.params}
                expr = message.names[short]
                made = self.typer.function(key, message.within(expr), scope, "read", -1)
                reads.append(replace(made, slot=self.slot(path, expr.type, expr.type)))
        return StepForm(action, self._bindings(action, role), least, most, tuple(reads))

    def _bindings(self, action: core.Action, role: str | None) -> dict[str, Binding]:
        targets = targets_of(action)
        whole: dict[str, int] = {}
        fields: dict[str, dict[str, int]] = {}
        given = list(self.rule.with_)
        keys = {key.removeprefix(f"{action.name}.") for key, _ in given}
        if role is not None and action.role == role:
            own = self.typer.known.self_name(role)
            if own in targets and own not in keys and "self" not in keys:
                given.append((own, self.text.log.node))
        for key, path in given:
            short = key.removeprefix(f"{action.name}.")
            if short == "self" and "self" not in targets and role is not None:
                short = self.typer.known.self_name(role)
            if short not in targets:
                continue
            self.unused.discard(key)
            name, part, of = targets[short]
            at = self.slot(path, of, of)
            if part is None:
                whole[name] = at
            else:
                fields.setdefault(name, {})[part] = at
        names = {*whole, *fields}
        return {name: Binding(whole.get(name), tuple(fields.get(name, {}).items())) for name in names}

    def _unknown_parameter(self, key: str, ways: list[Way]) -> None:
        actions = [form.action for way in ways for form in way.steps]
        known = sorted({name for action in actions for name in (*targets_of(action), *read_names(action))})
        close = difflib.get_close_matches(key, known, 1)
        names = ", ".join(dict.fromkeys(action.name for action in actions)) or "an event without a step"
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
        raise error("E0823", f"{names} has no parameter {key}", self.text.place(key), hint)


def _path(path: Any) -> Any:
    """A path, whether or not it may be missing everywhere."""
    return path.rstrip("?") if isinstance(path, str) else path


def _given(forms: tuple[StepForm, ...]) -> dict[str, ty.Type]:
    """The parameters of steps whose values the event gives."""
    return {
        param.name: param.type
        for form in forms
        for param in form.action.params
        if param.name in form.bindings and form.bindings[param.name].whole is not None
    }


def _sent(forms: tuple[StepForm, ...], posts: tuple[Post, ...], known: Vocabulary) -> ty.Type | None:
    """The type of the message that a way sends, if there is just one."""
    pools = dict.fromkeys(pool for form in forms for pool in sends(form.action, known.spec))
    pools |= dict.fromkeys(post.pool for post in posts)
    if len(pools) != 1:
        return None
    (pool,) = pools
    return next((message.type for message in known.spec.messages if message.var == pool), None)
