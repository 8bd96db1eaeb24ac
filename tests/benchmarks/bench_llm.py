"""Times the LLM boundary: python tests/benchmarks/bench_llm.py.

Calls go to a server on this machine that takes a fixed time for each answer.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from typing import Any

from llmpo.llm.client import LLMSession, Prompt, open_client
from llmpo.llm.exchange import Message
from llmpo.llm.settings import Budget, LLMSettings
from llmpo.llm.transfer import export_corpus

LATENCY = 2.0
CALLS = 10
PROMPT = "One line of a prompt of ordinary length, as methods send them.\n" * 130
_SERVER = Path(__file__).parents[1] / "unit" / "llm" / "fake_server.py"


def main() -> int:
    """Prints the ratios and returns the number of missed targets."""
    server = run_path(str(_SERVER))["FakeServer"]()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            missed = concurrent_calls(folder, server)
            return missed + sum(
                cache_hits(folder, server, m) for m in ("live", "replay")
            )
    finally:
        server.close()


def concurrent_calls(folder: Path, server: Any) -> int:
    """Compares a round of concurrent calls with one call."""
    with open_client(settings(server, "live"), **folders(folder)) as client:
        session = client.session(run="bench", seed=0, budget=Budget())
        session.ask([prompt("imports and opens connections")])
        server.latency = LATENCY
        one = best(lambda i: session.ask([prompt(f"one {i}")]), repeats=3)
        ten = best(lambda i: ask_round(session, f"round {i}"), repeats=3)
    server.latency = 0.0
    return report(f"{CALLS} concurrent calls / one call", ten / one, 1.2, "x")


def cache_hits(folder: Path, server: Any, mode: str) -> int:
    """Times one recorded answer, looked up one by one."""
    export_corpus(folder / "store", folder / "corpus")
    if mode == "live":  # from the store, not from the corpus
        (folder / "corpus").rename(folder / "aside")
    with open_client(settings(server, mode), **folders(folder)) as client:
        names = [f"round {i}{j}" for i in range(3) for j in range(CALLS)]
        session = client.session(run="bench", seed=0, budget=Budget())
        session.ask([prompt("one 0")])  # indexes the corpus
        times = []
        for name in names:
            start = time.perf_counter()
            session.ask([prompt(name)])
            times.append(time.perf_counter() - start)
    if mode == "live":
        (folder / "aside").rename(folder / "corpus")
    return report(f"cache hit, {mode}", 1000 * statistics.median(times), 1.0, " ms")


def settings(server: Any, mode: Any) -> LLMSettings:
    """Returns settings for the server."""
    return LLMSettings(mode=mode, model="openai/m", api_base=server.address)


def folders(folder: Path) -> dict[str, Path]:
    """Returns the folders of the client."""
    return {"corpus": folder / "corpus", "store": folder / "store"}


def prompt(name: str) -> Prompt:
    """Returns a prompt of eight kilobytes."""
    message = Message(role="user", content=PROMPT + name)
    return Prompt(messages=(message,), template="bench/prompt@1", purpose="bench")


def ask_round(session: LLMSession, name: str) -> None:
    """Asks for a whole round at once."""
    session.ask([prompt(f"{name}{i}") for i in range(CALLS)])


def best(action: Callable[[int], object], repeats: int) -> float:
    """Returns the shortest time of several repeats, in seconds."""
    times = []
    for i in range(repeats):
        start = time.perf_counter()
        action(i)
        times.append(time.perf_counter() - start)
    return min(times)


def report(name: str, value: float, target: float, unit: str) -> int:
    """Prints a figure with its target; returns 1 if it is missed."""
    verdict = "ok" if value <= target else "MISSED"
    print(f"{name:<36} {value:6.3f}{unit}  (at most {target}{unit})  {verdict}")
    return int(value > target)


if __name__ == "__main__":
    sys.exit(main())
