"""The label `state machine`: modes that outlive a step and decide what is done.

Three rules. `named modes`: an attribute is set to one of several constants depending
on what has been observed, and compared with constants. `flag`: a true-or-false
attribute is set depending on what has been observed, and chooses between ways to
compute the action. `timer`: an attribute is set to a number when something is observed,
counts down, and chooses in the same way while it lasts. What only remembers that
something has been set up, or that an exception was raised, is no mode.
"""

import ast
from collections.abc import Iterator
from functools import cached_property

from llmpo.gallery.facts import RETURN, Facts, Place, Site, Write
from llmpo.gallery.flow import SEEN, Flow
from llmpo.gallery.label import Label, make_label
from llmpo.gallery.slicing import Slice

_RULES = ("named modes", "flag", "timer")

Branch = ast.If | ast.IfExp | ast.Match


def find_phases(flow: Flow, slices: Slice) -> Label | None:
    """Returns the label `state machine`, or None."""
    rules: dict[str, list[tuple[ast.AST | int, str]]] = {}
    for place in sorted(flow.memory.carried - flow.memory.clocks):
        modes = _Modes(flow, slices, place)
        for rule, lines in modes.evidence():
            rules.setdefault(rule, []).extend(lines)
    found = [name for name in _RULES if name in rules]
    if not found:
        return None
    lines = [line for name in found for line in rules[name]]
    return make_label(flow.program, "state machine", " and ".join(found), lines)


