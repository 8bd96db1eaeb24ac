"""The corpus: recorded exchanges as plain JSON lines, the form that is shipped.

One file per model and per run that asked first, one canonical JSON text a line,
sorted by key: diff-able, mergeable, readable without this package.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from llmpo.errors import DataError
from llmpo.llm.exchange import Exchange, parse_exchange
from llmpo.storage import canonical_json

# Finds the key of a line as llmpo writes it, without parsing the line. A line that was
# reformatted does not match and is parsed; the full check happens on use.
_KEY = re.compile(rb'(?:null|"),"key":"([0-9a-f]{64})","origin":"')


@dataclass(frozen=True)
class _Place:
    path: Path
    line: int
    offset: int

    def __str__(self) -> str:
        return f"line {self.line} of {self.path}"


class Corpus:
    """Read-only access to the exchanges under a folder.

    The first look-up indexes all `*.jsonl` files; a record is parsed and checked when
    it is used. A folder that does not exist is an empty corpus.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._places: dict[str, _Place] | None = None

    def __len__(self) -> int:
        return len(self._index())

    def __contains__(self, key: str) -> bool:
        return key in self._index()

    def __iter__(self) -> Iterator[Exchange]:
        """Yields all exchanges, in the order of their keys."""
        for key in sorted(self._index()):
            yield self._read(key)

    def get(self, key: str) -> Exchange | None:
        """Returns the exchange with this key, or None.

        Raises:
            DataError: A file is truncated, holds a key twice, or the record is
                damaged, edited or of another version.
        """
        return self._read(key) if key in self._index() else None

    def path_of(self, key: str) -> Path:
        """Returns the file that holds the exchange with this key."""
        return self._index()[key].path

    def _index(self) -> dict[str, _Place]:
        if self._places is None:
            places: dict[str, _Place] = {}
            for path in corpus_files(self.folder):
                _index_file(path, places)
            self._places = places
        return self._places

    def _read(self, key: str) -> Exchange:
        place = self._index()[key]
        with place.path.open("rb") as file:
            file.seek(place.offset)
            exchange = _parse_line(file.readline(), str(place))
        if exchange.key != key:
            raise DataError(
                f"Reading a recorded exchange: {place} changed while it was in use; "
                "run again."
            )
        return exchange


def corpus_files(folder: Path) -> list[Path]:
    """Returns the JSON-lines files under a folder, sorted."""
    return sorted(path for path in folder.rglob("*.jsonl") if path.is_file())


def group_file(exchange: Exchange) -> Path:
    """Returns the file, relative to the corpus, that a new exchange belongs to."""
    name = slug(exchange.origin) or "exchanges"
    return Path(slug(exchange.request.model), f"{name}.jsonl")


def slug(name: str) -> str:
    """Returns a name as one harmless path component."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")


def verify_corpus(folder: Path) -> list[str]:
    """Returns everything that is wrong with a corpus, one sentence each.

    Every record is parsed and its key computed anew. Also found: truncated files, keys
    that occur twice, unsorted files and lines that are not canonical JSON.
    """
    problems: list[str] = []
    seen: dict[str, str] = {}
    for path in corpus_files(folder):
        problems += _verify_file(path, seen)
    return problems


def _verify_file(path: Path, seen: dict[str, str]) -> list[str]:
    problems = []
    previous = ""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        return [f"{path} cannot be read ({error})."]
    if lines.pop():
        problems.append(f"{path} is truncated: its last line has no line end.")
    for number, line in enumerate(lines, start=1):
        where = f"line {number} of {path}"
        try:
            exchange = _parse_line(line + b"\n", where)
        except DataError as error:
            problems.append(str(error))
            continue
        if exchange.key in seen:
            problems.append(
                f"{where} repeats key {exchange.key[:12]} of {seen[exchange.key]}."
            )
        seen.setdefault(exchange.key, where)
        if exchange.key < previous:
            problems.append(f"{where} is not in the order of the keys.")
        previous = exchange.key
        if line.decode() != canonical_json(exchange.record()):
            problems.append(f"{where} is not canonical JSON; export it again.")
    return problems


def _index_file(path: Path, places: dict[str, _Place]) -> None:
    try:
        with path.open("rb") as file:
            offset = 0
            for number, line in enumerate(file, start=1):
                place = _Place(path, number, offset)
                offset += len(line)
                found = _KEY.search(line)
                # A truncated line can still match, so it always takes the full check.
                if found and line.endswith(b"\n"):
                    key = found[1].decode()
                else:
                    key = _parse_line(line, str(place)).key
                if key in places:
                    raise DataError(
                        f"Reading recorded exchanges: {place} repeats key {key[:12]} "
                        f"of {places[key]}. Remove one of the two lines."
                    )
                places[key] = place
    except OSError as error:
        raise DataError(
            f"Reading recorded exchanges: {path} cannot be read ({error})."
        ) from None


def _parse_line(line: bytes, where: str) -> Exchange:
    if not line.endswith(b"\n"):
        raise DataError(
            f"Reading a recorded exchange: {where} has no line end; the file is "
            "truncated. Restore it (for a shipped file: git checkout) and run again."
        )
    try:
        value = json.loads(line)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(
            f"Reading a recorded exchange: {where} is not valid JSON ({error}). "
            "Restore the file (for a shipped one: git checkout) and run again."
        ) from None
    return parse_exchange(value, where)
