"""What every registered method owes to the harness."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from llmpo.config import load_config
from llmpo.envs.registry import environment
from llmpo.evaluation import EvaluationTask, evaluate
from llmpo.methods.base import MethodSettings, method, method_names
from llmpo.records import Cell, RunRecord
from llmpo.runner import run_cells
from llmpo.seeds import reporting_seeds
from llmpo.storage import canonical_json

METHODS = method_names()
ENVIRONMENT = "noise_world_board_0"

# Settings with which a method's run takes a second; a new method needs a line here.
SMALL: dict[str, dict[str, Any]] = {
    "promptpo": {"rounds": 2},
    "deep_rl": {"algorithm": "dqn", "steps": 400, "evaluations": 2},
    "q_learning": {"steps": 400, "evaluations": 2},
    "reference": {"policy": "random"},
    "icpi": {"steps": 60},
    "icpi_llm": {"steps": 60},
}

# Methods that cannot learn the environment of the others.
ENVIRONMENTS = {"icpi": "icpi_chain", "icpi_llm": "icpi_chain"}


def _environment(name: str) -> str:
    return ENVIRONMENTS.get(name, ENVIRONMENT)


def _run(name: str, repository: Path, root: Path, seed: int = 0) -> RunRecord:
    script = repository / "workflow/resources/mock" / f"{name}.yaml"
    values: dict[str, Any] = {
        "experiments": {
            "contract": {
                "environments": [_environment(name)],
                "methods": {name: {"method": name, "settings": SMALL[name]}},
                "seeds": [seed],
            }
        },
        "training": {"mode": "train"},
    }
    if method(name).needs_llm:
        values["llm"] = {
            "mode": "mock",
            "model": "mock/m",
            "mock_script": str(script),
        }
    config = load_config(values, "test")
    (record,) = run_cells(config.cells(), config, root=root)
    return record


@pytest.fixture(scope="module")
def records(tmp_path_factory, request) -> dict[str, RunRecord]:
    """One run of each method, with what it needs of a model scripted."""
    root = Path(__file__).parents[2]
    return {name: _run(name, root, tmp_path_factory.mktemp(name)) for name in METHODS}


@pytest.mark.parametrize("name", METHODS)
def test_method_declares_version_and_settings(name):
    chosen = method(name)
    assert chosen.name == name
    assert chosen.version >= 1
    assert issubclass(chosen.settings, MethodSettings)
    for key, value in chosen.settings.model_fields.items():
        assert value.description, f"setting {key} of {name} is not described"


@pytest.mark.parametrize("name", METHODS)
def test_estimates_bound_what_a_run_consumes(name, records):
    chosen, record = method(name), records[name]
    settings = chosen.settings.model_validate(record.settings)
    spec = environment(_environment(name))
    calls = sum(part.calls for part in chosen.estimate_calls(settings, spec))
    steps = chosen.max_env_steps(settings, spec)
    assert (calls > 0) == chosen.needs_llm
    assert (steps > 0) == (chosen.role != "reference")
    assert calls <= record.totals.calls  # the bound leaves repairs aside
    if not chosen.needs_llm:
        assert record.totals.env_steps <= steps


@pytest.mark.parametrize("name", METHODS)
def test_what_decides_results_is_plain_data(name, records):
    chosen = method(name)
    settings = chosen.settings.model_validate(records[name].settings)
    resolved = chosen.resolve(settings, environment(_environment(name)))
    assert json.loads(canonical_json(resolved))
    assert set(records[name].settings) <= set(resolved)


@pytest.mark.parametrize("name", METHODS)
def test_record_survives_json(name, records):
    text = records[name].model_dump_json()
    assert RunRecord.model_validate_json(text).model_dump_json() == text


@pytest.mark.parametrize("name", METHODS)
def test_consumption_never_shrinks_and_ends_at_the_totals(name, records):
    attempts = records[name].attempts
    assert bool(attempts) == (method(name).role != "reference")
    for earlier, later in pairwise(attempts):
        assert earlier.totals.env_steps <= later.totals.env_steps
        assert earlier.totals.calls <= later.totals.calls
    if attempts:
        assert attempts[-1].totals.env_steps <= records[name].totals.env_steps


@pytest.mark.parametrize("name", METHODS)
def test_only_methods_that_act_while_they_learn_have_regrets(name, records):
    regrets = [attempt.regret for attempt in records[name].attempts]
    if method(name).role == "online":
        assert all(-1e-9 <= regret <= 1 + 1e-9 for regret in regrets)
    else:
        assert set(regrets) <= {None}


@pytest.mark.parametrize("name", METHODS)
def test_run_leaves_two_policies_that_can_be_played(name, records):
    record, chosen = records[name], method(name)
    ok = {a.program for a in record.attempts if a.score is not None}
    assert set(record.policies) == {"best", "last"}
    for policy in record.policies.values():
        assert record.programs[policy.program]
        if policy.kind == "python":
            assert policy.program in ok
        task = EvaluationTask(
            _environment(name),
            record.programs[policy.program],
            reporting_seeds(2, _environment(name)),
            kind=policy.kind,
        )
        assert len(evaluate(task).episodes) == 2
    if chosen.role == "reference":
        assert record.totals.env_steps == 0
        assert record.policies["best"] == record.policies["last"]


@pytest.mark.parametrize("name", METHODS)
def test_run_is_determined_by_its_seed(name, records, repository, tmp_path):
    again = _run(name, repository, tmp_path / "again")
    other = _run(name, repository, tmp_path / "other", seed=1)
    assert again.model_dump_json() == records[name].model_dump_json()
    if again.attempts:
        assert _work(other) != _work(again)


def _work(record: RunRecord) -> tuple[Any, ...]:
    return [a.returns for a in record.attempts], dict(record.programs)


def test_cell_names_tell_options_apart():
    def cell(**options):
        return Cell(
            experiment="e",
            environment="x",
            options=options,
            method="m",
            algorithm="a",
            seed=3,
        )

    assert cell().id == "e.x.m.3"
    assert cell(layout="shown").id == "e.x+layout-shown.m.3"
