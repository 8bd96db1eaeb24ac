"""What the predictors remember between calls: the tokens of every line and record.

Only texts are remembered, never answers, so what a predictor was asked before cannot
change what it says now; all numbers given to tokens, lines and windows are private.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from llmpo.llm.predictors.prompt import BLANK_LINE
from llmpo.llm.predictors.tokens import tokenize

Ids = NDArray[np.int32]
Counts = NDArray[np.int64]

# Tokens are compared at their line and column. Beyond these bounds nothing is lined
# up, which keeps memory and time bounded for any text.
MAX_COLUMNS = 256
MAX_DEPTH = 32

# No token. In `Record.code` it stands for the last newline of a record.
END = 0
NEWLINE = 1

_MAX_CELLS = 2**23
_MAX_TOKENS = 2**20 - 2**16  # as many as there are characters to stand for them
_MAX_RECORDS = 2**15


@dataclass(slots=True)
class Record:
    """One record as the predictors see it.

    Attributes:
        pieces: Its lines, as ids; several pieces if it holds blank lines.
        code: Its tokens, one character each, with the last newline of a piece as END.
        tokens: How many tokens it has.
    """

    pieces: tuple[tuple[int, ...], ...]
    code: str
    tokens: int
    windows: dict[int, Ids] = field(default_factory=dict)


class _Windows:
    """All windows of one depth seen so far: runs of `depth + 1` lines."""

    def __init__(self, depth: int) -> None:
        self._ids: dict[tuple[int, ...], int] = {}
        self.lines: Ids = np.zeros((64, depth + 1), np.int32)

    def __len__(self) -> int:
        return len(self._ids)

    def id(self, lines: tuple[int, ...]) -> int:
        found = self._ids.get(lines)
        if found is None:
            found = self._ids[lines] = len(self._ids)
            if found == len(self.lines):
                self.lines = _grown(self.lines, (2 * found, self.lines.shape[1]))
            self.lines[found] = lines
        return found


class Memory:
    """Tokens, lines, records and windows, each known by a small number."""

    def __init__(self) -> None:
        self.tokens = ["", "\n"]
        self.lines: list[str] = []
        self.rows: Ids = np.zeros((64, 32), np.int32)
        self._token_ids = {"\n": NEWLINE}
        self._followers: dict[tuple[int, str], int] = {}
        self._line_ids: dict[str, int] = {}
        self._records: dict[str, Record] = {}
        self._windows: dict[int, _Windows] = {}

    @property
    def full(self) -> bool:
        """Whether it is time to start anew, so that long runs need no more memory."""
        return (
            self.rows.size > _MAX_CELLS
            or len(self.tokens) > _MAX_TOKENS
            or len(self._records) > _MAX_RECORDS
        )

    def records(self, texts: Iterable[str]) -> list[Record]:
        """Returns what is known of these records, reading the new ones."""
        known = self._records
        try:
            return [known[text] for text in texts]
        except KeyError:
            return [known.get(text) or self._read(text) for text in texts]

    def encode(self, text: str) -> str:
        """Returns the tokens of a text as one character each."""
        ids = self._token_ids
        codes = []
        for token in tokenize(text):
            found = ids.get(token)
            if found is None:
                found = ids[token] = len(self.tokens)
                self.tokens.append(token)
            codes.append(found)
        return "".join(map(chr, codes))

    def line(self, text: str) -> int:
        """Returns the id of a line, which is given with its newline."""
        found = self._line_ids.get(text)
        return self._add_line(text) if found is None else found

    def follower(self, column: int, code: str) -> int:
        """Returns what always follows a token in a column, in all lines; 0 if unclear.

        Most of what a predictor writes is forced in this sense, whatever the prompt.
        """
        return self._followers.get((column, code), 0)

    def candidates(self, records: Sequence[Record], depth: int) -> tuple[Ids, Counts]:
        """Returns the windows that end in a possible counterpart of the query's line.

        These are all runs of `depth + 1` lines within a record (`MAX_DEPTH + 1` for a
        deeper query); equal ones are merged.

        Args:
            records: The prompt's records.
            depth: Number of complete lines of the query.

        Returns:
            The ids of the lines of each window, and how often it occurs.
        """
        table = self._table(depth)
        found = [
            record.windows[depth]
            if depth in record.windows
            else self._cut(record, depth)
            for record in records
        ]
        if not found:
            return table.lines[:0], np.zeros(0, np.int64)
        counts = np.bincount(np.concatenate(found), minlength=1)
        chosen = counts.nonzero()[0]
        return table.lines[chosen], counts[chosen]

    def _table(self, depth: int) -> _Windows:
        depth = min(depth, MAX_DEPTH)
        if depth not in self._windows:
            self._windows[depth] = _Windows(depth)
        return self._windows[depth]

    def _cut(self, record: Record, depth: int) -> Ids:
        """Cuts a record into its windows."""
        table = self._table(depth)
        start = min(depth, MAX_DEPTH)
        windows = [
            table.id(piece[last - start : last + 1])
            for piece in record.pieces
            for last in range(depth, len(piece))
        ]
        record.windows[depth] = np.array(windows, np.int32)
        return record.windows[depth]

    def _read(self, text: str) -> Record:
        if not text.endswith("\n"):
            raise ValueError(f"A record ends its last line with a newline: {text!r}")
        pieces = []
        code = ""
        tokens = text.count("\n")
        for piece in text.split(BLANK_LINE):
            lines = piece.strip("\n").split("\n")
            if lines == [""]:
                continue
            ids = tuple([self.line(line + "\n") for line in lines])
            pieces.append(ids)
            coded = "".join([self.lines[id] for id in ids])
            code += coded[:-1] + chr(END)
            tokens += len(coded) - len(ids)
        record = self._records[text] = Record(tuple(pieces), code, tokens)
        return record

    def _add_line(self, text: str) -> int:
        code = self.encode(text)
        new = self._line_ids[text] = len(self.lines)
        self.lines.append(code)
        row = list(map(ord, code[:MAX_COLUMNS]))
        followers = self._followers
        for column, key in enumerate(zip(code, row[1:], strict=False)):
            place, token = (column, key[0]), key[1]
            if followers.setdefault(place, token) != token:
                followers[place] = 0
        height, width = self.rows.shape
        if new == height or len(row) > width:
            height = 2 * height if new == height else height
            while width < len(row):
                width *= 2
            self.rows = _grown(self.rows, (height, width))
        self.rows[new, : len(row)] = row
        return new


def _grown(array: Ids, shape: tuple[int, int]) -> Ids:
    larger = np.zeros(shape, np.int32)
    larger[: array.shape[0], : array.shape[1]] = array
    return larger
