"""What can become of a generated program, as data."""

from dataclasses import dataclass as plain_dataclass
from enum import StrEnum
from typing import Any

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass


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


@plain_dataclass(frozen=True)
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


def _seconds(default: float, description: str) -> Any:
    return Field(default=default, gt=0, description=description)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Limits:
    """Limits of the process of one generated program. Times are seconds.

    Wall time counts only while the harness waits for the program. The limits on a
    whole candidate are meant for five episodes and grow with further ones.
    """

    load: float = _seconds(30.0, "Wall time to start the process and load a program.")
    act: float = _seconds(5.0, "Wall time of one call of the program.")
    episode: float = _seconds(60.0, "Wall time of all calls of one episode.")
    candidate: float = _seconds(300.0, "Wall time of all calls of one candidate.")
    cpu: float = _seconds(300.0, "CPU time of the process.")
    memory_mb: int = Field(
        default=1024, gt=0, description="Memory above what an idle process maps, MiB."
    )
