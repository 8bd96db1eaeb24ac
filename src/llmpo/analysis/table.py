"""Reading the tidy table and asking it questions; see `llmpo.tidy` for its columns."""

import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llmpo.errors import DataError, PrerequisiteError
from llmpo.normalization import reference_score
from llmpo.provenance import describe
from llmpo.tidy import COLUMNS, product

if TYPE_CHECKING:
    import pandas as pd

_FLAGS = ("tokens_estimated", "is_final", "is_selected", "success", "final_success")
_TEXTS = (
    *("kind", "experiment", "environment", "family", "score_kind", "method"),
    *("algorithm", "role", "run_status", "mode", "status", "policy"),
    *("prediction", "changes"),
)
_FLAG_NUMBERS = {"true": "1", "false": "0"}
_NUMBERS = [name for name in COLUMNS if name not in (*_TEXTS, *_FLAGS)]


@dataclass(frozen=True, eq=False)
class OnlineRuns:
    """Runs of methods that act while they learn; what counts is their regret.

    Attributes:
        runs: One row for each run, whether it has reporting episodes as well or not.
        episodes: One row for each training episode, in order; `begin` is the number of
            environment steps before it, and `regret` a share of the most to be lost.
        predictions: One row for each run and kind of prediction.
        environments: Labels of their environments, by family and name.
        series: Names of the series, in the order of the grid.
    """

    runs: "pd.DataFrame"
    episodes: "pd.DataFrame"
    predictions: "pd.DataFrame"
    environments: tuple[str, ...]
    series: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class TidyTable:
    """The tidy table, split by kind of row.

    What is not to be evaluated in reporting episodes is only in `online`.

    Every row has two more columns: `series`, which is the method's label, with the
    experiment's name where others shown beside it have the same label, and `tokens`,
    the sum of both kinds. Columns of texts are categorical, which makes selecting fast.

    Attributes:
        path: Where the table was read from.
        candidates: One row for each scored attempt.
        episodes: One row for each reporting episode; `episode_score` is the return or
            the success, whichever counts in that environment.
        runs: One row for each run of the grid.
        environments: Labels of the environments, by family and name.
        series: Names of the series, in alphabetical order.
        online: Runs of methods that act while they learn.
    """

    path: Path
    candidates: "pd.DataFrame"
    episodes: "pd.DataFrame"
    runs: "pd.DataFrame"
    environments: tuple[str, ...]
    series: tuple[str, ...]
    online: OnlineRuns

    def score_kind(self, environment: str) -> str:
        """Returns what counts as score in an environment: return or success."""
        return self._by_environment["score_kind"][environment]

    def family(self, environment: str) -> str:
        """Returns the family of an environment."""
        return self._by_environment["family"][environment]

    def role(self, series: str) -> str:
        """Returns the role of a series: search, training or reference."""
        return self._roles[series]

    def with_role(self, role: str) -> tuple[str, ...]:
        """Returns the series with a role."""
        return tuple(name for name in self.series if self.role(name) == role)

    @cached_property
    def by_environment(self) -> "dict[str, TidyTable]":
        """The rows of each environment as a table of their own, quick to select from.

        They keep the names of all environments and series.
        """
        parts = {}
        for kind in ("candidates", "episodes", "runs"):
            rows = getattr(self, kind)
            groups = dict(list(rows.groupby("environment", observed=True)))
            parts[kind] = {e: groups.get(e, rows.iloc[:0]) for e in self.environments}
        return {
            environment: replace(
                self, **{kind: rows[environment] for kind, rows in parts.items()}
            )
            for environment in self.environments
        }

    @cached_property
    def results(self) -> "pd.DataFrame":
        """One row for each run that has ended; pending runs are not results.

        Columns: `environment`, `series`, `seed`;

        * `score`, the mean over the reporting episodes of the policy that is the run's
          product (see `llmpo.tidy.product`). A run that left no policy scores as much
          as the zero of its environment's scale, or NaN where there is no scale;
        * `normalized`, the score on that scale; NaN where there is none;
        * `without_policy`, whether it left no policy;
        * `failed_episodes`, in how many episodes the policy's program failed.
        """
        run = ["environment", "series", "seed"]
        products = self.episodes.role.map(product).astype(str)
        rows = self.episodes[self.episodes.policy.astype(str) == products]
        rows = rows.assign(failed=rows.status != "ok")
        scores = rows.groupby(run, observed=True).agg(
            score=("episode_score", "mean"), failed_episodes=("failed", "sum")
        )
        ended = self.runs.loc[self.runs.run_status != "pending", run]
        results = ended.merge(scores.reset_index(), on=run, how="left")
        results["without_policy"] = results.score.isna()
        results["failed_episodes"] = results.failed_episodes.fillna(0).astype(int)
        results["seed"] = results.seed.astype(int)
        scales = {name: reference_score(name) for name in self.environments}
        zeros = {name: scale.zero for name, scale in scales.items() if scale}
        names = results.environment.astype(str)
        results["score"] = results.score.fillna(names.map(zeros))
        results["normalized"] = np.nan
        for name, rows in results.groupby(names):
            scale = scales[str(name)]
            if scale is not None and scale.has_scale:
                results.loc[rows.index, "normalized"] = scale.normalize(rows.score)
        return results

    @cached_property
    def _roles(self) -> dict[str, str]:
        return dict(zip(self.runs.series, self.runs.role, strict=True))

    @cached_property
    def _by_environment(self) -> dict[str, dict[str, str]]:
        names = self.runs.environment
        return {
            column: dict(zip(names, self.runs[column], strict=True))
            for column in ("score_kind", "family")
        }

    def provenance(self) -> dict[str, Any]:
        """Returns what a figure or table of it was made from, as plain JSON data."""
        others = self.online.runs.index.difference(self.runs.index)
        runs = [self.runs, self.online.runs.loc[others]]
        modes = [mode for rows in runs for mode in rows["mode"]]
        statuses = [status for rows in runs for status in rows["run_status"]]
        return describe([self.path]) | {
            "runs": {
                "total": len(modes),
                "by_mode": _counts(modes),
                "by_status": _counts(statuses),
            }
        }


