"""Seconds of a run and milliseconds of a completion of ICPI, next to the bars.

Run as a script. Runs have the published numbers of steps; times are CPU times of this
process and include everything: environment, prompts, predictor, record. `--budget` and
`--rollouts` set what they say. `--profile` shows where the time goes. `--curves` prints
the mean regret in eighths of longer runs, beside those of the reference measurements.
`--memory` shows the memory in the course of a run of 2,000 steps.
"""

import argparse
import cProfile
import pstats
import resource
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from llmpo.envs.icpi_domains import SPECS
from llmpo.envs.spec import EnvSpec
from llmpo.evaluator import Evaluator
from llmpo.methods.base import RunContext
from llmpo.methods.icpi import ICPI, ICPISettings
from llmpo.records import Cell
from llmpo.sandbox.status import Limits

BAR_COMPLETION = 2.0  # milliseconds
BAR_MINUTES = 15.0  # all domains, eight seeds, two cores
SEEDS = 8

# Steps and mean regrets per eighth, measured with another implementation at an open
# budget; standard error 0.03 to 0.08.
CURVES = {
    "icpi_chain": (200, (0.53, 0.33, 0.17, 0.10, 0.06, 0.05, 0.04, 0.03)),
    "icpi_distractor_chain": (240, (0.49, 0.28, 0.17, 0.11, 0.05, 0.04, 0.04, 0.01)),
    "icpi_maze": (240, (0.44, 0.37, 0.22, 0.10, 0.04, 0.02, 0.02, 0.00)),
    "icpi_mini_catch": (300, (0.69, 0.46, 0.20, 0.14, 0.13, 0.09, 0.00, 0.00)),
    "icpi_mini_invaders": (320, (0.69, 0.48, 0.39, 0.36, 0.24, 0.19, 0.16, 0.16)),
    "icpi_point_mass": (400, (0.38, 0.29, 0.23, 0.28, 0.17, 0.22, 0.15, 0.16)),
}


def start(
    spec: EnvSpec, seed: int, report: Callable[[str], None] = lambda line: None
) -> RunContext:
    cell = Cell(
        experiment="bench",
        environment=spec.id,
        method="icpi",
        algorithm="icpi",
        seed=seed,
    )
    return RunContext(cell, spec, Evaluator(), Limits(), report=report)


def play(spec: EnvSpec, seed: int, settings: ICPISettings) -> RunContext:
    context = start(spec, seed)
    ICPI().run(settings, context)
    return context


def eighths(contexts: list[RunContext], steps: int) -> list[float]:
    found: list[list[float]] = [[] for _ in range(8)]
    for context in contexts:
        for episode in context.journal.notes["episodes"]:
            if episode["steps"] < steps:
                regret = episode["regret"] / context.journal.notes["regret_scale"]
                found[8 * episode["steps"] // steps].append(regret)
    return [fmean(regrets) for regrets in found]


def measure(settings: ICPISettings, seeds: int) -> None:
    print(f"{settings.model_dump(exclude_defaults=True)}, {seeds} seeds; bars:")
    print(f"{BAR_COMPLETION} ms per completion with its prompt,")
    print(f"{BAR_MINUTES} min for {SEEDS} seeds on two cores")
    print(
        f"{'':24}{'s/run':>8}{'calls':>8}{'calls/step':>12}{'ms/call':>9}{'invalid':>9}"
    )
    whole, everything = 0.0, 0
    for spec in SPECS:
        started = time.process_time()
        contexts = [play(spec, seed, settings) for seed in range(seeds)]
        seconds = (time.process_time() - started) / seeds
        counts = [count for one in contexts for count in one.journal.predictions]
        calls = sum(count.calls for count in counts) / seeds
        invalid = sum(count.invalid for count in counts) / seeds
        steps = sum(context.env_steps for context in contexts) / seeds
        whole, everything = whole + seconds, everything + calls
        print(
            f"{spec.id:24}{seconds:8.1f}{calls:8.0f}{calls / steps:12.1f}"
            f"{1e3 * seconds / calls:9.2f}{invalid / calls:9.2%}"
        )
    print(
        f"all domains: {whole:.1f} s per seed, {1e3 * whole / everything:.2f} ms per "
        f"completion, {SEEDS * whole / 2 / 60:.1f} min for {SEEDS} seeds on two cores"
    )


def curves(seeds: int) -> None:
    print("mean regret per eighth of the run; below it the reference measurements")
    for spec in SPECS:
        steps, expected = CURVES[spec.id]
        contexts = [play(spec, s, ICPISettings(steps=steps)) for s in range(seeds)]
        found = eighths(contexts, steps)
        print(f"{spec.id:24}" + " ".join(f"{value:.2f}" for value in found))
        print(f"{'':24}" + " ".join(f"{value:.2f}" for value in expected))


def memory(settings: ICPISettings) -> None:
    """Prints the resident memory within one long run."""
    (spec,) = (spec for spec in SPECS if spec.id == "icpi_chain")
    play(spec, 0, settings.model_copy(update={"steps": 100}))  # loads everything
    marks = iter(range(0, 2001, 250))
    mark = next(marks)

    def report(line: str) -> None:
        nonlocal mark
        if context.env_steps >= mark:
            print(f"{context.env_steps:5} steps of chain: {_resident():.1f} MiB")
            mark = next(marks, 10**9)

    context = start(spec, 0, report)
    ICPI().run(settings.model_copy(update={"steps": 2000}), context)


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--model", default="relevance")
    parser.add_argument("--budget", type=int, help="tokens of a prompt")
    parser.add_argument("--rollouts", type=int, default=1)
    parser.add_argument("--curves", action="store_true", help="compare the regrets")
    parser.add_argument("--memory", action="store_true", help="show the memory")
    parser.add_argument("--profile", action="store_true", help="show where time goes")
    options = parser.parse_args()
    settings = ICPISettings(
        model=options.model, context_budget=options.budget, rollouts=options.rollouts
    )
    if options.curves:
        curves(options.seeds)
    elif options.memory:
        memory(settings)
    else:
        profile = cProfile.Profile()
        if options.profile:
            profile.enable()
        measure(settings, options.seeds)
        profile.disable()
        if options.profile:
            pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(16)


if __name__ == "__main__":
    main()
