"""Commands that tell something and change nothing."""

from pathlib import Path

import click

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("config", type=_FILE, nargs=-1, required=True)
def estimate(config: tuple[Path, ...]) -> None:
    """Print calls, tokens, dollars and environment steps of the whole grid."""
    from llmpo.config import read_config
    from llmpo.cost import estimate_grid

    click.echo(estimate_grid(read_config(list(config))))


@click.command()
def environments() -> None:
    """List the installed environments with horizon, score and options."""
    from llmpo.envs.registry import environment, environment_ids

    for name in environment_ids():
        spec = environment(name)
        options = "; ".join(f"{k}: {' | '.join(v)}" for k, v in spec.variants.items())
        click.echo(
            f"{name:32} {spec.family:12} {spec.horizon:5} steps  {spec.score:8} "
            f"{options}".rstrip()
        )


@click.command()
@click.argument("env_id")
@click.option("--option", "options", multiple=True, help="NAME=VALUE.")
def show_env(env_id: str, options: tuple[str, ...]) -> None:
    """Print the three texts that a model is told about ENV_ID."""
    from llmpo.cli.evaluate import parse_options
    from llmpo.envs import prompt_text
    from llmpo.envs.instances import shared_environment
    from llmpo.envs.observation import action_layout
    from llmpo.envs.registry import environment

    spec = environment(env_id, parse_options(options))
    action = action_layout(shared_environment(spec))
    click.echo(prompt_text.implementation_text(spec, action))
    click.echo("\n" + prompt_text.observation_text(spec))
    click.echo("\n" + prompt_text.reward_text(spec))


@click.command()
@click.argument("env_ids", nargs=-1, required=True)
def check_env(env_ids: tuple[str, ...]) -> None:
    """Check environments and explain every violation; exits 1 if there is one."""
    from llmpo.envs.check import check_environment
    from llmpo.envs.registry import environment

    broken = False
    for env_id in env_ids:
        violations = check_environment(environment(env_id))
        broken = broken or bool(violations)
        click.echo(f"{env_id}: {len(violations) or 'no'} violations")
        for violation in violations:
            click.echo(f"  - {violation}")
    if broken:
        click.get_current_context().exit(1)


@click.command()
def doctor() -> None:
    """Print which layers confine generated code on this machine."""
    from llmpo.sandbox.process import sandbox_report

    for name, value in sandbox_report().items():
        click.echo(f"{name}: {value}")


@click.command()
@click.option("--check", is_flag=True, help="Only tell whether the files are current.")
@click.option(
    "--root", type=click.Path(path_type=Path), default=Path(), help="Repository."
)
def schema(check: bool, root: Path) -> None:
    """Write workflow/schemas/config.schema.json and workflow/config/README.md."""
    from llmpo.config_docs import config_files
    from llmpo.errors import DataError
    from llmpo.storage import write_text_atomic

    for path, text in config_files().items():
        target = root / path
        if not check:
            write_text_atomic(target, text)
        elif not target.exists() or target.read_text(encoding="utf-8") != text:
            raise DataError(f"{path} is out of date; run: llmpo schema")
