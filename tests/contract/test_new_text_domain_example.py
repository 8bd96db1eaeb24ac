"""The example of a text domain installs, passes the checker, and ICPI learns it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "new_text_domain"

USE = """
import json, sys
from pathlib import Path
from statistics import fmean

from llmpo.config import read_config
from llmpo.envs.check import check_environment
from llmpo.envs.registry import environment
from llmpo.methods.promptpo.prompting import Prompter
from llmpo.methods.promptpo.settings import PromptPOSettings
from llmpo.runner import run_cells
from llmpo.sandbox.status import Limits

config = read_config([Path(sys.argv[1])])
cells = [cell for cell in config.cells() if cell.seed < 3]
regrets = {}
for record in run_cells(cells, config, root=Path(sys.argv[2])):
    begin = 0
    for attempt in record.attempts:
        if begin >= 160 * 2 / 3:
            regrets.setdefault(record.cell.method, []).append(attempt.regret)
        begin = attempt.totals.env_steps

spec = environment("greenhouse")
codec = spec.text
prompt = Prompter(spec, PromptPOSettings(), Limits()).policy()
print(
    json.dumps(
        {
            "violations": check_environment(spec),
            "line": codec.state((1.0, 0.0)),
            "consistent": codec.is_consistent(codec.state((5.0, 1.0))),
            "optimal": [codec.optimal_return(start) for start in codec.rules.starts],
            "prompt": prompt.messages[0].content,
            "regrets": {name: fmean(found) for name, found in regrets.items()},
        }
    )
)
"""


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    """Uses a copy of the example, installed offline without touching anything else."""
    folder = tmp_path_factory.mktemp("example")
    source, target = folder / "source", folder / "site"
    shutil.copytree(EXAMPLE, source)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    pytest.importorskip("setuptools", reason="the example is built with setuptools")
    subprocess.run([*command, "--target", str(target), str(source)], check=True)
    done = subprocess.run(
        [sys.executable, "-c", USE, str(EXAMPLE / "greenhouse.yaml"), str(folder)],
        env={**os.environ, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_example_domain_passes_the_checker_and_is_read_as_written(used):
    assert used["violations"] == []
    assert used["line"] == (
        "assert temperature == 1 and sun == 0 and temperature < 2\n"
    )
    assert used["consistent"]
    assert used["optimal"] == [8.0] * 10


def test_icpi_learns_the_example_domain(used):
    regrets = used["regrets"]
    assert regrets["optimal"] == 0
    assert regrets["random"] > 0.7
    assert regrets["icpi"] < 0.15


def test_promptpo_is_told_about_the_example_domain(used):
    for text in ("GreenhousePolicy", "`sun`", "a fair coin"):
        assert text in used["prompt"]


def test_example_domain_is_one_short_file():
    (module,) = EXAMPLE.glob("*.py")
    assert len(module.read_text().splitlines()) <= 110
