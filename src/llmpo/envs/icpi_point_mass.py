"""Point-mass: bring a mass on a line to rest near the origin (ICPI)."""

from functools import partial

import numpy as np

from llmpo.envs.icpi_rules import (
    NOTE,
    Rules,
    RulesEnv,
    RulesExpert,
    State,
    Transition,
)
from llmpo.envs.icpi_text import TextCodec, numbers_reader
from llmpo.envs.spec import EnvSpec, Field, ScoreBounds

_NEAR, _FAR = 2.0, 6.0
_STEPS = 8
_MOVES = {"decel": -1.0, "accel": 1.0}
_CHANGES = tuple(_MOVES.values())
# Full acceleration in one direction for a whole episode leads so far.
_FURTHEST = _FAR + _STEPS * (_STEPS - 1) / 2


def _start(rng: np.random.Generator) -> State:
    places = rng.uniform(-_FAR, -_NEAR), rng.uniform(_NEAR, _FAR)
    return float(places[rng.integers(2)]), 0.0


def _step(state: State, action: int, case: int) -> Transition:
    position, velocity = state
    # What counts is how the mass was, so coming to rest pays one step later.
    rests = abs(position) <= _NEAR and velocity == 0
    after = position + velocity, velocity + _CHANGES[action]
    return Transition(after, float(rests), rests)


def _describe(state: State) -> str:
    position, velocity = state
    return f"assert pos == {position:.2f} and vel == {velocity:.2f}"


def _hint(state: State) -> str:
    position, velocity = state
    if position < -_NEAR:
        place = "pos < -2"
    elif position > _NEAR:
        place = "2 < pos"
    else:
        place = "-2 <= pos <= 2"
    return f"{place} and vel {'==' if velocity == 0 else '!='} 0"


RULES = Rules(
    actions=len(_MOVES),
    starts=_start,
    transition=_step,
    low=(-_FURTHEST, -float(_STEPS)),
    high=(_FURTHEST, float(_STEPS)),
    horizon=_STEPS,
)

_NUMBER = r"(-?[0-9]{1,4}\.[0-9]{2})"
CODEC = TextCodec(
    rules=RULES,
    describe=_describe,
    hint=_hint,
    read=numbers_reader(f"assert pos == {_NUMBER} and vel == {_NUMBER}"),
    actions=tuple(f"pos, vel = {move}(pos, vel)\n" for move in _MOVES),
    reset="pos, vel = reset()\n",
    state_prefix="assert pos == ",
    max_q_steps=8,
    published_steps=260,
    policy_floats=True,
    policy_final="",
    # Velocities are whole numbers, so only positions are rounded: by up to 0.005.
    rounding=(0.0049, 0.0),
)

SPECS = (
    EnvSpec(
        id="icpi_point_mass",
        version=1,
        family="ICPI",
        build=partial(RulesEnv, RULES),
        horizon=RULES.horizon,
        task=(
            "Bring a mass on a line to rest near the origin, in as few steps as "
            "possible, and take one more step there."
        ),
        action_text=(
            "One of two integers. 0 decreases the velocity by 1, 1 increases it by 1."
        ),
        fields=(
            Field("position", lambda obs, env: obs[0], "place of the mass on the line"),
            Field("velocity", lambda obs, env: obs[1], "its velocity", "1/step"),
        ),
        dynamics_text=(
            "An episode starts at rest at a random place from -6 to -2 or from 2 to 6. "
            "In each step the position first grows by the velocity, then the velocity "
            "changes by the action. The first action taken at rest with a position "
            "from -2 to 2, whatever it is, ends the episode; otherwise it ends when "
            "time runs out."
        ),
        reward_text="""\
class IcpiPointMassRewardFunction:
    def reward(self, previous, action, current):
        # previous, current: observations before and after the step
        near = abs(previous.position) <= previous.near
        return 1.0 if near and previous.velocity == 0 else 0.0""",
        score="return",
        bounds=ScoreBounds(0.0, 1.0),
        class_base="IcpiPointMass",
        reward_name="IcpiPointMassRewardFunction",
        observation_class="IcpiPointMassObservation",
        constants={"near": _NEAR},
        success_text="An action is taken at rest with a position from -2 to 2.",
        step_microseconds=15.0,
        expert=partial(RulesExpert, discount=CODEC.log_discount),
        expert_note=NOTE,
        text=CODEC,
    ),
)
