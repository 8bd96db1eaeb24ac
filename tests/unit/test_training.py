"""Recorded trainings: kept, found again, and refused when something has changed."""

import lzma
from typing import Any

import pytest

from llmpo.config import load_config
from llmpo.errors import ConfigError, DataError
from llmpo.plan import STATE, TRAINING, load_plan_for_workflow
from llmpo.records import RunRecord
from llmpo.runner import run_cells
from llmpo.training import export_recordings, read_recording, recording_path


def _values(mode: str, **settings: Any) -> dict[str, Any]:
    chosen = {"steps": 300, "evaluations": 2, "evaluation_episodes": 1} | settings
    return {
        "experiments": {
            "e": {
                "environments": ["noise_world_board_0"],
                "methods": {"q": {"method": "q_learning", "settings": chosen}},
                "seeds": [0],
            }
        },
        "training": {"mode": mode},
    }


def _run(root: Any, values: dict[str, Any]) -> RunRecord:
    config = load_config(values, "test")
    (record,) = run_cells(config.cells(), config, root=root)
    return record


@pytest.fixture
def trained(tmp_path):
    record = _run(tmp_path, _values("train"))
    written = export_recordings([record], tmp_path / TRAINING, tmp_path / STATE)
    return tmp_path, record, written


def test_recorded_run_equals_the_trained_one(trained):
    root, record, _ = trained
    again = _run(root, _values("recorded"))
    assert again.provenance["mode"] == "recorded"
    same = again.model_copy(update={"provenance": record.provenance})
    assert same == record


def test_recording_says_how_it_was_made(trained):
    _, record, (path,) = trained
    recording = read_recording(path)
    assert recording.made["seconds"] > 0
    assert recording.made["sittings"] == 1
    assert recording.record.provenance["packages"] == record.provenance["packages"]
    assert recording.identity["method_version"] == record.method_version


def test_missing_recording_says_how_to_train(tmp_path):
    with pytest.raises(DataError, match=r"no run of q_learning .* Train it: set"):
        _run(tmp_path, _values("recorded"))


def test_stale_recording_names_what_differs(trained):
    root, _, _ = trained
    with pytest.raises(DataError, match=r"settings.steps \(300 instead of 400\)"):
        _run(root, _values("recorded", steps=400))


def test_recording_of_an_earlier_version_is_stale(trained, monkeypatch):
    from llmpo.methods.q_learning import QLearning

    root, record, _ = trained
    monkeypatch.setattr(QLearning, "version", QLearning.version + 1)
    with pytest.raises(DataError, match="differs in method_version"):
        _run(root, _values("recorded"))
    with pytest.raises(DataError, match="since the run was trained"):
        export_recordings([record], root / TRAINING, root / STATE)


def test_damaged_recording_is_named(trained):
    root, _, (path,) = trained
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot be read"):
        _run(root, _values("recorded"))
    path.write_bytes(lzma.compress(b"{}"))
    with pytest.raises(DataError, match="cannot be read"):
        _run(root, _values("recorded"))


def test_recorded_run_must_fit_the_budget(trained):
    root, _, _ = trained
    values = _values("recorded") | {"budget": {"env_steps": 100}}
    with pytest.raises(ConfigError, match=r"used 300 .* is 100"):
        _run(root, values)


def test_replayed_runs_are_not_exported_again(trained):
    root, _, _ = trained
    again = _run(root, _values("recorded"))
    assert export_recordings([again], root / "other", root / STATE) == []


def test_new_recording_makes_its_job_run_again(trained):
    root, record, (path,) = trained
    values = _values("recorded")
    plan = load_plan_for_workflow(values, root)
    (job,) = plan.jobs
    before = plan.fingerprint(job)
    assert recording_path(root / TRAINING, record.cell) == path
    path.write_bytes(lzma.compress(lzma.decompress(path.read_bytes()), preset=1))
    assert load_plan_for_workflow(values, root).fingerprint(job) != before


def test_training_has_a_job_and_a_thread_of_its_own(tmp_path):
    values = _values("train")
    experiment = values["experiments"]["e"]
    experiment["seeds"] = [0, 1]
    experiment["methods"]["random"] = {
        "method": "reference",
        "settings": {"policy": "random"},
    }
    experiment["methods"]["promptpo"] = {"method": "promptpo"}
    plan = load_plan_for_workflow(values, tmp_path)
    # Only a search can use more than one thread.
    threads = {job: plan.threads(job) for job in plan.jobs}
    assert threads == {
        "e.q.0000": 1,
        "e.q.0001": 1,
        "e.baselines.0002": 1,
        "e.promptpo.0003": 2,
    }
    values["training"]["mode"] = "recorded"
    jobs = list(load_plan_for_workflow(values, tmp_path).jobs)
    assert jobs == ["e.baselines.0000", "e.promptpo.0001"]
