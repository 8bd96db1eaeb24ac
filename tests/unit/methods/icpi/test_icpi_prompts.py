"""Which records prompts show: constraints, balancing, recency, clipping."""

from collections import Counter

import numpy as np
import pytest

from llmpo.llm.predictors import count_tokens
from llmpo.methods.icpi import ICPISettings
from llmpo.methods.icpi.prompts import Prompts, Trajectory, balanced, weighted
from llmpo.methods.icpi.settings import codec_of


@pytest.fixture
def make_prompts(domains):
    def make(*episodes, domain="chain", **settings):
        chosen = ICPISettings(**settings)
        codec = codec_of(chosen, domains[domain].text)
        prompts = Prompts(codec, chosen, np.random.default_rng(0))
        for episode in episodes:
            prompts.add(episode)
        return prompts

    return make


LINE = "assert state == [{}] and state {} [4]\n".format


def test_episode_of_eight_steps_gives_36_policy_records(make_prompts, walk):
    episode = walk(0, 1, 2, 3, 4, 5, 6, 7, 6)
    query = LINE(3, "!=")
    assert len(make_prompts(episode).policy(query).records) == 36
    assert len(make_prompts(*[episode] * 20).policy(query).records) == 288
    assert len(make_prompts(*[episode] * 20, recency=16).policy(query).records) == 576


@pytest.mark.parametrize(
    ("kind", "count"), [("subsequences", 10), ("suffixes", 4), ("trajectories", 1)]
)
def test_policy_records_can_be_fewer(make_prompts, walk, kind, count):
    prompts = make_prompts(walk(0, 1, 2, 3, 4), policy_records=kind)
    records = prompts.policy(LINE(3, "!=")).records
    assert len(records) == count
    assert max(record.count("reset") for record in records) == 1


def test_texts_are_the_published_ones(make_prompts, walk):
    prompts = make_prompts(walk(3, 4, claim=True))
    query = LINE(3, "!=")
    assert prompts.termination(query, 1).text == (
        f"{LINE(4, '==')}reward = try_goal(state)\nassert done\n\n"
        f"{query}reward = try_goal(state)\n"
    )
    assert prompts.reward(query, 1, True).text == (
        f"{LINE(4, '==')}reward = try_goal(state)\nassert reward == 1\n\n"
        f"{query}reward = try_goal(state)\n"
    )
    assert prompts.next_state(query, 2).text == (
        f"{query}state = right()\n{LINE(4, '==')}\n{query}state = right()\n"
    )
    whole = max(prompts.policy(query).records, key=len)
    assert whole == (
        f"state, reward = reset()\n{query}state = right()\nassert reward == 0.0\n"
        f"{LINE(4, '==')}reward = try_goal(state)\nassert reward == 1.0\n"
    )
    assert prompts.policy(query).text.endswith(f"\n\nstate, reward = reset()\n{query}")


def test_final_state_of_an_ended_game_is_shown(make_prompts):
    states = ((2.0, 2.0, 0.0),) * 2
    prompts = make_prompts(
        Trajectory(states, (1,), (1.0,), True), domain="mini_catch", hints=False
    )
    assert prompts.policy("assert paddle == C(2, 0)\n").records == [
        "paddle, ball = reset()\n"
        "assert paddle == C(2, 0) and ball == C(2, 0)\n"
        "reward = paddle.stay()\nball.descend()\n"
        "assert reward == 1\nassert done\n"
        "assert paddle == C(2, 0) and ball == C(2, 0)\n"
    ]


def test_constraints_select_action_and_termination(make_prompts, walk):
    episodes = [walk(2, 3, 4, claim=True), walk(2, 1, claim=True)]
    query = LINE(3, "!=")
    prompts = make_prompts(*episodes)
    assert len(prompts.termination(query, 1).records) == 2
    assert len(prompts.termination(query, 2).records) == 2
    assert len(prompts.reward(query, 1, True).records) == 2
    # Nothing is known about a claim that does not end the episode.
    assert prompts.reward(query, 1, False).records == []
    assert len(prompts.next_state(query, 2).records) == 2
    assert prompts.next_state(query, 1).records == []
    free = make_prompts(*episodes, constraints=False, balancing=False)
    for prompt in (
        free.termination(query, 1),
        free.reward(query, 1, False),
        free.next_state(query, 1),
    ):
        assert len(prompt.records) == 5


