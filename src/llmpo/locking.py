"""A lock on a working folder that does not outlive the process holding it.

Snakemake's own lock is a file that stays behind after `kill -9` or a power cut and has
to be removed by hand. The system drops this one together with the process, so that
resuming is running again.
"""

import fcntl
import logging
from pathlib import Path
from typing import TextIO

from llmpo.errors import LlmpoError

_logger = logging.getLogger(__name__)

# An open file is what holds a lock; these stay open until the process ends.
_held: list[TextIO] = []


def hold_lock(path: Path) -> None:
    """Takes a lock and keeps it for the rest of this process's life.

    Args:
        path: Lock file; created if needed, and never removed.

    Raises:
        LlmpoError: Another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise LlmpoError(
            "Starting the workflow: another snakemake is at work in this folder "
            f"({path} is locked). Wait until it is done, or work in a second clone."
        ) from None
    except OSError as error:  # e.g. a network file system without locks
        _logger.warning("%s cannot be locked (%s); going on without.", path, error)
    _held.append(file)
