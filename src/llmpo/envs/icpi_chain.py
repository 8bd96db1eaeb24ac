"""Chain and distractor-chain: find the goal on a line and claim it (ICPI)."""

from functools import partial
from itertools import product

from llmpo.envs.icpi_rules import (
    NOTE,
    Rules,
    RulesEnv,
    RulesExpert,
    State,
    Transition,
    tabular_model,
)
from llmpo.envs.icpi_text import TextCodec, numbers_reader
from llmpo.envs.spec import EnvSpec, Field, ScoreBounds

_LENGTH, _GOAL = 8, 4
_LEFT, _TRY, _RIGHT = 0, 1, 2
_MOVES = {_LEFT: -1, _TRY: 0, _RIGHT: 1}


def _chain(state: State, action: int, case: int) -> Transition:
    (position,) = state
    moved = min(max(position + _MOVES[action], 0.0), _LENGTH - 1.0)
    claims = action == _TRY
    return Transition((moved,), float(claims and position == _GOAL), claims)


def _distractor_chain(state: State, action: int, case: int) -> Transition:
    after = _chain(state[:1], action, 0)
    return after._replace(state=(*after.state, float(case)))


def _numbers(state: State) -> str:
    return f"[{', '.join(f'{number:.0f}' for number in state)}]"


def _describe(state: State) -> str:
    return f"assert state == {_numbers(state)}"


def _hint(state: State) -> str:
    # The goal is written with the distractor as it is.
    relation = "==" if state[0] == _GOAL else "!="
    return f"state {relation} {_numbers((_GOAL, *state[1:]))}"


CHAIN = Rules(
    actions=len(_MOVES),
    starts=tuple((float(position),) for position in range(_LENGTH)),
    transition=_chain,
    low=(0.0,),
    high=(_LENGTH - 1.0,),
    horizon=8,
)
DISTRACTOR_CHAIN = Rules(
    actions=len(_MOVES),
    starts=tuple(
        (float(position), float(distractor))
        for position, distractor in product(range(_LENGTH), repeat=2)
    ),
    transition=_distractor_chain,
    low=(0.0, 0.0),
    high=(_LENGTH - 1.0, _LENGTH - 1.0),
    horizon=8,
    cases=_LENGTH,
)

_FIELDS = (
    Field("position", lambda obs, env: obs[0], "the agent's place on the line, 0 to 7"),
    Field(
        "second_number",
        lambda obs, env: obs[1],
        "a number from 0 to 7, new in each step",
    ),
)
_DYNAMICS = (
    "An episode starts at a random place. A move changes `position` by 1, but not "
    "beyond the ends of the line. A claim leaves it as it is and ends the episode, "
    "wherever it is made. Otherwise an episode ends when time runs out."
)
_REWARD = """\
class {name}:
    def reward(self, previous, action, current):
        # previous, current: observations before and after the step
        claimed = action == 1
        return 1.0 if claimed and previous.position == previous.goal else 0.0"""


def _codec(rules: Rules, pattern: str, published_steps: int) -> TextCodec:
    return TextCodec(
        rules=rules,
        describe=_describe,
        hint=_hint,
        read=numbers_reader(rf"assert state == \[{pattern}\]"),
        actions=("state = left()\n", "reward = try_goal(state)\n", "state = right()\n"),
        reset="state, reward = reset()\n",
        state_prefix="assert state == ",
        max_q_steps=6,
        published_steps=published_steps,
        policy_floats=True,
    )


def _spec(
    env_id: str, name: str, rules: Rules, codec: TextCodec, dynamics: str
) -> EnvSpec:
    return EnvSpec(
        id=env_id,
        version=1,
        family="ICPI",
        build=partial(RulesEnv, rules),
        horizon=rules.horizon,
        task=(
            "Walk along a line of eight places to the goal and claim it there, in as "
            "few steps as possible. A claim anywhere else fails."
        ),
        action_text="One of three integers. 0 moves left, 1 claims, 2 moves right.",
        fields=_FIELDS[: len(rules.low)],
        dynamics_text=dynamics,
        reward_text=_REWARD.format(name=f"{name}RewardFunction"),
        score="return",
        bounds=ScoreBounds(0.0, 1.0),
        class_base=name,
        reward_name=f"{name}RewardFunction",
        observation_class=f"{name}Observation",
        constants={"goal": _GOAL, "last_position": _LENGTH - 1},
        success_text="The goal is claimed at its place.",
        step_microseconds=15.0,
        expert=partial(RulesExpert, discount=codec.log_discount),
        expert_note=NOTE,
        tabular=tabular_model(rules),
        text=codec,
    )


SPECS = (
    _spec(
        "icpi_chain",
        "IcpiChain",
        CHAIN,
        _codec(CHAIN, "([0-9])", published_steps=80),
        _DYNAMICS,
    ),
    _spec(
        "icpi_distractor_chain",
        "IcpiDistractorChain",
        DISTRACTOR_CHAIN,
        _codec(DISTRACTOR_CHAIN, "([0-9]), ([0-9])", published_steps=120),
        f"{_DYNAMICS} `second_number` is drawn anew in each step, whatever is done.",
    ),
)
