"""The `relevance` predictor: infers from the prompt which earlier tokens matter.

Records are lined up with the query by line and column. While they disagree about the
next token, the slot whose token explains the disagreement best is picked, and only
the records that agree with the query there are kept.
"""

from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

import numpy as np

from llmpo.llm.predictors.alignment import Alignment
from llmpo.llm.predictors.counterparts import Counterparts
from llmpo.llm.predictors.evidence import Likelihood
from llmpo.llm.predictors.library import Library
from llmpo.llm.predictors.memory import END, NEWLINE, Memory, Record, Shown
from llmpo.llm.predictors.suffix import following

# Most lines, besides the current one, that are lined up.
_MAX_DEPTH = 32
# Prompts whose decisions are remembered, of each library and depth. At an open budget,
# prompts between two additions to a library often differ only in their order.
_REMEMBERED = 4


class Relevance:
    """Opens readers; remembers how libraries are lined up, and the latest decisions."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self._likelihood = Likelihood()
        self._windows = WeakKeyDictionary[Library, dict[int, _Windows]]()

    def read(self, shown: Shown, query: str) -> "RelevanceReader":
        """Returns a reader of one query."""
        return RelevanceReader(self, shown, query)

    def counterparts(self, shown: Shown, depth: int) -> Counterparts | None:
        """Returns the counterparts of the line after `depth` complete lines, if any."""
        by_depth = self._windows.setdefault(shown.library, {})
        windows = by_depth.get(depth)
        if windows is None:
            windows = _Windows(self.memory, depth, self._likelihood)
            by_depth[depth] = windows
        return windows.counterparts(shown)


class _Windows:
    """All runs of lines in a library that are as long as a query, line by line.

    Each ends in a line that may be a counterpart of the query's current line. Equal
    ones are merged.

    Args:
        memory: Knows the lines.
        depth: Number of the query's complete lines; of more than `_MAX_DEPTH` only the
            nearest count.
        likelihood: Tables for judging slots.
    """

    def __init__(self, memory: Memory, depth: int, likelihood: Likelihood) -> None:
        self._memory = memory
        self._depth = depth
        self._likelihood = likelihood
        self._records = 0
        self._places: dict[tuple[int, ...], int] = {}
        # Windows in records: place of the window, number of the record.
        self._pairs: list[tuple[int, int]] = []
        self._alignment: Alignment | None = None
        self._known: dict[bytes, Counterparts] = {}

    def counterparts(self, shown: Shown) -> Counterparts | None:
        """Returns the windows in a prompt, if there are any."""
        if self._records < len(shown.records):
            self._add(shown.records[self._records :])
        if self._alignment is None:
            return None
        known, key = self._known, shown.copies.tobytes()
        found = known.pop(key, None)
        if found is None:
            places, records = self._pairs_by_column
            copies = shown.copies.take(records)
            weights = np.bincount(places, copies, len(self._places)).astype(float)
            if not weights.any():
                return None
            found = Counterparts(
                self._memory, self._alignment, weights, self._likelihood
            )
        # The first one is that which has not been used for longest.
        known[key] = found
        if len(known) > _REMEMBERED:
            del known[next(iter(known))]
        return found

    def _add(self, records: Sequence[Record]) -> None:
        depth, places = self._depth, self._places
        reach = min(depth, _MAX_DEPTH)
        for number, record in enumerate(records, self._records):
            for piece in record.pieces:
                for last in range(depth, len(piece)):
                    window = piece[last - reach : last + 1]
                    place = places.setdefault(window, len(places))
                    self._pairs.append((place, number))
        self._records += len(records)
        self._known.clear()
        if places:
            self._pairs_by_column = np.array(self._pairs, np.intp).T.copy()
            windows = np.array(list(places), np.int32)
            self._alignment = Alignment(self._memory, windows)


class RelevanceReader:
    """Follows one query, offering the tokens that may come next."""

    def __init__(self, model: Relevance, shown: Shown, query: str) -> None:
        self._model = model
        self._memory = model.memory
        self._shown = shown
        self._lines, self._line = self._memory.query(query)
        lengths = [len(self._memory.lines[id]) for id in self._lines]
        self.tokens = sum(lengths) + len(self._line)
        self._open_line()

    def forced(self) -> Sequence[int]:
        """Returns tokens that come next for certain; perhaps none."""
        if self._counterparts is None or not self._followed:
            return ()
        last = ord(self._line[-1]) if self._line else 0
        return self._counterparts.alignment.forced(len(self._line) - 1, last)

    def next_tokens(self) -> Mapping[int, int]:
        """Returns the tokens that may come next, with their counts; never empty."""
        counts: Mapping[int, int] = {}
        if self._counterparts is not None:
            counts = self._counterparts.next_tokens(self._lines, self._line)
        self._followed = bool(counts)
        return counts or self._back_off()

    def append(self, tokens: Sequence[int]) -> None:
        """Extends the query by tokens, with a newline at most at the end."""
        if tokens[-1] != NEWLINE:
            self._line += "".join(map(chr, tokens))
            return
        self._line += "".join(map(chr, tokens[:-1]))
        if self._line:
            text = "".join([self._memory.tokens[ord(code)] for code in self._line])
            self._lines += (self._memory.line(text + "\n"),)
        else:
            self._lines = ()  # a blank line begins a new record
        self._line = ""
        self._open_line()

    def _open_line(self) -> None:
        self._counterparts = self._model.counterparts(self._shown, len(self._lines))
        # Whether a counterpart goes on after what the line has so far.
        self._followed = not self._line

    def _back_off(self) -> Mapping[int, int]:
        lines = self._memory.lines
        query = "".join([lines[id] for id in self._lines]) + self._line
        return following(chr(END) + self._shown.code, query)
