"""Where the values in a program come from: a small data-flow analysis.

Every variable (local, parameter, attribute of `self`, return value) gets a set of
origins, found by passing them along assignments, calls and branches until nothing
changes. Order within a function is ignored, and so is which branch is taken, so a
variable's origins are those of all values it may have.
"""

import ast
from collections import defaultdict
from functools import cached_property

from llmpo.gallery.facts import (
    RETURN,
    Facts,
    Place,
    Write,
    bound_arguments,
    called_name,
)
from llmpo.gallery.memory import Memory, asks_if_set, find_memory
from llmpo.gallery.program import Function, Program, UnreadableProgram
from llmpo.gallery.rollouts import Rollouts, find_rollouts
from llmpo.gallery.vocabulary import DRAWING, LIBRARIES, SHAPELESS, VELOCITY

# A set of the bits below. Plain integers: an analysis joins some 100,000 such sets.
Origins = int


class Origin:
    """What a value derives from, and what has been done to it on the way."""

    OBSERVED = 1  # the present observation
    DIGESTED = 2  # the present observation, through loops that do more
    PAST = 4  # an observation kept from an earlier step
    LAST = 8  # an attribute that holds just an earlier observation
    TIME = 16  # a counter or phase that moves on by itself
    RANDOM = 32
    DIFFERENCE = 64  # one quantity minus another, one of them observed
    VELOCITY = 128  # an observed rate of change
    SIMULATED = 256  # the outcome of the program's own simulation


NONE: Origins = 0
# Expressions looked at before an analysis is given up: ten times what the largest
# shipped policy takes. A count, not a time, so that every machine decides alike.
_MOST_WORK = 2_000_000
SEEN = Origin.OBSERVED | Origin.DIGESTED | Origin.PAST
# Lost when only the size, the place or the comparison of a value matters.
_SHAPE = Origin.DIFFERENCE | Origin.VELOCITY