def read_tidy(path: Path) -> TidyTable:
    """Reads the tidy table.

    Raises:
        DataError: The file is missing, no tidy table, or holds no runs.
        PrerequisiteError: pandas is not installed.
    """
    frame = _read_csv(path)
    frame["series"] = _series(frame)
    frame["tokens"] = frame["prompt_tokens"] + frame["completion_tokens"]
    every = frame[frame.kind == "run"]
    if every.empty:
        raise DataError(
            f"Reading the tidy table: {path} holds no runs. Make it again with "
            "`llmpo aggregate`."
        )
    runs = every[every.reporting_episodes != 0]
    candidates = frame[frame.kind == "candidate"]
    episodes = frame[frame.kind == "episode"].copy()
    episodes["episode_score"] = episodes["episode_return"].where(
        episodes["score_kind"] != "success", episodes["success"]
    )
    return TidyTable(
        path=path,
        candidates=candidates[candidates.experiment.isin(set(runs.experiment))],
        episodes=episodes,
        runs=runs,
        environments=_environments(runs),
        series=tuple(sorted(runs["series"].unique())),
        online=_online(frame),
    )


def _online(frame: "pd.DataFrame") -> OnlineRuns:
    frame = frame[frame.role == "online"]
    runs = frame[frame.kind == "run"]
    episodes = frame[frame.kind == "candidate"]
    ends = episodes.groupby(["series", "environment", "seed"], observed=True).env_steps
    return OnlineRuns(
        runs=runs,
        episodes=episodes.assign(begin=ends.shift(fill_value=0.0)),
        predictions=frame[frame.kind == "prediction"],
        environments=_environments(runs),
        series=tuple(runs.series.unique()),
    )


