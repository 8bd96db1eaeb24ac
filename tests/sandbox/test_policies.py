"""What a policy meets in its process: its contract, observations, seeds, lifetime."""

import os
import re
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from llmpo.sandbox.contract import ActionLayout, ObservationLayout, PolicyContract
from llmpo.sandbox.process import PolicyProcess, sandbox_report
from llmpo.sandbox.status import Limits, ProgramFailed

DISCRETE = ActionLayout("discrete", n=4)


def test_report_names_the_layers():
    report = sandbox_report()
    assert report["available"], report["problem"]
    assert report["layers"][:3] == ("process", "rlimits", "no_new_privs")
    assert report["layers"][3] == f"landlock-abi{report['landlock_abi']}"
    assert report["layers"][4] == "seccomp"


def test_the_kernel_confirms_the_layers(contract, confined_processes):
    source = "class ToyPolicy:\n  act = print"
    with PolicyProcess(source, contract) as process:
        process.begin_episode(0)
        (pid,) = confined_processes()
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        status = {
            key: value.strip() for key, _, value in (x.partition(":") for x in lines)
        }
        limits = Path(f"/proc/{pid}/limits").read_text()
        handles = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Threads"] == "1"
    # Root keeps nothing but reading other users' files.
    assert int(status["CapEff"], 16) | int(status["CapPrm"], 16) in (0, 4)
    assert re.search(r"Max file size +0 +0", limits)
    assert re.search(r"Max core file size +0 +0", limits)
    assert re.search(r"Max processes +0 +0", limits)
    assert (
        sorted(h.partition(":")[0] for h in handles) == ["/dev/null"] * 3 + ["pipe"] * 2
    )


def test_unsafe_switch_is_visible_in_the_layers(contract, observation):
    source = "class ToyPolicy:\n    def act(self, obs): return [0, 1]"
    with PolicyProcess(source, contract, unsafe=True) as process:
        assert process.layers == ("process", "rlimits", "UNSAFE")
        process.begin_episode(0)
        np.testing.assert_array_equal(process.act(observation), [0, 1])


@pytest.mark.skipif(
    len(os.sched_getaffinity(0)) == 1, reason="there is only one processor"
)
def test_processor_is_shared_within_an_episode_and_given_back(
    contract, observation, confined_processes
):
    before = os.sched_getaffinity(0)
    source = "class ToyPolicy:\n    def act(self, obs): return [0, 1]"
    with PolicyProcess(source, contract) as process:
        (pid,) = confined_processes()
        process.begin_episode(0)
        for _ in range(40):
            process.act(observation)
        assert os.sched_getaffinity(0) == os.sched_getaffinity(pid)
        assert len(os.sched_getaffinity(pid)) == 1
        process.begin_episode(1)
        assert os.sched_getaffinity(0) == os.sched_getaffinity(pid) == before
        for _ in range(40):
            process.act(observation)
    assert os.sched_getaffinity(0) == before


# Observations ----------------------------------------------------------------------


def test_observation_has_the_fields_of_the_layout(run_policy):
    outcome = run_policy(
        """
        class ToyPolicy:
            def act(self, obs):
                assert type(obs) is MujocoToyObservation
                assert obs.position.tolist() == [0.0, 1.0, 2.0]
                assert obs.contacts.tolist() == [[3.0, 4.0], [5.0, 6.0]]
                assert type(obs.height) is float and obs.height == 7.0
                assert obs.dt == 0.05 and obs.structure == {"position": 3}
                assert obs.state_vector().tolist() == [0.0, 1.0, 2.0, 7.0]
                for array in (obs.position, obs.contacts):
                    assert array.dtype == np.float64 and array.base is None
                    array += 1.0
                return [0, 0]
        """,
        steps=2,
    )
    assert outcome.status == "ok", outcome.failure


def test_observations_are_independent_of_each_other(run_policy):
    outcome = run_policy(
        """
        class ToyPolicy:
            def __init__(self): self.seen = []
            def act(self, obs):
                self.seen.append(obs)
                assert obs.position.tolist() == [0.0, 1.0, 2.0]
                obs.position[:] = len(self.seen)
                first = [o.position[0] for o in self.seen]
                assert first == list(range(1, len(self.seen) + 1))
                return [0, 0]
        """,
        steps=5,
    )
    assert outcome.status == "ok", outcome.failure


