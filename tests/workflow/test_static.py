"""What can be told about the workflow without running it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / "workflow" / "config").glob("*.yaml"))
RULE_FILES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))


def test_the_snakefile_is_a_table_of_contents():
    text = (ROOT / "Snakefile").read_text()
    assert len(text.splitlines()) < 50
    for path in RULE_FILES:
        assert f'include: "workflow/rules/{path.name}"' in text


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_rules_call_the_command_once_with_a_log(path):
    text = path.read_text()
    assert not re.search(r"^\s+(run|script|notebook):", text, re.MULTILINE)
    assert not re.search(r"^envvars:", text, re.MULTILINE)
    rules = re.split(r"^rule ", text, flags=re.MULTILINE)[1:]
    for rule in rules:
        name = rule.partition(":")[0]
        for part in ("output", "log", "resources", "shell"):
            assert f"    {part}:" in rule, f"rule {name} has no {part}"
        assert len(re.findall(r"\bllmpo \w+", rule.partition("shell:")[2])) == 1


def test_rule_files_are_formatted():
    done = subprocess.run(
        [sys.executable, "-m", "snakefmt", "--check", "Snakefile", "workflow/rules"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_lint_asks_for_nothing_but_conda_environments(tree):
    # The rules run in the project's own locked environment; see docs/workflow.md.
    printed = tree.snakemake("--lint", succeeds=False)
    complaints = re.findall(r"^    \* (.*)$", printed, re.MULTILINE)
    assert set(complaints) <= {
        "Specify a conda environment or container for each rule.:"
    }, printed


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_configuration_can_be_planned(tree, path):
    planned = tree.planned("--configfile", f"workflow/config/{path.name}")
    assert planned["run"] == planned["assess"] >= 1
    assert planned["figures"] == planned["tables"] == planned["aggregate"] == 1
    assert not (tree.path / "results" / "plan.json").exists()


def test_the_default_configuration_needs_no_option(tree):
    assert tree.planned() == tree.planned("--configfile", "workflow/config/config.yaml")


def test_profiles_agree_on_how_to_survive_failures():
    default, slurm = (
        yaml.safe_load((ROOT / "profiles" / name / "config.yaml").read_text())
        for name in ("default", "slurm")
    )
    for key in ("keep-going", "rerun-incomplete", "nolock", "resources", "retries"):
        assert default[key] == slurm[key]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda config: config.update(evaluations={}), "evaluations"),
        (
            lambda config: config["experiments"]["tiny"].update(
                environments=["no_such_world"]
            ),
            "no_such_world",
        ),
        (
            lambda config: config["experiments"]["tiny"]["methods"]["one"][
                "settings"
            ].update(round=3),
            "round",
        ),
    ],
)
def test_a_wrong_configuration_is_one_clear_message(tree, tiny, change, expected):
    change(tiny)
    printed = tree.snakemake(
        "--configfile", tree.write_config(tiny), "--dry-run", succeeds=False
    )
    assert expected in printed
    assert "Traceback" not in printed
