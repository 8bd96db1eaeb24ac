"""What the paper counts: runs, episodes, calls and candidates, from the tidy table."""

import math
from typing import TYPE_CHECKING

from llmpo.analysis.summary import OUTCOMES, outcomes
from llmpo.analysis.table import TidyTable
from llmpo.paper.text import NOTHING, count, listing, seeds, share, statuses, whole

if TYPE_CHECKING:
    import pandas as pd


def count_values(table: TidyTable) -> dict[str, str]:
    """Returns all counts, with their nouns where these depend on them."""
    runs = table.runs
    searches = runs[runs.role == "search"]
    return {
        "runs": count(len(runs), "run"),
        "run_statuses": statuses(runs),
        "methods": count(len(table.series), "method"),
        "environments": count(len(table.environments), "environment"),
        "families": listing(sorted(set(runs.family))),
        "seeds": f"{seeds(runs)} for each environment and method",
        "search_methods": listing(sorted(set(searches.series))),
        "search_seeds": seeds(searches),
        "training_methods": listing(_series(runs, "training")),
        "training_seeds": seeds(runs[runs.role == "training"]),
        "reference_methods": listing(_series(runs, "reference")),
        "reporting_episodes": count(len(table.episodes), "episode"),
        "failed_episodes": whole((table.episodes.status != "ok").sum()),
        **_used(searches, "search"),
        **_used(runs[runs.role == "training"], "training"),
        **_llm_values(searches),
        **_candidate_values(table.candidates[table.candidates.role == "search"]),
    }


def _series(runs: "pd.DataFrame", role: str) -> list[str]:
    return sorted(set(runs[runs.role == role].series))


def _used(runs: "pd.DataFrame", name: str) -> dict[str, str]:
    return {
        f"{name}_runs": count(len(runs), "run"),
        f"{name}_steps": whole(runs.env_steps.sum()),
    }


def _llm_values(runs: "pd.DataFrame") -> dict[str, str]:
    tokens = runs.prompt_tokens.sum() + runs.completion_tokens.sum()
    estimated = (runs.tokens_estimated == 1).any()
    dollars = runs.dollars.sum()
    return {
        "calls": count(runs.calls.sum(), "call"),
        "tokens": whole(tokens) + (" (estimated)" if estimated else ""),
        "dollars": f"${dollars:.2f}" if _all_known(runs) else "unknown",
        "modes": listing(sorted(set(runs["mode"]))),
    }


def _all_known(runs: "pd.DataFrame") -> bool:
    return bool(len(runs)) and not any(math.isnan(value) for value in runs.dollars)


def _candidate_values(rows: "pd.DataFrame") -> dict[str, str]:
    counts = outcomes(rows)
    total = sum(counts.values())
    failed = {name: counts[name] for name in OUTCOMES[2:] if counts[name]}
    kinds = [f"{whole(n)} {name.replace('_', ' ')}" for name, n in failed.items()]
    return {
        "candidates": count(total, "candidate"),
        "candidates_ok": whole(counts["ok"]),
        "candidates_ok_share": share(counts["ok"], total),
        "candidates_repaired": whole(counts["repaired"]),
        "candidates_failed": whole(sum(failed.values())),
        "candidates_failed_how": f" ({listing(kinds)})" if kinds else "",
        "attempts": count(len(rows), "attempt"),
        "attempts_rejected": whole((rows.is_selected != 1).sum()) if total else NOTHING,
    }
