import subprocess

from llmpo import provenance


def test_source_digest_depends_on_contents_and_names_only(tmp_path):
    for name in ("first", "second"):
        folder = tmp_path / name
        (folder / "__pycache__").mkdir(parents=True)
        (folder / "module.py").write_text("x = 1\n")
        (folder / "__pycache__" / "module.pyc").write_text(name)
    digest = provenance.source_digest(tmp_path / "first")
    assert digest == provenance.source_digest(tmp_path / "second")
    (tmp_path / "second" / "module.py").write_text("x = 2\n")
    assert digest != provenance.source_digest(tmp_path / "second")
    (tmp_path / "first" / "module.py").rename(tmp_path / "first" / "other.py")
    assert digest != provenance.source_digest(tmp_path / "first")


def test_description_names_inputs_without_their_folder(tmp_path):
    path = tmp_path / "tidy.csv"
    path.write_text("a\n")
    description = provenance.describe([path])
    # SHA-256 of "a\n", as sha256sum prints it.
    assert description["inputs"] == {
        "tidy.csv": "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"
    }
    assert str(tmp_path) not in str(description)


def test_package_versions_leave_out_what_is_not_installed():
    versions = provenance.package_versions(["numpy", "no-such-package-at-all"])
    assert set(versions) == {"python", "numpy"}


def test_code_version_without_git_has_no_commit(monkeypatch):
    def no_git(*_args, **_options):
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", no_git)
    provenance.code_version.cache_clear()
    try:
        version = provenance.code_version()
    finally:
        provenance.code_version.cache_clear()
    assert version.commit is None
    assert version.dirty is None
    assert len(version.source_digest) == 64
