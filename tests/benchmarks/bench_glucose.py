"""How many steps of the glucose environment one CPU second gives.

Run as a script. The original (the `bgp` fork of simglucose) made 190 steps per CPU
second, the prototype that the specification describes 58,700.
"""

import time

import numpy as np

from llmpo.envs.glucose import SPECS
from llmpo.envs.observation import ObservationReader

EPISODES = 5


def measure(read: bool) -> float:
    env = SPECS.build()
    reader = ObservationReader(SPECS, env)
    action = np.array([0.0231])
    env.reset(seed=0)
    env.step(action)  # compiled, or loaded, before the clock starts
    steps = 0
    started = time.process_time()
    for seed in range(EPISODES):
        obs, _ = env.reset(seed=seed)
        over = False
        while not over:
            if read:
                reader.read(obs)
            obs, _, terminated, truncated, _ = env.step(action)
            over = terminated or truncated
            steps += 1
    return steps / (time.process_time() - started)


def main() -> None:
    print("original (bgp)               190 steps/CPU-s")
    print(f"llmpo                   {measure(read=False):9.0f} steps/CPU-s")
    print(f"llmpo, fields read      {measure(read=True):9.0f} steps/CPU-s")


if __name__ == "__main__":
    main()
