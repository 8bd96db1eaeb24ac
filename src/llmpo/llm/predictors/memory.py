"""What the predictors remember between calls: the tokens of every line and record.

Only texts are remembered, never answers, so what a predictor was asked before cannot
change what it says now; all numbers given to tokens and lines are private.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import getitem
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from llmpo.llm.predictors.library import Library, Numbers, Records
from llmpo.llm.predictors.prompt import BLANK_LINE
from llmpo.llm.predictors.tokens import tokenize

Ids = NDArray[np.int32]

# Tokens are compared at their line and column. Beyond these bounds nothing is lined
# up, which keeps memory and time bounded for any text.
MAX_COLUMNS = 256

# No token. In `Record.code` it stands for the last newline of a record.
END = 0
NEWLINE = 1

_MAX_CELLS = 2**23
_MAX_TOKENS = 2**20 - 2**16  # as many as there are characters to stand for them
_MAX_RECORDS = 2**15


@dataclass(frozen=True, slots=True)
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


@dataclass(slots=True)
class Shown:
    """The records of one prompt; their order has no part in any answer.

    Attributes:
        library: Where they come from.
        records: All records of the library.
        copies: How often each is in the prompt.
        tokens: Tokens of the prompt's records, a blank line behind each.
    """

    library: Library
    records: Sequence[Record]
    copies: Numbers
    tokens: int

    @property
    def code(self) -> str:
        """The code of the prompt's records."""
        present = self.copies.nonzero()[0]
        pairs = zip(present.tolist(), self.copies[present].tolist(), strict=True)
        return "".join([self.records[place].code * copies for place, copies in pairs])


class _Shelf:
    """What is known of a library."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.tokens: Numbers = np.zeros(0, np.intp)


class Memory:
    """Tokens, lines and records, each known by a small number.

    Attributes:
        tokens: Every token.
        lines: Every line, as a string with one character per token.
        rows: Every line as the numbers that its tokens have in their columns, of
            shape (lines, columns); 0 behind the end of a line.
        columns: By column, the numbers of its tokens.
        names: By column, the tokens by their numbers; the first stands for none.
        sizes: By column, how many names there are.
    """

    def __init__(self) -> None:
        self.tokens = ["", "\n"]
        self.lines: list[str] = []
        self.rows: Ids = np.zeros((64, 16), np.int32)
        self.columns: list[dict[str, int]] = []
        self.names: list[list[int]] = []
        self.sizes: Numbers = np.ones(16, np.intp)
        self._token_ids = {"\n": NEWLINE}
        self._line_ids: dict[str, int] = {}
        self._records: dict[str, Record] = {}
        self._shelves = WeakKeyDictionary[Library, _Shelf]()

    @property
    def full(self) -> bool:
        """Whether it is time to start anew, so that long runs need no more memory."""
        return (
            self.rows.size > _MAX_CELLS
            or len(self.tokens) > _MAX_TOKENS
            or len(self._records) > _MAX_RECORDS
        )

    def shown(self, records: Records) -> Shown:
        """Returns what is known of a prompt's records, reading the new ones."""
        library = records.library
        shelf = self._shelves.get(library)
        if shelf is None:
            shelf = self._shelves[library] = _Shelf()
        known = shelf.records
        if len(known) < len(library.texts):
            known += [self.record(text) for text in library.texts[len(known) :]]
            shelf.tokens = np.array([record.tokens + 1 for record in known], np.intp)
        copies = np.bincount(records.numbers, minlength=len(known))
        return Shown(library, known, copies, int(shelf.tokens @ copies))

    def record(self, text: str) -> Record:
        """Returns what is known of a record, reading a new one."""
        return self._records.get(text) or self._read(text)

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

    def query(self, text: str) -> tuple[tuple[int, ...], str]:
        """Returns the ids of a query's complete lines, and the codes of its last."""
        *complete, last = text.split("\n")
        lines = tuple([self.line(line + "\n") for line in complete])
        return lines, self.encode(last) if last else ""

    def numbers(self, line: str) -> list[int]:
        """Returns the numbers that tokens have in their columns; 0 for new ones."""
        try:
            return list(map(getitem, self.columns, line))
        except KeyError:
            pairs = zip(self.columns, line, strict=False)
            return [numbers.get(code, 0) for numbers, code in pairs]

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
        row = code[:MAX_COLUMNS]
        height, width = self.rows.shape
        if new == height or len(row) > width:
            height = 2 * height if new == height else height
            # Every comparison goes over the whole width, so it is kept small.
            width = max(width, -(-len(row) // 8) * 8)
            self.rows = _grown(self.rows, (height, width))
            self.sizes = np.maximum(_grown(self.sizes, (width,)), 1)
        self.rows[new, : len(row)] = [
            self._number(column, token) for column, token in enumerate(row)
        ]
        return new

    def _number(self, column: int, code: str) -> int:
        if column == len(self.columns):
            self.columns.append({})
            self.names.append([END])
        numbers, names = self.columns[column], self.names[column]
        found = numbers.setdefault(code, len(names))
        if found == len(names):
            names.append(ord(code))
            self.sizes[column] = len(names)
        return found


def _grown(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    larger = np.zeros(shape, array.dtype)
    larger[tuple(map(slice, array.shape))] = array
    return larger
