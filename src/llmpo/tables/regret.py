"""The regret table: one row per environment and method that acts while it learns."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llmpo.analysis.regret import LAST, WHOLE, incomplete, mean_regret, steps_to
from llmpo.analysis.studies import Variant, variants
from llmpo.analysis.summary import select
from llmpo.analysis.table import OnlineRuns, TidyTable
from llmpo.analysis.text import environment_name, short_number
from llmpo.published_regrets import Figure, PublishedRegret, published_regrets
from llmpo.storage import canonical_json
from llmpo.tables.layout import Table, estimate_columns, number, with_interval

if TYPE_CHECKING:
    import pandas as pd

LOW_REGRET = 0.15
"""Where a curve counts as low; the same in every domain, and far below chance."""

_COLUMNS = (
    *("environment", "method", "algorithm", "changes", "runs", "incomplete"),
    *("planned_steps", "env_steps", "episodes"),
    *("regret", "regret_low", "regret_high"),
    *("late_regret", "late_regret_low", "late_regret_high"),
    *("low_regret", "steps_to_low_regret"),
    *("published_figure", "published_name", "published_regret"),
    *("published_floor", "published_above_floor"),
    *("completions", "completions_per_step", "prompt_tokens_per_step"),
    *("invalid_share", "calls"),
)
_HEADINGS = (
    *("Environment", "Method", "What differs", "Runs", "Steps", "Regret"),
    *("Regret, last fifth", f"Steps to {LOW_REGRET:g}", "Published end"),
    *("Completions / step", "Prompt tokens / step", "Invalid"),
)
_KEY = f"""\
Regret is what a training episode brought less than the best policy would have from
the same start, as a share of the most that can be lost; less is better, 0 is optimal.
An episode counts at the number of environment steps before it. Regret: mean over
all episodes of the planned steps; last fifth: over those that begin in the last fifth.
Both are means over runs with a 95% bootstrap interval over runs; there is none for
fewer than three runs. Steps to {LOW_REGRET:g}: the beginning of the first eighth of
the planned steps from which on the mean over runs stays at or below that; `> n`: not
within the n steps of a run.

Published end: where the paper has a curve of the same algorithm or ablation, its last
value, read off the image (four seeds, language model code-davinci-002), less what an
optimal agent shows in that figure; the CSV file also has the value as printed. The
published tabular Q values what lies behind the end of an episode.

Completions are those of any model, predictors included, and are counted for each
environment step, like the tokens of their prompts. Invalid: the share that could not
be read as an answer.
"""


def regret_table(table: TidyTable) -> Table:
    """Returns the regret table."""
    online = table.online
    of_series = {variant.series: variant for variant in variants(online)}
    rows = [
        _row(online, environment, of_series[series])
        for environment in online.environments
        for series in online.series
        if len(select(online.runs, environment, series))
    ]
    return Table(
        name="regret",
        title="Regret while learning",
        columns=_COLUMNS,
        rows=rows,
        headings=_HEADINGS,
        cells=[_cells(row, of_series[row["method"]]) for row in rows],
        texts=3,
        key=_KEY,
    )


def published_end(environment: str, variant: Variant) -> PublishedRegret | None:
    """Returns where the paper's curve of the same thing ends; None without one.

    Tabular Q counts as the same whether it values what lies behind an episode or not:
    the paper describes the one, its code does the other.
    """
    figure: Figure = "ablations"
    name = variant.published_ablation
    if variant.changes_only("algorithm", "bootstrap_through_termination"):
        figure, name = "algorithms", variant.changes.get("algorithm", name)
    asked = (environment, name, 1.0)
    return next(
        (
            one
            for one in published_regrets(figure)
            if (one.environment, one.name, one.share) == asked
        ),
        None,
    )


def _row(online: OnlineRuns, environment: str, variant: Variant) -> dict[str, Any]:
    series = variant.series
    runs = select(online.runs, environment, series)
    steps = float(runs.env_steps.sum())
    return {
        "environment": environment,
        "method": series,
        "algorithm": variant.method,
        "changes": canonical_json(variant.changes),
        "runs": len(runs),
        "incomplete": ", ".join(incomplete(online, environment, [series])),
        "planned_steps": int(runs.planned_steps.max()),
        "env_steps": int(steps),
        "episodes": len(select(online.episodes, environment, series)),
        **estimate_columns("regret", mean_regret(online, environment, series, WHOLE)),
        **estimate_columns(
            "late_regret", mean_regret(online, environment, series, LAST)
        ),
        "low_regret": LOW_REGRET,
        "steps_to_low_regret": steps_to(online, environment, series, LOW_REGRET),
        **_published_columns(published_end(environment, variant)),
        **_usage(select(online.predictions, environment, series), steps),
        "calls": int(runs.calls.sum()),
    }


def _published_columns(published: PublishedRegret | None) -> dict[str, Any]:
    return {
        "published_figure": published.figure if published else None,
        "published_name": published.name if published else None,
        "published_regret": published.printed if published else None,
        "published_floor": published.floor if published else None,
        "published_above_floor": published.regret if published else None,
    }


def _usage(predictions: "pd.DataFrame", steps: float) -> dict[str, Any]:
    """Returns what completions cost; nothing for methods that ask no model."""
    completions = float(predictions.calls.sum())
    asks = len(predictions) > 0
    per_step = 1 / steps if asks and steps else None
    return {
        "completions": int(completions) if asks else None,
        "completions_per_step": completions * per_step if per_step else None,
        "prompt_tokens_per_step": (
            float(predictions.prompt_tokens.sum()) * per_step if per_step else None
        ),
        "invalid_share": (
            float(predictions.invalid.sum()) / completions if completions else None
        ),
    }


def _cells(row: Mapping[str, Any], variant: Variant) -> list[str]:
    def estimate(name: str) -> str:
        return with_interval(*(row[f"{name}{end}"] for end in ("", "_low", "_high")))

    runs = f"{row['runs']} ({row['incomplete']})" if row["incomplete"] else row["runs"]
    return [
        environment_name(row["environment"]),
        row["method"],
        what_differs(variant),
        str(runs),
        short_number(row["planned_steps"]),
        estimate("regret") or "none",
        estimate("late_regret") or "none",
        _steps_to(row),
        _two_digits(row["published_above_floor"]),
        number(row["completions_per_step"]),
        _short(row["prompt_tokens_per_step"]),
        "" if row["invalid_share"] is None else f"{row['invalid_share']:.1%}",
    ]


def what_differs(variant: Variant) -> str:
    """Returns the settings that a series changes as a reader wants to see them."""
    return ", ".join(
        f"{name.replace('_', ' ')}: {_setting(value)}"
        for name, value in sorted(variant.changes.items())
    )


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value is None else str(value).replace("_", " ")


def _steps_to(row: Mapping[str, Any]) -> str:
    if row["late_regret"] is None:
        return ""
    steps = row["steps_to_low_regret"]
    if steps is None:
        return f"> {short_number(row['planned_steps'])}"
    return short_number(steps)


def _two_digits(value: float | None) -> str:
    """Returns a number that was read off an image, whose error is about 0.02."""
    return "" if value is None else f"{value:.2f}"


def _short(value: float | None) -> str:
    return "" if value is None else short_number(value)
