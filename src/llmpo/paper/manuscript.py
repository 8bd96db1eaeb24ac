"""What a manuscript asks for: macros, tables and figures, and whether they are there.

A manuscript is a Typst file with the other `.typ` and `.bib` files of its folder. It
gets its data through three functions with a name in quotes as first argument: `m` for
a number or phrase, `data-table` for a table, `data-figure` for a figure.
"""

import glob
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llmpo.errors import DataError
from llmpo.paper.markup import pieces
from llmpo.provenance import file_digest
from llmpo.storage import read_json

Function = Literal["m", "data-table", "data-figure"]

_USE = re.compile(r'(?<![\w-])(m|data-table|data-figure)\(\s*"([^"\s]*)"')


@dataclass(frozen=True)
class Use:
    """One place where a manuscript asks for data.

    Attributes:
        function: Which kind of data.
        name: The name of the macro, table or figure.
        line: Line of the source, from 1.
    """

    function: Function
    name: str
    line: int


def uses(text: str) -> list[Use]:
    """Returns what a Typst source asks for, in order; comments do not count."""
    found = []
    for piece in pieces(text):
        if piece.kind != "code":
            continue
        for match in _USE.finditer(piece.text):
            function: Function = match[1]  # type: ignore[assignment]  # by the pattern
            line = piece.line + piece.text.count("\n", 0, match.start())
            found.append(Use(function, match[2], line))
    return found


def sources(manuscript: Path) -> list[Path]:
    """Returns the files of a manuscript, itself first.

    Raises:
        DataError: There is no such manuscript.
    """
    if not manuscript.is_file():
        raise DataError(f"Building the paper: {manuscript} does not exist.")
    beside = sorted(
        path
        for path in manuscript.parent.iterdir()
        if path.suffix in (".typ", ".bib") and path != manuscript
    )
    return [manuscript, *beside]


def undefined(asked: Iterable[Use], defined: Iterable[str], function: Function) -> str:
    """Returns what is asked for but not defined, as text; "" where nothing is."""
    known = set(defined)
    missing = [use for use in asked if use.function == function]
    return ", ".join(
        f"{use.name} (line {use.line})" for use in missing if use.name not in known
    )


def unused(
    asked: Iterable[Use], defined: Iterable[str], function: Function
) -> list[str]:
    """Returns the names that are defined but nobody asks for, sorted."""
    return sorted(set(defined) - {u.name for u in asked if u.function == function})


def check_fresh(figure: Path, inputs: Mapping[str, str], data: Path) -> None:
    """Checks that a figure was drawn from the data the macros were made from.

    Args:
        figure: The image; its provenance lies beside it.
        inputs: Digests of the macros' inputs by file name.
        data: Folder of all results, for figures drawn from something else there.

    Raises:
        DataError: It was not, or nothing says from what it was drawn.
    """
    name = figure.stem
    beside = figure.with_suffix(".provenance.json")
    if not beside.exists():
        raise DataError(
            f"Building the paper: the figure {name} has no {beside.name} beside it, so "
            "nothing says what it was drawn from. Draw it with `llmpo figures`."
        )
    check_inputs(f"the figure {name}", beside, inputs, data)


def check_inputs(
    what: str, provenance: Path, inputs: Mapping[str, str], data: Path
) -> None:
    """Checks the inputs that a provenance file names.

    An input of the macros must be the same file for both. Any other must be the file
    of that name in the results. At least one must be known.

    Args:
        what: What was made from them, for messages.
        provenance: The provenance file.
        inputs: Digests of the macros' inputs by file name.
        data: Folder of all results.

    Raises:
        DataError: They differ.
    """
    made_from = read_json(provenance, f"the provenance of {what}")
    named = made_from.get("inputs") if isinstance(made_from, dict) else None
    digests: Mapping[str, str] = named if isinstance(named, dict) else {}
    known = {name: _digests(name, inputs, data) for name in digests}
    stale = sorted(n for n, found in known.items() if found and digests[n] not in found)
    if stale or not any(known.values()):
        found = (
            f"was made from another {', '.join(stale)} than the one there is now"
            if stale
            else f"names no input that is there ({', '.join(digests) or 'none at all'})"
        )
        raise DataError(
            f"Building the paper: {what} is stale; it {found}. Make it again, or run "
            "snakemake, which makes all that is out of date."
        )


def _digests(name: str, inputs: Mapping[str, str], data: Path) -> set[str]:
    """Returns the digests of what a name stands for; files may share a name."""
    if name in inputs:
        return {inputs[name]}
    plain = glob.escape(name)
    paths = [*data.glob(plain), *data.glob(f"*/{plain}")]
    return {file_digest(path) for path in paths if path.is_file()}


def check_current(path: Path, inputs: Mapping[str, str]) -> None:
    """Checks that a file is still the one that the macros were made from.

    Raises:
        DataError: It has changed since, or is gone.
    """
    known = inputs.get(path.name)
    if known is not None and (not path.exists() or file_digest(path) != known):
        raise DataError(
            f"Building the paper: {path} is not the file that the macros were made "
            "from. Make the macros again with `llmpo paper macros`."
        )