def test_searching_the_observation_finds_plain_data_only(run_policy):
    outcome = run_policy(
        """
        import gc, types
        ALLOWED = (int, float, str, bool, bytes, dict, list, tuple, type(None))
        class ToyPolicy:
            def act(self, obs):
                found, queue = [], [obs]
                while queue:
                    thing = queue.pop()
                    if any(thing is other for other in found):
                        continue
                    found.append(thing)
                    if isinstance(thing, np.ndarray):
                        assert thing.base is None
                        assert thing.dtype == np.float64
                        continue
                    if thing is type(obs):
                        members = [
                            value for name, value in vars(thing).items()
                            if isinstance(value, types.FunctionType)
                        ]
                        for member in members:
                            assert member.__closure__ is None
                            assert set(member.__globals__) <= {
                                "np", "__name__", "__builtins__"
                            }, set(member.__globals__)
                        continue
                    if thing is not obs:
                        assert isinstance(thing, ALLOWED), type(thing)
                    queue.extend(gc.get_referents(thing))
                    queue.extend(getattr(thing, "__dict__", {}).values())
                    for name in dir(thing):
                        if thing is obs and not name.startswith("__"):
                            value = getattr(thing, name)
                            if not callable(value):
                                queue.append(value)
                return [0, 0]
        """
    )
    assert outcome.status == "ok", outcome.failure


# Classes and names -----------------------------------------------------------------


def test_policies_of_the_papers_release_load(run_policy):
    outcome = run_policy(
        """
        from abc import ABC, abstractmethod
        import heapq, itertools, collections, math
        import numpy as np
        from direct_policy_learning.observations import MujocoToyObservation
        from direct_policy_learning.observations.toy_observation import (
            MujocoToyObservation as Same,
        )
        import direct_policy_learning.observations.toy_observation as module

        from direct_policy_learning.toy_observation import ToyObservation

        assert MujocoToyObservation is Same is module.OtherObservation is ToyObservation

        class Base(ABC):
            @abstractmethod
            def act(self, obs: MujocoToyObservation): ...

        class toypolicy(Base):
            def act(self, obs):
                assert isinstance(obs, MujocoToyObservation)
                return np.array([0.25, 0.5], dtype=np.float32)
        """
    )
    assert outcome.status == "ok", outcome.failure
    np.testing.assert_array_equal(outcome.actions[0], [0.25, 0.5])


def test_other_modules_of_the_release_do_not_exist(run_policy):
    outcome = run_policy("from direct_policy_learning.environments import make")
    assert outcome.status == "crash"
    assert "ModuleNotFoundError" in outcome.message


@pytest.mark.parametrize(
    ("source", "status", "message"),
    [
        ("class ToyPolicy:\n  def act(self, obs) return 1", "syntax", "SyntaxError"),
        ("\0", "syntax", "SyntaxError"),
        ("(" * 300 + ")" * 300, "syntax", "SyntaxError"),
        ("x = 1", "contract", "expected a class ToyPolicy with a method act"),
        ("class ToyPolicy:\n  pass", "contract", "class ToyPolicy has no method act"),
        (
            "class A:\n  act = print\nclass B:\n  act = print",
            "contract",
            "classes found: A, B",
        ),
        ("class ToyObservation:\n  act = print", "contract", "found: ToyObservation"),
        ("1 / 0", "crash", "loading the program raised ZeroDivisionError"),
        ("import torch", "crash", "No module named 'torch'"),
        (
            "class ToyPolicy:\n  def __init__(self, x): pass\n  act = print",
            "crash",
            "the constructor raised TypeError",
        ),
        ("raise SyntaxError('not mine')", "crash", "SyntaxError: not mine"),
    ],
)
def test_programs_that_do_not_load(run_policy, source, status, message):
    outcome = run_policy(source)
    assert outcome.status == status
    assert message in outcome.message


def test_the_only_acting_class_is_taken_whatever_its_name(run_policy):
    outcome = run_policy(
        """
        from dataclasses import dataclass
        class Base(ABC):
            @abstractmethod
            def act(self, obs): ...
        @dataclass
        class Gains:
            p: "float" = 0.5
        class Controller(Base):
            def act(self, obs): return [Gains().p, 0]
        """
    )
    assert outcome.status == "ok", outcome.failure


