"""Aggregation, tables and figures of a made-up grid of 1,000 runs.

    python tests/benchmarks/bench_figures.py [--runs 1000] [--keep FOLDER]

Every run has about 100 candidates (or points of a learning curve) and two policies
with 50 reporting episodes each. Each stage runs in a process of its own; printed are
wall and CPU seconds and peak memory, against the limits for all of them.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ATTEMPTS, EPISODES, SEEDS = 100, 50, 10
METHODS = {
    "promptpo": ("promptpo", {}),
    "promptpo_no_reflection": ("promptpo", {"reflection": False}),
    "ppo": ("deep_rl", {"algorithm": "ppo"}),
    "ppo_long": ("deep_rl", {"algorithm": "ppo", "steps": 1_000_000}),
    "random": ("reference", {"policy": "random"}),
}
LIMIT_SECONDS, LIMIT_MIB = 60, 2048

# What a stage runs in its own process, where FOLDER is the working folder.
_MEASURED = """
import resource, sys, time
from llmpo.cli import main
begin = time.perf_counter()
sys.argv = ["llmpo", *sys.argv[1:]]
try:
    main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    values = time.perf_counter() - begin, time.process_time(), used.ru_maxrss / 1024
    print(*values, file=sys.stderr)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--keep", type=Path, help="Folder for what is made.")
    parser.add_argument("--make", action="store_true", help="Only make the grid.")
    options = parser.parse_args()
    if options.make:
        make_grid(options.keep, options.runs)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        begin = time.perf_counter()
        make_grid(folder, options.runs)
        print(
            f"grid of {options.runs} runs made in {time.perf_counter() - begin:.1f} s"
        )
        measure(folder)


