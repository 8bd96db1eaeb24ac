"""Taking the program out of a model's answer."""

import re

from llmpo.sandbox.status import Failure, Status

# The first block fenced as Python; the closing fence may be missing its own line.
_BLOCK = re.compile(r"```[ \t]*python[^\n]*\n(.*?)```", re.DOTALL | re.IGNORECASE)

NO_CODE = Failure(
    Status.NO_CODE, "The answer holds no fenced Python block (```python ... ```)."
)


def extract_program(answer: str) -> str | None:
    """Returns the first fenced Python block; None if there is none or it is empty."""
    match = _BLOCK.search(answer)
    program = match[1].strip("\n") if match else ""
    return program + "\n" if program.strip() else None
