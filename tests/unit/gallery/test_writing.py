"""The gallery's files: which run is shown, what is said of it, that bytes repeat."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from llmpo.cli.gallery import gallery
from llmpo.gallery import write_gallery
from llmpo.gallery.write import COLUMNS
from llmpo.records import (
    Assessment,
    Cell,
    EpisodeResult,
    PolicyArtifact,
    RunRecord,
    Totals,
    write_records,
)
from llmpo.sandbox.status import Status

_LATCH = """\
class NoiseWorldBoard1Policy:
    def __init__(self):
        self.mode = "go"

    def act(self, obs):
        if obs.agent_row > 0.5:
            self.mode = "stop"
        return 1 if self.mode == "go" else 0
"""
_CONSTANT = "class NoiseWorldBoard1Policy:\n    def act(self, obs):\n        return 2\n"
_ODD = "x = '''```\n| `a` \x1b[31m \ud800\n'''\ndef broken(:\n"


def _run(seed: int, source: str | None, selection: float | None = 1.0, **changes: Any):
    kind = changes.pop("kind", "python")
    cell = Cell(
        experiment=changes.pop("experiment", "main"),
        environment=changes.pop("environment", "noise_world_board_1"),
        method=changes.pop("method", "promptpo"),
        algorithm="promptpo",
        seed=seed,
    )
    policies = {}
    if source is not None:
        policies["best"] = PolicyArtifact(
            kind=kind,
            program=f"p{seed}",
            lifetime="episode",
            round=1,
            selection_score=selection,
        )
    return RunRecord(
        cell=cell,
        env_version=1,
        method_version=1,
        status="finished" if source is not None else "failed",
        settings={},
        programs={f"p{seed}": source} if source is not None else {},
        policies=policies,
        totals=Totals(calls=4, env_steps=1000),
        provenance={"mode": "mock", "model": "m"},
    )


def _assessment(record: RunRecord, *values: float, status: Status = Status.OK):
    episodes = tuple(
        EpisodeResult(seed=i, value=value, length=10, status=status)
        for i, value in enumerate(values)
    )
    return Assessment(cell=record.cell, policy="best", program="p", episodes=episodes)


def _rows(out: Path) -> list[dict[str, str]]:
    with (out / "gallery.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_best_by_selection_is_shown_whatever_its_held_out_score(tmp_path: Path):
    runs = [_run(0, _CONSTANT, 5.0), _run(1, _LATCH, 9.0), _run(2, _CONSTANT, 9.0)]
    reports = [
        _assessment(r, s, s + 2) for r, s in zip(runs, (90, 10, 20), strict=True)
    ]
    paths = write_gallery(runs, reports, tmp_path)
    assert {path.name for path in paths} == {
        "index.md",
        "noise_world_board_1.promptpo.md",
        "gallery.csv",
        "gallery.json",
        "gallery.provenance.json",
    }
    rows = _rows(tmp_path)
    assert tuple(rows[0]) == COLUMNS
    assert [(r["seed"], r["label"], r["is_shown"]) for r in rows] == [
        ("0", "constant", "false"),
        ("1", "state machine", "true"),
        ("2", "constant", "false"),
    ]
    assert rows[0]["held_out"] == "91"
    assert float(rows[0]["held_out_low"]) <= 91 <= float(rows[0]["held_out_high"])
    page = (tmp_path / "noise_world_board_1.promptpo.md").read_text()
    assert "Held-out return: 11 [10, 12], 2 episodes" in page
    assert '- line 7, sets `mode`: `self.mode = "stop"`' in page
    assert "7              self.mode" in page
    assert "- seed 0: 91 [90, 92], constant" in page
    index = (tmp_path / "index.md").read_text()
    assert "| **1** | 11 [10, 12] | 2 | 7 | state machine | [page]" in index
    assert "| 2 | 21 [20, 22] | 2 | 3 | constant |  |" in index


def test_one_row_for_each_label_and_one_for_none(tmp_path: Path):
    both = _LATCH.replace("1 if self", "2.0 * (obs.goal_row - obs.agent_row) if self")
    write_gallery([_run(0, both), _run(1, _ODD)], [], tmp_path)
    rows = _rows(tmp_path)
    assert [(r["seed"], r["label"]) for r in rows] == [
        ("0", "state machine"),
        ("0", "proportional control"),
        ("1", "unclassified"),
    ]
    assert rows[0]["evidence_lines"] == "7 8"
    assert rows[0]["observed"] == "agent_row goal_row"
    assert rows[0]["held_out"] == ""
    assert rows[2]["problem"].startswith("syntax error")


def test_odd_program_cannot_break_out_of_its_page(tmp_path: Path):
    write_gallery([_run(0, _ODD)], [], tmp_path)
    page = (tmp_path / "noise_world_board_1.promptpo.md").read_text()
    assert "\x1b" not in page
    assert "````text\n" in page
    assert page.count("\n````\n") == 1
    assert "unclassified: syntax error in line 4" in page


def test_policies_that_are_no_programs_are_listed_in_a_line(tmp_path: Path):
    runs = [_run(0, "{}", kind="network"), _run(1, "{}", None, kind="rule", method="x")]
    write_gallery(runs, [_assessment(runs[0], 1.0, 3.0)], tmp_path)
    index = (tmp_path / "index.md").read_text()
    assert "Noise world board 1, promptpo, seed 0: network, held-out 2 [1, 3]" in index
    assert "Noise world board 1, x, seed 1: rule, held-out none" in index
    assert [(r["kind"], r["label"]) for r in _rows(tmp_path)] == [
        ("network", ""),
        ("rule", ""),
    ]
    assert not list(tmp_path.glob("noise*"))


def test_run_without_policy_is_not_dropped(tmp_path: Path):
    write_gallery([_run(0, None), _run(1, _CONSTANT)], [], tmp_path)
    assert "| 0 | no policy (failed) |" in (tmp_path / "index.md").read_text()
    rows = _rows(tmp_path)
    assert [(r["run_status"], r["kind"]) for r in rows] == [
        ("failed", ""),
        ("finished", "python"),
    ]
    page = (tmp_path / "noise_world_board_1.promptpo.md").read_text()
    assert "- seed 0: no policy (failed)" in page


def test_failed_episodes_are_marked(tmp_path: Path):
    run = _run(0, _CONSTANT)
    report = _assessment(run, 1.0, 1.0, status=Status.TIMEOUT)
    write_gallery([run], [report], tmp_path)
    assert "1 [1, 1] ‡" in (tmp_path / "index.md").read_text()
    assert _rows(tmp_path)[0]["failed_episodes"] == "2"


def test_experiments_do_not_share_a_page(tmp_path: Path):
    runs = [_run(0, _CONSTANT), _run(0, _LATCH, experiment="other")]
    write_gallery(runs, [], tmp_path)
    assert (tmp_path / "noise_world_board_1.main.promptpo.md").exists()
    assert (tmp_path / "noise_world_board_1.other.promptpo.md").exists()


def test_json_holds_the_evidence(tmp_path: Path):
    write_gallery([_run(0, _LATCH)], [], tmp_path)
    (entry,) = json.loads((tmp_path / "gallery.json").read_text())
    assert entry["page"] == "noise_world_board_1.promptpo.md"
    (label,) = entry["labels"]
    assert label["evidence"][0] == {
        "line": 7,
        "shows": "sets `mode`",
        "text": 'self.mode = "stop"',
    }


def test_same_records_in_any_order_give_the_same_bytes(tmp_path: Path):
    runs = [_run(0, _CONSTANT, 3.0), _run(1, _LATCH, 3.0), _run(2, None)]
    reports = [_assessment(run, 1.0, 2.0, 4.0) for run in runs[:2]]
    first = write_gallery(runs, reports, tmp_path / "a")
    second = write_gallery(runs[::-1], reports[::-1], tmp_path / "b")
    assert [p.name for p in first] == [p.name for p in second]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_command_reads_the_plans_jobs(tmp_path: Path, repository: Path):
    from llmpo.config import read_config
    from llmpo.plan import make_plan, write_plan

    (tmp_path / "config.yaml").write_text(
        "llm: {mode: mock, model: a/b, mock_script: s.yaml}\n"
        "experiments:\n"
        "  main:\n"
        "    environments: [noise_world_board_1]\n"
        "    methods: {promptpo: {method: promptpo}}\n"
        "    seeds: [0]\n"
    )
    (tmp_path / "s.yaml").write_text("")
    plan = make_plan(read_config([tmp_path / "config.yaml"]))
    write_plan(tmp_path / "plan.json", plan)
    run = _run(0, _LATCH)
    for job in plan.jobs:
        write_records(tmp_path / "runs" / f"{job}.jsonl", [run])
        write_records(tmp_path / "reports" / f"{job}.jsonl", [_assessment(run, 1.0)])
    arguments = [str(tmp_path / "plan.json"), "--out", str(tmp_path / "out")]
    arguments += ["--runs", str(tmp_path / "runs")]
    arguments += ["--assessments", str(tmp_path / "reports")]
    result = CliRunner().invoke(gallery, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    made = json.loads((tmp_path / "out" / "gallery.provenance.json").read_text())
    assert made["runs"]["by_mode"] == {"mock": 1}
    assert len(made["inputs"]) == 2


@pytest.mark.parametrize("records", [[], [_run(0, None)]])
def test_nothing_to_show_is_an_empty_gallery(tmp_path: Path, records):
    write_gallery(records, [], tmp_path)
    assert (tmp_path / "index.md").read_text().startswith("# Policy gallery")
    assert len(_rows(tmp_path)) == len(records)
