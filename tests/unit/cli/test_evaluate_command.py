"""`llmpo evaluate`: the interface that scripts rely on."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from llmpo.cli import main

KEYS = {"env", "seeds", "returns", "successes", "lengths", "statuses", "mean", "ci95"}

ZIGZAG = """
from direct_policy_learning.observations import NoiseWorldObservation


class NoiseWorldBoard1Policy:
    def __init__(self):
        self.t = 0

    def act(self, obs: NoiseWorldObservation):
        self.t += 1
        return 1 if self.t % 2 else 3
"""


def _evaluate(tmp_path: Path, source: str, *arguments: str):
    path = tmp_path / "policy.py"
    path.write_text(source)
    command = ["-q", "evaluate", "--policy", str(path), "--env", "noise_world_board_1"]
    return CliRunner().invoke(main, [*command, *arguments], catch_exceptions=False)


def test_json_report_has_one_entry_per_episode(tmp_path):
    result = _evaluate(tmp_path, ZIGZAG, "--seeds", "0:3", "--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert set(report) == KEYS
    assert report["env"] == "noise_world_board_1"
    assert report["seeds"] == [0, 1, 2]
    assert report["returns"][0] == 965  # reference, section 8
    assert report["lengths"][0] == 35
    assert report["successes"] == [1, 1, 1]
    assert report["statuses"] == ["ok"] * 3
    assert report["ci95"][0] <= report["mean"] <= report["ci95"][1]


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("class A(:", "syntax"),
        ("x = 1", "contract"),
        (ZIGZAG.replace("self.t += 1", "raise KeyError"), "crash"),
        (ZIGZAG.replace("else 3", "else 7"), "bad_action"),
        ("raise SystemExit(3)", "crash"),
    ],
)
def test_failing_policy_is_a_result(tmp_path, source, status):
    result = _evaluate(tmp_path, source, "--seeds", "5,9", "--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["statuses"] == [status] * 2
    assert max(report["returns"]) < 0
    assert report["successes"] == [0, 0]


def test_object_that_lives_for_the_run_keeps_its_state(tmp_path):
    source = ZIGZAG.replace("return 1 if", "return 0 if self.t > 35 else 1 if")
    episode = _evaluate(tmp_path, source, "--seeds", "0,0", "--json")
    run = _evaluate(
        tmp_path, source, "--seeds", "0,0", "--json", "--policy-lifetime", "run"
    )
    assert json.loads(episode.stdout)["returns"] == [965, 965]
    assert json.loads(run.stdout)["returns"] == [965, -100]


def test_report_for_people_names_the_failure(tmp_path):
    source = ZIGZAG.replace("self.t += 1", "raise KeyError('why')")
    result = _evaluate(tmp_path, source, "--seeds", "0:1")
    assert result.exit_code == 0
    assert "crash" in result.output
    assert "why" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "9:3"], "half-open range"),
        (["--seeds", "x"], "half-open range"),
        (["--seeds", "0:2", "--option", "layout"], "NAME=VALUE"),
        (["--seeds", "0:2", "--option", "layout=shown"], "no option 'layout'"),
    ],
)
def test_wrong_arguments_give_one_message(tmp_path, arguments, message):
    result = _evaluate(tmp_path, ZIGZAG, *arguments)
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output


def test_unknown_environment_and_missing_file_give_one_message(tmp_path):
    command = ["evaluate", "--policy", str(tmp_path / "x.py"), "--seeds", "0:1"]
    missing = CliRunner().invoke(main, [*command, "--env", "swimmer_v5"])
    assert (missing.exit_code, "x.py" in missing.output) == (1, True)
    (tmp_path / "x.py").write_text("")
    unknown = CliRunner().invoke(main, [*command, "--env", "swimer_v5"])
    assert unknown.exit_code == 1
    assert "Did you mean swimmer_v5" in unknown.output
