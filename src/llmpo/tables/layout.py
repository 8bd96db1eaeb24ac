"""One table as CSV for machines and as Markdown for people, with its provenance."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmpo.statistics import Estimate
from llmpo.storage import write_json, write_text_atomic


@dataclass(frozen=True)
class Table:
    """A table before it is written.

    Attributes:
        name: Name of its files.
        title: Heading of the Markdown file.
        columns: Columns of the CSV file.
        rows: Rows of the CSV file; None where there is no number.
        headings: Headings of the Markdown table, usually fewer than there are columns.
        cells: Its cells.
        texts: How many of its first columns hold text, which is set flush left.
        key: How to read it, below the Markdown table.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    headings: Sequence[str]
    cells: Sequence[Sequence[str]]
    texts: int
    key: str


def write_table(table: Table, out: Path, provenance: Mapping[str, Any]) -> list[Path]:
    """Writes `<name>.csv`, `<name>.md` and `<name>.provenance.json`."""
    paths = [out / f"{table.name}.{end}" for end in ("csv", "md", "provenance.json")]
    write_text_atomic(paths[0], _as_csv(table))
    write_text_atomic(paths[1], _as_markdown(table))
    write_json(paths[2], provenance)
    return paths


def number(value: float | None) -> str:
    """Returns a number with three significant digits and at most four decimals."""
    if value is None or math.isnan(value):
        return ""
    if not math.isfinite(value):
        return f"{value:g}"
    if round(value, 4) == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 4)}f}".replace("-", "\N{MINUS SIGN}")


def with_interval(value: float | None, low: float | None, high: float | None) -> str:
    """Returns a number with its interval, or alone where none is claimed."""
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return number(value)
    return f"{number(value)} [{number(low)}, {number(high)}]"


def estimate_columns(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    """Returns an estimate as three columns; None where nothing is claimed."""
    ends = estimate if estimate is not None and estimate.has_interval else None
    return {
        name: estimate.value if estimate else None,
        f"{name}_low": ends.low if ends else None,
        f"{name}_high": ends.high if ends else None,
    }


def listed(reasons: Mapping[str, str]) -> str:
    """Returns what is said of environments as one text: `a: why; b: why`."""
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items())


def _as_csv(table: Table) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, table.columns, lineterminator="\n")
    writer.writeheader()
    for row in table.rows:
        writer.writerow({name: _csv_value(value) for name, value in row.items()})
    return buffer.getvalue()


def _csv_value(value: Any) -> Any:
    # Six digits: more than any interval supports, and free of the last bits by which
    # two versions of a numerical library may differ.
    return f"{value:.6g}" if isinstance(value, float) else value


def _as_markdown(table: Table) -> str:
    rules = ["---"] * table.texts + ["---:"] * (len(table.headings) - table.texts)
    lines = [_line(table.headings), _line(rules), *map(_line, table.cells)]
    body = "\n".join(lines) if table.cells else "There is nothing to show."
    return f"# {table.title}\n\n{body}\n\n{table.key}"


def _line(cells: Sequence[str]) -> str:
    texts = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
    return "| " + " | ".join(texts) + " |"
