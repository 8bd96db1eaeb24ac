"""Prompt templates (`<method>/<name>.v<N>.md`) and how they are rendered.

A changed template is a changed experiment: raise its version by adding a file. Every
number that enters a prompt is rounded to a few significant digits, so that a replay
on another machine, whose last bits differ, asks for the same recorded answer.
"""

import math
import re
from functools import cache
from typing import Any

import jinja2

_FLOAT = re.compile(
    r"(?<![\w.])[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?(?![\w.]*\d)"
)


def render(template: str, digits: int, **values: Any) -> str:
    """Renders a template.

    Args:
        template: Name with version, e.g. `promptpo/policy@1`.
        digits: Significant digits of every number the template prints.
        values: What the template needs; a missing one is an error.
    """
    name, _, version = template.partition("@")
    page = _templates().get_template(f"{name}.v{version}.md")
    return page.render(digits=digits, **values).strip() + "\n"


def round_number(value: float, digits: int) -> str:
    """Returns a number with so many significant digits, the shortest way."""
    if not math.isfinite(value):
        return str(value)
    rounded = float(f"{value:.{digits}g}")
    if rounded == 0:
        return "0"
    if 1e-4 <= abs(rounded) < 1e9:
        text = f"{rounded:.{digits + 4}f}"
        return text.rstrip("0").rstrip(".")
    return f"{rounded:.{digits}g}"


def round_text(text: str, digits: int) -> str:
    """Returns the text with every decimal number in it rounded; integers stay."""
    return _FLOAT.sub(lambda match: round_number(float(match[0]), digits), text)


@cache
def _templates() -> jinja2.Environment:
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("llmpo", "prompts"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )

    @jinja2.pass_context
    def number(context: jinja2.runtime.Context, value: float) -> str:
        return round_number(value, context["digits"])

    @jinja2.pass_context
    def numbers(context: jinja2.runtime.Context, values: list[float]) -> str:
        return ", ".join(round_number(value, context["digits"]) for value in values)

    @jinja2.pass_context
    def rounded(context: jinja2.runtime.Context, text: str) -> str:
        return round_text(text, context["digits"])

    templates.filters.update(number=number, numbers=numbers, rounded=rounded)
    return templates
