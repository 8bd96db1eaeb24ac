"""Lining up records with each other and with a query, line by line, token by token."""

from collections.abc import Sequence

import numpy as np

from llmpo.llm.predictors.library import Numbers
from llmpo.llm.predictors.memory import Ids, Memory

# At most this many tokens are lined up; of more, those of the nearest lines.
_CELLS = 2**22


class Alignment:
    """Windows lined up with each other and with queries, slot by slot.

    A slot is a line and a column. Those where all windows agree are left out, as they
    explain nothing; a slot without meaning, where all agree, comes first in their
    place. The others are in the order of the text, so the nearest is the last.

    Attributes:
        windows: Lines of each window, as ids.
        current: By column, the tokens of the windows' last lines, as numbers.
        tokens: Token of each window in each slot, as numbers that no two slots share.
        starts: The smallest number of each slot's tokens.
        ends: The numbers after the largest.
    """

    def __init__(self, memory: Memory, windows: Ids) -> None:
        """Lines up windows, at least one.

        Args:
            memory: Knows the lines.
            windows: Lines of each window, as ids, with the current one at the end.
        """
        count, lines = windows.shape
        rows = memory.rows
        self._memory = memory
        self._width = width = rows.shape[1]
        self._depth = depth = max(0, min(lines, _CELLS // (count * width)) - 1)
        grid = np.zeros((count, 1 + (1 + depth) * width), np.int32)
        grid[:, 1:] = rows[windows[:, -1 - depth :]].reshape(count, -1)
        self.windows = windows
        self.current: Ids = grid[:, -width:].T.copy()

        differ = (grid != grid[0]).any(axis=0)
        differ[0] = True
        self._slots = slots = differ.nonzero()[0]
        # A slot has places for the tokens of its column, one before them for none,
        # and one behind them for those that the column has not had yet.
        self._behind = memory.sizes[(slots - 1) % width]
        self._offsets = (self._behind + 1).cumsum() - self._behind - 1
        places = grid[:, slots] + self._offsets
        present = np.zeros(int((self._behind + 1).sum()), np.intp)
        present[places] = 1
        numbers = present.cumsum() - present
        self.tokens: Numbers = numbers[places]
        self.starts: Numbers = numbers[self._offsets]
        self.ends: list[int] = [*self.starts[1:].tolist(), int(present.sum())]
        self._numbers = np.where(present, numbers, -1)
        self._numbers[self._offsets] = -1

        self._earlier_of: tuple[int, ...] | None = None
        self._earlier: Ids
        self._followers: dict[tuple[int, int], int] = {}

    def query(self, lines: tuple[int, ...], line: Sequence[int]) -> Numbers:
        """Returns a query's token in each slot that the query has come to.

        Args:
            lines: The query's complete lines, as ids.
            line: Its current line, as numbers by column.

        Returns:
            Tokens as in `tokens`; -1 for those of no window.
        """
        if self._earlier_of != lines:
            self._earlier = self._earlier_text(lines)
            self._earlier_of = lines
        text = np.concatenate([self._earlier, np.array(line, np.int32)])
        reached = int(self._slots.searchsorted(len(text)))
        tokens = text.take(self._slots[:reached])
        places = np.minimum(tokens, self._behind[:reached]) + self._offsets[:reached]
        found: Numbers = self._numbers.take(places)
        return found

    def forced(self, column: int, token: int) -> list[int]:
        """Returns what follows a token in every window that has it in a column.

        Most of what a predictor writes is forced in this sense, whatever the query.

        Args:
            column: Column of the token; -1 for what every window's last line begins
                with.
            token: The token.
        """
        run = list[int]()
        followers = self._followers
        while True:
            key = (column, token)
            found = followers.get(key)
            if found is None:
                found = followers[key] = self._follower(column, token)
            if not found:
                return run
            run.append(found)
            column, token = column + 1, found

    def _follower(self, column: int, token: int) -> int:
        """Returns the only token that follows; 0 if there are several or none."""
        if column + 1 >= len(self.current):
            return 0
        offered = self.current[column + 1]
        if column >= 0:
            number = self._memory.columns[column].get(chr(token), 0)
            offered = offered[self.current[column] == number]
        first = offered[0] if len(offered) else 0
        if first == 0 or (offered != first).any():
            return 0
        return self._memory.names[column + 1][first]

    def _earlier_text(self, lines: tuple[int, ...]) -> Ids:
        """Returns a query's complete lines as numbers by place, as windows are."""
        text = np.zeros(1 + self._depth * self._width, np.int32)
        if self._depth:
            rows = self._memory.rows[list(lines[-self._depth :]), : self._width]
            text[1:] = rows.ravel()
        return text
