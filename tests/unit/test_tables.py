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


def online_grid(tmp_path):
    """Writes a plan and records of online runs in two environments."""
    domains = ["icpi_chain", "icpi_distractor_chain"]
    values = {
        "experiments": {
            "icpi": {
                "environments": domains,
                "methods": {
                    "icpi": {"method": "icpi"},
                    "no_hints": {"method": "icpi", "settings": {"hints": False}},
                },
                "seeds": [0, 1, 2],
                "episodes": 0,
            }
        }
    }
    plan = make_plan(load_config(values, "test"))
    write_plan(tmp_path / "plan.json", plan)
    for job in plan.jobs:
        records = [
            RunRecord(
                cell=cell,
                env_version=1,
                method_version=1,
                status="finished",
                settings={"recency": 8},
                totals=Totals(env_steps=80 + cell.seed),
                notes={},
            )
            for cell in plan.job_cells(job)
        ]
        write_records(tmp_path / "runs" / f"{job}.jsonl", records)
    return tmp_path / "plan.json", tmp_path / "runs"


def test_only_online_runs_fill_the_tables_of_regrets_and_leave_others_empty(
    make_online_tidy, tmp_path
):
    tidy = make_online_tidy()
    write_all(tidy, tmp_path / "out")
    for name in ("results", "summary", "efficiency"):
        assert read_rows(tmp_path / "out" / f"{name}.csv") == []
        text = (tmp_path / "out" / f"{name}.csv").read_text()
        assert text.startswith(("environment,", "family,"))
        assert "nothing to show" in (tmp_path / "out" / f"{name}.md").read_text()
    rows = read_rows(tmp_path / "out" / "regret.csv")
    assert len(rows) == 24  # twelve series in two environments


def test_no_online_runs_make_empty_tables_of_regrets(make_table, tmp_path):
    write_all(make_table(("noise_world_board_1", "ppo", 0, 0.0)).path, tmp_path / "out")
    for name in ("regret", "world_model"):
        assert read_rows(tmp_path / "out" / f"{name}.csv") == []
        assert "nothing to show" in (tmp_path / "out" / f"{name}.md").read_text()


CHAIN = "icpi_chain"
FALLING = (0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.1, 0.1)


@pytest.fixture
def regrets(make_online, tmp_path):
    """Returns rows of the tables of online runs by method, and their Markdown."""

    def make(*runs, table="regret", name="method"):
        make_online(*runs)
        write_all(tmp_path / "runs.csv", tmp_path / "out")
        rows = read_rows(tmp_path / "out" / f"{table}.csv")
        text = (tmp_path / "out" / f"{table}.md").read_text()
        return {row[name]: row for row in rows}, text

    return make


def test_regret_is_of_the_whole_run_and_of_its_end(regrets):
    rows, text = regrets(*((CHAIN, "icpi", seed, FALLING) for seed in range(3)))
    row = rows["icpi"]
    assert float(row["regret"]) == pytest.approx(3.5 / 8)
    assert float(row["late_regret"]) == pytest.approx(0.1)
    assert row["late_regret_high"] == "0.1"
    assert (row["runs"], row["episodes"], row["planned_steps"]) == ("3", "24", "80")
    # From the seventh eighth of 80 steps on it stays at or below 0.15.
    assert row["steps_to_low_regret"] == "60"
    assert "| ICPI chain | icpi |" in text


def test_what_never_gets_low_has_a_bound_of_steps(regrets):
    rows, text = regrets((CHAIN, "random", 0, (0.6,) * 8))
    assert rows["random"]["steps_to_low_regret"] == ""
    assert "| > 80 |" in text


