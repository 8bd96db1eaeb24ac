"""What every registered method owes to the harness."""

from itertools import pairwise
from pathlib import Path

import pytest

from llmpo.config import load_config
from llmpo.envs.registry import environment
from llmpo.methods.base import MethodSettings, method, method_names
from llmpo.records import Cell, RunRecord
from llmpo.runner import run_cells

METHODS = method_names()


def _run(name: str, repository: Path, root: Path, seed: int = 0) -> RunRecord:
    script = repository / "workflow/resources/mock" / f"{name}.yaml"
    config = load_config(
        {
            "llm": {"mode": "mock", "model": "mock/m", "mock_script": str(script)},
            "experiments": {
                "contract": {
                    "environments": ["noise_world_board_0"],
                    "methods": {name: {"method": name, "settings": {"rounds": 2}}},
                    "seeds": [seed],
                }
            },
        },
        "test",
    )
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
    spec = environment("noise_world_board_0")
    calls = sum(part.calls for part in chosen.estimate_calls(settings, spec))
    assert 0 < calls <= record.totals.calls  # the bound leaves repairs aside
    assert chosen.max_env_steps(settings, spec) > 0


@pytest.mark.parametrize("name", METHODS)
def test_record_survives_json(name, records):
    text = records[name].model_dump_json()
    assert RunRecord.model_validate_json(text).model_dump_json() == text


@pytest.mark.parametrize("name", METHODS)
def test_consumption_never_shrinks_and_ends_at_the_totals(name, records):
    attempts = records[name].attempts
    for earlier, later in pairwise(attempts):
        assert earlier.totals.env_steps <= later.totals.env_steps
        assert earlier.totals.calls <= later.totals.calls
    assert attempts[-1].totals.env_steps <= records[name].totals.env_steps


@pytest.mark.parametrize("name", METHODS)
def test_policies_are_the_programs_of_successful_attempts(name, records):
    record = records[name]
    ok = {a.program for a in record.attempts if a.score is not None}
    assert set(record.policies) == {"best", "last"}
    for policy in record.policies.values():
        assert policy.program in ok
        assert record.programs[policy.program]


@pytest.mark.parametrize("name", METHODS)
def test_run_is_determined_by_its_seed(name, records, repository, tmp_path):
    again = _run(name, repository, tmp_path / "again")
    other = _run(name, repository, tmp_path / "other", seed=1)
    assert again.model_dump_json() == records[name].model_dump_json()
    assert [a.returns for a in other.attempts] != [a.returns for a in again.attempts]


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
