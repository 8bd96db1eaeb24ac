"""Reads Typst source as far as checks on a manuscript need: which text is prose.

Prose is what a reader sees: markup, maths, and the content blocks and sentences that
stand in code. Code itself, comments, raw text, labels, citations and addresses are not
prose.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["prose", "string", "code", "comment"]

_STATEMENT = re.compile(r"(?:let|set|show|import|include|return)\b")
_CONDITION = re.compile(r"(?:if|for|while|else|context)\b")
_NAME = re.compile(r"[A-Za-z_][\w-]*")
_LABEL = re.compile(r"<[A-Za-z_][\w.:-]*>")
_CITATION = re.compile(r"@[A-Za-z_][\w:-]*(?:\.[\w:-]+)*")
_ADDRESS = re.compile(r"https?://[^\s\])]*")
_STRING = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)
_RAW = re.compile(r"(`+)(?:(?!\1).)*\1", re.DOTALL)
_LINE_COMMENT = re.compile(r"//[^\n]*")
_BLOCK_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Piece:
    """A stretch of source of one kind.

    Attributes:
        kind: What it is; a string without a space is a name and counts as code.
        line: Number of its first line, from 1.
        text: The source, unchanged.
    """

    kind: Kind
    line: int
    text: str


def pieces(source: str) -> Iterator[Piece]:
    """Yields a Typst source in pieces, in order; leaves out nothing but raw text."""
    line = 1
    at = 0
    for kind, start, end in _Scanner(source).spans():
        line += source.count("\n", at, start)
        at = start
        yield Piece(kind, line, source[start:end])


class _Scanner:
    """Walks through a source; spans are (kind, start, end)."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._spans: list[tuple[Kind, int, int]] = []

    def spans(self) -> list[tuple[Kind, int, int]]:
        # A stray closing bracket is Typst's business, not the end of the text.
        while self._at < len(self._source):
            self._markup("")
            self._take("prose", 1)
        return self._spans

    def _markup(self, end: str) -> None:
        """Reads markup up to a closing bracket, which is left to the caller."""
        while self._at < len(self._source):
            here = self._source[self._at]
            if here == "]":
                if end:
                    return
                self._take("prose", 1)
            elif here == "\\":
                self._take("code", 2)
            elif here == "[":
                # Plain brackets in markup must not end an enclosing block.
                self._take("prose", 1)
                self._markup("]")
                self._take("prose", 1)
            elif here == "#":
                self._take("code", 1)
                self._expression()
            elif not self._skipped(_LABEL, _CITATION, _ADDRESS):
                self._take("prose", 1)

    def _expression(self) -> None:
        """Reads what follows a hash sign."""
        if _STATEMENT.match(self._source, self._at):
            self._code("\n;")
        elif _CONDITION.match(self._source, self._at):
            self._condition()
        elif self._source.startswith('"', self._at):
            self._string()
        elif name := _NAME.match(self._source, self._at):
            self._take("code", name.end() - self._at)
            self._calls()
        else:
            self._block()
            self._calls()

    def _condition(self) -> None:
        """Reads `if ... [..] else [..]` and loops."""
        self._code_until_block()
        self._block()
        rest = re.compile(r"\s*else\b").match(self._source, self._at)
        if rest:
            self._take("code", rest.end() - self._at)
            if _CONDITION.match(self._source, self._at + 1):
                self._take("code", 1)
                self._condition()
            else:
                self._code_until_block()
                self._block()

    def _calls(self) -> None:
        """Reads argument lists, content blocks and fields that follow a name."""
        while self._at < len(self._source):
            if self._source[self._at] in "([":
                self._block()
                continue
            field = re.compile(r"\.[A-Za-z_][\w-]*").match(self._source, self._at)
            if field is None:
                break
            self._take("code", field.end() - self._at)

    def _code_until_block(self) -> None:
        while self._at < len(self._source) and self._source[self._at] not in "[{\n":
            self._code_token()

    def _block(self) -> None:
        """Reads one bracketed group, whatever its kind."""
        if self._at >= len(self._source):
            return
        opening = self._source[self._at]
        if opening not in _CLOSING:
            return
        self._take("code", 1)
        if opening == "[":
            self._markup("]")
        else:
            self._code(_CLOSING[opening])
        self._take("code", 1)

    def _code(self, ends: str) -> None:
        """Reads code up to one of the characters, which is left to the caller."""
        while self._at < len(self._source) and self._source[self._at] not in ends:
            self._code_token()

    def _code_token(self) -> None:
        here = self._source[self._at]
        if here in _CLOSING:
            self._block()
        elif here == '"':
            self._string()
        elif here == "$":
            end = self._source.find("$", self._at + 1)
            stop = end + 1 if end >= 0 else len(self._source)
            self._take("prose", stop - self._at)
        elif not self._skipped():
            self._take("code", 1)

    def _string(self) -> None:
        match = _STRING.match(self._source, self._at)
        length = match.end() - self._at if match else 1
        text = self._source[self._at : self._at + length]
        self._take("string" if re.search(r"\s", text) else "code", length)

    def _skipped(self, *others: re.Pattern[str]) -> bool:
        """Steps over comments, raw text and what else is given."""
        for pattern in (_LINE_COMMENT, _BLOCK_COMMENT):
            if match := pattern.match(self._source, self._at):
                self._take("comment", match.end() - self._at)
                return True
        if match := _RAW.match(self._source, self._at):
            self._at = match.end()
            return True
        for pattern in others:
            if match := pattern.match(self._source, self._at):
                self._take("code", match.end() - self._at)
                return True
        return False

    def _take(self, kind: Kind, length: int) -> None:
        start, self._at = self._at, min(self._at + length, len(self._source))
        if self._spans and self._spans[-1][0] == kind and self._spans[-1][2] == start:
            self._spans[-1] = (kind, self._spans[-1][1], self._at)
        elif self._at > start:
            self._spans.append((kind, start, self._at))
