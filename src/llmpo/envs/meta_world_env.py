"""One Meta-World environment whose episode seed chooses the task.

Meta-World itself draws an episode's task before it looks at the seed of that
episode. Here episode seed s plays task `s mod 50` of the 50 that construction with
seed 0 makes, whatever was played before.
"""

from functools import cached_property
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

TASKS = 50
_CONSTRUCTION_SEED = 0


def make_meta_world(env_name: str) -> "gymnasium.Env[Array, Array]":
    """Builds a Meta-World environment, e.g. `pick-place-v3`, with reward v2."""
    from metaworld import MT1

    benchmark: Any = MT1(env_name, seed=_CONSTRUCTION_SEED)  # type: ignore[no-untyped-call]
    (original,) = benchmark.train_classes.values()
    simulator = with_array_contacts(original)(reward_function_version="v2")
    return SeededTasks(simulator, benchmark.train_tasks)


class SeededTasks(gymnasium.Wrapper[Array, Array, Array, Array]):
    """Plays the task that the episode seed names.

    Args:
        env: A bare Meta-World environment.
        tasks: The tasks to choose from.
    """

    def __init__(self, env: "gymnasium.Env[Array, Array]", tasks: list[Any]) -> None:
        super().__init__(env)
        self._tasks = tasks
        # Meta-World declares the goal's bounds before it makes the goal visible and
        # does not clip the first observation, so its own space is too narrow.
        self.observation_space = gymnasium.spaces.Box(
            -np.inf, np.inf, env.observation_space.shape, np.float64
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Starts task `seed` modulo the number of tasks; any task without a seed."""
        number = self.np_random.integers(len(self._tasks)) if seed is None else seed
        task = self._tasks[int(number) % len(self._tasks)]
        self.unwrapped.set_task(task)  # type: ignore[attr-defined]
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, {**info, "success": 0.0}


def with_array_contacts(original: type[Any]) -> type[Any]:
    """Returns a Meta-World class with its search for contacts done on arrays.

    Meta-World walks all contacts twice in Python at each step of the tasks with a
    grasp, which takes half of the step. The result is the same.
    """

    class ArrayContacts(original):  # type: ignore[misc]
        def touching_object(self, object_geom_id: int) -> bool:
            """Returns whether both finger pads press on an object."""
            contact = self.data.contact
            geoms = contact.geom
            on_object = (geoms == object_geom_id).any(axis=1)
            if not on_object.any():
                return False
            geoms = geoms[on_object]
            addresses = contact.efc_address[on_object]
            return all(
                self._total_force(addresses[(geoms == pad).any(axis=1)]) > 0
                for pad in self._pad_geom_ids
            )

        def _total_force(self, addresses: npt.NDArray[np.int32]) -> float:
            # Added in contact order as Meta-World does, so that rounding agrees.
            forces: list[float] = self.data.efc_force[addresses].tolist()
            return sum(forces)

        @cached_property
        def _pad_geom_ids(self) -> tuple[int, int]:
            names = "leftpad_geom", "rightpad_geom"
            left, right = (self.data.geom(name).id for name in names)
            return left, right

    # Meta-World reports the class name as the task's name.
    ArrayContacts.__name__ = original.__name__
    ArrayContacts.__qualname__ = original.__qualname__
    return ArrayContacts
