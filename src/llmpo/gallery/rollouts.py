"""Where a program simulates: loops that replace a state by its successor."""

import ast
from dataclasses import dataclass

from llmpo.gallery.facts import Facts, Write, bound_arguments


@dataclass(frozen=True)
class Rollouts:
    """The simulations in a program.

    Attributes:
        steps: (function, statement) of each place where a state is stepped in a loop.
        functions: Functions that hold such a loop.
        step_functions: Functions that map a state to the next.
        calls: Identities of the calls that return the next state.
    """

    steps: tuple[tuple[str, ast.AST], ...]
    functions: frozenset[str]
    step_functions: frozenset[str]
    calls: frozenset[int]


def find_rollouts(facts: Facts) -> Rollouts:
    """Returns the simulations in a program."""
    steps: list[tuple[str, ast.AST]] = []
    step_functions: set[str] = set()
    calls: set[int] = set()
    for write in facts.writes:
        call = write.value
        if not write.context.loops or write.kind != "assign":
            continue
        if isinstance(call, ast.Call) and _returns_successor(facts, call, write):
            steps.append((write.function, write.node))
            calls.add(id(call))
            at = facts.program.functions[write.function]
            step_functions.update(facts.callees(call, at))
    for site in facts.calls:
        assert isinstance(site.node, ast.Call)
        if site.context.loops and _steps_in_place(facts, site.node, site.function):
            steps.append((site.function, site.node))
            at = facts.program.functions[site.function]
            step_functions.update(facts.callees(site.node, at))
    return Rollouts(
        steps=tuple(steps),
        functions=frozenset(name for name, _ in steps),
        step_functions=frozenset(step_functions),
        calls=frozenset(calls),
    )


def _returns_successor(facts: Facts, call: ast.Call, write: Write) -> bool:
    """Tells whether a call maps a variable to its own successor."""
    function = facts.program.functions[write.function]
    is_own = bool(facts.callees(call, function))
    if isinstance(call.func, ast.Name):
        # A step function may also be handed over as a parameter.
        is_own |= call.func.id in facts.locals[function.name]
    return is_own and any(
        facts.place_of(argument, function) == write.place for argument in call.args
    )


def _steps_in_place(facts: Facts, call: ast.Call, name: str) -> bool:
    """Tells whether a call changes several arguments, as positions and velocities."""
    changed = 0
    for callee in facts.callees(call, facts.program.functions[name]):
        for _, parameter in bound_arguments(call, facts.program.functions[callee]):
            changed += any(
                write.kind == "augment" and isinstance(write.node, ast.AugAssign)
                for write in facts.by_place.get((callee, parameter), ())
            )
    return changed >= 2
