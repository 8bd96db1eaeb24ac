"""Deciding the next token from the counterparts of the query's current line."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from llmpo.llm.predictors.evidence import Counts, Likelihood, Tokens, gains
from llmpo.llm.predictors.memory import Ids, Memory

_ROUNDS = 8
# At most this many slots x candidates are compared; of more, the nearest slots.
_CELLS = 2**22

Candidates = NDArray[np.intp]


class Counterparts:
    """The lines of all records that may correspond to the query's current line.

    Each comes with the lines before it, as many as the query has; equal ones are
    merged and counted. The order of the records has no part in it, so prompts that
    differ only in the order share their decisions.
    """

    def __init__(
        self, memory: Memory, windows: Ids, weights: Counts, likelihood: Likelihood
    ) -> None:
        self._memory = memory
        self._windows = windows
        self._weights = weights
        self._likelihood = likelihood
        self._decisions: dict[tuple[tuple[int, ...], str], Mapping[int, int]] = {}
        self._earlier_of: tuple[int, ...] | None = None
        self._earlier: tuple[Tokens, Tokens]
        # Token of each candidate by column: (columns, candidates).
        self._current: Tokens = memory.rows[windows[:, -1]].T.copy()

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
        column = len(line)
        if column >= len(self._current):
            return {}
        offered = self._current[column]
        candidates = None
        if column:
            agreed = self._current[column - 1] == ord(line[-1])
            candidates = agreed.nonzero()[0]
            offered = offered[candidates]
        if not len(offered):
            return {}
        if (offered == offered[0]).all():
            return {int(offered[0]): 1}
        if candidates is None:
            candidates = np.arange(len(offered))
        chosen = self._select(lines, line, candidates, offered)
        if len(chosen) > 1:
            chosen = self._longest_runs(lines, line, chosen)
        counts = dict[int, int]()
        tokens = self._current[column, chosen].tolist()
        for token, weight in zip(tokens, self._weights[chosen].tolist(), strict=True):
            counts[token] = counts.get(token, 0) + weight
        return counts

    def _select(
        self,
        lines: tuple[int, ...],
        line: str,
        candidates: Candidates,
        offered: Tokens,
    ) -> Candidates:
        """Keeps the candidates that agree with the query where it matters."""
        slots, query = self._slots(lines, line)
        if len(candidates) < slots.shape[1]:
            slots = slots[:, candidates]
        weights = self._weights[candidates]
        for _ in range(_ROUNDS):
            useful = _useful(slots, query)
            if not len(useful):
                break
            slots, query = slots[useful], query[useful]
            gain = gains(slots, offered, weights, self._likelihood)
            best = int(gain.argmax())  # of equals, the nearest
            if gain[best] <= 0:
                break
            kept = (slots[best] == query[best]).nonzero()[0]
            candidates, offered = candidates[kept], offered[kept]
            if (offered == offered[0]).all():
                return candidates[:1]
            slots, weights = slots[:, kept], weights[kept]
        return candidates

    def _slots(self, lines: tuple[int, ...], line: str) -> tuple[Tokens, Tokens]:
        """Returns the slots that can matter, nearest first.

        Returns:
            The candidates' tokens, shape (slots, candidates), and the query's.
        """
        room = max(1, _CELLS // len(self._weights))
        if self._earlier_of != lines:
            self._earlier = self._earlier_slots(lines, room)
            self._earlier_of = lines
        tokens, query = self._earlier
        if not line:
            return tokens, query
        codes = _codes(line)[-room:]
        current = self._current[len(line) - len(codes) : len(line)]
        useful = _useful(current, codes)[::-1]
        return (
            np.concatenate([current[useful], tokens]),
            np.concatenate([codes[useful], query]),
        )

    def _earlier_slots(self, lines: Sequence[int], room: int) -> tuple[Tokens, Tokens]:
        """Returns the slots of the complete lines that can matter, nearest first."""
        rows = self._memory.rows
        found = [np.zeros((0, len(self._weights)), np.int32)]
        queries = [np.zeros(0, np.int32)]
        for back in range(1, self._windows.shape[1]):
            codes = _codes(self._memory.lines[lines[-back]][: rows.shape[1]])
            start = max(0, len(codes) - room)
            room -= len(codes) - start
            tokens = rows[self._windows[:, -1 - back], start : len(codes)].T
            useful = _useful(tokens, codes[start:])[::-1]
            found.append(tokens[useful])
            queries.append(codes[start:][useful])
            if room <= 0:
                break
        return np.concatenate(found), np.concatenate(queries)

    def _longest_runs(
        self, lines: tuple[int, ...], line: str, candidates: Candidates
    ) -> Candidates:
        """Keeps the candidates with the longest run of equal tokens going backwards."""
        column = len(line)
        if column:
            query = _codes(line)[::-1, None]
            differ = self._current[column - 1 :: -1, candidates] != query
            runs = np.where(differ.any(0), differ.argmax(0), column)
            longest = runs.max()
            candidates = candidates[runs == longest]
            if longest < column:
                return candidates
        for back in range(1, self._windows.shape[1]):
            ids = self._windows[candidates, -1 - back]
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


def _useful(slots: Tokens, query: Tokens) -> Candidates:
    """Returns the slots that tell candidates apart and hold the query's token."""
    equal = slots == query[:, None]
    occurs = equal.any(axis=1)
    # Where the query's token occurs, candidates differ unless all hold that token.
    occurs &= ~equal.all(axis=1)
    return np.asarray(occurs.nonzero()[0])


def _codes(line: str) -> Tokens:
    return np.array(list(map(ord, line)), np.int32)


def _common_end(first: str, second: str) -> int:
    length = 0
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one != other:
            break
        length += 1
    return length
