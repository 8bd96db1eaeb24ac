"""What one sandboxed action costs, against a bare round trip over two pipes.

Run as a script; 17 numbers in, 6 out. Both take turns in one process, so that the
load of the machine falls on both alike.
"""

import os
import resource
import select
import statistics
import time

import numpy as np

from llmpo.sandbox.contract import ActionLayout, ObservationLayout, PolicyContract
from llmpo.sandbox.process import PolicyProcess

BLOCK, BLOCKS, STARTS = 500, 20, 5
WIDTH, ACTIONS = 17, 6
SOURCE = f"""
class Policy:
    def __init__(self): self.action = np.full({ACTIONS}, 0.5)
    def act(self, obs): return self.action
"""
CONTRACT = PolicyContract(
    "Policy",
    ObservationLayout("Observation", (("obs_vector", (WIDTH,)),)),
    ActionLayout("box", shape=(ACTIONS,), low=(-1.0,) * ACTIONS, high=(1.0,) * ACTIONS),
)


class BarePipes:
    """A forked copy of this process that answers without doing anything."""

    def __init__(self) -> None:
        incoming, self._outgoing = os.pipe()
        self._incoming, outgoing = os.pipe()
        if os.fork() == 0:
            os.close(self._outgoing)
            buffer, answer = bytearray(8 * WIDTH), bytes(8 * ACTIONS)
            while os.readv(incoming, [buffer]):
                os.write(outgoing, answer)
            os._exit(0)
        os.close(incoming)
        os.close(outgoing)
        self._poll = select.poll()
        self._poll.register(self._incoming, select.POLLIN)

    def act(self, observation: bytes) -> bytes:
        os.write(self._outgoing, observation)
        self._poll.poll(1000)
        return os.read(self._incoming, 8 * ACTIONS)

    def close(self) -> None:
        os.close(self._outgoing)
        os.wait()


def main() -> None:
    bare = BarePipes()
    observation = np.linspace(-1, 1, WIDTH).tobytes()
    seconds: dict[str, list[float]] = {"bare pipes": [], "sandbox": []}
    parent = dict.fromkeys(seconds, 0.0)
    with PolicyProcess(SOURCE, CONTRACT) as process:
        process.begin_episode(0)
        acts = {"bare pipes": bare.act, "sandbox": process.act}
        for _ in range(BLOCKS):
            for name, act in acts.items():
                started = time.process_time()
                for _ in range(BLOCK):
                    start = time.perf_counter()
                    act(observation)
                    seconds[name].append(time.perf_counter() - start)
                parent[name] += time.process_time() - started
    bare.close()
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, median in medians.items():
        cpu = parent[name] / (BLOCK * BLOCKS)
        best = min(
            statistics.median(seconds[name][i : i + BLOCK])
            for i in range(0, len(seconds[name]), BLOCK)
        )
        print(
            f"{name:12} median {median * 1e6:5.1f} us, best block {best * 1e6:5.1f} us,"
            f" our CPU {cpu * 1e6:5.1f} us"
        )
    print(f"ratio        {medians['sandbox'] / medians['bare pipes']:.2f}")

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    for _ in range(STARTS):
        with PolicyProcess(SOURCE, CONTRACT):
            pass
    wall = (time.perf_counter() - start) / STARTS
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"start        {wall * 1e3:.0f} ms wall, {used / STARTS * 1e3:.0f} ms CPU")


if __name__ == "__main__":
    main()
