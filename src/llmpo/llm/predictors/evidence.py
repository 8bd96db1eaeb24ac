"""How strongly the data say that one token depends on another.

A split of candidates by the token in some slot is judged by the marginal likelihood
of the next tokens: each group's next tokens come from an unknown distribution of its
own, with a Dirichlet prior of 1/2 per symbol. Many small groups explain anything and
are punished for it, so a number that is different every time does not look relevant.
"""

import math

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.int32]
Counts = NDArray[np.int64]
# Whole numbers held as floats: fixed-point numbers of this scale add up to the same
# sum in any order, so equal splits tie exactly.
Scores = NDArray[np.float64]
_SCALE = 2.0**24

# Counting into a table is faster than sorting up to this many cells per token.
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
    slots: Tokens, symbols: Tokens, weights: Counts, tables: Likelihood
) -> Scores:
    """Returns how much splitting by each slot raises the log marginal likelihood.

    Args:
        slots: Token of each candidate in each slot, shape (slots, candidates).
        symbols: Next token of each candidate.
        weights: How often each candidate occurs.
        tables: Terms of the likelihood.
    """
    height = len(slots)
    numbers, kinds = _numbered(symbols)
    keys, span = _numbered(slots)
    by_count = tables.tables(kinds, int(weights.sum()))
    if height * kinds * span <= _DENSE * slots.size:
        keys += numbers * span
        keys += (np.arange(height) * (kinds * span))[:, None]
        likelihoods = _counted(keys, weights, kinds, span, by_count)
    else:
        keys *= kinds
        keys += numbers
        keys += (np.arange(height) * (kinds * span))[:, None]
        likelihoods = _sorted(keys, weights, kinds, span, by_count)
    whole: Scores = np.bincount(numbers, weights).astype(np.float64)
    return np.asarray(likelihoods - _score(whole[None, :, None], by_count))


def _counted(
    keys: Counts,
    weights: Counts,
    kinds: int,
    span: int,
    by_count: tuple[Scores, Scores],
) -> Scores:
    """Returns the log likelihood of each split, from a full table of counts."""
    height = len(keys)
    repeated = np.empty(keys.shape)
    repeated[:] = weights
    size = height * kinds * span
    counts: Scores = np.bincount(keys.ravel(), repeated.ravel(), size).astype(float)
    return _score(counts.reshape(height, kinds, span), by_count)


def _score(counts: Scores, by_count: tuple[Scores, Scores]) -> Scores:
    """Returns the log likelihood of each table of counts (symbol, group).

    An absent symbol and an absent group both add nothing.
    """
    of_cells, of_groups = by_count
    groups = counts.sum(axis=1)
    cells = of_cells.take(counts.astype(np.intp)).reshape(len(counts), -1)
    return np.asarray(
        cells.sum(axis=1) + of_groups.take(groups.astype(np.intp)).sum(axis=1)
    )


def _sorted(
    keys: Counts,
    weights: Counts,
    kinds: int,
    span: int,
    by_count: tuple[Scores, Scores],
) -> Scores:
    """Returns the same as `_counted`, for tables that would be nearly empty."""
    of_cells, of_groups = by_count
    width = keys.shape[1]
    keys = keys.ravel()
    order = keys.argsort()
    keys = keys[order]
    starts = _starts(keys)
    cells = np.add.reduceat(weights[order % width], starts)
    group_keys = keys[starts] // kinds
    group_starts = _starts(group_keys)
    groups = np.add.reduceat(cells, group_starts)
    terms = np.add.reduceat(of_cells[cells], group_starts) + of_groups[groups]
    row_starts = _starts(group_keys[group_starts] // span)
    return np.asarray(np.add.reduceat(terms, row_starts))


def _numbered(values: Tokens) -> tuple[Counts, int]:
    """Returns the values numbered from 0 without gaps, and how many there are."""
    present = np.zeros(int(values.max()) + 1, np.int64)
    present[values] = 1
    numbers = present.cumsum()
    numbers -= 1
    return numbers.take(values), int(numbers[-1]) + 1


def _starts(values: Counts) -> NDArray[np.intp]:
    """Returns where runs of equal values start."""
    changes = np.empty(len(values), bool)
    changes[0] = True
    np.not_equal(values[1:], values[:-1], out=changes[1:])
    return changes.nonzero()[0]
