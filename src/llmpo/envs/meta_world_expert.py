"""Meta-World's own scripted policies as experts.

They are controllers written by hand for each task, which Meta-World uses to show that
its tasks can be solved. They read the same 39 numbers as everybody else.
"""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

NOTE = (
    "The scripted policy that comes with Meta-World (metaworld.policies): phases of "
    "proportional control of the hand, written by hand for the task."
)


class ScriptedExpert:
    """Plays the scripted policy of one Meta-World environment.

    Args:
        name: The environment's name, e.g. `pick-place-v3`.
    """

    def __init__(self, name: str) -> None:
        from metaworld.policies import ENV_POLICY_MAP

        self._make: Any = ENV_POLICY_MAP[name]
        self._policy: Any = None

    def begin_episode(self, seed: int) -> None:
        """Starts with a new policy object; the policies are deterministic."""
        self._policy = self._make()

    def act(self, observation: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Returns the scripted action, limited to the action space."""
        # A copy, because some of the policies edit what they are given. They also warn
        # of actions beyond the limits, which is how they go at full speed.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            action = self._policy.get_action(np.array(observation, dtype=np.float64))
        return np.clip(np.asarray(action, dtype=np.float64), -1.0, 1.0)
