"""The label `learning online`: estimates that transitions change and actions use.

Two rules. `estimate from transitions`: something kept between steps is changed by an
amount, or under a condition, that compares the present observation with the last one.
`table of statistics`: an entry of a table, found by what is observed, is added to. Not
learning: counters of steps and events, filters of a single observation, integrals of
the policy's own actions, and what a simulation of the program's own has improved.
"""

import ast
from functools import cached_property

from llmpo.gallery.facts import Place, Write
from llmpo.gallery.flow import NONE, Flow, Origin, Origins
from llmpo.gallery.label import Label, make_label
from llmpo.gallery.vocabulary import ADDING

_TRANSITION = Origin.OBSERVED | Origin.LAST


def find_learning(flow: Flow) -> Label | None:
    """Returns the label `learning online`, or None."""
    finder = _Learning(flow)
    rules: dict[str, list[tuple[ast.AST | int, str]]] = {}
    for write in sorted(flow.facts.writes, key=lambda write: write.line):
        if rule := finder.rule(write):
            line = (write.node, f"changes `{write.place[1]}`")
            rules.setdefault(rule, []).append(line)
    if not rules:
        return None
    lines = [line for rule in sorted(rules) for line in rules[rule]]
    return make_label(
        flow.program, "learning online", " and ".join(sorted(rules)), lines
    )


class _Learning:
    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._actions = _action_names(flow)

    def rule(self, write: Write) -> str:
        """Returns the rule by which a write is learning; "" if it is not."""
        flow, place = self._flow, write.place
        is_kept = place[0].startswith("self:") and place in flow.memory.carried
        if not is_kept or write.function not in flow.acting or write.context.handled:
            return ""
        if place in flow.memory.clocks or place in flow.last:
            return ""
        if self._repeats_action(write) or not self._is_used(write):
            return ""
        keys = NONE
        for key in write.keys:
            keys |= flow.of(key, write.function)
        value = self._amount(write)
        why = flow.condition(write.context.guards, write.function)
        is_update = write.kind != "assign" or self._continues(write)
        is_compared = (value | keys | why) & _TRANSITION == _TRANSITION
        if write.kind == "change" and isinstance(write.node, ast.Call):
            is_update = _adds_entry(write.node)
        if write.kind == "item" or write.kind == "change":
            if is_compared and is_update and (value | keys) & ~Origin.TIME:
                return "estimate from transitions"
        elif is_update and is_compared and value & (Origin.OBSERVED | Origin.LAST):
            return "estimate from transitions"
        is_count = isinstance(write.node, ast.AugAssign) and bool(write.keys)
        if is_count and keys & Origin.OBSERVED:
            return "table of statistics"
        return ""

    def _amount(self, write: Write) -> Origins:
        """Returns the origins of what is added, the old value left out."""
        found = NONE
        waiting: list[ast.AST] = [write.value]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.IfExp):
                waiting += [node.body, node.orelse]  # why is told by the conditions
            elif not isinstance(node, ast.expr):
                continue
            elif not _mentions(node, write, self._flow):
                found |= self._flow.of(node, write.function)
            elif isinstance(node, ast.BinOp | ast.Call | ast.UnaryOp):
                waiting.extend(ast.iter_child_nodes(node))
        return found

    def _continues(self, write: Write) -> bool:
        """Tells whether the new value is made from the old one."""
        return _mentions(write.value, write, self._flow)

    def _is_used(self, write: Write) -> bool:
        """Tells whether anything but its own update reads the attribute."""
        own = {id(node) for node in ast.walk(write.node)}
        return any(id(node) not in own for node in self._reads.get(write.place, ()))

    @cached_property
    def _reads(self) -> dict[Place, list[ast.Attribute]]:
        found: dict[Place, list[ast.Attribute]] = {}
        for name in self._flow.acting:
            function = self._flow.program.functions[name]
            for node in ast.walk(function.node):
                if not isinstance(node, ast.Attribute):
                    continue
                place = self._flow.facts.place_of(node, function)
                if place and isinstance(node.ctx, ast.Load):
                    found.setdefault(place, []).append(node)
        return found

    def _repeats_action(self, write: Write) -> bool:
        """Tells whether only the action of this very step is added."""
        at = self._flow.program.functions[write.function]
        places = {
            place
            for node in ast.walk(write.value)
            if isinstance(node, ast.expr)
            and (place := self._flow.facts.place_of(node, at))
        } - {write.place}
        return bool(places) and places <= self._actions


def _action_names(flow: Flow) -> set[tuple[str, str]]:
    act = flow.program.functions.get("act")
    if act is None:
        return set()
    return {
        place
        for site in flow.facts.returns
        if site.function == "act"
        for node in ast.walk(site.node)
        if isinstance(node, ast.expr) and (place := flow.facts.place_of(node, act))
    }


def _mentions(node: ast.AST, write: Write, flow: Flow) -> bool:
    at = flow.program.functions[write.function]
    return any(
        isinstance(inner, ast.expr) and flow.facts.place_of(inner, at) == write.place
        for inner in ast.walk(node)
    )


def _adds_entry(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in ADDING
