"""The example package installs, is found, and passes the checker."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "new_environment"

CHECK = """
import json
from llmpo.envs.check import check_environment
from llmpo.envs.registry import environment
spec = environment("cart_pole_v1")
print(json.dumps([spec.policy_class, check_environment(spec)]))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Installs a copy of the example, offline and without touching anything else."""
    folder = tmp_path_factory.mktemp("example")
    source, target = folder / "source", folder / "site"
    shutil.copytree(EXAMPLE, source)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    pytest.importorskip("setuptools", reason="the example is built with setuptools")
    subprocess.run([*command, "--target", str(target), str(source)], check=True)
    return target


def test_example_environment_is_found_and_passes_the_checker(installed):
    done = subprocess.run(
        [sys.executable, "-c", CHECK],
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == ["CartPoleV1Policy", []]


def test_example_environment_is_one_short_file():
    (module,) = EXAMPLE.glob("*.py")
    assert len(module.read_text().splitlines()) <= 40
