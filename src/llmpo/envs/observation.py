"""From a live simulator to the plain numbers a policy receives."""

import math
from typing import Any

import gymnasium
import numpy as np

from llmpo.envs.spec import EnvSpec, Field
from llmpo.errors import ConfigError
from llmpo.sandbox.contract import ActionLayout, FloatArray, ObservationLayout


def observation_layout(spec: EnvSpec) -> ObservationLayout:
    """Returns the wire layout of an environment's observations."""
    return ObservationLayout(
        class_name=spec.observation_class,
        fields=tuple((field.name, field.shape) for field in spec.fields),
        constants=dict(spec.constants),
        concatenations=dict(spec.concatenations),
        modules=spec.release_modules,
        module_source=spec.release_source,
        counts={field.name: field.count for field in spec.fields if field.count},
    )


def action_layout(env: "gymnasium.Env[Any, Any]") -> ActionLayout:
    """Returns which actions an environment accepts.

    Raises:
        ConfigError: The action space is neither integers from 0 on nor a box.
    """
    space = env.action_space
    if isinstance(space, gymnasium.spaces.Discrete) and space.start == 0:
        return ActionLayout(kind="discrete", n=int(space.n))
    if isinstance(space, gymnasium.spaces.Box):
        return ActionLayout(
            kind="box",
            shape=tuple(space.shape),
            low=tuple(float(low) for low in space.low.ravel()),
            high=tuple(float(high) for high in space.high.ravel()),
        )
    raise ConfigError(
        f"Reading the action space of {env}: found {space}, but only "
        "Discrete spaces that start at 0 and Box spaces are supported. Wrap the "
        "environment to convert its actions."
    )


class ObservationReader:
    """Reads a spec's fields from a live environment into one flat buffer.

    Args:
        spec: The environment's spec.
        env: The instance whose observations will be read.
    """

    def __init__(self, spec: EnvSpec, env: "gymnasium.Env[Any, Any]") -> None:
        self._spec = spec
        self._env = env.unwrapped
        sizes = [math.prod(field.shape) for field in spec.fields]
        self._buffer: FloatArray = np.empty(sum(sizes), dtype=np.float64)
        # Views into the buffer are made once: this runs at every step of a rollout.
        self._targets = []
        start = 0
        for field, size in zip(spec.fields, sizes, strict=True):
            view = self._buffer[start : start + size].reshape(field.shape)
            self._targets.append((field.read, view))
            start += size

    def read(self, raw_obs: Any) -> bytes:
        """Returns the present observation as float64 bytes in wire order.

        The bytes are a copy of the simulator's state at this moment.

        Raises:
            ConfigError: A field cannot be read or does not fit its declared shape.
        """
        env = self._env
        try:
            for read, view in self._targets:
                view[...] = read(raw_obs, env)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise ConfigError(
                f"Reading an observation of environment {self._spec.id}: "
                f"{' '.join(self.violations(raw_obs)) or error} Correct the spec."
            ) from error
        return self._buffer.tobytes()

    def violations(self, raw_obs: Any) -> list[str]:
        """Compares each field's declaration with its present value.

        Returns:
            One sentence for each field that cannot be read, has another shape than
            declared, or is not finite; slower and stricter than `read`.
        """
        found = (self._violation(field, raw_obs) for field in self._spec.fields)
        return [sentence for sentence in found if sentence]

    def _violation(self, field: Field, raw_obs: Any) -> str:
        try:
            value = np.asarray(field.read(raw_obs, self._env), dtype=np.float64)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            return (
                f"Field {field.name!r} cannot be read as numbers "
                f"({type(error).__name__}: {error})."
            )
        if value.shape != field.shape:
            return (
                f"Field {field.name!r} is declared with shape {field.shape} but has "
                f"shape {value.shape}."
            )
        if not np.isfinite(value).all():
            return f"Field {field.name!r} holds a value that is not finite."
        return ""
