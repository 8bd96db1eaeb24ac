"""The `relevance` predictor: infers from the prompt which earlier tokens matter.

Records are lined up with the query by line and column. While they disagree about the
next token, the slot whose token explains the disagreement best is picked, and only
the records that agree with the query there are kept.
"""

from collections.abc import Mapping, Sequence

from llmpo.llm.predictors.counterparts import Counterparts
from llmpo.llm.predictors.evidence import Likelihood
from llmpo.llm.predictors.memory import END, NEWLINE, Memory, Record
from llmpo.llm.predictors.suffix import following

# Prompts whose decisions are remembered. At an open budget, prompts between two
# additions to the history differ only in the order of their records.
_REMEMBERED = 32


class Relevance:
    """Opens readers; remembers the latest sets of counterparts."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self._likelihood = Likelihood()
        self._known: dict[tuple[int, bytes, bytes], Counterparts] = {}

    def read(self, records: Sequence[Record], query: str) -> "RelevanceReader":
        """Returns a reader of one query."""
        return RelevanceReader(self, records, query)

    def counterparts(self, records: Sequence[Record], depth: int) -> Counterparts:
        """Returns the counterparts of the line after `depth` complete lines."""
        windows, weights = self.memory.candidates(records, depth)
        key = (depth, windows.tobytes(), weights.tobytes())
        found = self._known.get(key)
        if found is None:
            found = Counterparts(self.memory, windows, weights, self._likelihood)
            if len(self._known) >= _REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[key] = found
        return found


class RelevanceReader:
    """Follows one query, offering the tokens that may come next."""

    def __init__(self, model: Relevance, records: Sequence[Record], query: str) -> None:
        self._model = model
        self._memory = model.memory
        self._records = records
        *complete, last = query.split("\n")
        self._lines = tuple([self._memory.line(line + "\n") for line in complete])
        self._line = self._memory.encode(last)
        self._followed = False
        self._open_line()

    def next_tokens(self) -> Mapping[int, int]:
        """Returns the tokens that may come next, with their counts; never empty."""
        if self._followed:
            token = self._memory.follower(len(self._line) - 1, self._line[-1])
            if token:
                return {token: 1}
        counts = self._counterparts.next_tokens(self._lines, self._line)
        self._followed = bool(counts)
        return counts or self._back_off()

    def append(self, token: int) -> None:
        """Extends the query by a token."""
        if token != NEWLINE:
            self._line += chr(token)
            return
        if self._line:
            text = "".join([self._memory.tokens[ord(code)] for code in self._line])
            self._lines += (self._memory.line(text + "\n"),)
        else:
            self._lines = ()  # a blank line begins a new record
        self._line = ""
        self._open_line()

    def _open_line(self) -> None:
        self._counterparts = self._model.counterparts(self._records, len(self._lines))
        # Whether the last token of this line came from a counterpart; then there is
        # one that goes on after it.
        self._followed = False

    def _back_off(self) -> Mapping[int, int]:
        lines = self._memory.lines
        query = "".join([lines[id] for id in self._lines]) + self._line
        text = "".join([record.code for record in self._records])
        return following(chr(END) + text, query)
