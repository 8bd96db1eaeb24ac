"""Labels of how an action follows from observations and time.

`proportional control`: a difference between a target and an observation, times a gain
(or clipped as it is), enters the action; with a rate of change beside it, the label is
`proportional-derivative control`. `oscillator`: the action contains the sine of a phase
that moves on by itself, and observations as well. `open loop`: the action depends on
time, or on nothing kept or seen, but on no observation.
"""

import ast

from llmpo.gallery.facts import RETURN, Facts, Place, Site, Write, called_name
from llmpo.gallery.flow import SEEN, Flow, Origin
from llmpo.gallery.label import Label, make_label
from llmpo.gallery.slicing import Slice
from llmpo.gallery.vocabulary import LIMITING, PICKING, WRAPPING

# Assignments and calls between a clock and the sine of it. Further away lie only values
# that a simulation has passed on.
_FARTHEST_CLOCK = 3


def find_feedback(flow: Flow, slices: Slice) -> Label | None:
    """Returns the label `proportional(-derivative) control`, or None."""
    search = _Feedback(flow, slices)
    plain: list[tuple[ast.AST | int, str]] = []
    damped: list[tuple[ast.AST | int, str]] = []
    for value, node, function in search.values():
        products = search.products(value, function)
        if not products:
            continue
        if search.has_rate(value, function):
            damped.append((node, "gain times difference, and a rate of change"))
        else:
            plain.append((products[0], "gain times difference"))
    if damped:
        return make_label(
            flow.program,
            "proportional-derivative control",
            "gain times difference, damped",
            [*damped[:4], *plain],
        )
    if plain:
        rule = "gain times difference"
        return make_label(flow.program, "proportional control", rule, plain)
    return None


def find_rhythm(flow: Flow, slices: Slice) -> Label | None:
    """Returns the label `oscillator` or `open loop`, or None."""
    action = flow.action
    waves = _waves(flow, slices)
    clocks = _clock_lines(flow)
    if action & SEEN:
        if not waves:
            return None
        lines = [*waves[:3], *clocks[:2]]
        rule = "sine of a phase, with feedback"
        return make_label(flow.program, "oscillator", rule, lines)
    if action & Origin.TIME:
        uses = waves or _time_uses(flow, slices)
        rule = "time, no observation"
        return make_label(flow.program, "open loop", rule, [*uses[:3], *clocks[:2]])
    return None


def _waves(flow: Flow, slices: Slice) -> list[tuple[ast.AST | int, str]]:
    found = []
    for site in flow.facts.calls:
        assert isinstance(site.node, ast.Call)
        is_wave = called_name(site.node) in ("sin", "cos") and site.node.args
        if not is_wave or site.function not in flow.acting:
            continue
        if not slices.makes_action(site.function):
            continue
        phase = site.node.args[0]
        steps = slices.distance(
            phase, site.function, flow.memory.clocks, _FARTHEST_CLOCK
        )
        if steps is not None:
            found.append((steps, site.node))
    # The nearest to the clock come first: they are the clearest.
    found.sort(key=lambda pair: (pair[0], pair[1].lineno))
    return [(node, "sine or cosine of a phase") for _, node in found]


def _clock_lines(flow: Flow) -> list[tuple[ast.AST | int, str]]:
    return [
        (write.node, f"`{write.place[1]}` moves on at every step")
        for write in flow.facts.writes
        if write.place in flow.memory.clocks
        and write.function in flow.memory.every_step
        and not write.context.guards
    ]


def _time_uses(flow: Flow, slices: Slice) -> list[tuple[ast.AST | int, str]]:
    sites = [*flow.facts.returns, *(site for _, site in flow.facts.branches)]
    return [
        (site.node, "depends on time alone")
        for site in sites
        if site.function in flow.acting
        and slices.makes_action(site.function)
        and flow.of(site.node, site.function) & Origin.TIME
    ]


