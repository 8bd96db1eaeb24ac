"""Records by number: a run makes all its prompts of the same texts.

Numbers can be shuffled, counted and clipped in bulk, which texts cannot.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from llmpo.llm.predictors.tokens import count_tokens

Numbers = NDArray[np.intp]


class Library:
    """Distinct texts, numbered in the order in which they came.

    Args:
        count: Counts the tokens of a text.
    """

    def __init__(self, count: Callable[[str], int] = count_tokens) -> None:
        self._count = count
        self.texts: list[str] = []
        self.longest = 0
        self._numbers: dict[str, int] = {}
        self._tokens: Numbers = np.zeros(0, np.intp)

    def add(self, text: str) -> int:
        """Returns the number of a text, which may be new."""
        number = self._numbers.setdefault(text, len(self.texts))
        if number == len(self.texts):
            self.texts.append(text)
            self.longest = max(self.longest, len(text))
        return number

    def add_all(self, texts: Iterable[str]) -> Numbers:
        """Returns the numbers of texts."""
        return np.array([self.add(text) for text in texts], np.intp)

    @property
    def tokens(self) -> Numbers:
        """The number of tokens of every text."""
        new = self.texts[len(self._tokens) :]
        if new:
            counts = [self._count(text) for text in new]
            self._tokens = np.concatenate([self._tokens, counts])
        return self._tokens


class Records(Sequence[str]):
    """Some texts of a library, in some order, perhaps repeated.

    Args:
        library: Holds the texts.
        numbers: Which ones.
    """

    __slots__ = ("library", "numbers")

    def __init__(self, library: Library, numbers: Numbers) -> None:
        self.library = library
        self.numbers = numbers

    @property
    def longest(self) -> int:
        """Bound of the characters of each text."""
        return self.library.longest

    @property
    def tokens(self) -> Numbers:
        """The number of tokens of each text."""
        return self.library.tokens[self.numbers]

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[str]:
        texts = self.library.texts
        return iter([texts[number] for number in self.numbers.tolist()])

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> "Records": ...

    def __getitem__(self, index: int | slice) -> "str | Records":
        if isinstance(index, slice):
            return Records(self.library, self.numbers[index])
        return self.library.texts[int(self.numbers[index])]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        if isinstance(other, Records) and self.library is other.library:
            return np.array_equal(self.numbers, other.numbers)
        return list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def as_records(texts: Sequence[str]) -> Records:
    """Returns texts as those of a library."""
    if isinstance(texts, Records):
        return texts
    library = Library()
    return Records(library, library.add_all(texts))
