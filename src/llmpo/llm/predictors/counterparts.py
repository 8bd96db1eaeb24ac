"""Deciding the next token from the counterparts of the query's current line."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from llmpo.llm.predictors.alignment import Alignment
from llmpo.llm.predictors.evidence import Likelihood, Scores, gains
from llmpo.llm.predictors.library import Numbers
from llmpo.llm.predictors.memory import Ids, Memory

_ROUNDS = 8


class Counterparts:
    """The lines of all records that may correspond to the query's current line.

    Each comes with the lines before it, as many as the query has; equal ones are
    merged and counted. The order of the records has no part in it, so prompts that
    differ only in the order share their decisions.

    Args:
        memory: Knows the lines.
        alignment: The lines, and others that are not in the prompt.
        weights: How often each is in the prompt.
        likelihood: Tables for judging slots.
    """

    def __init__(
        self,
        memory: Memory,
        alignment: Alignment,
        weights: Scores,
        likelihood: Likelihood,
    ) -> None:
        self.alignment = alignment
        self._memory = memory
        self._weights = weights
        self._present = weights > 0
        self._total = int(weights.sum())
        self._likelihood = likelihood
        self._decisions: dict[tuple[tuple[int, ...], str], Mapping[int, int]] = {}

    def next_tokens(self, lines: tuple[int, ...], line: str) -> Mapping[int, int]:
        """Returns the tokens that may come next, with their counts; may be empty.

        Args:
            lines: The query's complete lines, as ids.
            line: Codes of the tokens in the query's current line.
        """
        key = (lines, line)
        found = self._decisions.get(key)
        if found is None:
            found = self._decisions[key] = self._decide(lines, line)
        return found

    def _decide(self, lines: tuple[int, ...], line: str) -> Mapping[int, int]:
        current = self.alignment.current
        column = len(line)
        numbers = self._memory.numbers(line)
        # Behind the longest line, or behind a token that is new in its column.
        if column >= len(current) or len(numbers) < column or 0 in numbers[-1:]:
            return {}
        agreed = self._present
        if column:
            agreed = agreed & (current[column - 1] == numbers[-1])
        offers = current[column]
        chosen = self._select(lines, numbers, agreed.nonzero()[0], offers)
        if not len(chosen):
            return {}
        names = self._memory.names[column]
        if len(chosen) == 1:
            return {names[offers[chosen[0]]]: 1}
        chosen = self._longest_runs(lines, numbers, chosen)
        counts = dict[int, int]()
        weights = self._weights.take(chosen).tolist()
        for number, weight in zip(offers.take(chosen).tolist(), weights, strict=True):
            counts[names[number]] = counts.get(names[number], 0) + int(weight)
        return counts

    def _select(
        self,
        lines: tuple[int, ...],
        line: Sequence[int],
        candidates: Numbers,
        offers: Ids,
    ) -> Numbers:
        """Keeps the candidates that agree with the query where it matters.

        Of candidates that all offer the same, one is enough.
        """
        alignment = self.alignment
        query: Numbers | None = None
        for _ in range(_ROUNDS):
            offered = offers.take(candidates).tolist()
            symbols = {offer: symbol for symbol, offer in enumerate(set(offered))}
            if len(symbols) <= 1:
                return candidates[:1]
            if query is None:
                query = alignment.query(lines, line)
                slots = len(query)
            tokens = alignment.tokens[:, :slots].take(candidates, axis=0)
            gain, counts = gains(
                tokens,
                alignment.starts[:slots],
                alignment.ends[slots - 1] + 1,  # one more, for what no window has
                np.array([symbols[offer] for offer in offered]),
                len(symbols),
                self._weights.take(candidates),
                self._likelihood.tables(len(symbols), self._total),
            )
            agreeing = counts.take(query)
            # Where none or all agree with the query, nobody can be told apart.
            gain *= (agreeing > 0) & (agreeing < counts[0])
            best = slots - 1 - int(gain[::-1].argmax())  # of equals, the nearest
            if gain[best] <= 0:
                break
            candidates = candidates[tokens[:, best] == query[best]]
        return candidates

    def _longest_runs(
        self, lines: tuple[int, ...], line: Sequence[int], candidates: Numbers
    ) -> Numbers:
        """Keeps the candidates with the longest run of equal tokens going backwards."""
        windows = self.alignment.windows
        column = len(line)
        if column:
            current = self.alignment.current[:column, candidates]
            differ = current[::-1] != np.array(line)[::-1, None]
            runs = np.where(differ.any(axis=0), differ.argmax(axis=0), column)
            longest = runs.max()
            candidates = candidates[runs == longest]
            if longest < column:
                return candidates
        for back in range(1, windows.shape[1]):
            ids = windows[candidates, -1 - back]
            same = ids == lines[-back]
            if not same.any():
                return candidates[self._best_ends(ids, lines[-back])]
            candidates = candidates[same]
        return candidates

    def _best_ends(self, ids: Ids, query: int) -> NDArray[np.bool_]:
        """Returns which lines share the longest end with the query's line."""
        lines = self._memory.lines
        wanted = lines[query]
        distinct = {id: _common_end(lines[id], wanted) for id in set(ids.tolist())}
        runs = np.array([distinct[id] for id in ids.tolist()])
        return np.asarray(runs == runs.max())


def _common_end(first: str, second: str) -> int:
    length = 0
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one != other:
            break
        length += 1
    return length
