"""The `suffix` predictor: what followed the longest equal run of tokens before.

A record is held as a string with one character per token, so Python's own string
search finds the runs.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from llmpo.llm.predictors.memory import END, NEWLINE, Memory, Shown

_END = chr(END)
_NEWLINE = chr(NEWLINE)


class SuffixReader:
    """Follows one query, offering the tokens that may come next."""

    def __init__(self, memory: Memory, shown: Shown, query: str) -> None:
        self._text = _END + shown.code
        lines, line = memory.query(query)
        self._query = "".join([memory.lines[id] for id in lines]) + line
        self.tokens = len(self._query)
        self._found = self._search()

    def forced(self) -> Sequence[int]:
        """Returns tokens that come next for certain: none is known to."""
        return ()

    def next_tokens(self) -> Mapping[int, int]:
        """Returns the tokens that may come next, with their counts; never empty."""
        if not self._found:
            return following(self._text, self._query)
        text = self._text
        offered = {text[place] for place in self._found}
        if len(offered) == 1:
            return {ord(offered.pop()) or NEWLINE: 1}
        counts = Counter([ord(text[place]) for place in self._found])
        if END in counts:
            counts[NEWLINE] += counts.pop(END)
        return counts

    def append(self, tokens: Sequence[int]) -> None:
        """Extends the query by tokens."""
        for token in tokens:
            self._append(token)

    def _append(self, token: int) -> None:
        if token == NEWLINE and self._query[-1:] in ("", _NEWLINE):
            self._query = ""  # a blank line begins a new record
            self._found = self._search()
            return
        self._query += chr(token)
        # The longest run for the longer query is one of the runs before, extended,
        # unless all of them end with their records.
        code, text = chr(token), self._text
        self._found = [place + 1 for place in self._found if text[place] == code]
        if not self._found:
            self._found = self._search()

    def _search(self) -> list[int]:
        """Returns the places after the query's longest suffix inside a record.

        An END at such a place is the record's last newline. Nothing follows that one,
        which is why it has a character of its own: no run can go over it.
        """
        text, query = self._text, self._query
        if not query:
            return [place for place in _places(text, _END) if place < len(text)]
        low, high = 0, len(query)
        while low < high:
            middle = (low + high + 1) // 2
            if query[-middle:] in text:
                low = middle
            else:
                high = middle - 1
        return list(_places(text, query[-low:])) if low else []


def following(text: str, query: str) -> Counter[int]:
    """Returns the tokens that followed earlier occurrences of the query's last token.

    Args:
        text: The codes of all records, with an END before the first.
        query: The query's code.

    Returns:
        Tokens with their counts; one newline if there are none.
    """
    both = text + query
    counts = Counter[int]()
    if query:
        places = _places(both, query[-1])
        counts.update(ord(both[place]) for place in places if place < len(both))
    if END in counts:
        counts[NEWLINE] += counts.pop(END)
    return counts or Counter([NEWLINE])


def _places(text: str, run: str) -> Iterator[int]:
    """Yields the places right after each occurrence of a run, overlapping ones too."""
    length = len(run)
    place = text.find(run)
    while place >= 0:
        yield place + length
        place = text.find(run, place + 1)
