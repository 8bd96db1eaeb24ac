"""How much faster Meta-World's contact search on arrays makes a pick-place step.

Run as a script; prints the ratio of steps per CPU second. Both versions take turns in
one process, so that the load of the machine falls on both alike.
"""

import time

import metaworld
import numpy as np

from llmpo.envs.meta_world_env import with_array_contacts

BLOCK, BLOCKS = 250, 6


def main() -> None:
    benchmark = metaworld.MT1("pick-place-v3", seed=0)
    original = benchmark.train_classes["pick-place-v3"]
    versions = {"original": original(), "arrays": with_array_contacts(original)()}
    spent = dict.fromkeys(versions, 0.0)
    for block in range(BLOCKS):
        for name, env in versions.items():
            env.set_task(benchmark.train_tasks[block])
            env.reset()
            rng = np.random.default_rng(block)
            started = time.process_time()
            for _ in range(BLOCK):
                env.step(rng.uniform(-1, 1, 4))
            spent[name] += time.process_time() - started
    rates = {name: BLOCK * BLOCKS / seconds for name, seconds in spent.items()}
    print(f"original {rates['original']:.0f} steps/CPU-s")
    print(f"arrays   {rates['arrays']:.0f} steps/CPU-s")
    print(f"ratio    {rates['arrays'] / rates['original']:.2f}")


if __name__ == "__main__":
    main()
