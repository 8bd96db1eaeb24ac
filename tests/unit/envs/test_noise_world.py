"""NoiseWorld against the boards, streams and episodes of the published system.

The tables and check vectors were computed with an independent implementation.
"""

import numpy as np
import pytest

from llmpo.envs.noise_world import SPECS, NoiseWorld

BOARDS = {
    0: "22522 22222 22220 22220 30004",
    1: "2222000000 2220000000 2220000000 2220000000 2220000000 0000000000 0000000000 "
    "0000030000 0000050000 0000000004",
    2: "1100000000 1100000050 1100000000 1110000000 1110000000 1110000000 1110000000 "
    "1111000000 1111000030 1111000004",
    3: "0000000022 0000000052 0000000022 0000000022 0000000222 1100000222 1111100222 "
    "1111300122 1111000112 1111111114",
    4: "0000000000 0000000000 0011100000 0011100057 0013100000 0011100000 0011100000 "
    "0011110000 0001110000 0006110004",
    5: "1111111222 1117111222 1111111222 1111161222 1111112222 3112222222 2222222222 "
    "2222222222 2222521112 2222221114",
    6: "0000000000 0700003222 0000002222 0000052222 1111122222 1111100222 1111100000 "
    "1111100000 1111100600 1111100004",
}
REGION_NUMBERS = {
    0: "11133 11133 11120 22220 00000",
    1: "1111000003 1110000003 1110000033 1110022333 1112222333 2222222233 2222222233 "
    "2222222443 2222224444 4444444444",
    2: "3300000000 3300000000 3300000000 3334000000 3334401111 2334411111 2224111111 "
    "2222111111 2222111111 2222111111",
    3: "3333333344 3333333344 3333333344 3333333344 3333332444 0033322444 0000022444 "
    "0000022144 0000222114 0000111111",
    4: "3333333333 3333333333 0022233333 0022211333 0022211111 0022211111 0022211111 "
    "0044441111 0004441111 0000441111",
    5: "0000000444 0000000444 0000000444 0000000444 0000004444 0001114444 3331114444 "
    "3331114444 3311112224 3111112222",
    6: "0000000000 0000000333 0000003333 0000033333 2222233333 2222211444 2222211111 "
    "2222211111 2222211111 2222211111",
}
FIRST_DRAW = {
    0: 0.25101672497362015,
    1: 0.09894014035848675,
    2: 0.3733153882356419,
    3: 0.30438092817867657,
    4: 0.13518360499067017,
    5: 0.7054201861010163,
    6: 0.8743000723327982,
}
# Steps and return with actions 1, 3, 1, 3, ...
UNSEEDED = {
    0: (25, -25.0),
    1: (22, 978.0),
    2: (27, 973.0),
    3: (18, 982.0),
    4: (22, -22.0),
    5: (100, -100.0),
    6: (20, -20.0),
}
SEED_ZERO = {
    0: (25, -25.0),
    1: (35, 965.0),
    2: (21, 979.0),
    3: (18, 982.0),
    4: (27, -27.0),
    5: (100, -100.0),
    6: (36, -36.0),
}
NUMBERS = range(7)


def build(number: int) -> NoiseWorld:
    env = SPECS[number].build()
    assert isinstance(env, NoiseWorld)
    return env


def rows(table: tuple[tuple[int, ...], ...]) -> str:
    return " ".join("".join(str(entry) for entry in row) for row in table)


def staircase(env: NoiseWorld, seed: int | None) -> tuple[int, float]:
    """Plays actions 1, 3, 1, 3, ... and returns the steps and the return."""
    env.reset(seed=seed)
    steps, total, over = 0, 0.0, False
    while not over:
        _, reward, terminated, truncated, _ = env.step(np.int64((1, 3)[steps % 2]))
        steps, total, over = steps + 1, total + reward, terminated or truncated
    return steps, total


def put(env: NoiseWorld, cell: tuple[int, int], phase: int = 0) -> None:
    env.reset(seed=0)
    env._agent = cell
    env._phase = phase


