"""Parse tree -> syntax tree: one entry of `RULES` for each rule of the grammar."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable
from typing import Any

from lark import Transformer
from lark.lexer import Token
from lark.tree import Meta

from pyspec.base.diagnostics import error
from pyspec.base.source import NOWHERE, Span
from pyspec.lang import syntax as s

Items = list[Any]
Rule = Callable[[Span, Items], Any]


def token_span(token: Token, file: str) -> Span:
    """The place of a token."""
    return Span(file, token.line or 0, token.column or 0, token.end_line or 0, token.end_column or 0)


def unquote(token: s.Name | None) -> str | None:
    """The text of a string token, without quotes, dedented."""
    if token is None:
        return None
    text = token.name
    text = text[3:-3] if text.startswith('"""') else text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    first, _, rest = text.partition("\n")
    return (first.strip() + ("\n" + textwrap.dedent(rest) if rest else "")).strip()


def _present(items: Items) -> tuple[Any, ...]:
    return tuple(i for i in items if i is not None)


def _binary(op: str) -> Rule:
    return lambda sp, c: s.Binary(op, c[0], c[1], span=sp)


def _logic(op: str) -> Rule:
    return lambda sp, c: s.Logic(op, tuple(c), span=sp)


def _quantifier(kind: str) -> Rule:
    return lambda sp, c: s.Quantifier(kind, c[0], c[1], c[2], span=sp)


def _literal(value: bool | None) -> Rule:
    return lambda sp, c: s.Literal(value, span=sp)


def _slash(sp: Span, c: Items) -> s.Expr:
    raise error("E0112", "there is no division `/`; integers divide with `//`, rounding down", sp, "write //")


def _compare(sp: Span, c: Items) -> s.Expr:
    return s.Compare(tuple(c[0::2]), tuple(c[1::2]), span=sp)


def _index(sp: Span, c: Items) -> s.Expr:
    item, keys = c
    return s.Slice(item, keys.start, keys.stop, span=sp) if isinstance(keys, slice) else s.Index(item, keys, span=sp)


def _call(sp: Span, c: Items) -> s.Expr:
    args = c[1] or ()
    plain = tuple(a for a in args if not isinstance(a, s.NamedArg))
    return s.CallExpr(c[0], plain, tuple(a for a in args if isinstance(a, s.NamedArg)), span=sp)


def _filter(kind: str) -> Rule:
    def rule(sp: Span, c: Items) -> s.Expr:
        head = c[0]
        if not (isinstance(head, s.Compare) and head.ops == ("in",) and isinstance(head.items[0], s.Name)):
            raise error("E0113", "before `where` stands `x in S`", head.span, "write {x in S where P}")
        name = head.items[0]
        binder = s.Binder((name,), head.items[1], span=head.span)
        return s.Comprehension(kind, name, (binder,), c[1], span=sp)

    return rule


