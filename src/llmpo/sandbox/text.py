"""Makes text from a generated program fit for records and prompts.

Messages and tracebacks come from an untrusted process and end up in prompts, whose
keys must be the same on every machine: they are cut to a sane length and lose memory
addresses, this machine's paths and control characters.
"""

import re
import sys
from pathlib import Path

import numpy as np

from llmpo.sandbox.status import Failure, Status

_LONGEST_MESSAGE = 500
_LONGEST_TRACEBACK = 4000

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]+")
# Where the libraries lie that a program can load; longest first, as one may lie
# within another.
_FOLDERS = {sys.prefix, sys.base_prefix, str(Path(np.__file__).parents[1])} - {"/"}
_PATH = re.compile(
    f"(?:{'|'.join(map(re.escape, sorted(_FOLDERS, key=len, reverse=True)))})"
    r"[\w./+@-]*"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Returns text without control characters, addresses and this machine's paths."""
    return _PATH.sub("<path>", _ADDRESS.sub("0x…", _CONTROL.sub("", text)))


def shorten(text: str, longest: int) -> str:
    """Returns text cut to `longest` characters, with an ellipsis where it was cut."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def program_failure(status: Status, payload: bytes) -> Failure:
    """Returns the failure a process reports as message, NUL, traceback."""
    message, _, traceback = payload.decode("utf-8", "replace").partition("\0")
    # Of a traceback the end matters, where the error and its last frames are.
    traceback = clean_text(traceback)[-_LONGEST_TRACEBACK:]
    message = " ".join(clean_text(message).split())
    return Failure(status, shorten(message, _LONGEST_MESSAGE), traceback)
