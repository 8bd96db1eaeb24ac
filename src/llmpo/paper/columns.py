"""Which columns of the tables the paper shows, and how their cells are written."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from llmpo.analysis.text import environment_name, short_number
from llmpo.paper.text import NOTHING
from llmpo.tables.layout import number, with_interval
from llmpo.tables.regret import LOW_REGRET

Row = Mapping[str, str]

_SIGNS = {"more": "> ", "less": "< "}


@dataclass(frozen=True)
class Column:
    """A column of a table in the paper.

    Attributes:
        heading: Its heading.
        needs: Columns of the CSV file that it is made from.
        text: Makes a cell from a row of the CSV file.
        numeric: Whether it is set flush right.
    """

    heading: str
    needs: tuple[str, ...]
    text: Callable[[Row], str]
    numeric: bool = True


def _words(heading: str, name: str) -> Column:
    """A column that is taken as it is."""
    return Column(heading, (name,), lambda row: row[name], numeric=False)


def _plain(heading: str, name: str, text: Callable[[float | None], str]) -> Column:
    """A column with one number."""
    return Column(heading, (name,), lambda row: text(_value(row, name)) or NOTHING)


def _estimate(heading: str, name: str) -> Column:
    """A column with an estimate and its interval."""
    needs = (name, f"{name}_low", f"{name}_high")
    return Column(
        heading,
        needs,
        lambda row: with_interval(*(_value(row, n) for n in needs)) or NOTHING,
    )


def _regret(heading: str, name: str) -> Column:
    """A column with a regret, whose third digit means nothing, and its interval."""
    needs = (name, f"{name}_low", f"{name}_high")

    def text(row: Row) -> str:
        value, low, high = (_two_digits(_value(row, n)) for n in needs)
        return f"{value} [{low}, {high}]" if low and high else value or NOTHING

    return Column(heading, needs, text)


def _value(row: Row, name: str) -> float | None:
    """Returns a number; None where the cell is empty or holds none."""
    try:
        value = float(row[name])
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _short(value: float | None) -> str:
    return "" if value is None else short_number(value)


def _range(row: Row, name: str) -> str:
    low, high = (_short(_value(row, f"{name}_{end}")) for end in ("fewest", "most"))
    return low if low == high else f"{low}–{high}"


def _held_out(row: Row) -> str:
    """Returns the score of the product; marks what a reader has to know."""
    mean, low, high = (_value(row, f"product_{end}") for end in ("mean", "low", "high"))
    if mean is None:
        return "no policy"
    marks = [
        ("*", row["interval_over"] == "episodes"),
        ("†", (_value(row, "without_policy") or 0) > 0),
        ("‡", (_value(row, "product_failed_episodes") or 0) > 0),
    ]
    signs = "".join(sign for sign, holds in marks if holds)
    return f"{with_interval(mean, low, high)}{signs}"


def _success(row: Row) -> str:
    value = _value(row, f"{row['product']}_success_rate")
    return NOTHING if value is None else f"{value:.2f}"


def _steps_per_run(row: Row) -> str:
    steps, runs = _value(row, "env_steps"), _value(row, "runs")
    return short_number(steps / runs) if steps is not None and runs else NOTHING


def _bounded(row: Row, name: str, text: Callable[[float | None], str]) -> str:
    """Returns a number that may only be a bound."""
    value = _value(row, name)
    if value is None:
        return NOTHING
    return f"{_SIGNS.get(row[f'{name}_bound'], '')}{text(value)}"


def _runs(row: Row) -> str:
    return f"{row['runs']} ({row['incomplete']})" if row["incomplete"] else row["runs"]


def _steps_to_low_regret(row: Row) -> str:
    steps = _value(row, "steps_to_low_regret")
    if steps is not None:
        return short_number(steps)
    ended = _value(row, "late_regret") is not None
    return f"> {_short(_value(row, 'planned_steps'))}" if ended else NOTHING


def _two_digits(value: float | None) -> str:
    return "" if value is None else f"{value:z.2f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _threshold(row: Row) -> str:
    return number(_value(row, "threshold")) or row["no_threshold"]


_ENVIRONMENT = Column(
    "Environment",
    ("environment",),
    lambda row: environment_name(row["environment"]),
    numeric=False,
)
_METHOD = _words("Method", "method")

LAYOUTS: Mapping[str, tuple[Column, ...]] = {
    "results": (
        _ENVIRONMENT,
        _METHOD,
        _plain("Runs", "runs", _short),
        Column(
            "Held-out score",
            (
                *("product_mean", "product_low", "product_high", "interval_over"),
                *("without_policy", "product_failed_episodes"),
            ),
            _held_out,
        ),
        _estimate("Normalised", "normalized"),
        Column(
            "Success",
            ("product", "best_success_rate", "last_success_rate"),
            _success,
        ),
        Column("Steps per run", ("env_steps", "runs"), _steps_per_run),
    ),
    "summary": (
        _words("Family", "family"),
        _METHOD,
        Column(
            "Environments",
            ("environments", "environments_of_family"),
            lambda row: f"{row['environments']} of {row['environments_of_family']}",
        ),
        Column(
            "Runs each",
            ("runs_fewest", "runs_most"),
            lambda row: _range(row, "runs"),
        ),
        _estimate("IQM", "iqm"),
        _estimate("Median", "median"),
        _estimate("Optimality gap", "optimality_gap"),
    ),
    "efficiency": (
        _ENVIRONMENT,
        _METHOD,
        Column("Threshold", ("threshold", "no_threshold"), _threshold),
        Column(
            "Reached",
            ("reached", "runs"),
            lambda row: f"{row['reached']} of {row['runs']}",
        ),
        Column(
            "Median steps",
            ("median", "median_bound"),
            lambda row: _bounded(row, "median", _short),
        ),
        Column(
            "Ratio",
            ("ratio", "ratio_bound"),
            lambda row: _bounded(row, "ratio", number),
        ),
    ),
    "regret": (
        _ENVIRONMENT,
        _METHOD,
        Column("Runs", ("runs", "incomplete"), _runs),
        _plain("Steps", "planned_steps", _short),
        _regret("Regret", "regret"),
        _regret("Last fifth", "late_regret"),
        Column(
            f"To {LOW_REGRET:g}",
            ("steps_to_low_regret", "planned_steps", "late_regret"),
            _steps_to_low_regret,
        ),
        _plain("Published", "published_above_floor", _two_digits),
        _plain("Completions", "completions_per_step", number),
        _plain("Tokens", "prompt_tokens_per_step", _short),
        _plain("Invalid", "invalid_share", _percent),
    ),
    "settings": (
        _ENVIRONMENT,
        _METHOD,
        _words("Algorithm", "algorithm"),
        _plain("Runs", "runs", _short),
        _plain("Published steps", "published_steps", _short),
        _plain("Planned steps", "planned_steps", _short),
        Column(
            "Steps used",
            ("env_steps_fewest", "env_steps_most"),
            lambda row: _range(row, "env_steps"),
        ),
        _plain("Parameters", "parameters", _short),
    ),
    "claims": (
        _words("Claim", "claim"),
        _words("Source", "source"),
        _words("Verdict", "verdict"),
        _words("Why", "reason"),
        _estimate("Estimate", "estimate"),
        _plain("Tolerance", "tolerance", lambda v: "" if v is None else f"{v:g}"),
        _plain("Runs", "runs_fewest", _short),
    ),
}


def is_shown(table: str, row: Row) -> bool:
    """Tells whether the paper shows a row of a table.

    Methods that act while they learn have their budgets in the table of regrets.
    """
    return not (table == "settings" and row.get("role") == "online")
