"""Builds the PDF of a manuscript, and refuses to build it from stale data."""

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from llmpo.errors import DataError, PrerequisiteError
from llmpo.paper.macros import Macros, read_macros
from llmpo.paper.manuscript import (
    Use,
    check_current,
    check_fresh,
    sources,
    undefined,
    unused,
    uses,
)
from llmpo.paper.tables import TABLES
from llmpo.provenance import PACKAGES, describe, package_versions
from llmpo.storage import write_bytes_atomic, write_json

MACROS = Path("paper", "macros.json")

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Paper:
    """A manuscript with the data it is built from, all of it checked.

    Attributes:
        manuscript: The main Typst file.
        data: Folder with the results.
        figures: Images by the figures' names, as far as they exist.
        inputs: All files that the PDF is made from.
    """

    manuscript: Path
    data: Path
    figures: dict[str, Path]
    inputs: tuple[Path, ...]


def prepare(manuscript: Path, data: Path) -> Paper:
    """Collects and checks all that a manuscript is built from.

    Args:
        manuscript: The main Typst file.
        data: Folder with `paper/macros.json`, `figures/` and the tidy table.

    Raises:
        DataError: A macro is not defined, a figure or the macros are stale, or a file
            is missing.
    """
    texts = sources(manuscript)
    macros = read_macros(data / MACROS)
    asked = {
        path: uses(path.read_text(encoding="utf-8"))
        for path in texts
        if path.suffix == ".typ"
    }
    _check_defined(asked, macros)
    # Not the plan: how its cells are laid out over jobs may change and means nothing.
    for path in (data / "tidy.csv", *(data / "tables" / f"{n}.csv" for n in TABLES)):
        check_current(path, macros.inputs)
    figures = {
        use.name: data / "figures" / f"{use.name}.svg"
        for found in asked.values()
        for use in found
        if use.function == "data-figure"
    }
    figures = {name: path for name, path in figures.items() if path.exists()}
    for path in figures.values():
        check_fresh(path, macros.inputs, data)
    return Paper(
        manuscript=manuscript,
        data=data,
        figures=figures,
        inputs=(*texts, data / MACROS, *figures.values()),
    )


def build(manuscript: Path, data: Path, out: Path) -> list[Path]:
    """Builds the PDF and, beside it, its provenance.

    Args:
        manuscript: The main Typst file.
        data: Folder with the results.
        out: The PDF to write.

    Returns:
        The paths written.

    Raises:
        DataError: The data are stale or incomplete, or the manuscript is wrong.
        PrerequisiteError: typst is not installed.
    """
    paper = prepare(manuscript, data)
    provenance = out.with_suffix(".provenance.json")
    write_bytes_atomic(out, render(paper, "pdf")[0])
    record = describe(paper.inputs)
    record["packages"] = package_versions((*PACKAGES, "typst"))
    write_json(provenance, record)
    return [out, provenance]


def render(
    paper: Paper, form: Literal["pdf", "png"], dots_per_inch: float = 144.0
) -> list[bytes]:
    """Returns the pages as images, or the one PDF.

    Raises:
        DataError: The manuscript is wrong.
        PrerequisiteError: typst is not installed.
    """
    try:
        import typst
    except ImportError:
        raise PrerequisiteError(
            "Building the paper needs typst. Install it with "
            "`pip install 'llmpo[paper]'`."
        ) from None
    manuscript, data = paper.manuscript.resolve(), paper.data.resolve()
    # Typst may read nothing outside its root.
    root = Path(os.path.commonpath([manuscript.parent, data]))
    try:
        made: Any = typst.compile(
            str(manuscript),
            root=str(root),
            format=form,
            ppi=dots_per_inch,
            ignore_system_fonts=True,  # the same bytes on every machine
            sys_inputs={
                "data": f"/{data.relative_to(root).as_posix()}",
                "figures": json.dumps(sorted(paper.figures)),
            },
        )
    except typst.TypstError as error:
        raise DataError(
            f"Building the paper: {paper.manuscript} cannot be compiled. "
            f"{_explain(error)}"
        ) from None
    return made if isinstance(made, list) else [made]


def _check_defined(asked: dict[Path, list[Use]], macros: Macros) -> None:
    everything = [use for found in asked.values() for use in found]
    problems = []
    for path, found in asked.items():
        for function, defined in (("m", macros.values), ("data-table", macros.tables)):
            if names := undefined(found, defined, function):  # type: ignore[arg-type]
                problems.append(f"{path.name}: {names}")
    if problems:
        raise DataError(
            "Building the paper: the manuscript uses macros that are not defined; "
            f"{'; '.join(problems)}. Correct the names, or define them in "
            "llmpo.paper and make the macros again with `llmpo paper macros`."
        )
    idle = unused(everything, macros.values, "m")
    if idle:
        _logger.info("Macros that the manuscript does not use: %s", ", ".join(idle))


def _explain(error: Exception) -> str:
    """Returns what Typst says, with the place and its hints."""
    return f"Typst says:\n{getattr(error, 'diagnostic', error)}".rstrip()
