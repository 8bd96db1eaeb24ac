"""Where compiled functions are kept, and what happens where nothing can be kept."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("numba")

from llmpo.envs import compiled as module
from llmpo.envs.compiled import compiled

PROGRAM = """
from llmpo.envs.compiled import compiled

@compiled
def double(x):
    return 2 * x

@compiled
def quadruple(x):
    return double(double(x))

print(quadruple(1.5), sum(quadruple.stats.cache_hits.values()))
"""


def triple(x: float) -> float:
    return 3 * x


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """Forgets the folder before and after; no folder of the user is touched."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    module._writable_folder.cache_clear()
    yield tmp_path
    module._writable_folder.cache_clear()


def kept(folder: Path) -> bool:
    return any(folder.rglob("*.nbi"))


def test_compiled_functions_are_kept_in_the_user_cache(fresh):
    assert compiled(triple)(2.0) == 6.0
    assert kept(fresh / "cache" / "llmpo" / "numba")


def test_compiled_functions_are_kept_where_the_user_says(fresh, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(fresh / "chosen"))
    assert compiled(triple)(2.0) == 6.0
    assert kept(fresh / "chosen")
    assert not kept(fresh / "cache")


def test_compiled_functions_fall_back_to_the_temporary_folder(fresh, monkeypatch):
    (fresh / "file").write_text("not a folder")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(fresh / "file"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(fresh / "file"))
    assert compiled(triple)(2.0) == 6.0
    assert kept(fresh / f"llmpo-numba-{os.getuid()}")


def test_compiled_functions_are_not_loaded_from_folders_of_others(fresh):
    open_to_all = fresh / "cache" / "llmpo" / "numba"
    open_to_all.mkdir(parents=True)
    open_to_all.chmod(0o777)
    assert compiled(triple)(2.0) == 6.0
    assert not kept(open_to_all)


def test_compiled_functions_work_without_any_folder(fresh, monkeypatch):
    (fresh / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(fresh / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(fresh / "file"))
    assert compiled(triple)(2.0) == 6.0
    assert not kept(fresh)


def test_workers_share_the_cache_from_the_first_moment(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    command = [sys.executable, str(tmp_path / "program.py")]

    def start():
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True
        )

    together = [start(), start()]
    answers = [worker.communicate()[0].split()[0] for worker in together]
    assert answers == ["6.0", "6.0"]
    assert start().communicate()[0].split() == ["6.0", "1"]
