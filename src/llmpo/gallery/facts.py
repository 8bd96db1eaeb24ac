"""What the functions of a program do, statement by statement.

A list of plain facts (this is assigned here, under these conditions, in these loops) is
what the data-flow analysis and all rules read; none of them walks the tree again.
"""

import ast
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from llmpo.gallery.program import Function, Program
from llmpo.gallery.vocabulary import CHANGING, LIBRARIES

# A variable: (function, name), or ("self:Class", attribute).
Place = tuple[str, str]
RETURN = "<return>"

Loop = ast.For | ast.AsyncFor | ast.While
Kind = Literal["assign", "augment", "item", "change"]


@dataclass(frozen=True)
class Context:
    """Where in a function a statement is.

    Attributes:
        guards: Conditions under which it is reached, outermost first.
        loops: Loops around it, outermost first.
        handled: Whether it is in an exception handler.
    """

    guards: tuple[ast.expr, ...] = ()
    loops: tuple[Loop, ...] = ()
    handled: bool = False


@dataclass(frozen=True)
class Write:
    """A variable gets a value.

    Attributes:
        place: The variable.
        kind: `assign`, `augment` (x += y), `item` (x[i] = y, x[i] += y, x.y = z) or
            `change` (x.append(y) and the like).
        value: What is assigned, added or passed.
        keys: Indices within the variable.
    """

    function: str
    place: Place
    kind: Kind
    value: ast.expr
    keys: tuple[ast.expr, ...]
    node: ast.AST
    context: Context

    @property
    def line(self) -> int:
        """Line of the statement, from 1."""
        return int(getattr(self.node, "lineno", 0))


@dataclass(frozen=True)
class Site:
    """An expression of interest: a return value, a call or a condition."""

    function: str
    node: ast.expr
    context: Context

    @property
    def line(self) -> int:
        """Line on which it starts, from 1."""
        return self.node.lineno


@dataclass
class Facts:
    """All facts of a program."""

    program: Program
    writes: list[Write] = field(default_factory=list)
    returns: list[Site] = field(default_factory=list)
    calls: list[Site] = field(default_factory=list)
    branches: list[tuple[ast.If | ast.IfExp | ast.Match, Site]] = field(
        default_factory=list
    )
    loops: list[tuple[Loop, str]] = field(default_factory=list)
    locals: dict[str, set[str]] = field(default_factory=dict)
    _callees: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def by_place(self) -> dict[Place, list[Write]]:
        """All writes, by what is written; to be asked for when all are known."""
        found: dict[Place, list[Write]] = {}
        for write in self.writes:
            found.setdefault(write.place, []).append(write)
        return found

    def place_of(self, node: ast.expr, function: Function) -> Place | None:
        """Returns the variable that an expression names; None if it names none."""
        if isinstance(node, ast.Name):
            return self.name_place(node.id, function)
        if isinstance(node, ast.Attribute) and is_self(node.value, function):
            return (f"self:{self._owner(function)}", node.attr)
        return None

    def name_place(self, name: str, function: Function) -> Place | None:
        """Returns the variable of a name, looked up from the inside out."""
        at: Function | None = function
        while at is not None:
            if name in self.locals.get(at.name, ()):
                return (at.name, name)
            at = self.program.functions.get(at.outer)
        return None

    def callees(self, call: ast.Call, function: Function) -> tuple[str, ...]:
        """Returns the names of the program's own functions that a call may mean."""
        found = self._callees.get(id(call))
        if found is None:
            found = self._callees[id(call)] = self._find_callees(call, function)
        return found

    def _find_callees(self, call: ast.Call, function: Function) -> tuple[str, ...]:
        called, functions = call.func, self.program.functions
        if isinstance(called, ast.Name):
            at: Function | None = function
            while at is not None:
                if (name := f"{at.name}.{called.id}") in functions:
                    return (name,)
                at = functions.get(at.outer)
            if called.id in functions and not functions[called.id].owner:
                return (called.id,)
            return ()
        if isinstance(called, ast.Attribute):
            found = self.program.by_method.get(called.attr, ())
            if is_self(called.value, function):
                owner = self._owner(function)
                return tuple(f for f in found if functions[f].owner == owner)
            if isinstance(called.value, ast.Name) and called.value.id in LIBRARIES:
                return ()
            if called.attr not in CHANGING:
                return found
        return ()

    def reachable(self, *starts: str) -> set[str]:
        """Returns the functions that may run when the given ones are called."""
        found: set[str] = set()
        waiting = [name for name in starts if name in self.program.functions]
        by_caller: dict[str, set[str]] = {}
        for site in self.calls:
            assert isinstance(site.node, ast.Call)
            caller = self.program.functions[site.function]
            by_caller.setdefault(site.function, set()).update(
                self.callees(site.node, caller)
            )
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            waiting.extend(by_caller.get(name, ()))
            # A function that is passed on by name is called by somebody.
            waiting.extend(
                inner
                for inner in self.program.functions
                if self.program.functions[inner].outer == name
            )
        return found

    def _owner(self, function: Function) -> str:
        at = function
        while not at.owner and at.outer:
            at = self.program.functions[at.outer]
        return at.owner


def is_self(node: ast.expr, function: Function) -> bool:
    """Tells whether an expression is the object itself."""
    return isinstance(node, ast.Name) and node.id == (function.self_name or "self")


def called_name(call: ast.Call) -> str:
    """Returns the last part of the name of what is called."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def bound_arguments(call: ast.Call, callee: Function) -> list[tuple[ast.expr, str]]:
    """Returns the arguments of a call with the parameters that they are bound to."""
    names = list(callee.parameters)
    positional = [a for a in call.args if not isinstance(a, ast.Starred)]
    pairs = list(zip(positional, names, strict=False))
    pairs += [(k.value, k.arg) for k in call.keywords if k.arg in names]
    for argument in call.args:
        if isinstance(argument, ast.Starred):
            pairs += [(argument.value, name) for name in names[len(positional) :]]
    return pairs
