"""The tables of the paper, from those that `llmpo tables` writes."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llmpo.errors import DataError
from llmpo.paper.columns import LAYOUTS, Row, is_shown
from llmpo.paper.text import count, listing, whole

TABLES = tuple(LAYOUTS)
VERDICTS = ("supported", "contradicted", "undecided", "not published")


@dataclass(frozen=True)
class PaperTable:
    """A table ready to be printed.

    Attributes:
        header: Headings.
        rows: Cells as text.
        numeric: For each column, whether it is set flush right.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]


def paper_table(name: str, path: Path) -> PaperTable | None:
    """Returns a table ready to be printed; None without such a file or any row to show.

    Args:
        name: One of `TABLES`.
        path: The CSV file that `llmpo tables` wrote.

    Raises:
        DataError: The file is no table, or lacks a column.
    """
    rows = [row for row in _read(path) if is_shown(name, row)]
    if not rows:
        return None
    columns = LAYOUTS[name]
    missing = sorted({n for column in columns for n in column.needs} - set(rows[0]))
    if missing:
        raise DataError(
            f"Making the paper's macros: {path} lacks the columns "
            f"{', '.join(missing)}. Another version of llmpo made it; make it again "
            "with `llmpo tables`."
        )
    return PaperTable(
        header=tuple(column.heading for column in columns),
        rows=_grouped([tuple(column.text(row) for column in columns) for row in rows]),
        numeric=tuple(column.numeric for column in columns),
    )


def claim_values(path: Path) -> dict[str, str]:
    """Returns how many claims there are and how they were judged.

    Args:
        path: The table of claims; without it there are none.
    """
    verdicts = Counter(row.get("verdict", "") for row in _read(path))
    judged = [f"{whole(verdicts[name])} {name}" for name in VERDICTS if verdicts[name]]
    return {
        "claims": count(sum(verdicts.values()), "claim"),
        "claims_judged": listing(judged) if judged else "none",
    }


def _read(path: Path) -> list[Row]:
    """Returns the rows of a CSV file; none where it is missing."""
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"Making the paper's macros: {path} is not a table ({error}). Make it "
            "again with `llmpo tables`."
        ) from None


def _grouped(rows: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Leaves out a row's first cell where it repeats the one above."""
    above = ["", *(row[0] for row in rows)]
    return tuple(
        ("" if row[0] == before else row[0], *row[1:])
        for row, before in zip(rows, above, strict=False)
    )
