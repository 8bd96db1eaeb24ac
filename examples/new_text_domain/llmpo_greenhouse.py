"""A greenhouse as an llmpo environment that in-context policy iteration can play."""

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

FROST, COLDEST, WARMEST, SCORCH = 0.0, 2.0, 4.0, 6.0  # plants thrive in the middle
CHANGES = (2.0, 0.0, -2.0)  # heat, wait, air
STEPS = 8


def step(state: State, action: int, case: int) -> Transition:
    """The sky of now counts; `case`, a fair coin, is the sky of the next step."""
    temperature, sun = state
    after = temperature + CHANGES[action] + (1.0 if sun else -1.0)
    after = min(max(after, FROST), SCORCH)
    pays = COLDEST <= after <= WARMEST
    return Transition((after, float(case)), float(pays), after in (FROST, SCORCH))


def hint(state: State) -> str:
    """What a person would notice about a state."""
    if state[0] < COLDEST:
        return "temperature < 2"
    return "4 < temperature" if state[0] > WARMEST else "2 <= temperature <= 4"


RULES = Rules(
    actions=len(CHANGES),
    starts=tuple((float(t), float(sun)) for t, sun in product(range(1, 6), (0, 1))),
    transition=step,
    low=(FROST, 0.0),
    high=(SCORCH, 1.0),
    horizon=STEPS,
    solved=float(STEPS),
    cases=2,
)
CODEC = TextCodec(
    rules=RULES,
    describe=lambda s: f"assert temperature == {s[0]:.0f} and sun == {s[1]:.0f}",
    hint=hint,
    read=numbers_reader("assert temperature == ([0-6]) and sun == ([01])"),
    actions=("reward = heat()\n", "reward = wait()\n", "reward = air()\n"),
    reset="temperature, sun = reset()\n",
    state_prefix="assert temperature == ",
    max_q_steps=3,  # enough to see the plants thrive or die
    log_discount=1.0,
    regret_scale=float(STEPS),  # so a regret is the share of steps that did not pay
)
GREENHOUSE = EnvSpec(
    id="greenhouse",
    version=1,
    family="Greenhouse",
    build=partial(RulesEnv, RULES),
    horizon=STEPS,
    task="Keep the temperature of a greenhouse from 2 to 4 under a changing sky.",
    action_text="0 heats, 1 waits, 2 lets in cool air.",
    fields=(
        Field("temperature", lambda obs, env: obs[0], "a whole number from 0 to 6"),
        Field("sun", lambda obs, env: obs[1], "1 while the sun shines, else 0"),
    ),
    dynamics_text=(
        "An episode starts under a random sky at a random temperature from 1 to 5. In "
        "each step the temperature changes by +2 (heat), 0 (wait) or -2 (air), and at "
        "the same time by +1 if the sun shines, else by -1. Then a fair coin decides "
        "whether the sun shines in the next step. At 0 or below, and at 6 or above, "
        "the plants die and the episode ends."
    ),
    reward_text="1 for each step after which the temperature is from 2 to 4, else 0.",
    score="return",
    bounds=ScoreBounds(low=0.0, high=float(STEPS)),
    class_base="Greenhouse",
    reward_name="GreenhouseReward",
    observation_class="GreenhouseObservation",
    success_text="All eight steps pay.",
    expert=partial(RulesExpert, discount=CODEC.log_discount),
    expert_note=NOTE,
    tabular=tabular_model(RULES),
    text=CODEC,
)
