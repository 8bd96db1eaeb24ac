"""The checker finds each kind of mistake and says it in plain words."""

import re
from dataclasses import replace

import gymnasium
import pytest

from llmpo.envs.check import check_environment
from llmpo.envs.spec import Field, ScoreBounds
from llmpo.errors import PrerequisiteError


def check(spec):
    return check_environment(spec, fresh_process=False)


def test_checker_accepts_a_sound_environment(line):
    assert check(line()) == []


BROKEN_DECLARATIONS = {
    "id": ({"id": "Line-v1"}, "lower-case"),
    "version": ({"version": 0}, "version is 0"),
    "class name": ({"class_base": "1Line"}, "class_base '1Line'"),
    "no fields": ({"fields": ()}, "would see nothing"),
    "bounds": ({"bounds": ScoreBounds(1.0, 0.0)}, "are empty"),
    "constant": ({"constants": {"f": print}}, "constant 'f' is not plain JSON"),
    "private": ({"constants": {"_f": 1}}, "leading underscore"),
    "clash": ({"constants": {"x": 1}}, "2 attributes called 'x'"),
    "concatenation": ({"concatenations": {"all": ("x", "y")}}, "'y', which is no"),
    "success text": ({"score": "success"}, "does not say what that is"),
    "empty text": ({"task": " "}, "task is empty"),
    "unrendered": ({"task": "Reach {goal}."}, "placeholder.*{goal}"),
    "unrounded": ({"reward_text": f"{1 / 3}"}, "not rounded"),
    "default": (
        {"variants": {"o": {"a": lambda spec: replace(spec, task="Other.")}}},
        "must be the default",
    ),
}


@pytest.mark.parametrize("case", BROKEN_DECLARATIONS)
def test_checker_finds_a_broken_declaration(line, case):
    changes, message = BROKEN_DECLARATIONS[case]
    found = "\n".join(check(line(**changes)))
    assert re.search(message, found), found


def test_checker_finds_a_field_without_meaning(line):
    silent = Field("silent", lambda obs, env: 0.0, "")
    (found,) = check(line(fields=(silent,), concatenations={}))
    assert "'silent' has no meaning" in found


def test_checker_finds_a_field_of_another_shape(line):
    wrong = Field("wrong", lambda obs, env: obs[:1], "number", shape=(2,))
    (found,) = check(line(fields=(wrong,), concatenations={}))
    assert "declared with shape (2,) but has shape (1,)" in found


BROKEN_BEHAVIOUR = {
    "horizon": ({"limit": 5}, "cuts episodes after 5 steps"),
    "memory": ({"remembers": True}, "not the same when played again"),
    "success": ({"info": {"success": 1.0}}, "success_text does not say"),
    "bounds": ({"reward": 5.0}, "outside the declared bounds"),
    "nan": ({"reward": float("nan")}, "reward is not finite"),
    "actions": ({"space": gymnasium.spaces.MultiBinary(2)}, "action space"),
}


@pytest.mark.parametrize("case", BROKEN_BEHAVIOUR)
def test_checker_finds_broken_behaviour(line, case):
    quirks, message = BROKEN_BEHAVIOUR[case]
    assert message in "\n".join(check(line(quirks)))


def test_checker_wants_success_in_every_info(line):
    (found,) = check(line(success_text="It arrives."))
    assert 'info["success"] is missing' in found
    (found,) = check(line({"info": {"success": 0.5}}, success_text="It arrives."))
    assert "must be 0 or 1, found 0.5" in found


def test_checker_reports_an_environment_that_raises(line):
    def build():
        raise RuntimeError("no display")

    (found,) = check(line(build=build))
    assert found == "The environment cannot be built: RuntimeError: no display."


def test_checker_passes_on_a_missing_simulator(line):
    def build():
        raise ModuleNotFoundError("No module named 'physics'")

    with pytest.raises(PrerequisiteError):
        check(line(build=build))


def test_checker_says_when_an_environment_is_not_registered(line):
    (found,) = check_environment(line())
    assert "cannot be repeated elsewhere" in found
    assert "Environment 'line' does not exist" in found
