"""Reading the tidy table and asking it questions; see `llmpo.tidy` for its columns."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmpo.errors import DataError, PrerequisiteError
from llmpo.provenance import describe
from llmpo.tidy import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

_FLAGS = ("tokens_estimated", "is_final", "is_selected", "success", "final_success")
_TEXTS = (
    *("kind", "experiment", "environment", "family", "score_kind", "method"),
    *("algorithm", "run_status", "mode", "status", "policy"),
)


@dataclass(frozen=True)
class TidyTable:
    """The tidy table, split by kind of row.

    Every row has two more columns: `series`, which is the method's label, with the
    experiment's name where there are several, and `tokens`, the sum of both kinds.

    Attributes:
        path: Where the table was read from.
        candidates: One row for each scored attempt.
        episodes: One row for each reporting episode; `episode_score` is the return or
            the success, whichever counts in that environment.
        runs: One row for each run of the grid.
        environments: Labels of the environments, by family and name.
        series: Names of the series, in alphabetical order.
    """

    path: Path
    candidates: "pd.DataFrame"
    episodes: "pd.DataFrame"
    runs: "pd.DataFrame"
    environments: tuple[str, ...]
    series: tuple[str, ...]

    def score_kind(self, environment: str) -> str:
        """Returns what counts as score in an environment: return or success."""
        rows = self.runs[self.runs.environment == environment]
        return str(rows.score_kind.iloc[0])

    def provenance(self) -> dict[str, Any]:
        """Returns what a figure or table of it was made from, as plain JSON data."""
        return describe([self.path]) | {
            "runs": {
                "total": len(self.runs),
                "by_mode": _counts(self.runs["mode"].tolist()),
                "by_status": _counts(self.runs["run_status"].tolist()),
            }
        }


def read_tidy(path: Path) -> TidyTable:
    """Reads the tidy table.

    Raises:
        DataError: The file is missing, no tidy table, or holds no runs.
        PrerequisiteError: pandas is not installed.
    """
    frame = _read_csv(path)
    several = frame["experiment"].nunique() > 1
    frame["series"] = (
        frame["experiment"] + ": " + frame["method"] if several else frame["method"]
    )
    frame["tokens"] = frame["prompt_tokens"] + frame["completion_tokens"]
    runs = frame[frame.kind == "run"]
    if runs.empty:
        raise DataError(
            f"Reading the tidy table: {path} holds no runs. Make it again with "
            "`llmpo aggregate`."
        )
    episodes = frame[frame.kind == "episode"].copy()
    episodes["episode_score"] = episodes["episode_return"].where(
        episodes["score_kind"] != "success", episodes["success"]
    )
    families = dict(zip(runs["environment"], runs["family"], strict=True))
    return TidyTable(
        path=path,
        candidates=frame[frame.kind == "candidate"],
        episodes=episodes,
        runs=runs,
        environments=tuple(
            sorted(families, key=lambda label: (families[label], _natural(label)))
        ),
        series=tuple(sorted(runs["series"].unique())),
    )


def _counts(values: list[str]) -> dict[str, int]:
    return {value: values.count(value) for value in sorted(set(values))}


def _natural(text: str) -> list[tuple[int, str]]:
    """Returns a sort key that puts task_2 before task_10."""
    parts = re.findall(r"\d+|\D+", text)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def _read_csv(path: Path) -> "pd.DataFrame":
    try:
        import pandas as pd
    except ImportError:
        raise PrerequisiteError(
            "Drawing figures and tables needs pandas. Install it with "
            "`pip install 'llmpo[workflow]'`."
        ) from None
    try:
        # Only an empty cell is missing: a method may be called "none" or "NA".
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise DataError(
            f"Reading the tidy table: {path} does not exist. Make it with "
            "`llmpo aggregate`, or run snakemake."
        ) from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise DataError(
            f"Reading the tidy table: {path} is not a table ({error}). Delete it and "
            "make it again with `llmpo aggregate`."
        ) from None
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise DataError(
            f"Reading the tidy table: {path} lacks the columns {', '.join(missing)}. "
            "Another version of llmpo made it; make it again with `llmpo aggregate`."
        )
    for name in COLUMNS:
        if name not in _TEXTS:
            frame[name] = _numbers(frame[name], name, path)
    return frame


def _numbers(column: "pd.Series[Any]", name: str, path: Path) -> "pd.Series[float]":
    """Returns a column as floats: NaN where empty, 1 and 0 for true and false."""
    import pandas as pd

    if name in _FLAGS:
        column = column.str.lower().replace({"true": "1", "false": "0"})
    try:
        return pd.to_numeric(column.replace("", None)).astype(float)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"Reading the tidy table: column {name} of {path} holds something else "
            f"than numbers ({error}). Make it again with `llmpo aggregate`."
        ) from None
