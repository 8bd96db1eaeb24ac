"""A label of a program, with the lines that justify it."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from llmpo.gallery.program import Program

# In the order in which they are shown; docs/gallery.md defines each.
LABELS = (
    "state machine",
    "proportional control",
    "proportional-derivative control",
    "oscillator",
    "open loop",
    "search",
    "dynamic programming",
    "model-based optimisation",
    "learning online",
    "rule-based",
    "random",
    "constant",
)
UNCLASSIFIED = "unclassified"
_MOST_EVIDENCE = 6


@dataclass(frozen=True)
class Evidence:
    """A source line and what it shows."""

    line: int
    text: str
    shows: str


@dataclass(frozen=True)
class Label:
    """What kind of controller a program is, or is among other things.

    Attributes:
        name: One of `LABELS`.
        rule: Name of the rule that found it.
        evidence: The lines that justify it, in order; never empty.
    """

    name: str
    rule: str
    evidence: tuple[Evidence, ...]


def make_label(
    program: Program, name: str, rule: str, lines: Iterable[tuple[ast.AST | int, str]]
) -> Label:
    """Returns a label whose evidence is sorted, without repetitions, and short."""
    found: dict[int, str] = {}
    for node, shows in lines:
        number = node if isinstance(node, int) else int(getattr(node, "lineno", 0))
        found.setdefault(number, shows)
        if len(found) == _MOST_EVIDENCE:
            break
    evidence = tuple(Evidence(n, program.line(n), found[n]) for n in sorted(found))
    return Label(name, rule, evidence)