EXPRESSIONS: dict[str, Rule] = {
    "implies": _binary("implies"),
    "bin_or": _binary("|"),
    "bin_and": _binary("&"),
    "range_": _binary(".."),
    "add": _binary("+"),
    "sub": _binary("-"),
    "mul": _binary("*"),
    "div": _binary("//"),
    "mod": _binary("%"),
    "slash": _slash,
    "and_": _logic("and"),
    "or_": _logic("or"),
    "all_": _quantifier("all"),
    "exists_": _quantifier("exists"),
    "ternary": lambda sp, c: s.Ternary(c[1], c[0], c[2], span=sp),
    "not_": lambda sp, c: s.Unary("not", c[0], span=sp),
    "neg": lambda sp, c: s.Unary("-", c[0], span=sp),
    "choose_": lambda sp, c: s.ChooseExpr(c[0], c[1], span=sp),
    "fold_": lambda sp, c: s.FoldExpr(c[0], c[1], c[2], c[3], span=sp),
    "let_": lambda sp, c: s.LetIn(c[0], c[1], c[2], span=sp),
    "comp_op": lambda sp, c: " ".join(t.name for t in c),
    "compare": _compare,
    "attr": lambda sp, c: s.Attr(c[0], c[1].name, span=sp),
    "index": _index,
    "index_one": lambda sp, c: (c[0],),
    "index_many": lambda sp, c: tuple(c),
    "slice_both": lambda sp, c: slice(c[0], c[1]),
    "slice_from": lambda sp, c: slice(c[0], None),
    "slice_to": lambda sp, c: slice(None, c[0]),
    "args": lambda sp, c: _present(c),
    "argname": lambda sp, c: c[0],
    "named_arg": lambda sp, c: s.NamedArg(c[0].name, c[1], span=sp),
    "gen_arg": lambda sp, c: s.Comprehension("gen", c[0], c[1], c[2], span=sp),
    "where_arg": _filter("gen"),
    "call": _call,
    "prime": lambda sp, c: s.PrimeExpr(c[0], span=sp),
    "option_type": lambda sp, c: s.OptionType(c[0], span=sp),
    "unwrap": lambda sp, c: s.Unwrap(c[0], span=sp),
    "name": lambda sp, c: c[0],
    "int": lambda sp, c: s.Literal(int(c[0].name.replace("_", "")), span=sp),
    "true": _literal(True),
    "false": _literal(False),
    "none": _literal(None),
    "paren": lambda sp, c: c[0],
    "tuple": lambda sp, c: s.TupleDisplay(_present(c), span=sp),
    "seq": lambda sp, c: s.SeqDisplay(_present(c), span=sp),
    "empty_seq": lambda sp, c: s.SeqDisplay((), span=sp),
    "seq_comp": lambda sp, c: s.Comprehension("seq", c[0], (c[1],), c[2], span=sp),
    "empty_set": lambda sp, c: s.SetDisplay((), span=sp),
    "set": lambda sp, c: s.SetDisplay(_present(c), span=sp),
    "set_comp": lambda sp, c: s.Comprehension("set", c[0], c[1], c[2], span=sp),
    "set_filter": _filter("set"),
    "map": lambda sp, c: s.MapDisplay(_present(c), span=sp),
    "pair": lambda sp, c: (c[0], c[1]),
    "map_comp": lambda sp, c: s.Comprehension("map", c[1], c[2], None, c[0], span=sp),
    "binders": lambda sp, c: tuple(c),
    "binder": lambda sp, c: s.Binder(tuple(c[:-1]), c[-1], span=sp),
    "name_target": lambda sp, c: c[0],
    "tuple_target": lambda sp, c: tuple(c),
    "type": lambda sp, c: c[0],
}


def _assign(op: str) -> Rule:
    return lambda sp, c: s.AssignStmt(c[0], op, c[1], span=sp)


def _if(sp: Span, c: Items) -> s.Stmt:
    return s.IfStmt(tuple(zip(c[0:-1:2], c[1:-1:2], strict=True)), c[-1] or (), span=sp)


def _match(sp: Span, c: Items) -> s.Stmt:
    return s.MatchStmt(c[0], tuple(c[1:]), span=sp)


def _fexpr(sp: Span, c: Items) -> s.Suite:
    doc = (s.Doc(unquote(c[0]) or "", span=c[0].span),) if c[0] is not None else ()
    return (*doc, s.ReturnStmt(c[1], span=c[1].span))


def _pattern_literal(value: bool | None) -> Rule:
    return lambda sp, c: s.Pattern(literal=s.Literal(value, span=sp), span=sp)


