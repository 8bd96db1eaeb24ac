"""The workflow is tested in copies of the working tree, as a fresh clone would be."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]

# Small enough for tests that need several executions; two jobs, no simulator.
TINY: dict[str, Any] = {
    "llm": {
        "mode": "mock",
        "model": "mock/script",
        "mock_script": "workflow/resources/mock/promptpo.yaml",
    },
    "experiments": {
        "tiny": {
            "environments": ["noise_world_board_1"],
            "methods": {
                "one": {
                    "method": "promptpo",
                    "settings": {"rounds": 1, "candidates": 2, "episodes": 2},
                },
                "two": {
                    "method": "promptpo",
                    "settings": {"rounds": 2, "candidates": 2, "episodes": 2},
                },
            },
            "seeds": [0],
        }
    },
    "evaluation": {"episodes": 20},
    "workflow": {"job_seconds": 0},
}


class Tree:
    """A copy of the repository's own files, without anything generated."""

    def __init__(self, path: Path) -> None:
        self.path = path
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
        for name in filter(None, listed.decode().split("\0")):
            source, target = ROOT / name, path / name
            if source.is_file() and not name.startswith(("tests/", "examples/")):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)

    def write_config(self, config: Mapping[str, Any], name: str = "test.yaml") -> str:
        """Writes a configuration and returns its name."""
        (self.path / name).write_text(yaml.safe_dump(dict(config)), encoding="utf-8")
        return name

    def command(self, *arguments: str) -> list[str]:
        """Returns the command line of a snakemake call."""
        return [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]

    def snakemake(
        self,
        *arguments: str,
        succeeds: bool = True,
        wrapper: tuple[str, ...] = (),
        **environment: str,
    ) -> str:
        """Runs snakemake and returns what it printed."""
        done = subprocess.run(
            [*wrapper, *self.command(*arguments)],
            cwd=self.path,
            env=clean_environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=2300,
        )
        assert (done.returncode == 0) is succeeds, done.stdout
        return done.stdout

    def planned(self, *arguments: str) -> dict[str, int]:
        """Returns how many jobs of each rule a dry-run would start."""
        printed = self.snakemake("--dry-run", *arguments)
        lines = printed.partition("Job stats:")[2].partition("total")[0].splitlines()
        pairs = [line.split() for line in lines if line.strip()][2:]
        return {rule: int(count) for rule, count in pairs}

    def contents(self, pattern: str) -> dict[str, bytes]:
        """Returns the bytes of the files that match, by relative path."""
        paths = sorted(path for path in self.path.glob(pattern) if path.is_file())
        return {str(path.relative_to(self.path)): path.read_bytes() for path in paths}


def clean_environment(**more: str) -> dict[str, str]:
    """Returns the environment without keys, activated or not."""
    kept = {k: v for k, v in os.environ.items() if not k.endswith(("_KEY", "_TOKEN"))}
    kept["PATH"] = "/usr/local/bin:/usr/bin:/bin"  # the environment is not activated
    return kept | more


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Returns a fresh copy of the tree."""
    return Tree(tmp_path / "tree")


@pytest.fixture(scope="session")
def tiny_tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Returns a tree in which the tiny configuration has been run; do not change."""
    tree = Tree(tmp_path_factory.mktemp("tiny") / "tree")
    tree.snakemake("--configfile", tree.write_config(TINY))
    return tree


@pytest.fixture
def finished(tiny_tree: Tree, tmp_path: Path) -> Callable[[], Tree]:
    """Returns a function that copies the tree with the finished tiny runs."""

    def copy() -> Tree:
        shutil.copytree(tiny_tree.path, tmp_path / "finished", symlinks=True)
        tree = object.__new__(Tree)
        tree.path = tmp_path / "finished"
        return tree

    return copy


@pytest.fixture
def tiny() -> dict[str, Any]:
    """Returns the tiny configuration, to be changed at will."""
    copied: dict[str, Any] = yaml.safe_load(yaml.safe_dump(TINY))
    return copied
