"""How long one completion of a predictor takes, next to the bar, with a profile.

Run as a script. Prompts are made of histories of random play in two tiny games, one
with short lines (chain-like) and one with long lines full of hints (catch-like), as
long as a whole run of theirs; shuffling, clipping and building prompts is included.
"""

import argparse
import cProfile
import pstats
import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from llmpo.llm.predictors import (
    Library,
    Predictor,
    RecordPrompt,
    Records,
    clip_records,
    count_tokens,
)
from llmpo.llm.predictors.predictor import VARIANTS
from llmpo.methods.icpi.prompts import balanced

BAR = 2.0  # milliseconds per completion, prompt building included
BUDGETS = (400, 1850, 3800, None)
RECENT = 8
CALLS = 240


@dataclass(frozen=True)
class Step:
    state: str
    action: str
    reward: int
    done: bool
    after: str

    @property
    def end(self) -> str:
        return "assert done\n" if self.done else "assert not done\n"


@dataclass(frozen=True)
class Game:
    play: Callable[[random.Random], list[Step]]
    steps: int
    reset: str
    stop: str


def chain(chance: random.Random) -> list[Step]:
    def text(place: int, other: int) -> str:
        relation = "==" if place == 4 else "!="
        return f"assert state == [{place}, {other}] and state {relation} [4, {other}]\n"

    names = ("state = left()\n", "reward = try_goal(state)\n", "state = right()\n")
    place, other, steps = chance.randrange(8), chance.randrange(8), list[Step]()
    while len(steps) < 8 and not (steps and steps[-1].done):
        action, before = chance.randrange(3), text(place, other)
        reward = int(action == 1 and place == 4)
        place, other = min(7, max(0, place + action - 1)), chance.randrange(8)
        after = text(place, other)
        steps.append(Step(before, names[action], reward, action == 1, after))
    return steps


def catch(chance: random.Random) -> list[Step]:
    def text(paddle: int, ball: int, height: int) -> str:
        relation = "<" if paddle < ball else ">" if paddle > ball else "=="
        return (
            f"assert paddle == C({paddle}, 0) and ball == C({ball}, {height}) and "
            f"paddle.x == {paddle} and ball.x == {ball} and paddle.x {relation} ball.x "
            f"and ball.y == {height}\n"
        )

    names = ("left", "stay", "right")
    paddle, ball, steps = 2, chance.randrange(4), list[Step]()
    for height in (4, 3, 2, 1, 0):
        action, before = chance.randrange(3), text(paddle, ball, height)
        reward = int(height == 0 and paddle == ball)
        if height:
            paddle = min(3, max(0, paddle + action - 1))
        call = f"reward = paddle.{names[action]}()\nball.descend()\n"
        after = text(paddle, ball, max(0, height - 1))
        steps.append(Step(before, call, reward, height == 0, after))
    return steps


GAMES = {
    "chain-like": Game(chain, 120, "state, reward = reset()\n", "\n"),
    "catch-like": Game(catch, 300, "paddle, ball = reset()\n", "\nball.descend()\n"),
}


class Shelf:
    """Records of one kind, by class."""

    def __init__(self) -> None:
        self.library = Library()
        self.classes: dict[int, list[int]] = {}

    def add(self, kind: int, text: str) -> None:
        self.classes.setdefault(kind, []).append(self.library.add(text))

    def prompt(self, query: str, chance: np.random.Generator) -> RecordPrompt:
        classes = [np.array(members) for members in self.classes.values()]
        numbers = chance.permutation(balanced(classes, chance))
        return RecordPrompt(Records(self.library, numbers), query)


def prompts(game: Game, seed: int):
    """Yields the four kinds of prompts in turn, with their stop strings."""
    chance, shuffles = random.Random(seed), np.random.default_rng(seed)
    episodes = []
    while sum(map(len, episodes)) < game.steps:
        episodes.append(game.play(chance))
    ends, rewards, moves = (defaultdict(Shelf) for _ in range(3))
    paths = Shelf()
    everything = [step for episode in episodes for step in episode]
    for s in everything:
        paid = f"{s.state}{s.action}assert reward == {s.reward}\n"
        ends[s.action].add(s.done, s.state + s.action + s.end)
        rewards[s.action, s.done].add(s.reward, paid)
        if not s.done:
            moves[s.action].add(0, s.state + s.action + s.after)
    for episode in episodes[-RECENT:]:
        for start in range(len(episode)):
            lines = [
                f"{s.state}{s.action}assert reward == {s.reward}\n"
                for s in episode[start:]
            ]
            for end in range(1, len(lines) + 1):
                paths.add(0, game.reset + "".join(lines[:end]))
    while True:
        now = chance.choice(everything)
        for shelf, query, stop in (
            (ends[now.action], now.state + now.action, "\n"),
            (rewards[now.action, now.done], now.state + now.action, "\n"),
            (moves[now.action], now.state + now.action, "\n"),
            (paths, game.reset + now.state, game.stop),
        ):
            yield shelf.prompt(query, shuffles), stop


def measure(variant: str, game: Game, budget: int | None) -> tuple[float, float]:
    """Returns milliseconds per completion and the mean prompt tokens."""
    predictor = Predictor(variant)
    source = prompts(game, 0)
    spent, tokens = 0.0, 0
    for number in range(-CALLS // 4, CALLS):  # the first ones read the records
        started = time.process_time()
        prompt, stop = next(source)
        clipped = clip_records(prompt, budget, count_tokens)
        completion = predictor.predict(
            clipped, stop=stop, temperature=0.1, seed=number + CALLS
        )
        if number >= 0:
            spent += time.process_time() - started
            tokens += completion.prompt_tokens
    return 1e3 * spent / CALLS, tokens / CALLS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--profile", action="store_true", help="show where time goes")
    options = parser.parse_args()
    profile = cProfile.Profile()
    print("CPU ms per completion, prompt building included (mean prompt tokens)")
    print(f"{'':24}" + "".join(f"{budget or 'open':>16}" for budget in BUDGETS))
    times = []
    for variant in VARIANTS:
        for name, game in GAMES.items():
            row = f"{variant:12}{name:12}"
            for budget in BUDGETS:
                if options.profile:
                    profile.enable()
                milliseconds, tokens = measure(variant, game, budget)
                profile.disable()
                times.append(milliseconds)
                row += f"{milliseconds:8.2f} ({tokens:5.0f})"
            print(row)
    print(f"slowest {max(times):.2f} ms, bar {BAR:.2f} ms")
    if options.profile:
        pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(12)


if __name__ == "__main__":
    main()
