"""Parsing a generated program without ever running it, and finding its parts.

A program is untrusted text: it may be no Python at all, enormous, or nested deeper than
any reader of syntax trees can follow. All of that ends in `UnreadableProgram`.
"""

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

# Three times what the largest shipped policy has, and little enough for a few seconds.
LARGEST_SOURCE = 150_000
_MOST_NODES = 40_000
_DEEPEST_TREE = 200


class UnreadableProgram(Exception):
    """A program that cannot be analysed; the message says why."""


@dataclass(frozen=True)
class Function:
    """A function or method of a program.

    Attributes:
        name: Its plain name for a method of the policy class, `Class.name` for methods
            of other classes, `outer.name` for nested functions.
        owner: Name of the class it is a method of; "" for other functions.
        outer: Name of the function it is nested in; "" at the top.
        node: Its syntax tree.
        parameters: Names of its parameters, `self` left out.
        self_name: What a method calls its object; "" for static methods and functions.
    """

    name: str
    owner: str
    outer: str
    node: FunctionNode
    parameters: tuple[str, ...]
    self_name: str


@dataclass(frozen=True)
class Program:
    """A parsed program.

    Attributes:
        lines: Its source lines.
        tree: Its syntax tree.
        policy: Name of the class with the method `act`; "" if there is none.
        functions: All functions by name, those of the policy class first.
        by_method: Names of the functions that a method call `x.name(...)` may mean.
    """

    lines: tuple[str, ...]
    tree: ast.Module
    policy: str
    functions: dict[str, Function]
    by_method: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def line(self, number: int) -> str:
        """Returns a source line without its indentation; "" outside the program."""
        return self.lines[number - 1].strip() if 0 < number <= len(self.lines) else ""


def source_lines(source: str) -> list[str]:
    """Returns the lines of a program as Python counts them."""
    return re.split(r"\r\n|\r|\n", source)


def parse_program(source: str) -> Program:
    """Parses a program.

    Raises:
        UnreadableProgram: It is no Python, too large or too deeply nested.
    """
    if len(source) > LARGEST_SOURCE:
        raise UnreadableProgram(
            f"the program has {len(source)} characters, more than {LARGEST_SOURCE}"
        )
    # Lone surrogates cannot be encoded, and the parser reads bytes.
    source = source.encode("utf-8", "replace").decode()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as invalid escapes in strings
            tree = ast.parse(source)
    except SyntaxError as error:
        where = f" in line {error.lineno}" if error.lineno else ""
        raise UnreadableProgram(f"syntax error{where}: {error.msg}") from None
    except ValueError as error:
        raise UnreadableProgram(f"no Python source: {error}") from None
    except (RecursionError, MemoryError):
        raise UnreadableProgram("the program is nested too deeply") from None
    _check_size(tree)
    return _find_parts(source, tree)


def _check_size(tree: ast.AST) -> None:
    count = 0
    level: list[ast.AST] = [tree]
    depth = 0
    while level:
        count += len(level)
        depth += 1
        if count > _MOST_NODES:
            raise UnreadableProgram("the program is too large")
        if depth > _DEEPEST_TREE:
            raise UnreadableProgram("the program is nested too deeply")
        level = [child for node in level for child in ast.iter_child_nodes(node)]


def _find_parts(source: str, tree: ast.Module) -> Program:
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    acting = [node for node in classes if _method(node, "act") is not None]
    # A model may define a base class first; the harness looks for `...Policy`.
    named = [node for node in acting if node.name.endswith("Policy")]
    policy = (named or acting)[-1] if acting else None
    functions: dict[str, Function] = {}
    by_method: dict[str, list[str]] = {}
    for owner in sorted(classes, key=lambda node: node is not policy):
        for node in owner.body:
            if isinstance(node, FunctionNode):
                name = node.name if owner is policy else f"{owner.name}.{node.name}"
                _add(functions, node, name, owner=owner.name)
                by_method.setdefault(node.name, []).append(name)
    for statement in tree.body:
        if isinstance(statement, FunctionNode) and statement.name not in functions:
            _add(functions, statement, statement.name)
    return Program(
        lines=tuple(source_lines(source)),
        tree=tree,
        policy=policy.name if policy else "",
        functions=functions,
        by_method={name: tuple(found) for name, found in by_method.items()},
    )


def _method(owner: ast.ClassDef, name: str) -> FunctionNode | None:
    for node in owner.body:
        if isinstance(node, FunctionNode) and node.name == name:
            return node
    return None


def _add(
    functions: dict[str, Function],
    node: FunctionNode,
    name: str,
    owner: str = "",
    outer: str = "",
) -> None:
    arguments = node.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    is_static = any(
        isinstance(mark, ast.Name) and mark.id == "staticmethod"
        for mark in node.decorator_list
    )
    self_name = names.pop(0) if owner and names and not is_static else ""
    names += [a.arg for a in arguments.kwonlyargs]
    names += [a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None]
    functions[name] = Function(name, owner, outer, node, tuple(names), self_name)
    for inner in _inner_functions(node):
        _add(functions, inner, f"{name}.{inner.name}", outer=name)


def _inner_functions(node: ast.AST) -> Iterator[FunctionNode]:
    """Yields the functions defined directly within one, not those within these."""
    waiting = list(ast.iter_child_nodes(node))
    while waiting:
        child = waiting.pop(0)
        if isinstance(child, FunctionNode):
            yield child
        elif not isinstance(child, ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(child))
