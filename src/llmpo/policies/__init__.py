"""Policies that are plain data: networks, tables, named rules, ICPI's experience.

Unlike generated programs they are trusted and play in the harness's own process. Each
is one JSON document, so a record can hold it and a digest can name it.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llmpo.errors import DataError

if TYPE_CHECKING:
    import gymnasium

    from llmpo.envs.spec import EnvSpec
    from llmpo.rollout import Actor


def load_policy(
    kind: str, document: str, spec: "EnvSpec", env: "gymnasium.Env[Any, Any]"
) -> "Actor":
    """Returns the actor that a stored policy describes.

    Args:
        kind: `network`, `table`, `rule` or `icpi`.
        document: The policy as JSON text.
        spec: The environment it is for.
        env: The instance that it will be played in.

    Raises:
        DataError: The document is not such a policy, or not for this environment.
    """
    load = _loader(kind)
    try:
        value = json.loads(document)
    except json.JSONDecodeError as error:
        raise DataError(
            f"Loading a {kind} policy for {spec.label}: it is not JSON ({error.msg})."
        ) from None
    if not isinstance(value, dict):
        raise DataError(
            f"Loading a {kind} policy for {spec.label}: it is not a JSON object."
        )
    return load(value, spec, env)


def _loader(kind: str) -> "Callable[[dict[str, Any], EnvSpec, Any], Actor]":
    match kind:
        case "network":
            from llmpo.policies.network import load_network

            return load_network
        case "table":
            from llmpo.policies.table import load_table

            return load_table
        case "rule":
            from llmpo.policies.rules import load_rule

            return load_rule
        case "icpi":
            from llmpo.methods.icpi.policy import load_icpi

            return load_icpi
    raise DataError(
        f"There are no {kind!r} policies; known are network, table, rule, icpi."
    )
