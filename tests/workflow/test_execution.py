"""Running the workflow: end to end, again, changed, killed, and its report."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

CONFIG = ("--configfile", "test.yaml")


def made(tree):
    """Returns the results by path; results/state is a cache and no result."""
    return tree.contents("results/*.*") | tree.contents("results/[!s]*/*")


def test_a_finished_workflow_has_everything_and_does_nothing_again(tiny_tree):
    names = set(tiny_tree.contents("results/**/*"))
    for figure in ("learning_curves", "cost_calls", "cost_tokens", "outcomes"):
        assert f"results/figures/{figure}.png" in names
        assert f"results/figures/{figure}.provenance.json" in names
    assert {"results/tidy.csv", "results/tables/results.md"} <= names
    assert "Nothing to be done" in tiny_tree.snakemake(*CONFIG)


def test_nothing_written_names_the_folder_it_was_made_in(tiny_tree):
    for name, data in made(tiny_tree).items():
        assert str(tiny_tree.path).encode() not in data, name


def test_results_repeat_byte_for_byte(finished):
    tree = finished()
    before = made(tree)
    tree.snakemake(*CONFIG, "--forceall")
    assert made(tree) == before


def test_only_jobs_whose_cells_changed_run_again(finished, tiny):
    tree = finished()
    methods = tiny["experiments"]["tiny"]["methods"]
    methods["two"]["settings"]["rounds"] = 3
    tree.write_config(tiny)
    planned = tree.planned(*CONFIG)
    assert (planned["run"], planned["assess"], planned["aggregate"]) == (1, 1, 1)
    tree.snakemake(*CONFIG)
    assert "Nothing to be done" in tree.snakemake(*CONFIG)


def test_a_comment_or_another_file_name_run_nothing_again(finished):
    tree = finished()
    text = (tree.path / "test.yaml").read_text()
    (tree.path / "other.yaml").write_text("# a comment\n" + text)
    assert "Nothing to be done" in tree.snakemake("--configfile", "other.yaml")


def test_values_on_the_command_line_override_the_file(finished):
    planned = finished().planned(*CONFIG, "--config", "llm={mode: batch}")
    assert planned["run"] == 2


def test_more_reporting_episodes_do_not_repeat_the_runs(finished, tiny):
    tree = finished()
    tiny["evaluation"]["episodes"] = 21
    tree.write_config(tiny)
    planned = tree.planned(*CONFIG)
    assert "run" not in planned
    assert planned["assess"] == 2


def test_removed_cells_leave_the_tidy_table(finished, tiny):
    tree = finished()
    del tiny["experiments"]["tiny"]["methods"]["two"]
    tree.write_config(tiny)
    printed = tree.snakemake(*CONFIG)
    assert "rule run:" not in printed
    assert b",two," not in (tree.path / "results" / "tidy.csv").read_bytes()


def test_after_kill_9_the_same_command_finishes(tree, tiny, finished):
    tiny["experiments"]["tiny"]["seeds"] = [0, 1, 2]
    tree.write_config(tiny)
    process = subprocess.Popen(
        tree.command(*CONFIG),
        cwd=tree.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not tree.contents("results/runs/*.jsonl"):
            assert process.poll() is None, "finished before it could be killed"
            assert time.monotonic() < deadline, "no run finished in time"
            time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not tree.contents("results/tidy.csv")
    tree.snakemake(*CONFIG)

    whole = finished()
    whole.write_config(tiny)
    whole.snakemake(*CONFIG)
    assert tree.contents("results/tidy.csv") == whole.contents("results/tidy.csv")


def test_runs_that_wait_for_answers_are_pending_and_do_not_stop_the_others(tree, tiny):
    tiny["llm"] = {"mode": "batch", "model": "openai/gpt-4.1-mini"}
    tree.write_config(tiny)
    tree.snakemake(*CONFIG)
    assert tree.contents("recordings/**/*.jsonl")
    provenance = tree.contents("results/figures/outcomes.provenance.json").popitem()[1]
    assert json.loads(provenance)["runs"]["by_status"] == {"pending": 2}
    assert "Nothing to be done" in tree.snakemake(*CONFIG)


def test_two_workflows_do_not_work_in_one_folder(finished):
    import fcntl

    tree = finished()
    with (tree.path / ".snakemake" / "llmpo.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        printed = tree.snakemake(*CONFIG, "--forcerun", "tables", succeeds=False)
    assert "another snakemake is at work" in printed


def test_the_report_holds_figures_and_tables(finished):
    tree = finished()
    tree.snakemake(*CONFIG, "--report", "report.html")
    text = (tree.path / "report.html").read_text()
    for part in (
        "score against environment steps",
        "outcomes of candidates",
        "results",
    ):
        assert part in text
    assert not re.search(r"""<(script|link)[^>]+(src|href)=["']https?:""", text)


@pytest.mark.slow
def test_the_smoke_configuration_runs_end_to_end(tree):
    smoke = ("--configfile", "workflow/config/smoke.yaml")
    tree.snakemake(*smoke)
    assert tree.contents("results/figures/learning_curves.png")
    assert "Nothing to be done" in tree.snakemake(*smoke)