def test_traceback_shows_the_programs_own_frames(run_policy):
    outcome = run_policy(
        """
        class ToyPolicy:
            def act(self, obs):
                return self.helper(np.ones(3))
            def helper(self, x):
                return np.linalg.solve(x, x), object()
        """
    )
    again = run_policy("class ToyPolicy:\n  def act(self, o): raise ValueError(self)")
    assert outcome.failure is not None
    assert outcome.failure.traceback.splitlines()[:5] == [
        "Traceback (most recent call last):",
        '  File "<policy>", line 4, in act',
        "    return self.helper(np.ones(3))",
        '  File "<policy>", line 6, in helper',
        "    return np.linalg.solve(x, x), object()",
    ]
    assert "site-packages" not in outcome.failure.traceback
    assert again.message == ("act raised ValueError: <policy.ToyPolicy object at 0x…>")


def test_endless_recursion_has_a_short_traceback(run_policy):
    outcome = run_policy("class ToyPolicy:\n  def act(self, o): return self.act(o)")
    assert outcome.failure is not None
    assert outcome.status == "crash"
    assert "frames left out" in outcome.failure.traceback
    assert len(outcome.failure.traceback.splitlines()) < 40


# Actions ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("None", "act returned None"),
        ("'left'", "act returned a str that is not a regular array of numbers"),
        ("{}", "act returned a dict"),
        ("[1, 'a']", "act returned a list"),
        ("[[1], [1, 2]]", "act returned a list"),
        ("[1j, 0]", "act returned a list"),
        ("[0.1, None]", "act returned a list"),
        ("0.5", "act returned an array of shape (), expected 2 numbers"),
        ("[0.1, 0.2, 0.3]", "act returned an array of shape (3,), expected 2 numbers"),
        ("np.zeros(10**6)", "shape (1000000,)"),
        ("[0.1, float('nan')]", "entry 1 of the action is nan"),
        ("[float('inf'), 0.1]", "entry 0 of the action is inf"),
        ("[-1.1, 0]", "entry 0 of the action is -1.1, outside [-1, 1]"),
        ("[0, 10**400]", "act returned a list"),
    ],
)
def test_bad_actions_are_refused(run_policy, returned, message):
    outcome = run_policy(
        f"class ToyPolicy:\n    def act(self, obs):\n        return {returned}"
    )
    assert outcome.status == "bad_action"
    assert message in outcome.message


@pytest.mark.parametrize(
    "returned", ["[0.5, 1]", "(0.5, True)", "np.array([[0.5, 1]])", "iter_()"]
)
def test_good_actions_become_float_arrays(run_policy, returned):
    outcome = run_policy(
        "from fractions import Fraction\n"
        "def iter_(): return [Fraction(1, 2), 1]\n"
        f"class ToyPolicy:\n    def act(self, obs):\n        return {returned}"
    )
    assert outcome.status == "ok", outcome.failure
    assert outcome.actions[0].shape == (2,)
    assert outcome.actions[0].tolist() == [0.5, 1.0]


def test_discrete_actions_become_integers(run_policy, contract):
    outcome = run_policy(
        """
        class ToyPolicy:
            values = iter([0, 3.0, np.int64(2), np.array([1]), True, 4])
            def act(self, obs): return next(self.values)
        """,
        contract=replace(contract, action=DISCRETE),
        steps=6,
    )
    assert outcome.actions == [0, 3, 2, 1, 1]
    assert all(type(action) is int for action in outcome.actions)
    assert outcome.message == "act returned 4, expected an integer from 0 to 3"


# Episodes --------------------------------------------------------------------------

_COUNTING = textwrap.dedent(
    """
    import math
    calls = [0]
    class ToyPolicy:
        def __init__(self): self.steps = 0
        def act(self, obs):
            self.steps += 1
            calls[0] += 1
            kept = getattr(type(obs), "kept", 0)
            type(obs).kept = kept + 1
            return [self.steps / 100, (calls[0] + kept) / 100]
    """
)


@pytest.mark.parametrize(
    ("lifetime", "second"), [("episode", [0.01, 0.01]), ("run", [0.03, 0.05])]
)
def test_lifetime_decides_what_survives_an_episode(
    contract, observation, lifetime, second
):
    with PolicyProcess(_COUNTING, replace(contract, lifetime=lifetime)) as process:
        process.begin_episode(0)
        process.act(observation)
        process.act(observation)
        process.begin_episode(1)
        np.testing.assert_allclose(process.act(observation), second)


