import csv
import json
from pathlib import Path

import pytest

from llmpo.config import load_config
from llmpo.errors import DataError
from llmpo.plan import make_plan, write_plan
from llmpo.records import RunRecord, Totals, write_records
from llmpo.tables import write_all
from llmpo.tidy import COLUMNS

CELL = {
    "experiment": "main",
    "environment": "walker_v1",
    "family": "Walkers",
    "score_kind": "return",
    "method": "promptpo",
    "algorithm": "promptpo",
    "role": "search",
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


def read_rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_fewer_than_three_runs_are_marked(results):
    _, text = results(run_rows(0), run_rows(1))
    assert "runs *" in text.split("\n\n")[1]


def test_the_headline_is_the_last_policy_of_a_method_that_trains(make_table, tmp_path):
    options = {"role": "training", "curve": [(10, 900.0)]}
    table = make_table(
        *(("noise_world_board_1", "ppo", seed, 900.0, options) for seed in range(3)),
        *(("noise_world_board_1", "promptpo", seed, 950.0) for seed in range(3)),
    )
    write_all(table.path, tmp_path)
    rows = {row["method"]: row for row in read_rows(tmp_path / "results.csv")}
    assert (rows["ppo"]["product"], rows["ppo"]["product_mean"]) == ("last", "900")
    assert rows["promptpo"]["product_mean"] == "950"
    assert float(rows["ppo"]["normalized"]) == pytest.approx(1000 / 1074.9, rel=1e-5)


def test_summary_and_efficiency_show_what_is_not_in_their_numbers(make_table, tmp_path):
    training = {"role": "training", "curve": [(10, -1.0)], "steps": 70}
    board = "noise_world_board_1"
    table = make_table(
        (board, "ppo", 0, 900.0, training),
        (board, "promptpo", 0, None, {"status": "pending"}),
        ("new_task", "ppo", 0, 1.0, training),
    )
    write_all(table.path, tmp_path)
    ppo, promptpo = read_rows(tmp_path / "summary.csv")
    assert ppo["left_out"] == "new_task: no reference scores"
    assert ppo["mean_low"] == ""
    assert promptpo["pending"] == "1"
    assert promptpo["left_out"].startswith("new_task: no runs")
    rows = {row["environment"]: row for row in read_rows(tmp_path / "efficiency.csv")}
    assert rows[board]["steps"] == "0:>70"
    assert rows[board]["median_bound"] == "more"
    assert rows["new_task"]["no_threshold"] == "no reference scores"
    assert "> 70" in (tmp_path / "efficiency.md").read_text()


def grid(tmp_path, **changes):
    values = {
        "experiments": {
            "main": {
                "environments": ["noise_world_board_1"],
                "methods": {
                    "random": {"method": "reference", "settings": {"policy": "random"}}
                },
                "seeds": [0, 1],
            }
        }
    }
    plan = make_plan(load_config(values | changes, "test"))
    write_plan(tmp_path / "plan.json", plan)
    for job in plan.jobs:
        records = [
            RunRecord(
                cell=cell,
                env_version=1,
                method_version=1,
                status="finished",
                settings={"policy": "random", "more": 0.5},
                totals=Totals(env_steps=100 * (cell.seed + 1)),
                notes={
                    "monitoring_steps": 30 * cell.seed,
                    "hyperparameters": {"gamma": 0.99},
                    "hyperparameter_source": "a book",
                },
            )
            for cell in plan.job_cells(job)
        ]
        write_records(tmp_path / "runs" / f"{job}.jsonl", records)
    return tmp_path / "plan.json", tmp_path / "runs"


def test_settings_come_from_the_run_records(make_table, tmp_path):
    plan, runs = grid(tmp_path)
    reference = {"role": "reference"}
    table = make_table(
        *(("noise_world_board_1", "random", seed, 0.0, reference) for seed in (0, 1))
    )
    write_all(table.path, tmp_path / "out", runs=runs, plan=plan)
    (row,) = read_rows(tmp_path / "out" / "settings.csv")
    assert (row["env_steps_fewest"], row["env_steps_most"]) == ("100", "200")
    assert row["monitoring_steps_most"] == "30"
    assert row["hyperparameter_source"] == "a book"
    assert json.loads(row["settings"]) == {"policy": "random", "more": 0.5}
    assert row["published_steps"] == "25000"
    for job in runs.iterdir():
        job.write_text("{}\n")
    with pytest.raises(DataError, match="does not fit this version"):
        write_all(table.path, tmp_path / "out", runs=runs, plan=plan)


def test_claims_come_from_the_configuration(make_table, tmp_path):
    claim = {
        "id": "c",
        "text": "It | is good.",
        "source": "somewhere",
        "kind": "score",
        "method": "random",
        "against": ["ppo"],
        "families": ["NoiseWorld"],
        "tolerance": 0.1,
    }
    plan, _ = grid(tmp_path, claims=[claim])
    table = make_table(("noise_world_board_1", "random", 0, 0.0))
    write_all(table.path, tmp_path / "out", plan=plan)
    (row,) = read_rows(tmp_path / "out" / "claims.csv")
    assert row["verdict"] == "undecided"
    assert row["reason"] == "The grid has no method ppo."
    assert "It \\| is good." in (tmp_path / "out" / "claims.md").read_text()
    before = (tmp_path / "out" / "claims.provenance.json").read_text()
    plan, _ = grid(tmp_path, claims=[claim | {"tolerance": 0.2}])
    write_all(table.path, tmp_path / "out", plan=plan)
    assert (tmp_path / "out" / "claims.provenance.json").read_text() != before


def test_no_claims_make_an_empty_table(make_table, tmp_path):
    plan, _ = grid(tmp_path)
    table = make_table(("noise_world_board_1", "random", 0, 0.0))
    write_all(table.path, tmp_path / "out", plan=plan)
    assert read_rows(tmp_path / "out" / "claims.csv") == []
    assert "nothing to show" in (tmp_path / "out" / "claims.md").read_text()
