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
from collections.abc import Callable
from dataclasses import dataclass

from llmpo.llm.predictors import Predictor, RecordPrompt, clip_records
from llmpo.llm.predictors.predictor import VARIANTS

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


def balanced(classes: dict[int, list[str]], chance: random.Random) -> list[str]:
    longest = max(map(len, classes.values()))
    records = []
    for members in classes.values():
        chance.shuffle(members)
        records += [members[n % len(members)] for n in range(longest)]
    return records


def prompts(game: Game, chance: random.Random):
    """Yields the four kinds of prompts in turn, as parts, with their stop strings."""
    episodes = []
    while sum(map(len, episodes)) < game.steps:
        episodes.append(game.play(chance))
    everything = [step for episode in episodes for step in episode]
    paths = [
        game.reset
        + "".join(
            f"{s.state}{s.action}assert reward == {s.reward}\n"
            for s in episode[start:end]
        )
        for episode in episodes[-RECENT:]
        for start in range(len(episode))
        for end in range(start + 1, len(episode) + 1)
    ]
    while True:
        now = chance.choice(everything)
        same = [step for step in everything if step.action == now.action]
        ends: dict[int, list[str]] = {}
        rewards: dict[int, list[str]] = {}
        for step in same:
            ends.setdefault(step.done, []).append(step.state + step.action + step.end)
            if step.done == now.done:
                text = f"{step.state}{step.action}assert reward == {step.reward}\n"
                rewards.setdefault(step.reward, []).append(text)
        moves = [s.state + s.action + s.after for s in same if not s.done]
        for records, query, stop in (
            (balanced(ends, chance), now.state + now.action, "\n"),
            (balanced(rewards, chance), now.state + now.action, "\n"),
            (moves, now.state + now.action, "\n"),
            (list(paths), game.reset + now.state, game.stop),
        ):
            chance.shuffle(records)
            yield RecordPrompt(records, query), stop


def measure(variant: str, game: Game, budget: int | None) -> tuple[float, float]:
    """Returns milliseconds per completion and the mean prompt tokens."""
    predictor = Predictor(variant)
    source = prompts(game, random.Random(0))
    spent, tokens = 0.0, 0
    for number in range(-CALLS // 4, CALLS):  # the first ones read the records
        started = time.process_time()
        prompt, stop = next(source)
        clipped = clip_records(prompt, budget, predictor.count)
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
