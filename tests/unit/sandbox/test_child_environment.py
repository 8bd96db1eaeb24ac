"""What a confined process is given before anything untrusted is in it."""

import sys

from llmpo.sandbox.child import lockdown
from llmpo.sandbox.launch import child_environment


def test_no_variable_of_ours_is_passed_on(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    environment = child_environment()
    assert "sk-secret" not in environment.values()
    assert "PYTHONPATH" not in environment


def test_numeric_kernels_do_not_depend_on_the_processor():
    environment = child_environment()
    assert environment["OPENBLAS_NUM_THREADS"] == "1"
    assert environment["PYTHONHASHSEED"] == "0"
    disabled = environment.get("NPY_DISABLE_CPU_FEATURES", "").split()
    assert all(name.startswith(("AVX512", "X86_V4", "SVE")) for name in disabled)


def test_installed_packages_are_not_readable(tmp_path, monkeypatch):
    for name in ("heapq.py", "json/x.py", "site-packages/mujoco/x.py", "lib-dynload/a"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "none.zip")])
    assert list(lockdown.library_paths(["/numpy"])) == [
        str(tmp_path / "heapq.py"),
        str(tmp_path / "json"),
        str(tmp_path / "lib-dynload"),
        str(tmp_path / "none.zip"),
        "/numpy",
    ]
