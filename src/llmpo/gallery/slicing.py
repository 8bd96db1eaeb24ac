"""Which variables the action is made of, and which merely decide between actions."""

import ast
from collections import defaultdict
from collections.abc import Iterator

from llmpo.gallery.facts import RETURN, Facts, Place, bound_arguments, called_name
from llmpo.gallery.program import Function
from llmpo.gallery.vocabulary import PICKING

_CHOOSING = PICKING | {"sorted", "any", "all", "len", "isfinite"}


class Slice:
    """Backward slices from the action.

    Attributes:
        data: Variables whose value enters the action itself.
        control: These, and variables on which it depends which action is taken.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._made_of = self._needs(with_control=False)
        self.data = _closure(self._made_of)
        self.control = _closure(self._needs(with_control=True))

    def makes_action(self, function: str) -> bool:
        """Tells whether the action depends on what a function returns."""
        return (function, RETURN) in self.control

    def distance(
        self, node: ast.expr, function: str, goals: frozenset[Place], limit: int
    ) -> int | None:
        """Returns over how many assignments and calls a value comes from a variable.

        None means that it does not, or from further away than `limit`.
        """
        at = self._facts.program.functions[function]
        places = self._sources(node, at, with_control=False)
        for steps in range(limit + 1):
            if places & goals:
                return steps
            places = {need for place in places for need in self._made_of[place]}
        return None

    def _needs(self, with_control: bool) -> dict[Place, set[Place]]:
        facts, needs = self._facts, defaultdict[Place, set[Place]](set)
        functions = facts.program.functions
        for write in facts.writes:
            at = functions[write.function]
            needs[write.place] |= self._sources(write.value, at, with_control)
            if with_control:
                for node in (*write.context.guards, *write.keys):
                    needs[write.place] |= self._sources(node, at, True)
        for site in facts.returns:
            at, place = functions[site.function], (site.function, RETURN)
            needs[place] |= self._sources(site.node, at, with_control)
            if with_control:
                for node in site.context.guards:
                    needs[place] |= self._sources(node, at, True)
        for site in facts.calls:
            assert isinstance(site.node, ast.Call)
            at = functions[site.function]
            for name in facts.callees(site.node, at):
                callee = functions[name]
                for argument, parameter in bound_arguments(site.node, callee):
                    found = self._sources(argument, at, with_control)
                    needs[(name, parameter)] |= found
                    if target := facts.place_of(argument, at):
                        needs[target].add((name, parameter))
        return needs

    def _sources(self, root: ast.expr, at: Function, with_control: bool) -> set[Place]:
        found: set[Place] = set()
        for node in _walk(root, with_control):
            if place := self._facts.place_of(node, at):
                found.add(place)
            elif isinstance(node, ast.Call):
                names = self._facts.callees(node, at)
                found |= {(name, RETURN) for name in names}
        return found


def _closure(needs: dict[Place, set[Place]]) -> frozenset[Place]:
    found: set[Place] = set()
    waiting: list[Place] = [("act", RETURN)]
    while waiting:
        place = waiting.pop()
        if place not in found:
            found.add(place)
            waiting.extend(needs[place])
    return frozenset(found)


def _walk(root: ast.expr, with_control: bool) -> Iterator[ast.expr]:
    """Yields the subexpressions whose value enters that of an expression."""
    waiting: list[ast.AST] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.expr):
            yield node
        if with_control:
            waiting.extend(ast.iter_child_nodes(node))
        elif isinstance(node, ast.Subscript):
            waiting.append(node.value)
        elif isinstance(node, ast.IfExp):
            waiting += [node.body, node.orelse]
        elif isinstance(node, ast.Call) and called_name(node) in _CHOOSING:
            continue
        elif not isinstance(node, ast.Compare):
            waiting.extend(ast.iter_child_nodes(node))