@pytest.mark.parametrize("number", NUMBERS)
def test_noise_world_boards_are_the_published_ones(number):
    board = build(number).board
    assert rows(board.codes) == BOARDS[number]
    assert rows(board.region_numbers) == REGION_NUMBERS[number]


@pytest.mark.parametrize("number", NUMBERS)
def test_noise_world_generation_leaves_the_published_stream(number):
    assert build(number).np_random.random() == FIRST_DRAW[number]


@pytest.mark.parametrize("number", NUMBERS)
def test_noise_world_episodes_match_the_check_vectors(number):
    assert staircase(build(number), None) == UNSEEDED[number]
    assert staircase(build(number), 0) == SEED_ZERO[number]


def test_noise_world_path_matches_the_check_vector():
    env = build(1)
    env.reset()
    path = [env.agent]
    for step in range(22):
        env.step(np.int64((1, 3)[step % 2]))
        path.append(env.agent)
    assert " ".join(f"{row}{column}" for row, column in path) == (
        "00 10 11 00 00 10 11 21 22 32 33 43 44 54 55 65 66 76 77 87 88 98 99"
    )


def test_noise_world_reset_without_seed_continues_the_stream():
    env, twin = build(1), build(1)
    first, second = staircase(env, None), staircase(env, None)
    assert first == UNSEEDED[1] != second
    assert (staircase(twin, None), staircase(twin, None)) == (first, second)
    assert staircase(env, 0) == SEED_ZERO[1]


def test_noise_world_board_three_has_all_codes():
    # The published generator would top codes up; on this board nothing is missing.
    assert set(BOARDS[3]) - {" "} == set("012345")


def test_noise_world_goal_pays_and_success_is_reported():
    env = build(1)
    put(env, (9, 8))
    _, reward, terminated, truncated, info = env.step(np.int64(3))
    assert (reward, terminated, truncated) == (999.0, True, False)
    assert info["success"] == 1.0


def test_noise_world_catastrophe_costs_n_to_the_fifth():
    env = build(4)
    put(env, (3, 7))
    _, reward, terminated, _, info = env.step(np.int64(3))
    assert (reward, terminated, info["success"]) == (-100001.0, True, 0.0)


def test_noise_world_milestones_count_in_order_only():
    env = build(4)
    put(env, (2, 9))
    env.step(np.int64(1))  # onto the second milestone, too early
    assert env.phase == 0
    put(env, (9, 2))
    env.step(np.int64(3))  # onto the first milestone
    assert env.phase == 1
    put(env, (2, 9), phase=1)
    observation, *_ = env.step(np.int64(1))
    assert env.phase == 2
    assert observation[-2:].tolist() == [1.0, 1.0]
    put(env, (9, 8), phase=2)
    _, reward, _, _, info = env.step(np.int64(3))
    assert (reward, info["success"]) == (999.0, 1.0)


def test_noise_world_moves_out_of_the_grid_draw_nothing():
    env = build(0)
    env.reset(seed=0)
    before = env.np_random.bit_generator.state
    _, reward, *_ = env.step(np.int64(0))
    assert (env.agent, reward) == ((0, 0), -1.0)
    assert env.np_random.bit_generator.state == before


@pytest.mark.parametrize("action", [4, -1, 1.5])
def test_noise_world_refuses_other_actions(action):
    env = build(0)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="integers 0 to 3"):
        env.step(action)


@pytest.mark.parametrize("number", NUMBERS)
def test_noise_world_prompt_keeps_the_key_information_hidden(number):
    from llmpo.envs.observation import action_layout
    from llmpo.envs.prompt_text import implementation_text, observation_text

    def prompt(spec):
        action = action_layout(build(number))
        return observation_text(spec) + implementation_text(spec, action)

    spec = SPECS[number]
    assert "prereq" not in prompt(spec)
    assert "milestone" not in prompt(spec)
    if "key_information" in spec.variants:
        shown = spec.with_options({"key_information": "shown"})
        assert "prereq_second_done" in prompt(shown)
        assert "milestone" in prompt(shown)
        assert [field.name for field in shown.fields] == [
            field.name for field in spec.fields
        ]
