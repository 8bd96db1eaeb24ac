"""Drawing one token from counts."""

import math
from collections.abc import Mapping, Sequence
from random import Random


class Dice:
    """Uniform numbers for one completion, from its seed.

    The generator is made at the first draw: most completions are forced and need none.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._random: Random | None = None

    def roll(self) -> float:
        """Returns the next uniform number in [0, 1)."""
        if self._random is None:
            # Mersenne Twister seeded by an integer: the same numbers in every Python.
            self._random = Random(self._seed)
        return self._random.random()


def choose(
    counts: Mapping[int, int], names: Sequence[str], temperature: float, dice: Dice
) -> int:
    """Returns a token, drawn in proportion to count^(1 / temperature).

    Temperature 0, the limit, picks evenly among the most frequent tokens. The tokens
    are put in the order of their texts, so the draw does not depend on their numbers.

    Args:
        counts: Tokens, by number, with how often each occurred.
        names: Text of every token.
        temperature: Above 1 evens the chances out, below 1 sharpens them.
        dice: Where chance comes from.
    """
    tokens = sorted(counts, key=names.__getitem__)
    top = max(counts.values())
    if temperature > 0:
        # Relative to the top count nothing overflows, however cold it is.
        weights = [math.exp(math.log(counts[t] / top) / temperature) for t in tokens]
    else:
        weights = [float(counts[token] == top) for token in tokens]
    left = dice.roll() * sum(weights)
    for token, weight in zip(tokens, weights, strict=True):
        left -= weight
        if left < 0:
            return token
    # Rounding can leave nothing over.
    return next(token for token in tokens if counts[token] == top)
