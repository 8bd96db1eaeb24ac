"""Collecting the facts of a program: one walk over each function, in order."""

import ast
from collections.abc import Iterator

from llmpo.gallery.facts import Context, Facts, Kind, Loop, Site, Write, called_name
from llmpo.gallery.program import Function, FunctionNode, Program
from llmpo.gallery.vocabulary import CHANGING


def gather(program: Program) -> Facts:
    """Returns the facts of a program."""
    facts = Facts(program)
    for function in program.functions.values():
        names = set(function.parameters)
        for node in _own_nodes(function.node):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
        facts.locals[function.name] = names
    for function in program.functions.values():
        _Collector(facts, function).body(function.node.body, Context())
    return facts


def _own_nodes(root: FunctionNode) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = list(root.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, FunctionNode | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))


class _Collector:
    """Walks one function in the order in which it runs."""

    def __init__(self, facts: Facts, function: Function) -> None:
        self._facts = facts
        self._function = function

    def body(self, statements: list[ast.stmt], at: Context) -> None:
        for statement in statements:
            self._statement(statement, at)

    def _statement(self, node: ast.stmt, at: Context) -> None:
        if isinstance(node, ast.Assign):
            self._expression(node.value, at)
            for target in node.targets:
                self._assign(target, node.value, node, at)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self._expression(node.value, at)
                self._assign(node.target, node.value, node, at)
        elif isinstance(node, ast.AugAssign):
            self._expression(node.value, at)
            self._store(node.target, node.value, node, at, "augment")
        elif isinstance(node, ast.Return):
            if node.value is not None:
                self._expression(node.value, at)
                site = Site(self._function.name, node.value, at)
                self._facts.returns.append(site)
        elif isinstance(node, ast.If):
            self._branch(node, at)
        elif isinstance(node, ast.For | ast.AsyncFor | ast.While):
            self._loop(node, at)
        elif isinstance(node, ast.Match):
            self._expression(node.subject, at)
            self._note_branch(node, node.subject, at)
            for case in node.cases:
                self.body(case.body, _under(at, node.subject))
        elif isinstance(node, ast.Try | ast.TryStar):
            self.body(node.body, at)
            for handler in node.handlers:
                self.body(handler.body, Context(at.guards, at.loops, True))
            self.body(node.orelse, at)
            self.body(node.finalbody, at)
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                self._expression(item.context_expr, at)
                if item.optional_vars is not None:
                    self._assign(item.optional_vars, item.context_expr, node, at)
            self.body(node.body, at)
        elif isinstance(node, ast.Expr):
            self._expression(node.value, at)
        elif isinstance(node, ast.Assert):
            self._expression(node.test, at)

    def _branch(self, node: ast.If, at: Context) -> None:
        self._expression(node.test, at)
        self._note_branch(node, node.test, at)
        inside = _under(at, node.test)
        self.body(node.body, inside)
        self.body(node.orelse, inside)

    def _loop(self, node: Loop, at: Context) -> None:
        self._facts.loops.append((node, self._function.name))
        head = node.test if isinstance(node, ast.While) else node.iter
        self._expression(head, at)
        inside = Context((*at.guards, head), (*at.loops, node), at.handled)
        if not isinstance(node, ast.While):
            self._assign(node.target, node.iter, node, at)
        self.body(node.body, inside)
        self.body(node.orelse, at)

    def _note_branch(
        self, node: ast.If | ast.IfExp | ast.Match, test: ast.expr, at: Context
    ) -> None:
        self._facts.branches.append((node, Site(self._function.name, test, at)))

    def _assign(
        self, target: ast.expr, value: ast.expr, node: ast.AST, at: Context
    ) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            values: list[ast.expr] = [value] * len(target.elts)
            starred = any(isinstance(part, ast.Starred) for part in target.elts)
            if (
                isinstance(value, ast.Tuple | ast.List)
                and len(value.elts) == len(target.elts)
                and not starred
            ):
                values = value.elts
            for part, own in zip(target.elts, values, strict=True):
                self._assign(part, own, node, at)
        elif isinstance(target, ast.Starred):
            self._assign(target.value, value, node, at)
        else:
            self._store(target, value, node, at, "assign")

    def _store(
        self,
        target: ast.expr,
        value: ast.expr,
        node: ast.AST,
        at: Context,
        kind: Kind,
    ) -> None:
        keys: list[ast.expr] = []
        while True:
            place = self._facts.place_of(target, self._function)
            if place is not None:
                break
            if isinstance(target, ast.Subscript):
                keys.append(target.slice)
                self._expression(target.slice, at)
            elif not isinstance(target, ast.Attribute):
                return
            target, kind = target.value, "item" if kind != "change" else kind
        name = self._function.name
        write = Write(name, place, kind, value, tuple(keys), node, at)
        self._facts.writes.append(write)

    def _expression(self, root: ast.expr, at: Context) -> None:
        for node in ast.walk(root):
            if isinstance(node, ast.Call):
                self._facts.calls.append(Site(self._function.name, node, at))
                self._change(node, at)
            elif isinstance(node, ast.IfExp):
                self._note_branch(node, node.test, at)
            elif isinstance(node, ast.NamedExpr):
                self._assign(node.target, node.value, node, at)
            elif isinstance(node, ast.comprehension):
                self._assign(node.target, node.iter, node.iter, at)

    def _change(self, call: ast.Call, at: Context) -> None:
        called = call.func
        arguments = list(call.args)
        if called_name(call) == "heappush" and len(arguments) == 2:
            self._store(arguments[0], arguments[1], call, at, "change")
        elif isinstance(called, ast.Attribute) and called.attr in CHANGING:
            for argument in arguments or [called.value]:
                self._store(called.value, argument, call, at, "change")
        for keyword in call.keywords:
            if keyword.arg == "out":
                self._store(keyword.value, call, call, at, "assign")


def _under(at: Context, test: ast.expr) -> Context:
    return Context((*at.guards, test), at.loops, at.handled)