STATEMENTS: dict[str, Rule] = {
    "suite": lambda sp, c: tuple(c),
    "doc": lambda sp, c: s.Doc(unquote(c[0]) or "", span=sp),
    "when_stmt": lambda sp, c: s.WhenStmt(c[0], span=sp),
    "let_stmt": lambda sp, c: s.LetStmt(c[0], c[1], span=sp),
    "assign": _assign("="),
    "assign_add": _assign("+="),
    "assign_sub": _assign("-="),
    "assign_or": _assign("|="),
    "assign_and": _assign("&="),
    "call_stmt": lambda sp, c: s.CallStmt(c[0], span=sp),
    "any_stmt": lambda sp, c: s.AnyStmt(c[0], c[1], span=sp),
    "send_stmt": lambda sp, c: s.SendStmt(c[0], c[1], c[2], span=sp),
    "reply_stmt": lambda sp, c: s.SendStmt(c[0], reply=True, span=sp),
    "disconnect_stmt": lambda sp, c: s.DisconnectStmt(c[0], span=sp),
    "assert_stmt": lambda sp, c: s.AssertStmt(c[0], unquote(c[1]), span=sp),
    "pass_stmt": lambda sp, c: s.PassStmt(span=sp),
    "if_stmt": _if,
    "either_stmt": lambda sp, c: s.EitherStmt(tuple(c), span=sp),
    "for_stmt": lambda sp, c: s.ForStmt(c[0], c[1], span=sp),
    "match_stmt": _match,
    "case_stmt": lambda sp, c: (c[0], c[1]),
    "return_stmt": lambda sp, c: s.ReturnStmt(c[0], span=sp),
    "fexpr": _fexpr,
    "fblock": lambda sp, c: tuple(c),
    "fif": _if,
    "fmatch": _match,
    "fcase": lambda sp, c: (c[0], c[1]),
    "pats": lambda sp, c: tuple(c),
    "unless": lambda sp, c: tuple(c),
    "handler_args": lambda sp, c: tuple(c[0] or ()),
    "named_pat": lambda sp, c: s.NamedPattern(c[0].name, c[1], span=sp),
    "name_pat": lambda sp, c: s.Pattern(name=c[0].name, span=sp),
    "case_pat": lambda sp, c: s.Pattern(case=c[0].name, items=tuple(c[1] or ()), span=sp),
    "int_pat": lambda sp, c: s.Pattern(literal=s.Literal(int(c[0].name), span=sp), span=sp),
    "true_pat": _pattern_literal(True),
    "false_pat": _pattern_literal(False),
    "none_pat": _pattern_literal(None),
}


def _var(storage: str) -> Rule:
    def rule(sp: Span, c: Items) -> s.Decl:
        names, (type_, initial, doc) = c[:-3], c[-3:]
        init, choices = initial or (None, None)
        return s.VarDecl(tuple(names), type_, init, choices, storage, unquote(doc), span=sp)

    return rule


def _stable(sp: Span, c: Items) -> s.Decl:
    *rest, unless, doc = c
    found: s.VarDecl = _var("stable")(sp, [*rest, doc])
    return dataclasses.replace(found, unless=unless or ())


def _role(byzantine: bool) -> Rule:
    def rule(sp: Span, c: Items) -> s.Decl:
        name, sort, self_name, *items = c
        doc = items.pop(0).text if isinstance(items[0], s.Doc) else None
        alias = self_name.name if self_name else "self"
        return s.RoleDecl(name.name, sort, alias, byzantine, tuple(items), doc, span=sp)

    return rule


def _property(sp: Span, c: Items) -> s.Decl:
    return s.PropertyDecl(c[0], c[1].name, (), c[2], span=sp)


def _law(kind: str) -> Rule:
    return lambda sp, c: s.PropertyDecl(kind, c[0].name, c[1] or (), c[2], span=sp)


def _sort(ordered: bool) -> Rule:
    return lambda sp, c: s.SortDecl(tuple(c[:-1]), ordered, unquote(c[-1]), span=sp)


def _case(sp: Span, c: Items) -> s.RecordDecl:
    return s.RecordDecl(c[0].name, c[1] or (), None, span=sp)


