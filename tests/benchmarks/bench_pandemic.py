"""How many days of the pandemic environment one CPU second gives.

Run as a script. The original (PandemicSimulator) made 1.9 days per CPU second, the
prototype that the specification describes 242.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from llmpo.envs.observation import ObservationReader
from llmpo.envs.pandemic import SPECS

GOAL = 200
EPISODES = 5
(SPEC,) = SPECS
ACTIONS = {"stage 0, an epidemic": 1, "stage 4, none": 2}
FIRST_STEP = """
import time
from llmpo.envs.pandemic import SPECS
env = SPECS[0].build()
env.reset(seed=0)
started = time.perf_counter()
env.step(1)
print(f"{time.perf_counter() - started:.2f}")
"""


def measure(action: int, read: bool) -> float:
    env = SPEC.build()
    reader = ObservationReader(SPEC, env)
    env.reset(seed=0)
    env.step(action)  # compiled, or loaded, before the clock starts
    days = 0
    started = time.process_time()
    for seed in range(EPISODES):
        obs, _ = env.reset(seed=seed)
        over = False
        while not over:
            if read:
                reader.read(obs)
            obs, _, terminated, truncated, _ = env.step(action)
            over = terminated or truncated
            days += 1
    return days / (time.process_time() - started)


def first_step(cache: Path) -> str:
    """Returns the seconds of a fresh process's first step."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_STEP],
        env={"NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def main() -> None:
    print("original (PandemicSimulator)        1.9 days/CPU-s")
    for name, action in ACTIONS.items():
        for read in (False, True):
            rate = measure(action, read)
            what = f"{name}{', fields read' if read else ''}"
            mark = "" if rate >= GOAL else "  MISSED"
            print(f"{what:34} {rate:5.0f} days/CPU-s (goal {GOAL}){mark}")
    with tempfile.TemporaryDirectory() as folder:
        cold, warm = first_step(Path(folder)), first_step(Path(folder))
        print(f"first step of a process: {cold} s compiling, {warm} s from the cache")


if __name__ == "__main__":
    main()
