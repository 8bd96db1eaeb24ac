"""Finds numbers that somebody typed into the prose of a manuscript.

Every number of a paper that can change with the data must come from a macro. A number
that cannot, such as a published setting of another paper, is allowed by a comment at
the end of its line that says why: `// number: <reason>`.
"""

import re

from llmpo.paper.markup import pieces

# Digits that follow a letter belong to a name (`v5`, `TD3`) and are no number.
_DIGITS = re.compile(r"(?<![\w.-])[-\N{MINUS SIGN}]?\d[\d.,_]*\d|(?<![\w.-])\d")
# "One" and "two" are too often no count, as in "one of them" or "between the two".
_WORDS = re.compile(
    r"\b(?:three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty"
    r"|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?"
    r"|dozens?)\b",
    re.IGNORECASE,
)
_REASON = re.compile(r"//\s*number:\s*\S")


def hand_written_numbers(text: str) -> list[tuple[int, str]]:
    """Returns the numbers in the prose of a Typst source, with their lines.

    Digits and number words from three on count, also in maths and in sentences given
    to functions. Not prose are code, labels, citations, raw text and addresses.

    Args:
        text: The Typst source.

    Returns:
        Pairs of a line number, from 1, and the number as written.
    """
    found: list[tuple[int, str]] = []
    allowed: set[int] = set()
    previous = ""
    for piece in pieces(text):
        if piece.kind == "comment" and _REASON.match(piece.text):
            allowed.add(piece.line)
        if piece.kind in ("prose", "string"):
            # The end of what stands before tells whether digits go on a name.
            text = previous[-1:] + piece.text
            start = len(text) - len(piece.text)
            for pattern in (_DIGITS, _WORDS):
                for match in pattern.finditer(text, start):
                    line = piece.line + text.count("\n", start, match.start())
                    found.append((line, match.group()))
        previous = piece.text
    return sorted(pair for pair in found if pair[0] not in allowed)
