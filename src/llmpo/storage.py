"""Reading and writing files: canonical JSON, digests, atomic writes, JSON lines."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from llmpo.errors import DataError


def canonical_json(value: Any) -> str:
    """Returns the one JSON text of a value: sorted keys, no spaces, no NaN."""
    return json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )


def digest(value: Any) -> str:
    """Returns the SHA-256 (hex) of the canonical JSON of a value."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def write_text_atomic(path: Path, text: str) -> None:
    """Writes a file completely or not at all, creating its folder if needed."""
    write_bytes_atomic(path, text.encode())


def write_bytes_atomic(path: Path, data: bytes) -> None:
    """Writes a file completely or not at all, creating its folder if needed.

    The data is on disk before the name appears, so a power cut leaves either the old
    file or the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Writes a value as indented, key-sorted JSON, atomically."""
    text = json.dumps(
        value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False
    )
    write_text_atomic(path, text + "\n")


def read_json(path: Path, what: str) -> Any:
    """Reads a JSON file.

    Args:
        path: The file.
        what: What the file is, for the error message, e.g. "the plan".

    Raises:
        DataError: The file is missing, unreadable or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"Reading {what}: {path} does not exist.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Reading {what}: {path} cannot be read ({error}).") from None
    except json.JSONDecodeError as error:
        raise DataError(
            f"Reading {what}: {path} is not valid JSON (line {error.lineno}: "
            f"{error.msg}). It may be half-written; delete it and run again."
        ) from None


def write_json_lines(path: Path, values: Iterable[Any]) -> None:
    """Writes values as JSON lines (one canonical JSON text a line), atomically."""
    write_text_atomic(path, "".join(canonical_json(value) + "\n" for value in values))


def read_json_lines(path: Path, what: str) -> Iterator[tuple[int, Any]]:
    """Yields (line number, value) for every line of a JSON-lines file.

    Raises:
        DataError: The file cannot be read, a line is not JSON, or the last line has
            no line end, which is how a truncated file shows.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Reading {what}: {path} cannot be read ({error}).") from None
    if text and not text.endswith("\n"):
        raise DataError(
            f"Reading {what}: {path} ends in the middle of line "
            f"{text.count(chr(10)) + 1}; the file is truncated. Restore it (for a "
            "shipped file: git checkout) and run again; nothing else was touched."
        )
    # Not splitlines(): answers may hold U+2028 and other characters it splits at.
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        try:
            yield number, json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(
                f"Reading {what}: line {number} of {path} is not valid JSON "
                f"({error.msg}). Repair or restore the file; nothing else was touched."
            ) from None