def _environments(runs: "pd.DataFrame") -> tuple[str, ...]:
    families = dict(zip(runs["environment"], runs["family"], strict=True))
    names = sorted(families, key=lambda label: (families[label], _natural(label)))
    return tuple(names)


def _series(frame: "pd.DataFrame") -> "pd.Series[Any]":
    """Names series by label, and by experiment where others have the label, too.

    Others are those that are shown together: held-out scores, or regrets.
    """
    import pandas as pd

    runs = frame[frame.kind == "run"]
    names = pd.DataFrame(
        {
            "experiment": runs.experiment.astype(str),
            "method": runs.method.astype(str),
            "is_reported": runs.reporting_episodes != 0,
            "is_online": runs.role == "online",
        }
    ).drop_duplicates(["experiment", "method"])
    shared = {
        kind: names.method[names[kind]].value_counts().to_dict()
        for kind in ("is_reported", "is_online")
    }
    series = {}
    for experiment, label, *kinds in names.itertuples(index=False):
        is_shared = any(
            is_so and counts[label] > 1
            for is_so, counts in zip(kinds, shared.values(), strict=True)
        )
        series[experiment, label] = f"{experiment}: {label}" if is_shared else label
    pairs = zip(frame.experiment.astype(str), frame.method.astype(str), strict=True)
    return pd.Series(
        [series[pair] for pair in pairs], index=frame.index, dtype="category"
    )


def _counts(values: list[str]) -> dict[str, int]:
    return {value: values.count(value) for value in sorted(set(values))}


def _natural(text: str) -> list[tuple[int, str]]:
    """Returns a sort key that puts task_2 before task_10."""
    parts = re.findall(r"\d+|\D+", text)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def _read_csv(path: Path) -> "pd.DataFrame":
    try:
        import pandas  # noqa: F401
    except ImportError:
        raise PrerequisiteError(
            "Drawing figures and tables needs pandas. Install it with "
            "`pip install 'llmpo[workflow]'`."
        ) from None
    try:
        with path.open(encoding="utf-8") as file:
            header = file.readline().rstrip("\r\n").split(",")
        missing = [name for name in COLUMNS if name not in header]
        if header == [""]:
            raise ValueError("it is empty")
        if missing:
            raise DataError(
                f"Reading the tidy table: {path} lacks the columns "
                f"{', '.join(missing)}. Another version of llmpo made it; make it "
                "again with `llmpo aggregate`."
            )
        frame = _parse(path)
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
    for name in _FLAGS:
        frame[name] = _numbers(frame[name], name, path)
    return frame


def _parse(path: Path) -> "pd.DataFrame":
    import pandas as pd

    # Only an empty cell is missing: a method may be called "none" or "NA".
    texts: Any = dict.fromkeys((*_TEXTS, *_FLAGS), "category")
    numbers: Any = dict.fromkeys(_NUMBERS, "float64")
    missing = {name: [""] for name in _NUMBERS}
    try:
        return pd.read_csv(
            path, dtype=texts | numbers, keep_default_na=False, na_values=missing
        )
    except ValueError:
        # Slower, but it can say which column is wrong.
        frame = pd.read_csv(path, dtype="category", keep_default_na=False)
        for name in _NUMBERS:
            frame[name] = _numbers(frame[name], name, path)
        return frame


def _numbers(column: "pd.Series[Any]", name: str, path: Path) -> "pd.Series[float]":
    """Returns a column as floats: NaN where empty, 1 and 0 for true and false."""
    import pandas as pd

    texts = [str(text) for text in column.cat.categories]
    if name in _FLAGS:
        texts = [_FLAG_NUMBERS.get(text.lower(), text) for text in texts]
    try:
        values = [float(text) if text else np.nan for text in texts]
    except ValueError as error:
        raise DataError(
            f"Reading the tidy table: column {name} of {path} holds something else "
            f"than numbers ({error}). Make it again with `llmpo aggregate`."
        ) from None
    # A line that ends early has the code -1, which is the last value.
    numbers = np.array([*values, np.nan])
    return pd.Series(numbers[column.cat.codes.to_numpy()], index=column.index)
