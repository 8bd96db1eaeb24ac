"""Training on tiny environments: export, journal, resuming, divergence, budgets."""

import importlib.util
import sys
from dataclasses import replace

import gymnasium
import numpy as np
import pytest

from llmpo.envs.registry import environment
from llmpo.errors import BudgetExceeded, ConfigError, DataError, PrerequisiteError
from llmpo.evaluation import Evaluation
from llmpo.methods.base import RunContext
from llmpo.methods.deep_rl import DeepRL, DeepRLSettings
from llmpo.methods.deep_rl.engine import build_model, train_segment, update_steps
from llmpo.methods.deep_rl.export import export_policy
from llmpo.methods.deep_rl.steps import evaluation_steps
from llmpo.methods.deep_rl.training_env import make_training_env, observation_keys
from llmpo.policies import load_policy
from llmpo.policies.network import load_network
from llmpo.records import Cell, EpisodeResult
from llmpo.rollout import play_episode
from llmpo.sandbox.status import Limits, Status

pytest.importorskip("stable_baselines3")

HORIZON = 8
OBSERVATION = gymnasium.spaces.Box(-5.0, 5.0, (2,), np.float64)


class Point(gymnasium.Env):
    """A point that should come to the origin."""

    observation_space = OBSERVATION

    def __init__(self, actions=None):
        self.action_space = actions or gymnasium.spaces.Box(-0.5, 1.0, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = self.np_random.normal(size=2)
        return self.observe(), {}

    def observe(self):
        return self.place.copy()

    def step(self, action):
        if isinstance(self.action_space, gymnasium.spaces.Discrete):
            action = [[1, 0], [0, 1], [-1, -1]][int(action)]
        self.place = np.clip(self.place + 0.3 * np.asarray(action, float), -5, 5)
        self.place = self.place + 0.01 * self.np_random.normal(size=2)
        return self.observe(), -float(np.abs(self.place).sum()), False, False, {}


class Goal(Point):
    """The same with goals, and observations that are dictionaries."""

    observation_space = gymnasium.spaces.Dict(
        {name: OBSERVATION for name in ("observation", "achieved_goal", "desired_goal")}
    )

    def observe(self):
        return {
            "observation": self.place.copy(),
            "achieved_goal": self.place.copy(),
            "desired_goal": np.zeros(2),
        }

    def compute_reward(self, achieved, desired, info):
        return -np.abs(achieved - desired).sum(-1)


def _discrete():
    return Point(gymnasium.spaces.Discrete(3))


class Broken(Point):
    """Rewards become so large that no network survives them."""

    def step(self, action):
        observation, *rest = super().step(action)
        return observation, float("inf"), *rest[1:]


def _spec(build):
    spec = environment("noise_world_board_0")
    return replace(spec, id="point", build=build, horizon=HORIZON, score="return")


# Algorithm, environment and hyper-parameters that make it small.
SMALL_NETWORK = {"policy_kwargs": {"net_arch": [8, 8]}}
OFF = {"batch_size": 8, "train_freq": 4, "learning_starts": 8, **SMALL_NETWORK}
ROLLOUT = {"n_steps": 16, "batch_size": 16, "n_envs": 1, "n_epochs": 2, **SMALL_NETWORK}
CASES = {
    "ppo": ("ppo", Point, ROLLOUT),
    "ppo-discrete": ("ppo", _discrete, {**ROLLOUT, "n_envs": 2}),
    "ppo-dictionary": ("ppo", Goal, ROLLOUT),
    "ppo-sde": ("ppo", Point, {**ROLLOUT, "use_sde": True}),
    "ppo-schedule": (
        "ppo",
        Point,
        {**ROLLOUT, "learning_rate": "lin_0.003", "clip_range": "lin_0.3"},
    ),
    "sac": ("sac", Point, {**OFF, "normalize": True}),
    "sac-sde": ("sac", Point, {**OFF, "use_sde": True}),
    "td3": ("td3", Point, {**OFF, "action_noise_std": 0.2}),
    "dqn": ("dqn", _discrete, {**OFF, "buffer_size": 40}),
    "sac_her": ("sac_her", Goal, {**OFF, "learning_starts": 16, "n_envs": 2}),
}
if importlib.util.find_spec("sbx"):
    CASES |= {
        "sbx-ppo": ("ppo", Point, ROLLOUT),
        "sbx-ppo-discrete": (
            "ppo",
            _discrete,
            {**ROLLOUT, "learning_rate": "lin_0.01"},
        ),
        "sbx-sac": ("sac", Point, {**OFF, "normalize": True}),
        "sbx-td3": ("td3", Point, {**OFF, "action_noise_std": 0.2}),
        "sbx-dqn": ("dqn", _discrete, OFF),
    }
everywhere = pytest.mark.parametrize("case", CASES)


class PlainEvaluator:
    """Plays episodes in this process, in an environment that is not registered."""

    def __init__(self, spec):
        self.spec = spec
        self.tasks = []

    def evaluate(self, tasks):
        self.tasks += tasks
        return [self._play(task) for task in tasks]

    def _play(self, task):
        env = self.spec.build()
        actor = load_policy(task.kind, task.source, self.spec, env)
        played = [play_episode(env, actor, s, HORIZON) for s in task.seeds]
        results = tuple(
            EpisodeResult(
                seed=episode.seed,
                value=episode.value,
                length=len(episode.rewards),
                status=Status.OK,
            )
            for episode in played
        )
        return Evaluation(results, None, sum(e.env_steps for e in played), ())


def _engine(case):
    return "sbx" if case.startswith("sbx") else "sb3"


def _run(case, *, state=None, steps=64, report=None, budget=None, seed=0, **changes):
    algorithm, build, values = CASES[case]
    settings = DeepRLSettings(
        algorithm=algorithm,
        engine=_engine(case),
        steps=steps,
        evaluations=4,
        evaluation_episodes=2,
        hyperparameters={**values, **changes},
    )
    spec = _spec(build)
    cell = Cell(
        experiment="e",
        environment="point",
        method=case,
        algorithm="deep_rl",
        seed=seed,
    )
    context = RunContext(
        cell=cell,
        spec=spec,
        evaluator=PlainEvaluator(spec),
        limits=Limits(),
        state=state,
        env_step_budget=budget,
        report=report or (lambda line: None),
    )
    DeepRL().run(settings, context)
    return context


def _contents(context):
    journal = context.journal
    return (
        [a.model_dump_json() for a in journal.attempts],
        journal.programs,
        {name: policy.model_dump_json() for name, policy in journal.policies.items()},
        journal.notes,
        context.env_steps,
    )


@everywhere
def test_exported_policy_acts_like_the_model(case):
    algorithm, build, values = CASES[case]
    spec = _spec(build)
    env = make_training_env(
        spec, {**values, "normalize": True}, keep_dictionary=algorithm == "sac_her"
    )
    model = build_model(_engine(case), algorithm, env, values, steps=64, seed=1)
    train_segment(model, 32, seed=2)
    raw = spec.build()
    normalize = model.get_vec_normalize_env()
    keys = observation_keys(raw.observation_space)
    actor = load_network(export_policy(model, normalize, keys), spec, raw)
    view = make_training_env(spec, {}, keep_dictionary=algorithm == "sac_her").envs[0]
    raw.reset(seed=0)
    for _ in range(20):
        observation, *_ = raw.step(raw.action_space.sample())
        expected, _ = model.predict(
            normalize.normalize_obs(view._view(observation)), deterministic=True
        )
        action = actor.act(observation)
        np.testing.assert_allclose(action, expected, atol=1e-5)
        assert raw.action_space.contains(action)


@everywhere
def test_run_keeps_a_learning_curve_and_two_policies(case):
    context = _run(case)
    journal = context.journal
    algorithm, _, values = CASES[case]
    points = evaluation_steps(64, 4, update_steps(algorithm, values))
    assert [a.totals.env_steps for a in journal.attempts] == points
    assert [a.round for a in journal.attempts] == list(range(1, len(points) + 1))
    assert all(a.score == np.mean(a.returns) for a in journal.attempts)
    assert all(a.is_final and a.is_selected for a in journal.attempts)
    assert context.env_steps == 64
    assert journal.policies["last"].round == len(points)
    assert journal.policies["last"].selection_score == journal.attempts[-1].score
    best = max(journal.attempts, key=lambda a: (a.score, -a.round))
    assert journal.policies["best"].round == best.round
    kept = {policy.program for policy in journal.policies.values()}
    assert set(journal.programs) == kept
    assert journal.notes["monitoring_steps"] == len(points) * 2 * HORIZON
    assert journal.notes["parameters"] > 0
    assert journal.notes["hyperparameter_source"]
    seeds = {task.seeds for task in context.evaluator.tasks}
    assert len(seeds) == 1


class Killed(BaseException):
    """Stands for a process that ends without any chance to clean up."""


def _killer(after):
    """Returns a report that ends the run with its n-th line."""
    lines = []

    def report(line):
        lines.append(line)
        if len(lines) == after:
            raise Killed

    return report


@everywhere
def test_interrupted_run_ends_like_an_uninterrupted_one(case, tmp_path):
    whole = _run(case)
    with pytest.raises(Killed):
        _run(case, state=tmp_path, report=_killer(2))
    lines = []
    resumed = _run(case, state=tmp_path, report=lines.append)
    assert "going on from a checkpoint" in lines[0]
    assert _contents(resumed) == _contents(whole)
    # The finished run is still there for a job that died before its record was written.
    assert _contents(_run(case, state=tmp_path)) == _contents(whole)


@pytest.mark.parametrize("case", ["ppo", "sac"])
def test_run_is_decided_by_its_seed(case):
    assert _contents(_run(case)) == _contents(_run(case))
    assert _contents(_run(case, seed=1)) != _contents(_run(case))


def test_interruption_within_a_segment_repeats_it(tmp_path, monkeypatch):
    whole = _run("sac")
    _kill_evaluation(monkeypatch, 3)
    with pytest.raises(Killed):
        _run("sac", state=tmp_path)
    monkeypatch.undo()
    assert _contents(_run("sac", state=tmp_path)) == _contents(whole)


def _kill_evaluation(monkeypatch, number):
    original, calls = PlainEvaluator.evaluate, []

    def evaluate(self, tasks):
        calls.append(tasks)
        if len(calls) == number:
            raise Killed
        return original(self, tasks)

    monkeypatch.setattr(PlainEvaluator, "evaluate", evaluate)


def test_buffer_is_dropped_from_the_last_checkpoint(tmp_path):
    with pytest.raises(Killed):
        _run("sac", state=tmp_path, steps=800, report=_killer(6))
    (path,) = tmp_path.iterdir()
    before = path.stat().st_size
    _run("sac", state=tmp_path, steps=800)
    assert path.stat().st_size < before - 600 * 8 * 4


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"gamma": 0.5}, "settings.hyperparameters.gamma was 0.99 and is 0.5"),
        ({"steps": 128}, "settings.steps was 64 and is 128"),
        ({"seed": 1}, "seed was 0 and is 1"),
    ],
)
def test_checkpoint_of_another_run_is_refused(tmp_path, changes, named):
    with pytest.raises(Killed):
        _run("ppo", state=tmp_path, report=_killer(1))
    with pytest.raises(DataError, match=named):
        _run("ppo", state=tmp_path, **changes)


