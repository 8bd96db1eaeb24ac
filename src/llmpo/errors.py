"""The errors a user of llmpo can meet.

Every message says what was being done, what was found and what to do next. The
command line prints these errors without a traceback; anything else that escapes is
a bug. A generated program that fails is not an error but data: see
`llmpo.sandbox.status`.
"""


class LlmpoError(Exception):
    """Base of all errors that are the user's business; printed without a traceback."""


class ConfigError(LlmpoError):
    """The configuration, a plan or a command-line value cannot be used."""


class PrerequisiteError(LlmpoError):
    """Something must be installed, set or started first."""


class DataError(LlmpoError):
    """A file exists but is corrupt, truncated, stale or of another format version."""


class CacheMiss(LlmpoError):
    """Replay mode was asked for an exchange that nobody has recorded."""


class PendingRequests(LlmpoError):
    """Batch mode wrote requests out; the run can go on once they are answered."""

    def __init__(self, message: str, keys: tuple[str, ...]) -> None:
        super().__init__(message)
        self.keys = keys


class BudgetExceeded(LlmpoError):
    """The next step would exceed a budget of the run.

    Attributes:
        kind: `calls`, `tokens`, `dollars` or `env_steps`.
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class ProviderError(LlmpoError):
    """The model's provider refused a call, or went on failing after all retries."""


class SandboxError(LlmpoError):
    """Generated code cannot be confined on this machine."""