def test_time_limit_is_not_shown_as_an_end(make_prompts, walk):
    prompts = make_prompts(walk(0, 1, 2, 3, 2, 3, 2, 3, 2))
    query = LINE(3, "!=")
    text = prompts.termination(query, 0).text + prompts.termination(query, 2).text
    assert "not done" in text
    assert "assert done" not in text


def test_balancing_five_and_two_gives_ten():
    five, two = np.zeros(5, int), np.array([1, 2])
    for seed in range(20):
        rng = np.random.default_rng(seed)
        counts = Counter(balanced([five, two], rng).tolist())
        assert counts[0] == 5
        assert sorted([counts[1], counts[2]]) == [2, 3]
    assert balanced([two], rng).tolist() == [1, 2]
    assert balanced([], rng).tolist() == []


def test_balancing_shows_rare_outcomes_as_often(make_prompts, walk):
    episodes = [walk(2, claim=True)] * 6 + [walk(4, claim=True)]
    query = LINE(4, "==")
    paid = Counter(
        record.splitlines()[-1]
        for record in make_prompts(*episodes).reward(query, 1, True).records
    )
    assert paid == {"assert reward == 1": 6, "assert reward == 0": 6}
    raw = make_prompts(*episodes, balancing=False).reward(query, 1, True).records
    assert len(raw) == 7


def test_deduplication_keeps_each_record_once_and_heavy_ones_last(make_prompts, walk):
    episodes = [walk(2, claim=True)] * 6 + [walk(4, claim=True), walk(1, claim=True)]
    prompts = make_prompts(*episodes, deduplicate=True)
    assert len(prompts.reward(LINE(4, "=="), 1, True).records) == 3
    rng = np.random.default_rng(0)
    classes = [np.array([7] * 9 + [8]), np.array([9])]
    last = Counter(int(weighted(classes, rng)[-1]) for _ in range(4000))
    assert last[7] / 4000 == pytest.approx(0.45, abs=0.03)
    assert last[8] / 4000 == pytest.approx(0.05, abs=0.02)
    assert weighted([], rng).tolist() == []


def test_prompts_fit_the_budget_in_whole_records(make_prompts, walk):
    episode = walk(0, 1, 2, 3, 4, 5, 6, 7, 6)
    everything = set(make_prompts(*[episode] * 8).policy(LINE(3, "!=")).records)
    prompts = make_prompts(*[episode] * 8, context_budget=400)
    shown, tokens = set(), []
    for _ in range(40):
        prompt = prompts.policy(LINE(3, "!="))
        tokens.append(count_tokens(prompt.text))
        shown |= set(prompt.records)
    assert max(tokens) <= 400
    assert sum(tokens) / 40 > 250
    assert shown <= everything
    assert len(shown) > 20  # clipping takes a random subset


def test_published_clipping_cuts_through_records(make_prompts, walk):
    episode = walk(0, 1, 2, 3, 4, 5, 6, 7, 6)
    prompts = make_prompts(episode, context_budget=100, clipping="tokens")
    text = prompts.policy(LINE(3, "!=")).text
    assert count_tokens(text) == 100
    assert text.endswith(f"state, reward = reset()\n{LINE(3, '!=')}")


def test_each_prompt_is_shuffled_anew(make_prompts, walk):
    prompts = make_prompts(walk(0, 1, 2, 3, 4, 5, 6, 7, 6))
    texts = {prompts.policy(LINE(3, "!=")).text for _ in range(10)}
    assert len(texts) == 10


def test_without_argmax_only_successes_are_shown(make_prompts, walk):
    prompts = make_prompts(
        walk(5, 6, 5, 6), walk(2, 3, 4, claim=True), algorithm="no_argmax"
    )
    assert prompts.recent == 1
    records = prompts.policy(LINE(3, "!=")).records
    assert len(records) == 3  # of six parts, those that end with the reward
    assert all("reward == 1.0" in record for record in records)


def test_ready_once_every_action_was_tried_and_one_led_somewhere(make_prompts, walk):
    assert not make_prompts().ready
    assert not make_prompts(walk(2, 3, 4, claim=True)).ready  # no step to the left
    assert make_prompts(walk(2, 1, 2, claim=True)).ready
    assert make_prompts(walk(2, 3, 4, claim=True), constraints=False).ready
