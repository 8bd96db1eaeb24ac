"""Taking in answers to pending requests, from files.

Two forms are understood. A `.jsonl` file is the output of an OpenAI-compatible batch
interface: each line has `custom_id` (the key) and `response.body`. A `<key>.txt` or
`<key>.md` file is one answer; its text is kept exactly as it is, to the last line end.
A folder stands for the files in it.

Importing again is harmless, the first answer to a request holds, and one malformed
line or file never costs the others.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llmpo.errors import ConfigError, DataError
from llmpo.llm.pending import PROMPT_SUFFIX, Pending
from llmpo.llm.response import Answer, MalformedResponse, make_exchange, parse_response
from llmpo.llm.store import ExchangeStore
from llmpo.storage import canonical_json

_KEY = re.compile(r"[0-9a-f]{64}")
IMPORT_LOG = "imports.jsonl"


@dataclass
class ImportReport:
    """What became of the answers of one import.

    Attributes:
        imported: Keys whose answer is new.
        already: Keys that were answered before, by the same text.
        problems: One sentence for everything that was not taken.
        pending: Number of requests that are still open.
    """

    imported: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    pending: int = 0


@dataclass(frozen=True)
class _Found:
    key: str
    answer: Answer
    where: str


def import_answers(
    store: Path, files: Sequence[Path], *, served_model: str | None = None
) -> ImportReport:
    """Imports answers into a store.

    A line naming the new keys is added to `imports.jsonl` in the store folder when
    there are any, so that a workflow sees that waiting runs can go on.

    Args:
        store: Folder of the store whose requests were answered.
        files: Answer files, or folders of them.
        served_model: Model version that answered, where the files do not say.

    Raises:
        ConfigError: A file does not exist or is of an unknown form.
        DataError: The store is damaged.
    """
    report = ImportReport()
    paths = _answer_files(files)
    pending = Pending(store)
    exchanges = ExchangeStore(store)
    try:
        answers = list(_read_files(paths, report))
        for found in answers:
            _take(found, exchanges, pending, served_model, report)
        pending.discard(found.key for found in answers if found.key in exchanges)
    finally:
        exchanges.close()
    report.pending = len(pending)
    if report.imported:
        _log_import(store / IMPORT_LOG, report)
    return report


def _take(
    found: _Found,
    exchanges: ExchangeStore,
    pending: Pending,
    served_model: str | None,
    report: ImportReport,
) -> None:
    stored = exchanges.get(found.key)
    if stored is None:
        try:
            asked = pending.get(found.key)
        except DataError as error:
            report.problems.append(f"{found.where}: {error}")
            return
        if asked is None:
            report.problems.append(
                f"{found.where}: nobody asked for {found.key[:12]} in this store."
            )
            return
        new = make_exchange(
            asked.request,
            found.answer,
            collected_by="batch-files",
            origin=asked.origin,
            served_model=served_model,
        )
        stored = exchanges.put(new)
        if stored is new:
            report.imported.append(found.key)
            return
    if stored.text == found.answer.text:
        report.already.append(found.key)
    else:
        report.problems.append(
            f"{found.where}: {found.key[:12]} has another answer already, which is "
            "kept; runs may have used it."
        )


def _answer_files(files: Sequence[Path]) -> list[Path]:
    paths: list[Path] = []
    for path in files:
        if path.is_dir():
            paths += sorted(
                entry
                for entry in path.iterdir()
                if entry.suffix == ".jsonl" or _is_answer_name(entry)
            )
        elif not path.is_file():
            raise ConfigError(f"Importing answers: {path} does not exist.")
        elif path.suffix == ".jsonl" or _is_answer_name(path):
            paths.append(path)
        else:
            raise ConfigError(
                f"Importing answers: {path} is neither a .jsonl file of a batch "
                "interface nor a text file called <key>.txt or <key>.md."
            )
    if not paths:
        raise ConfigError("Importing answers: there are no answer files in there.")
    return paths


def _is_answer_name(path: Path) -> bool:
    if path.name.endswith(PROMPT_SUFFIX) or path.suffix not in (".txt", ".md"):
        return False
    return _KEY.fullmatch(path.stem) is not None


def _read_files(paths: Sequence[Path], report: ImportReport) -> Iterator[_Found]:
    for path in paths:
        try:
            # Not read_text(): it would turn "\r\n" into "\n".
            text = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            report.problems.append(f"{path} cannot be read as UTF-8 text ({error}).")
            continue
        if path.suffix == ".jsonl":
            yield from _read_batch(path, text, report)
        else:
            yield _Found(path.stem, Answer(text), str(path))


def _read_batch(path: Path, text: str, report: ImportReport) -> Iterator[_Found]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"line {number} of {path}"
        try:
            value = json.loads(line)
            yield _Found(_checked_key(value["custom_id"]), _batch_answer(value), where)
        except MalformedResponse as error:
            report.problems.append(f"{where}: {error}; the request stays open.")
        except (ValueError, TypeError, KeyError) as error:
            report.problems.append(
                f"{where} is not a line of batch output ({error!r})."
            )


def _checked_key(name: Any) -> str:
    if not isinstance(name, str) or not _KEY.fullmatch(name):
        raise ValueError("custom_id is no key of llmpo")
    return name


def _batch_answer(line: Mapping[str, Any]) -> Answer:
    response = line.get("response") or {}
    status = response.get("status_code", 200)
    if line.get("error") or status != 200 or "body" not in response:
        raise MalformedResponse(
            f"the provider failed on it (status {status}, error {line.get('error')})"
        )
    return parse_response(response["body"])


def _log_import(path: Path, report: ImportReport) -> None:
    entry = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "answers": len(report.imported),
        "keys": sorted(report.imported),
    }
    data = (canonical_json(entry) + "\n").encode()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)
