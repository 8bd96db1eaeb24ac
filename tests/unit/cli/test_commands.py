"""Every command's mistakes give one message and no traceback."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from llmpo.cli import main
from llmpo.cli.app import _COMMANDS, _HELP


def _call(*arguments: str):
    return CliRunner().invoke(main, list(arguments), catch_exceptions=False)


def test_every_command_exists_and_is_described():
    assert set(_COMMANDS) == set(_HELP)
    for name in _COMMANDS:
        result = _call(name, "--help")
        assert result.exit_code == 0, name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check-env", "no_such_env"], "no_such_env"),
        (["show-env", "point_maze_large_v3", "--option", "layout=x"], "hidden, shown"),
        (["plan", "{folder}/broken.yaml", "--out", "{folder}/p"], "is not YAML"),
        (["estimate", "{folder}/empty.yaml"], "holds no mapping"),
        (["run", "{folder}/broken.yaml", "--job", "x", "--out", "o"], "not valid JSON"),
    ],
)
def test_mistake_gives_one_message(tmp_path: Path, arguments, message):
    (tmp_path / "broken.yaml").write_text("a: [")
    (tmp_path / "empty.yaml").write_text("")
    result = _call(*[argument.format(folder=tmp_path) for argument in arguments])
    assert result.exit_code == 1
    assert message in result.output
    assert result.output.startswith("Error: ")


def test_run_wants_either_a_job_or_a_cell(tmp_path: Path, repository: Path):
    plan = tmp_path / "plan.json"
    config = repository / "workflow/config/config.yaml"
    assert _call("plan", str(config), "--out", str(plan)).exit_code == 0
    result = _call("run", str(plan), "--out", str(tmp_path / "o"))
    assert result.exit_code == 1
    assert "either --job or --cell" in result.output


def test_estimate_tells_calls_steps_and_dollars(repository: Path):
    pytest.importorskip("metaworld")
    result = _call("estimate", str(repository / "workflow/config/live.yaml"))
    total = next(x for x in result.output.splitlines() if x.startswith("total"))
    _, runs, calls, _, _, dollars, env_steps = total.split()
    assert (runs, calls, env_steps) == ("6", "36", "70,000")
    assert 0 < float(dollars) < 10


def test_replay_imports_neither_litellm_nor_torch_nor_diskcache(repository: Path):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('litellm', 'torch', "
        "'diskcache'))); import llmpo.runner, llmpo.cli.app, llmpo.llm.replay"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_old_python_is_told_what_to_do(tmp_path: Path, repository: Path):
    # The check stands before anything that an old Python could not read.
    text = (repository / "src/llmpo/cli/__init__.py").read_text()
    early = text.replace("sys.version_info < (3, 11)", "sys.version_info < (9, 0)")
    script = tmp_path / "cli.py"
    script.write_text(early)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert done.returncode == 1
    assert "llmpo needs Python 3.11 or newer" in done.stderr
    assert "Traceback" not in done.stderr
