"""How many steps of traffic a CPU second holds, next to the original's figure.

Run as a script. Observations are read into the wire format, as a rollout does it.
"""

import time

import libsumo
import numpy as np

from llmpo.envs.observation import ObservationReader
from llmpo.envs.traffic import SPECS

ORIGINAL = "43 to 75"  # Flow over TraCI, measured in steps a wall second
GOAL = 1000
EPISODES = 6
ACTIONS = {"rest": np.zeros(10), "accelerate": np.full(10, 1.5)}


def main() -> None:
    (spec,) = SPECS
    env = spec.build()
    reader = ObservationReader(spec, env)
    env.reset(seed=0)  # warm-up
    inside = 0.0
    simulate = libsumo.simulationStep

    def timed() -> None:
        nonlocal inside
        started = time.process_time()
        simulate()
        inside += time.process_time() - started

    libsumo.simulationStep = timed
    resets: list[float] = []
    spent = dict.fromkeys(ACTIONS, 0.0)
    for seed in range(EPISODES):
        for name, action in ACTIONS.items():
            started = time.process_time()
            env.reset(seed=seed)
            resets.append(time.process_time() - started)
            started = time.process_time()
            for _ in range(spec.horizon):
                obs, *_ = env.step(action)
                reader.read(obs)
            spent[name] += time.process_time() - started
    env.close()
    total, steps = sum(spent.values()), EPISODES * spec.horizon
    for name, seconds in spent.items():
        print(f"{name:12} {steps / seconds:8.0f} steps/CPU-s")
    print(f"mean         {len(spent) * steps / total:8.0f} steps/CPU-s (goal {GOAL})")
    print(f"original     {ORIGINAL:>8} steps/s")
    print(f"inside SUMO  {100 * inside / total:7.0f}% of the time")
    print(f"reset        {np.median(resets) * 1e3:8.1f} ms")


if __name__ == "__main__":
    main()
