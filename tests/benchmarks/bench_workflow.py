"""Overheads of the workflow: python tests/benchmarks/bench_workflow.py.

Prints what each takes against its limit: `llmpo --help`, a snakemake that has nothing
to do, and a dry-run of a grid of 2,000 runs, with the cells packed into jobs as by
default and with a job for each cell. Times are the best of three, in a copy of the
tree.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SNAKEMAKE = [sys.executable, "-m", "snakemake", "--cores", "2"]


def main() -> None:
    """Runs the benchmark and prints a table."""
    rows = [("llmpo --help", seconds([sys.executable, "-m", "llmpo", "--help"]), 0.5)]
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in ("workflow", "profiles"):
            shutil.copytree(ROOT / name, tree / name)
        shutil.copyfile(ROOT / "Snakefile", tree / "Snakefile")
        small = configuration(tree / "small.yaml", seeds=1, job_seconds=0)
        subprocess.run([*SNAKEMAKE, *small], cwd=tree, check=True, capture_output=True)
        rows.append(("nothing to do", seconds([*SNAKEMAKE, *small], tree), 5.0))
        for job_seconds, how in ((20, "packed"), (0, "one job each")):
            large = configuration(tree / "large.yaml", 1000, job_seconds)
            taken = seconds([*SNAKEMAKE, "--dry-run", "--quiet", *large], tree)
            rows.append((f"dry-run, 2,000 runs, {how}", taken, 20.0))
    for what, taken, limit in rows:
        print(f"{what:36} {taken:6.2f} s  limit {limit:4.1f} s  {taken / limit:5.2f} x")


def configuration(path: Path, seeds: int, job_seconds: float) -> list[str]:
    """Writes a configuration of two runs a seed; returns snakemake's option for it."""
    settings: dict[str, Any] = {"rounds": 1, "candidates": 1, "episodes": 1}
    values = {
        "llm": {
            "mode": "mock",
            "model": "mock/script",
            "mock_script": "workflow/resources/mock/promptpo.yaml",
        },
        "experiments": {
            "grid": {
                "environments": ["noise_world_board_1", "noise_world_board_2"],
                "methods": {"promptpo": {"method": "promptpo", "settings": settings}},
                "seeds": list(range(seeds)),
            }
        },
        "workflow": {"job_seconds": job_seconds},
    }
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return ["--configfile", str(path)]


def seconds(command: list[str], folder: Path = ROOT, repetitions: int = 3) -> float:
    """Returns the shortest wall time of a command."""
    times = []
    for _ in range(repetitions):
        started = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main()