class _Feedback:
    """Finds where gains meet differences on their way into the action."""

    def __init__(self, flow: Flow, slices: Slice) -> None:
        self._flow = flow
        self._facts: Facts = flow.facts
        self._slices = slices
        self._direct = _direct_functions(flow)

    def values(self) -> list[tuple[ast.expr, ast.AST, str]]:
        """Returns what enters the action outside of simulations and searches."""
        found: list[tuple[ast.expr, ast.AST, str]] = []
        for site in self._facts.returns:
            if self._is_direct(site) and (site.function, RETURN) in self._slices.data:
                found.append((site.node, site.node, site.function))
        for write in self._facts.writes:
            is_returned = (write.function, RETURN) in self._slices.data
            if is_returned and self._is_direct(write) and self._is_local(write.place):
                found.append((write.value, write.node, write.function))
        return sorted(found, key=lambda value: getattr(value[1], "lineno", 0))

    def products(self, value: ast.expr, function: str) -> list[ast.expr]:
        """Returns the gain-times-difference terms of an expression."""
        return [node for node in _terms(value) if self._corrects(node, function)]

    def _corrects(self, node: ast.expr, function: str) -> bool:
        if isinstance(node, ast.BinOp):
            pairs = [(node.left, node.right)]
            if isinstance(node.op, ast.Mult | ast.MatMult):
                pairs.append((node.right, node.left))
            elif not isinstance(node.op, ast.Div):
                return False
            return any(self._is_product(*pair, function) for pair in pairs)
        if isinstance(node, ast.Call):
            return self._is_limited_difference(node, function)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return _is_gain_term(node.operand) and self._is_seen(node, function)
        return False

    def has_rate(self, value: ast.expr, function: str) -> bool:
        """Tells whether an observed rate of change is a term of an expression."""
        return any(
            self._flow.of(node, function) & Origin.VELOCITY for node in _terms(value)
        )

    def _is_product(self, one: ast.expr, gain: ast.expr, function: str) -> bool:
        if not self._is_difference(one, function):
            negative = isinstance(gain, ast.UnaryOp) and isinstance(gain.op, ast.USub)
            return negative and self._is_seen(one, function)
        found = self._flow.of(gain, function)
        return not found & (Origin.DIFFERENCE | Origin.OBSERVED)

    def _is_difference(self, node: ast.expr, function: str) -> bool:
        return bool(self._flow.of(node, function) & Origin.DIFFERENCE)

    def _is_seen(self, node: ast.expr, function: str) -> bool:
        return bool(self._flow.of(node, function) & Origin.OBSERVED)

    def _is_limited_difference(self, call: ast.Call, function: str) -> bool:
        """Tells whether a call clips a bare difference, or weighs one by a matrix."""
        name = called_name(call)
        differences = [a for a in call.args if self._is_difference(a, function)]
        if name in ("dot", "matmul"):
            return bool(differences)
        return name in ("clip", "tanh") and any(_is_bare(a) for a in differences)

    def _is_local(self, place: Place) -> bool:
        return place in self._slices.data and not place[0].startswith("self:")

    def _is_direct(self, at: Site | Write) -> bool:
        if at.function not in self._direct:
            return False
        return all(_runs_over_axes(loop) for loop in at.context.loops)


def _direct_functions(flow: Flow) -> set[str]:
    """Returns the functions that are called on the way to an action, not in loops.

    What simulates, or scores candidates for a ranking, computes no action.
    """
    ruled_out = (
        flow.rollouts.functions | flow.rollouts.step_functions | _scorers(flow)
    ) - {"act"}
    found: set[str] = set()
    waiting = ["act"]
    while waiting:
        name = waiting.pop()
        if name in found or name in ruled_out:
            continue
        found.add(name)
        for site in flow.facts.calls:
            if site.function != name or not all(
                _runs_over_axes(loop) for loop in site.context.loops
            ):
                continue
            assert isinstance(site.node, ast.Call)
            waiting.extend(flow.facts.callees(site.node, flow.program.functions[name]))
    return found


def _scorers(flow: Flow) -> set[str]:
    """Returns the functions whose results are ranked."""
    found: set[str] = set()
    for site in flow.facts.calls:
        assert isinstance(site.node, ast.Call)
        if called_name(site.node) not in PICKING:
            continue
        at = flow.program.functions[site.function]
        ranked = {
            node.id
            for argument in site.node.args
            for node in ast.walk(argument)
            if isinstance(node, ast.Name)
        }
        for write in flow.facts.writes:
            is_ranked = write.place[0] == at.name and write.place[1] in ranked
            if is_ranked and isinstance(write.value, ast.Call):
                found |= set(flow.facts.callees(write.value, at))
    return found


def _runs_over_axes(loop: ast.AST) -> bool:
    """Tells whether a loop handles the components of a vector one by one."""
    if not isinstance(loop, ast.For) or not isinstance(
        loop.target, ast.Name | ast.Tuple
    ):
        return False
    names = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
    return any(
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Store)
        and any(isinstance(n, ast.Name) and n.id in names for n in ast.walk(node.slice))
        for node in ast.walk(loop)
    )


def _terms(value: ast.expr) -> list[ast.expr]:
    """Returns the subexpressions that add up to an expression or scale it."""
    found: list[ast.expr] = []
    waiting: list[ast.expr] = [value]
    while waiting:
        node = waiting.pop(0)
        found.append(node)
        if isinstance(node, ast.BinOp):
            waiting += [node.left, node.right]
        elif isinstance(node, ast.UnaryOp):
            waiting.append(node.operand)
        elif isinstance(node, ast.Call) and called_name(node) in LIMITING | WRAPPING:
            waiting += node.args
        elif isinstance(node, ast.Tuple | ast.List):
            waiting += node.elts
        elif isinstance(node, ast.IfExp):
            waiting += [node.body, node.orelse]
    return found


def _is_bare(node: ast.expr) -> bool:
    """Tells whether an expression is itself written as a difference."""
    while isinstance(node, ast.Call) and called_name(node) in WRAPPING and node.args:
        node = node.args[0]
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub)


def _is_gain_term(node: ast.expr) -> bool:
    """Tells whether an expression is a product, or a sum of products."""
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Add | ast.Sub):
            return _is_gain_term(node.left) and _is_gain_term(node.right)
        return isinstance(node.op, ast.Mult | ast.MatMult)
    return False
