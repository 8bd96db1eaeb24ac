"""What crosses the pipe between the harness and a generated program.

Observations travel as one flat float64 buffer; the layout, sent once as JSON, says
which slice is which named field. Actions travel back as raw float64.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ObservationLayout:
    """How to rebuild observation objects from flat float64 buffers.

    Attributes:
        class_name: Name of the class of the observation objects.
        fields: (name, shape) in wire order; shape () means a Python float.
        constants: Plain JSON values every object carries as further attributes.
        concatenations: Method name -> names of the fields it joins into one array.
        modules: Further modules a program may import the class from.
        module_source: Python source of what else these modules hold.
        counts: Array field -> the field that says how many of its leading entries an
            object gets; the buffer always has room for all.
    """

    class_name: str
    fields: tuple[tuple[str, tuple[int, ...]], ...]
    constants: Mapping[str, Any] = field(default_factory=dict)
    concatenations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    module_source: str = ""
    counts: Mapping[str, str] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Number of float64 values of one observation."""
        return sum(math.prod(shape) for _, shape in self.fields)


@dataclass(frozen=True)
class ActionLayout:
    """Which actions are valid.

    Attributes:
        kind: `discrete` (integers 0 to n - 1) or `box`.
        n: Number of discrete actions; 0 for a box.
        shape: Shape of a box action; () for discrete.
        low: Lower bounds of a box action, flattened.
        high: Upper bounds of a box action, flattened.
    """

    kind: Literal["discrete", "box"]
    n: int = 0
    shape: tuple[int, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """Number of float64 values of one action."""
        return 1 if self.kind == "discrete" else math.prod(self.shape)


@dataclass(frozen=True)
class PolicyContract:
    """All a sandboxed process must know to host a policy.

    Attributes:
        class_name: Expected name of the policy class.
        lifetime: `episode` makes a fresh module and object for each episode, `run`
            keeps one object for all episodes, as PromptPO's release does.
    """

    class_name: str
    observation: ObservationLayout
    action: ActionLayout
    lifetime: Literal["episode", "run"] = "episode"

    def as_json(self) -> dict[str, Any]:
        """Returns the contract as plain JSON data, to be sent or hashed."""
        return asdict(self)


@dataclass(frozen=True)
class Trajectory:
    """One episode as flat arrays.

    Attributes:
        observations: (T + 1, width) array; the last row follows the last step.
        actions: (T, action width) array.
        rewards: (T,) array.
    """

    observations: FloatArray
    actions: FloatArray
    rewards: FloatArray

    def __len__(self) -> int:
        return len(self.rewards)