def _quorum(sp: Span, c: Items) -> s.Decl:
    kind, system = c[2] or (None, None)
    return s.QuorumDecl(c[0].name, c[1], kind, system, unquote(c[3]), span=sp)


def _handler(sp: Span, c: Items) -> s.Decl:
    fair, name, patterns, sender, to, alias, body = c
    return s.HandlerDecl(name, patterns, sender, to, alias.name if alias else None, None, fair, body, span=sp)


def _message(sp: Span, c: Items) -> s.Decl:
    return s.MessageDecl(c[0].name, c[1] or (), c[2], c[3], c[4], unquote(c[5]), span=sp)


def _liveness(sp: Span, c: Items) -> s.Decl:
    name, params, doc, (shape, body, second) = c
    return s.LivenessDecl(name.name, params or (), shape, body, second, unquote(doc), span=sp)


def _setting(kind: str) -> Rule:
    return lambda sp, c: s.SettingDecl(kind, c[0], c[1], span=sp)


def _expect_count(sp: Span, c: Items) -> Items:
    pairs = zip(c[0::2], c[1::2], strict=True)
    return [s.SettingDecl("count", words=(w.name,), number=int(n.name.replace("_", "")), span=sp) for n, w in pairs]


def _settings(sp: Span, c: Items) -> tuple[s.SettingDecl, ...]:
    return tuple(x for item in c for x in (item if isinstance(item, list) else [item]))


def _flaw(sp: Span, c: Items) -> s.Decl:
    name, *violates = (i for i in c[:-3])
    return s.FlawDecl(name.name, tuple(violates), c[-3], c[-2] or (), unquote(c[-1]), span=sp)


def _model(sp: Span, c: Items) -> s.Decl:
    name, base, *lines = c
    settings: tuple[s.SettingDecl, ...] = ()
    doc = None
    for line in lines:
        if isinstance(line, tuple):
            settings += line
        elif isinstance(line, s.Doc):
            doc = line.text
        elif line is not None:
            doc = unquote(line)
    return s.ModelDecl(name.name, base, settings, doc, span=sp)


def _enum(sp: Span, c: Items) -> s.EnumDecl:
    members = tuple(name for line, _ in c[1:] for name in line)
    return s.EnumDecl(c[0].name, members, next((doc for _, doc in c[1:] if doc), None), span=sp)


def _temporal(shape: str) -> Rule:
    return lambda sp, c: (shape, c[0], c[1] if len(c) > 1 else None)


