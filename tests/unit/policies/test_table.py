"""Policies as tables: what is written is what is played."""

import json

import numpy as np
import pytest

from llmpo.envs.registry import environment
from llmpo.errors import DataError
from llmpo.policies import load_policy
from llmpo.policies.table import table_document
from llmpo.storage import canonical_json

SPEC = environment("noise_world_board_0")
ACTIONS = np.random.default_rng(0).integers(0, 4, (25, 25))


def _load(document):
    return load_policy("table", json.dumps(document), SPEC, SPEC.build())


def _document(actions=ACTIONS):
    return table_document(actions, SPEC.tabular)


def _observation(state):
    row, column = divmod(state, 5)
    return np.array([row / 4, column / 4, 1, 1, *[0] * 25], dtype=np.float32)


def test_table_gives_the_action_of_time_and_state():
    actor = _load(_document())
    for _ in range(2):  # time starts again with each episode
        actor.begin_episode(7)
        played = [actor.act(_observation(state)) for state in np.roll(np.arange(25), 3)]
        assert played == [ACTIONS[t, (t - 3) % 25] for t in range(25)]


def test_last_row_goes_on_after_its_time():
    actor = _load(_document(ACTIONS[:2]))
    actor.begin_episode(0)
    played = [actor.act(_observation(3)) for _ in range(5)]
    assert played == [ACTIONS[0, 3], *[ACTIONS[1, 3]] * 4]


def test_equal_rows_are_written_once():
    document = _document(np.repeat(ACTIONS[:2], 40, axis=0))
    assert [count for count, _ in document["rows"]] == [40, 40]
    assert len(canonical_json(document)) < 130


def test_policy_without_time_has_one_row():
    assert len(_document(ACTIONS[0])["rows"]) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"states": 24}, "for 24 states and 4 actions"),
        ({"actions": None}, "for 25 states and None actions"),
        ({"rows": []}, "no rows"),
        ({"rows": None}, "no rows"),
        ({"rows": [[1, "0" * 24]]}, "row 0 is not a count and 25 digits"),
        ({"rows": [[1, "0" * 25], ["1", "0" * 25]]}, "row 1 is not"),
        ({"rows": [[0, "0" * 25]]}, "row 0 is not"),
        ({"rows": [[True, "0" * 25]]}, "row 0 is not"),
        ({"rows": [[1, "0" * 24 + "4"]]}, "row 0 has actions that do not exist"),
        ({"rows": [[1, "0" * 24 + "-"]]}, "row 0 has actions that do not exist"),
        ({"rows": [7]}, "row 0 is not"),
    ],
)
def test_damaged_table_is_refused(changes, message):
    with pytest.raises(DataError, match=message) as caught:
        _load({**_document(), **changes})
    assert "noise_world_board_0" in str(caught.value)


def test_huge_count_does_not_fill_the_memory():
    actor = _load({**_document(), "rows": [[10**15, "1" * 25]]})
    actor.begin_episode(0)
    assert actor.act(_observation(0)) == 1


def test_table_of_another_environment_is_refused():
    other = environment("noise_world_board_4")
    with pytest.raises(DataError, match="the environment has 300 and 4"):
        load_policy("table", json.dumps(_document()), other, other.build())


def test_table_needs_a_finite_environment():
    mujoco, env = environment("swimmer_v5"), SPEC.build()
    with pytest.raises(DataError, match="not finite"):
        load_policy("table", json.dumps(_document()), mujoco, env)
