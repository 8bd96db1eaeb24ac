"""Synthetic tidy tables: made-up runs with every outcome and every run status."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmpo.analysis.table import OnlineRuns, TidyTable, read_tidy
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
# Label, algorithm, role.
_SEARCH = (
    ("promptpo", "promptpo", "search"),
    ("promptpo_no_reflection", "promptpo", "search"),
    ("icpi", "promptpo", "search"),
)
_TRAINING = (
    ("ppo", "deep_rl", "training"),
    ("sac", "deep_rl", "training"),
    ("td3", "deep_rl", "training"),
)
_REFERENCE = (
    ("random", "reference", "reference"),
    ("zero", "reference", "reference"),
    ("expert", "reference", "reference"),
)


def synthetic_rows(
    environments: int = 2,
    methods: int = 1,
    seeds: int = 1,
    rounds: int = 2,
    candidates: int = 2,
    failure_rate: float = 0.3,
    special: bool = False,
    rng_seed: int = 0,
    training: int = 0,
    references: int = 0,
    labels: Sequence[str] = (),
    evaluations: int = 8,
    episodes: int = 20,
) -> list[dict[str, Any]]:
    """Returns rows of a made-up grid.

    Args:
        environments: How many environments.
        methods: How many methods that search, with `rounds` of `candidates`.
        seeds: Runs of every method in every environment.
        rounds: Rounds of a search.
        candidates: Candidates of a round.
        failure_rate: Share of attempts that fail.
        special: Whether to make some runs truncated, pending or failed.
        rng_seed: Another seed is another grid.
        training: How many methods that train, with `evaluations` points.
        references: How many methods without a search.
        labels: Labels of the environments instead of made-up ones.
        evaluations: Points of the learning curve of a method that trains.
        episodes: Reporting episodes of each policy.
    """
    chosen = (
        [_SEARCH[m % len(_SEARCH)] for m in range(methods)]
        + [_TRAINING[m] for m in range(training)]
        + [_REFERENCE[m] for m in range(references)]
    )
    rng = np.random.default_rng(rng_seed)
    rows: list[dict[str, Any]] = []
    number = 0
    for e in range(environments):
        kind = "success" if e % 4 == 2 else "return"
        options = "[layout=shown]" if e % 7 == 3 else ""
        name = labels[e] if labels else f"made_up_task_{e}_v{e % 5}{options}"
        for method, algorithm, role in chosen:
            for seed in range(seeds):
                number += 1
                status = "finished"
                if special and number % 5 == 0:
                    status = ("truncated", "pending", "failed")[(number // 5) % 3]
                cell = {
                    "experiment": "main",
                    "environment": name,
                    "family": _FAMILIES[e % 4],
                    "score_kind": kind,
                    "method": method,
                    "algorithm": algorithm,
                    "role": role,
                    "seed": seed,
                    "run_status": status,
                    "mode": "none" if status == "pending" else "mock",
                }
                if role == "search":
                    rows += _search(
                        cell, rng, rounds, candidates, failure_rate, e, episodes
                    )
                elif role == "training":
                    rows += _training(cell, rng, evaluations, e, episodes)
                else:
                    rows += _reference(cell, rng, e, episodes)
    return rows


_NOTHING: dict[str, Any] = {
    "env_steps": 0,
    "calls": 0,
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "tokens_estimated": False,
    "dollars": 0,
    "llm_seconds": 0,
}


def _unit(cell: dict[str, Any], scale: int) -> float:
    return 1.0 if cell["score_kind"] == "success" else 10.0 ** (scale % 4)


def _training(
    cell: dict[str, Any],
    rng: np.random.Generator,
    evaluations: int,
    scale: int,
    episodes: int,
) -> list[dict[str, Any]]:
    """A learning curve of points; `best_score` rises although the curve may fall."""
    unit = _unit(cell, scale)
    if cell["run_status"] in ("pending", "failed"):
        evaluations = 0
    if cell["run_status"] == "truncated":
        evaluations = max(1, evaluations // 2)
    rows: list[dict[str, Any]] = []
    totals, best = _NOTHING, -np.inf
    for k in range(1, evaluations + 1):
        totals = totals | {"env_steps": 20_000 * k}
        level = min(1.0, max(0.0, 0.12 * k + 0.1 * rng.normal())) * unit
        best = max(best, level)
        rows.append(
            {
                "kind": "candidate",
                **cell,
                **totals,
                "round": k,
                "candidate": 0,
                "attempt": 0,
                "status": "ok",
                "is_final": True,
                "is_selected": True,
                "score": level,
                "mean_return": level,
                "success_rate": level if cell["score_kind"] == "success" else None,
                "best_score": best,
            }
        )
    if evaluations:
        rows += _episodes(cell, totals, rng, (best, level), unit, episodes)
    return [*rows, {"kind": "run", **cell, **totals}]


def _reference(
    cell: dict[str, Any], rng: np.random.Generator, scale: int, episodes: int
) -> list[dict[str, Any]]:
    """No attempts; best and last policy are the same."""
    unit = _unit(cell, scale)
    level = {"random": 0.02, "zero": 0.0, "expert": 0.95}[cell["method"]] * unit
    made = ()
    if cell["run_status"] not in ("pending", "failed"):
        made = _episodes(cell, _NOTHING, rng, (level, level), unit, episodes)
    return [*made, {"kind": "run", **cell, **_NOTHING}]


def _episodes(
    cell: dict[str, Any],
    totals: dict[str, Any],
    rng: np.random.Generator,
    levels: tuple[float, float],
    unit: float,
    episodes: int,
) -> list[dict[str, Any]]:
    rows = []
    success = cell["score_kind"] == "success"
    for policy, level in zip(("best", "last"), levels, strict=True):
        for episode in range(episodes):
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
    return rows


def _search(
    cell: dict[str, Any],
    rng: np.random.Generator,
    rounds: int,
    candidates: int,
    failure_rate: float,
    scale: int,
    episodes: int,
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    totals = _NOTHING | {
        "calls": 1,
        "prompt_tokens": 900,
        "completion_tokens": 300,
        "tokens_estimated": True,
        "dollars": 0.001,
        "llm_seconds": 5.0,
    }
    if cell["run_status"] in ("pending", "failed"):
        rounds = 0
    if cell["run_status"] == "truncated":
        rounds = max(1, rounds // 2)
    success = cell["score_kind"] == "success"
    unit = _unit(cell, scale)
    best: float | None = None
    for r in range(1, rounds + 1):
        for c in range(candidates):
            for attempt in range(3):
                totals = totals | {
                    "calls": totals["calls"] + 1,
                    "prompt_tokens": totals["prompt_tokens"] + 2000,
                    "completion_tokens": totals["completion_tokens"] + 900,
                    "dollars": totals["dollars"] + 0.01,
                    "llm_seconds": totals["llm_seconds"] + 20,
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
        rows += _episodes(cell, totals, rng, (best * 0.9, best * 0.7), unit, episodes)
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


def plain_run(
    environment: str,
    method: str,
    seed: int,
    score: float | None,
    *,
    role: str = "search",
    curve: Sequence[tuple[int, float]] = (),
    steps: int = 1000,
    status: str = "finished",
    family: str = "Family",
    experiment: str = "main",
) -> list[dict[str, Any]]:
    """Returns the rows of one run that can be checked by hand.

    Args:
        environment: Label of the environment.
        method: Label of the method.
        seed: Seed of the run.
        score: Held-out score of its product in each of two episodes; the other policy
            scores 1000 more. None for a run without a policy.
        role: Role of the method.
        curve: Steps and selection scores of its attempts.
        steps: Environment steps that it used in all.
        status: Status of the run.
        family: Family of the environment.
        experiment: Name of the experiment.
    """
    cell = {
        "experiment": experiment,
        "environment": environment,
        "family": family,
        "score_kind": "return",
        "method": method,
        "algorithm": method,
        "role": role,
        "seed": seed,
        "run_status": status,
        "mode": "mock",
    }
    rows = [
        {
            "kind": "candidate",
            **cell,
            **_NOTHING,
            "env_steps": at,
            "round": k,
            "candidate": 0,
            "attempt": 0,
            "status": "ok",
            "is_final": True,
            "is_selected": True,
            "score": value,
            "best_score": max(v for _, v in curve[:k]),
        }
        for k, (at, value) in enumerate(curve, start=1)
    ]
    product = "best" if role == "search" else "last"
    for policy in ("best", "last") if score is not None else ():
        rows += [
            {
                "kind": "episode",
                **cell,
                **_NOTHING,
                "policy": policy,
                "status": "ok",
                "episode_seed": 2**30 + episode,
                "episode_return": score if policy == product else score + 1000,
                "length": 10,
            }
            for episode in (0, 1)
        ]
    return [*rows, {"kind": "run", **cell, **_NOTHING, "env_steps": steps}]


@pytest.fixture
def make_table(tmp_path: Path) -> Callable[..., TidyTable]:
    """Returns a function that makes a tidy table of runs, each `plain_run` arguments.

    A run is a tuple of positional arguments, with a mapping of the others at its end
    where there are any.
    """

    def make(*runs: Any) -> TidyTable:
        rows: list[dict[str, Any]] = []
        for run in runs:
            *values, options = run if isinstance(run[-1], dict) else (*run, {})
            rows += plain_run(*values, **options)
        return read_tidy(write_rows(tmp_path / "plain.csv", rows))

    return make


# Label, registered method, settings that differ from its defaults.
ONLINE = (
    ("icpi", "icpi", {}),
    ("no_argmax", "icpi", {"algorithm": "no_argmax"}),
    ("tabular_q", "icpi", {"algorithm": "tabular_q"}),
    (
        "tabular_q_released",
        "icpi",
        {"algorithm": "tabular_q", "bootstrap_through_termination": True},
    ),
    ("oracle", "icpi", {"algorithm": "oracle_world_model"}),
    ("random", "icpi", {"algorithm": "random"}),
    ("no_hints", "icpi", {"hints": False}),
    ("c_16", "icpi", {"recency": 16}),
    ("three_rollouts", "icpi", {"rollouts": 3}),
    ("suffix", "icpi", {"model": "suffix"}),
    ("budget_400", "icpi", {"context_budget": 400}),
    ("budget_3800", "icpi", {"context_budget": 3800}),
)
_PREDICTIONS = ("action", "reward", "state", "termination")


def online_run(
    environment: str,
    label: str,
    seed: int,
    regrets: Sequence[float],
    *,
    method: str = "icpi",
    changes: dict[str, Any] | None = None,
    length: int = 10,
    planned: int = 80,
    status: str = "finished",
    experiment: str = "main",
    predictions: dict[str, tuple[int, int, int, int, int]] | None = None,
    score: float | None = None,
) -> list[dict[str, Any]]:
    """Returns the rows of one run of a method that acts while it learns.

    Args:
        environment: Label of the environment.
        label: Label of the method.
        seed: Seed of the run.
        regrets: Regret of each training episode.
        method: Registered name of the method.
        changes: Settings that differ from the defaults.
        length: Environment steps of each training episode.
        planned: Planned environment steps.
        status: Status of the run.
        experiment: Name of the experiment.
        predictions: For each kind of prediction how many completions were asked for,
            and how many were invalid, correct, wrong and unclear.
        score: Score in each of two reporting episodes; None for a run without any.
    """
    cell = {
        "experiment": experiment,
        "environment": environment,
        "family": "ICPI",
        "score_kind": "return",
        "method": label,
        "algorithm": method,
        "role": "online",
        "seed": seed,
        "run_status": status,
        "mode": "none",
    }
    rows = [
        {
            "kind": "candidate",
            **cell,
            **_NOTHING,
            "env_steps": length * k,
            "round": k,
            "candidate": 0,
            "attempt": 0,
            "status": "ok",
            "is_final": True,
            "is_selected": True,
            "score": 1 - regret,
            "best_score": 1 - min(regrets[:k]),
            "regret": regret,
        }
        for k, regret in enumerate(regrets, start=1)
    ]
    for policy in ("best", "last") if score is not None else ():
        rows += [
            {
                "kind": "episode",
                **cell,
                **_NOTHING,
                "policy": policy,
                "status": "ok",
                "episode_seed": 2**30 + episode,
                "episode_return": score,
                "length": 10,
            }
            for episode in (0, 1)
        ]
    for kind, counts in (predictions or {}).items():
        calls, invalid, correct, wrong, unclear = counts
        rows.append(
            {
                "kind": "prediction",
                **cell,
                "prediction": kind,
                "predictions": calls - invalid,
                "failed": 0,
                "invalid": invalid,
                "truncated": 0,
                "correct": correct,
                "wrong": wrong,
                "unclear": unclear,
                "calls": calls,
            }
        )
    used = {"env_steps": length * len(regrets)}
    plan = {
        "reporting_episodes": 0 if score is None else 2,
        "planned_steps": planned,
        "changes": json.dumps(changes or {}),
    }
    return [*rows, {"kind": "run", **cell, **_NOTHING, **used, **plan}]


def synthetic_online_rows(
    environments: Sequence[str] = ("icpi_chain", "icpi_distractor_chain"),
    series: Sequence[tuple[str, str, dict[str, Any]]] = ONLINE,
    seeds: int = 3,
    special: bool = False,
    score: float | None = None,
) -> list[dict[str, Any]]:
    """Returns rows of a made-up grid of methods that act while they learn.

    Args:
        environments: Labels of the environments.
        series: Label, registered method and changed settings of each series.
        seeds: Runs of every series in every environment.
        special: Whether to make some runs truncated, pending or failed.
        score: Score of every reporting episode; None where there are none.
    """
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    number = 0
    for environment in environments:
        for label, method, changes in series:
            for seed in range(seeds):
                number += 1
                status, episodes = "finished", 16
                if special and number % 3 == 0:
                    status = ("truncated", "pending", "failed")[(number // 3) % 3]
                    episodes = 5 if status == "truncated" else 0
                fall = np.linspace(0.7, 0.1, 16)[:episodes]
                regrets = np.clip(fall + 0.1 * rng.normal(size=episodes), 0, 1)
                counts = {
                    kind: (100, 3, 0, 0, 0) if kind == "action" else (99, 0, 80, 15, 4)
                    for kind in _PREDICTIONS
                }
                rows += online_run(
                    environment,
                    label,
                    seed,
                    regrets.tolist(),
                    method=method,
                    changes=changes,
                    length=5,
                    status=status,
                    predictions=counts if episodes else None,
                    score=score,
                )
    return rows


@pytest.fixture
def make_online_tidy(tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that writes a synthetic tidy table of online runs."""

    def make(name: str = "online.csv", **options: Any) -> Path:
        return write_rows(tmp_path / name, synthetic_online_rows(**options))

    return make


@pytest.fixture
def make_online(tmp_path: Path) -> Callable[..., OnlineRuns]:
    """Returns a function that makes online runs, each `online_run` arguments.

    A run is a tuple of positional arguments, with a mapping of the others at its end
    where there are any.
    """

    def make(*runs: Any) -> OnlineRuns:
        rows: list[dict[str, Any]] = []
        for run in runs:
            *values, options = run if isinstance(run[-1], dict) else (*run, {})
            rows += online_run(*values, **options)
        return read_tidy(write_rows(tmp_path / "runs.csv", rows)).online

    return make
