"""Gymnasium's CartPole as an llmpo environment."""

import gymnasium

from llmpo.envs.spec import EnvSpec, Field, ScoreBounds

CART_POLE = EnvSpec(
    id="cart_pole_v1",
    version=1,
    family="Classic control",
    build=lambda: gymnasium.make("CartPole-v1"),
    horizon=500,
    task="A pole stands on a cart. Push the cart so that the pole stays upright.",
    action_text="0 pushes the cart to the left, 1 pushes it to the right.",
    fields=(
        Field("cart_position", lambda obs, env: obs[0], "0 is the middle", "m"),
        Field("cart_velocity", lambda obs, env: obs[1], "positive to the right", "m/s"),
        Field("pole_angle", lambda obs, env: obs[2], "0 is upright", "rad"),
        Field("pole_velocity", lambda obs, env: obs[3], "of the angle", "rad/s"),
    ),
    dynamics_text=(
        "The episode terminates when the pole leans more than 0.2095 rad or the cart "
        "is more than 2.4 m from the middle. A push lasts 0.02 s."
    ),
    reward_text="1 for each step, including the one that ends the episode.",
    score="return",
    bounds=ScoreBounds(low=0.0, high=500.0),
    class_base="CartPoleV1",
    reward_name="CartPoleReward",
    observation_class="CartPoleObservation",
)
