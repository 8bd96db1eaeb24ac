"""Synthetic tidy tables: made-up runs with every outcome and every run status."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmpo.tidy import COLUMNS

_FAILURES = (
    "no_code",
    "syntax",
    "contract",
    "crash",
    "timeout",
    "memory",
    "bad_action",
)
_FAMILIES = ("Noise World", "Point maze", "Meta-World", "MuJoCo")


def synthetic_rows(
    environments: int = 2,
    methods: int = 1,
    seeds: int = 1,
    rounds: int = 2,
    candidates: int = 2,
    failure_rate: float = 0.3,
    special: bool = False,
    rng_seed: int = 0,
) -> list[dict[str, Any]]:
    """Returns rows; `special` makes some runs truncated, pending or failed."""
    rng = np.random.default_rng(rng_seed)
    rows: list[dict[str, Any]] = []
    number = 0
    for e in range(environments):
        kind = "success" if e % 4 == 2 else "return"
        options = "[layout=shown]" if e % 7 == 3 else ""
        for m in range(methods):
            for seed in range(seeds):
                number += 1
                status = "finished"
                if special and number % 5 == 0:
                    status = ("truncated", "pending", "failed")[(number // 5) % 3]
                cell = {
                    "experiment": "main",
                    "environment": f"made_up_task_{e}_v{e % 5}{options}",
                    "family": _FAMILIES[e % 4],
                    "score_kind": kind,
                    "method": ("promptpo", "promptpo_no_reflection", "icpi")[m % 3],
                    "algorithm": "promptpo",
                    "seed": seed,
                    "run_status": status,
                    "mode": "none" if status == "pending" else "mock",
                }
                rows += _run(cell, rng, rounds, candidates, failure_rate, e)
    return rows


def _run(
    cell: dict[str, Any],
    rng: np.random.Generator,
    rounds: int,
    candidates: int,
    failure_rate: float,
    scale: int,
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    totals = {
        "env_steps": 0,
        "calls": 1,
        "prompt_tokens": 900,
        "completion_tokens": 300,
        "tokens_estimated": True,
        "dollars": 0.001,
    }
    if cell["run_status"] in ("pending", "failed"):
        rounds = 0
    if cell["run_status"] == "truncated":
        rounds = max(1, rounds // 2)
    success = cell["score_kind"] == "success"
    unit = 1.0 if success else 10.0 ** (scale % 4)
    best: float | None = None
    for r in range(1, rounds + 1):
        for c in range(candidates):
            for attempt in range(3):
                totals = totals | {
                    "calls": totals["calls"] + 1,
                    "prompt_tokens": totals["prompt_tokens"] + 2000,
                    "completion_tokens": totals["completion_tokens"] + 900,
                    "dollars": totals["dollars"] + 0.01,
                }
                failed = rng.random() < failure_rate
                status = str(rng.choice(_FAILURES)) if failed else "ok"
                score = None
                if status not in ("no_code", "syntax", "contract"):
                    steps = int(rng.integers(100, 5000))
                    totals = totals | {"env_steps": totals["env_steps"] + steps}
                if not failed:
                    level = min(1.0, 0.25 * r + 0.2 * rng.normal())
                    score = round(max(0.0, level), 1) if success else level * unit
                    best = score if best is None else max(best, score)
                rows.append(
                    {
                        "kind": "candidate",
                        **cell,
                        **totals,
                        "round": r,
                        "candidate": c,
                        "attempt": attempt,
                        "status": status,
                        "is_final": not failed or attempt == 2,
                        "is_selected": False,
                        "score": score,
                        "mean_return": score,
                        "success_rate": score if success else None,
                        "best_score": best,
                    }
                )
                if not failed:
                    break
    if best is not None:
        for policy, level in (("best", best * 0.9), ("last", best * 0.7)):
            for episode in range(20):
                value = level + 0.1 * unit * rng.normal()
                won = float(rng.random() < level) if success else None
                rows.append(
                    {
                        "kind": "episode",
                        **cell,
                        **totals,
                        "policy": policy,
                        "status": "ok",
                        "episode_seed": 2**30 + episode,
                        "episode_return": value,
                        "success": won,
                        "final_success": won,
                        "length": 100,
                    }
                )
    rows.append({"kind": "run", **cell, **totals})
    return rows


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Writes rows as a tidy table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def make_tidy(tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that writes a synthetic tidy table."""

    def make(name: str = "tidy.csv", **options: Any) -> Path:
        return write_rows(tmp_path / name, synthetic_rows(**options))

    return make
