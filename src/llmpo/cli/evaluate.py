"""`llmpo evaluate`: any policy file on any environment."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from llmpo.evaluation import Evaluation


@click.command()
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    required=True,
    help="Python file with the policy class.",
)
@click.option("--env", "env_id", required=True, help="Environment id.")
@click.option(
    "--option", "options", multiple=True, help="Environment option NAME=VALUE."
)
@click.option(
    "--seeds",
    required=True,
    help="Episode seeds: a half-open range like 1000:1020, or a list like 1,5,7.",
)
@click.option(
    "--policy-lifetime",
    type=click.Choice(["episode", "run"]),
    default="episode",
    show_default=True,
    help="Whether one policy object plays one episode or all of them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--unsafe-no-sandbox",
    is_flag=True,
    help="Run the file without confinement where this machine lacks the means.",
)
def evaluate(
    policy: Path,
    env_id: str,
    options: tuple[str, ...],
    seeds: str,
    policy_lifetime: Literal["episode", "run"],
    as_json: bool,
    unsafe_no_sandbox: bool,
) -> None:
    """Evaluate a policy file; exits 0 whatever the policy does."""
    from llmpo.evaluation import EvaluationTask
    from llmpo.evaluation import evaluate as evaluate_task

    task = EvaluationTask(
        environment=env_id,
        options=parse_options(options),
        source=_read_source(policy),
        seeds=_parse_seeds(seeds),
        lifetime=policy_lifetime,
        unsafe=unsafe_no_sandbox,
    )
    result = evaluate_task(task)
    report = _report(env_id, result)
    if as_json:
        click.echo(json.dumps(report, allow_nan=False))
        return
    for episode in result.episodes:
        success = "" if episode.success is None else f"  success {episode.success:g}"
        click.echo(
            f"seed {episode.seed}: return {episode.value:.6g}{success}  "
            f"{episode.length} steps  {episode.status} {episode.message}".rstrip()
        )
    low, high = report["ci95"]
    click.echo(f"mean {report['mean']:.6g}, 95 % interval {low:.6g} to {high:.6g}")
    if result.failure and result.failure.traceback:
        click.echo(f"\nFirst failure:\n{result.failure.traceback}")


def _report(env_id: str, result: "Evaluation") -> dict[str, Any]:
    from llmpo.seeds import generator
    from llmpo.statistics import bootstrap, column, mean

    returns = list(result.returns)
    interval = bootstrap(column(returns), mean, generator("evaluate", env_id))
    return {
        "env": env_id,
        "seeds": [episode.seed for episode in result.episodes],
        "returns": returns,
        "successes": [episode.success for episode in result.episodes],
        "lengths": [episode.length for episode in result.episodes],
        "statuses": [str(episode.status) for episode in result.episodes],
        "mean": interval.value,
        "ci95": [interval.low, interval.high],
    }


def _read_source(path: Path) -> str:
    from llmpo.errors import ConfigError

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Reading the policy {path}: {error}.") from None


def _parse_seeds(text: str) -> tuple[int, ...]:
    from llmpo.errors import ConfigError

    first, colon, last = text.partition(":")
    try:
        seeds = (
            tuple(range(int(first), int(last)))
            if colon
            else tuple(int(part) for part in text.split(","))
        )
    except ValueError:
        seeds = ()
    if not seeds or min(seeds) < 0 or max(seeds) >= 2**31:
        raise ConfigError(
            f"Episode seeds cannot be {text!r}; give a half-open range like 1000:1020 "
            "or a list like 1,5,7 of numbers from 0 to 2147483647."
        )
    return seeds


def parse_options(options: tuple[str, ...]) -> dict[str, str]:
    """Returns environment options given as NAME=VALUE."""
    from llmpo.errors import ConfigError

    chosen = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals:
            raise ConfigError(f"Option {option!r} must look like NAME=VALUE.")
        chosen[name] = value
    return chosen