_RANDOM = textwrap.dedent(
    """
    import random
    class ToyPolicy:
        def __init__(self):
            self.sources = [
                random.random,
                np.random.rand,
                random.Random().random,
                np.random.default_rng().random,
                np.random.RandomState().rand,
            ]
        def act(self, obs):
            return [self.sources[int(obs.height)]() for _ in range(2)]
    """
)


@pytest.mark.parametrize("source", range(5))
def test_same_seed_gives_the_same_random_numbers(contract, source):
    observation = np.array([0.0] * 7 + [source]).tobytes()
    draws = []
    for seeds in ([7, 8], [8, 7]):
        with PolicyProcess(_RANDOM, contract) as process:
            for seed in seeds:
                process.begin_episode(seed)
                draws.append((seed, process.act(observation).tolist()))
    first, second, third, fourth = (numbers for _, numbers in sorted(draws))
    assert first == second
    assert third == fourth
    assert first != third


def test_an_episode_that_costs_the_process_does_not_cost_the_next(
    contract, observation
):
    source = "class ToyPolicy:\n  def act(self, o):\n    while o.height: pass\n"
    source += "    return [0, 0]"
    calm = np.zeros(8).tobytes()
    with PolicyProcess(source, contract, Limits(act=0.2)) as process:
        process.begin_episode(0)
        with pytest.raises(ProgramFailed, match="timeout"):
            process.act(observation)
        with pytest.raises(ProgramFailed, match="timeout"):
            process.act(calm)
        process.begin_episode(1)
        assert process.act(calm).tolist() == [0, 0]


def test_candidate_limit_counts_over_episodes(contract, observation):
    source = "import time\nclass ToyPolicy:\n  def act(self, o):\n    time.sleep(0.1)\n"
    source += "    return [0, 0]"
    with PolicyProcess(source, contract, Limits(candidate=0.35)) as process:
        for seed in range(3):
            process.begin_episode(seed)
            process.act(observation)
        process.begin_episode(3)
        with pytest.raises(ProgramFailed, match=r"longer than 0.35 s in total"):
            process.act(observation)


def test_long_observations_arrive_whole(contract):
    layout = replace(contract.observation, fields=(("pixels", (100_000,)), ("n", ())))
    wide = replace(contract, observation=replace(layout, concatenations={}))
    source = "class ToyPolicy:\n  def act(self, o): return [o.pixels[-1], o.n]"
    with PolicyProcess(source, wide) as process:
        process.begin_episode(0)
        values = np.linspace(0, 1, 100_001)
        action = process.act(values.tobytes())
    np.testing.assert_array_equal(action, values[-2:])


def test_array_of_varying_length_has_as_many_entries_as_its_count_says():
    layout = ObservationLayout(
        "ToyObservation",
        (("ids", (4,)), ("id_count", ()), ("after", (2,))),
        counts={"ids": "id_count"},
    )
    contract = PolicyContract("ToyPolicy", layout, ActionLayout("discrete", n=9))
    source = textwrap.dedent(
        """
        class ToyPolicy:
            def act(self, obs):
                assert obs.after.tolist() == [7.0, 8.0]
                return len(obs.ids) + int(obs.ids.sum())
        """
    )
    with PolicyProcess(source, contract) as process:
        process.begin_episode(0)
        for ids, count, expected in (([5, 1, 0, 0], 2, 8), ([0, 0, 0, 0], 0, 0)):
            observation = np.array([*ids, count, 7, 8], dtype=np.float64)
            assert process.act(observation.tobytes()) == expected


def test_modules_of_the_original_simulator_have_the_observation_class():
    layout = ObservationLayout(
        "ToyObservation",
        (),
        modules=("sim.envs.obs_wrapper",),
        module_source="import enum\nclass Kind(enum.Enum):\n    ONE = 'one'\n",
    )
    contract = PolicyContract("ToyPolicy", layout, ActionLayout("discrete", n=2))
    source = textwrap.dedent(
        """
        from sim.envs.obs_wrapper import Kind, ToyObservation as Same

        class ToyPolicy:
            def act(self, obs):
                return int(isinstance(obs, Same) and Kind.ONE.value == "one")
        """
    )
    with PolicyProcess(source, contract) as process:
        process.begin_episode(0)
        assert process.act(b"") == 1
    other = source.replace("obs_wrapper", "simulator")
    with (
        pytest.raises(ProgramFailed, match="ModuleNotFoundError"),
        PolicyProcess(other, contract),
    ):
        pass