def test_the_published_end_of_the_same_thing_stands_beside_it(regrets):
    rows, _ = regrets(
        *(
            ("icpi_distractor_chain", label, 0, FALLING, {"changes": changes})
            for label, changes in (
                ("mine", {}),
                ("longer", {"steps": 500}),
                ("q", {"algorithm": "tabular_q"}),
                ("q2", {"algorithm": "tabular_q", "bootstrap_through_termination": 1}),
                ("slow_q", {"algorithm": "tabular_q", "learning_rate": 0.5}),
                ("plain", {"hints": False}),
                ("c_32", {"recency": 32}),
                ("suffix", {"model": "suffix"}),
            )
        )
    )
    published = {
        label: (row["published_figure"], row["published_name"], row["published_regret"])
        for label, row in rows.items()
    }
    nothing = ("", "", "")
    assert published["mine"][1:] == published["longer"][1:] == ("icpi", "0.17")
    assert published["q"] == published["q2"] == ("algorithms", "tabular_q", "0.46")
    assert published["plain"] == ("ablations", "hints", "0.14")
    assert published["slow_q"] == published["c_32"] == published["suffix"] == nothing
    # An optimal agent shows 0.1348 in the published figure.
    assert float(rows["mine"]["published_above_floor"]) == pytest.approx(0.0352)


def test_completions_are_counted_for_each_step(regrets):
    asked = {"predictions": {"state": (400, 10, 0, 0, 0), "action": (400, 6, 0, 0, 0)}}
    rows, _ = regrets(
        (CHAIN, "icpi", 0, FALLING, asked),
        (CHAIN, "random", 0, FALLING, {"changes": {"algorithm": "random"}}),
    )
    assert rows["icpi"]["completions_per_step"] == "10"
    assert rows["icpi"]["invalid_share"] == "0.02"
    assert rows["random"]["completions"] == rows["random"]["invalid_share"] == ""


def test_runs_that_did_not_end_are_counted_and_stay_as_far_as_they_came(regrets):
    rows, text = regrets(
        (CHAIN, "icpi", 0, FALLING),
        (CHAIN, "icpi", 1, (0.4,) * 3, {"status": "truncated"}),
        (CHAIN, "icpi", 2, (), {"status": "failed"}),
        (CHAIN, "other", 0, (), {"status": "pending", "changes": {"recency": 2}}),
    )
    assert rows["icpi"]["incomplete"] == "1 truncated, 1 failed"
    assert float(rows["icpi"]["regret"]) == pytest.approx((3.5 / 8 + 0.4) / 2)
    assert "3 (1 truncated, 1 failed)" in text
    assert rows["other"]["regret"] == rows["other"]["late_regret"] == ""
    assert "| none | none |" in text


def test_accuracy_is_of_the_predictions_that_could_be_judged(regrets):
    kinds = {"state": (100, 5, 60, 20, 15), "action": (50, 0, 0, 0, 0)}
    rows, text = regrets(
        *((CHAIN, "icpi", seed, FALLING, {"predictions": kinds}) for seed in range(3)),
        table="world_model",
        name="prediction",
    )
    assert list(rows) == ["state", "action"]  # in the order of a rollout
    row = rows["state"]
    assert (row["accuracy"], row["accuracy_low"]) == ("0.75", "0.75")
    assert row["invalid_share"] == "0.05"
    assert float(row["unclear_share"]) == pytest.approx(15 / 95, rel=1e-5)
    assert rows["action"]["accuracy"] == rows["action"]["unclear_share"] == ""
    assert "75.0% [75.0%, 75.0%]" in text


def test_settings_of_online_methods_are_one_line_over_their_environments(
    make_online_tidy, tmp_path
):
    series = [("icpi", "icpi", {}), ("no_hints", "icpi", {"hints": False})]
    tidy = make_online_tidy(series=series)
    text = tidy.read_text().replace("\nrun,main,", "\nrun,icpi,")
    for kind in ("candidate", "prediction"):
        text = text.replace(f"\n{kind},main,", f"\n{kind},icpi,")
    tidy.write_text(text)
    plan, runs = online_grid(tmp_path)
    write_all(tidy, tmp_path / "out", runs=runs, plan=plan)
    rows = read_rows(tmp_path / "out" / "settings.csv")
    assert len(rows) == 4
    assert {row["role"] for row in rows} == {"online"}
    assert {row["planned_steps"] for row in rows} == {"80", "120"}
    assert {row["published_steps"] for row in rows} == {""}
    table = (tmp_path / "out" / "settings.md").read_text().split("\n\n")[1]
    *_, first, second = table.splitlines()
    assert first.startswith("| 2 environments | icpi | icpi |  |")
    assert "hints: False" in second
    assert "| 80–120 | 80–82 |" in second
