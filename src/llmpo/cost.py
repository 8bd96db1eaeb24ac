"""What a whole grid will cost, before anything is spent."""

from collections.abc import Sequence
from dataclasses import dataclass

from llmpo.config import Config
from llmpo.envs.registry import environment
from llmpo.llm.estimate import CallEstimate, total_cost
from llmpo.llm.pricing import find_price
from llmpo.llm.settings import Price
from llmpo.methods.base import method, parse_settings
from llmpo.plan import search_seconds
from llmpo.records import Cell

_HEADER = (
    *("environment", "method", "runs", "calls"),
    *("prompt tokens", "answer tokens", "dollars", "env steps"),
)


@dataclass(frozen=True)
class _Run:
    calls: Sequence[CallEstimate]
    env_steps: int


def estimate_grid(config: Config) -> str:
    """Returns a table of upper bounds, one line for each environment and method."""
    price = find_price(config.llm) if config.llm else None
    cells = config.cells()
    groups: dict[tuple[str, str], list[_Run]] = {}
    for cell in cells:
        label = environment(cell.environment, cell.options).label
        groups.setdefault((label, cell.method), []).append(_estimate(cell))
    rows: list[Sequence[str]] = [_HEADER]
    rows += [_row(*names, runs, price) for names, runs in groups.items()]
    everything = [run for runs in groups.values() for run in runs]
    rows.append(_row("total", "", everything, price))
    seconds = sum(search_seconds(cell, config) for cell in cells)
    return f"{_table(rows)}\n\n{_notes(config, seconds, price)}"


def _estimate(cell: Cell) -> _Run:
    spec = environment(cell.environment, cell.options)
    settings = parse_settings(cell.algorithm, dict(cell.settings), cell.id)
    chosen = method(cell.algorithm)
    return _Run(
        chosen.estimate_calls(settings, spec), chosen.max_env_steps(settings, spec)
    )


def _row(
    env: str, label: str, runs: Sequence[_Run], price: Price | None
) -> tuple[str, ...]:
    cost = total_cost((call for run in runs for call in run.calls), price)
    return (
        env,
        label,
        f"{len(runs):,}",
        f"{cost.calls:,}",
        f"{cost.prompt_tokens:,}",
        f"{cost.completion_tokens:,}",
        "unknown" if cost.dollars is None else f"{cost.dollars:,.2f}",
        f"{sum(run.env_steps for run in runs):,}",
    )


def _notes(config: Config, seconds: float, price: Price | None) -> str:
    lines = [
        "Repairs of failed programs come on top; reasoning tokens too, where a "
        "provider bills them. Environment steps are upper bounds of the search alone.",
        f"Simulation and in-process models: about {seconds / 60:,.1f} CPU minutes.",
    ]
    if config.llm is not None:
        lines.append(f"Model {config.llm.model}, mode {config.llm.mode}.")
        if config.llm.mode in ("replay", "mock"):
            lines.append("In this mode nothing is called and nothing is paid.")
        elif price is None:
            lines.append("Set llm.price to get dollars for this model.")
    limits = config.budget.model_dump(exclude_none=True)
    if limits:
        listed = ", ".join(f"{value:,} {name}" for name, value in limits.items())
        lines.append(f"Budget of each run: {listed}.")
    return "\n".join(lines)


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if index < 2 else text.rjust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
