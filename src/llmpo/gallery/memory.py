"""Which attributes of a policy carry something from one step to the next.

One step is followed through `act` and everything it calls, in order. An attribute that
is read before it is certainly written carries the past; a clock is one that moves on by
itself at every step.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from llmpo.gallery.facts import Facts, Place, is_self
from llmpo.gallery.program import Function, FunctionNode

_READ, _WRITE, _MAYBE = "read", "write", "maybe"


@dataclass(frozen=True)
class Memory:
    """Attributes by what they hold between steps.

    Attributes:
        carried: Read in a step before that step has certainly written them.
        clocks: Counters and phases that move on at every step.
        every_step: Functions that every step runs.
    """

    carried: frozenset[Place]
    clocks: frozenset[Place]
    every_step: frozenset[str]


def find_memory(facts: Facts) -> Memory:
    """Returns what a policy keeps between steps."""
    first: dict[Place, str] = {}
    every_step: set[str] = set()
    act = facts.program.functions.get("act")
    if act is not None:
        walk = _Walk(facts, every_step)
        for kind, place in walk.function(act, certain=True):
            if kind != _MAYBE:
                first.setdefault(place, kind)
    acting = facts.reachable("act")
    written = {write.place for write in facts.writes if write.function in acting}
    carried = frozenset(p for p in written if first.get(p) == _READ)
    clocks = frozenset(p for p in carried if _is_clock(facts, p, every_step))
    return Memory(carried, clocks, frozenset(every_step))


def _is_clock(facts: Facts, place: Place, every_step: set[str]) -> bool:
    """Tells whether each step adds to an attribute, whatever is observed."""
    for write in facts.by_place.get(place, ()):
        if write.function not in every_step:
            continue
        if write.context.guards or write.context.handled:
            continue
        if write.kind == "augment":
            assert isinstance(write.node, ast.AugAssign)
            if isinstance(write.node.op, ast.Add) and _is_step(write.value):
                return True
        if write.kind == "assign" and _adds_to(write.value, place, facts, write):
            return True
    return False


def _is_step(value: ast.expr) -> bool:
    """Tells whether an increment is a rate: constants, own attributes, parameters."""
    return not any(
        isinstance(node, ast.Call) and not _is_cast(node) for node in ast.walk(value)
    )


def _is_cast(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in ("float", "int")


def _adds_to(value: ast.expr, place: Place, facts: Facts, write: object) -> bool:
    """Tells whether a value is the attribute itself plus a rate, perhaps wrapped."""
    while True:
        if isinstance(value, ast.Call) and _is_cast(value) and value.args:
            value = value.args[0]
        elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mod):
            value = value.left
        else:
            break
    if not (isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add)):
        return False
    sides = (value.left, value.right)
    own = [isinstance(s, ast.Attribute) and s.attr == place[1] for s in sides]
    other = sides[1] if own[0] else sides[0]
    return any(own) and _is_step(other)


class _Walk:
    """Yields reads and writes of attributes in the order of one step."""

    def __init__(self, facts: Facts, every_step: set[str]) -> None:
        self._facts = facts
        self._every_step = every_step
        self._seen: set[tuple[str, bool]] = set()

    def function(
        self, function: Function, certain: bool
    ) -> Iterator[tuple[str, Place]]:
        if (function.name, certain) in self._seen:
            return
        self._seen.add((function.name, certain))
        if certain:
            self._every_step.add(function.name)
        yield from self._body(function.node.body, function, certain)

    def _body(
        self, body: list[ast.stmt], at: Function, certain: bool
    ) -> Iterator[tuple[str, Place]]:
        for node in body:
            yield from self._statement(node, at, certain)
            if _leaves(node):
                certain = False

    def _statement(
        self, node: ast.stmt, at: Function, certain: bool
    ) -> Iterator[tuple[str, Place]]:
        if isinstance(node, ast.If):
            # Asking whether something has been set yet is no use of its value.
            if not asks_if_set(node.test):
                yield from self._reads(node.test, at, certain)
            yield from self._body(node.body, at, False)
            yield from self._body(node.orelse, at, False)
        elif isinstance(node, ast.For | ast.AsyncFor | ast.While):
            head = node.test if isinstance(node, ast.While) else node.iter
            yield from self._reads(head, at, certain)
            yield from self._body(node.body, at, False)
            yield from self._body(node.orelse, at, False)
        elif isinstance(node, ast.With | ast.AsyncWith):
            yield from self._body(node.body, at, certain)
        elif isinstance(node, ast.Try | ast.TryStar):
            yield from self._body(node.body, at, certain)
            for handler in node.handlers:
                yield from self._body(handler.body, at, False)
            yield from self._body(node.finalbody, at, certain)
        elif isinstance(node, ast.Match):
            yield from self._reads(node.subject, at, certain)
            for case in node.cases:
                yield from self._body(case.body, at, False)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            if node.value is not None:
                yield from self._reads(node.value, at, certain)
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(node, ast.AugAssign):
                    yield from self._reads(target, at, certain)
                yield from self._stores(target, at, certain)
        elif not isinstance(node, FunctionNode | ast.ClassDef):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    yield from self._reads(child, at, certain)

    def _stores(
        self, target: ast.expr, at: Function, certain: bool
    ) -> Iterator[tuple[str, Place]]:
        if isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                yield from self._stores(part, at, certain)
        elif isinstance(target, ast.Subscript):
            yield from self._reads(target, at, certain)
        elif isinstance(target, ast.Attribute) and is_self(target.value, at):
            place = self._facts.place_of(target, at)
            assert place is not None
            yield (_WRITE if certain else _MAYBE), place

    def _reads(
        self, node: ast.expr, at: Function, certain: bool
    ) -> Iterator[tuple[str, Place]]:
        calls = []
        for child in ast.walk(node):
            if isinstance(child, ast.Attribute) and is_self(child.value, at):
                place = self._facts.place_of(child, at)
                if place is not None and place[1] not in self._facts.program.by_method:
                    yield _READ, place
            elif isinstance(child, ast.Call):
                calls.append(child)
        for call in reversed(calls):  # inner calls run first
            for name in self._facts.callees(call, at):
                function = self._facts.program.functions[name]
                yield from self.function(function, certain)


def asks_if_set(test: ast.expr) -> bool:
    """Tells whether a condition only asks whether something has been set yet."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return isinstance(test.operand, ast.Attribute)
    return (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.ops[0], ast.Is | ast.IsNot)
    )


def _leaves(node: ast.stmt) -> bool:
    """Tells whether a step may end in or before a statement."""
    return isinstance(node, ast.If) and any(
        isinstance(inner, ast.Return) for inner in ast.walk(node)
    )