def measure(folder: Path) -> None:
    """Runs the stages and prints what they take."""
    plan, runs, tidy = folder / "plan.json", folder / "runs", folder / "tidy.csv"
    stages = {
        "aggregate": [
            *("aggregate", plan, "--runs", runs),
            *("--assessments", folder / "assessments", "--out", tidy),
        ],
        "tables": [
            *("tables", tidy, "--runs", runs, "--plan", plan),
            *("--out", folder / "tables"),
        ],
        "figures": ["figures", tidy, "--out", folder / "figures"],
    }
    seconds, work, peak = 0.0, 0.0, 0.0
    for name, arguments in stages.items():
        done = subprocess.run(
            [sys.executable, "-c", _MEASURED, *map(str, arguments)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            print(f"{name:10} FAILED\n{done.stderr}")
            continue
        taken, cpu, mib = map(float, done.stderr.split()[-3:])
        seconds, work, peak = seconds + taken, work + cpu, max(peak, mib)
        print(f"{name:10} {taken:6.1f} s {cpu:6.1f} CPU s {mib:7.0f} MiB")
    print(
        f"{'all':10} {seconds:6.1f} s {work:6.1f} CPU s {peak:7.0f} MiB"
        f"   limits {LIMIT_SECONDS} s, {LIMIT_MIB} MiB"
    )


def make_grid(folder: Path, runs: int) -> None:
    """Writes plan, records and assessments of a made-up grid, one file a method."""
    from llmpo.plan import Plan, write_plan
    from llmpo.records import write_records

    cells = make_cells(runs)
    jobs: dict[str, list] = {}
    for cell in cells:
        jobs.setdefault(f"{cell.experiment}.{cell.method}", []).append(cell)
    config = {
        "experiments": {
            "bench": {
                "environments": sorted({cell.environment for cell in cells}),
                "methods": {
                    label: {"method": name, "settings": settings}
                    for label, (name, settings) in METHODS.items()
                },
                "seeds": list(range(SEEDS)),
            }
        }
    }
    write_plan(
        folder / "plan.json",
        Plan(
            config=config,
            cells=tuple(cells),
            jobs={name: tuple(c.id for c in made) for name, made in jobs.items()},
        ),
    )
    for name, made in jobs.items():
        pairs = [make_run(cell) for cell in made]
        file = f"{name}.jsonl"
        write_records(folder / "runs" / file, (record for record, _ in pairs))
        write_records(
            folder / "assessments" / file, (a for _, both in pairs for a in both)
        )


def make_cells(runs: int) -> list:
    """Returns cells over all environments."""
    from llmpo.envs.registry import environment_ids
    from llmpo.records import Cell

    cells = [
        Cell(
            experiment="bench",
            environment=environment,
            method=label,
            algorithm=name,
            settings=settings,
            seed=seed,
        )
        for environment in environment_ids()
        for label, (name, settings) in METHODS.items()
        for seed in range(SEEDS)
    ]
    return cells[:runs]


def make_run(cell):
    """Returns a record and the assessments of its two policies."""
    from llmpo.methods.base import method
    from llmpo.records import (
        Assessment,
        EpisodeResult,
        PolicyArtifact,
        RunRecord,
        Totals,
    )
    from llmpo.sandbox.status import Status
    from llmpo.seeds import generator

    rng = generator("bench", cell.id)
    role = method(cell.algorithm).role
    low, high = scale_of(cell.environment)
    level = rng.uniform(0.2, 0.9)
    attempts = list(make_attempts(cell, role, level, rng))
    totals = attempts[-1].totals if attempts else Totals()
    policy = PolicyArtifact(program="0" * 16, lifetime="episode", round=1)
    record = RunRecord(
        cell=cell,
        env_version=1,
        method_version=1,
        status="finished",
        settings=cell.settings,
        attempts=tuple(attempts),
        programs={"0" * 16: "pass\n" * 100},
        policies={"best": policy, "last": policy},
        totals=totals,
        provenance={"mode": "mock"},
    )
    episodes = tuple(
        EpisodeResult(
            seed=2**30 + k,
            value=low + (high - low) * (level + 0.1 * rng.normal()),
            success=float(rng.random() < level),
            final_success=0.0,
            length=100,
            status=Status.OK,
        )
        for k in range(EPISODES)
    )
    assessments = [
        Assessment(cell=cell, policy=name, program="0" * 16, episodes=episodes)
        for name in ("best", "last")
    ]
    return record, assessments


def make_attempts(cell, role: str, level: float, rng: np.random.Generator) -> Iterator:
    """Yields 100 attempts with rising scores, none for a reference policy."""
    from llmpo.records import Attempt, Totals
    from llmpo.sandbox.status import Status

    low, high = scale_of(cell.environment)
    is_search = role == "search"
    for k in range(ATTEMPTS if role != "reference" else 0):
        failed = is_search and rng.random() < 0.2
        share = min(1.0, level * (k + 1) / ATTEMPTS * 1.2 + 0.05 * rng.normal())
        score = None if failed else low + (high - low) * share
        totals = Totals(
            env_steps=1000 * (k + 1),
            calls=k + 1 if is_search else 0,
            prompt_tokens=3000 * (k + 1) if is_search else 0,
            completion_tokens=900 * (k + 1) if is_search else 0,
            dollars=0.02 * (k + 1) if is_search else 0.0,
        )
        yield Attempt(
            round=k // 10 + 1 if is_search else k + 1,
            candidate=k % 10 if is_search else 0,
            attempt=0,
            exchange=None,
            program=None,
            status=Status.CRASH if failed else Status.OK,
            returns=() if score is None else (score,) * 5,
            successes=None if score is None else (share,) * 5,
            score=score,
            totals=totals,
            is_selected=k % 10 == 9 or not is_search,
        )


def scale_of(environment: str) -> tuple[float, float]:
    """Returns scores of a poor and of a good policy."""
    from llmpo.normalization import reference_score

    reference = reference_score(environment)
    if reference is None or reference.best is None:
        return 0.0, 1.0
    return reference.zero, reference.best


if __name__ == "__main__":
    main()
