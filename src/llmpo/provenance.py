"""Where a result came from: commit, source digest, package versions, input digests.

Nothing here depends on the time or on paths of the machine, so that the same inputs
and the same code give the same provenance file.
"""

import hashlib
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent

# What can change a number or a figure. Absent packages are left out.
PACKAGES = (
    "llmpo",
    "gymnasium",
    "gymnasium-robotics",
    "matplotlib",
    "metaworld",
    "mujoco",
    "numpy",
    "pandas",
    "seaborn",
    "snakemake",
    "stable-baselines3",
    "torch",
)


@dataclass(frozen=True)
class CodeVersion:
    """The code that made a result.

    Attributes:
        version: Version of the installed package.
        commit: Git commit of the sources; None outside a git checkout.
        dirty: Whether tracked files differ from the commit; None without a commit.
        source_digest: SHA-256 over the package's own files.
    """

    version: str
    commit: str | None
    dirty: bool | None
    source_digest: str


@cache
def code_version() -> CodeVersion:
    """Returns the version of the running code; read once a process."""
    commit = _git("rev-parse", "HEAD") if _is_tracked() else None
    changes = _git("status", "--porcelain", "--untracked-files=no") if commit else None
    return CodeVersion(
        version=importlib.metadata.version("llmpo"),
        commit=commit,
        dirty=None if changes is None else bool(changes),
        source_digest=source_digest(_PACKAGE),
    )


def source_digest(folder: Path) -> str:
    """Returns the SHA-256 over the names and contents of a package's own files."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            total.update(path.relative_to(folder).as_posix().encode() + b"\0")
            total.update(file_digest(path).encode())
    return total.hexdigest()


def file_digest(path: Path) -> str:
    """Returns the SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def package_versions(names: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Returns the versions of Python and of those packages that are installed."""
    versions = {"python": platform.python_version()}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def describe(inputs: Iterable[Path]) -> dict[str, Any]:
    """Returns the provenance of something made from files, as plain JSON data.

    Inputs are named without their folder, so the record is the same in every clone.
    """
    return {
        "code": asdict(code_version()),
        "inputs": {path.name: file_digest(path) for path in inputs},
        "packages": package_versions(),
    }


def _is_tracked() -> bool:
    # An installed copy may lie inside somebody else's repository, whose commit says
    # nothing about this code.
    return _git("ls-files", "--error-unmatch", Path(__file__).name) is not None


def _git(*arguments: str) -> str | None:
    """Returns what git prints, or None where there is no git or no repository."""
    # Without optional locks, a status in one job cannot disturb git in another.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=_PACKAGE,
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
