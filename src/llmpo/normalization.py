"""Scores on one scale for all environments: 0 is a poor policy, 1 the best known one.

    normalised = (score - zero) / (best - zero)

The constants are data with sources, in `data/reference_scores.csv`; 0 is what the
uniformly random policy scores unless the table gives another zero with its reason.
Nothing is clipped: a policy may be worse than the one or better than the other.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from llmpo.errors import DataError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ReferenceScore:
    """Constants of one environment.

    Attributes:
        environment: Id of the environment.
        random: Mean score of the uniformly random policy.
        random_source: Where it is from; `measured` means with llmpo, on 50 episodes.
        zero: Score that counts as 0.
        zero_source: Why it does.
        best: Best known score, which counts as 1; None when there is none.
        best_source: Where it is from.
    """

    environment: str
    random: float
    random_source: str
    zero: float
    zero_source: str
    best: float | None
    best_source: str

    @property
    def has_scale(self) -> bool:
        """Whether scores of the environment can be normalised."""
        return self.best is not None

    def normalize(self, scores: npt.ArrayLike) -> FloatArray:
        """Returns normalised scores.

        Raises:
            ValueError: The environment has no best known score.
        """
        if self.best is None:
            raise ValueError(f"{self.environment} has no best known score")
        array = np.asarray(scores, dtype=np.float64)
        return np.asarray((array - self.zero) / (self.best - self.zero))

    def denormalize(self, scores: npt.ArrayLike) -> FloatArray:
        """Returns scores on the environment's own scale.

        Raises:
            ValueError: The environment has no best known score.
        """
        if self.best is None:
            raise ValueError(f"{self.environment} has no best known score")
        array = np.asarray(scores, dtype=np.float64)
        return np.asarray(self.zero + array * (self.best - self.zero))


def reference_score(label: str) -> ReferenceScore | None:
    """Returns the constants of an environment; None where there are none.

    Options that only change what a policy or a prompt is told leave the scale as it
    is. Any other option, such as another reward, makes an environment without
    constants.

    Args:
        label: Label of the environment, e.g. `point_maze_large_v3[layout=shown]`.
    """
    name, _, options = label.partition("[")
    if name not in _table():
        return None
    scale_free, score = _table()[name]
    chosen = (option.partition("=")[0] for option in options.rstrip("]").split(","))
    return score if all(name in scale_free for name in chosen if name) else None


def normalize(values: npt.ArrayLike, label: str) -> FloatArray | None:
    """Returns normalised scores; None where the environment has no constants for it.

    Args:
        values: Finite scores of the environment.
        label: Label of the environment.
    """
    reference = reference_score(label)
    if reference is None or not reference.has_scale:
        return None
    return reference.normalize(values)


@cache
def _table() -> Mapping[str, tuple[frozenset[str], ReferenceScore]]:
    text = files("llmpo").joinpath("data", "reference_scores.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return MappingProxyType({row["environment"]: _entry(row) for row in rows})


def _entry(row: Mapping[str, str]) -> tuple[frozenset[str], ReferenceScore]:
    try:
        zero, best = row["zero"] or row["random"], row["best"]
        score = ReferenceScore(
            environment=row["environment"],
            random=float(row["random"]),
            random_source=row["random_source"],
            zero=float(zero),
            zero_source=row["zero_source"] or "the random policy",
            best=float(best) if best else None,
            best_source=row["best_source"],
        )
    except ValueError as error:
        raise DataError(
            f"Reading reference_scores.csv: the row of {row['environment']} holds "
            f"something else than numbers ({error}). Install llmpo again."
        ) from None
    return frozenset(row["scale_free_options"].split()), score
