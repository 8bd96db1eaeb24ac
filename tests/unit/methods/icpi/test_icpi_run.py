"""Whole runs with predictors: what they learn, and what they write down."""

import json

import pytest

from llmpo.envs.registry import environment
from llmpo.errors import ConfigError
from llmpo.methods.icpi import ICPI, ICPISettings
from llmpo.methods.icpi.run import Run
from llmpo.storage import canonical_json

SEEDS = range(8)
SILENT = ("matching_model",)


def _predictions(run):
    return {one.kind: one for one in run.journal.predictions}


def _notes(context):
    return context.journal.notes


def test_run_is_determined_by_its_seed(icpi_run):
    first, again = (icpi_run("distractor_chain", steps=60) for _ in range(2))
    assert canonical_json(_notes(first)) == canonical_json(_notes(again))
    assert first.journal.programs == again.journal.programs
    other = icpi_run("distractor_chain", seed=1, steps=60)
    assert other.journal.programs != first.journal.programs


def test_episodes_are_attempts_and_points_of_the_regret_curve(icpi_run):
    context = icpi_run("chain", steps=50)
    episodes, attempts = _notes(context)["episodes"], context.journal.attempts
    assert [attempt.round for attempt in attempts] == list(range(1, len(episodes) + 1))
    taken = 0
    for episode, attempt in zip(episodes, attempts, strict=True):
        assert episode["steps"] == taken
        taken += episode["length"]
        assert attempt.totals.env_steps == taken
        assert attempt.score == episode["return"]
        assert episode["optimal"] - episode["return"] == pytest.approx(
            episode["regret"]
        )
        assert episode["regret"] >= -1e-9
    assert 50 <= taken == context.env_steps < 58
    assert attempts[0].returns in ((0.0,), (1.0,))


def test_consumption_is_counted_by_kind_and_by_episode(icpi_run):
    run = icpi_run("chain", steps=60)
    episodes, predictions = _notes(run)["episodes"], _predictions(run)
    assert set(predictions) == {"termination", "reward", "state", "action"}
    for name in ("calls", "invalid", "prompt_tokens"):
        whole = sum(episode[name] for episode in episodes)
        assert whole == sum(getattr(count, name) for count in predictions.values())
    # Each rollout asks for termination and reward first.
    assert predictions["termination"].predictions > 0
    assert predictions["termination"].calls >= predictions["state"].calls
    decided = sum(episode["decided"] for episode in episodes)
    assert 0 < decided < 60


def test_accuracy_of_the_world_model_is_judged_by_the_rules(icpi_run):
    predictions = _predictions(icpi_run("chain", steps=80))
    for kind in ("termination", "reward", "state"):
        one = predictions[kind]
        judged = one.correct + one.wrong + one.unclear
        assert judged == one.predictions - one.failed
        assert one.correct / judged > 0.7
    exact = _predictions(icpi_run("chain", steps=40, algorithm="oracle_world_model"))
    assert set(exact) == {"action"}
    assert exact["action"].correct == exact["action"].wrong == 0


def test_always_invalid_predictor_is_the_random_policy(
    make_context, constant_model, mean_regret
):
    contexts = []
    for seed in range(6):
        context, model = make_context("chain", seed), constant_model("no idea")
        run = Run(ICPISettings(steps=300), context, model)
        run.play()
        run.close()
        contexts.append(context)
        (count,) = context.journal.predictions
        assert count.kind == "termination"
        assert count.invalid == count.calls == 3 * count.predictions > 0
        assert count.failed == count.predictions
    # Once an agent decides, it does so with nothing but ties.
    assert mean_regret(contexts, 100, 300) == pytest.approx(0.57, abs=0.06)
    actions = [
        action
        for context in contexts
        for trajectory in json.loads(
            context.journal.programs[context.journal.policies["last"].program]
        )["trajectories"]
        for action, decided in zip(
            trajectory["actions"], trajectory["decided"], strict=True
        )
        if decided
    ]
    assert len(actions) > 1000
    for action in range(3):
        assert actions.count(action) / len(actions) == pytest.approx(1 / 3, abs=0.04)


def test_budget_ends_a_run_in_the_midst_of_an_episode(icpi_run):
    context = icpi_run("mini_catch", env_steps=23, steps=100)
    assert context.stopped
    assert context.env_steps == 23
    assert len(_notes(context)["episodes"]) == 4
    assert context.journal.policies["last"].round == 4


@pytest.mark.parametrize(
    "settings",
    [
        {"rollouts": 2},
        {"hints": False},
        {"balancing": False},
        {"constraints": False},
        {"recency": 16},
        {"deduplicate": True},
        {"check_hints": True},
        {"policy_records": "suffixes"},
        {"context_budget": 400},
        {"context_budget": 400, "clipping": "tokens"},
        {"model": "suffix"},
        {"algorithm": "no_argmax", "min_successes": 0, "success_threshold": -1.0},
        {"algorithm": "matching_model"},
        {"algorithm": "oracle_world_model"},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_variants_run(icpi_run, settings):
    for domain in ("distractor_chain", "mini_invaders"):
        context = icpi_run(domain, **{"steps": 14, "min_successes": 1, **settings})
        assert context.env_steps >= 14
        is_silent = settings.get("algorithm") in SILENT
        assert bool(context.journal.predictions) != is_silent


def test_oracle_leaves_hardly_any_regret(icpi_run, mean_regret):
    runs = [icpi_run("chain", s, algorithm="oracle_world_model") for s in SEEDS]
    assert mean_regret(runs, 60, 80) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("domain", "start", "stop", "limit"),
    [("maze", 85, 140, 0.05), ("mini_invaders", 120, 160, 0.15)],
)
def test_oracle_solves_larger_domains(
    icpi_run, mean_regret, domain, start, stop, limit
):
    runs = [icpi_run(domain, s, algorithm="oracle_world_model") for s in SEEDS]
    assert mean_regret(runs, start, stop) < limit


@pytest.mark.slow
def test_chain_is_learned_without_a_language_model(icpi_run, mean_regret):
    runs = [icpi_run("chain", seed, steps=160) for seed in SEEDS]
    assert mean_regret(runs, 120, 160) < 0.15


@pytest.mark.slow
@pytest.mark.parametrize(("model", "learns"), [("relevance", True), ("suffix", False)])
def test_distractor_takes_a_sense_of_relevance(icpi_run, mean_regret, model, learns):
    runs = [icpi_run("distractor_chain", s, steps=240, model=model) for s in SEEDS]
    regret = mean_regret(runs, 150, 240)
    assert regret < 0.15 if learns else regret > 0.3


def test_environment_without_text_is_refused():
    board = environment("noise_world_board_0")
    with pytest.raises(ConfigError, match="`text`"):
        ICPI().check(ICPISettings(), board)


def test_settings_are_resolved_for_the_domain(domains):
    values = ICPI().resolve(ICPISettings(), domains["mini_invaders"])
    assert values["steps"] == 160
    assert (values["plan_discount"], values["log_discount"]) == (0.8, 1.0)
    assert (values["max_q_steps"], values["success_threshold"]) == (8, 1.0)
    given = ICPISettings(steps=10, max_q_steps=2, plan_discount=0.5)
    values = ICPI().resolve(given, domains["mini_invaders"])
    assert (values["steps"], values["max_q_steps"]) == (10, 2)
    assert ICPI().max_env_steps(given, domains["chain"]) == 17
    assert json.loads(canonical_json(values)) == values
