"""Policies that are rules with a name: random, zero, expert.

The document is `{"rule": NAME, "version": VERSION}`. Everything else a rule needs comes
from the environment it is played in.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np

from llmpo.envs.spec import EnvSpec
from llmpo.errors import ConfigError, DataError
from llmpo.rollout import neutral_action
from llmpo.sandbox.contract import FloatArray
from llmpo.seeds import generator

if TYPE_CHECKING:
    from llmpo.rollout import Actor

Env = gymnasium.Env[Any, Any]

# Raised whenever a rule or one of the shipped experts acts differently, so that
# evaluations of the old one are not taken for those of the new one.
RULES_VERSION = 1


def rule_document(rule: str) -> dict[str, Any]:
    """Returns the document of a rule."""
    return {"rule": rule, "version": RULES_VERSION}


def load_rule(document: dict[str, Any], spec: EnvSpec, env: Env) -> "Actor":
    """Returns the actor that a rule's document describes.

    Raises:
        DataError: There is no such rule in this version.
        ConfigError: The rule does not fit the environment.
    """
    name = str(document.get("rule"))
    if name not in _RULES:
        raise DataError(
            f"Loading a rule policy for {spec.label}: there is no rule {name!r}; known "
            f"are {', '.join(_RULES)}. The record that holds it is damaged or of "
            "another version of llmpo; delete it and run again."
        )
    if document != rule_document(name):
        raise DataError(
            f"Loading the rule {name!r} for {spec.label}: it was recorded as "
            f"{document}, but this is llmpo with rules of version {RULES_VERSION}. "
            "Delete the record that holds it and run again."
        )
    return _RULES[name](spec, env)


class RandomActor:
    """Draws each action uniformly from the action space.

    Args:
        space: Discrete, or a box with finite bounds.
    """

    def __init__(self, space: "gymnasium.Space[Any]") -> None:
        self._space = space
        self._rng = np.random.default_rng(0)

    def begin_episode(self, seed: int) -> None:
        """Seeds the draws.

        The stream has a name of its own: environments seed theirs with the plain
        number, and the actions must not go together with what happens.
        """
        self._rng = generator("random policy", seed)

    def act(self, observation: Any) -> FloatArray | int:
        """Returns an action that does not depend on the observation."""
        space = self._space
        if isinstance(space, gymnasium.spaces.Discrete):
            return int(space.start + self._rng.integers(space.n))
        assert isinstance(space, gymnasium.spaces.Box)
        return self._rng.uniform(space.low, space.high)


class ConstantActor:
    """Always takes the same action."""

    def __init__(self, action: FloatArray | int) -> None:
        self._action = action

    def begin_episode(self, seed: int) -> None:
        """Does nothing: every episode is played alike."""

    def act(self, observation: Any) -> FloatArray | int:
        """Returns the action."""
        return self._action


def _random(spec: EnvSpec, env: Env) -> "Actor":
    space = env.action_space
    fits = isinstance(space, gymnasium.spaces.Discrete) or (
        isinstance(space, gymnasium.spaces.Box) and space.is_bounded()
    )
    if not fits:
        raise ConfigError(
            f"The random policy cannot play {spec.label}: its action space {space} is "
            "neither discrete nor bounded, so there is no uniform distribution on it. "
            "Leave the random policy out there."
        )
    return RandomActor(space)


def _zero(spec: EnvSpec, env: Env) -> "Actor":
    return ConstantActor(neutral_action(env.action_space))


def _expert(spec: EnvSpec, env: Env) -> "Actor":
    if spec.expert is None:
        raise ConfigError(f"There is no expert for {spec.label}; leave it out there.")
    return spec.expert(env)


_RULES: Mapping[str, Callable[[EnvSpec, Env], "Actor"]] = MappingProxyType(
    {"random": _random, "zero": _zero, "expert": _expert}
)
