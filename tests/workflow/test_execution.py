"""Running the workflow: end to end, again, changed, killed, and its report."""

import os
import re
import signal
import subprocess
import time

import pytest

CONFIG = ("--configfile", "test.yaml")


def test_a_finished_workflow_has_everything_and_does_nothing_again(tiny_tree):
    names = set(tiny_tree.contents("results/**/*"))
    for figure in ("learning_curves", "cost_calls", "cost_tokens", "outcomes"):
        assert f"results/figures/{figure}.png" in names
        assert f"results/figures/{figure}.provenance.json" in names
    assert {"results/tidy.csv", "results/tables/results.md"} <= names
    assert "Nothing to be done" in tiny_tree.snakemake(*CONFIG)


def test_nothing_written_names_the_folder_it_was_made_in(tiny_tree):
    shared = tiny_tree.contents("results/[!s]*") | tiny_tree.contents("results/[!s]*/*")
    for name, data in shared.items():
        assert str(tiny_tree.path).encode() not in data, name


def test_results_repeat_byte_for_byte(finished):
    tree = finished()
    before = tree.contents("results/[!s]*/*") | tree.contents("results/*.csv")
    tree.snakemake(*CONFIG, "--forceall")
    after = tree.contents("results/[!s]*/*") | tree.contents("results/*.csv")
    assert before == after


def test_only_jobs_whose_cells_changed_run_again(finished, tiny):
    tree = finished()
    methods = tiny["experiments"]["tiny"]["methods"]
    methods["two"]["settings"]["rounds"] = 3
    tree.write_config(tiny)
    planned = tree.planned(*CONFIG)
    assert (planned["run"], planned["assess"], planned["aggregate"]) == (1, 1, 1)
    tree.snakemake(*CONFIG)
    assert "Nothing to be done" in tree.snakemake(*CONFIG)


def test_a_comment_in_the_configuration_runs_nothing_again(finished):
    tree = finished()
    path = tree.path / "test.yaml"
    path.write_text("# a comment\n" + path.read_text())
    assert "Nothing to be done" in tree.snakemake(*CONFIG)


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


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
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
