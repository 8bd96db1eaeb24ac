"""Compiling the inner loops of simulators to machine code, once per machine.

numba keeps compiled functions on disk, by default next to their source. That fails
for installations that nobody may write to, so llmpo chooses the folder: a user's own
choice in `NUMBA_CACHE_DIR`, else the user's cache folder, else one in the temporary
folder. numba replaces its files in one step, so workers may share a folder.

Import this module only where a simulator is built: importing numba takes a while.
"""

import hashlib
import inspect
import os
import stat
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

_config: Any = numba.config  # its attributes are made when numba starts

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., object])


def compiled(function: AnyFunction) -> AnyFunction:
    """Compiles a function with `numba.njit`, keeping the result on disk.

    Without a folder that can be written to, the function is compiled in each process.
    A compiled function should use functions and constants of its own module only:
    numba does not notice changes elsewhere.
    """
    folder = _writable_folder()
    if folder is None:
        return cast(AnyFunction, numba.njit(function))
    # numba recognises changed source by time and size, which installers may keep
    # equal between versions; a folder named after the content cannot be stale.
    source = Path(inspect.getfile(function)).read_bytes()
    previous = _config.CACHE_DIR
    _config.CACHE_DIR = str(folder / hashlib.sha256(source).hexdigest()[:16])
    try:
        return cast(AnyFunction, numba.njit(cache=True)(function))
    finally:
        _config.CACHE_DIR = previous


@cache
def _writable_folder() -> Path | None:
    """Returns the first folder of those named above that can be used, if any."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen and _is_writable(Path(chosen)):
        return Path(chosen)
    # Folders that nobody chose must be safe: others could plant code in them.
    usable = (
        folder for folder in _own_folders() if _is_writable(folder) and _is_ours(folder)
    )
    return next(usable, None)


def _own_folders() -> list[Path]:
    folders = []
    user_cache = os.environ.get("XDG_CACHE_HOME")
    try:
        parent = Path(user_cache) if user_cache else Path.home() / ".cache"
        folders.append(parent / "llmpo" / "numba")
    except RuntimeError:  # this user has no home folder
        pass
    folders.append(Path(tempfile.gettempdir()) / f"llmpo-numba-{os.getuid()}")
    return folders


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def _is_ours(folder: Path) -> bool:
    state = folder.stat()
    others_may_write = state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return state.st_uid == os.getuid() and not others_may_write
