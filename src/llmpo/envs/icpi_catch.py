"""Mini-catch: bring a paddle under a falling ball (ICPI)."""

from functools import partial

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

_COLUMNS, _ROWS = 4, 5
_MOVES = {"left": -1, "stay": 0, "right": 1}
_SHIFTS = tuple(_MOVES.values())


def _step(state: State, action: int, case: int) -> Transition:
    paddle_x, ball_x, ball_y = state
    if ball_y == 0:  # the ball has come down: nothing can be done any more
        return Transition(state, float(paddle_x == ball_x), True)
    moved = min(max(paddle_x + _SHIFTS[action], 0.0), _COLUMNS - 1.0)
    return Transition((moved, ball_x, ball_y - 1), 0.0, False)


def _describe(state: State) -> str:
    paddle_x, ball_x, ball_y = state
    return (
        f"assert paddle == C({paddle_x:.0f}, 0) and ball == C({ball_x:.0f}, "
        f"{ball_y:.0f})"
    )


def _hint(state: State) -> str:
    paddle_x, ball_x, ball_y = state
    relation = "<" if paddle_x < ball_x else ">" if paddle_x > ball_x else "=="
    return (
        f"paddle.x == {paddle_x:.0f} and ball.x == {ball_x:.0f} and "
        f"paddle.x {relation} ball.x and ball.y == {ball_y:.0f}"
    )


RULES = Rules(
    actions=len(_MOVES),
    starts=tuple((2.0, float(ball_x), _ROWS - 1.0) for ball_x in range(_COLUMNS)),
    transition=_step,
    low=(0.0, 0.0, 0.0),
    high=(_COLUMNS - 1.0, _COLUMNS - 1.0, _ROWS - 1.0),
    horizon=_ROWS,  # when every episode has ended by itself
)

CODEC = TextCodec(
    rules=RULES,
    describe=_describe,
    hint=_hint,
    read=numbers_reader(
        r"assert paddle == C\(([0-9]), 0\) and ball == C\(([0-9]), ([0-9])\)"
    ),
    actions=tuple(f"reward = paddle.{move}()\nball.descend()\n" for move in _MOVES),
    reset="paddle, ball = reset()\n",
    state_prefix="assert paddle == C(",
    max_q_steps=5,
    plan_discount=1.0,
    log_discount=1.0,
    published_steps=300,
    action_stop="\nball.descend()\n",
    policy_terminations=True,
    policy_final="",
)

SPECS = (
    EnvSpec(
        id="icpi_mini_catch",
        version=1,
        family="ICPI",
        build=partial(RulesEnv, RULES),
        horizon=RULES.horizon,
        task="A ball falls straight down. Be under it with the paddle when it lands.",
        action_text=(
            "One of three integers. 0 moves the paddle left, 1 leaves it where it is, "
            "2 moves it right."
        ),
        fields=(
            Field("paddle_x", lambda obs, env: obs[0], "column of the paddle, 0 to 3"),
            Field("ball_x", lambda obs, env: obs[1], "column of the ball, 0 to 3"),
            Field("ball_y", lambda obs, env: obs[2], "height of the ball, 4 down to 0"),
        ),
        dynamics_text=(
            "The ball starts at height 4 in a random column, the paddle in column 2. "
            "In each step the paddle moves by at most one column, not beyond columns 0 "
            "and 3, and the ball falls by 1. Once the ball is at height 0, one more "
            "step ends the episode; its action does nothing."
        ),
        reward_text="""\
class IcpiMiniCatchRewardFunction:
    def reward(self, previous, action, current):
        # previous, current: observations before and after the step
        landed = previous.ball_y == 0
        return 1.0 if landed and previous.paddle_x == previous.ball_x else 0.0""",
        score="return",
        bounds=ScoreBounds(0.0, 1.0),
        class_base="IcpiMiniCatch",
        reward_name="IcpiMiniCatchRewardFunction",
        observation_class="IcpiMiniCatchObservation",
        success_text="The ball is caught.",
        step_microseconds=15.0,
        expert=partial(RulesExpert, discount=CODEC.log_discount),
        expert_note=NOTE,
        tabular=tabular_model(RULES),
        text=CODEC,
    ),
)
