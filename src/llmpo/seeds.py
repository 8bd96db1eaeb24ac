"""Seeds: every random draw of a run comes from a stream named after its purpose.

A stream's seed is a stable hash of its name, so it is the same in every process, on
every machine and for every order of execution. Episode seeds used to select policies
and those used to report results come from disjoint ranges of integers.
"""

import hashlib

import numpy as np

# Episode seeds are 31-bit, which every simulator accepts. The upper bit separates
# reporting seeds from all seeds a method may see.
_SELECTION_RANGE = range(0, 2**30)
_REPORTING_RANGE = range(2**30, 2**31)


def stable_hash(*names: str | int) -> int:
    """Returns a 64-bit hash of the names, the same in every process."""
    text = "\x1f".join(f"{type(name).__name__}:{name}" for name in names)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def generator(*names: str | int) -> np.random.Generator:
    """Returns the random generator of the stream with these names."""
    return np.random.default_rng(stable_hash(*names))


def selection_seeds(count: int, *names: str | int) -> tuple[int, ...]:
    """Returns distinct episode seeds a method may use to compare its policies."""
    return _draw(_SELECTION_RANGE, count, "selection", *names)


def reporting_seeds(count: int, *names: str | int) -> tuple[int, ...]:
    """Returns distinct episode seeds for reported results; no method ever sees them."""
    return _draw(_REPORTING_RANGE, count, "reporting", *names)


def _draw(seeds: range, count: int, *names: str | int) -> tuple[int, ...]:
    chosen: dict[int, None] = {}
    rng = generator(*names)
    while len(chosen) < count:
        chosen[int(rng.integers(seeds.start, seeds.stop))] = None
    return tuple(chosen)
