"""Tokens of the predictors: words, numbers, punctuation marks, line ends.

A word, number or mark takes the space before it with it, so the tokens of a text,
joined, are the text again. No token spans a line end; counts of lines and records
therefore add up to the count of the whole prompt.
"""

import re

_TOKEN = re.compile(
    r"""\n
    | [ ]?[^\W\d]\w*             # a word
    | [ ]?[+-]?\d+(?:\.\d+)?     # a number with sign and decimals
    | [ ]?[^\w\s]                # one punctuation mark
    | .                          # any other character
    """,
    re.VERBOSE | re.DOTALL,
)


def tokenize(text: str) -> list[str]:
    """Returns the tokens of a text."""
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    """Returns the number of tokens of a text."""
    return len(_TOKEN.findall(text))
