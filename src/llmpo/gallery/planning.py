"""Labels of programs that look ahead.

`search`: a loop takes nodes out of a container and puts further ones in, or a function
calls itself for the neighbours of a node. `dynamic programming`: a loop computes a
table of values from itself through a maximum or minimum over actions. `model-based
optimisation`: candidates are rolled out in a simulation of the program's own, and the
best of them is kept.
"""

import ast
from collections import defaultdict

from llmpo.gallery.facts import Facts, Loop, Place, Write, called_name
from llmpo.gallery.flow import Flow, Origin
from llmpo.gallery.label import Label, make_label
from llmpo.gallery.program import Function
from llmpo.gallery.vocabulary import MAXIMA, PUTTING, RANKING, TAKING

Lines = list[tuple[ast.AST | int, str]]


def find_search(flow: Flow) -> Label | None:
    """Returns the label `search`, or None."""
    names = flow.facts.reachable("act", "__init__")
    rules: dict[str, Lines] = {}
    for loop, function in flow.facts.loops:
        if function not in names:
            continue
        if lines := _frontier(loop):
            rules.setdefault("frontier", []).extend(lines)
        elif lines := _waves_of_nodes(loop):
            rules.setdefault("frontier by levels", []).extend(lines)
    for name in sorted(names):
        if lines := _recursion(flow.facts, flow.program.functions[name]):
            rules.setdefault("recursion over neighbours", []).extend(lines)
    return _combine(flow, "search", rules)


def _frontier(loop: Loop) -> Lines:
    """Finds a container that a loop empties and fills."""
    taken: dict[str, ast.AST] = {}
    put: dict[str, ast.AST] = {}
    for node in _inside(loop):
        if not isinstance(node, ast.Call):
            continue
        container = _container(node)
        if called_name(node) in TAKING:
            taken.setdefault(container, node)
        elif called_name(node) in PUTTING:
            put.setdefault(container, node)
    if isinstance(loop, ast.For | ast.AsyncFor):
        # Growing a list while going through it is a queue as well.
        name = ast.unparse(loop.iter)
        if isinstance(loop.iter, ast.Name | ast.Attribute) and name in put:
            return [(loop, "goes through a queue"), (put[name], "puts nodes in")]
        return []
    for container in taken.keys() & put.keys():
        if container and (container in ast.unparse(loop.test) or _is_endless(loop)):
            return [
                (loop, "repeats while nodes are left"),
                (taken[container], "takes a node out"),
                (put[container], "puts nodes in"),
            ]
    return []


def _waves_of_nodes(loop: Loop) -> Lines:
    """Finds a loop that replaces a list of nodes by that of their neighbours."""
    if not isinstance(loop, ast.While) or not isinstance(loop.test, ast.Name):
        return []
    name = loop.test.id
    grown = {
        _container(node)
        for node in _inside(loop)
        if isinstance(node, ast.Call) and called_name(node) in PUTTING
    }
    visits = any(
        isinstance(node, ast.For) and name in ast.unparse(node.iter)
        for node in _inside(loop)
    )
    for node in _inside(loop):
        if visits and isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            targets = [t.id for t in node.targets if isinstance(t, ast.Name)]
            if name in targets and node.value.id in grown:
                return [(loop, "repeats while nodes are left"), (node, "next level")]
    return []


def _recursion(facts: Facts, function: Function) -> Lines:
    own = [
        site
        for site in facts.calls
        if site.function == function.name
        and site.context.loops
        and isinstance(site.node, ast.Call)
        and function.name in facts.callees(site.node, function)
    ]
    notes = any(
        isinstance(node, ast.Call) and called_name(node) == "add"
        for node in ast.walk(function.node)
    )
    if not own or not notes:
        return []
    return [
        (own[0].context.loops[-1], "goes through the neighbours"),
        (own[0].node, "calls itself for each"),
    ]


def _container(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute) and not called_name(call).startswith(
        "heap"
    ):
        return ast.unparse(call.func.value)
    return ast.unparse(call.args[0]) if call.args else ""


def _is_endless(loop: ast.While) -> bool:
    return isinstance(loop.test, ast.Constant) and bool(loop.test.value)


def find_dynamic_programming(flow: Flow) -> Label | None:
    """Returns the label `dynamic programming`, or None."""
    names = flow.facts.reachable("act", "__init__")
    rules: dict[str, Lines] = {}
    for loop, function in flow.facts.loops:
        if function in names and (lines := _backup(flow.facts, loop, function)):
            rules.setdefault("values from values by a maximum", []).extend(lines)
    return _combine(flow, "dynamic programming", rules)


