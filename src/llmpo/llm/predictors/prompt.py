"""A prompt as a list of records and a query, and fitting it into a token budget."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from llmpo.llm.predictors.library import Records
from llmpo.llm.predictors.tokens import tokenize

BLANK_LINE = "\n\n"


@dataclass(frozen=True, slots=True)
class RecordPrompt:
    r"""A text to complete, kept in its parts.

    Records recur from prompt to prompt, so a predictor that gets the parts reads each
    record once. Completing `text` gives the same answer.

    Attributes:
        records: Examples, oldest first; each ends its last line with a newline.
            Those of a library are handled fastest.
        query: What to continue, e.g. "assert state == 3\nstate = left()\n".
    """

    records: Sequence[str]
    query: str

    @property
    def text(self) -> str:
        """The prompt as sent to a remote model: blank lines between the parts."""
        return "\n".join((*self.records, self.query))


def split_prompt(text: str) -> RecordPrompt:
    """Returns a text's parts: its pieces between blank lines, the last is the query."""
    *records, query = text.split(BLANK_LINE)
    if query.startswith("\n"):  # three or more newlines in a row
        query = query.lstrip("\n")
    return RecordPrompt([record + "\n" for record in records if record], query)


def clip_records(
    prompt: RecordPrompt, budget: int | None, count: Callable[[str], int]
) -> RecordPrompt:
    """Returns the prompt with only its latest whole records that fit a budget.

    The query always stays whole, even if it alone exceeds the budget.

    Args:
        prompt: The prompt to shorten.
        budget: Tokens of `text`; None means no limit.
        count: Counts the tokens of one part, e.g. `Predictor.count`, which remembers
            the parts it has counted. Records of a library know their own.
    """
    if budget is None:
        return prompt
    records = prompt.records
    if isinstance(records, Records):
        tokens = records.tokens
    else:
        tokens = np.array([count(record) for record in records], np.intp)
    # Tokens of the last 1, 2, ... records, a blank line with each.
    sums = (tokens[::-1] + 1).cumsum()
    kept = int(sums.searchsorted(budget - count(prompt.query), side="right"))
    return RecordPrompt(records[len(records) - kept :], prompt.query)


def clip_text(text: str, budget: int | None) -> str:
    """Returns the last tokens of a text: cut from the left, wherever that falls.

    So did the published code; it leaves part of a record at the beginning.
    """
    if budget is None:
        return text
    tokens = tokenize(text)
    return "".join(tokens[-budget:]) if budget > 0 else ""
