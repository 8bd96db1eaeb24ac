"""How strongly the data say that one token depends on another.

A split of candidates by the token in some slot is judged by the marginal likelihood
of the next tokens: each group's next tokens come from an unknown distribution of its
own, with a Dirichlet prior of 1/2 per symbol. Many small groups explain anything and
are punished for it, so a number that is different every time does not look relevant.
"""

import math

import numpy as np
from numpy.typing import NDArray

from llmpo.llm.predictors.library import Numbers

# Whole numbers held as floats: fixed-point numbers of this scale add up to the same
# sum in any order, so equal splits tie exactly.
Scores = NDArray[np.float64]
_SCALE = 2.0**24

# A full table of counts is faster than sorting up to this many cells per token.
_DENSE = 16


class Likelihood:
    """Tables of the Dirichlet-multinomial log likelihood, prior 1/2 per symbol."""

    def __init__(self) -> None:
        self._size = 0
        self._cells: Scores = np.zeros(0)
        self._groups: dict[int, Scores] = {}

    def tables(self, kinds: int, total: int) -> tuple[Scores, Scores]:
        """Returns the terms of a cell and of a group by count, up to a total.

        Args:
            kinds: Number of different symbols.
            total: Largest count needed.
        """
        if total >= self._size:
            self._size = max(1024, 2 * total)
            self._cells = self._terms(0.5)
            self._groups.clear()
        if kinds not in self._groups:
            if len(self._groups) >= 64:
                self._groups.clear()
            self._groups[kinds] = -self._terms(kinds / 2)
        return self._cells, self._groups[kinds]

    def _terms(self, prior: float) -> Scores:
        start = math.lgamma(prior)
        terms = [math.lgamma(prior + count) - start for count in range(self._size)]
        return np.rint(np.array(terms) * _SCALE)


def gains(
    tokens: Numbers,
    starts: Numbers,
    size: int,
    symbols: Numbers,
    kinds: int,
    weights: Scores,
    terms: tuple[Scores, Scores],
) -> tuple[Scores, Numbers]:
    """Returns how much splitting by each slot raises the log marginal likelihood.

    Args:
        tokens: Token of each candidate in each slot, shape (candidates, slots), as
            numbers that no two slots share. In the first slot all tokens are 0.
        starts: The smallest number of each slot's tokens, in ascending order.
        size: Larger than every token.
        symbols: Next token of each candidate, numbered from 0 on.
        kinds: How many different symbols there are.
        weights: How often each candidate occurs, in whole numbers.
        terms: Terms of the likelihood of cells and groups, see `Likelihood`.

    Returns:
        The gain of each slot, and how often each token occurs.
    """
    of_cells, of_groups = terms
    repeated = weights.repeat(tokens.shape[1])
    if kinds * size <= _DENSE * tokens.size:
        keys = tokens + (symbols * size)[:, None]
        cells = np.bincount(keys.ravel(), repeated, kinds * size).astype(np.intp)
        cells = cells.reshape(kinds, size)
        groups = np.add.reduce(cells, 0)
        scores = np.add.reduce(of_cells.take(cells), 0)
    else:
        groups = np.bincount(tokens.ravel(), repeated, size).astype(np.intp)
        keys = (tokens * kinds + symbols[:, None]).ravel()
        order = keys.argsort()
        keys = keys[order]
        places = np.flatnonzero(np.diff(keys, prepend=-1))
        cells = np.add.reduceat(repeated[order], places).astype(np.intp)
        scores = np.bincount(keys[places] // kinds, of_cells.take(cells), size)
    scores += of_groups.take(groups)
    splits = np.add.reduceat(scores, starts)
    # The first slot does not split anything.
    return splits - splits[0], groups
