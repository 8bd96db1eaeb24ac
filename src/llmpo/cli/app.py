"""The command group: commands by name, loaded when used; errors without traceback."""

import importlib
import logging
import sys
from typing import Any

import click

from llmpo import __version__
from llmpo.errors import LlmpoError

# Command -> where it is. Loading on demand keeps `llmpo --help` fast.
_COMMANDS = {
    "plan": "llmpo.cli.stages",
    "run": "llmpo.cli.stages",
    "assess": "llmpo.cli.stages",
    "aggregate": "llmpo.cli.stages",
    "figures": "llmpo.cli.stages",
    "tables": "llmpo.cli.stages",
    "gallery": "llmpo.cli.gallery",
    "paper": "llmpo.cli.paper",
    "evaluate": "llmpo.cli.evaluate",
    "estimate": "llmpo.cli.inspect",
    "environments": "llmpo.cli.inspect",
    "show-env": "llmpo.cli.inspect",
    "check-env": "llmpo.cli.inspect",
    "doctor": "llmpo.cli.inspect",
    "schema": "llmpo.cli.inspect",
    "llm": "llmpo.llm.commands",
    "training": "llmpo.cli.training",
}
_HELP = {
    "plan": "Lay the grid of a configuration out over jobs.",
    "run": "Run one job, or one cell, of a plan.",
    "assess": "Evaluate a job's policies on fresh seeds.",
    "aggregate": "Write the tidy table of all runs.",
    "figures": "Draw all figures.",
    "tables": "Write all tables.",
    "gallery": "Describe the best policies and what kind of controllers they are.",
    "paper": "Collect the paper's numbers, and build it.",
    "evaluate": "Evaluate any policy file.",
    "estimate": "Print what a configuration will cost, before it is spent.",
    "environments": "List the installed environments.",
    "show-env": "Print what a model is told about an environment.",
    "check-env": "Check an environment and explain every violation.",
    "doctor": "Print how generated code is confined on this machine.",
    "schema": "Write the JSON schema and the documentation of configurations.",
    "llm": "Import, export and verify recorded answers.",
    "training": "Export and list recorded training runs.",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(_COMMANDS[cmd_name])
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_HELP.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LlmpoError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def main(quiet: bool) -> None:
    """When can a large language model replace, or help, an RL algorithm?"""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING if quiet else logging.INFO,
        format="%(message)s",
    )