class Flow:
    """The origins of all values in a program."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.program: Program = facts.program
        self.memory: Memory = find_memory(facts)
        self.rollouts: Rollouts = find_rollouts(facts)
        self.acting = facts.reachable("act")
        self._work = 0
        self._origins: dict[Place, Origins] = defaultdict(lambda: NONE)
        self._last: frozenset[Place] = frozenset()
        self._spread()
        # Which attributes hold an earlier observation is known only now.
        self._last = frozenset(p for p in self.memory.carried if self._is_last(p))
        self._origins.clear()
        self._spread()

    @cached_property
    def action(self) -> Origins:
        """Origins of what `act` returns, conditions included."""
        return self._origins[("act", RETURN)]

    @cached_property
    def last(self) -> frozenset[Place]:
        """Attributes that hold just an earlier observation."""
        return self._last

    def of(self, node: ast.expr | None, function: str) -> Origins:
        """Returns the origins of an expression in a function."""
        if node is None:
            return NONE
        return self._expression(node, self.program.functions[function])

    def condition(self, guards: tuple[ast.expr, ...], function: str) -> Origins:
        """Returns the origins of what decides whether a statement is reached."""
        found = NONE
        for guard in guards:
            found |= self.of(guard, function)
        return found & ~_SHAPE

    def _spread(self) -> None:
        act = self.program.functions.get("act")
        if act is not None and act.parameters:
            self._origins[("act", act.parameters[0])] = Origin.OBSERVED
        for _ in range(40):
            before = dict(self._origins)
            self._pass_along()
            if before == dict(self._origins):
                break

    def _pass_along(self) -> None:
        origins = self._origins
        for write in self.facts.writes:
            found = self.of(write.value, write.function)
            for key in write.keys:
                found |= self.of(key, write.function) & ~_SHAPE
            origins[write.place] |= found | self.condition(
                write.context.guards, write.function
            )
        for site in self.facts.returns:
            origins[(site.function, RETURN)] |= self.of(
                site.node, site.function
            ) | self.condition(site.context.guards, site.function)
        for site in self.facts.calls:
            assert isinstance(site.node, ast.Call)
            function = self.program.functions[site.function]
            for name in self.facts.callees(site.node, function):
                self._bind(site.node, function, self.program.functions[name])

    def _bind(self, call: ast.Call, caller: Function, callee: Function) -> None:
        for argument, parameter in bound_arguments(call, callee):
            place = (callee.name, parameter)
            self._origins[place] |= self._expression(argument, caller)
            # An argument that the function changes in place brings something back.
            if place in self._changed and (
                target := self.facts.place_of(argument, caller)
            ):
                self._origins[target] |= self._origins[place] & ~_SHAPE
                if callee.name in self.rollouts.step_functions:
                    self._origins[target] |= Origin.SIMULATED

    @cached_property
    def _changed(self) -> set[Place]:
        return {
            write.place
            for write in self.facts.writes
            if write.kind != "assign" or write.place[1] in _out_names(write)
        }

    def _is_last(self, place: Place) -> bool:
        """Tells whether an attribute is overwritten by plain observations."""
        kept = 0
        for write in self.facts.by_place.get(place, ()):
            if write.function not in self.acting:
                continue
            if write.kind != "assign" or self._reads(write, place):
                return False
            value = write.value
            parts = value.elts if isinstance(value, ast.Tuple) else [value]
            if any(self._is_plain(part, write.function) for part in parts):
                # What is stored once, when the episode begins, is no last observation.
                once = any(asks_if_set(guard) for guard in write.context.guards)
                kept += 1 if once else 2
        return kept > 1

    def _is_plain(self, value: ast.expr, function: str) -> bool:
        found = self.of(value, function)
        return bool(found & Origin.OBSERVED) and not found & (
            Origin.DIGESTED | Origin.RANDOM | Origin.SIMULATED | Origin.PAST
        )

    def _reads(self, write: Write, place: Place) -> bool:
        function = self.program.functions[write.function]
        return any(
            isinstance(node, ast.Attribute)
            and self.facts.place_of(node, function) == place
            for node in ast.walk(write.value)
        )

    def _expression(self, node: ast.expr, at: Function) -> Origins:
        self._work += 1
        if self._work > _MOST_WORK:
            raise UnreadableProgram("the program is too intricate to be analysed")
        if isinstance(node, ast.Name):
            place = self.facts.name_place(node.id, at)
            found = self._origins[place] if place else NONE
            return _with_velocity(found, node.id)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, at)
        if isinstance(node, ast.BinOp):
            return self._arithmetic(node, at)
        if isinstance(node, ast.UnaryOp):
            found = self._expression(node.operand, at)
            is_negative = isinstance(node.op, ast.USub) and found & Origin.OBSERVED
            return found | Origin.DIFFERENCE if is_negative else found
        if isinstance(node, ast.Call):
            return self._call(node, at)
        if isinstance(node, ast.Subscript):
            inside = self._expression(node.value, at)
            return inside | self._expression(node.slice, at) & ~_SHAPE
        if isinstance(node, ast.IfExp):
            test = self._expression(node.test, at) & ~_SHAPE
            return test | self._union((node.body, node.orelse), at)
        if isinstance(node, ast.Compare):
            return self._union((node.left, *node.comparators), at) & ~_SHAPE
        if isinstance(node, ast.Lambda):
            return self._expression(node.body, at) & ~_SHAPE
        if isinstance(node, ast.Constant | ast.JoinedStr):
            return NONE
        return self._union(
            [child for child in ast.iter_child_nodes(node) if _is_value(child)], at
        )

    def _union(self, nodes: object, at: Function) -> Origins:
        found = NONE
        for node in nodes:  # type: ignore[attr-defined]
            if isinstance(node, ast.comprehension):
                found |= self._expression(node.iter, at) & ~_SHAPE
                for test in node.ifs:
                    found |= self._expression(test, at) & ~_SHAPE
            else:
                found |= self._expression(node, at)
        return found

    def _attribute(self, node: ast.Attribute, at: Function) -> Origins:
        place = self.facts.place_of(node, at)
        if place is None:
            found = self._expression(node.value, at)
            if node.attr in ("shape", "size", "ndim"):
                return found & ~_SHAPE
            return _with_velocity(found, node.attr)
        if place in self.memory.clocks:
            return Origin.TIME
        found = self._origins[place]
        if place in self.memory.carried and found & SEEN:
            found = found & ~(SEEN | Origin.DIFFERENCE | Origin.VELOCITY) | Origin.PAST
        if place in self.memory.carried:
            found &= ~Origin.LAST
            if place in self._last:
                found |= Origin.LAST
        return _with_velocity(found, node.attr)

    def _arithmetic(self, node: ast.BinOp, at: Function) -> Origins:
        left = self._expression(node.left, at)
        right = self._expression(node.right, at)
        found = left | right
        if isinstance(node.op, ast.Sub) and found & Origin.OBSERVED:
            if _is_change(left, right) or _is_change(right, left):
                return found & ~Origin.DIFFERENCE | Origin.VELOCITY
            # An outcome less a constant is a score, not an error signal.
            is_score = found & Origin.SIMULATED and NONE in (left, right)
            if not _is_wrap(node) and not is_score:
                found |= Origin.DIFFERENCE
        # A negative gain times an observation steers it towards zero.
        is_damped = any(_is_negative(side) for side in (node.left, node.right))
        if isinstance(node.op, ast.Mult) and is_damped and found & Origin.OBSERVED:
            found |= Origin.DIFFERENCE
        if isinstance(node.op, ast.Pow | ast.FloorDiv | ast.BitAnd | ast.BitOr):
            found &= ~_SHAPE
        return found

    def _call(self, node: ast.Call, at: Function) -> Origins:
        name = called_name(node)
        given = self._union(
            [*node.args, *(k.value for k in node.keywords if k.arg != "key")], at
        )
        for keyword in node.keywords:
            if keyword.arg == "key":
                given |= self._expression(keyword.value, at) & ~_SHAPE
        names = self.facts.callees(node, at)
        if names:
            found = NONE
            for callee in names:
                returned = self._origins[(callee, RETURN)]
                if callee in self._busy and returned & Origin.OBSERVED:
                    returned = returned & ~Origin.OBSERVED | Origin.DIGESTED
                if callee in self.rollouts.functions:
                    returned |= Origin.SIMULATED
                if id(node) in self.rollouts.calls:
                    # A simulated state is no error signal.
                    returned = returned & ~_SHAPE | Origin.SIMULATED
                found |= returned
            return found
        if isinstance(node.func, ast.Attribute):
            base = node.func.value
            if not (isinstance(base, ast.Name) and base.id in LIBRARIES):
                given |= self._expression(base, at)
        elif isinstance(node.func, ast.Name):
            given |= self._expression(node.func, at)
        if name in SHAPELESS or (name in ("min", "max") and len(node.args) == 1):
            given &= ~_SHAPE
        if name in DRAWING:
            given |= Origin.RANDOM
        return given

    @cached_property
    def _busy(self) -> set[str]:
        """Functions whose loops call functions of the program: more than reading."""
        return {
            site.function
            for site in self.facts.calls
            if site.context.loops
            and isinstance(site.node, ast.Call)
            and self.facts.callees(site.node, self.program.functions[site.function])
        }


def _is_value(node: ast.AST) -> bool:
    return isinstance(node, ast.expr | ast.comprehension)


def _with_velocity(found: Origins, name: str) -> Origins:
    if found & (Origin.OBSERVED | Origin.PAST) and VELOCITY.search(name):
        return found | Origin.VELOCITY
    return found


def _is_change(new: Origins, old: Origins) -> bool:
    """Tells whether a difference is that of an observation and an earlier one."""
    return bool(new & Origin.OBSERVED and not new & Origin.LAST) and bool(
        old & Origin.LAST and not old & (Origin.OBSERVED | Origin.DIGESTED)
    )


def _is_wrap(node: ast.BinOp) -> bool:
    """Tells whether a difference only wraps an angle, as in (x + pi) % tau - pi."""
    return isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.Mod)


def _is_negative(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)


def _out_names(write: Write) -> set[str]:
    """Returns the variable that a call fills through its `out` argument."""
    return {write.place[1]} if write.node is write.value else set()