def _backup(facts: Facts, loop: Loop, function: str) -> Lines:
    """Finds a table that a loop computes from itself through a maximum."""
    at = facts.program.functions[function]
    writes = [
        w for w in facts.writes if w.function == function and loop in w.context.loops
    ]
    needs: dict[Place, set[Place]] = defaultdict(set)
    for write in writes:
        # Only whole values: an index into a table is not what is computed.
        for node in _value_nodes(write.value):
            if place := facts.place_of(node, at):
                needs[write.place].add(place)
    for write in writes:
        reduction = _reduction(write)
        if reduction is None:
            continue
        sources = {
            place
            for node in ast.walk(reduction)
            if isinstance(node, ast.expr) and (place := facts.place_of(node, at))
        }
        cycle = _reach(needs, sources)
        if write.place not in cycle:
            continue
        on_cycle = {p for p in cycle if write.place in _reach(needs, {p})}
        backups = [w for w in writes if w.place in on_cycle]
        added = [w for w in backups if _adds(w.value) or w.kind == "augment"]
        tables = [w for w in backups if _is_table(w, facts, at, on_cycle)]
        if added and tables:
            return [
                (loop, "repeats"),
                (added[0].node, "adds what follows to what is gained now"),
                (write.node, "takes the best over the actions"),
            ]
    return []


def _reduction(write: Write) -> ast.expr | None:
    """Returns the maximum or minimum over an axis or iterable in a value."""
    for node in ast.walk(write.value):
        if not isinstance(node, ast.Call):
            continue
        name = called_name(node)
        if name not in MAXIMA:
            continue
        if isinstance(node.func, ast.Name):
            looks_up = any(
                isinstance(inner, ast.Subscript)
                for argument in node.args
                for inner in ast.walk(argument)
            )
            if len(node.args) == 1 or (write.kind == "item" and looks_up):
                return node
        elif any(k.arg == "axis" for k in node.keywords) or len(node.args) in (1, 2):
            return node
    return None


def _is_table(write: Write, facts: Facts, at: Function, on_cycle: set[Place]) -> bool:
    """Tells whether a value is looked up in, or multiplied with, a table."""
    for node in ast.walk(write.value):
        base = None
        if isinstance(node, ast.Subscript):
            base = node.value
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            base = node.right
        elif isinstance(node, ast.Call) and called_name(node) in ("dot", "matmul"):
            base = node.args[-1] if node.args else None
        if base is None:
            continue
        for inner in ast.walk(base):
            if isinstance(inner, ast.expr) and facts.place_of(inner, at) in on_cycle:
                return True
    return False


def _adds(value: ast.expr) -> bool:
    return any(
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)
        for node in ast.walk(value)
    )


def _value_nodes(value: ast.expr) -> list[ast.expr]:
    found: list[ast.expr] = []
    waiting: list[ast.AST] = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.expr):
            found.append(node)
        if isinstance(node, ast.Call) and called_name(node) in RANKING:
            continue
        if isinstance(node, ast.Subscript):
            waiting.append(node.value)
        else:
            waiting.extend(ast.iter_child_nodes(node))
    return found


def _reach(needs: dict[Place, set[Place]], starts: set[Place]) -> set[Place]:
    found: set[Place] = set()
    waiting = list(starts)
    while waiting:
        place = waiting.pop()
        if place not in found:
            found.add(place)
            waiting.extend(needs.get(place, ()))
    return found


def find_optimisation(flow: Flow) -> Label | None:
    """Returns the label `model-based optimisation`, or None."""
    rollouts = [(f, node) for f, node in flow.rollouts.steps if f in flow.acting]
    if not rollouts:
        return None
    chosen: Lines = []
    for site in flow.facts.calls:
        assert isinstance(site.node, ast.Call)
        if site.function in flow.acting and called_name(site.node) in RANKING:
            arguments = [*site.node.args]
            if isinstance(site.node.func, ast.Attribute):
                arguments.append(site.node.func.value)
            if any(_is_outcome(flow, a, site.function) for a in arguments):
                chosen.append((site.node, "ranks by the outcome"))
    for _, site in flow.facts.branches:
        if site.function in flow.acting and isinstance(site.node, ast.Compare):
            sides = (site.node.left, *site.node.comparators)
            is_order = isinstance(site.node.ops[0], ast.Lt | ast.Gt | ast.LtE | ast.GtE)
            if is_order and all(_is_outcome(flow, s, site.function) for s in sides):
                chosen.append((site.node, "compares the outcomes"))
    if not chosen:
        return None
    lines = [(node, "simulates a step") for _, node in rollouts[:2]]
    rule = "best of simulated candidates"
    return make_label(
        flow.program, "model-based optimisation", rule, [*lines, *chosen[:3]]
    )


def _is_outcome(flow: Flow, node: ast.expr, function: str) -> bool:
    return bool(flow.of(node, function) & Origin.SIMULATED)


def _combine(flow: Flow, name: str, rules: dict[str, Lines]) -> Label | None:
    if not rules:
        return None
    lines = [line for found in rules.values() for line in found]
    return make_label(flow.program, name, " and ".join(rules), lines)


def _inside(loop: Loop) -> list[ast.AST]:
    return [node for statement in loop.body for node in ast.walk(statement)]
