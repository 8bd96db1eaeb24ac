"""Laying cells out over jobs, and what makes a job run again."""

import shutil
from pathlib import Path

import pytest

from llmpo.config import load_config
from llmpo.errors import ConfigError, DataError, PrerequisiteError
from llmpo.methods.deep_rl import DeepRL
from llmpo.plan import (
    CORPUS,
    STORE,
    load_plan_for_workflow,
    make_plan,
    pending_marker,
    read_plan,
    write_plan,
)


def _values(job_seconds=0.0, envs=("noise_world_board_0", "swimmer_v5"), seeds=(0, 1)):
    return {
        "llm": {"mode": "replay", "model": "a/b"},
        "experiments": {
            "e": {
                "environments": list(envs),
                "methods": {"m": {"method": "promptpo", "settings": {"rounds": 1}}},
                "seeds": list(seeds),
            }
        },
        "workflow": {"job_seconds": job_seconds},
    }


def test_zero_job_seconds_gives_every_cell_its_own_job():
    plan = make_plan(load_config(_values(), "test"))
    assert [len(cells) for cells in plan.jobs.values()] == [1, 1, 1, 1]


def test_small_cells_share_a_job():
    plan = make_plan(load_config(_values(job_seconds=1e6), "test"))
    assert len(plan.jobs) == 1
    assert len(plan.job_cells(next(iter(plan.jobs)))) == 4


def test_plan_survives_a_file(tmp_path: Path):
    plan = make_plan(load_config(_values(), "test"))
    write_plan(tmp_path / "plan.json", plan)
    again, config = read_plan(tmp_path / "plan.json")
    assert again == plan
    assert config.cells() == list(plan.cells)


def test_half_written_plan_gives_a_message(tmp_path: Path):
    path = tmp_path / "plan.json"
    path.write_text('{"cells": [')
    with pytest.raises(DataError, match="half-written"):
        read_plan(path)


def test_unknown_job_and_cell_give_a_message():
    plan = make_plan(load_config(_values(), "test"))
    with pytest.raises(ConfigError, match="no job 'x'"):
        plan.job_cells("x")
    with pytest.raises(ConfigError, match="no cell 'x'"):
        plan.cell("x")


class TestFingerprint:
    """A job runs again exactly when something its results depend on has changed."""

    def fingerprints(self, root: Path, **changes) -> list[str]:
        plan = load_plan_for_workflow(_values(**changes), root)
        return [plan.fingerprint(job) for job in plan.jobs]

    def test_it_is_stable(self, tmp_path: Path):
        assert self.fingerprints(tmp_path) == self.fingerprints(tmp_path)

    def test_other_cells_do_not_matter(self, tmp_path: Path):
        assert self.fingerprints(tmp_path, seeds=(0,))[0] in self.fingerprints(tmp_path)

    def test_recorded_answers_matter(self, tmp_path: Path):
        before = self.fingerprints(tmp_path / "a")
        corpus = tmp_path / "b" / CORPUS / "a-b"
        corpus.mkdir(parents=True)
        (corpus / "x.jsonl").write_text("{}\n")
        assert not set(before) & set(self.fingerprints(tmp_path / "b"))

    def test_imported_answers_matter_only_to_a_waiting_job(self, tmp_path: Path):
        before = self.fingerprints(tmp_path / "a")
        root = tmp_path / "b"
        plan = load_plan_for_workflow(_values(), root)
        marker = root / pending_marker(plan.plan.cells[1])
        marker.parent.mkdir(parents=True)
        marker.write_text("pending")
        (root / STORE).mkdir()
        (root / STORE / "imports.jsonl").write_text("{}\n")
        after = self.fingerprints(root)
        assert [a == b for a, b in zip(before, after, strict=True)] == [
            True,
            False,
            True,
            True,
        ]
        shutil.rmtree(root)


def test_method_that_does_not_fit_the_environment_is_refused():
    values = _values(envs=("noise_world_board_0",))
    values["experiments"]["e"]["methods"]["sac"] = {
        "method": "deep_rl",
        "settings": {"algorithm": "sac"},
    }
    with pytest.raises(ConfigError, match="sac"):
        make_plan(load_config(values, "test"))


def test_missing_simulator_is_left_to_the_jobs_that_need_it(monkeypatch):
    def missing(self, settings, spec):
        raise PrerequisiteError("not installed")

    monkeypatch.setattr(DeepRL, "check", missing)
    values = _values(envs=("noise_world_board_0",))
    values["experiments"]["e"]["methods"]["ppo"] = {"method": "deep_rl"}
    assert len(make_plan(load_config(values, "test")).cells) == 4