class _Modes:
    """Reads and writes of one attribute as a mode."""

    def __init__(self, flow: Flow, slices: Slice, place: Place) -> None:
        self._flow = flow
        self._facts: Facts = flow.facts
        self._slices = slices
        self._place = place
        self._writes = [
            write
            for write in flow.facts.by_place.get(place, ())
            if write.function in flow.acting and not write.context.handled
        ]

    def evidence(self) -> Iterator[tuple[str, list[tuple[ast.AST | int, str]]]]:
        """Yields the rules that hold, each with its lines."""
        switched = [w for w in self._writes if self._is_switch(w)]
        triggered = [w for w in switched if self._is_triggered(w)]
        tests = list(self._tests()) if triggered else []
        if not tests:
            return
        name = self._place[1]
        sets = [(w.node, f"sets `{name}`") for w in triggered[:3]]
        set_to = [w.value for w in switched if w.kind == "assign"]
        constants = {_token(value) for value in set_to} | self._initial()
        constants.discard(None)
        is_flag = constants <= {"True", "False"}
        compared = [s for s in tests if self._compares(s[1])]
        # A counter is a mode only where several of its values are told apart.
        steps = any(w.kind == "augment" for w in switched)
        steps &= len(self._compared_with(compared)) > 1
        counts = any(w.kind == "augment" for w in switched)
        is_named = steps if counts else len(constants) > 1
        if not is_flag and compared and is_named:
            asks = [(s, f"asks for `{name}`") for _, s in _shown(compared)]
            yield "named modes", [*sets[:2], *asks]
            return
        chosen = [s for s in tests if self._chooses(*s)]
        if not chosen:
            return
        asks = [(s, f"depends on `{name}`") for _, s in _shown(chosen)]
        if is_flag:
            yield "flag", [*sets[:2], *asks]
        elif self._counts_down():
            yield "timer", [*sets[:2], *asks]

    def _is_switch(self, write: Write) -> bool:
        if write.kind == "assign":
            return _token(write.value) is not None
        return write.kind == "augment" and isinstance(write.value, ast.Constant)

    def _is_triggered(self, write: Write) -> bool:
        """Tells whether it depends on observations that the attribute is set."""
        guards = [g for g in write.context.guards if not self._only_asks(g, write)]
        found = self._flow.condition(tuple(guards), write.function)
        if found & SEEN:
            return True
        for site in self._facts.calls:
            assert isinstance(site.node, ast.Call)
            caller = self._flow.program.functions[site.function]
            if site.function not in self._flow.acting or site.context.handled:
                continue
            if write.function in self._facts.callees(site.node, caller):
                kept = [g for g in site.context.guards if not self._only_asks(g, site)]
                if self._flow.condition(tuple(kept), site.function) & SEEN:
                    return True
        return False

    def _only_asks(self, guard: ast.expr, at: Write | Site) -> bool:
        """Tells whether a condition asks for nothing but what has been set yet."""
        function = self._flow.program.functions[at.function]
        asked = {
            self._facts.place_of(n, function)
            for n in ast.walk(guard)
            if isinstance(n, ast.expr)
        }
        is_none_test = isinstance(guard, ast.Compare) and isinstance(
            guard.ops[0], ast.Is | ast.IsNot
        )
        return is_none_test or asked <= {self._place, None}

    def _tests(self) -> Iterator[tuple[Branch, Site]]:
        for branch, site in self._facts.branches:
            if site.function not in self._flow.acting or site.context.handled:
                continue
            if self._mentions(site.node, site.function):
                yield branch, site

    def _mentions(self, node: ast.expr, function: str) -> bool:
        return any(
            isinstance(child, ast.expr) and self._is_mode(child, function)
            for child in ast.walk(node)
        )

    def _is_mode(self, node: ast.expr, function: str) -> bool:
        """Tells whether an expression is the attribute, or a copy of it."""
        at = self._flow.program.functions[function]
        place = self._facts.place_of(node, at)
        return place == self._place or place in self._aliases

    @cached_property
    def _aliases(self) -> set[Place]:
        """Local variables that just repeat the attribute."""
        found = set()
        for place, writes in self._facts.by_place.items():
            at = self._flow.program.functions[writes[0].function]
            is_copy = len(writes) == 1 and writes[0].kind == "assign"
            if place[0].startswith("self:") or not is_copy:
                continue
            if self._facts.place_of(writes[0].value, at) == self._place:
                found.add(place)
        return found

    def _compares(self, site: Site) -> bool:
        for node in ast.walk(site.node):
            if isinstance(node, ast.Compare) and self._mentions(node, site.function):
                sides = (node.left, *node.comparators)
                is_equality = isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In)
                if not any(self._is_mode(side, site.function) for side in sides):
                    continue
                if is_equality and any(_is_constant(side) for side in sides):
                    return True
        for branch, other in self._facts.branches:
            if other is site and isinstance(branch, ast.Match):
                return True
        return False

    def _compared_with(self, tests: list[tuple[Branch, Site]]) -> set[str]:
        found = set()
        for _, site in tests:
            for node in ast.walk(site.node):
                if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq):
                    sides = (node.left, *node.comparators)
                    if any(self._is_mode(side, site.function) for side in sides):
                        found |= {t for side in sides if (t := _token(side))}
        return found

    def _chooses(self, branch: Branch, site: Site) -> bool:
        """Tells whether a branch computes the action in one way or another."""
        if not self._slices.makes_action(site.function):
            return False
        if isinstance(branch, ast.IfExp):
            return True
        for write in self._facts.writes:
            if site.node in write.context.guards and write.function == site.function:
                place = write.place
                if place in self._slices.control and not place[0].startswith("self:"):
                    return True
        return any(
            site.node in other.context.guards and not _is_none(other.node)
            for other in self._facts.returns
            if (other.function, RETURN) in self._slices.control
        )

    def _counts_down(self) -> bool:
        for write in self._writes:
            if write.kind == "augment":
                assert isinstance(write.node, ast.AugAssign)
                if isinstance(write.node.op, ast.Sub):
                    return True
            at = self._flow.program.functions[write.function]
            for node in ast.walk(write.value):
                if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Sub):
                    continue
                if self._facts.place_of(node.left, at) == self._place:
                    return True
        return False

    def _initial(self) -> set[str | None]:
        return {
            _token(write.value)
            for write in self._facts.by_place[self._place]
            if write.function not in self._flow.acting
        }


def _shown(tests: list[tuple[Branch, Site]]) -> list[tuple[Branch, ast.expr]]:
    return [(branch, site.node) for branch, site in tests[:2]]


def _token(node: ast.expr) -> str | None:
    """Returns how a constant is written: a literal or an UPPER_CASE name."""
    if isinstance(node, ast.Constant):
        return None if node.value is None or node.value is ... else repr(node.value)
    if isinstance(node, ast.Name) and node.id.isupper():
        return node.id
    if isinstance(node, ast.Attribute) and node.attr.isupper():
        return node.attr
    return None


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return all(_is_constant(part) for part in node.elts)
    return _token(node) is not None


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