DECLARATIONS: dict[str, Rule] = {
    "decl": lambda sp, c: c[0],
    "protocol": lambda sp, c: s.Header("protocol", c[0].name, (), unquote(c[1]), span=sp),
    "module": lambda sp, c: s.Header("module", c[0].name, c[1] or (), unquote(c[2]), span=sp),
    "mparams": lambda sp, c: tuple(c),
    "mparam": lambda sp, c: s.ModuleParam(c[0].name, c[1], span=sp),
    "docstring": lambda sp, c: s.DocDecl(unquote(c[0]) or "", span=sp),
    "import_": lambda sp, c: s.Import(tuple(c[0].split(".")), c[1] or (), c[2].name if c[2] else None, span=sp),
    "dotted": lambda sp, c: ".".join(n.name for n in c),
    "sort": _sort(False),
    "ordered_sort": _sort(True),
    "enum": _enum,
    "members": lambda sp, c: (tuple(c[:-1]), unquote(c[-1])),
    "record": lambda sp, c: s.RecordDecl(c[0].name, c[1], unquote(c[2]), span=sp),
    "fields": lambda sp, c: tuple(c),
    "field": lambda sp, c: s.FieldDecl(c[0].name, c[1], span=sp),
    "union": lambda sp, c: s.UnionDecl(c[0].name, tuple(c[1:-1]), unquote(c[-1]), span=sp),
    "union_block": lambda sp, c: s.UnionDecl(c[0].name, tuple(c[1:]), None, span=sp),
    "case_": _case,
    "alias": lambda sp, c: s.AliasDecl(c[0].name, c[1], unquote(c[2]), span=sp),
    "const": lambda sp, c: s.ConstDeclaration(c[0].name, c[1], c[2], unquote(c[3]), span=sp),
    "quorum": _quorum,
    "quorum_kind": lambda sp, c: (c[0].name, None),
    "quorum_sets": lambda sp, c: (None, c[0]),
    "message": _message,
    "network": lambda sp, c: s.NetworkDecl(c[0], span=sp),
    "netkind": lambda sp, c: tuple(c),
    "var": _var("var"),
    "ghost_var": _var("ghost"),
    "stable_field": _stable,
    "volatile_field": _var("volatile"),
    "ghost_field": _var("ghost"),
    "init_value": lambda sp, c: (c[0], None),
    "init_choice": lambda sp, c: (None, c[0]),
    "init_where": lambda sp, c: s.InitDecl(c[0], span=sp),
    "def_": lambda sp, c: s.DefDecl(c[0].name, c[1] or (), c[2], c[3], span=sp),
    "role": _role(False),
    "byzantine_role": _role(True),
    "restart_item": lambda sp, c: s.RestartItem(c[0], span=sp),
    "action": lambda sp, c: s.ActionDecl(c[1].name, c[2] or (), c[0], c[3], span=sp),
    "weak": lambda sp, c: "weak",
    "strong": lambda sp, c: "strong",
    "handler": _handler,
    "procedure": lambda sp, c: s.ProcedureDecl(c[0].name, c[1] or (), c[2], span=sp),
    "params": lambda sp, c: tuple(c),
    "param": lambda sp, c: s.ParamDecl((c[0],), c[1] if len(c) > 1 else None, span=sp),
    "param_in": lambda sp, c: s.ParamDecl((c[0],), None, c[1], c[2], span=sp),
    "property": _property,
    "prop_kind": lambda sp, c: c[0].name,
    "liveness": _liveness,
    "eventually": _temporal("eventually"),
    "always_eventually": _temporal("always_eventually"),
    "eventually_always": _temporal("eventually_always"),
    "leads_to": _temporal("leads_to"),
    "deadlock": lambda sp, c: s.DeadlockDecl(span=sp),
    "law": _law("law"),
    "hint": _law("hint"),
    "flaw": _flaw,
    "model": _model,
    "model_line": lambda sp, c: c[0],
    "settings": _settings,
    "set_value": _setting("="),
    "set_budget": _setting("<="),
    "set_range": _setting("in"),
    "set_limit": lambda sp, c: s.SettingDecl("limit", value=c[0], span=sp),
    "set_view": lambda sp, c: s.SettingDecl("view", value=c[0], span=sp),
    "set_capacity": _setting("capacity"),
    "set_symmetry": lambda sp, c: s.SettingDecl("symmetry", words=(c[0].name,), span=sp),
    "expect_count": _expect_count,
    "expect_violated": lambda sp, c: s.SettingDecl("violated", words=(c[0].name, c[1].name), span=sp),
    "refines": lambda sp, c: s.RefinesDecl(c[0], c[1] or (), span=sp),
    "mapping": lambda sp, c: tuple(c),
    "map_item": lambda sp, c: s.NamedArg(c[0], c[1], span=sp),
}

RULES: dict[str, Rule] = {**EXPRESSIONS, **STATEMENTS, **DECLARATIONS}


class Builder(Transformer[Token, Any]):
    """Applies `RULES` bottom-up."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self._file = file

    def __default__(self, data: Any, children: Items, meta: Meta) -> Any:
        span = NOWHERE
        if not meta.empty:
            span = Span(self._file, meta.line, meta.column, meta.end_line, meta.end_column)
        return RULES[str(data)](span, children)

    def __default_token__(self, token: Token) -> s.Name:
        return s.Name(str(token), span=token_span(token, self._file))
