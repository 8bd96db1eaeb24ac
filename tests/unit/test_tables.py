import csv
from pathlib import Path

import pytest

from llmpo.tables import write_all
from llmpo.tidy import COLUMNS

CELL = {
    "experiment": "main",
    "environment": "walker_v1",
    "family": "Walkers",
    "score_kind": "return",
    "method": "promptpo",
    "algorithm": "promptpo",
    "mode": "replay",
    "env_steps": 1000,
    "calls": 5,
    "prompt_tokens": 4000,
    "completion_tokens": 2000,
    "tokens_estimated": "true",
}


def run_rows(seed, status="finished", policies=("best", "last"), dollars=0.5):
    cell = {**CELL, "seed": seed, "run_status": status, "dollars": dollars}
    rows = [
        {
            "kind": "candidate",
            **cell,
            "round": 1,
            "candidate": 0,
            "attempt": attempt,
            "status": "ok" if policies and attempt else "crash",
            "is_final": "true" if attempt else "false",
            "score": 90 if policies and attempt else "",
            "best_score": 90 if policies and attempt else "",
        }
        for attempt in (0, 1)
    ]
    for policy in policies:
        for episode in (0, 1):
            rows.append(
                {
                    "kind": "episode",
                    **cell,
                    "policy": policy,
                    "status": "crash" if seed == 1 and episode else "ok",
                    "episode_seed": 2**30 + episode,
                    "episode_return": 10 * (seed + 1) + episode,
                }
            )
    return [*rows, {"kind": "run", **cell}]


@pytest.fixture
def results(tmp_path):
    def make(*runs):
        with (tmp_path / "tidy.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(row for rows in runs for row in rows)
        write_all(tmp_path / "tidy.csv", tmp_path / "out")
        with (tmp_path / "out" / "results.csv").open() as file:
            (row,) = csv.DictReader(file)
        return row, Path(tmp_path / "out" / "results.md").read_text()

    return make


def test_held_out_mean_is_over_runs_and_selection_score_is_kept_apart(results):
    row, text = results(run_rows(0), run_rows(1))
    # Runs score 10.5 and 20.5; the interval of two runs spans both.
    assert float(row["best_mean"]) == 15.5
    assert (float(row["best_low"]), float(row["best_high"])) == (10.5, 20.5)
    assert row["interval_over"] == "runs"
    assert float(row["selection_score"]) == 90
    assert row["env_steps"] == "2000"
    assert row["dollars"] == "1"
    assert row["candidates_repaired"] == "2"
    assert "Walker v1" in text


def test_failed_reporting_episodes_stay_in_the_mean_and_are_marked(results):
    row, text = results(run_rows(1))
    assert float(row["best_mean"]) == 20.5
    assert row["best_failed_episodes"] == "1"
    assert row["interval_over"] == "episodes"
    assert "‡" in text.split("\n\n")[1]


def test_runs_without_policy_are_counted_and_mark_the_mean(results):
    row, text = results(run_rows(0), run_rows(2, "failed", policies=()))
    assert row["runs"] == "2"
    assert row["failed"] == row["without_policy"] == "1"
    assert "†" in text.split("\n\n")[1]


def test_pending_runs_are_counted_but_owe_no_policy(results):
    row, _ = results(run_rows(0), run_rows(2, "pending", policies=()))
    assert (row["pending"], row["without_policy"]) == ("1", "0")


def test_a_table_without_any_policy_says_none(results):
    row, text = results(run_rows(0, "failed", policies=()))
    assert row["best_mean"] == ""
    assert "none †" in text


def test_unknown_prices_are_told_apart_from_free_calls(results):
    row, text = results(run_rows(0), run_rows(1, dollars=""))
    assert (row["dollars"], row["dollars_unknown_runs"]) == ("0.5", "1")
    assert "0.50 ?" in text
