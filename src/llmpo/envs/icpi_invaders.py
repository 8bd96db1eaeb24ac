"""Mini-invaders: shoot two descending aliens (ICPI).

A state is the ship's column, then column and height of each alien, both -1 for a dead
one.
"""

import re
from functools import partial
from itertools import permutations

from llmpo.envs.icpi_rules import (
    NOTE,
    Rules,
    RulesEnv,
    RulesExpert,
    State,
    Transition,
    tabular_model,
)
from llmpo.envs.icpi_text import TextCodec
from llmpo.envs.spec import EnvSpec, Field, ScoreBounds

_COLUMNS, _HEIGHT, _ALIENS = 4, 5, 2
_MOVES = {0: -1, 1: 0, 2: 1}  # left, shoot, right
_SHOOT = 1
_DEAD = (-1.0, -1.0)

Alien = tuple[float, float]


def _aliens(state: State) -> tuple[Alien, ...]:
    return tuple(zip(state[1::2], state[2::2], strict=True))


def _state(ship: float, aliens: tuple[Alien, ...]) -> State:
    return (ship, *(number for alien in aliens for number in alien))


def _step(state: State, action: int, case: int) -> Transition:
    ship, aliens = state[0], _aliens(state)
    hit = [action == _SHOOT and alien[0] == ship for alien in aliens]
    left = tuple(
        _DEAD if shot else alien for alien, shot in zip(aliens, hit, strict=True)
    )
    landed = any(alien[1] == 0 for alien in left)
    moved = min(max(ship + _MOVES[action], 0.0), _COLUMNS - 1.0)
    return Transition(
        _state(moved, tuple(_descended(alien) for alien in left)),
        float(sum(hit)),
        landed or all(alien == _DEAD for alien in left),
    )


def _descended(alien: Alien) -> Alien:
    return alien if alien == _DEAD else (alien[0], alien[1] - 1.0)


def _describe(state: State) -> str:
    aliens = ", ".join(
        "None" if alien == _DEAD else f"C({alien[0]:.0f}, {alien[1]:.0f})"
        for alien in _aliens(state)
    )
    return f"assert ship == C({state[0]:.0f}, 0) and aliens == [{aliens}]"


def _hint(state: State) -> str:
    ship = state[0]
    living = {
        f"aliens[{index}].x": alien[0]
        for index, alien in enumerate(_aliens(state))
        if alien != _DEAD
    }
    places = {"ship.x": ship, **living}
    # A Python tuple of one entry has a comma as well.
    comma = "" if living else ","
    numbers = ", ".join(f"{column:.0f}" for column in places.values())
    relations = (
        f"ship.x {'<' if ship < column else '>' if ship > column else '=='} {name}"
        for name, column in living.items()
    )
    same = f"({', '.join(places)}{comma}) == ({numbers}{comma})"
    return " and ".join((same, *relations))


_ALIEN = r"(?:None|C\(([0-9]), (-?[0-9])\))"
_LINE = re.compile(
    rf"assert ship == C\(([0-9]), 0\) and aliens == \[{_ALIEN}, {_ALIEN}\]"
)


def _read(text: str) -> State | None:
    found = _LINE.match(text)
    if found is None:
        return None
    return tuple(-1.0 if number is None else float(number) for number in found.groups())


RULES = Rules(
    actions=len(_MOVES),
    starts=tuple(
        _state(
            float(ship), tuple((float(column), float(_HEIGHT)) for column in columns)
        )
        for ship, *columns in permutations(range(_COLUMNS), 1 + _ALIENS)
    ),
    transition=_step,
    low=(0.0, *_DEAD * _ALIENS),
    high=(_COLUMNS - 1.0, *(_COLUMNS - 1.0, float(_HEIGHT)) * _ALIENS),
    horizon=_HEIGHT + 1,  # when every episode has ended by itself
    solved=float(_ALIENS),
)

CODEC = TextCodec(
    rules=RULES,
    describe=_describe,
    hint=_hint,
    read=_read,
    actions=("ship.left()\n", "reward = ship.shoot(aliens)\n", "ship.right()\n"),
    reset="ship, aliens = reset()\n",
    state_prefix="assert ship == C(",
    max_q_steps=8,
    success_threshold=1.0,
    log_discount=1.0,
    regret_scale=float(_ALIENS),
    published_steps=160,
    reward_stop="()\n",
    reward_end="\nfor a in aliens:\n    a.descend()\n",
    reward_mark="reward == ",
    policy_terminations=True,
    policy_final="\n",
)

SPECS = (
    EnvSpec(
        id="icpi_mini_invaders",
        version=1,
        family="ICPI",
        build=partial(RulesEnv, RULES),
        horizon=RULES.horizon,
        task="Two aliens descend on a ship. Shoot both before one has landed.",
        action_text=(
            "One of three integers. 0 moves the ship left, 1 shoots straight up, 2 "
            "moves it right."
        ),
        fields=(
            Field("ship_x", lambda obs, env: obs[0], "column of the ship, 0 to 3"),
            Field(
                "alien_x",
                lambda obs, env: obs[1::2],
                "column of each alien, 0 to 3; -1 for one that was shot",
                shape=(_ALIENS,),
            ),
            Field(
                "alien_y",
                lambda obs, env: obs[2::2],
                "height of each alien, 5 down to -1; -1 also for one that was shot",
                shape=(_ALIENS,),
            ),
        ),
        dynamics_text=(
            "An episode starts with both aliens at height 5 and ship and aliens in "
            "three different random columns. In each step a shot first hits every "
            "alien in the ship's column, at any height; then the living aliens descend "
            "by 1; then the ship moves by one column, not beyond columns 0 and 3, "
            "unless it shot. The episode ends when both aliens are shot, or with a "
            "step that began with an alien at height 0 and did not shoot it."
        ),
        reward_text="""\
class IcpiMiniInvadersRewardFunction:
    def reward(self, previous, action, current):
        # previous, current: observations before and after the step
        if action != 1:
            return 0.0
        # An alien that was shot before has column -1, where the ship never is.
        return float(np.sum(previous.alien_x == previous.ship_x))""",
        score="return",
        bounds=ScoreBounds(0.0, float(_ALIENS)),
        class_base="IcpiMiniInvaders",
        reward_name="IcpiMiniInvadersRewardFunction",
        observation_class="IcpiMiniInvadersObservation",
        success_text="Both aliens are shot.",
        step_microseconds=30.0,
        expert=partial(RulesExpert, discount=CODEC.log_discount),
        expert_note=NOTE,
        tabular=tabular_model(RULES),
        text=CODEC,
    ),
)
