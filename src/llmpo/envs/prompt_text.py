"""The three texts that describe an environment to a language model.

They are generated from the spec alone, so the same spec gives the same text on every
machine: numbers are rounded to six significant digits.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

from llmpo.envs.spec import EnvSpec, Field
from llmpo.sandbox.contract import ActionLayout

Lifetime = Literal["episode", "run"]

_LIFETIMES: Mapping[Lifetime, str] = {
    "episode": (
        "A new policy object is created without arguments before each episode. It may "
        "keep state in attributes from step to step; nothing carries over to the next "
        "episode."
    ),
    "run": (
        "One policy object is created without arguments and plays all episodes, one "
        "after the other. State in its attributes carries over from episode to "
        "episode, and it is not told when a new episode begins."
    ),
}


def observation_text(spec: EnvSpec) -> str:
    """Describes the observation objects: every field, constant and method."""
    parts = [
        f"An observation is an object of the class `{spec.observation_class}` with "
        "the attributes below. They are plain data: a `float` is a Python float, an "
        "array is a numpy array of dtype float64, and both are copies that belong to "
        "this observation alone.",
        "\n".join(_field_line(field) for field in spec.fields if field.in_prompt),
    ]
    if spec.constants:
        lines = [
            f"- `{name}` = {_rounded(value)}" for name, value in spec.constants.items()
        ]
        parts.append("\n".join(["The same in every observation:", *lines]))
    if spec.concatenations:
        lines = [
            f"- `{name}()`: one flat array of {_listed(fields)}"
            for name, fields in spec.concatenations.items()
        ]
        parts.append("\n".join(["Methods without arguments:", *lines]))
    return "\n\n".join(parts)


def implementation_text(
    spec: EnvSpec,
    action: ActionLayout,
    lifetime: Lifetime = "episode",
) -> str:
    """Describes the task and what a policy must do.

    Args:
        spec: The environment.
        action: Its actions, from `action_layout`.
        lifetime: Whether policy objects live for an episode or for all episodes.
    """
    parts = [
        ("Task", spec.task),
        ("Action", f"{spec.action_text} {_action_form(action)}"),
        ("Horizon", f"An episode has at most {spec.horizon} steps."),
        ("Environment", spec.dynamics_text),
        ("Success", spec.success_text),
        ("Policy object", _LIFETIMES[lifetime]),
    ]
    return "\n\n".join(f"{title}: {text}" for title, text in parts if text)


def reward_text(spec: EnvSpec) -> str:
    """Describes the reward, as source code, pseudo-code or in words."""
    return spec.reward_text


def _field_line(field: Field) -> str:
    kind = f"array of shape {field.shape}" if field.shape else "float"
    if field.count:
        kind = f"array of int({field.count}) numbers, at most {field.shape[0]}"
    unit = f", {field.unit}" if field.unit else ""
    return f"- `{field.name}`: {kind}{unit} - {field.meaning}"


def _action_form(action: ActionLayout) -> str:
    refusal = "Anything else counts as a failure of the policy"
    if action.kind == "discrete":
        return f"`act` must return an integer from 0 to {action.n - 1}. {refusal}."
    return (
        f"`act` must return a numpy array of floats of shape {action.shape}, "
        f"{_bounds(action)}. {refusal}, also values that are not finite or out of "
        "bounds, so limit them with `np.clip`."
    )


def _bounds(action: ActionLayout) -> str:
    intervals = [
        f"[{_rounded(low)}, {_rounded(high)}]"
        for low, high in zip(action.low, action.high, strict=True)
    ]
    if len(set(intervals)) == 1:
        return f"each entry within {intervals[0]}"
    return f"the entries within {', '.join(intervals)} in this order"


def _listed(fields: tuple[str, ...]) -> str:
    return " then ".join(f"`{name}`" for name in fields)


def _rounded(value: Any) -> str:
    """Writes a plain JSON value as Python, floats to six significant digits."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return repr(value)
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        pairs = (f"{key!r}: {_rounded(entry)}" for key, entry in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_rounded(entry) for entry in value) + "]"
    return str(value)
