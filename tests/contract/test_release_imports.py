"""Policies of PromptPO's release find what they import, in every environment."""

import pytest

from llmpo.envs.registry import environment, environment_ids
from llmpo.evaluation import policy_contract
from llmpo.sandbox.process import PolicyProcess

pytest.importorskip("mujoco")
pytest.importorskip("metaworld")
pytest.importorskip("gymnasium_robotics")
pytest.importorskip("libsumo")
pytest.importorskip("numba")


@pytest.mark.parametrize("env_id", environment_ids())
def test_observation_class_is_found_where_the_release_has_it(env_id):
    spec = environment(env_id)
    modules = ["direct_policy_learning.observations", *spec.release_modules]
    imports = "\n".join(
        f"from {module} import {spec.observation_class}" for module in modules
    )
    source = f"{imports}\nclass {spec.policy_class}:\n    act = print\n"
    with PolicyProcess(source, policy_contract(spec, "episode")) as process:
        process.begin_episode(0)


def test_names_of_the_pandemic_simulator():
    spec = environment("pandemic")
    (module,) = spec.release_modules
    source = f"""
from {module} import InfectionSummary, sorted_infection_summary

# Columns of the summaries, as the environment orders them.
names = [kind.name for kind in sorted_infection_summary]
assert names == ["CRITICAL", "DEAD", "INFECTED", "NONE", "RECOVERED"]
assert sorted_infection_summary.index(InfectionSummary.NONE) == 3


class {spec.policy_class}:
    act = print
"""
    with PolicyProcess(source, policy_contract(spec, "episode")) as process:
        process.begin_episode(0)
