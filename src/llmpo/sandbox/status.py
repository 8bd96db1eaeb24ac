"""What can become of a generated program, as data."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Outcome of a generated program; everything but `OK` counts as failed."""

    OK = "ok"
    NO_CODE = "no_code"  # the answer holds no fenced Python block
    SYNTAX = "syntax"  # the block does not compile
    CONTRACT = "contract"  # the expected class or method is missing
    CRASH = "crash"  # an exception, sys.exit or a dead process
    TIMEOUT = "timeout"  # a wall-clock or CPU limit was hit
    MEMORY = "memory"  # the memory limit was hit
    BAD_ACTION = "bad_action"  # wrong shape, not finite or out of bounds


@dataclass(frozen=True)
class Failure:
    """Why a generated program failed.

    Attributes:
        status: Any status but `OK`.
        message: One sentence, the same on every machine.
        traceback: Frames of the generated program only, without paths of this
            machine; "" where there is none.
    """

    status: Status
    message: str
    traceback: str = ""


class ProgramFailed(Exception):
    """Carries a `Failure` out of the sandbox to the code that records it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.status}: {failure.message}")
        self.failure = failure


@dataclass(frozen=True)
class Limits:
    """Limits of one program's process. Times are seconds.

    Attributes:
        load: Wall time to start the process and load the program.
        act: Wall time of one `act` (or constructor, or summary) call.
        episode: Wall time of one episode's policy calls in total.
        candidate: Wall time of the whole evaluation of one program.
        cpu: CPU time of the process.
        memory_mb: Memory above what an idle sandbox process maps.
    """

    load: float = 30.0
    act: float = 2.0
    episode: float = 300.0
    candidate: float = 1200.0
    cpu: float = 1200.0
    memory_mb: int = 1024
