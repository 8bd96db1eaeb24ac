"""The text of the ICPI domains: byte for byte, read back, and judged."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpo.envs.check import check_environment
from llmpo.envs.icpi_domains import SPECS
from llmpo.envs.icpi_rules import as_state
from llmpo.envs.icpi_text import TextStep, discounted, regret

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "environments" / "icpi.md"
# The same examples every time, and no deadline on a busy machine.
EXAMPLES = settings(max_examples=60, deadline=None, derandomize=True)

CODECS = {spec.id.removeprefix("icpi_"): spec.text for spec in SPECS}
NAMES = list(CODECS)

# State lines of the specification, from raw observations.
LINES = {
    ("chain", (6,)): "assert state == [6] and state != [4]\n",
    ("chain", (4,)): "assert state == [4] and state == [4]\n",
    ("distractor_chain", (6, 3)): "assert state == [6, 3] and state != [4, 3]\n",
    ("distractor_chain", (4, 0)): "assert state == [4, 0] and state == [4, 0]\n",
    ("maze", (2, 1)): "assert state == C(i=2, j=1) and state != C(i=1, j=0)\n",
    ("maze", (1, 0)): "assert state == C(i=1, j=0) and state == C(i=1, j=0)\n",
    ("mini_catch", (2, 0, 4)): (
        "assert paddle == C(2, 0) and ball == C(0, 4) and paddle.x == 2 and "
        "ball.x == 0 and paddle.x > ball.x and ball.y == 4\n"
    ),
    ("mini_invaders", (2, 3, 5, 1, 5)): (
        "assert ship == C(2, 0) and aliens == [C(3, 5), C(1, 5)] and "
        "(ship.x, aliens[0].x, aliens[1].x) == (2, 3, 1) "
        "and ship.x < aliens[0].x and ship.x > aliens[1].x\n"
    ),
    ("mini_invaders", (1, -1, -1, 1, 2)): (
        "assert ship == C(1, 0) and aliens == [None, C(1, 2)] and "
        "(ship.x, aliens[1].x) == (1, 1) and ship.x == aliens[1].x\n"
    ),
    ("mini_invaders", (3, -1, -1, -1, -1)): (
        "assert ship == C(3, 0) and aliens == [None, None] and (ship.x,) == (3,)\n"
    ),
    ("point_mass", (-3.45, 0.0)): (
        "assert pos == -3.45 and vel == 0.00 and pos < -2 and vel == 0\n"
    ),
    ("point_mass", (2.5, -1.0)): (
        "assert pos == 2.50 and vel == -1.00 and 2 < pos and vel != 0\n"
    ),
    ("point_mass", (-2.0, 2.0)): (
        "assert pos == -2.00 and vel == 2.00 and -2 <= pos <= 2 and vel != 0\n"
    ),
}
WITHOUT_HINTS = {
    "chain": ((6,), "assert state == [6]\n"),
    "distractor_chain": ((6, 3), "assert state == [6, 3]\n"),
    "maze": ((2, 1), "assert state == C(i=2, j=1)\n"),
    "mini_catch": ((2, 0, 4), "assert paddle == C(2, 0) and ball == C(0, 4)\n"),
    "mini_invaders": (
        (2, 3, 5, 1, 5),
        "assert ship == C(2, 0) and aliens == [C(3, 5), C(1, 5)]\n",
    ),
    "point_mass": ((-3.45, 0.0), "assert pos == -3.45 and vel == 0.00\n"),
}
ACTIONS = {
    "chain": ("state = left()\n", "reward = try_goal(state)\n", "state = right()\n"),
    "distractor_chain": (
        "state = left()\n",
        "reward = try_goal(state)\n",
        "state = right()\n",
    ),
    "maze": (
        "state, reward = left()\n",
        "state, reward = down()\n",
        "state, reward = up()\n",
        "state, reward = right()\n",
    ),
    "mini_catch": (
        "reward = paddle.left()\nball.descend()\n",
        "reward = paddle.stay()\nball.descend()\n",
        "reward = paddle.right()\nball.descend()\n",
    ),
    "mini_invaders": (
        "ship.left()\n",
        "reward = ship.shoot(aliens)\n",
        "ship.right()\n",
    ),
    "point_mass": ("pos, vel = decel(pos, vel)\n", "pos, vel = accel(pos, vel)\n"),
}
RESETS = {
    "chain": "state, reward = reset()\n",
    "distractor_chain": "state, reward = reset()\n",
    "maze": "state, reward = reset()\n",
    "mini_catch": "paddle, ball = reset()\n",
    "mini_invaders": "ship, aliens = reset()\n",
    "point_mass": "pos, vel = reset()\n",
}
PREFIXES = {
    "chain": "assert state == ",
    "distractor_chain": "assert state == ",
    "maze": "assert state == ",
    "mini_catch": "assert paddle == C(",
    "mini_invaders": "assert ship == C(",
    "point_mass": "assert pos == ",
}
MAX_Q_STEPS = {
    "chain": 6,
    "distractor_chain": 6,
    "maze": 6,
    "mini_catch": 5,
    "mini_invaders": 8,
    "point_mass": 8,
}
# Plan discount, log discount, success threshold.
NUMBERS = {name: (0.8, 0.8, 0.0) for name in NAMES} | {
    "mini_catch": (1.0, 1.0, 0.0),
    "mini_invaders": (0.8, 1.0, 1.0),
}


def states(name):
    """Strategy for states that can occur in a domain."""
    rules = CODECS[name].rules

    @st.composite
    def reached(draw):
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        state = rules.start(rng)
        for _ in range(draw(st.integers(0, rules.horizon))):
            after = rules.step(state, int(rng.integers(rules.actions)), rng)
            state = after.state
            if after.terminated:
                break
        return state

    return reached()


NAMED_STATES = st.sampled_from(NAMES).flatmap(
    lambda name: st.tuples(st.just(name), states(name))
)


@pytest.mark.parametrize(("name", "state"), LINES)
def test_icpi_state_lines_are_the_published_ones(name, state):
    assert CODECS[name].state(np.array(state, dtype=float)) == LINES[name, state]


@pytest.mark.parametrize("name", NAMES)
def test_icpi_shared_texts_are_the_published_ones(name):
    codec = CODECS[name]
    state, line = WITHOUT_HINTS[name]
    assert codec.state(state, hints=False) == line
    assert codec.actions == ACTIONS[name]
    assert codec.reset == RESETS[name]
    assert codec.state_prefix == PREFIXES[name]
    assert codec.termination(True) == "assert done\n"
    assert codec.termination(False) == "assert not done\n"
    end = "\nfor a in aliens:\n    a.descend()\n" if name == "mini_invaders" else "\n"
    assert codec.reward(1.0) == f"assert reward == 1{end}"
    assert codec.reward(0.0) == f"assert reward == 0{end}"


@pytest.mark.parametrize("name", NAMES)
def test_icpi_numbers_are_the_published_ones(name):
    codec = CODECS[name]
    assert codec.max_q_steps == MAX_Q_STEPS[name]
    assert NUMBERS[name] == (
        codec.plan_discount,
        codec.log_discount,
        codec.success_threshold,
    )
    assert codec.regret_scale == (2.0 if name == "mini_invaders" else 1.0)
    assert codec.published_steps > 0


@pytest.mark.parametrize("name", NAMES)
def test_icpi_stop_strings_end_the_pieces_they_belong_to(name):
    codec = CODECS[name]
    assert codec.stop("termination") == codec.stop("state") == "\n"
    expected = "\nball.descend()\n" if name == "mini_catch" else "\n"
    assert codec.stop("action") == expected
    assert all(text.endswith(expected) for text in codec.actions)
    assert codec.stop("reward") == ("()\n" if name == "mini_invaders" else "\n")
    assert codec.reward(1).endswith(codec.stop("reward"))
    # The stop string must not cut a piece before its end.
    for text, stop in [
        *((text, codec.stop("action")) for text in codec.actions),
        (codec.reward(1), codec.stop("reward")),
    ]:
        assert text.index(stop) == len(text) - len(stop)


def step(name, state, action, reward, terminated, next_state):
    write = CODECS[name].state
    return TextStep(write(state), action, reward, terminated, write(next_state))


def test_icpi_world_model_records_are_the_published_ones():
    codec = CODECS["chain"]
    moved = step("chain", (6,), 0, 0.0, False, (5,))
    query = "assert state == [6] and state != [4]\nstate = left()\n"
    assert codec.query(moved.state, 0) == query
    assert codec.termination_record(moved) == f"{query}assert not done\n\n"
    assert codec.reward_record(moved) == f"{query}assert reward == 0\n\n"
    assert codec.state_record(moved) == (
        f"{query}assert state == [5] and state != [4]\n\n"
    )


def test_icpi_mini_invaders_reward_record_is_the_published_one():
    shot = step("mini_invaders", (2, 2, 5, 1, 5), 1, 1.0, False, (2, -1, -1, 1, 4))
    assert CODECS["mini_invaders"].reward_record(shot) == (
        f"{shot.state}reward = ship.shoot(aliens)\nassert reward == 1\n"
        "for a in aliens:\n    a.descend()\n\n"
    )


@pytest.mark.parametrize("name", ["chain", "distractor_chain", "maze"])
def test_icpi_policy_record_without_terminations_and_final_state(name):
    codec = CODECS[name]
    state, later = {
        "chain": ((3,), (4,)),
        "distractor_chain": ((3, 1), (4, 7)),
        "maze": ((0, 0), (1, 0)),
    }[name]
    steps = [
        step(name, state, 2, 0.0, False, later),
        step(name, later, 1, 1.0, True, later),
    ]
    assert codec.policy_record(steps) == (
        f"\n{RESETS[name]}"
        f"{codec.state(state)}{ACTIONS[name][2]}assert reward == 0.0\n"
        f"{codec.state(later)}{ACTIONS[name][1]}assert reward == 1.0\n"
    )
    assert codec.policy_query(codec.state(state)) == (
        f"\n{RESETS[name]}{codec.state(state)}"
    )


def test_icpi_mini_catch_policy_record_has_terminations_and_final_state():
    codec = CODECS["mini_catch"]
    steps = [
        step("mini_catch", (1, 0, 1), 0, 0.0, False, (0, 0, 0)),
        step("mini_catch", (0, 0, 0), 1, 1.0, True, (0, 0, 0)),
    ]
    first = (
        f"\npaddle, ball = reset()\n{codec.state((1, 0, 1))}"
        "reward = paddle.left()\nball.descend()\nassert reward == 0\nassert not done\n"
    )
    landed = codec.state((0, 0, 0))
    second = (
        f"{landed}reward = paddle.stay()\nball.descend()\nassert reward == 1\n"
        "assert done\n"
    )
    assert codec.policy_record(steps) == f"{first}{second}{landed}"
    assert codec.policy_record(steps[:1]) == first


def test_icpi_mini_invaders_policy_record_ends_with_one_more_line_end():
    codec = CODECS["mini_invaders"]
    hit = step("mini_invaders", (0, -1, -1, 0, 3), 1, 1.0, True, (0, -1, -1, -1, -1))
    assert codec.policy_record([hit]) == (
        f"\nship, aliens = reset()\n{hit.state}reward = ship.shoot(aliens)\n"
        "assert reward == 1\nfor a in aliens:\n    a.descend()\nassert done\n"
        f"{hit.next_state}\n"
    )
    moved = step("mini_invaders", (1, 0, 3, 3, 3), 0, 0.0, False, (0, 0, 2, 3, 2))
    assert codec.policy_record([moved]).endswith("a.descend()\nassert not done\n")


def test_icpi_point_mass_policy_record_has_a_final_state_only():
    codec = CODECS["point_mass"]
    rested = step("point_mass", (0.5, 0.0), 1, 1.0, True, (0.5, 1.0))
    assert codec.policy_record([rested]) == (
        f"\npos, vel = reset()\n{rested.state}pos, vel = accel(pos, vel)\n"
        f"assert reward == 1.0\n{rested.next_state}"
    )
    timed_out = rested._replace(reward=0.0, terminated=False)
    assert codec.policy_record([timed_out]).endswith("assert reward == 0.0\n")


@EXAMPLES
@given(NAMED_STATES)
def test_icpi_states_are_read_back(named):
    name, state = named
    codec = CODECS[name]
    for hints in (True, False):
        line = codec.state(state, hints=hints)
        assert line.startswith(codec.state_prefix)
        assert line.count("\n") == 1
        assert codec.is_consistent(line, hints=hints)
        assert not codec.is_consistent(line, hints=not hints)
        if name == "point_mass":
            assert codec.parse_state(line) == pytest.approx(state, abs=0.00501)
        else:
            assert codec.parse_state(line) == state
        # As a server returns it, and as one that ignores stop strings does.
        assert codec.read_state(line.removesuffix("\n")) == line
        assert codec.read_state(f" {line}state = left()\n") == line


@EXAMPLES
@given(NAMED_STATES, st.randoms(use_true_random=False))
def test_icpi_hints_that_contradict_the_numbers_are_noticed(named, random):
    name, state = named
    codec = CODECS[name]
    other = codec.rules.start(np.random.default_rng(random.randrange(2**32)))
    line = f"{codec.describe(state)} and {codec.hint(other)}\n"
    agrees = codec.hint(other) == codec.hint(state)
    # Close to a border of the hints a text can mean states on both sides.
    if name != "point_mass" or abs(abs(state[0]) - 2) > 0.01:
        assert codec.is_consistent(line) == agrees
    assert codec.parse_state(line) is not None
    assert codec.read_state(line) == line  # ICPI itself accepts it


@pytest.mark.parametrize("position", [-2.004, -2.0, -1.996, 1.996, 2.0, 2.004])
def test_icpi_rounding_makes_no_true_state_inconsistent(position):
    codec = CODECS["point_mass"]
    assert codec.is_consistent(codec.state((position, 0.0)))


@EXAMPLES
@given(st.sampled_from(NAMES), st.integers(0, 9), st.booleans())
def test_icpi_pieces_are_read_back(name, reward, terminated):
    codec = CODECS[name]
    for number, text in enumerate(codec.actions):
        assert codec.read_action(text.removesuffix(codec.stop("action"))) == number
        assert codec.read_action(text) == number
        assert codec.read_action(f"  {text}{codec.reward(1)}") == number
        assert codec.read_action(text.removesuffix("\n")) == number
    text = codec.reward(reward)
    assert codec.read_reward(text.removesuffix(codec.stop("reward"))) == reward
    assert codec.read_reward(text.removesuffix("\n")) == reward
    assert codec.read_reward(f"{text}{codec.termination(True)}") == reward
    text = codec.termination(terminated)
    assert codec.read_termination(text.removesuffix("\n")) is terminated
    assert codec.read_termination(f"{text}\n{codec.reset}") is terminated


PIECES = st.sampled_from(
    sorted(
        {
            word
            for codec in CODECS.values()
            for text in (*codec.actions, codec.reward(1), codec.state_prefix)
            for word in text.split(" ")
        }
    )
)
COMPLETIONS = st.one_of(
    st.text(max_size=40), st.lists(PIECES, max_size=12).map(" ".join)
)


@EXAMPLES
@given(st.sampled_from(NAMES), COMPLETIONS)
def test_icpi_any_completion_is_read_or_refused(name, text):
    codec = CODECS[name]
    assert codec.read_action(text) in (None, *range(len(codec.actions)))
    assert codec.read_termination(text) in (None, True, False)
    assert codec.read_reward(text) is None or codec.read_reward(text) >= 0
    line = codec.read_state(text)
    assert line is None or line.startswith(codec.state_prefix)
    if line is not None:
        codec.is_consistent(line)


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("assert done", True),
        ("assert not done", False),
        ("\tassert done", True),
        ("assert undone", False),  # the published rule is this loose
        ("assert state and done", False),
        ("done", None),
        ("assert", None),
        ("reward assert done", None),
        ("", None),
        ("\nassert done", None),  # a server stops at once here
    ],
)
def test_icpi_termination_validity(completion, expected):
    assert CODECS["chain"].read_termination(completion) is expected


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("assert reward == 1", 1),
        ("assert reward == 12", 12),
        ("assert reward == 1.0", 1),
        ("if x: assert reward == 1", 1),
        ("assert reward == 1 and assert reward == 1", 0),
        ("assert reward == -1", None),
        ("assert reward == ", None),
        ("assert reward == x", None),
        ("reward == 1", None),
        (f"assert reward == {'9' * 30}", None),
        (f"assert reward == {'9' * 6000}", None),
        ("assert reward == ٣", None),
        ("", None),
    ],
)
def test_icpi_reward_validity(completion, expected):
    assert CODECS["chain"].read_reward(completion) == expected


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("assert reward == 2\nfor a in aliens:\n    a.descend", 2),
        ("assert reward == 1", 1),
        ("reward == 1", 1),
        ("reward == 1\nreward == 1", 0),
        ("for a in aliens:\n    a.descend", None),
        ("", None),
    ],
)
def test_icpi_mini_invaders_reward_validity(completion, expected):
    assert CODECS["mini_invaders"].read_reward(completion) == expected


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("assert state == [5]", "assert state == [5]\n"),
        ("  assert state == anything", "assert state == anything\n"),
        ("assert state =", None),
        ("state == [5]", None),
        ("", None),
    ],
)
def test_icpi_state_validity(completion, expected):
    assert CODECS["chain"].read_state(completion) == expected


@pytest.mark.parametrize(
    ("name", "completion"),
    [
        ("chain", ""),
        ("chain", "state = up()"),
        ("chain", "state = left() "),
        ("mini_catch", "paddle.left()"),
        ("mini_catch", "reward = paddle.left()\nball.rise()"),
        ("maze", "state = left()"),
    ],
)
def test_icpi_other_actions_are_refused(name, completion):
    assert CODECS[name].read_action(completion) is None


def test_icpi_a_mini_catch_action_needs_only_its_first_line():
    assert CODECS["mini_catch"].read_action("reward = paddle.right()") == 2


@pytest.mark.parametrize(
    "text",
    [
        "assert state == [99] and state != [4]\n",
        "assert state == [5",
        "assert state == [5]",
        "assert state == [5], and more\n",
        "garbage",
        "",
    ],
)
def test_icpi_lines_that_name_no_state_are_not_parsed(text):
    assert CODECS["chain"].parse_state(text) is None
    assert not CODECS["chain"].is_consistent(text)


def test_icpi_success_is_judged_with_the_plan_discount():
    chain, invaders = CODECS["chain"], CODECS["mini_invaders"]
    assert chain.is_success([0, 0, 1])
    assert not chain.is_success([0, 0, 0])
    assert not invaders.is_success([1, 0, 0])  # exactly the threshold
    assert invaders.is_success([1, 1])
    assert not invaders.is_success([0, 0, 1, 0, 0, 1])  # both shot, but too late


def test_icpi_discounted_return():
    assert discounted([0, 0, 1], 0.8) == pytest.approx(0.64)
    assert discounted([0, 1, 1], 1.0) == 2.0
    assert discounted([], 0.8) == 0.0


def test_icpi_regret_is_that_of_the_stored_start():
    codec = CODECS["chain"]
    observation = np.array([2.0])
    start = as_state(observation)
    observation += 1  # what the published code's environment does to it
    visited = [start, (3.0,), (3.0,)]
    assert regret(codec, visited, [0.0, 0.0]) == pytest.approx(0.64)
    aliased = regret(codec, visited, [0.0, 0.0], aliased_start_regret=True)
    assert aliased == pytest.approx(0.8)


def test_icpi_documented_seventh_domain_works():
    (source,) = re.findall("```python\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    namespace = {}
    exec(source, namespace)
    lamp = namespace["LAMP"]
    assert check_environment(lamp, fresh_process=False) == []
    assert lamp.tabular.states == 2
    codec = lamp.text
    assert [codec.optimal_return((number,)) for number in (0, 1)] == [1.0, 0.0]
    line = codec.state((0,))
    assert line == "assert lamp == 0 and lamp == 0\n"
    assert codec.is_consistent(line)
    assert codec.read_action("wait()") == 0
