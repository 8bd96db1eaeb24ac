"""Builds the objects a policy sees from flat float64 buffers.

Each object is rebuilt from fresh copies, so a policy may keep or change what it gets,
and nothing but numbers, arrays and constants hangs on it.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_IMMUTABLE = (str, int, float, bool, type(None))


class ObservationFactory:
    """Makes observation objects from one fixed buffer.

    Attributes:
        values: The flat float64 values the next object is built from.
        observation_class: The current class of the objects.
        build: Returns a new object of that class.
    """

    def __init__(self, layout: Mapping[str, Any], values: FloatArray) -> None:
        self.values = values
        self._name: str = layout["class_name"]
        self._constants: dict[str, Any] = layout["constants"]
        self._concatenations: dict[str, Sequence[str]] = layout["concatenations"]
        self._fields: list[tuple[str, list[int]]] = layout["fields"]
        self._counts: dict[str, str] = layout["counts"]
        names = [name for name, _ in self._fields]
        for name in (self._name, *names, *self._constants, *self._concatenations):
            if not name.isidentifier():
                raise ValueError(f"{name!r} is not a Python name")
        self._code = compile(self._build_source(), "<observation>", "exec")
        self._methods = compile(self._method_source(), "<observation>", "exec")
        self.observation_class: type = object
        self.build: Callable[[], Any] = object
        self.renew()

    def renew(self) -> None:
        """Makes a new class, so that nothing a policy hung on the old one survives."""
        # Methods live in a namespace of their own: a policy that looks at the globals
        # of an observation's methods finds numpy and nothing else.
        members: dict[str, Any] = {}
        exec(self._methods, {"np": np, "__name__": "observation"}, members)
        self.observation_class = type(
            self._name, (), {"__module__": "observation", **members}
        )
        constants = {
            f"constant_{name}": value
            if isinstance(value, _IMMUTABLE)
            else copy.deepcopy(value)
            for name, value in self._constants.items()
        }
        namespace: dict[str, Any] = {
            "values": self.values,
            "item": self.values.item,
            "new": object.__new__,
            "cls": self.observation_class,
            **constants,
        }
        exec(self._code, namespace)
        self.build = namespace["build"]

    def _build_source(self) -> str:
        """Returns a straight-line constructor: per-step cost counts."""
        lines = ["def build():", "    self = new(cls)"]
        starts: dict[str, int] = {}
        start = 0
        for name, shape in self._fields:
            starts[name] = start
            start += int(np.prod(shape, dtype=int))
        for name, shape in self._fields:
            start = starts[name]
            stop = start + int(np.prod(shape, dtype=int))
            if name in self._counts:
                count = f"int(item({starts[self._counts[name]]}))"
                lines.append(
                    f"    self.{name} = values[{start}:{stop}][:{count}].copy()"
                )
            elif not shape:
                lines.append(f"    self.{name} = item({start})")
            elif len(shape) == 1:
                lines.append(f"    self.{name} = values[{start}:{stop}].copy()")
            else:
                lines.append(
                    f"    self.{name} = "
                    f"values[{start}:{stop}].reshape({tuple(shape)}).copy()"
                )
        lines += [f"    self.{name} = constant_{name}" for name in self._constants]
        return "\n".join([*lines, "    return self"])

    def _method_source(self) -> str:
        lines = [
            "def __repr__(self):",
            "    values = ', '.join(f'{k}={v!r}' for k, v in vars(self).items())",
            "    return f'{type(self).__name__}({values})'",
        ]
        for method, parts in self._concatenations.items():
            joined = ", ".join(f"np.ravel(self.{part})" for part in parts)
            lines += [f"def {method}(self):", f"    return np.concatenate([{joined}])"]
        return "\n".join(lines)


class Step:
    """One step of a trajectory: what was seen, done, earned and seen next."""

    def __init__(
        self, observation: Any, action: Any, reward: float, next_observation: Any
    ) -> None:
        self.observation = observation
        self.action = action
        self.reward = reward
        self.next_observation = next_observation


def trajectory(
    factory: ObservationFactory,
    action: Mapping[str, Any],
    records: str,
    data: FloatArray,
    steps: int,
) -> list[Any]:
    """Returns one episode as the list a feedback class summarizes.

    Args:
        factory: Builds the observations.
        action: The action layout.
        records: `observations` (one object a step, as the policy saw it before the
            step) or `steps` (also action, reward and next observation).
        data: Observations (one row more than steps in mode `steps`), then in mode
            `steps` actions and rewards, all flat.
        steps: Number of steps.
    """
    width = len(factory.values)
    rows = steps + 1 if records == "steps" else steps
    observations = []
    for row in data[: rows * width].reshape(rows, width):
        factory.values[:] = row
        observations.append(factory.build())
    if records == "observations":
        return observations
    rest = data[rows * width :]
    actions = rest[: len(rest) - steps].reshape(steps, -1) if steps else rest
    rewards = rest[len(rest) - steps :].tolist()
    discrete = action["kind"] == "discrete"
    shape = tuple(action["shape"])
    return [
        Step(
            observations[index],
            int(actions[index, 0])
            if discrete
            else actions[index].reshape(shape).copy(),
            rewards[index],
            observations[index + 1],
        )
        for index in range(steps)
    ]