def test_checkpoint_of_another_version_is_refused(tmp_path, monkeypatch):
    with pytest.raises(Killed):
        _run("ppo", state=tmp_path, report=_killer(1))
    monkeypatch.setattr(DeepRL, "version", DeepRL.version + 1)
    with pytest.raises(
        DataError, match=r"method_version was 1 and is 2.*Delete|delete"
    ):
        _run("ppo", state=tmp_path)


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_damaged_checkpoint_is_refused(tmp_path, kept):
    with pytest.raises(Killed):
        _run("ppo", state=tmp_path, report=_killer(1))
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(DataError, match="checkpoint is damaged"):
        _run("ppo", state=tmp_path)


def test_budget_stops_before_the_segment_that_exceeds_it():
    lines = []
    with pytest.raises(BudgetExceeded):
        _run("ppo", budget=40, report=lines.append)
    assert lines[-1].startswith("32/64 steps")


@pytest.mark.parametrize("case", ["ppo", "sac"])
def test_diverged_training_is_data(case, monkeypatch, tmp_path):
    algorithm, _, values = CASES[case]
    monkeypatch.setitem(CASES, case, (algorithm, Broken, values))
    changes = {"normalize": False, "max_grad_norm": 1e30} if case == "ppo" else {}
    changes |= {"normalize": False}
    context = _run(case, state=tmp_path, **changes)
    last = context.journal.attempts[-1]
    assert last.status is Status.CRASH
    assert "diverged" in last.message
    assert last.score is None
    assert context.env_steps < 64
    again = _run(case, state=tmp_path, **changes)
    assert _contents(again) == _contents(context)


