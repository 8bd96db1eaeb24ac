"""One run through batch files, and its replay from the exported corpus."""

from pathlib import Path

import pytest

from llmpo.config import Config, load_config
from llmpo.errors import CacheMiss
from llmpo.llm.importer import import_answers
from llmpo.llm.pending import Pending
from llmpo.llm.transfer import export_corpus
from llmpo.plan import CORPUS, STORE, load_plan_for_workflow
from llmpo.records import RunRecord
from llmpo.runner import run_cells

pytest.importorskip("diskcache")

ANSWERS = {
    "feedback": """```python
class Feedback:
    def summarize_trajectory(self, traj):
        return f"{len(traj)} steps"
```""",
    "candidate": """```python
class NoiseWorldBoard1Policy:
    def __init__(self):
        self.t = 0

    def act(self, obs):
        self.t += 1
        return 1 if self.t % 2 else 3
```""",
    "reflection": "It is the first attempt and does well.",
}


def _config(mode: str, **settings: object) -> Config:
    chosen = {"rounds": 2, "candidates": 2, "episodes": 2, **settings}
    return load_config(
        {
            "llm": {"mode": mode, "model": "test/model"},
            "experiments": {
                "e": {
                    "environments": ["noise_world_board_1"],
                    "methods": {"m": {"method": "promptpo", "settings": chosen}},
                    "seeds": [0],
                }
            },
        },
        "test",
    )


def _run(mode: str, root: Path, **settings: object) -> RunRecord:
    config = _config(mode, **settings)
    (record,) = run_cells(config.cells(), config, root=root)
    return record


def _answer_all(root: Path) -> list[str]:
    """Answers every open request; returns their purposes."""
    purposes = []
    for pending in list(Pending(root / STORE)):
        purposes.append(pending.request.purpose)
        path = root / f"{pending.key}.md"
        path.write_text(ANSWERS[pending.request.purpose])
        report = import_answers(root / STORE, [path])
        assert len(report.imported) == 1
        assert not report.problems
    return sorted(purposes)


def test_batch_run_goes_on_wave_by_wave_and_replays_alike(tmp_path: Path):
    def fingerprint() -> str:
        plan = load_plan_for_workflow(_config("batch").model_dump(), tmp_path)
        return plan.fingerprint(plan.jobs[0])

    waves = []
    record = _run("batch", tmp_path)
    while record.status == "pending":
        waiting = fingerprint()
        waves.append(_answer_all(tmp_path))
        assert fingerprint() != waiting  # the workflow will run the job again
        answered = fingerprint()
        record = _run("batch", tmp_path)
    # All samples of a round are exported together, the feedback program with the
    # first round.
    assert waves == [
        ["candidate", "candidate", "feedback"],
        ["reflection"],
        ["candidate", "candidate"],
    ]
    assert record.status == "finished"
    assert record.totals.calls == 6
    assert fingerprint() == answered  # and not once more when it is done

    export_corpus(tmp_path / STORE, tmp_path / CORPUS)
    replayed = _run("replay", tmp_path)
    assert replayed.attempts == record.attempts
    assert replayed.policies == record.policies


def test_replay_without_the_recorded_answer_names_run_and_purpose(tmp_path: Path):
    _run("batch", tmp_path)
    _answer_all(tmp_path)
    export_corpus(tmp_path / STORE, tmp_path / CORPUS)
    with pytest.raises(CacheMiss) as miss:
        _run("replay", tmp_path, digits=3, act_seconds=0.5)
    message = str(miss.value)
    assert "e.noise_world_board_1.m.0" in message
    assert "feedback" in message
    assert "0.5 s" in message  # the first line that differs from the nearest record


def test_replay_on_another_processor_can_accept_drifted_numbers(tmp_path: Path):
    record = _run("batch", tmp_path)
    while record.status == "pending":
        _answer_all(tmp_path)
        record = _run("batch", tmp_path)
    export_corpus(tmp_path / STORE, tmp_path / CORPUS)
    # Other episode seeds stand for a processor that gives other returns.
    drifted = _config("replay", selection_seeds="published").model_dump()
    drifted["llm"]["match"] = "numbers"
    config = load_config(drifted, "test")
    (replayed,) = run_cells(config.cells(), config, root=tmp_path)
    assert replayed.status == "finished"
    assert replayed.provenance["mode"] == "replay, drifted"
    assert replayed.provenance["drifted_answers"] == 3  # reflection and second round
    assert record.provenance["mode"] == "batch"
