"""What the paper says about the configuration, from the plan."""

from collections.abc import Iterable

from llmpo.analysis.efficiency import SHARE
from llmpo.config import Config
from llmpo.methods.base import method, parse_settings
from llmpo.paper.text import NOTHING, count, listing, span, whole
from llmpo.plan import Plan
from llmpo.statistics import LEAST_RUNS, LEVEL, RESAMPLES


def setting_values(plan: Plan, config: Config) -> dict[str, str]:
    """Returns settings that the text names."""
    cells = [cell for cell in plan.cells if method(cell.algorithm).role == "search"]
    settings = [
        parse_settings(cell.algorithm, dict(cell.settings), cell.id).model_dump()
        for cell in cells
    ]
    limits = config.sandbox.limits
    return {
        "experiments": listing(list(config.experiments)),
        "llm_model": config.llm.model if config.llm else NOTHING,
        "llm_mode": config.llm.mode if config.llm else "none",
        "rounds": span(_numbers(settings, "rounds")),
        "candidates_per_round": span(_numbers(settings, "candidates")),
        "selection_episodes": span(_numbers(settings, "episodes")),
        "max_repairs": span(_numbers(settings, "max_repairs")),
        "episodes_per_policy": count(config.evaluation.episodes, "reporting episode"),
        "interval_level": f"{LEVEL:.0%}",
        "resamples": whole(RESAMPLES),
        "least_runs": whole(LEAST_RUNS),
        "threshold_share": f"{SHARE:.0%}",
        "limit_act": f"{limits.act:g}\N{NO-BREAK SPACE}s",
        "limit_episode": f"{limits.episode:g}\N{NO-BREAK SPACE}s",
        "limit_memory": f"{limits.memory_mb}\N{NO-BREAK SPACE}MiB",
    }


def _numbers(settings: Iterable[dict[str, object]], name: str) -> list[float]:
    values = (chosen.get(name) for chosen in settings)
    return [value for value in values if isinstance(value, int | float)]