def test_schedules_count_the_whole_run():
    values = {**ROLLOUT, "learning_rate": "lin_0.01"}
    env = make_training_env(_spec(Point), values, keep_dictionary=False)
    model = build_model("sb3", "ppo", env, values, steps=64, seed=1)
    rates = []
    for segment in range(4):
        train_segment(model, 16, seed=segment)
        rates.append(model.policy.optimizer.param_groups[0]["lr"])
    np.testing.assert_allclose(rates, [0.0075, 0.005, 0.0025, 0.0], atol=1e-12)


def test_time_limit_is_a_truncation_with_the_last_observation():
    env = make_training_env(_spec(Point), {}, keep_dictionary=False)
    env.seed(3)
    env.reset()
    for _ in range(HORIZON - 1):
        _, _, (done,), _ = env.step(np.zeros((1, 2)))
        assert not done
    _, _, (done,), (info,) = env.step(np.zeros((1, 2)))
    assert done
    assert info["TimeLimit.truncated"]
    assert info["terminal_observation"].shape == (2,)


@pytest.mark.parametrize(
    ("algorithm", "build", "message"),
    [
        ("dqn", Point, "dqn chooses among discrete actions.*use sac"),
        ("sac", _discrete, "sac needs continuous actions.*use dqn or ppo"),
        ("td3", _discrete, "td3 needs continuous actions"),
        ("sac_her", Point, "achieved and desired goals"),
        ("sac_her", _discrete, "sac_her needs continuous actions"),
        (
            "ppo",
            lambda: Point(gymnasium.spaces.MultiDiscrete([2, 2])),
            "no algorithm here",
        ),
        (
            "ppo",
            lambda: Point(gymnasium.spaces.Box(-np.inf, np.inf, (2,))),
            "finite bounds",
        ),
    ],
)
def test_algorithm_must_fit_the_environment(algorithm, build, message):
    spec = _spec(build)
    with pytest.raises(ConfigError, match=message):
        DeepRL().check(DeepRLSettings(algorithm=algorithm), spec)


