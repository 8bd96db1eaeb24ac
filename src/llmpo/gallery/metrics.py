"""The size of a program, and what of the observation it looks at."""

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from llmpo.gallery.facts import Facts, Place, bound_arguments, called_name
from llmpo.gallery.flow import Flow
from llmpo.gallery.program import Program, source_lines

_BRANCHING = (
    *(ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler),
    *(ast.Assert, ast.match_case),
)


@dataclass(frozen=True)
class Metrics:
    """Size of a program.

    Attributes:
        lines: Lines of text.
        logical_lines: Statements; 0 where the program is no Python.
        functions: Functions and methods.
        cyclomatic: Decisions plus one for each function, summed over them.
        constants: Numbers written in the code.
        numpy: Functions of numpy that it calls, by name.
        observed: Attributes of the observation that it reads, by name.
        keeps_state: Whether it carries anything from one step to the next.
    """

    lines: int
    logical_lines: int = 0
    functions: int = 0
    cyclomatic: int = 0
    constants: int = 0
    numpy: tuple[str, ...] = ()
    observed: tuple[str, ...] = ()
    keeps_state: bool = False


def measure(
    source: str, program: Program | None = None, flow: Flow | None = None
) -> Metrics:
    """Returns the size of a program; of an unreadable one only its lines."""
    lines = len(source_lines(source.rstrip())) if source.strip() else 0
    if program is None or flow is None:
        return Metrics(lines)
    nodes = list(ast.walk(program.tree))
    decisions = sum(isinstance(node, _BRANCHING) for node in nodes)
    decisions += sum(len(n.values) - 1 for n in nodes if isinstance(n, ast.BoolOp))
    decisions += sum(1 + len(n.ifs) for n in nodes if isinstance(n, ast.comprehension))
    functions = sum(
        isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) for n in nodes
    )
    return Metrics(
        lines=lines,
        logical_lines=_logical_lines(source),
        functions=functions,
        cyclomatic=decisions + functions,
        constants=sum(_is_number(node) for node in nodes),
        numpy=_numpy_calls(program),
        observed=_observed(flow.facts),
        keeps_state=bool(flow.memory.carried),
    )


def _logical_lines(source: str) -> int:
    """Counts statements as the tokenizer ends them, which leaves out comments."""
    count = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            count += token.type == tokenize.NEWLINE
    except (tokenize.TokenError, SyntaxError):
        return count
    return count


def _is_number(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, int | float | complex)
        and not isinstance(node.value, bool)
    )


def _numpy_calls(program: Program) -> tuple[str, ...]:
    modules, own = set(), {}
    for node in ast.walk(program.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "numpy":
                    modules.add(alias.asname or "numpy")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "numpy"
        ):
            own.update({a.asname or a.name: a.name for a in node.names})
    found = set()
    for node in ast.walk(program.tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func) if _is_dotted(node.func) else ""
        root, _, rest = name.partition(".")
        if root in modules and rest:
            found.add(rest)
        elif name in own:
            found.add(own[name])
    return tuple(sorted(found))


def _is_dotted(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _observed(facts: Facts) -> tuple[str, ...]:
    """Returns the attributes read from whatever is the observation object itself."""
    act = facts.program.functions.get("act")
    if act is None or not act.parameters:
        return ()
    objects = {("act", act.parameters[0])}
    while True:
        more = set(objects)
        for write in facts.writes:
            at = facts.program.functions[write.function]
            if write.kind == "assign" and facts.place_of(write.value, at) in objects:
                more.add(write.place)
        for site in facts.calls:
            assert isinstance(site.node, ast.Call)
            at = facts.program.functions[site.function]
            for name in facts.callees(site.node, at):
                callee = facts.program.functions[name]
                for argument, parameter in bound_arguments(site.node, callee):
                    if facts.place_of(argument, at) in objects:
                        more.add((name, parameter))
        if more == objects:
            break
        objects = more
    return tuple(sorted(set(_reads(facts, objects))))


def _reads(facts: Facts, objects: set[Place]) -> Iterator[str]:
    for function in facts.program.functions.values():
        for node in ast.walk(function.node):
            if isinstance(node, ast.Attribute):
                read, name = node.value, node.attr
            elif isinstance(node, ast.Call) and (name := _asked_by_name(node)):
                read = node.args[0]
            else:
                continue
            if facts.place_of(read, function) in objects:
                yield name


def _asked_by_name(call: ast.Call) -> str:
    """Returns the attribute that `getattr(x, "name")` asks for; "" for other calls."""
    if called_name(call) == "getattr" and len(call.args) > 1:
        asked = call.args[1]
        return str(asked.value) if isinstance(asked, ast.Constant) else ""
    return ""
