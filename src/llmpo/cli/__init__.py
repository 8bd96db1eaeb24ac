"""The `llmpo` command. Every command is one call of the library."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - reached when run without installing
    sys.exit(
        "llmpo needs Python 3.11 or newer; this is "
        f"{sys.version_info.major}.{sys.version_info.minor}. Make the environment "
        "with a newer Python: python3.11 -m venv .venv"
    )

from llmpo.cli.app import main

__all__ = ["main"]