def test_hindsight_replay_needs_whole_episodes_first():
    settings = DeepRLSettings(
        algorithm="sac_her", hyperparameters={"learning_starts": 15, "n_envs": 2}
    )
    with pytest.raises(ConfigError, match="n_envs x horizon, 16, not 15"):
        DeepRL().check(settings, _spec(Goal))


def test_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sbx", None)
    env = make_training_env(_spec(Point), {}, keep_dictionary=False)
    with pytest.raises(PrerequisiteError, match=r"llmpo\[sbx\]"):
        build_model("sbx", "sac", env, {}, steps=64, seed=1)


def test_missing_simulator_does_not_keep_a_configuration_from_loading():
    def build():
        raise ImportError("no simulator")

    DeepRL().check(DeepRLSettings(), _spec(build))


def test_no_model_is_called():
    assert DeepRL().estimate_calls(DeepRLSettings(), _spec(Point)) == []


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["ppo", "sac", "td3", "dqn"])
def test_both_engines_learn_alike(algorithm, monkeypatch):
    pytest.importorskip("sbx")
    build = _discrete if algorithm == "dqn" else Point
    off = {
        "batch_size": 64,
        "gamma": 0.9,
        "learning_rate": 0.003,
        "learning_starts": 100,
        "policy_kwargs": {"net_arch": [32, 32]},
        "train_freq": 2,
    }
    values = {
        "ppo": {"n_steps": 128, "n_envs": 4, "batch_size": 64, "gamma": 0.9},
        "sac": off,
        "td3": {**off, "action_noise_std": 0.2},
        "dqn": {
            **off,
            "target_update_interval": 96,
            "train_freq": 8,
            "gradient_steps": 4,
        },
    }[algorithm]
    steps = 8192 if algorithm == "ppo" else 1200
    means = {}
    for case in (f"{algorithm}-learns", f"sbx-{algorithm}-learns"):
        monkeypatch.setitem(CASES, case, (algorithm, build, values))
        runs = [_run(case, steps=steps, seed=seed) for seed in range(3)]
        curves = [[a.score for a in run.journal.attempts] for run in runs]
        means[_engine(case)] = np.mean(curves, axis=0)
    gained = {engine: curve[-1] - curve[0] for engine, curve in means.items()}
    assert min(gained.values()) > 2.0
    assert abs(means["sb3"][-1] - means["sbx"][-1]) < 0.3 * max(gained.values())
